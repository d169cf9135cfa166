"""The gateway is restarted while a device floods it: of the others nothing is lost, and they are heard as before."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from brokers import Mosquitto, wait_until
from gateways import DEADLINE_S, Gateway, Publisher
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

KNOWN, LIFE = 2, 250
"""Devices beside the flooder, and how much of each is learned before it floods: by then what is far off is told."""

LIMITS = "behind_s = 3e9\nmessages_at_once = 1000"
"""Times of 2023; who floods may say as much as by default, and each of the others its whole life at once."""

FAR_OFF = 500.0


class Flooder:
    """A device that sends faster than it is learned, and hears what is told of the others."""

    def __init__(self, port: int) -> None:
        self.told: list[tuple[str, float | None]] = []
        self._client = Client(CallbackAPIVersion.VERSION2, "flooder")
        self._client.on_message = self._note
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._client.subscribe("devices/+/anomaly", 1)

    def flood(self, count: int) -> None:
        """Send so many readings at QoS 1, without waiting for the broker."""
        for number in range(count):
            self._client.publish("devices/flooder/readings", b'{"a": %d}' % (number % 7), 1)

    def close(self) -> None:
        """Hang up."""
        self._client.disconnect()
        self._client.loop_stop()

    def _note(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        said = json.loads(message.payload)
        self.told.append((said["device"], said["value"]))


@pytest.fixture
def flooder(mosquitto: Mosquitto) -> Iterator[Flooder]:
    """Give a device that can flood."""
    flooder = Flooder(mosquitto.port)
    yield flooder
    flooder.close()


@pytest.mark.parametrize(
    ("ends", "is_timed"),
    [
        ([Gateway.kill], True),
        pytest.param([Gateway.kill], False, marks=pytest.mark.soak),
        pytest.param([Gateway.kill, Gateway.stop] * 5, True, marks=pytest.mark.soak),
        pytest.param([Gateway.kill, Gateway.stop] * 5, False, marks=pytest.mark.soak),
    ],
    ids=["killed", "killed, no time", "again and again", "again and again, no time"],
)
def test_restarted_amid_a_flood(
    tmp_path: Path, mosquitto: Mosquitto, flooder: Flooder, ends: list[Callable[[Gateway], object]], *, is_timed: bool
) -> None:
    """What the others said before, meanwhile and after is in the log exactly once, and what is odd with them is told.

    The flood is shed before, and comes from the broker after, where it was kept, beside what the others said.
    """
    publisher = Publisher(mosquitto.port, KNOWN, is_timed=is_timed)

    def flood_beside_the_others() -> None:
        for _ in range(10):
            flooder.flood(50)
            publisher.publish(KNOWN)

    def is_shed() -> bool:
        flooder.flood(100)
        return "'flooder': rate" in gateway.said

    with Gateway(tmp_path, mosquitto.port, limits=LIMITS).start() as gateway:
        gateway.wait_until_online()
        publisher.publish(KNOWN * LIFE)
        wait_until(is_shed, "the flood is shed", DEADLINE_S)
        for end in ends:
            flood_beside_the_others()
            end(gateway)
            flood_beside_the_others()
            gateway.start()
        flood_beside_the_others()
        odd = publisher.values(publisher.sent) | {"temperature": FAR_OFF}
        publisher.client.publish("devices/device-0/readings", json.dumps(odd), 1)
        publisher.sent += 1
        flooder.flood(500)
        wait_until(lambda: ("device-0", FAR_OFF) in flooder.told, "what is odd is told", DEADLINE_S)
        expected = Counter(float(number) for number in range(publisher.sent))
        wait_until(lambda: len(gateway.counted()) == len(expected), "everything is in the log", DEADLINE_S)
        assert gateway.stop() == 0
    publisher.close()
    assert gateway.counted() == expected
