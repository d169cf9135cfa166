"""What people read."""

import math

import pytest

from gateway.alarms import reasons
from gateway.records import SECOND, Change, Kind

NUMBERS = (-11.24, -18.2, -19.5, -17.04)
FOUR_YEARS = math.log10(4 * reasons.YEAR_S)
BEGINNING = "temperature -11.2; expected between -19.5 and -17.0: "
USUAL = "; expected 0.2 to 0.6 kWh an hour: "
END = " As odd as this once in about 4 years."


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        (Kind.SPIKE, BEGINNING + "far outside." + END),
        (Kind.SHIFT, BEGINNING + "it has moved away and stays away." + END),
        (Kind.SPREAD, BEGINNING + "it has become much more restless." + END),
        (Kind.RANGE, BEGINNING + "it was never seen there before." + END),
        (Kind.NONE, BEGINNING + "unusual." + END),
        (
            Kind.STUCK,
            "temperature shows -11.24 without any change, far longer than it usually repeats a value." + END,
        ),
    ],
)
def test_each_kind_has_its_sentence(kind: Kind, sentence: str) -> None:
    """Sensor, value, what was expected, what is odd about it and how odd, in one line."""
    assert reasons.reason(kind, "temperature", NUMBERS, FOUR_YEARS) == sentence


@pytest.mark.parametrize("kind", [Kind.RANGE, Kind.SHIFT])
def test_a_value_inside_of_what_was_expected_is_not_called_new(kind: Kind) -> None:
    """Odd is then what the last readings make together: a sensor that stays where it never stayed so long."""
    said = reasons.reason(kind, "temperature", (-18.0, -18.2, -19.5, -17.04), FOUR_YEARS)
    assert said == f"temperature -18.0; expected between -19.5 and -17.0: {reasons.COURSE}." + END


@pytest.mark.parametrize(
    ("kind", "value", "sentence"),
    [
        (Kind.SPIKE, 1003.1, "rises by 3.1 kWh an hour" + USUAL + "far from its usual rate."),
        (Kind.SPIKE, 1000.4, "rises by 0.4 kWh an hour" + USUAL + reasons.BEFORE + "."),
        (Kind.SPREAD, 1001.0, "rises by 1 kWh an hour" + USUAL + "its rate has become much more restless."),
        (Kind.SHIFT, 1000.0, "does not rise any more" + USUAL + "its rate has moved away and stays away."),
        (Kind.STUCK, 1000.0, "stands still at 1000 kWh, far longer than it usually does."),
        (Kind.STUCK, 1003.1, "rises by exactly the same, now 1003 kWh, far longer than it usually does."),
        (Kind.SPIKE, 999.5, "fell from 1000 to 999.5 kWh, and a counter only rises."),
    ],
)  # fmt: skip
def test_of_a_counter_the_rate_is_told(kind: Kind, value: float, sentence: str) -> None:
    """What it rises by, in a time in which that is a number people know, and never what it shows."""
    numbers = (value, 1000.4, 1000.2, 1000.6)
    assert reasons.counted(kind, "energy", numbers, (1000.0, 3600.0), FOUR_YEARS, "kWh") == f"energy {sentence}{END}"


def test_of_a_reading_that_stood_out_both_are_told() -> None:
    """When it is known that it did, the next has come."""
    said = reasons.stood_out("temperature", 27.31, 20.08, FOUR_YEARS, "°C")
    assert said == "temperature was 27.3 °C for a single reading, then went back to 20.1 °C." + END


@pytest.mark.parametrize(
    ("kind", "value", "usual", "sentence"),
    [
        (Kind.STUCK, 1.0, 720.0, "door has been on for 3 h; so far at most 12 min."),
        (Kind.STUCK, 5.0, 720.0, "door has been 5 for 3 h; so far at most 12 min."),
        (Kind.SILENT, 0.0, 12.2, "door has not changed for 3 h; meanwhile it usually does 12 times."),
        (Kind.SILENT, 0.0, 1.2, "door has not changed for 3 h; meanwhile it usually does once."),
        (Kind.RANGE, 5.0, 0.0, "door is 5; it has never said that before."),
        (Kind.RANGE, "error", 0.3, 'door is "error"; it has hardly ever said that.'),
    ],
)
def test_of_a_state_its_habit_is_told(kind: Kind, value: float | str, usual: float, sentence: str) -> None:
    """How long it has lasted beside how long it does, what should have come by now, or that it is new."""
    number, text = (0.0, value) if isinstance(value, str) else (value, None)
    state = reasons.state_name(number, text)
    assert reasons.stayed(kind, "door", state, (usual, 3 * 3600.0), FOUR_YEARS) == sentence + END


def test_of_a_state_at_an_odd_hour_the_usual_one_is_told() -> None:
    """In the words of the sensor."""
    said = reasons.untimely("mode", '"heating"', '"idle"', FOUR_YEARS)
    assert said == f'mode is "heating" now; at this hour of the week it is usually "idle".{END}'


def test_slow_and_fast_counters_are_told_by_the_day_and_by_the_second() -> None:
    """Nobody reads hundredths of a litre an hour; before anything is expected, nothing is said to be."""
    found = reasons.counted(Kind.RANGE, "gas", (5.01, *(math.nan,) * 3), (5.0, 3600.0), FOUR_YEARS)
    assert found == "gas rises by 0.24 a day: it never rose like this before." + END
    found = reasons.counted(Kind.SPIKE, "packets", (7205.0, *(math.nan,) * 3), (5.0, 3600.0), FOUR_YEARS)
    assert found == "packets rises by 2 a second: far from its usual rate." + END


def test_without_an_expectation_none_is_claimed() -> None:
    """A sentence never says between nan and nan."""
    found = reasons.reason(Kind.RANGE, "door", (1.0, math.nan, math.nan, math.nan), FOUR_YEARS)
    assert found == "door 1: it was never seen there before." + END


def test_how_incidents_end() -> None:
    """Over, adopted, together again, heard again: each is said in words of its own."""
    assert reasons.over("flow") == "flow is back to what is usual for it."
    assert reasons.adopted("flow") == "flow has stayed like this for so long that it is taken for the new normal."
    assert reasons.together(Change.OPEN) == "Each sensor might pass, but together they do not stand like this."
    assert reasons.together(Change.CLOSED) == "The device's sensors are together as usual again."
    assert reasons.silence(7200 * SECOND, is_gone=False) == (
        "Nothing heard for 2 h, far longer than this device usually pauses."
    )
    assert reasons.heard(90 * SECOND) == "Heard again after 90 s."


@pytest.mark.parametrize(
    ("value", "text"),
    [(21.456, "21.46"), (0.0, "0"), (-0.00123456, "-0.001235"), (9999.4, "9999"), (101_325.4, "101,325"),
     (-123_456_789.0, "-123,456,789"), (1e-12, "1e-12"), (-1e30, "-1e+30"), (-0.0, "0")],
)  # fmt: skip
def test_numbers_are_written_as_people_write_them(value: float, text: str) -> None:
    """Four digits that count, separators for large ones."""
    assert reasons.number(value) == text


@pytest.mark.parametrize(
    ("value", "width", "text"),
    [
        (24487.313, 0.02, "24,487.313"),
        (21.0, 0.4, "21.00"),
        (412.51, 30.0, "413"),
        (5.0, 4000.0, "5"),
        (1.0, 0.0, "1"),
        (-0.01, 4.0, "0.0"),
        (1e30, 4.0, "1e+30"),
    ],
)
def test_a_number_shows_what_tells_it_apart(value: float, width: float, text: str) -> None:
    """A counter at 24,487 is expected between limits that differ."""
    assert reasons.number(value, width) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7199, "120 min"), (7200, "2 h"), (172_800, "2 days"),
     (3 * reasons.YEAR_S, "3 years")],
)  # fmt: skip
def test_durations_are_said_in_the_unit_that_fits(seconds: float, text: str) -> None:
    """Never more than three digits of a unit, never less than two of it."""
    assert reasons.duration(seconds) == text


def test_rarity_has_an_end() -> None:
    """Nobody is told of billions of years."""
    assert reasons.rarely(math.log10(3 * 86_400)) == "once in about 3 days"
    assert reasons.rarely(50.0) == "not once in a hundred years"
