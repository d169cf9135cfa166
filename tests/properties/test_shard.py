"""Laws of the core that hold for any learner, on any readings, from the first one and after a long life."""

import functools
from collections.abc import Iterator, Sequence

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from readings import START, Happening, Row, batch, learn, life, pieces, timed

from gateway.learning.calendar import Holidays
from gateway.learning.nature import KindRule
from gateway.learning.stock import ModelRule
from gateway.learning.streams import Policy
from gateway.records import (
    SECOND,
    Availability,
    Described,
    Event,
    Feedback,
    Maintenance,
    Nature,
    Resume,
    Tick,
    Verdict,
    Verdicts,
)
from gateway.shard import Outcome, Rules, Shard

DEVICES = ("pump", "room", "meter")
SENSORS = ("a", "b")

RULES = Rules(
    policy=Policy(
        kinds=(KindRule("room", "b", Nature.STATE), KindRule("pump", "b", Nature.COUNTER)),
        holidays=Holidays(range(START // (86_400 * SECOND), 30_000, 3)),
    ),
    models=(ModelRule("river.anomaly.HalfSpaceTrees", "meter", params={"n_trees": 2, "window_size": 30}),),
    silent_floor_s=5.0,
)

VALUES = st.floats(-1e100, 1e100) | st.floats(0, 40) | st.sampled_from([0.0, 1.0, 20.0, 25.0, 1e100, -1e100, 5e-324])
TEXTS = st.sampled_from(["idle", "heating", "error", "", "läuft", Happening("single"), Happening("idle")])
GAPS_S = st.sampled_from([0, 1, 60, 60, 60, 61, -30, -(10**6), 10**4, 10**7])
Steps = list[tuple[str, str, int, float | str]]
STEPS = st.lists(
    st.tuples(st.sampled_from(DEVICES), st.sampled_from((*SENSORS, "mode")), GAPS_S, VALUES | TEXTS | TEXTS),
    min_size=1,
    max_size=60,
)
OFTEN = settings(max_examples=10, deadline=None)


@functools.cache
def grown() -> dict[str, bytes]:
    """Return the state of a shard that has lived for a while."""
    shard = Shard(RULES)
    learn(shard, life(320, DEVICES, SENSORS))
    return shard.dumps()


def new_shard(*, is_grown: bool) -> Shard:
    """Return a fresh shard, or one that has lived."""
    shard = Shard(RULES)
    if is_grown:
        shard.loads(grown())
    return shard


def as_rows(steps: Sequence[tuple[str, str, int, float | str]]) -> list[Row]:
    """Return steps as readings: gaps between them become times, some of them backwards."""
    at, rows = START + 400 * 60 * SECOND, []
    for device, sensor, gap_s, value in steps:
        at += gap_s * SECOND
        rows.append((device, sensor, at, value))
    return rows


def told(outcomes: Sequence[Outcome]) -> list[object]:
    """Return what was told, whatever the rows of the batches were."""
    return [change.incident for outcome in outcomes for change in outcome.changes]


def same(first: Sequence[Verdicts], second: Sequence[Verdicts]) -> bool:
    """Say whether verdicts are the same to the last bit, however they were batched."""
    return all(
        b"".join(getattr(each, name).tobytes() for each in first)
        == b"".join(getattr(each, name).tobytes() for each in second)
        for name in Verdicts.__slots__
    )


def feed(shard: Shard, parts: Sequence[Sequence[Row]]) -> tuple[list[Verdicts], list[object]]:
    """Feed parts as batches; return verdicts and what was told."""
    outcomes = [shard.apply(batch(shard.directory, part)) for part in parts]
    return [outcome.verdicts for outcome in outcomes if outcome.verdicts is not None], told(outcomes)


@OFTEN
@given(steps=STEPS, seed=st.integers(0, 1000), largest=st.integers(1, 30), is_grown=st.booleans())
def test_batching_never_changes_a_result(steps: Steps, seed: int, largest: int, *, is_grown: bool) -> None:
    """Verdicts, incidents, forecasts and state are the same to the last bit, however readings were batched."""
    rows = as_rows(steps)
    whole, cut = new_shard(is_grown=is_grown), new_shard(is_grown=is_grown)
    verdicts, incidents = feed(whole, [rows])
    cut_verdicts, cut_incidents = feed(cut, list(pieces(rows, seed, largest)))
    assert same(verdicts, cut_verdicts)
    assert sorted(map(repr, incidents)) == sorted(map(repr, cut_incidents))
    assert whole.dumps() == cut.dumps()
    everyone = range(len(whole.directory.devices))
    assert whole.forecast(everyone) == cut.forecast(everyone)


WORDS = st.one_of(
    st.builds(Feedback, st.just(0), st.sampled_from(DEVICES), st.none(), st.sampled_from(Verdict)),
    st.builds(Maintenance, st.just(0), st.sampled_from([*DEVICES, "*"]), st.sampled_from([0, 50, 200, 10**5])),
    st.builds(Described, st.just(0), st.sampled_from(DEVICES), st.sampled_from(SENSORS), st.just("W")),
    st.builds(Availability, st.just(0), st.sampled_from(DEVICES), st.booleans()),
    st.builds(Tick, st.just(0)),
)


@OFTEN
@given(steps=STEPS, words=st.dictionaries(st.integers(0, 60), WORDS), seed=st.integers(0, 99), is_grown=st.booleans())
def test_batching_changes_nothing_between_what_people_say(
    steps: Steps, words: dict[int, Event], seed: int, *, is_grown: bool
) -> None:
    """With feedback, maintenance, goodbyes and ticks in between, readings one by one lead to the same state."""
    rows = as_rows(steps)
    whole, cut = new_shard(is_grown=is_grown), new_shard(is_grown=is_grown)
    said: list[list[Outcome]] = [[], []]
    for start, part in between(rows, words):
        for shard, outcomes, largest in ((whole, said[0], 100), (cut, said[1], 2)):
            if start in words:
                outcomes.append(shard.apply(timed(words[start], part[0][2])))
            outcomes.extend(shard.apply(batch(shard.directory, piece)) for piece in pieces(part, seed, largest))
    assert sorted(map(repr, told(said[0]))) == sorted(map(repr, told(said[1])))
    assert whole.dumps() == cut.dumps()


def between(rows: list[Row], words: dict[int, Event]) -> Iterator[tuple[int, list[Row]]]:
    """Return readings cut where somebody speaks."""
    cuts = sorted({0, *(place for place in words if place < len(rows))})
    for start, end in zip(cuts, [*cuts[1:], len(rows)], strict=True):
        yield start, rows[start:end]


@OFTEN
@given(before=STEPS, after=STEPS, is_grown=st.booleans())
def test_a_restored_shard_continues_identically(before: Steps, after: Steps, *, is_grown: bool) -> None:
    """Saved and loaded in the middle, it goes on to the last bit, through silence and reconnects too."""
    rows = as_rows([*before, *after])
    shard, again = new_shard(is_grown=is_grown), Shard(RULES)
    feed(shard, [rows[: len(before)]])
    again.loads(shard.dumps())
    assert again.dumps() == shard.dumps()
    later = max(row[2] for row in rows) + 3600 * SECOND
    for each in (shard, again):
        each.apply(Resume(later))
        each.apply(Tick(later + 10**6 * SECOND))
    verdicts, incidents = feed(shard, [rows[len(before) :]])
    again_verdicts, again_incidents = feed(again, [rows[len(before) :]])
    assert same(verdicts, again_verdicts)
    assert incidents == again_incidents
    assert again.dumps() == shard.dumps()


@OFTEN
@given(steps=STEPS, is_grown=st.booleans())
def test_verdicts_are_numbers_that_can_be_told(steps: Steps, *, is_grown: bool) -> None:
    """Scores lie in [0, 1]; what was expected and its limits are finite and in order, or all unknown."""
    shard = new_shard(is_grown=is_grown)
    (verdicts,), incidents = feed(shard, [as_rows(steps)])
    assert ((verdicts.score >= 0) & (verdicts.score <= 1)).all()
    known = np.isfinite([verdicts.expected, verdicts.lower, verdicts.upper])
    unknown = np.isnan([verdicts.expected, verdicts.lower, verdicts.upper])
    assert (known.all(axis=0) | unknown.all(axis=0)).all()
    said = known[0]
    assert (verdicts.lower[said] <= verdicts.expected[said]).all()
    assert (verdicts.expected[said] <= verdicts.upper[said]).all()
    for incident in incidents:
        assert 0 <= incident.score <= 1  # type: ignore[attr-defined]
        assert incident.reason  # type: ignore[attr-defined]
    for forecast in shard.forecast(range(len(shard.directory.devices))):
        assert np.isfinite([forecast.expected, forecast.lower, forecast.upper]).all()
        assert forecast.lower <= forecast.expected <= forecast.upper
        assert forecast.due_at > forecast.made_at


@OFTEN
@given(steps=STEPS, is_grown=st.booleans())
def test_a_stale_reading_changes_nothing(steps: Steps, *, is_grown: bool) -> None:
    """Delivered again, old and new together, readings leave no trace and nobody hears of them."""
    shard = new_shard(is_grown=is_grown)
    rows = as_rows(steps)
    feed(shard, [rows])
    state = shard.dumps()
    (verdicts,), incidents = feed(shard, [rows])
    assert verdicts.is_stale.all()
    assert (verdicts.score == 0).all()
    assert incidents == []
    assert shard.dumps() == state


@OFTEN
@given(steps=STEPS, device=st.sampled_from(DEVICES), is_grown=st.booleans())
def test_one_device_never_influences_another(steps: Steps, device: str, *, is_grown: bool) -> None:
    """What is said of a device is the same with the others and without them."""
    rows = as_rows(steps)
    mine = [row for row in rows if row[0] == device]
    together, alone = new_shard(is_grown=is_grown), new_shard(is_grown=is_grown)
    (verdicts,), incidents = feed(together, [rows])
    (alone_verdicts,), alone_incidents = feed(alone, [mine])
    is_mine = np.array([row[0] == device for row in rows])
    for name in Verdicts.__slots__:
        assert getattr(verdicts, name)[is_mine].tobytes() == getattr(alone_verdicts, name).tobytes()
    assert [each for each in incidents if each.device == device] == alone_incidents  # type: ignore[attr-defined]


@OFTEN
@given(steps=STEPS, elapsed_s=st.integers(0, 10**8), is_grown=st.booleans())
def test_a_silence_is_told_once_and_ends(steps: Steps, elapsed_s: int, *, is_grown: bool) -> None:
    """However often the clock is read, one incident opens per silent device, and closes when it is heard."""
    shard = new_shard(is_grown=is_grown)
    rows = as_rows(steps)
    feed(shard, [rows])
    at = max(row[2] for row in rows) + elapsed_s * SECOND
    first = told([shard.apply(Tick(at))])
    assert told([shard.apply(Tick(at)), shard.apply(Tick(at + SECOND))][:1]) == []
    assert len({incident.device for incident in first}) == len(first)  # type: ignore[attr-defined]
    back = [(device, "a", at + 10**9 * SECOND, 20.0) for device in shard.directory.devices]
    _, closed = feed(shard, [back])
    silent = {incident.id for incident in first}  # type: ignore[attr-defined]
    assert silent <= {incident.id for incident in closed if str(incident.state) == "closed"}  # type: ignore[attr-defined]


@OFTEN
@given(steps=STEPS, words=st.dictionaries(st.integers(0, 60), WORDS), device=st.sampled_from(DEVICES))
def test_what_is_known_of_a_device_does_not_depend_on_the_others(
    steps: Steps, words: dict[int, Event], device: str
) -> None:
    """Its digest is that of a shard which never heard of any other, whatever was said in between."""
    rows = as_rows(steps)
    together, alone = new_shard(is_grown=True), new_shard(is_grown=False)
    learn(alone, [row for row in life(320, DEVICES, SENSORS) if row[0] == device])
    assert together.digest(device) == alone.digest(device)
    for start, part in between(rows, words):
        for shard, mine in ((together, part), (alone, [row for row in part if row[0] == device])):
            if start in words:
                shard.apply(timed(words[start], part[0][2]))
            shard.apply(batch(shard.directory, mine))
    assert together.digest(device) == alone.digest(device)


@OFTEN
@given(before=STEPS, after=STEPS, device=st.sampled_from(DEVICES))
def test_devices_move_between_shards_and_go_on(before: Steps, after: Steps, device: str) -> None:
    """Two shards put together from one say the same as if it had not been taken apart, and know the same."""
    whole, source = new_shard(is_grown=True), new_shard(is_grown=True)
    rows = as_rows([*before, *after])
    for shard in (whole, source):
        feed(shard, [rows[: len(before)]])
    joined = new_shard(is_grown=False)
    joined.adopt(source, set(DEVICES) - {device})
    joined.adopt(source, {device})
    verdicts, incidents = feed(whole, [rows[len(before) :]])
    joined_verdicts, joined_incidents = feed(joined, [rows[len(before) :]])
    assert same(verdicts, joined_verdicts)
    assert sorted(map(repr, incidents)) == sorted(map(repr, joined_incidents))
    assert [whole.digest(name) for name in DEVICES] == [joined.digest(name) for name in DEVICES]
