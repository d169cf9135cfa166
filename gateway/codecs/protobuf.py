"""Protobuf classes from tables of the fields that we read, without code that a compiler generated.

Fields left out are skipped by protobuf.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

F: Any = FieldDescriptorProto

Fields = Mapping[int, tuple[Any, ...]]
"""By number: a name, a scalar type of `F` or a message's full name, and `F.LABEL_REPEATED` where there are many."""


def declare(file: FileDescriptorProto, name: str, fields: Fields) -> DescriptorProto:
    """A message in a file; its fields are optional unless they say otherwise."""
    message = file.message_type.add(name=name)
    for number, (field, kind, *label) in fields.items():
        how = {"type": kind} if isinstance(kind, int) else {"type": F.TYPE_MESSAGE, "type_name": f".{kind}"}
        message.field.add(name=field, number=number, label=(label or [F.LABEL_OPTIONAL])[0], **how)
    return message


def message_classes(file: FileDescriptorProto, *names: str, known: Sequence[Any] = ()) -> list[Any]:
    """The classes of some of its messages; `known` are the files that it depends on."""
    pool = DescriptorPool()
    for each in known:
        pool.AddSerializedFile(each.serialized_pb)
        file.dependency.append(each.name)
    pool.Add(file)
    return [GetMessageClass(pool.FindMessageTypeByName(f"{file.package}.{name}")) for name in names]
