"""The log as line protocol."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from readings import START, batch, verdicts

from gateway.influx.lines import Lines, tag, text
from gateway.learning.directory import Directory
from gateway.passages import Foreseen, Health, Minutes, Note, Passage
from gateway.records import SECOND, Batch, Incident, Kind, State, Verdicts


def passage(
    readings: list[tuple[Batch, Verdicts]] | None = None,
    incidents: list[Incident] | None = None,
    notes: list[Note] | None = None,
    streams: tuple[tuple[str, str], ...] = (("pump 1", "flow,in"),),
) -> Passage:
    """Return a passage of one stream."""
    return Passage(1, START, streams, readings or [], incidents or [], notes or [])


def reading(value: float, at: int = START, **columns: float) -> tuple[Batch, Verdicts]:
    """Return one reading of the first stream and the verdict on it."""
    given = batch(Directory(), [("pump 1", "flow,in", at, value)])
    return given, verdicts(1, **{name: np.array([number]) for name, number in columns.items()})


def foreseen(expected: float, lower: float, upper: float, made_at: int = START) -> Foreseen:
    """Return a forecast of the first stream for a minute ahead."""
    times = (np.array([number]) for number in (0, made_at, made_at + 60 * SECOND))
    return Foreseen(*times, *(np.array([number]) for number in (expected, lower, upper)))


def incident(sensor: str | None = "flow,in", **fields: Any) -> Incident:  # noqa: ANN401 - its fields
    """Return an incident that opens."""
    plain: dict[str, Any] = {"value": 9.5, "expected": 1.0, "lower": 0.5, "upper": 1.5, "reason": "odd"}
    return Incident(
        id="i", state=State.OPEN, device="pump 1", sensor=sensor, kind=Kind.SPIKE, severity="high", score=0.75,
        started_at=START - 2 * SECOND, at=START, **{**plain, **fields},
    )  # fmt: skip


TAGS = r"device=pump\ 1,gateway=home,sensor=flow\,in"


def test_a_reading_stands_with_what_was_expected() -> None:
    """The value exactly, the band as finely as the log keeps it."""
    given = reading(0.1 + 0.2, score=0.123456, expected=20.4, lower=19.9999999, upper=1e20)
    assert Lines("home").encode(passage([given])) == [
        f"readings,{TAGS} value=0.30000000000000004,score=0.1235,expected=20.4,lower=20,upper=1e+20 {START}"
    ]


@pytest.mark.parametrize("nothing", [np.nan, np.inf, -np.inf])
def test_what_says_nothing_is_left_out(nothing: float) -> None:
    """The protocol has no word for it: InfluxDB would refuse the whole batch."""
    given = reading(5.0, score=0.0, expected=1.0, lower=nothing, upper=2.0)
    assert Lines("home").encode(passage([given])) == [f"readings,{TAGS} value=5.0,score=0 {START}"]


def test_an_incident_is_told_in_full() -> None:
    """Kind and state are tags: two changes at one moment are two points."""
    (line,) = Lines("home").encode(passage(incidents=[incident(reason='say "no",\nC:\\')]))
    assert line == (
        rf"incidents,device=pump\ 1,sensor=flow\,in,gateway=home,kind=spike,state=open "
        rf'id="i",severity="high",reason="say \"no\",�C:\\",'
        f"score=0.75,duration_s=2.0,value=9.5,expected=1.0,lower=0.5,upper=1.5 {START}"
    )


def test_an_incident_of_a_whole_device_has_no_sensor() -> None:
    """An empty tag would make the line invalid."""
    (line,) = Lines("home").encode(passage(incidents=[incident(None, value=None, expected=None)]))
    assert line.startswith(r"incidents,device=pump\ 1,gateway=home,kind=spike,state=open ")
    assert line.endswith(f"score=0.75,duration_s=2.0,lower=0.5,upper=1.5 {START}")


def test_an_outage_of_many_devices_has_no_device() -> None:
    """It is told of all of them at once."""
    outage = replace(incident(None), device="", devices=("a", "b"))
    (line,) = Lines("home").encode(passage(incidents=[outage]))
    assert line.startswith("incidents,gateway=home,kind=spike,state=open ")


def test_a_forecast_and_what_came_are_one_point() -> None:
    """The outcome adds fields to the same measurement, tags and time."""
    lines = Lines("home")
    point = f"forecasts,{TAGS},horizon=60s"
    due = START + 60 * SECOND
    assert lines.encode(passage(notes=[foreseen(20.5, 19.5, 21.5)])) == [
        f"{point} expected=20.5,lower=19.5,upper=21.5 {due}"
    ]
    assert len(lines.encode(passage([reading(3.0, due - 1)]))) == 1
    assert lines.encode(passage([reading(22.5, due + SECOND)]))[1] == f"{point} actual=22.5,error=2.0,inside=0.0 {due}"
    assert len(lines.encode(passage([reading(22.5, due + 2 * SECOND)]))) == 1


def test_a_forecast_that_says_nothing_is_left_out() -> None:
    """No line, where an empty one would be refused."""
    assert Lines("home").encode(passage(notes=[foreseen(np.nan, 1.0, 2.0)])) == []


def test_health_and_minutes() -> None:
    """Numbers are floats, whatever they count."""
    columns = (np.array([number]) for number in (0, START, 3))
    minutes = Minutes(*columns, *(np.array([number]) for number in (2.0, 1.0, 3.0, 2.5, 0.25)))
    told = passage(notes=[Health(START, {"streams": 3, "latency_ms": 0.5}), minutes])
    lines = Lines("home")
    assert lines.encode(told) == [f"gateway,gateway=home streams=3.0,latency_ms=0.5 {START}"]
    assert lines.encode_minutes(told) == [
        f"minutes,{TAGS} count=3.0,mean=2.0,min=1.0,max=3.0,last=2.5,worst=0.25 {START}"
    ]


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("plain", "plain"),
        ("a b,c=d", r"a\ b\,c\=d"),
        ("x\nreadings,device=bank value=1", r"x�readings\,device\=bank\ value\=1"),
        ("ends with \\", "ends\\ with\\ \uff3c"),
        ("in\\side", "in\\side"),
        ('"quoted"', '"quoted"'),
        ("grün ☃", r"grün\ ☃"),
        ("\x00\u2028\ud800", "���"),
    ],
)
def test_names_can_neither_break_a_line_nor_forge_one(name: str, written: str) -> None:
    """Every separator is escaped, what cannot be is replaced."""
    assert tag(name) == written


def test_texts_are_quoted() -> None:
    """Quotes and backslashes inside are escaped."""
    assert text('a "b" \\') == r'"a \"b\" \\"'
