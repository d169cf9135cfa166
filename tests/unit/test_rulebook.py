"""The mark of a state: it changes with every rule that the fold depends on, and says which those were."""

import json

import pytest
from readings import settings

from gateway import rulebook
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
