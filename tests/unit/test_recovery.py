"""Which saved state a gateway goes on with when its holidays have become others."""

import threading
from pathlib import Path

import pytest
from readings import START, life, pieces
from readings import batch as columns

from gateway import rulebook
from gateway.house import Alone
from gateway.journal import Journal
from gateway.learning.calendar import Holidays
from gateway.learning.streams import Policy
from gateway.records import SECOND, Tick
from gateway.recovery import fitting, restore
from gateway.renewal import begin
from gateway.rulebook import Regime
from gateway.shard import Rules, Shard

TODAY = START // (86_400 * SECOND)
FAR, NEAR, LIVED = TODAY + 400, TODAY + 2, TODAY
BEFORE = (LIVED, FAR)


def resting(*days: int) -> Rules:
    """Return rules with these holidays."""
    return Rules(Policy(holidays=Holidays(days)))


def live(shard: Shard, journal: Journal, seed: int) -> None:
    """Let a gateway hear, learn and log an hour."""
    hour = [(device, sensor, at + seed * 3600 * SECOND, value) for device, sensor, at, value in life(60, seed=seed)]
    for rows in pieces(hour, seed):
        batch = columns(shard.directory, rows)
        verdicts = shard.apply(batch).verdicts
        assert verdicts is not None
        journal.append(shard.directory, [(batch, verdicts)], [])
    tick = Tick(START + (seed + 1) * 3600 * SECOND)
    shard.apply(tick)
    journal.append(shard.directory, [tick], [])


@pytest.fixture
def lived(journal: Journal) -> Journal:
    """Give the log of a gateway with a checkpoint and a tail."""
    shard = Shard(resting(*BEFORE))
    live(shard, journal, 0)
    journal.checkpoint(rulebook.dumps(shard.rules), shard.dumps())
    live(shard, journal, 1)
    return journal


def folded(journal: Journal, rules: Rules) -> Shard:
    """Return what the whole log makes of a fresh shard."""
    shard = Shard(rules)
    restore(shard, journal, "none was saved under these", threading.Event(), lambda _: None)
    return shard


def test_holidays_that_changed_elsewhere_cost_nothing(lived: Journal) -> None:
    """The state goes on as that of the new ones, which would have come to the same, bit for bit, and is saved so."""
    wanted = resting(LIVED - 400, LIVED, FAR + 1)
    shard, regime = Shard(wanted), Regime(wanted, None)
    assert begin(regime, shard, lived, threading.Event())
    assert (regime.mark, regime.renewal, shard.rules) == (rulebook.dumps(wanted), None, wanted)
    assert shard.dumps() == folded(lived, wanted).dumps()


@pytest.mark.parametrize("days", [(), (FAR,), (LIVED, NEAR)])
def test_holidays_that_changed_where_it_was_lived_are_learned_anew(lived: Journal, days: tuple[int, ...]) -> None:
    """Or where a forecast is on its way to: until then what was learned with the old ones serves, as such."""
    shard, regime = Shard(resting(*days)), Regime(resting(*days), None)
    assert begin(regime, shard, lived, threading.Event())
    assert regime.renewal
    assert regime.mark == rulebook.dumps(resting(*BEFORE))
    assert shard.dumps() == folded(lived, resting(*BEFORE)).dumps()


def test_beside_a_state_under_the_same_rules_no_other_is_looked_for(lived: Journal) -> None:
    """Nor where none fits."""
    own = resting(*BEFORE)
    assert fitting(own, lived) == rulebook.dumps(own)
    assert fitting(resting(NEAR), lived) == rulebook.dumps(resting(NEAR))


def test_who_works_on_the_log_alone_goes_on_with_that_state_too(lived: Journal, tmp_path: Path) -> None:
    """It may know what the log no longer holds."""
    wanted = resting(LIVED, FAR + 1)
    assert fitting(wanted, lived) == rulebook.dumps(resting(*BEFORE))
    known = folded(lived, wanted).dumps()
    lived.retain(START + 3600 * SECOND, 2**40)
    assert folded(lived, wanted).dumps() != known
    lived.close()
    with Alone(Shard(wanted), Journal(tmp_path / "gateway.db"), {}) as house:
        assert house.regime.mark == rulebook.dumps(wanted)
        assert house.shard.dumps() == known
