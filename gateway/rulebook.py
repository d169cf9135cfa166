"""The rules of a fold: from the settings, and as text beside each checkpoint, by which who can read it goes on."""

import importlib.metadata
import json
from dataclasses import dataclass, replace
from datetime import timedelta
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter

from gateway.alarms.maintenance import Schedule
from gateway.config import DAYS, Maintenance, Settings, days_off
from gateway.errors import ConfigError
from gateway.learning.bounds import Bound
from gateway.learning.budget import Budget
from gateway.learning.calendar import Holidays
from gateway.learning.fleet import VERSION
from gateway.learning.nature import KindRule
from gateway.learning.stock import ModelRule
from gateway.learning.streams import DAY_S, Policy
from gateway.records import SECOND, Nature
from gateway.shard import Rules

PUBLISHED = ("horizons_s", "coverage", "bounds")
"""What is only published of what was learned: it may change without learning anything again."""

_RULES = TypeAdapter(Rules)


def rules(settings: Settings) -> Rules:
    """The settings that the fold depends on; raises `ConfigError` for a model that River does not have."""
    models = []
    for index, model in enumerate(settings.learning.models):
        try:
            models.append(ModelRule(model.model, model.devices, model.sensors, model.params))
        except ValueError as error:
            message = f"learning.models.{index}: {error}"
            raise ConfigError(message) from error
    alarms = settings.alarms
    budgets = tuple(Budget(each.devices, each.sensors, 30 * DAY_S / each.false_per_30_days) for each in alarms.budgets)
    kinds = tuple(KindRule(one.devices, one.sensors, Nature[one.kind.upper()]) for one in settings.learning.kinds)
    zone = ZoneInfo(settings.gateway.time_zone)
    place = settings.learning.holidays
    holidays = Holidays(*days_off(place)) if place else Holidays()
    policy = Policy(30 * DAY_S / alarms.false_per_30_days, budgets, alarms.adopt_after_s, zone, kinds, holidays)
    return Rules(
        policy,
        tuple(models),
        alarms.silent_floor_s,
        tuple(_schedule(plan) for plan in settings.maintenance),
        settings.predictions.horizons_s,
        settings.predictions.coverage,
        tuple(Bound(one.devices, one.sensors, one.below, one.above) for one in settings.predictions.bounds),
    )


def _schedule(plan: Maintenance) -> Schedule:
    start, end = (timedelta(hours=int(text[:2]), minutes=int(text[3:])) for text in (plan.start, plan.end))
    return Schedule(plan.devices, frozenset(DAYS.index(day) for day in plan.days), start, end)


def dumps(rules: Rules) -> str:
    """The mark of a state: equal where a saved one means the same, and where River can read it.

    River's Rust parts end the process on what another version saved.
    """
    tree = _RULES.dump_python(rules, mode="json", exclude=set(PUBLISHED))
    return json.dumps({**_readers(), "rules": tree}, sort_keys=True, separators=(",", ":"))


def loads(mark: str, published: Rules) -> Rules | None:
    """The rules of a mark, None where this program cannot read what was saved under it.

    What is only published is taken from `published`.
    """
    try:
        tree = json.loads(mark)
        rules = _RULES.validate_python(tree.pop("rules"))
    except (ValueError, LookupError, AttributeError, TypeError):  # the mark of another version
        return None
    if tree != _readers():
        return None
    return replace(rules, **{name: getattr(published, name) for name in PUBLISHED})


def agree(saved: Rules, wanted: Rules, since: int, until: int) -> bool:
    """Whether what was learned of the time between (ns) under one is what the other would have taught.

    Other days have taught nothing: in a year of its package 64 of 249 countries got other holidays, 42 in the past.
    """
    return dumps(_between(saved, since, until)) == dumps(_between(wanted, since, until))


def _between(rules: Rules, since: int, until: int) -> Rules:
    holidays, day = rules.policy.holidays, round(DAY_S) * SECOND
    lived = range(since // day - 1, until // day + 2)  # wherever on earth the local day begins
    days = tuple(one for one in holidays.days if one in lived)
    return replace(rules, policy=replace(rules.policy, holidays=replace(holidays, days=days) if days else Holidays()))


@dataclass(slots=True)
class Renewal:
    """The log is learned anew for the reason `why`; until `share` of it is 1, `serving` is what serves."""

    why: str
    serving: str
    share: float = 0.0
    left_s: float | None = None


@dataclass(slots=True)
class Regime:
    """Under which rules is learned: those `wanted` by the settings, and the `mark` of those that serve.

    There is no mark where what serves is a makeshift that must not be saved.
    """

    wanted: Rules
    mark: str | None
    renewal: Renewal | None = None


def _readers() -> dict[str, object]:
    return {"fold": VERSION, "river": importlib.metadata.version("river")}
