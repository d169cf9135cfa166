"""What Home Assistant is told of a device; that it understands it is proved in integration/test_home_assistant.py."""

import ast
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.codecs.home_assistant import Announced, _quoted, _slug, discovery_topic, encode_discovery

TOPICS = {name: f"devices/pump/{name}" for name in ("anomaly", "feedback", "maintenance", "prediction", "state")}


def told(
    device: str = "pump", sensors: tuple[tuple[str, str], ...] = (("a", "°C"), ("b", "")), bounded: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Return what is said of a device."""
    topics = {**TOPICS, "status": "gateway/attic/status"}
    said: dict[str, Any] = json.loads(encode_discovery(Announced("attic", "1.2.3", device, sensors, topics, bounded)))
    return said


def test_what_the_message_says_of_the_device() -> None:
    """Home Assistant refuses a device message without identifiers, origin and components."""
    said = told()
    assert said["device"]["identifiers"] == ["edge_learning_attic_pump"]
    assert said["device"]["name"] == "pump behaviour"
    assert said["origin"] == {"name": "Edge learning gateway", "sw_version": "1.2.3"}
    assert said["availability"] == [{"topic": "gateway/attic/status", "value_template": "{{ value_json.state }}"}]
    assert said["state_topic"] == "devices/pump/state"


def test_every_entity_has_an_id_of_its_own() -> None:
    """Without one an entity cannot be renamed, and of two with the same one Home Assistant drops the second."""
    said = told()["components"]
    assert {key: each["platform"] for key, each in said.items()} == {
        "problem": "binary_sensor",
        "score": "sensor",
        "incident": "event",
        "false_alarm": "button",
        "fault": "button",
        "new_normal": "button",
        "maintenance": "switch",
        "expected_a": "sensor",
        "expected_b": "sensor",
    }
    assert {each["unique_id"] for each in said.values()} == {f"edge_learning_attic_pump_{key}" for key in said}


def test_the_buttons_say_the_bare_verdict() -> None:
    """What a button sends is what the feedback topic understands; it can be pressed while something is open."""
    for key in ("false_alarm", "fault", "new_normal"):
        button = told()["components"][key]
        assert (button["command_topic"], button["payload_press"]) == ("devices/pump/feedback", key)
        assert [each["topic"] for each in button["availability"]] == ["gateway/attic/status", "devices/pump/state"]


def test_a_limit_is_a_moment_of_the_prediction() -> None:
    """Only sensors with a limit have the entity; what else is known of the way there are its attributes."""
    said = told(bounded=("b",))["components"]
    assert "limit_a" not in said
    limit = said["limit_b"]
    assert (limit["device_class"], limit["state_topic"]) == ("timestamp", "devices/pump/prediction")
    assert limit["value_template"] == "{{ value_json.get('limits', {}).get('b', {}).get('reached_at') }}"


def test_a_unit_is_told_where_there_is_one() -> None:
    """An empty unit would show as one."""
    said = told()["components"]
    assert said["expected_a"]["unit_of_measurement"] == "°C"
    assert "unit_of_measurement" not in said["expected_b"]


@given(st.text(min_size=1, max_size=80), st.text(min_size=1, max_size=80))
def test_names_make_valid_ids_and_two_never_the_same(one: str, other: str) -> None:
    """Ids hold only what Home Assistant allows, whatever a device is called, and hidden likeness does not join two."""
    topic = discovery_topic("homeassistant", "attic", one)
    assert re.fullmatch(r"homeassistant/device/[a-zA-Z0-9_-]+/config", topic)
    assert (_slug(one) == _slug(other)) == (one == other)


@pytest.mark.parametrize("name", ["a/b", "a b", "a.b", "A_b", "a_b", "a_b_c14cddc0", "ä", "a" * 70, "a" * 71])
def test_lookalikes_stay_apart(name: str) -> None:
    """Names that would be the same id once cleaned, and one that pretends to have been cleaned, are different ids."""
    others = {"a/b", "a b", "a.b", "A_b", "a_b", _slug("a/b"), "ä", "a" * 70, "a" * 71} - {name}
    assert _slug(name) not in {_slug(other) for other in others}


def test_plain_names_stay_as_they_are() -> None:
    """A person finds the device by its name."""
    assert [_slug(name) for name in ("pump-1", "Kitchen_2")] == ["pump-1", "Kitchen_2"]


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_name_cannot_leave_its_quotes(name: str) -> None:
    """A device that is called like a template does not get one run in Home Assistant."""
    quoted = _quoted(name)
    assert re.fullmatch(r"'[a-zA-Z0-9_\\-]*'", quoted)
    assert ast.literal_eval(quoted) == name


def test_hostile_names_are_escaped_in_the_message() -> None:
    """The template holds no brace, quote or backslash of the name."""
    said = told(sensors=(("'] }}{{ states('lock.door') }}", ""),))["components"]
    (key,) = (key for key in said if key.startswith("expected"))
    template = said[key]["value_template"]
    assert template.count("{{") == template.count("}}") == 1
    assert "states(" not in template
