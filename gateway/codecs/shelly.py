"""Shelly: `<prefix>/events/rpc` and `<prefix>/status/<component>` since generation 2, `shellies/<id>/…` before.

Source: shelly-api-docs.shelly.cloud, gen2 Notifications, ComponentsAndServices (Mqtt, Switch, EM, Temperature …), gen1
MQTT. A device is known by its topic prefix. Notifications and status topics say the same twice when both are on: the
second within `REPEAT_S` is dropped, a later one is a new measurement of the same value.
"""

import re
from collections.abc import Mapping, Sequence

from gateway.codecs.codec import Decoded, Presence, device_name, join
from gateway.codecs.memory import Memory, Repeats
from gateway.codecs.topics import TopicFilter
from gateway.codecs.values import as_object, device_time, parse_object, parse_text, part
from gateway.config import Section
from gateway.errors import PayloadError
from gateway.records import Message, Reason

REPEAT_S = 5.0
"""The two arrive within a second; the fastest regular report of a meter is every 10 s."""

COMPONENT = re.compile(r"[a-z0-9_]+:\d+", re.ASCII)
"""Measuring components are numbered; `sys`, `wifi`, `cloud`, `mqtt` are not."""

ACTORS = re.compile(r"(?:input|button|bthomedevice|bthomesensor):\d+", re.ASCII)
"""Components whose events are something that was done; those of others tell of settings and updates."""

NO_EVENTS = {"config_changed", "component_added", "component_removed"}

NO_SENSORS = {"id", "source", "tF", "by_minute", "minute_ts", "flags", "external", "user_calibrated_phase", "packet_id"}
"""Keys that describe the component, or say the same in another unit."""

UNITS = {
    "tC": "°C",
    "rh": "%",
    "percent": "%",
    "lux": "lx",
    "V": "V",
    "voltage": "V",
    "current": "A",
    "freq": "Hz",
    "apower": "W",
    "act_power": "W",
    "aprt_power": "VA",
    "aprtpower": "VA",
    "total": "Wh",
    "xpercent": "%",
    "total_act_energy": "Wh",
    "total_act_ret_energy": "Wh",
}
PHASE = re.compile(r"^(?:[abcn]|total)_(?=act_power|aprt_power|voltage|current|freq|total_act)")

FIRST_UNITS = {"power": "W", "energy": "Wmin", "temperature": "°C", "humidity": "%", "battery": "%", "voltage": "V"}
FIRST_UNITS |= {"returned_energy": "Wmin", "total": "Wh", "total_returned": "Wh", "current": "A"}
FIRST_UNITS |= {"lux": "lx", "ext_temperature": "°C", "ext_humidity": "%"}
FIRST_NO_SENSORS = {"announce", "info", "command", "temperature_f", "settings", "input_event", "longpush", "set"}
FIRST_NO_SENSORS |= {"ext_temperature_f", "ext_temperatures", "ext_temperatures_f", "ext_humidities"}


class Shelly:
    """Shelly devices of every generation."""

    descriptions = ()

    def __init__(self, _topics: Sequence[TopicFilter], _options: Section) -> None:
        self._repeats = Repeats(REPEAT_S)
        self._counts: Memory[object] = Memory()

    def decode(self, message: Message) -> Decoded:
        """Decode a notification, a component's status or a presence."""
        levels = message.topic.split("/")
        if levels[0] == "shellies":
            if levels[2:3] == ["input_event"]:
                return self._decode_first_event(levels, message.payload)
            return _decode_first(levels, message.payload)
        *prefix, what, last = ["", *levels]
        if last == "online":
            device = device_name("/".join([*prefix, what])[1:])
            return Decoded(presences=[Presence(device, _is_online(message.payload))])
        device = device_name("/".join(prefix)[1:])
        decoded = Decoded()
        if (what, last) == ("events", "rpc"):
            _take_notification(decoded, device, parse_object(message.payload))
        elif what == "status" and COMPONENT.fullmatch(last):
            _take_component(decoded, device, last, parse_object(message.payload), None)
        elif what != "status":
            raise PayloadError(Reason.TOPIC)
        self._repeats.drop(decoded, message.received_at)
        return decoded

    def _decode_first_event(self, levels: Sequence[str], payload: bytes) -> Decoded:
        """Generation 1 repeats the newest event every 30 s: it is another one where its count is another."""
        tree, decoded, name = parse_object(payload), Decoded(), "/".join(levels)
        device, count = levels[1], tree.get("event_cnt")
        if name in self._counts and self._counts.get(name) != count:
            decoded.add_event(device, ".".join(levels[2:]), tree.get("event"))
        if not self._counts.put(name, count):
            decoded.reject(device, Reason.MEMORY)
        return decoded


def _take_notification(decoded: Decoded, device: str, frame: Mapping[str, object]) -> None:
    if frame.get("method") == "NotifyEvent":
        _take_events(decoded, device, part(frame, "params", "events"))
    if str(frame.get("method")) not in {"NotifyStatus", "NotifyFullStatus"}:
        return
    params = as_object(frame.get("params"))
    observed_at = device_time(params.get("ts"))
    for name, status in params.items():
        if COMPONENT.fullmatch(name) and isinstance(status, dict):
            _take_component(decoded, device, name, status, observed_at)


def _take_events(decoded: Decoded, device: str, events: object) -> None:
    for each in events if isinstance(events, list) else []:
        component, event = part(each, "component"), part(each, "event")
        is_done = isinstance(component, str) and ACTORS.fullmatch(component)
        if is_done and isinstance(event, str) and event not in NO_EVENTS:
            decoded.add_event(device, f"{component}.event", event, device_time(part(each, "ts")))


def _take_component(
    decoded: Decoded, device: str, above: str, status: Mapping[str, object], observed_at: int | None
) -> None:
    is_powered = part(status, "external", "present") is True
    for name, value in status.items():
        if name in NO_SENSORS or name.endswith(("_ts", "errors")) or (is_powered and name == "battery"):
            continue
        sensor = join(above, name)
        if isinstance(value, dict) and above.count(".") == 0:
            _take_component(decoded, device, sensor, value, observed_at)
        elif value is not None:  # a probe that is not connected
            decoded.add(device, sensor, value, observed_at, UNITS.get(PHASE.sub("", name)))


def _decode_first(levels: Sequence[str], payload: bytes) -> Decoded:
    """Generation 1: plain values."""
    device, sensor = ".".join(levels[1:2]), ".".join(levels[2:])
    decoded = Decoded()
    if sensor == "online":
        decoded.presences.append(Presence(device, _is_online(payload)))
    elif sensor and not FIRST_NO_SENSORS & set(levels[2:]):
        decoded.add(
            device,
            sensor,
            parse_text(payload),
            unit=FIRST_UNITS.get(levels[-2] if levels[-1].isdigit() else levels[-1]),
        )
    return decoded


def _is_online(payload: bytes) -> bool:
    return parse_text(payload) == "true"
