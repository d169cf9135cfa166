"""The state of a fleet as bytes: arrays as they are, models of the user's choice as JSON, in one archive."""

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np

from gateway.errors import StateError
from gateway.learning import stock
from gateway.learning.chosen import ChosenDetector, ChosenForecaster
from gateway.learning.frozen import freeze, thaw
from gateway.learning.rows import Array
from gateway.learning.surprise import Surprise

OWN = (Surprise, ChosenDetector, stock.SeriesForecaster, stock.LagForecaster)
"""Our own parts inside a learner; everything else in it is River's or plain data."""

DAMAGED = "the saved state is damaged or of another version"
_MODELS = "models.json"


def pack(models: Mapping[str, Any], arrays: Mapping[str, Array]) -> bytes:
    """What `unpack` takes apart again; equal states are equal bytes."""
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        file.writestr(_entry(_MODELS), json.dumps(models, separators=(",", ":")))
        for name, array in arrays.items():
            one = io.BytesIO()
            np.save(one, array, allow_pickle=False)
            file.writestr(_entry(name), one.getvalue())
    return body.getvalue()


def unpack(body: bytes) -> tuple[dict[str, Any], dict[str, Array]]:
    """Models and arrays of a packed state; raises `StateError` where it is none."""
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as file:
            names = [name for name in file.namelist() if name != _MODELS]
            arrays = {name: np.load(io.BytesIO(file.read(name)), allow_pickle=False) for name in names}
            return json.loads(file.read(_MODELS)), arrays
    except (zipfile.BadZipFile, LookupError, ValueError, EOFError) as error:
        message = f"{DAMAGED}: {error}"
        raise StateError(message) from error


def _entry(name: str) -> zipfile.ZipInfo:
    """An archive member without a time of its own."""
    return zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))


def dump(learner: object) -> dict[str, Any]:
    """A learner with a model of the user's choice as plain data."""
    return {name: dump(value) if isinstance(value, OWN) else freeze(value) for name, value in vars(learner).items()}


def load(learner: object, state: Mapping[str, Any]) -> None:
    """Let a learner of the same kind become what was dumped."""
    if isinstance(learner, ChosenForecaster) and state["before"] is not None:
        learner.keep()
    for name, value in vars(learner).items():
        if isinstance(value, OWN):
            load(value, state[name])
        else:
            setattr(learner, name, thaw(state[name], value))
