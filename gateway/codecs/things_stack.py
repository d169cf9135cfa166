"""The Things Stack 3 (The Things Network): LoRaWAN uplinks as JSON on `v3/<application>/devices/<device>/up`.

Source: thethingsindustries.com/docs, integrations/mqtt, data-formats and payload-formatters (normalized payload, whose
names and units are fixed).
"""

from collections.abc import Sequence

from gateway.codecs.chirpstack import add_radio
from gateway.codecs.codec import Decoded, device_name, join
from gateway.codecs.topics import TopicFilter
from gateway.codecs.values import as_object, device_time, parse_object, part
from gateway.config import Section
from gateway.errors import PayloadError
from gateway.records import Message, Reason

LEVELS = 5
"""`v3/<application>/devices/<device>/up`."""

UNITS = {
    "temperature": "°C",
    "relativeHumidity": "%",
    "pressure": "hPa",
    "lightIntensity": "lx",
    "co2": "ppm",
    "moisture": "%",
    "ec": "dS/m",
    "depth": "cm",
    "speed": "m/s",
    "direction": "°",
    **dict.fromkeys(("n", "p", "k"), "ppm"),
}
"""Of the normalized payload: lib/payload.json of TheThingsNetwork/lorawan-devices."""


class ThingsStack:
    """Devices by application and device id; a tenant after an `@` is the same for all on one connection."""

    descriptions = ()

    def __init__(self, _topics: Sequence[TopicFilter], _options: Section) -> None:
        pass

    def decode(self, message: Message) -> Decoded:
        """Decode an uplink; joins, downlinks and service messages measure nothing, and neither do simulations."""
        levels = message.topic.split("/")
        if len(levels) < LEVELS or levels[0] != "v3" or levels[2] != "devices":
            raise PayloadError(Reason.TOPIC)
        if levels[4:] != ["up"]:
            return Decoded()
        application, _, device_id = levels[1].partition("@")[0], levels[2], levels[3]
        tree = parse_object(message.payload)
        said = part(tree, "end_device_ids", "device_id")
        if said is not None and said != device_id:
            raise PayloadError(Reason.IDENTITY)
        if tree.get("simulated") is True:
            raise PayloadError(Reason.NOT_LIVE, "simulated")
        decoded = Decoded()
        uplink = as_object(tree.get("uplink_message"))
        received_at = device_time(uplink.get("received_at")) or device_time(tree.get("received_at"))
        _take_uplink(decoded, device_name(f"{application}/{device_id}"), uplink, received_at)
        return decoded


def _take_uplink(decoded: Decoded, device: str, uplink: dict[str, object], received_at: int | None) -> None:
    battery = uplink.get("last_battery_percentage")
    is_new = part(battery, "f_cnt") == uplink.get("f_cnt")  # every later uplink says it again
    if is_new and (value := part(battery, "value")) is not None:
        decoded.add(device, "last_battery_percentage", value, received_at, "%")
    normalized, values = uplink.get("normalized_payload"), uplink.get("decoded_payload")
    if isinstance(normalized, list) and normalized:
        for measurement in normalized:
            _take_normalized(decoded, device, as_object(measurement), received_at)
    elif isinstance(values, dict) and values:
        for name, value in values.items():
            decoded.add(device, name, value, received_at)
    else:
        decoded.reject(device, Reason.TYPE, "frm_payload")
        add_radio(decoded, device, uplink.get("rx_metadata"), received_at)


def _take_normalized(decoded: Decoded, device: str, measurement: dict[str, object], received_at: int | None) -> None:
    observed_at = device_time(measurement.get("time")) or received_at
    for group, values in measurement.items():
        if group == "time":
            continue
        for name, value in values.items() if isinstance(values, dict) else ():
            decoded.add(device, join(group, name), value, observed_at, UNITS.get(name))
        if not isinstance(values, dict):
            decoded.add(device, group, values, observed_at, UNITS.get(group))
