"""ChirpStack 4: LoRaWAN uplinks and device status on `application/<id>/device/<EUI>/event/<event>`, JSON or Protobuf.

Source: chirpstack.io/docs, integrations/mqtt and events. Only what a codec on the network server decoded is learned:
what the bytes of `data` mean is not guessed, but that they came, and how well, is. Fields that are 0 or false are left
out of the JSON (the Protocol Buffers JSON mapping).
"""

from collections.abc import Mapping, Sequence

from gateway.codecs.chirpstack_schema import parse_event
from gateway.codecs.codec import Decoded
from gateway.codecs.topics import TopicFilter
from gateway.codecs.values import device_time, parse_object, part
from gateway.config import Section
from gateway.errors import PayloadError
from gateway.records import Message, Reason

LEVELS = 4
"""`device/<EUI>/event/<event>`, below whatever is in front."""


class ChirpStack:
    """Devices by their EUI: it is theirs for life, their names may change."""

    descriptions = ()

    def __init__(self, _topics: Sequence[TopicFilter], _options: Section) -> None:
        pass

    def decode(self, message: Message) -> Decoded:
        """Decode an uplink or a status; joins, acknowledgements and logs measure nothing."""
        levels = message.topic.split("/")[-LEVELS:]
        if len(levels) < LEVELS or levels[::2] != ["device", "event"] or not levels[1]:
            raise PayloadError(Reason.TOPIC)
        _, device, _, event = levels
        decoded = Decoded()
        if event in {"up", "status"}:
            tree = _parse(event, message.payload)
            said = part(tree, "deviceInfo", "devEui")
            if isinstance(said, str) and said.lower() != device.lower():
                raise PayloadError(Reason.IDENTITY)
            take = _take_uplink if event == "up" else _take_status
            take(decoded, device, tree, device_time(tree.get("time")))
        return decoded


def _parse(event: str, payload: bytes) -> dict[str, object]:
    try:
        return parse_object(payload)
    except PayloadError as error:
        if error.reason is not Reason.BINARY:
            raise
    return parse_event(event, payload)


def _take_uplink(decoded: Decoded, device: str, tree: Mapping[str, object], observed_at: int | None) -> None:
    values = tree.get("object")
    if isinstance(values, dict) and values:
        for name, value in values.items():
            decoded.add(device, name, value, observed_at)
        return
    if tree.get("data"):
        decoded.reject(device, Reason.TYPE, "data")
    add_radio(decoded, device, tree.get("rxInfo"), observed_at)


def _take_status(decoded: Decoded, device: str, tree: Mapping[str, object], observed_at: int | None) -> None:
    """Under names that no codec's `battery` in volts has."""
    decoded.add(device, "status.margin", tree.get("margin", 0), observed_at, "dB")
    if not tree.get("externalPowerSource") and not tree.get("batteryLevelUnavailable"):
        decoded.add(device, "status.battery", tree.get("batteryLevel", 0), observed_at, "%")


def add_radio(decoded: Decoded, device: str, receptions: object, observed_at: int | None) -> None:
    """Add how well an uplink was heard, by the gateway of all that heard it best; a ratio of 0 is left out of JSON."""
    heard = [each for each in receptions if isinstance(each, dict)] if isinstance(receptions, list) else []
    best = max(heard, key=_strength, default={})
    if "rssi" in best:
        decoded.add(device, "rssi", best["rssi"], observed_at, "dBm")
        decoded.add(device, "snr", best.get("snr", 0), observed_at, "dB")


def _strength(reception: Mapping[str, object]) -> float:
    rssi = reception.get("rssi")
    return float(rssi) if isinstance(rssi, (int, float)) and abs(rssi) < 1e6 else float("-inf")  # noqa: PLR2004 - any dBm
