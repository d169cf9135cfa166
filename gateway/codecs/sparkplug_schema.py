"""The part of `sparkplug_b.proto` (Sparkplug 3.0.0, chapter 6) that we read.

Text is read as bytes where it is not needed, so that it need not be UTF-8.
"""

from google.protobuf.descriptor_pb2 import FileDescriptorProto

from gateway.codecs.protobuf import F, declare, message_classes

PROPERTY_VALUE = {3: ("int_value", F.TYPE_UINT32), 8: ("string_value", F.TYPE_STRING)}
PROPERTY_SET = {
    1: ("keys", F.TYPE_STRING, F.LABEL_REPEATED),
    2: ("values", "sparkplug.PropertyValue", F.LABEL_REPEATED),
}
METRIC = {
    1: ("name", F.TYPE_STRING),
    2: ("alias", F.TYPE_UINT64),
    3: ("timestamp", F.TYPE_UINT64),
    4: ("datatype", F.TYPE_UINT32),
    5: ("is_historical", F.TYPE_BOOL),
    7: ("is_null", F.TYPE_BOOL),
    9: ("properties", "sparkplug.PropertySet"),
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
PAYLOAD = {
    1: ("timestamp", F.TYPE_UINT64),
    2: ("metrics", "sparkplug.Metric", F.LABEL_REPEATED),
    3: ("seq", F.TYPE_UINT64),
}

_file = FileDescriptorProto(name="sparkplug.proto", package="sparkplug", syntax="proto2")
declare(_file, "PropertyValue", PROPERTY_VALUE)
declare(_file, "PropertySet", PROPERTY_SET)
_metric = declare(_file, "Metric", METRIC | METRIC_VALUE)
_metric.oneof_decl.add(name="value")
for _field in _metric.field:
    if _field.number in METRIC_VALUE:
        _field.oneof_index = 0
declare(_file, "Payload", PAYLOAD)

(Payload,) = message_classes(_file, "Payload")
"""The protobuf class of a whole message."""
