"""The vocabulary: what flows through the gateway.

Time is an `int` of nanoseconds since 1970 in UTC. Two clocks exist and both are named: `observed_at` is the
device's own, `received_at` the gateway's.
"""

from gateway.records.events import (
    Availability,
    Described,
    Entry,
    Event,
    Feedback,
    Maintenance,
    Renewed,
    Resume,
    Span,
    Tick,
    Undone,
    Verdict,
)
from gateway.records.readings import SECOND, Batch, Floats, Ints, Mask, Message, Reading, Reason, joined
from gateway.records.texts import Names, code_of, is_event, is_text
from gateway.records.told import Crossing, DeviceState, Forecast, Incident, SensorState, State
from gateway.records.verdicts import ALARM, MOST_CALM, Change, Kind, Nature, Verdicts, blank_verdicts, together

__all__ = [
    "ALARM",
    "MOST_CALM",
    "SECOND",
    "Availability",
    "Batch",
    "Change",
    "Crossing",
    "Described",
    "DeviceState",
    "Entry",
    "Event",
    "Feedback",
    "Floats",
    "Forecast",
    "Incident",
    "Ints",
    "Kind",
    "Maintenance",
    "Mask",
    "Message",
    "Names",
    "Nature",
    "Reading",
    "Reason",
    "Renewed",
    "Resume",
    "SensorState",
    "Span",
    "State",
    "Tick",
    "Undone",
    "Verdict",
    "Verdicts",
    "blank_verdicts",
    "code_of",
    "is_event",
    "is_text",
    "joined",
    "together",
]
