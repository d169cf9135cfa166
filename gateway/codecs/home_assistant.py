"""What Home Assistant is told, so that every device shows up there by itself (MQTT discovery, one message per device).

https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery: device-based discovery, 2024.11 and newer.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from gateway.records import Verdict

Component: TypeAlias = dict[str, object]

NAME = "Edge learning gateway"

PLAIN = re.compile(r"^(?!.*_[0-9a-f]{8}$)[a-zA-Z0-9_-]{1,64}$")
"""A name that may be an id as it is: none that looks as if we had made it."""

ALLOWED = re.compile(r"[a-zA-Z0-9_-]")

BUTTONS = (
    (Verdict.FALSE_ALARM, "False alarm", "mdi:thumb-up-outline"),
    (Verdict.FAULT, "Fault", "mdi:wrench-outline"),
    (Verdict.NEW_NORMAL, "New normal", "mdi:check-all"),
)

ATTRIBUTES = ("kind", "reason", "since", "severity", "incident", "sensor", "open")
"""Of the state, shown beside the problem."""


@dataclass(frozen=True, slots=True)
class Announced:
    """A device as Home Assistant gets to know it; `topics` by their name in the settings, `sensors` with their unit.

    `bounded` are those of the sensors for which the user set a limit.
    """

    gateway: str
    version: str
    device: str
    sensors: Sequence[tuple[str, str]]
    topics: dict[str, str]
    bounded: Sequence[str] = ()


def discovery_topic(prefix: str, gateway: str, device: str) -> str:
    """Where Home Assistant looks for what `encode_discovery` says of this device."""
    return f"{prefix}/device/{_device_id(gateway, device)}/config"


def encode_discovery(told: Announced) -> bytes:
    """All entities of one device; what they show comes from its state topic."""
    identity = _device_id(told.gateway, told.device)
    components = _components(told)
    for key, component in components.items():
        component["unique_id"] = f"{identity}_{key}"
    tree = {
        "device": {
            "identifiers": [identity],
            "name": f"{told.device} behaviour",
            "manufacturer": NAME,
            "model": "Learned device",
            "sw_version": told.version,
        },
        "origin": {"name": NAME, "sw_version": told.version},
        "availability": _availability(told),
        "state_topic": told.topics["state"],
        "components": components,
    }
    return json.dumps(tree, ensure_ascii=False, separators=(",", ":")).encode()


def _availability(told: Announced) -> list[Component]:
    return [{"topic": told.topics["status"], "value_template": "{{ value_json.state }}"}]


def _components(told: Announced) -> dict[str, Component]:
    return {
        "problem": {
            "platform": "binary_sensor",
            "name": "Problem",
            "device_class": "problem",
            "value_template": "{{ 'ON' if value_json.is_abnormal else 'OFF' }}",
            "json_attributes_topic": told.topics["state"],
            "json_attributes_template": f"{{{{ {_picked(ATTRIBUTES)} | to_json }}}}",
        },
        "score": {
            "platform": "sensor",
            "name": "Anomaly score",
            "icon": "mdi:gauge",
            "state_class": "measurement",
            "value_template": "{{ value_json.score }}",
        },
        "incident": {
            "platform": "event",
            "name": "Incident",
            "icon": "mdi:alert-circle-outline",
            "event_types": ["open", "update", "closed"],
            "state_topic": told.topics["anomaly"],
            "value_template": "{{ dict(value_json, event_type=value_json.state) | to_json }}",
            "qos": 1,
        },
        **{str(verdict): _button(told, verdict, name, icon) for verdict, name, icon in BUTTONS},
        "maintenance": {
            "platform": "switch",
            "name": "Maintenance",
            "icon": "mdi:account-wrench",
            "entity_category": "config",
            "value_template": "{{ 'ON' if value_json.maintenance else 'OFF' }}",
            "command_topic": told.topics["maintenance"],
            "qos": 1,
        },
        **{f"expected_{_slug(sensor)}": _expected(sensor, unit) for sensor, unit in told.sensors},
        **{f"limit_{_slug(sensor)}": _limit(told, sensor) for sensor in told.bounded},
    }


def _button(told: Announced, verdict: Verdict, name: str, icon: str) -> Component:
    """A person's word on what is open; greyed out while nothing is."""
    is_open = "{{ 'online' if value_json.is_abnormal else 'offline' }}"
    return {
        "platform": "button",
        "name": name,
        "icon": icon,
        "availability": [*_availability(told), {"topic": told.topics["state"], "value_template": is_open}],
        "availability_mode": "all",
        "command_topic": told.topics["feedback"],
        "payload_press": str(verdict),
        "qos": 1,
    }


def _expected(sensor: str, unit: str) -> Component:
    component: Component = {
        "platform": "sensor",
        "name": f"Expected {sensor}",
        "icon": "mdi:chart-bell-curve",
        "state_class": "measurement",
        "value_template": f"{{{{ value_json.sensors.get({_quoted(sensor)}, {{}}).get('expected') }}}}",
    }
    return component | ({"unit_of_measurement": unit} if unit else {})


def _limit(told: Announced, sensor: str) -> Component:
    """When a sensor reaches its limit, if it goes on as it does; unknown while it is not on its way there."""
    found = f"value_json.get('limits', {{}}).get({_quoted(sensor)}, {{}})"
    return {
        "platform": "sensor",
        "name": f"Limit reached {sensor}",
        "device_class": "timestamp",
        "state_topic": told.topics["prediction"],
        "value_template": f"{{{{ {found}.get('reached_at') }}}}",
        "json_attributes_topic": told.topics["prediction"],
        "json_attributes_template": f"{{{{ {found} | to_json }}}}",
    }


def _picked(names: Sequence[str]) -> str:
    return "{" + ", ".join(f"'{name}': value_json.{name}" for name in names) + "}"


def _quoted(text: str) -> str:
    """A Jinja string: every character that could end it, or the template, is escaped. Names come from strangers."""
    return "'" + "".join(each if ALLOWED.match(each) else f"\\U{ord(each):08x}" for each in text) + "'"


def _device_id(gateway: str, device: str) -> str:
    return f"edge_learning_{gateway}_{_slug(device)}"


def _slug(name: str) -> str:
    """An id made of the characters that Home Assistant allows, another one for each name."""
    if PLAIN.match(name):
        return name
    kept = "".join(each if ALLOWED.match(each) else "_" for each in name[:48])
    return f"{kept}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"
