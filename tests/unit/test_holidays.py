"""Which days are holidays, and where."""

import subprocess
import sys
from datetime import date

import pytest

from gateway.config.holidays import YEARS, days_off, known_place

SATURDAY, SUNDAY, FRIDAY = 5, 6, 4


def in_year(place: str, year: int) -> set[date]:
    """Return the holidays of a place in a year."""
    return {day for day in map(date.fromordinal, (719_163 + each for each in days_off(place)[0])) if day.year == year}


def test_holidays_of_a_country_and_of_a_part_of_it() -> None:
    """Munich has Epiphany, Corpus Christi and All Saints beside what all of Germany has."""
    germany = {date(2025, month, day) for month, day in ((1, 1), (4, 18), (4, 21), (5, 1), (5, 29), (6, 9), (10, 3))}
    germany |= {date(2025, 12, 25), date(2025, 12, 26)}
    assert in_year("DE", 2025) == germany
    assert in_year("DE-BY", 2025) - germany == {date(2025, 1, 6), date(2025, 6, 19), date(2025, 11, 1)}


@pytest.mark.parametrize(("place", "like"), [("DE", SUNDAY), ("SA", SATURDAY), ("IR", FRIDAY), ("BN", SUNDAY)])
def test_holidays_are_like_the_day_of_rest(place: str, like: int) -> None:
    """Sunday is a workday in Saudi Arabia and in Iran."""
    assert days_off(place)[1] == like


@pytest.mark.parametrize("place", ["IN", "MH", "US-CA", "JP"])
def test_what_is_known_of_a_place_is_in_order_and_of_those_years(place: str) -> None:
    """Of some countries the package knows not all years, and warns; that is nothing an operator can mend."""
    days, _ = days_off(known_place(place))
    assert list(days) == sorted(set(days))
    assert {date.fromordinal(719_163 + day).year for day in days} <= set(YEARS)
    assert len(days) > 100


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("Germany", "no country has the code 'Germany'; nearest are DE,"),
        ("DEU", "no country has the code 'DEU'; nearest are DE,"),
        ("de-BY", "no country has the code 'de'; nearest are DE,"),
        ("DE-BA", "no part of DE has the code 'BA'; nearest are DE-"),
        ("DE-", "no part of DE has the code ''; nearest are DE"),
        ("-", "no country has the code ''; nearest are "),
        ("SG-01", "no part of SG has the code '01'; nearest are SG"),
    ],
)
def test_who_mistypes_a_place_is_told_the_nearest(place: str, words: str) -> None:
    """A code is looked up by its name, too."""
    with pytest.raises(ValueError, match="nearest are") as caught:
        known_place(place)
    assert str(caught.value).startswith(words)


def test_who_sets_none_does_not_pay_for_them() -> None:
    """The package is imported where it is needed alone."""
    program = "import sys; from gateway import cli, config, rulebook; rulebook.rules(config.Settings())"
    subprocess.run([sys.executable, "-c", f"{program}; assert 'holidays' not in sys.modules"], check=True)
