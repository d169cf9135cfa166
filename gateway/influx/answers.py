"""What an answer of the database means. Pure.

Versions differ in their words, not in their numbers: 1.8, 2.x and 3.x answer 204 and nothing else where all is written.
A captive portal answers 200.
"""

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from enum import Enum, auto
from typing import NamedTuple

LONGEST_WAIT_S = 300.0
"""However long a server asks us to wait."""

WORDS = 300
"""Characters of a server's words that are kept."""

TOO_OLD = "beyond retention policy"
"""1.x and 2.x drop what their retention would drop at once, and have written the rest of the batch."""


class Meaning(Enum):
    """What is to be done."""

    WRITTEN = auto()
    EXPIRED = auto()
    """Written, but for lines older than the database keeps."""
    BAD = auto()
    """A line is at fault, perhaps all of them."""
    TOO_LARGE = auto()
    REFUSED = auto()
    """It is not the lines: token, bucket, organisation. A person must act; everything is kept."""
    BUSY = auto()
    AWAY = auto()
    """Not reached, or what answered is no InfluxDB."""


class Answer(NamedTuple):
    """A meaning, the server's words for a person, and how long it asks us to wait."""

    meaning: Meaning
    words: str = ""
    wait_s: float | None = None


def judge(status: int, body: str | None, headers: Mapping[str, str], now: float) -> Answer:
    """What to do after this answer; `now` (s since 1970) is for a `Retry-After` that is a date."""
    words = f"{status} {clean(body or '')}".strip()
    if status == 204:  # noqa: PLR2004 - as is every number here, RFC 9110's
        return Answer(Meaning.WRITTEN)
    if status in (400, 422):
        return Answer(Meaning.EXPIRED if TOO_OLD in words else Meaning.BAD, words)
    if status == 413:  # noqa: PLR2004
        return Answer(Meaning.TOO_LARGE, words)
    if status in (401, 403, 404):
        return Answer(Meaning.REFUSED, words)
    if status == 429 or status >= 500:  # noqa: PLR2004
        return Answer(Meaning.BUSY, words, _wait_s(headers.get("Retry-After"), now))
    return Answer(Meaning.AWAY, f"this is no InfluxDB: {words}")


def clean(words: str) -> str:
    """Fit for our log: one line, printable, not long."""
    return "".join(character if character.isprintable() else " " for character in words[:WORDS]).strip()


def _wait_s(text: str | None, now: float) -> float | None:
    """Seconds from `Retry-After`, which is a number of them or a date."""
    if not text:
        return None
    try:
        seconds = float(text) if text.strip().isdecimal() else parsedate_to_datetime(text).timestamp() - now
    except ValueError:
        return None
    return min(max(seconds, 0.0), LONGEST_WAIT_S)
