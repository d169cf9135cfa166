"""Who may raise how many false alarms."""

import numpy as np
import pytest

from gateway.learning.budget import Budget, Budgets
from gateway.records import Floats

MONTH_S = 30 * 86_400.0
HEARD, UNHEARD = False, True


def budgets(*rules: Budget) -> Budgets:
    """Return the budgets of a pump with three sensors and a room with one."""
    found = Budgets(MONTH_S, rules)
    found.grow(np.array([0, 0, 0, 1]), [("pump", "a"), ("pump", "b"), ("pump", "c"), ("room", "a")])
    return found


def months(of: Budgets, stream: list[int], *, is_unheard: list[bool] | None = None) -> Floats:
    """Return the months between two false alarms for readings of these streams."""
    heard = np.zeros(len(stream), bool) if is_unheard is None else np.array(is_unheard)
    return of.spread(np.array(stream), heard) / MONTH_S


def test_a_sensor_alone_has_all_of_it() -> None:
    """A device of one sensor may raise what the user accepts."""
    found = budgets()
    months(found, [3], is_unheard=[UNHEARD])
    assert months(found, [3]).tolist() == [1.0]


def test_sensors_share_with_their_togetherness() -> None:
    """Two sensors are three who share, and each is to be as much rarer as tails that far out need."""
    found = budgets()
    found.count(np.array([True, True, False, True]))
    assert months(found, [0, 1, 3]) == pytest.approx([3**1.5, 3**1.5, 1.0])


def test_a_sensor_counts_from_its_first_reading() -> None:
    """What came before it in the same batch has its share as if it did not exist; the others are not touched."""
    found = budgets()
    found.count(np.array([True, False, False, True]))
    said = months(found, [0, 3, 1, 0, 1, 2], is_unheard=[HEARD, HEARD, UNHEARD, HEARD, UNHEARD, UNHEARD])
    assert said == pytest.approx([1.0, 1.0, 3**1.5, 3**1.5, 3**1.5, 4**1.5])
    assert months(found, [0]) == pytest.approx([4**1.5])


def test_the_first_rule_that_matches_counts() -> None:
    """A rule that names sensors gives each its own, one for devices is shared; what nothing names has the default."""
    found = budgets(Budget("*", "b", MONTH_S / 10), Budget("pump", "*", 2 * MONTH_S))
    found.count(np.array([True, True, False, True]))
    assert months(found, [0, 1, 3]) == pytest.approx([2 * 3**1.5, 0.1, 1.0])
    assert (found.of_device("pump"), found.of_device("room")) == (2 * MONTH_S, MONTH_S)
