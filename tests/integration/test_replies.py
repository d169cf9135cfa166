"""Devices are told in their own tongue, by a real gateway through a real mosquitto."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from brokers import Mosquitto, wait_until
from gateways import START_S, Gateway
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from gateway.codecs.sparkplug_schema import Payload

REPLIES = """
[[sources]]
topic = "devices/{device}/readings"
[[sources]]
codec = "zigbee2mqtt"
[[sources]]
codec = "sparkplug"
options.rebirth = true
[[replies]]
devices = "lamp"
when = ["open"]
topic = "cmnd/{device}/POWER"
payload = "ON"
[[replies]]
topic = "zigbee2mqtt/{path}/set"
payload = '{"state": "ON", "text": {reason}}'
[[replies]]
metric = "Gateway/Anomaly"
"""


class Line:
    """What devices hear, and say."""

    def __init__(self, port: int, gateway: Gateway) -> None:
        self.gateway = gateway
        self.heard: list[tuple[str, bytes]] = []
        self.client = Client(CallbackAPIVersion.VERSION2)
        self.client.on_message = self._note
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        self.client.subscribe([(f"{above}/#", 1) for above in ("cmnd", "zigbee2mqtt", "spBv1.0")])

    def _note(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        self.heard.append((message.topic, bytes(message.payload)))

    def say(self, topic: str, payload: str | bytes) -> None:
        """Publish."""
        self.client.publish(topic, payload, 1)

    def told(self, topic: str) -> list[bytes]:
        """Return what was heard on a topic."""
        return [payload for where, payload in tuple(self.heard) if where == topic]

    def wait_for(self, topic: str) -> bytes:
        """Return the first that is heard on a topic."""
        wait_until(lambda: self.told(topic), f"something is said on {topic}", 60)
        return self.told(topic)[0]


@pytest.fixture
def line(mosquitto: Mosquitto, tmp_path: Path) -> Iterator[Line]:
    """Give a line to a gateway that is online."""
    with Gateway(tmp_path, mosquitto.port, REPLIES).start() as gateway:
        line = Line(mosquitto.port, gateway)
        gateway.wait_until_online()
        yield line
    line.client.disconnect()
    line.client.loop_stop()


def values() -> list[float]:
    """Return an ordinary life, and one value that is far off."""
    return [20 + number * 7 % 11 / 10 for number in range(300)] + [90.0]


def test_a_device_hears_a_command_in_its_own_dialect(line: Line) -> None:
    """Tasmota's on its command topic, Zigbee2MQTT's below the topic that it reports on, without being learned."""
    life = [{"a": value, "time": START_S + 60 * number} for number, value in enumerate(values())]
    line.say("devices/lamp/readings", json.dumps(life))
    assert line.wait_for("cmnd/lamp/POWER") == b"ON"
    told = json.loads(line.wait_for("zigbee2mqtt/lamp/set"))
    assert told["state"] == "ON"
    assert "expected between" in told["text"]
    status = line.gateway.ask("status")
    assert status["replies"] == {"sent": 2, "left_out": 0}
    assert (status["devices"], status["rejected"]) == (1, {})


class Edge:
    """A Sparkplug edge node that tells what its aliases mean when it is asked to."""

    def __init__(self, line: Line) -> None:
        self._line, self._seq = line, 0

    def bear(self) -> None:
        """Say what there is."""
        birth = Payload(timestamp=START_S * 1000, seq=0)
        birth.metrics.add(name="bdSeq", datatype=8, long_value=1)
        birth.metrics.add(name="Node Control/Rebirth", datatype=11, boolean_value=False)
        birth.metrics.add(name="load", alias=1, datatype=10, double_value=20.0, timestamp=START_S * 1000)
        birth.metrics.add(name="Gateway/Anomaly", alias=2, datatype=11, boolean_value=False)
        self._seq = 0
        self._line.say("spBv1.0/plant/NBIRTH/edge", birth.SerializeToString())

    def report(self, value: float, minute: int) -> None:
        """Report by alias alone."""
        self._seq = (self._seq + 1) % 256
        at = (START_S + 60 * minute) * 1000
        data = Payload(timestamp=at, seq=self._seq)
        data.metrics.add(alias=1, double_value=value, timestamp=at)
        self._line.say("spBv1.0/plant/NDATA/edge", data.SerializeToString())


def test_an_edge_node_is_asked_for_its_birth_and_told_of_an_anomaly(line: Line) -> None:
    """As the specification has it: the one command by name, the other by the alias that the birth announced."""
    edge = Edge(line)
    edge.report(20.0, 0)
    (asked,) = Payload.FromString(line.wait_for("spBv1.0/plant/NCMD/edge")).metrics
    assert (asked.name, asked.boolean_value) == ("Node Control/Rebirth", True)
    edge.bear()
    for minute, value in enumerate(values(), 1):
        edge.report(value, minute)
    wait_until(lambda: len(line.told("spBv1.0/plant/NCMD/edge")) == 2, "the anomaly is written", 60)
    (written,) = Payload.FromString(line.told("spBv1.0/plant/NCMD/edge")[1]).metrics
    assert (written.name, written.alias, written.boolean_value) == ("", 2, True)
