"""The part of ChirpStack's `integration.proto` and `gw.proto` that we read, as JSON would have said it.

Source: github.com/chirpstack/chirpstack, api/proto (4.x). As in the JSON, fields that are 0, false or empty are left
out (the Protocol Buffers JSON mapping).
"""

from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.json_format import Error, MessageToDict
from google.protobuf.message import DecodeError
from google.protobuf.struct_pb2 import DESCRIPTOR as STRUCT
from google.protobuf.struct_pb2 import Struct, Value
from google.protobuf.timestamp_pb2 import DESCRIPTOR as TIMESTAMP

from gateway.codecs.protobuf import F, declare, message_classes
from gateway.errors import PayloadError
from gateway.records import Reason

DEVICE_INFO = {8: ("dev_eui", F.TYPE_STRING)}
RX_INFO = {6: ("rssi", F.TYPE_INT32), 7: ("snr", F.TYPE_FLOAT)}
HEAD = {2: ("time", "google.protobuf.Timestamp"), 3: ("device_info", "chirpstack.DeviceInfo")}
UPLINK = {
    **HEAD,
    10: ("data", F.TYPE_BYTES),
    11: ("object", "google.protobuf.Struct"),
    12: ("rx_info", "chirpstack.RxInfo", F.LABEL_REPEATED),
}
STATUS = {
    **HEAD,
    5: ("margin", F.TYPE_INT32),
    6: ("external_power_source", F.TYPE_BOOL),
    7: ("battery_level_unavailable", F.TYPE_BOOL),
    8: ("battery_level", F.TYPE_FLOAT),
}

_file = FileDescriptorProto(name="chirpstack.proto", package="chirpstack", syntax="proto3")
declare(_file, "DeviceInfo", DEVICE_INFO)
declare(_file, "RxInfo", RX_INFO)
declare(_file, "Uplink", UPLINK)
declare(_file, "Status", STATUS)
_Uplink, _Status = message_classes(_file, "Uplink", "Status", known=[STRUCT, TIMESTAMP])

EVENTS = {"up": _Uplink, "status": _Status}
"""The protobuf classes of the events that measure something."""


def parse_event(event: str, payload: bytes) -> dict[str, object]:
    """An event in Protobuf as the tree that its JSON is; raises `PayloadError` where it is none."""
    tree: dict[str, object] = {}
    try:
        message = EVENTS[event].FromString(payload)
        if event == "up":
            tree["object"] = _fields(message.object)
            message.ClearField("object")
        tree.update(MessageToDict(message))
    except (DecodeError, Error) as error:
        raise PayloadError(Reason.MALFORMED, "neither JSON nor an event of ChirpStack") from error
    return tree


def _fields(struct: Struct) -> dict[str, object]:
    """By ourselves: for protobuf a NaN or a value that is nothing costs the whole message; in the order of names."""
    return {name: _plain(inner) for name, inner in sorted(struct.fields.items())}


def _plain(value: Value) -> object:
    match value.WhichOneof("kind"):
        case "struct_value":
            return _fields(value.struct_value)
        case "list_value":
            return [_plain(inner) for inner in value.list_value.values]
        case "number_value" | "string_value" | "bool_value" as kind:
            return getattr(value, kind)
        case _:
            return None
