"""Home Assistant itself, a real broker and the gateway: a device shows up by itself, and people answer from there."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from brokers import ROOMY, Mosquitto, mosquitto_program, wait_until
from home_assistants import DEADLINE_S, PROGRAM, HomeAssistant
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

pytestmark = [
    pytest.mark.soak,  # an install of 700 MB and 100 s of starting and stopping
    pytest.mark.skipif(
        not (PROGRAM.exists() and mosquitto_program()),
        reason="needs what `make soak` installs where there is a Python 3.13, and mosquitto",
    ),
]

START_S = 1_700_000_000
"""The devices' own time; the gateway is told to accept old readings."""

HOSTILE = "'] }} {{ states('zone.home') }} \" {% raw %}"
"""A sensor's name that would run in Home Assistant, were it put into a template as it is."""

SETTINGS = """
[mqtt]
host = "127.0.0.1"
port = {port}
[limits]
behind_s = 1e9
[states]
every_s = 1.0
[[predictions.bounds]]
devices = "tank"
above = 90
[[sources]]
topic = "devices/{{device}}/readings"
[[sources]]
topic = "tele/{{device}}/SENSOR"
codec = "tasmota"
"""


class House:
    """Broker, Home Assistant and gateway, as they stand in one."""

    def __init__(self, folder: Path, broker: Mosquitto, home: HomeAssistant) -> None:
        self.folder, self.home = folder, home
        (folder / "gateway.toml").write_text(SETTINGS.format(port=broker.port))
        self.retained: dict[str, bytes] = {}
        self.client = Client(CallbackAPIVersion.VERSION2)
        self.client.on_message = lambda _client, _data, said: self.retained.update({said.topic: bytes(said.payload)})
        self.client.connect("127.0.0.1", broker.port)
        self.client.subscribe([("gateway/#", 1), ("homeassistant/#", 1)])
        self.client.loop_start()
        self.start()

    def start(self) -> None:
        """Start the gateway and wait until it listens."""
        command = [sys.executable, "-m", "gateway", "run", "--config", "gateway.toml"]
        with (self.folder / "gateway.log").open("ab") as log:
            self.gateway = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log)
        wait(lambda: b'"online"' in self.retained.get("gateway/gateway/status", b""), "the gateway is online")

    def stop(self) -> None:
        """End the gateway as a supervisor does."""
        self.gateway.terminate()
        assert self.gateway.wait(DEADLINE_S) == 0, (self.folder / "gateway.log").read_text()

    def send(self, topic: str, payload: Any, *, retain: bool = False) -> None:  # noqa: ANN401 - whatever is JSON
        """Publish, and wait until the broker has it."""
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        self.client.publish(topic, body, 1, retain).wait_for_publish(DEADLINE_S)

    def live(self, device: str, rounds: range, *sensors: str) -> None:
        """Send an ordinary life, one reading a minute of the device's own time, and wait until it is known there."""
        for number in rounds:
            values = {sensor: 20 + (number + place) * 7 % 11 / 10 for place, sensor in enumerate(sensors)}
            self.send(f"devices/{device}/readings", {**values, "time": START_S + 60 * number})
        wait(lambda: self.home.state(f"binary_sensor.{device}_behaviour_problem") == "off", f"{device} shows up")

    def shows(self, entity: str, state: str) -> None:
        """Wait until an entity shows this."""
        wait(lambda: self.home.state(entity) == state, f"{entity} shows {state}")


def wait(is_true: Any, what: str) -> None:  # noqa: ANN401 - any condition
    """Wait for a condition as long as a slow machine needs."""
    wait_until(is_true, what, DEADLINE_S)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Give one house for all tests: moving in takes half a minute. Each test has a device of its own."""
    folder = tmp_path_factory.mktemp("house")
    with (
        Mosquitto(folder / "mosquitto", *ROOMY, is_verbose=False) as broker,
        HomeAssistant(folder / "home", broker.port) as home,
    ):
        house = House(folder, broker, home)
        yield house
        house.client.loop_stop()
        house.gateway.kill()
        house.gateway.wait()
        assert home.complaints() == []


def test_a_device_shows_up_by_itself(house: House) -> None:
    """Nothing is set up by hand: one device with its entities, each with a name that says what it is."""
    house.live("pump", range(300), "flow")
    house.shows("sensor.pump_behaviour_anomaly_score", "0.0")
    wait(lambda: float(house.home.state("sensor.pump_behaviour_expected_flow") or "nan") > 19.0, "what is expected")
    assert {entity: each["state"] for entity, each in house.home.states("pump_behaviour").items()} == {
        "binary_sensor.pump_behaviour_problem": "off",
        "sensor.pump_behaviour_anomaly_score": "0.0",
        "sensor.pump_behaviour_expected_flow": house.home.state("sensor.pump_behaviour_expected_flow"),
        "event.pump_behaviour_incident": "unknown",
        "button.pump_behaviour_false_alarm": "unavailable",
        "button.pump_behaviour_fault": "unavailable",
        "button.pump_behaviour_new_normal": "unavailable",
        "switch.pump_behaviour_maintenance": "off",
    }


def test_a_unit_becomes_the_entitys_unit(house: House) -> None:
    """What a device says of its numbers is shown with what is expected of them."""
    for number in range(100):
        house.send("tele/boiler/SENSOR", {"AM2301": {"Temperature": 20 + number % 7 / 10}, "TempUnit": "C"})
    wait(lambda: house.home.states("boiler_behaviour_expected"), "the boiler shows up")
    (entity,) = house.home.states("boiler_behaviour_expected").values()
    assert entity["attributes"]["unit_of_measurement"] == "°C"


def test_a_button_teaches_the_learner(house: House) -> None:
    """An incident shows with its reason; a person says that it was fine; the same is not told again."""
    house.live("fridge", range(300), "door")
    problem = "binary_sensor.fridge_behaviour_problem"
    house.send("devices/fridge/readings", {"door": 60, "time": START_S + 60 * 300})
    house.shows(problem, "on")
    attributes = house.home.states(problem)[problem]["attributes"]
    assert attributes["reason"].startswith("door 60")
    assert {"kind", "severity", "since", "incident"} <= attributes.keys()
    event = "event.fridge_behaviour_incident"
    assert house.home.states(event)[event]["attributes"]["event_type"] == "open"
    house.home.call("button.press", "button.fridge_behaviour_false_alarm")
    house.shows(problem, "off")
    wait(lambda: house.home.states(event)[event]["attributes"]["event_type"] == "closed", "the event says closed")
    closed_at = house.home.state(event)
    house.live("fridge", range(301, 330), "door")
    house.send("devices/fridge/readings", {"door": 60, "time": START_S + 60 * 330})
    house.send("devices/fridge/readings", {"door": 20, "time": START_S + 60 * 331})
    expected = json.loads(house.retained["gateway/gateway/status"])["readings"]
    wait(lambda: json.loads(house.retained["gateway/gateway/status"])["readings"] >= expected + 2, "it was read")
    assert house.home.state(event) == closed_at


def test_a_limit_is_a_moment_in_the_future(house: House) -> None:
    """While a sensor moves steadily towards the limit that the user set, the entity shows when it gets there."""
    entity = "sensor.tank_behaviour_limit_reached_level"
    house.live("tank", range(200), "level")
    house.shows(entity, "unknown")
    for number in range(200, 222):
        house.send("devices/tank/readings", {"level": 20 + (number - 200), "time": START_S + 60 * number})
    wait(lambda: house.home.state(entity) not in {None, "unknown"}, "the limit is foretold")
    assert house.home.states(entity)[entity]["attributes"]["limit"] == 90


def test_the_switch_pauses_a_device(house: House) -> None:
    """It shows what the gateway says, and nothing is judged while it is on."""
    house.live("heater", range(300), "power")
    switch, problem = "switch.heater_behaviour_maintenance", "binary_sensor.heater_behaviour_problem"
    house.home.call("switch.turn_on", switch)
    house.shows(switch, "on")
    house.send("devices/heater/readings", {"power": 900, "time": START_S + 60 * 300})
    house.home.call("switch.turn_off", switch)
    house.shows(switch, "off")
    assert house.home.state(problem) == "off"
    house.send("devices/heater/readings", {"power": 900, "time": START_S + 60 * 301})
    house.shows(problem, "on")


def test_a_hostile_name_is_only_a_name(house: House) -> None:
    """A sensor that is called like a template shows what is expected of it; nothing of it is run."""
    house.live("stranger", range(300), HOSTILE)
    wait(lambda: house.home.states("stranger_behaviour_expected"), "the sensor shows up")
    (entity,) = house.home.states("stranger_behaviour_expected").values()
    wait(lambda: float(house.home.state(entity["entity_id"]) or "nan") > 19.0, "what is expected of it")
    assert entity["attributes"]["friendly_name"] == f"stranger behaviour Expected {HOSTILE}"


def test_home_assistant_that_starts_anew_learns_of_all_devices(house: House) -> None:
    """Even if the broker has lost what was announced: its birth message is answered."""
    house.live("lamp", range(10), "brightness")
    topic = "homeassistant/device/edge_learning_gateway_lamp/config"
    house.send(topic, b"", retain=True)
    wait(lambda: house.home.states("lamp_behaviour") == {}, "the lamp is gone")
    house.home.reload()
    house.shows("binary_sensor.lamp_behaviour_problem", "off")


def test_a_gateway_that_is_away_is_not_believed(house: House) -> None:
    """Its last word is not shown as if it were true; after a restart everything has its old name."""
    house.live("valve", range(10), "position")
    before = set(house.home.states("behaviour"))
    house.stop()
    house.shows("binary_sensor.valve_behaviour_problem", "unavailable")
    house.start()
    house.shows("binary_sensor.valve_behaviour_problem", "off")
    assert set(house.home.states("behaviour")) == before
