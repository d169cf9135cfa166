"""The verdict on one reading as it is told: in which numbers, and why, in a sentence."""

import math
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
    sensor, texts, unit = directory.streams[stream][1], directory.texts.get(stream, {}), directory.units.get(stream, "")
    change, kind = Change(int(verdicts.change[row])), Kind(int(verdicts.kind[row]))
    expected, lower, upper = (float(column[row]) for column in (verdicts.expected, verdicts.lower, verdicts.upper))
    said, period = (float(verdicts.base[row]), float(verdicts.span_s[row])), float(verdicts.period[row])
    name, before = (reasons.state_name(each, texts.get(each)) for each in (value, said[0]))
    match change, Nature(int(verdicts.nature[row])):
        case ((Change.CLOSED | Change.TURNED | Change.ADOPTED), _):
            text = _ended(change, kind, sensor, said[1])
        case _, Nature.VALUE if kind is Kind.SILENT:
            text = reasons.missing(sensor, said[1], said[0])
        case _, Nature.VALUE if not math.isnan(said[0]):
            text = reasons.stood_out(sensor, said[0], value, period, unit)
        case _, Nature.VALUE:
            text = reasons.reason(kind, sensor, (value, expected, lower, upper), period, unit)
        case _, Nature.COUNTER:
            text = reasons.counted(kind, sensor, (value, expected, lower, upper), said, period, unit)
        case _, Nature.STATE if kind is Kind.SPIKE:
            text = reasons.untimely(sensor, name, before, period)
        case _, Nature.STATE:
            text = reasons.stayed(kind, sensor, name, said, period)
        case _:
            text = reasons.happened(kind, sensor, name, said, period)
    numbers = (texts.get(value, value), expected, lower, upper)
    return Judgement(change, kind, float(verdicts.score[row]), int(batch.observed_at[row]), numbers, text)


def _ended(change: Change, kind: Kind, sensor: str, span_s: float) -> str:
    """How an incident of a sensor, which has not come for so long if that is what was told, has ended."""
    if change is Change.ADOPTED:
        return reasons.gone(sensor, span_s) if kind is Kind.SILENT else reasons.adopted(sensor)
    return reasons.over(sensor) if change is Change.CLOSED else reasons.turned(sensor)
