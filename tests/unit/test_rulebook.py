"""The mark of a state: it changes with every rule that the fold depends on, and says which those were."""

import json

import pytest
from readings import settings

from gateway import rulebook
from gateway.learning.calendar import Holidays
from gateway.learning.streams import Policy
from gateway.records import SECOND
from gateway.rulebook import rules
from gateway.shard import Rules

MODEL: dict[str, object] = {"model": "river.anomaly.LODA", "params": {"seed": 1}}
NIGHTS: dict[str, object] = {"devices": "pump-*", "days": ("sun", "mon"), "start": "22:00", "end": "01:00"}
BUDGET: dict[str, object] = {"devices": "pump-*", "false_per_30_days": 3.0}

CHOSEN = [
    settings(),
    settings(alarms={"silent_floor_s": 11.0}),
    settings(alarms={"budgets": [BUDGET]}),
    settings(gateway={"time_zone": "Europe/Berlin"}),
    settings(learning={"models": [MODEL]}),
    settings(learning={"models": [{**MODEL, "devices": "a*"}]}),
    settings(learning={"models": [{**MODEL, "params": {"seed": 2}}]}),
    settings(learning={"kinds": [{"sensors": "energy", "kind": "counter"}]}),
    settings(maintenance=[NIGHTS]),
    settings(learning={"holidays": "DE-BY"}),
    settings(learning={"holidays": "DE-BE"}),
]


def test_the_mark_changes_with_every_rule() -> None:
    """A state is only taken over by a gateway that would have come to the same one."""
    assert len({rulebook.dumps(rules(each)) for each in CHOSEN}) == len(CHOSEN)
    assert rulebook.dumps(rules(settings())) == rulebook.dumps(rules(settings(mqtt={"host": "elsewhere"})))


def test_what_is_only_published_makes_nothing_be_learned_again() -> None:
    """Other horizons or another coverage must not cost what a log that was cut no longer holds."""
    predictions: list[dict[str, object]] = [{"coverage": 0.8}, {"horizons_s": [60.0]}, {"every_s": 5.0}]
    found = {rulebook.dumps(rules(settings(predictions=each))) for each in predictions}
    assert found == {rulebook.dumps(rules(settings()))}


@pytest.mark.parametrize("chosen", CHOSEN)
def test_a_mark_says_which_rules_it_stands_for(chosen: dict[str, object]) -> None:
    """A state that was saved under other settings goes on under those; what is published is as the settings say now."""
    mark, published = rulebook.dumps(rules(chosen)), Rules(coverage=0.5)  # type: ignore[arg-type]
    again = rulebook.loads(mark, published)
    assert again is not None
    assert rulebook.dumps(again) == mark
    assert again.coverage == 0.5


@pytest.mark.parametrize(
    "mark",
    [
        "0123456789abcdef",
        "7",
        "{}",
        json.dumps(json.loads(rulebook.dumps(Rules())) | {"fold": 0}),
        json.dumps(json.loads(rulebook.dumps(Rules())) | {"river": "0.1.0"}),
        json.dumps(json.loads(rulebook.dumps(Rules())) | {"rules": {"policy": 1}}),
        rulebook.dumps(rules(CHOSEN[4])).replace("LODA", "Gone"),
    ],
)
def test_what_another_version_saved_is_not_read(mark: str) -> None:
    """Its state might mean something else, and River's Rust parts end the process on what another River saved."""
    assert rulebook.loads(mark, Rules()) is None


DAY = 86_400 * SECOND


def resting(*days: int, silent_floor_s: float = 10.0) -> Rules:
    """Return rules with these holidays."""
    return Rules(Policy(holidays=Holidays(days)), silent_floor_s=silent_floor_s)


@pytest.mark.parametrize(
    ("saved", "do_agree"),
    [
        (resting(100, 200), True),
        (resting(90, 100, 200, 211), True),
        (resting(100, 110, 200), False),
        (resting(100), False),
        (resting(), False),
        (resting(100, 200, silent_floor_s=9.0), False),
    ],
)
def test_rules_agree_where_all_days_that_were_lived_are_the_same(saved: Rules, do_agree: bool) -> None:  # noqa: FBT001
    """Holidays that another version of their package knows or forgets elsewhere have taught nothing."""
    assert rulebook.agree(saved, resting(100, 200), 95 * DAY, 205 * DAY) is do_agree
    assert rulebook.agree(resting(100, 200), saved, 95 * DAY, 205 * DAY) is do_agree


def test_where_no_holiday_was_lived_through_it_does_not_matter_like_what_they_are() -> None:
    """So a country may be set on a weekday and nothing is learned anew."""
    assert rulebook.agree(rules(CHOSEN[-1]), rules(settings()), 20_411 * DAY, 20_412 * DAY)
