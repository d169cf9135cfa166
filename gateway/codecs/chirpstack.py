"""ChirpStack 4: LoRaWAN uplinks and device status as JSON on `application/<id>/device/<EUI>/event/<event>`.

Source: chirpstack.io/docs, integrations/mqtt and events. Only what a codec on the network server decoded is learned:
what the bytes of `data` mean is not guessed, but that they came, and how well, is.
"""

from collections.abc import Mapping, Sequence

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
            tree = parse_object(message.payload)
            said = part(tree, "deviceInfo", "devEui")
            if isinstance(said, str) and said.lower() != device.lower():
                raise PayloadError(Reason.IDENTITY)
            take = _take_uplink if event == "up" else _take_status
            take(decoded, device, tree, device_time(tree.get("time")))
        return decoded


def _take_uplink(decoded: Decoded, device: str, tree: Mapping[str, object], observed_at: int | None) -> None:
    values = tree.get("object")
    if isinstance(values, dict) and values:
        for name, value in values.items():
            decoded.add(device, name, value, observed_at)
        return
    if tree.get("data"):
        decoded.reject(device, Reason.TYPE, "data")
    radio = best_radio(tree.get("rxInfo"))
    for name, unit in (("rssi", "dBm"), ("snr", "dB")):
        if radio.get(name) is not None:
            decoded.add(device, name, radio[name], observed_at, unit)


def _take_status(decoded: Decoded, device: str, tree: Mapping[str, object], observed_at: int | None) -> None:
    if tree.get("margin") is not None:
        decoded.add(device, "margin", tree["margin"], observed_at, "dB")
    if not tree.get("externalPowerSource") and not tree.get("batteryLevelUnavailable") and "batteryLevel" in tree:
        decoded.add(device, "battery", tree["batteryLevel"], observed_at, "%")


def best_radio(receptions: object) -> Mapping[str, object]:
    """Of all gateways that heard an uplink, what the one that heard it best says."""
    heard = [each for each in receptions if isinstance(each, dict)] if isinstance(receptions, list) else []
    return max(heard, key=_strength, default={})


def _strength(reception: Mapping[str, object]) -> float:
    rssi = reception.get("rssi")
    return float(rssi) if isinstance(rssi, (int, float)) and abs(rssi) < 1e6 else float("-inf")  # noqa: PLR2004 - any dBm
