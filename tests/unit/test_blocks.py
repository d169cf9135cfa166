"""One batch as one block of bytes, and back."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from readings import verdicts

from gateway.errors import JournalError
from gateway.journal import bands, blocks
from gateway.records import Batch, Kind, Verdicts, code_of

COLUMNS = ("stream", "observed_at", "received_at", "value")


def entry(values: Sequence[float], stale: Sequence[bool] | None = None) -> tuple[Batch, Verdicts]:
    """Return a batch of these values with verdicts on them."""
    count = len(values)
    times = 1_700_000_000_000_000_000 + np.arange(count, dtype=np.int64) * 7
    columns = {name: np.linspace(0.0, 1.0, count) * factor for factor, name in enumerate(("score", *bands.NUMBERS), 1)}
    kind = np.full(count, Kind.SPIKE, dtype=np.uint8)
    is_stale = np.array(stale if stale is not None else [False] * count, dtype=bool)
    received = times + np.arange(count, dtype=np.int64) ** 2
    said = verdicts(count, **columns, kind=kind, is_stale=is_stale)
    return Batch(np.arange(count), times, received, np.array(values)), said


@pytest.mark.parametrize(
    "values",
    [
        [0.1, -0.0, 1e100, 5e-324, -1e100],
        [21.4, 21.45, -3.0, 0.0, 1e6],
        [0.1 + 0.2, float(np.float32(21.4)), 9007199254740993.0, 1e-7, 123456.789012],
    ],
)
def test_readings_come_back_exactly(values: Sequence[float]) -> None:
    """The log can be folded again to the last bit, whatever the numbers are."""
    batch, told = entry(values)
    again, said = blocks.decode(blocks.encode(batch, told))
    for name in COLUMNS:
        assert getattr(again, name).tobytes() == getattr(batch, name).tobytes()
        assert getattr(again, name).dtype == getattr(batch, name).dtype
    assert np.array_equal(said.kind, told.kind)
    assert not said.is_stale.any()


def test_texts_stand_beside_the_readings_that_say_them() -> None:
    """Those that nobody says any more are not written; without any a block is what it was before there were some."""
    batch, told = entry([code_of("heating"), 21.5, code_of("läuft")])
    named = replace(batch, names={code_of(text): text for text in ("heating", "läuft", "gone")})
    again, _ = blocks.decode(blocks.encode(named, told))
    assert again.names == {code_of(text): text for text in ("heating", "läuft")}
    assert again.value.tolist() == batch.value.tolist()
    kept = np.array([1])
    assert blocks.encode(named.at(kept), told.at(kept)) == blocks.encode(batch.at(kept), told.at(kept))
    left, count = blocks.without(blocks.encode(named, told), np.array([True, False, False]))
    assert (count, blocks.decode(left)[0].names) == (1, {code_of("läuft"): "läuft"})
    assert b"heating" not in left


def test_readings_of_a_fleet_take_little_room() -> None:
    """Five bytes each with what was said of them: an SD card is worn by every one of them."""
    draw = np.random.default_rng(1)
    count = 1000
    value = np.round(20 + draw.normal(0.0, 1.0, count), 2)
    at = 1_700_000_000_000_000_000 + np.repeat(
        np.arange(count // 5) * 5_000_000 + draw.integers(0, 10**6, count // 5), 5
    )
    expected = value + draw.normal(0.0, 0.3, count)
    said = verdicts(count, score=draw.random(count) / 4, expected=expected, lower=expected - 1.0, upper=expected + 1.0)
    assert len(blocks.encode(Batch(np.arange(count) % 100, at, at, value), said)) / count < 6


def test_times_at_the_ends_of_64_bits_come_back() -> None:
    """Differences may overflow on the way; they overflow back."""
    ends = np.array([-(2**63) + 1, 2**63 - 1, 0], dtype=np.int64)
    _, told = entry([1.0, 2.0, 3.0])
    again, _ = blocks.decode(blocks.encode(Batch(np.arange(3), ends, ends[::-1].copy(), np.zeros(3)), told))
    assert again.observed_at.tolist() == ends.tolist()
    assert again.received_at.tolist() == ends[::-1].tolist()


def test_stale_rows_are_left_out() -> None:
    """They changed nothing, so folding again does not need them."""
    again, _ = blocks.decode(blocks.encode(*entry([1.0, 2.0, 3.0], [False, True, False])))
    assert again.value.tolist() == [1.0, 3.0]


def test_a_batch_of_nothing_but_stale_rows_can_be_read() -> None:
    """A redelivered message must not make the log unreadable."""
    again, said = blocks.decode(blocks.encode(*entry([1.0, 2.0], [True, True])))
    assert len(again) == len(said.score) == 0


def test_what_float32_cannot_hold_is_infinite_and_nan_stays() -> None:
    """A forecast of an absurd sensor costs no warning and no reading."""
    batch, told = entry([1.0, 2.0])
    told.expected[:] = (1e60, math.nan)
    again, said = blocks.decode(blocks.encode(batch, told))
    assert said.expected[0] == math.inf
    assert math.isnan(said.expected[1])
    assert again.value.tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: b"",
        lambda block: block[:4],
        lambda block: block[:-1],
        lambda block: b"\x09" + block[1:],
        lambda block: block[:1] + b"\xff" + block[2:],
        lambda block: block[:6] + b"\0" * 9 + block[15:],
    ],
)
def test_a_damaged_block_is_said_to_be_one(damage: object) -> None:
    """Whatever was cut or overwritten, the error is ours."""
    assert callable(damage)
    block = damage(blocks.encode(*entry([1.0, 2.0])))
    for read in (blocks.decode, blocks.streams, lambda each: blocks.without(each, np.zeros(2, np.bool_))):
        with pytest.raises(JournalError, match="damaged"):
            read(block)


@pytest.mark.parametrize("gone", [[], [0], [1, 4], [2, 3, 4], [0, 1, 2, 3, 4]])
def test_a_block_without_some_streams_is_one_that_never_held_them(gone: list[int]) -> None:
    """To the last byte, whatever kinds of numbers it holds; where nothing is left it is nothing."""
    batch, told = entry([21.4, 0.1 + 0.2, -0.0, 1e100, 3.0])
    rest = np.setdiff1d(np.arange(5), gone)
    block, count = blocks.without(blocks.encode(batch, told), np.isin(np.arange(9), gone))
    assert count == len(gone)
    assert (block == b"") == (len(rest) == 0)
    if block:
        again, said = blocks.decode(block)
        expected, words = blocks.decode(blocks.encode(batch.at(rest), told.at(rest)))
        assert [getattr(again, name).tobytes() for name in COLUMNS] == [
            getattr(expected, name).tobytes() for name in COLUMNS
        ]
        assert [column.tobytes() for _, column in said.columns()] == [column.tobytes() for _, column in words.columns()]
        assert blocks.streams(block).tolist() == rest.tolist()


def test_streams_far_apart_and_times_far_apart_are_still_so_when_those_between_are_gone() -> None:
    """The steps from one to the next grow beyond the bytes that they had."""
    count = 300
    batch, told = entry([1.0] * count)
    batch = Batch(np.arange(count), batch.observed_at, 10**9 * np.arange(count), batch.value)
    block, _ = blocks.without(blocks.encode(batch, told), np.isin(np.arange(count), np.arange(1, 299)))
    again, _ = blocks.decode(block)
    assert (again.stream.tolist(), again.received_at.tolist()) == ([0, 299], [0, 299 * 10**9])


@pytest.mark.parametrize(("count", "lengths"), [(0, [0]), (499, [499]), (1100, [275] * 4)])
def test_a_batch_is_cut_where_it_holds_many(count: int, lengths: list[int]) -> None:
    """So forgetting a device unpacks few readings of others; what comes slowly is written as it comes."""
    parts = blocks.cut(count)
    assert [len(part) for part in parts] == lengths
    assert np.concatenate(parts).tolist() == list(range(count))


def test_join_keeps_every_row_in_order() -> None:
    """Several batches become one, which by law changes no result."""
    parts = [entry([1.0, 2.0]), entry([3.0]), entry([])]
    batch, told = blocks.join(parts)
    assert batch.value.tolist() == [1.0, 2.0, 3.0]
    assert len(told.score) == 3
    assert blocks.join(parts[:1]) is parts[0]
