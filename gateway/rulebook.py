"""The rules of a fold as text, which stands beside each checkpoint: who can read it goes on under the same rules."""

import importlib.metadata
import json
from dataclasses import dataclass, replace

from pydantic import TypeAdapter

from gateway.learning.fleet import VERSION
from gateway.shard import Rules

PUBLISHED = ("horizons_s", "coverage", "bounds")
"""What is only published of what was learned: it may change without learning anything again."""

_RULES = TypeAdapter(Rules)


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
