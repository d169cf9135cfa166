"""The verdict on one reading as it is told: in which numbers, and why, in a sentence."""

from collections.abc import Mapping
from typing import NamedTuple

from gateway.alarms import reasons
from gateway.alarms.opened import Numbers
from gateway.learning.directory import Directory
from gateway.records import Batch, Change, Kind, Nature, Verdicts


class Judgement(NamedTuple):
    """What a verdict says; the value among the `numbers` is the name of a state where it has one."""

    change: Change
    kind: Kind
    score: float
    at: int
    numbers: Numbers
    text: str


def judgement(directory: Directory, batch: Batch, verdicts: Verdicts, row: int) -> Judgement:
    """What the verdict on this reading of the batch says."""
    stream, value = int(batch.stream[row]), float(batch.value[row])
    texts = directory.texts.get(stream, {})
    change, kind = Change(int(verdicts.change[row])), Kind(int(verdicts.kind[row]))
    expected, lower, upper = (float(column[row]) for column in (verdicts.expected, verdicts.lower, verdicts.upper))
    sensor, numbers = directory.streams[stream][1], (texts.get(value, value), expected, lower, upper)
    if change is Change.CLOSED:
        text = reasons.over(sensor)
    elif change is Change.ADOPTED:
        text = reasons.adopted(sensor)
    elif Nature(int(verdicts.nature[row])) in {Nature.STATE, Nature.EVENT}:
        text = _of_habit(kind, sensor, value, texts, verdicts, row)
    else:
        unit = directory.units.get(stream, "")
        text = _of_value(kind, sensor, (value, expected, lower, upper), unit, verdicts, row)
    return Judgement(change, kind, float(verdicts.score[row]), int(batch.observed_at[row]), numbers, text)


def _of_value(  # noqa: PLR0913, PLR0917 - as many as a sentence has parts
    kind: Kind, sensor: str, read: tuple[float, float, float, float], unit: str, verdicts: Verdicts, row: int
) -> str:
    period, said = float(verdicts.period[row]), (float(verdicts.base[row]), float(verdicts.span_s[row]))
    if verdicts.nature[row] == Nature.COUNTER:
        return reasons.counted(kind, sensor, read, said, period, unit)
    return reasons.reason(kind, sensor, read, period, unit)


def _of_habit(  # noqa: PLR0913, PLR0917 - as many as a sentence has parts
    kind: Kind, sensor: str, value: float, texts: Mapping[float, str], verdicts: Verdicts, row: int
) -> str:
    period, said = float(verdicts.period[row]), (float(verdicts.base[row]), float(verdicts.span_s[row]))
    name, before = (reasons.state_name(each, texts.get(each)) for each in (value, said[0]))
    if verdicts.nature[row] == Nature.EVENT:
        return reasons.happened(kind, sensor, name, said, period)
    if kind is Kind.SPIKE:
        return reasons.untimely(sensor, name, before, period)
    return reasons.stayed(kind, sensor, name, said, period)
