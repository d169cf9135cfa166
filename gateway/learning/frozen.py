"""A River estimator as JSON and back, without pickle: only River's own classes are ever instantiated.

River's objects describe themselves by `__reduce_ex__`: a class, its arguments and a state. That description is written
down as data. Reading it back looks classes up among River's and calls nothing else, so a hostile file can at worst
give a wrong model. Shared objects (one random generator in all trees of a forest) stay shared.
"""

import base64
import copyreg
import importlib
import random
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable
from statistics import NormalDist
from types import MethodType
from typing import Any, Literal, TypeAlias

import numpy as np

from gateway.errors import StateError

Json: TypeAlias = Any
"""What `json` reads and writes: plain values, and `[tag, number, ...]` for everything else."""

SEQUENCES: dict[str, Callable[[Iterable[Any]], Any]] = {"tuple": tuple, "set": set, "frozenset": frozenset}
MAPPINGS: dict[str, Callable[[], Any]] = {"dict": dict, "Counter": Counter, "OrderedDict": OrderedDict}


def freeze(model: object) -> Json:
    """The whole state of a River estimator as JSON; floats are exact. Raises `StateError` for what is not River's."""
    return _Freezer().freeze(model)


def thaw(data: Json, like: object) -> Any:  # noqa: ANN401 - whatever `like` is
    """The estimator that `freeze` described.

    `like` is a freshly constructed one: what cannot be data (the default of a `defaultdict`) is taken from it.
    Raises `StateError` where the description does not fit this version of River.
    """
    try:
        return _Thawer().thaw(data, like)
    except (LookupError, TypeError, ValueError, AttributeError, ImportError, ArithmeticError, RecursionError) as error:
        message = f"a saved model does not fit: {error}"
        raise StateError(message) from error


class _Freezer:
    def __init__(self) -> None:
        self.numbers: dict[int, int] = {}
        self.kept: list[object] = []  # keeps ids unique while we walk

    def freeze(self, value: object) -> Json:
        if value is None or type(value) in {bool, int, str}:
            return value
        if type(value) is float:  # not numpy's, which behaves differently and is kept as what it is
            return ["float", -1, value.hex()]
        if id(value) in self.numbers:
            return ["same", -1, self.numbers[id(value)]]
        self.numbers[id(value)] = number = len(self.numbers)
        self.kept.append(value)
        tag, *content = self._content(value)
        return [tag, number, *content]

    def _all(self, values: Iterable[object] | None) -> list[Json]:
        return [self.freeze(value) for value in values or ()]

    def _content(self, value: object) -> list[Json]:  # noqa: C901, PLR0911, PLR0912 - one case per type, nothing else
        kind = type(value).__name__
        match value:
            case bytes():
                return ["bytes", base64.b85encode(value).decode()]
            case np.ndarray() | np.generic():
                return ["array", *_array(np.asarray(value)), isinstance(value, np.generic)]
            case random.Random():
                return ["random", self.freeze(value.getstate())]
            case NormalDist():
                return ["normal", value.mean.hex(), value.stdev.hex()]
            case MethodType():
                return ["method", value.__name__, self.freeze(value.__self__)]
            case _ if _is_rivers(type(value)):
                return self._instance(value)
            case deque():
                return ["deque", value.maxlen, self._all(value)]
            case dict():
                return ["mapping", kind, self._all(value.keys()), self._all(value.values())]
            case list():
                return ["list", self._all(value)]
            case tuple():
                return ["sequence", kind, self._all(value)]
            case set() | frozenset():
                return ["sequence", kind, self._all(sorted(value, key=repr))]
            case _ if callable(value):
                return _callable(value)
            case _:
                message = f"cannot freeze {type(value).__module__}.{type(value).__qualname__}"
                raise StateError(message)

    def _instance(self, value: object) -> list[Json]:
        call, arguments, state, items, pairs = (*value.__reduce_ex__(4), None, None, None)[:5]
        by_new = call is copyreg.__newobj__  # type: ignore[attr-defined]
        name = f"{type(value).__module__}:{type(value).__qualname__}"
        keys, values = zip(*pairs, strict=True) if pairs else ((), ())
        parts = [
            self._all(arguments[by_new:]),
            self.freeze(state),
            self._all(items),
            self._all(keys),
            self._all(values),
        ]
        return ["instance", name, by_new, *parts]


def _callable(value: Callable[..., Any]) -> list[Json]:
    name = f"{getattr(value, '__module__', '')}:{getattr(value, '__qualname__', '')}"
    if name.startswith("river.") and "<" not in name:  # a plain function, found again by its name
        return ["function", name]
    return ["unnamed"]  # a lambda or a closure: the constructor makes it anew


def _array(array: "np.ndarray[Any, Any]") -> list[Json]:
    if array.dtype.hasobject:
        message = "cannot freeze an array of objects"
        raise StateError(message)
    is_fortran = array.flags.f_contiguous and not array.flags.c_contiguous
    order: Literal["C", "F"] = "F" if is_fortran else "C"  # the layout decides how sums round
    return [array.dtype.str, list(array.shape), order, base64.b85encode(array.tobytes(order)).decode()]


class _Thawer:
    """One method per tag; `number` is how the value is referred to again, `like` its fresh counterpart, if any."""

    def __init__(self) -> None:
        self.made: dict[int, Any] = {}

    def thaw(self, data: Json, like: object = None) -> Any:  # noqa: ANN401 - any value a model may hold
        if not isinstance(data, list):
            return data
        tag, number, *content = data
        made = getattr(self, f"_{tag}")(number, like, *content)
        self.made[number] = made
        return made

    def _all(self, values: list[Json]) -> list[Any]:
        return [self.thaw(value) for value in values]

    def _float(self, _number: int, _like: object, text: str) -> float:
        return float.fromhex(text)

    def _same(self, _number: int, _like: object, number: int) -> object:
        return self.made[number]

    def _bytes(self, _number: int, _like: object, text: str) -> bytes:
        return base64.b85decode(text)

    def _array(self, _number: int, _like: object, *content: Json) -> object:
        kind, shape, order, text, is_scalar = content
        array = np.frombuffer(base64.b85decode(text), dtype=np.dtype(kind)).reshape(shape, order=order).copy("K")
        return array[()] if is_scalar else array

    def _random(self, _number: int, _like: object, state: Json) -> random.Random:
        generator = random.Random()  # noqa: S311 - a model's own sampling
        generator.setstate(self.thaw(state))
        return generator

    def _normal(self, _number: int, _like: object, mean: str, deviation: str) -> NormalDist:
        return NormalDist(float.fromhex(mean), float.fromhex(deviation))

    def _method(self, _number: int, _like: object, name: str, of: Json) -> object:
        return getattr(self.thaw(of), name)

    def _function(self, _number: int, _like: object, name: str) -> object:
        return _find(name)

    def _unnamed(self, _number: int, like: object) -> object:
        if like is None:
            message = "a saved model holds a function that its constructor does not make anew"
            raise StateError(message)
        return like

    def _list(self, number: int, _like: object, values: list[Json]) -> list[Any]:
        made: list[Any] = []
        self.made[number] = made  # before its items, which may refer to it
        made.extend(self._all(values))
        return made

    def _sequence(self, _number: int, _like: object, kind: str, values: list[Json]) -> object:
        return SEQUENCES[kind](self._all(values))

    def _deque(self, number: int, _like: object, maxlen: int | None, values: list[Json]) -> "deque[Any]":
        made: deque[Any] = deque(maxlen=maxlen)
        self.made[number] = made
        made.extend(self._all(values))
        return made

    def _mapping(self, number: int, like: object, kind: str, *content: list[Json]) -> object:
        if kind == "defaultdict":
            made: Any = defaultdict(like.default_factory if isinstance(like, defaultdict) else None)
        else:
            made = MAPPINGS[kind]()
        self.made[number] = made
        template = like if isinstance(like, dict) else {}
        for key, value in zip(self._all(content[0]), content[1], strict=True):
            made[key] = self.thaw(value, template.get(key))
        return made

    def _instance(self, number: int, like: object, name: str, by_new: bool, *parts: Json) -> object:  # noqa: FBT001
        kind = _find(name)
        if not isinstance(kind, type):
            message = f"{name} is not a class"
            raise StateError(message)
        arguments, state, items, keys, values = parts
        made: Any = kind.__new__(kind, *self._all(arguments)) if by_new else kind(*self._all(arguments))
        self.made[number] = made
        _set_state(made, self.thaw(state, vars(like) if type(like) is kind and hasattr(like, "__dict__") else None))
        for item in items:
            made.append(self.thaw(item))
        for key, value in zip(keys, values, strict=True):
            made[self.thaw(key)] = self.thaw(value)
        return made


def _is_rivers(kind: object) -> bool:
    return str(getattr(kind, "__module__", "")).startswith("river.")


def _find(name: str) -> object:
    module, _, path = name.partition(":")
    found: object = importlib.import_module(module) if module.startswith("river.") else None
    for part in path.split("."):
        found = getattr(found, part)
    if not _is_rivers(found):  # River's modules hold others' names too
        message = f"{name} is not one of River's"
        raise StateError(message)
    return found


def _set_state(made: Any, state: Any) -> None:  # noqa: ANN401 - any of River's objects
    if hasattr(made, "__setstate__") and state is not None:
        made.__setstate__(state)
        return
    attributes, slots = state if isinstance(state, tuple) else (state, None)
    for name, value in {**(attributes or {}), **(slots or {})}.items():
        object.__setattr__(made, name, value)
