"""Payloads that users write."""

import json

import pytest

from gateway.codecs.phrase import LONGEST, Phrase
from gateway.errors import ConfigError

FIELDS = {"device": "pump", "reason": 'a "word"\nand another', "value": 1.5, "sensor": None, "open": 2}


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ("ON", "ON"),
        ('{"state": "ON"}', '{"state": "ON"}'),
        (
            '{"text": {reason}, "n": {value}, "s": {sensor}}',
            r'{"text": "a \"word\"\nand another", "n": 1.5, "s": null}',
        ),
        ("{device:text} {value:text}: {reason:text}{sensor:text}", 'pump 1.5: a "word" and another'),
        ("Backlog Power1 {open}; {}", "Backlog Power1 2; {}"),
    ],
)
def test_fields_are_filled_in(template: str, filled: str) -> None:
    """As JSON with its quotes, or as text on one line; other braces stay."""
    assert Phrase(template, FIELDS, "replies.0.payload").render(FIELDS).decode() == filled


def test_what_devices_say_cannot_leave_its_place() -> None:
    """A reason full of quotes and braces is one JSON string, and brings no fields of its own."""
    phrase = Phrase('{"text": {reason}, "to": {device}}', FIELDS, "key")
    nasty = '", "state": "ON", "x": "{device}\\'
    assert json.loads(phrase.render({"reason": nasty, "device": "d"})) == {"text": nasty, "to": "d"}


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{reasen}", "there are device, reason, value"),
        ("{reason:json}", "is no field"),
        ('{"text": "{reason}"}', "a field brings the quotes"),
        ('{"text": {reason}', "is not JSON"),
        ("x" * (LONGEST + 1), "longer than"),
    ],
)
def test_mistakes_are_named(template: str, said: str) -> None:
    """Before anything starts, with the key and what would be right."""
    with pytest.raises(ConfigError, match=r"^replies\.0\.payload: ") as caught:
        Phrase(template, FIELDS, "replies.0.payload")
    assert said in str(caught.value)
