"""What InfluxDB's answers mean."""

import pytest

from gateway.influx.answers import LONGEST_WAIT_S, WORDS, Meaning, judge

NOW = 1_700_000_000.0


@pytest.mark.parametrize(
    ("status", "body", "meaning"),
    [
        (204, "", Meaning.WRITTEN),
        (200, "<html>Welcome to Hotel Wi-Fi</html>", Meaning.AWAY),
        (201, "", Meaning.AWAY),
        (302, "", Meaning.AWAY),
        (405, "", Meaning.AWAY),
        (400, '{"error":"unable to parse \'x\': missing fields"}', Meaning.BAD),
        (400, '{"error":"partial write: field type conflict: input field \\"v\\" ... dropped=1"}', Meaning.BAD),
        (400, '{"error":"partial write: points beyond retention policy dropped=3"}', Meaning.EXPIRED),
        (422, '{"code":"unprocessable entity","message":"partial write: points beyond retention policy dropped=1"}',
         Meaning.EXPIRED),
        (422, '{"code":"unprocessable entity","message":"schema conflict"}', Meaning.BAD),
        (401, '{"code":"unauthorized"}', Meaning.REFUSED),
        (403, "", Meaning.REFUSED),
        (404, '{"code":"not found","message":"bucket \\"x\\" not found"}', Meaning.REFUSED),
        (413, "", Meaning.TOO_LARGE),
        (429, "", Meaning.BUSY),
        (500, "", Meaning.BUSY),
        (503, "", Meaning.BUSY),
        (599, "", Meaning.BUSY),
    ],
)  # fmt: skip
def test_each_status_has_one_meaning(status: int, body: str, meaning: Meaning) -> None:
    """Only 204 is success; a line is at fault only where the server says so."""
    assert judge(status, body, {}, NOW).meaning is meaning


@pytest.mark.parametrize(
    ("header", "wait_s"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "86400"}, LONGEST_WAIT_S),
        ({"Retry-After": "Tue, 14 Nov 2023 22:13:30 GMT"}, 10.0),
        ({"Retry-After": "Tue, 14 Nov 2023 22:13:10 GMT"}, 0.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-3"}, None),
    ],
)
def test_a_busy_server_says_how_long(header: dict[str, str], wait_s: float | None) -> None:
    """A number of seconds or a date, capped; nonsense is as if nothing was said."""
    assert judge(503, "", header, NOW).wait_s == wait_s


def test_words_are_fit_for_a_log() -> None:
    """One line, printable, bounded, whatever a server says."""
    words = judge(400, "first\nsecond\x1b[31m" + 1000 * "x", {}, NOW).words
    assert words.isprintable()
    assert words.startswith("400 first second")
    assert len(words) <= WORDS + 4
