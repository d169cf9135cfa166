"""The part of `sparkplug_b.proto` (Sparkplug 3.0.0, chapter 6) that we read, without code that a compiler generated.

Fields left out are skipped by protobuf. Text is read as bytes where it is not needed, so that it need not be UTF-8.
"""

from typing import Any

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

F: Any = FieldDescriptorProto

PROPERTY_VALUE = {3: ("int_value", F.TYPE_UINT32), 8: ("string_value", F.TYPE_STRING)}
PROPERTY_SET = {1: ("keys", F.TYPE_STRING), 2: ("values", "PropertyValue")}
METRIC = {
    1: ("name", F.TYPE_STRING),
    2: ("alias", F.TYPE_UINT64),
    3: ("timestamp", F.TYPE_UINT64),
    4: ("datatype", F.TYPE_UINT32),
    5: ("is_historical", F.TYPE_BOOL),
    7: ("is_null", F.TYPE_BOOL),
    9: ("properties", "PropertySet"),
}
METRIC_VALUE = {
    10: ("int_value", F.TYPE_UINT32),
    11: ("long_value", F.TYPE_UINT64),
    12: ("float_value", F.TYPE_FLOAT),
    13: ("double_value", F.TYPE_DOUBLE),
    14: ("boolean_value", F.TYPE_BOOL),
    15: ("string_value", F.TYPE_BYTES),
    16: ("bytes_value", F.TYPE_BYTES),
    17: ("dataset_value", F.TYPE_BYTES),
    18: ("template_value", F.TYPE_BYTES),
}
PAYLOAD = {1: ("timestamp", F.TYPE_UINT64), 2: ("metrics", "Metric"), 3: ("seq", F.TYPE_UINT64)}
REPEATED = {"keys", "values", "metrics"}


def _add(message: DescriptorProto, fields: dict[int, tuple[str, int | str]], **more: int) -> None:
    for number, (name, kind) in fields.items():
        label = F.LABEL_REPEATED if name in REPEATED else F.LABEL_OPTIONAL
        how = {"type": kind} if isinstance(kind, int) else {"type": F.TYPE_MESSAGE, "type_name": f".sparkplug.{kind}"}
        message.field.add(name=name, number=number, label=label, **how, **more)


def _build() -> Any:  # noqa: ANN401 - protobuf makes its classes itself
    file = FileDescriptorProto(name="sparkplug.proto", package="sparkplug", syntax="proto2")
    _add(file.message_type.add(name="PropertyValue"), PROPERTY_VALUE)
    _add(file.message_type.add(name="PropertySet"), PROPERTY_SET)
    metric = file.message_type.add(name="Metric")
    _add(metric, METRIC)
    metric.oneof_decl.add(name="value")
    _add(metric, METRIC_VALUE, oneof_index=0)
    _add(file.message_type.add(name="Payload"), PAYLOAD)
    pool = DescriptorPool()
    pool.Add(file)
    return GetMessageClass(pool.FindMessageTypeByName("sparkplug.Payload"))


Payload = _build()
"""The protobuf class of a whole message."""
