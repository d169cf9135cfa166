"""How many false alarms each stream may raise: what the user accepts of a device, shared out among its sensors."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gateway.learning.rows import positions
from gateway.records import Floats, Ints


class Budget(NamedTuple):
    """The seconds between two false alarms that are acceptable, for what matches the shell patterns.

    With `sensors` left at `*` it is shared by all sensors of a device; otherwise each that matches has it alone.
    """

    devices: str
    sensors: str
    budget_s: float

    @property
    def is_shared(self) -> bool:
        """Whether it is meant for a device as a whole."""
        return self.sensors == "*"


class Budgets:
    """The budget of every stream.

    A device's budget is shared among its sensors that have been heard and, from the second on, their togetherness. A
    sensor counts from its first reading on, which is a moment of the log however its readings are batched.
    """

    def __init__(self, budget_s: float, rules: Sequence[Budget]) -> None:
        self._rules = [*rules, Budget("*", "*", budget_s)]
        self._device_of: Ints = np.zeros(0, np.int64)
        self._base_s: Floats = np.zeros(0)
        self._is_shared: npt.NDArray[np.bool_] = np.zeros(0, bool)
        self._heard: Ints = np.zeros(0, np.int64)

    def grow(self, device_of: Ints, names: Sequence[tuple[str, str]]) -> None:
        """Take note of new streams: the devices of all, and the names (device, sensor) of the new ones."""
        found = [self._rule(device, sensor) for device, sensor in names]
        self._base_s = np.append(self._base_s, [rule.budget_s for rule in found])
        self._is_shared = np.append(self._is_shared, np.array([rule.is_shared for rule in found], bool))
        self._device_of = device_of
        devices = int(device_of.max(initial=-1)) + 1
        self._heard = np.append(self._heard, np.zeros(devices - len(self._heard), np.int64))

    def _rule(self, device: str, sensor: str) -> Budget:
        return next(
            rule for rule in self._rules if fnmatchcase(device, rule.devices) and fnmatchcase(sensor, rule.sensors)
        )

    def of_device(self, device: str) -> float:
        """The seconds between two false alarms of a whole device."""
        return next(rule.budget_s for rule in self._rules if rule.is_shared and fnmatchcase(device, rule.devices))

    def count(self, is_heard: npt.NDArray[np.bool_]) -> None:
        """Count anew the sensors that have been heard, after a state was loaded or taken over."""
        self._heard = np.bincount(self._device_of[is_heard], minlength=len(self._heard))

    def spread(self, stream: Ints, is_unheard: npt.NDArray[np.bool_]) -> Floats:
        """For each reading, the seconds between two false alarms of its stream; then count the sensors heard first."""
        devices = self._device_of[stream]
        sensors = self._heard[devices]
        if is_unheard.any():
            is_new = np.zeros(len(stream), np.int64)
            places = positions(is_unheard)
            is_new[places[np.unique(stream[places], return_index=True)[1]]] = 1
            sensors = sensors + _so_far(devices, is_new)
            self._heard += np.bincount(devices, weights=is_new, minlength=len(self._heard)).astype(np.int64)
        return np.asarray(self._base_s[stream] * np.where(self._is_shared[stream], shares(sensors), 1.0))


def shares(sensors: Ints) -> Floats:
    """How much rarer each of so many sensors, and what is judged of them together, is to alarm than the whole device.

    The number of them to the power of 1.5. With the number itself devices of four healthy sensors raised twice what was
    asked for while single ones held it: the farther tails reach beyond what a stream has lived through, the less they
    hold.
    """
    number = sensors + (sensors > 1)
    return np.asarray(number * np.sqrt(number))


def _so_far(groups: Ints, count: Ints) -> Ints:
    """For each place the sum of `count` over the places of its group up to and with it."""
    order = np.argsort(groups, kind="stable")
    total = np.cumsum(count[order])
    ordered = groups[order]
    starts = positions(np.append(True, ordered[1:] != ordered[:-1]))
    before = np.repeat(total[starts] - count[order][starts], np.diff(np.append(starts, len(groups))))
    found = np.empty(len(groups), np.int64)
    found[order] = total - before
    return found
