"""The fleet: which devices there are and what they are called."""

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from device_sim.errors import UsageError
from device_sim.kinds import recording
from device_sim.kinds.climate import CLIMATE
from device_sim.kinds.cooling import FREEZER, FRIDGE
from device_sim.kinds.kind import Kind
from device_sim.kinds.meter import METER
from device_sim.kinds.presence import DOOR, MOTION
from device_sim.kinds.pump import PUMP
from device_sim.kinds.wearable import WEARABLE

KINDS = {kind.name: kind for kind in (CLIMATE, FREEZER, FRIDGE, PUMP, METER, WEARABLE, DOOR, MOTION)}
REPLAY = "replay"
DEFAULT_KINDS = "climate,freezer,pump,meter,wearable,door,replay,motion"


def kinds_of(spec: str, recordings: Sequence[Path], interval_s: float | None, start: float) -> list[Kind]:
    """Return the kinds that `spec` lists; `replay` stands for the recordings, WaterFlow if there are none.

    Raises:
        UsageError: A kind is not known or a recording cannot be read.
    """
    kinds: list[Kind] = []
    for name in (item.strip() for item in spec.split(",")):
        if name == REPLAY:
            kinds += [_replay(path, interval_s, start) for path in recordings or [recording.water_flow()]]
        elif name in KINDS:
            kinds.append(KINDS[name].every(interval_s))
        else:
            message = f"--kinds: no kind is called {name!r}; there are {', '.join([*KINDS, REPLAY])}"
            raise UsageError(message)
    return kinds


def _replay(path: Path, interval_s: float | None, start: float) -> Kind:
    name = re.sub(r"[^a-z0-9]+", "", path.name.lower().split(".")[0]) or "recording"
    return recording.replay(name, recording.load(path).paced(interval_s), start)


def roster(kinds: Sequence[Kind], count: int) -> list[tuple[str, Kind]]:
    """Return the name and kind of each device: `climate-01`, `freezer-02`, and so on in turn.

    A recording is one device's life, so it is given to one device only, unless there is nothing but recordings.
    """
    width = max(2, len(str(count)))
    return [(f"{kind.name}-{n:0{width}}", kind) for n, kind in enumerate(islice(_in_turn(kinds), count), start=1)]


def _in_turn(kinds: Sequence[Kind]) -> Iterator[Kind]:
    yield from kinds
    lasting = [kind for kind in kinds if kind.name in KINDS] or kinds
    while True:
        yield from lasting
