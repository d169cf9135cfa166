"""Public holidays by country, from the package `holidays`, which is met here alone."""

import difflib
import warnings
from datetime import date

YEARS = range(2010, 2050)
"""In which holidays are known. A mark of a state names them all, 3 kB of it."""

_EPOCH = date(1970, 1, 1)
_SUNDAY = 6


def known_place(value: str) -> str:
    """The same place, if it is a country or a part of one whose holidays are known; raises `ValueError`."""
    from holidays import list_supported_countries  # noqa: PLC0415 - 9 MB and 0.2 s that only those pay who set it
    from holidays.registry import COUNTRIES  # noqa: PLC0415 - see above

    parts = list_supported_countries(include_aliases=False)
    country, dash, part = value.partition("-")
    if country not in parts:
        names = {name.upper(): code for of in COUNTRIES.values() for name, code in ((of[0], of[1]), (of[1], of[1]))}
        nearest = [names[name] for name in difflib.get_close_matches(value.upper(), names, cutoff=0.0)]
        message = f"no country has the code {country!r}; nearest are {', '.join(dict.fromkeys(nearest))}"
        raise ValueError(message)
    if dash and part not in parts[country]:
        nearest = [f"{country}-{one}" for one in difflib.get_close_matches(part, parts[country], cutoff=0.0)]
        message = f"no part of {country} has the code {part!r}; nearest are {', '.join([*nearest, country])}"
        raise ValueError(message)
    return value


def days_off(place: str) -> tuple[tuple[int, ...], int]:
    """The holidays of a known place, as days since 1970-01-01, and the day of the week that is its day of rest.

    That is Sunday, and where nobody rests on Sundays the last day of the weekend; Monday is 0.
    """
    from holidays import country_holidays  # noqa: PLC0415 - see above

    country, _, part = place.partition("-")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of some countries not all years are known
        found = country_holidays(country, part or None, YEARS)
    return tuple(sorted((day - _EPOCH).days for day in found)), max(found.weekend, default=_SUNDAY)
