"""CBOR (RFC 8949) as far as it says what JSON can say: numbers, text, bools, null, lists and maps."""

from collections.abc import Callable, Iterator, Mapping
from typing import Never

from cbor2 import CBORDecodeError, loads

from gateway.errors import PayloadError
from gateway.records import Reason

DEEPEST = 8
"""Lists and maps in each other; a SenML pack needs four, one with a decimal fraction in it."""

FRACTION = 4
"""The tag of a decimal fraction: exponent and mantissa."""

LARGEST_PART = 10**18
"""Of those: no sensor writes more digits, and none may make us count them."""

FIRST_LIST, LAST_LIST = 0x80, 0x9F
"""What a list begins with; no text in UTF-8 begins so."""


class _Tags(Mapping[int, Callable[[object, bool], object]]):
    """How tags are read: of all those that the library knows, and that a stranger may send, one alone."""

    def __getitem__(self, tag: int) -> Callable[[object, bool], object]:
        return _fraction if tag == FRACTION else _refuse

    def __iter__(self) -> Iterator[int]:
        return iter((FRACTION,))

    def __len__(self) -> int:
        return 1


def is_list(payload: bytes) -> bool:
    """Whether it begins as a list in CBOR does."""
    return FIRST_LIST <= payload[0] <= LAST_LIST if payload else False


def parse_cbor(payload: bytes) -> object:
    """Anything in CBOR; raises `PayloadError` where it is none, nested too deeply, or tagged as more than a number."""
    try:
        found: object = loads(payload, max_depth=DEEPEST, semantic_decoders=TAGS)
    except CBORDecodeError as error:
        raise PayloadError(Reason.MALFORMED, "not CBOR") from error
    return found


def _fraction(parts: object, _is_immutable: bool) -> float:  # noqa: FBT001 - so it is called
    exponent, mantissa = parts if isinstance(parts, (list, tuple)) else ()
    if not all(type(part) is int and abs(part) < LARGEST_PART for part in (exponent, mantissa)):
        raise ValueError
    return float(f"{mantissa}e{exponent}")


def _refuse(_value: object, _is_immutable: bool) -> Never:  # noqa: FBT001 - the same
    raise ValueError


TAGS = _Tags()
