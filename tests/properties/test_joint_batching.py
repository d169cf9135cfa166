"""How readings are batched never changes the joint evidence, nor what is learned of it."""

import random
from collections.abc import Iterable, Sequence

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from readings import START, Row, batch, pieces

from gateway.learning.directory import Directory
from gateway.learning.fleet import Fleet
from gateway.learning.streams import Policy
from gateway.records import SECOND

SIZES = {"lone": 1, "late": 2, "twins": 2, "wide": 10}
HOUR = 3600 * SECOND


def eventful(seed: int, rounds: int) -> list[Row]:
    """Return a life in which sensors appear late, fall out, die, are lost now and then, and glitch."""
    draw, rows = random.Random(seed), list[Row]()
    for number in range(rounds):
        for device, size in SIZES.items():
            cause = draw.gauss(0.0, 1.0)
            for place in range(size):
                is_absent = (device == "late" and place and number < rounds // 3) or (
                    device == "wide" and place == 4 and rounds // 3 < number < rounds // 2
                )
                if is_absent or draw.random() < 0.02:
                    continue
                at = START + number * HOUR + (0 if device == "twins" else draw.randrange(HOUR))
                value = cause + draw.gauss(0.0, 0.2) + (draw.random() < 0.005) * 1e9
                rows.append((device, str(place), at, value))
    return rows


def fold(parts: Iterable[Sequence[Row]]) -> tuple[np.ndarray, bytes]:
    """Return all joint scores, and the state at the end."""
    directory = Directory()
    fleet = Fleet(directory, Policy(budget_s=86_400.0))
    joint = [fleet.learn_many(batch(directory, part)).joint for part in parts]
    return np.concatenate(joint), fleet.dumps()


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([1, 3, 20, 200]))
def test_batching_changes_nothing_bit_for_bit(seed: int, largest: int) -> None:
    """One batch, or many cut at random: equal scores and equal state."""
    rows = eventful(seed, 40)
    whole, cut = fold([rows]), fold(pieces(rows, seed, largest))
    np.testing.assert_array_equal(whole[0], cut[0])
    assert whole[1] == cut[1]


def test_batching_changes_nothing_in_a_long_life_with_alarms() -> None:
    """The same where extremes are known and incidents open and close."""
    rows = eventful(4, 700)
    whole, cut = fold([rows]), fold(pieces(rows, 4, 97))
    assert np.nanmax(whole[0]) >= 0.5
    np.testing.assert_array_equal(whole[0], cut[0])
    assert whole[1] == cut[1]


def test_a_saved_state_goes_on_as_if_nothing_had_happened() -> None:
    """Half a life, saved and restored into a fresh fleet: the other half is judged the same."""
    rows = eventful(9, 400)
    directory = Directory()
    first = Fleet(directory, Policy())
    first.learn_many(batch(directory, rows[:2000]))
    second = Fleet(directory, Policy())
    second.loads(first.dumps())
    rest = batch(directory, rows[2000:])
    np.testing.assert_array_equal(first.learn_many(rest).joint, second.learn_many(rest).joint)
    assert first.dumps() == second.dumps()
