"""Where requests are worked on: in the loop's thread, slice by slice, between batches."""

import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from gateway.control.server import Call
from gateway.errors import GatewayError

Work: TypeAlias = Generator[str, None, Mapping[str, Any]]
"""What a request needs: each `yield` ends a slice and says how far it is, what is returned is the answer.

A slice should take some 20 ms: as long, readings wait. `RequestError` says that it cannot be done.
"""

TELL_S = 0.5
"""How often a caller is told how far it is."""


@dataclass(frozen=True, slots=True)
class Handler:
    """What is done on a request; two that are `is_exclusive` are never worked on at once.

    One that `gives_way` to others is broken off and begun anew behind them, and done once for all who ask for it.
    """

    work: Callable[[Mapping[str, Any]], Work]
    is_exclusive: bool = False
    gives_way: bool = False


@dataclass(slots=True)
class Task:
    """A request, and who wants it; it waits until there is `work`."""

    calls: list[Call]
    handler: Handler
    work: Work | None = None
    told_at: float = 0.0


class Line(Protocol):
    """Where requests come from."""

    def take(self) -> Call | None:
        """The next request, None where there is none."""
        ...


class Desk:
    """Takes requests and gives each one slice a turn."""

    def __init__(self, line: Line) -> None:
        self.handlers: dict[str, Handler] = {}
        self._line = line
        self._tasks: list[Task] = []

    def __bool__(self) -> bool:
        """Whether there is work to do now."""
        return bool(self._tasks)

    def begin(self, name: str) -> None:
        """Do what nobody asked for."""
        self._accept(Call(name, {}))

    def step(self) -> None:
        """Begin what was asked since, and do a slice of all that has begun."""
        while (call := self._line.take()) is not None:
            self._accept(call)
        if any(task.handler.is_exclusive and not (task.work or task.handler.gives_way) for task in self._tasks):
            self.put_off()
        for task in self._tasks:
            is_busy = any(other.work for other in self._tasks if other.handler.is_exclusive)
            if task.work is None and not (task.handler.is_exclusive and is_busy):
                task.work = task.handler.work(task.calls[0].arguments)
        self._tasks = [task for task in self._tasks if not _advance(task)]

    def put_off(self) -> None:
        """Break off what gives way: it waits behind all others."""
        for task in self._tasks:
            if task.handler.gives_way and task.work is not None:
                task.work.close()
                task.work = None
        self._tasks.sort(key=lambda task: task.handler.gives_way)

    def _accept(self, call: Call) -> None:
        handler = self.handlers.get(call.name)
        if handler is None:
            call.refuse(f"{call.name!r} is unknown; known are {', '.join(self.handlers)}")
            return
        same = [task for task in self._tasks if handler.gives_way and task.handler is handler]
        if same:
            same[0].calls.append(call)
        else:
            self._tasks.append(Task([call], handler))


def _advance(task: Task) -> bool:
    """Do a slice of what has begun; whether that was the last."""
    if task.work is None:
        return False
    try:
        progress = next(task.work)
    except StopIteration as end:
        for call in task.calls:
            call.answer(end.value)
    except GatewayError as error:
        for call in task.calls:
            call.refuse(str(error))
    else:
        now = time.monotonic()
        if now - task.told_at > TELL_S:
            task.told_at = now
            for call in task.calls:
                call.tell(progress)
        return False
    return True
