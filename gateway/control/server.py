"""The gateway's side of the socket: takes requests, hands them to the loop, carries progress and answers back.

A request is one JSON line, `{"request": name, "arguments": {...}}`. What comes back are lines `{"progress": text}` and
at last one `{"answer": {...}}` or `{"error": text}`.
"""

import json
import logging
import os
import socket
import struct
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from queue import Empty, Queue
from typing import Any

from gateway.control.socket_path import address
from gateway.errors import RequestError

logger = logging.getLogger(__name__)

CALLERS = 8
"""At once; more are turned away."""

LINES = 64
"""Of progress that wait for a slow caller; beyond, they are dropped and counted."""

LONGEST = 65_536
"""Bytes of a request."""

PATIENCE_S = 5.0
"""How long a caller may take to say what it wants, and to take a line of the answer."""

LOOK_S = 0.2
"""How often the threads look whether they should end."""

CREDENTIALS = struct.Struct("3i")
"""Process, user and group of the other side (SO_PEERCRED in unix(7))."""


class Call:
    """One request; the loop's thread tells, answers and refuses, the caller's thread carries it away."""

    def __init__(self, name: str, arguments: Mapping[str, Any]) -> None:
        self.name = name
        self.arguments = arguments
        self.dropped = 0
        self.lines: Queue[bytes] = Queue(LINES)
        self.is_over = threading.Event()

    def tell(self, progress: str) -> None:
        """Say how far it is; dropped where the caller does not keep up."""
        if self.lines.qsize() < LINES - 1:  # the last place is the answer's
            self.lines.put_nowait(_line("progress", progress))
        else:
            self.dropped += 1

    def answer(self, result: Mapping[str, Any]) -> None:
        """It is done."""
        self._end(_line("answer", result))

    def refuse(self, reason: str) -> None:
        """It cannot be done."""
        self._end(_line("error", reason))

    def _end(self, line: bytes) -> None:
        self.lines.put_nowait(line)
        self.is_over.set()


class Server:
    """Listens beside the log that this process holds; `take` gives the loop what was asked."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._calls: Queue[Call] = Queue(CALLERS)
        self._slots = threading.BoundedSemaphore(CALLERS)
        self._stopping = threading.Event()
        self._listener: socket.socket | None = None
        self._thread = threading.Thread(target=self._listen, name="control", daemon=True)

    def start(self) -> None:
        """Listen from now on. A socket that lies there is a dead gateway's: the log has one holder, and that is us."""
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self.path.unlink(missing_ok=True)
            with address(self.path) as name:
                listener.bind(name)
            self.path.chmod(0o600)
            listener.listen(CALLERS)
        except OSError as error:
            listener.close()
            message = f"{self.path}: {error.strerror or error}"
            raise RequestError(message) from error
        listener.settimeout(LOOK_S)
        self._listener = listener
        self._thread.start()

    def stop(self) -> None:
        """Listen no more; who still waits is told."""
        self._stopping.set()
        if self._listener is None:
            return
        self._thread.join()
        self._listener.close()
        with suppress(OSError):  # a disk that cannot be written any more
            self.path.unlink(missing_ok=True)
        while (call := self.take()) is not None:
            call.refuse("the gateway is ending")

    def take(self) -> Call | None:
        """The oldest request that nobody has taken yet, None where there is none."""
        try:
            return self._calls.get_nowait()
        except Empty:
            return None

    def _listen(self) -> None:
        assert self._listener is not None  # noqa: S101 - started with it
        while not self._stopping.is_set():
            try:
                caller, _ = self._listener.accept()
            except TimeoutError:
                continue
            if not self._slots.acquire(blocking=False):
                _turn_away(caller)
                continue
            threading.Thread(target=self._serve, args=(caller,), name="control-caller", daemon=True).start()

    def _serve(self, caller: socket.socket) -> None:
        with caller:
            caller.settimeout(PATIENCE_S)
            try:
                call = _read(caller)
                self._calls.put_nowait(call)  # there are as many places as callers
                self._carry(caller, call)
            except RequestError as error:
                _send(caller, _line("error", str(error)))
            finally:
                self._slots.release()

    def _carry(self, caller: socket.socket, call: Call) -> None:
        """Send on what the loop says; a caller that hung up does not stop what it asked for."""
        while not (call.is_over.is_set() and call.lines.empty()):
            try:
                line = call.lines.get(timeout=LOOK_S)
            except Empty:
                if self._stopping.is_set():
                    _send(caller, _line("error", "the gateway is ending"))
                    return
                continue
            _send(caller, line)


def _turn_away(caller: socket.socket) -> None:
    with caller, suppress(OSError):
        caller.settimeout(LOOK_S)
        caller.sendall(_line("error", "too many requests at once"))
        caller.recv(LONGEST)  # what was sent and never read would cut the line before our word is read


def _read(caller: socket.socket) -> Call:
    """What the caller wants; `RequestError` where it may not ask or does not make itself understood."""
    _, user, _ = CREDENTIALS.unpack(caller.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size))
    if user not in {0, os.geteuid()}:
        logger.warning("user %d asked for something and was refused", user)
        message = "only the gateway's own user and root may ask"
        raise RequestError(message)
    try:
        with caller.makefile("rb") as file:
            tree = json.loads(file.readline(LONGEST))
        name, arguments = tree["request"], tree.get("arguments", {})
    except (OSError, ValueError, TypeError, LookupError, AttributeError) as error:
        message = "not a request"
        raise RequestError(message) from error
    if not (isinstance(name, str) and isinstance(arguments, dict)):
        message = "not a request"
        raise RequestError(message)
    return Call(name, arguments)


def _line(kind: str, content: object) -> bytes:
    return json.dumps({kind: content}, separators=(",", ":")).encode() + b"\n"


def _send(caller: socket.socket, line: bytes) -> None:
    try:
        caller.sendall(line)
    except OSError as error:
        logger.debug("a caller hung up: %s", error)
