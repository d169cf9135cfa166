"""The vocabulary: names that are stored and published, and must not change by accident."""

import dataclasses

import numpy as np
import pytest
from readings import verdicts

from gateway.errors import (
    BrokerError,
    ConfigError,
    GatewayError,
    InputError,
    JournalError,
    PayloadError,
    StateError,
)
from gateway.records import ALARM, Batch, Change, Incident, Kind, Reason, State, Tick, together


def test_numbers_in_the_log_keep_their_meaning() -> None:
    """Kinds and changes are stored as numbers: a log of years stays readable."""
    kinds = ["NONE", "SPIKE", "SHIFT", "SPREAD", "RANGE", "STUCK", "SILENT", "JOINT"]
    assert [Kind(number).name for number in range(8)] == kinds
    assert [change.name for change in Change] == ["NONE", "NOTICE", "OPEN", "ESCALATE", "CLOSED", "ADOPTED", "TURNED"]


def test_words_that_are_published_keep_their_spelling() -> None:
    """People filter their dashboards by them."""
    assert [str(state) for state in State] == ["open", "update", "closed"]
    assert str(Reason.TOO_MANY_STREAMS) == "too_many_streams"
    assert all(reason == reason.lower() for reason in Reason)


def test_a_batch_is_as_long_as_its_columns() -> None:
    """Its length is the number of readings."""
    column = np.zeros(3, dtype=np.int64)
    assert len(Batch(column, column, column, np.zeros(3))) == 3
    assert all(len(getattr(verdicts(3), name)) == 3 for name in verdicts(3).__slots__)


@pytest.mark.parametrize("kind", [Batch, Tick, Incident])
def test_records_are_values(kind: type) -> None:
    """Nothing that flows through the gateway is changed on its way."""
    assert kind.__dataclass_params__.frozen  # type: ignore[attr-defined]
    assert dataclasses.is_dataclass(kind)


@pytest.mark.parametrize("error", [ConfigError, InputError, PayloadError, BrokerError, JournalError, StateError])
def test_every_error_raised_on_purpose_has_one_root(error: type[GatewayError]) -> None:
    """The command line turns them, and nothing else, into one line."""
    assert issubclass(error, GatewayError)


def test_a_payload_error_knows_how_it_is_counted() -> None:
    """The reason is kept, the detail is for the reader."""
    error = PayloadError(Reason.TYPE, "no number")
    assert (error.reason, str(error), str(PayloadError(Reason.TYPE))) == (Reason.TYPE, "type: no number", "type")


def test_what_two_say_together() -> None:
    """Shares of an alarm add up, but only what is one by itself is an alarm; who says nothing takes nothing away."""
    worst, joint = np.array([0.0, 0.2, 0.3, 0.4, 0.7, 1.0]), np.array([0.25, 0.0, 0.3, 0.4, 0.1, 1.0])
    both = together(worst, joint)
    assert both[:3] == pytest.approx([0.25, 0.2, 0.6 / 1.3])
    assert both[2] < both[3] < ALARM
    assert round(float(both[3]), 3) < ALARM
    assert both[4:].tolist() == [0.7, 1.0]
