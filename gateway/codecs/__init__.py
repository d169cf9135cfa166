"""Bytes to records, one file per payload dialect. To add a dialect: write its file, name it in `CODECS`."""

from gateway.codecs.codec import Codec, Decoded, Rejection
from gateway.codecs.json import JsonCodec
from gateway.codecs.topics import TopicTemplate

CODECS: dict[str, Codec] = {"json": JsonCodec()}

__all__ = ["CODECS", "Codec", "Decoded", "Rejection", "TopicTemplate"]
