"""Moments as people write them."""

import pytest
from readings import START

from gateway import moments
from gateway.errors import ConfigError
from gateway.records import SECOND


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("now", 0),
        ("-90d", -90 * 86400),
        ("7d", -7 * 86400),
        ("-12h", -12 * 3600),
        ("-5m", -300),
        ("30s", -30),
        ("-2w", -14 * 86400),
        ("-1.5h", -5400),
        ("2023-11-14T22:13:20Z", 0),
        ("2023-11-14T23:13:20+01:00", 0),
        ("2023-11-14T22:13:20.500", 0.5),
        ("2023-11-14", -80000),
    ],
)
def test_moments_are_understood(text: str, seconds: float) -> None:
    """How long ago, with or without a dash, or a time, in UTC where it does not say."""
    assert moments.parse(text, START) == START + round(seconds * SECOND)


@pytest.mark.parametrize("text", ["", "yesterday", "90", "-90y", "-d", "2023-13-01", "1e9d", "- 3d"])
def test_what_is_not_understood_is_the_operators_mistake(text: str) -> None:
    """One line that shows how to write it."""
    with pytest.raises(ConfigError, match="write -7d"):
        moments.parse(text, START)


def test_a_dash_does_not_make_an_option() -> None:
    """As people write it in a shell."""
    assert moments.joined(["report", "--since", "-7d", "--out", "-x", "--from", "-a"]) == [
        "report", "--since=-7d", "--out", "-x", "--from", "-a"
    ]  # fmt: skip
