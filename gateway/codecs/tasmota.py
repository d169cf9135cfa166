"""Tasmota: JSON on `tele/<topic>/SENSOR` and `STATE`, events on `RESULT`, `Online` or `Offline` on `LWT`.

Source: tasmota.github.io/docs, MQTT, Commands (`Time`, `SetOption8`, `SetOption24`), AM2301, DS18x20; units by key as
Home Assistant's hatasmota has them. The order of a full topic is the user's: the level `tele` is looked for, what is
left beside it names the device. What is pushed is told below `stat`, what is received by radio below `tele` (Buttons
and Switches, RF transceiver, IR).
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from pydantic import field_validator

from gateway.codecs.codec import Decoded, Presence, device_name, join
from gateway.codecs.topics import TopicFilter
from gateway.codecs.values import device_time, parse_object, parse_text, parse_unit, part
from gateway.config import Section, known_zone
from gateway.errors import PayloadError
from gateway.records import SECOND, Message, Reason

LOCAL = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
"""The default of the command `Time`: local, and it does not say where."""

NO_SENSORS = {"Time", "Id", "TotalStartTime", "TempUnit", "PressureUnit", "SpeedUnit"}
NO_SENSORS |= {"Uptime", "UptimeSec", "Heap", "SleepMode", "Sleep", "LoadAvg", "MqttCount", "Berry", "Wifi"}
NO_SENSORS |= {"Hostname", "IPAddress"}
"""Keys that describe the message or the chip itself."""

RECEIVED = {"RfReceived", "IrReceived"}
"""Codes by radio or infrared, known by their `Data`."""

UNIT_KEYS = {
    "Temperature": "TempUnit",
    "DewPoint": "TempUnit",
    "Pressure": "PressureUnit",
    "SeaPressure": "PressureUnit",
}
"""Quantities whose unit is chosen on the device, and where the message says which."""

UNITS = {
    **dict.fromkeys(("Total", "Today", "Yesterday", "ExportActive"), "kWh"),
    **dict.fromkeys(("Humidity", "Moisture", "Dimmer"), "%"),
    **dict.fromkeys(("PM1", "PM2.5", "PM10"), "µg/m³"),
    "Power": "W",
    "ApparentPower": "VA",
    "ReactivePower": "var",
    "Voltage": "V",
    "Current": "A",
    "Frequency": "Hz",
    "Illuminance": "lx",
    "CarbonDioxide": "ppm",
    "eCO2": "ppm",
    "TVOC": "ppb",
    "Distance": "cm",
    "Weight": "kg",
}


class TasmotaOptions(Section):
    """Settings of a source in this dialect."""

    time_zone: str | None = None
    """Where the devices' clocks are set to; without it, times without an offset are not used."""

    @field_validator("time_zone")
    @classmethod
    def _known(cls, value: str | None) -> str | None:
        return value if value is None else known_zone(value)


class Tasmota:
    """Every topic with the level `tele` or `stat` in it."""

    descriptions = ()

    def __init__(self, _topics: Sequence[TopicFilter], options: TasmotaOptions) -> None:
        self._zone = None if options.time_zone is None else ZoneInfo(options.time_zone)

    def decode(self, message: Message) -> Decoded:
        """Decode a telemetry message or an event; `INFO1`, the results of commands and the like measure nothing."""
        *levels, what = message.topic.split("/")
        prefix = next((level for level in ("tele", "stat") if level in levels), None)
        if prefix is None or len(levels) == 1:
            raise PayloadError(Reason.TOPIC)
        levels.remove(prefix)
        device = device_name("/".join(levels))
        if what == "LWT":
            return Decoded(presences=[Presence(device, parse_text(message.payload).lower() == "online")])
        if what == "RESULT":
            return _events(device, parse_object(message.payload))
        if what not in {"SENSOR", "STATE"} or prefix == "stat":
            return Decoded()
        tree, decoded = parse_object(message.payload), Decoded()
        observed_at = _observed_at(tree.get("Time"), self._zone, message.received_at)
        units = UNITS | {key: unit for key, said in UNIT_KEYS.items() if (unit := parse_unit(tree.get(said)))}
        for sensor, name, value in _values(tree):
            decoded.add(device, sensor, value, observed_at, units.get(name))
        return decoded


def _events(device: str, tree: dict[str, object]) -> Decoded:
    """Of a button or a switch what was done with it, of a receiver the code; all else is the answer to a command."""
    decoded = Decoded()
    for name, about in tree.items():
        decoded.add_event(device, name, part(about, "Data" if name in RECEIVED else "Action"))
    return decoded


def _values(tree: dict[str, object]) -> Iterator[tuple[str, str, object]]:
    """Sensor, key and value of everything measured: on top, and inside of each device that is connected."""
    for name, value in tree.items():
        if name in NO_SENSORS:
            continue
        if isinstance(value, dict):
            yield from ((join(name, key), key, inner) for key, inner in value.items() if key not in NO_SENSORS)
        else:
            yield name, name, value


def _observed_at(time: object, zone: tzinfo | None, received_at: int) -> int | None:
    """The device's time, if it says which: without an offset it is local, with the offset that was in force on arrival.

    In the hour that a clock set back repeats, that is the right one of two.
    """
    if not isinstance(time, str) or not LOCAL.fullmatch(time):
        return device_time(time)
    if zone is None:
        return None
    offset = datetime.fromtimestamp(received_at / SECOND, zone).utcoffset()
    return device_time(time, timezone(offset or timedelta()))
