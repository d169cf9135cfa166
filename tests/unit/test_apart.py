"""What is known of a device hangs on nothing but what was learned of it: not on others, not on what was refused."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from readings import START, Happening, Row, batch

from gateway.learning.nature import KindRule
from gateway.learning.streams import Policy
from gateway.records import SECOND, Maintenance, Nature, Tick
from gateway.shard import Rules, Shard

MINUTE, DAY = 60 * SECOND, 86_400 * SECOND
PRESSED_DAYS = 12
RULES = Rules(policy=Policy(kinds=(KindRule("pump", "power", Nature.VALUE),)))


def running(rounds: int) -> list[Row]:
    """Return what two sensors of a pump say, once a minute."""
    draw = random.Random(1)
    return [
        ("pump", sensor, START + number * MINUTE, draw.gauss(20.0, 1.0))
        for number in range(1, rounds + 1)
        for sensor in ("speed", "heat")
    ]


def digest(rows: Sequence[Row], *, worked_on_until: int = 0) -> str:
    """Return what is known of the pump after these readings."""
    shard = Shard(RULES)
    if worked_on_until:
        shard.apply(Maintenance(START, "pump", worked_on_until))
    shard.apply(batch(shard.directory, rows))
    return shard.digest("pump")


def test_a_refused_text_leaves_no_trace() -> None:
    """A sensor whose first word is refused is none of those that are judged together, nor in its place among them."""
    refused: Row = ("pump", "power", START, "calibrating")
    assert digest([refused, *running(500)]) == digest(running(500))
    told: Row = ("pump", "power", START + DAY, 4.0)
    assert digest([refused, *running(500), told]) == digest([*running(500), told])


def test_what_is_sent_during_work_leaves_no_trace() -> None:
    """Sensors that were heard of first while their device was worked on are in the order in which they were learned."""
    meanwhile: list[Row] = [("pump", "heat", START, 20.0), ("pump", "tool", START, 1.0)]
    rows = running(500)
    assert digest([*meanwhile, *rows], worked_on_until=START + 1) == digest(rows, worked_on_until=START + 1)


def test_what_is_not_newer_leaves_no_trace_after_work_either() -> None:
    """The first reading after work on a device may be one that came late: of it nothing stands in the log."""
    shard = Shard(RULES)
    shard.apply(batch(shard.directory, running(60)))
    shard.apply(Maintenance(START + 61 * MINUTE, "pump", START + 70 * MINUTE))
    known, late = shard.digest("pump"), batch(shard.directory, running(30)[-1:])
    late = replace(late, received_at=np.full(1, START + 80 * MINUTE))
    assert shard.apply(late).verdicts.is_stale.all()  # type: ignore[union-attr]
    assert shard.digest("pump") == known
    (back,) = [("pump", "heat", START + 90 * MINUTE, 20.0)]
    shard.apply(batch(shard.directory, [back]))
    assert shard.fleet.hearts.arrays["longest"][0] == MINUTE, "no pause is learned across the work"


def pressed(device: str) -> Iterator[Row]:
    """Return when a button of its own was pressed."""
    draw, at = random.Random(device), START
    while at < START + PRESSED_DAYS * DAY:
        at += int(draw.uniform(60, 5400)) * SECOND
        yield device, "button", at, Happening("single")


def fallen_silent(devices: Sequence[str]) -> tuple[str, str]:
    """Return what is known of a button when all are silent, and after the others were back first."""
    shard = Shard(Rules())
    rows = sorted((row for device in devices for row in pressed(device)), key=lambda row: row[2])
    shard.apply(batch(shard.directory, rows))
    ticks = [START + PRESSED_DAYS * DAY + number * 30 * MINUTE for number in range(400)]
    told = [change.incident for at in ticks[:300] for change in shard.apply(Tick(at)).changes]
    assert any("a" in (incident.device, *incident.devices) for incident in told)
    silent = shard.digest("a")
    others: list[Row] = [(device, "button", ticks[300], Happening("single")) for device in devices if device != "a"]
    shard.apply(batch(shard.directory, others))
    for at in ticks[300:]:
        shard.apply(Tick(at))
    return silent, shard.digest("a")


def test_what_is_learned_of_a_silent_button_does_not_hang_on_who_is_silent_with_it() -> None:
    """Neither that it is one of an outage, nor that others of it are heard first, is a matter of its habits."""
    assert fallen_silent("abcd") == fallen_silent("a")
