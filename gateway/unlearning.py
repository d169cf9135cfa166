"""Forgetting and undoing, on request.

What is touched is folded again, aside and in slices while the loop goes on; then it takes the place of what was known.
Devices are independent, so of one device only its own readings are.
"""

import json
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from difflib import get_close_matches
from functools import partial
from glob import escape
from typing import Any, TypeVar

from gateway.alarms.succession import succession
from gateway.codecs.outgoing import iso
from gateway.codecs.topics import NO_LEVEL
from gateway.control import Handler, Work
from gateway.errors import RequestError
from gateway.house import SLICE_S, House, Slices, saved, switch
from gateway.journal import Forgetting, Reader, files_with
from gateway.records import Incident, Span, Undone
from gateway.recovery import Fold
from gateway.shard import Shard

Answer = TypeVar("Answer")


def handlers(house: House) -> dict[str, Handler]:
    """What can be asked of a house."""
    return {name: Handler(partial(work, house), is_exclusive=True) for name, work in WORKS.items()}


def forget(house: House, arguments: Mapping[str, Any]) -> Work:
    """Take readings of a device out of everything, as if they had never come; the answer is the receipt."""
    gone = _span(arguments)
    if gone.device is None:
        message = "say which device is to be forgotten"
        raise RequestError(message)
    _refuse_unknown_sensor(house.shard, gone.device, gone.sensor)
    before = _digest(house, gone.device)
    fold = yield from _folded(house, gone)
    made = _with(house.shard, gone.device, fold.shard, is_forgotten=gone.is_whole)
    house.serve(made, [each for each in _changes(house, made) if not (gone.is_whole and each.device == gone.device)])
    mark = house.regime.mark
    after, parts = _digest(house, gone.device), saved(house.shard) if mark is not None else {}
    order = Forgetting(gone, fold.said, fold.told)
    taken = house.write(lambda: house.journal.forget(order, mark or "", parts))
    yield from _written(taken, lambda: f"taking out: {order.removed['readings']} readings")
    is_empty = yield from _written(house.write(house.journal.empty_the_wal), lambda: "writing")
    removed = dict(+order.removed)
    is_known = before is not None or bool(removed)
    return {
        "forgotten": _told(gone),
        "known": is_known,
        "called alike": [] if is_known else get_close_matches(gone.device, house.shard.directory.devices),
        "removed from the log": removed,
        "beside the log": {name: door(gone) for name, door in house.doors.items()},
        "write-ahead log emptied": is_empty,
        "the log begins": iso(fold.begins) if fold.begins is not None else None,
        "state before": before,
        "state after": after,
        "verified": (yield from _verified(house, gone)) if arguments.get("verify") else None,
    }


def undo(house: House, arguments: Mapping[str, Any]) -> Work:
    """Unlearn what a device, or all, said in a time; the readings stay in the history."""
    span = _span(arguments)
    if span.sensor is not None or span.is_all_time:
        message = "say from when or until when nothing is to be learned"
        raise RequestError(message)
    if span.device is not None and house.shard.directory.device_row(span.device) is None:
        message = f"no device is called {span.device!r}"
        raise RequestError(message)
    fold = yield from _folded(house, span)
    entry = Undone(house.now(), span.device, span.since, span.until)
    made = fold.shard if span.device is None else _with(house.shard, span.device, fold.shard, is_forgotten=False)
    switch(house, made, entry, _changes(house, made), house.regime.mark)
    return {"undone": _told(span), "learned anew": fold.readings}


WORKS: dict[str, Callable[[House, Mapping[str, Any]], Work]] = {"forget": forget, "undo": undo}


def _changes(house: House, made: Shard) -> list[Incident]:
    """What people are to be told when this takes the place of what is known; nothing of it becomes another's id."""
    with Reader(house.journal.path) as log:
        return succession(log.open_incidents(), made.incidents, keeps_ids=False).told(house.now())


def _refuse_unknown_sensor(shard: Shard, device: str, sensor: str | None) -> None:
    """A name mistyped must cost nothing: with a sensor go the forecasts and incidents of its device."""
    rows = [] if (row := shard.directory.device_row(device)) is None else shard.directory.rows_of[row]
    known = [shard.directory.streams[stream][1] for stream in rows]
    if sensor is not None and sensor not in known:
        message = f"{device!r} has no sensor {sensor!r}; known are {', '.join(known) or 'none'}"
        raise RequestError(message)


def _folded(house: House, gone: Span) -> Slices[Fold]:
    """What is known of a device, or of all, without what is gone; up to the newest entry of the log."""
    with Reader(house.journal.path) as log:
        if gone.is_whole:  # there is nothing left to learn
            house.settle()
            return Fold(Shard(house.shard.rules), log, log.last(), device=gone.device, gone=gone)
        fold = Fold(Shard(house.shard.rules), log, device=gone.device, gone=gone)
        yield from _advanced(house, fold)
        return fold


def _advanced(house: House, fold: Fold) -> Slices[None]:
    """Fold to the end of the log in slices; when this returns, nothing has been learned that is not in it."""
    while fold.advance(SLICE_S):
        yield f"learning anew: {fold.readings} readings"
    house.settle()
    fold.advance()


def _with(shard: Shard, device: str, anew: Shard, *, is_forgotten: bool) -> Shard:
    """The shard with another state of one device."""
    made = Shard(shard.rules)
    made.calendar = shard.calendar
    if is_forgotten:
        made.calendar.announced.pop(escape(device), None)
    made.adopt(shard, set(shard.directory.devices) - {device})
    made.adopt(anew, {device})
    return made


def _written(future: "Future[Answer]", told: Callable[[], str]) -> Slices[Answer]:
    """Wait for the writer, a slice at a time, and tell how far it is."""
    while True:
        try:
            return future.result(SLICE_S)
        except NotYet:
            yield told()


def _digest(house: House, device: str) -> str | None:
    return None if house.shard.directory.device_row(device) is None else house.shard.digest(device)


def _verified(house: House, gone: Span) -> Slices[dict[str, Any]]:
    """Fold the log as it is now from its beginning, and look for the name in the bytes of the files."""
    assert gone.device is not None  # noqa: S101 - checked when asked
    fold = yield from _folded(house, Span(gone.device, "", 0, 0))
    house_state, log_state = _digest(house, gone.device), None
    if fold.shard.directory.device_row(gone.device) is not None:
        log_state = fold.shard.digest(gone.device)
    found: dict[str, Any] = {"state of a gateway that never saw it": log_state, "is ours": house_state == log_state}
    if gone.is_whole:
        for holding in files_with(house.journal.path, _spellings(gone.device), SLICE_S):
            found["files that hold the name"] = holding
            yield "looking through the files of the log"
        if found["files that hold the name"]:
            found["names that it is part of"] = _names_around(house, gone.device)
    return found


def _spellings(name: str) -> tuple[bytes, ...]:
    """A name as it may stand in a file: as it is, and as JSON that is all ASCII has it."""
    return tuple(dict.fromkeys((name.encode(), json.dumps(name)[1:-1].encode())))


def _names_around(house: House, name: str) -> list[str]:
    """Other devices and sensors whose names hold this one: bytes of `pump-1` are found in `pump-11`, too.

    And the settings, which stand beside each checkpoint.
    """
    named = ["the settings"] if name in (house.regime.mark or "") else []
    return sorted({other for stream in house.shard.directory.streams for other in stream if name in other}) + named


def _span(arguments: Mapping[str, Any]) -> Span:
    """What is asked for; `RequestError` where it makes no sense."""
    given = {name: arguments[name] for name in Span._fields if arguments.get(name) is not None}
    kinds = {"device": str, "sensor": str, "since": int, "until": int}
    wrong = [name for name, value in given.items() if not isinstance(value, kinds[name]) or value == ""]
    if wrong:
        message = f"{wrong[0]}: {given[wrong[0]]!r} makes no sense"
        raise RequestError(message)
    span = Span(**{"device": None, **given})
    if set(span.device or "") & NO_LEVEL:
        message = f"device: {span.device!r} is not one level of a topic, as every device's name is"
        raise RequestError(message)
    if span.since >= span.until:
        message = "it ends before it begins"
        raise RequestError(message)
    return span


def _told(span: Span) -> dict[str, str | None]:
    return {
        "device": span.device,
        "sensor": span.sensor,
        "from": None if span.since == Span(None).since else iso(span.since),
        "to": None if span.until == Span(None).until else iso(span.until),
    }
