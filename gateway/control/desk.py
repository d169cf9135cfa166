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
    """What is done on a request; two that are `is_exclusive` are never worked on at once."""

    work: Callable[[Mapping[str, Any]], Work]
    is_exclusive: bool = False


@dataclass(slots=True)
class Task:
    """A request that is being worked on."""

    call: Call
    work: Work
    is_exclusive: bool
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
        self._waiting: list[tuple[Call, Handler]] = []
        self._tasks: list[Task] = []

    def __bool__(self) -> bool:
        """Whether there is work to do now."""
        return bool(self._tasks)

    def step(self) -> None:
        """Begin what was asked since, and do a slice of all that has begun."""
        while (call := self._line.take()) is not None:
            self._accept(call)
        for call, handler in list(self._waiting):
            if not (handler.is_exclusive and any(task.is_exclusive for task in self._tasks)):
                self._waiting.remove((call, handler))
                self._tasks.append(Task(call, handler.work(call.arguments), handler.is_exclusive))
        self._tasks = [task for task in self._tasks if not _advance(task)]

    def _accept(self, call: Call) -> None:
        if call.name in self.handlers:
            self._waiting.append((call, self.handlers[call.name]))
        else:
            call.refuse(f"{call.name!r} is unknown; known are {', '.join(self.handlers)}")


def _advance(task: Task) -> bool:
    """Do a slice; whether that was the last."""
    try:
        progress = next(task.work)
    except StopIteration as end:
        task.call.answer(end.value)
    except GatewayError as error:
        task.call.refuse(str(error))
    else:
        now = time.monotonic()
        if now - task.told_at > TELL_S:
            task.told_at = now
            task.call.tell(progress)
        return False
    return True
