"""The command line's side of the socket."""

import json
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gateway.control.socket_path import address
from gateway.errors import RequestError


def ask(path: Path, name: str, arguments: Mapping[str, Any], tell: Callable[[str], None]) -> dict[str, Any] | None:
    """What the running gateway answers, None where none is running; raises `RequestError` where it refuses.

    `tell` is given each line of progress. There is no limit to how long it takes.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        try:
            with address(path) as way:
                line.connect(way)
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        except OSError as error:
            message = f"{path}: {error.strerror or error}"
            raise RequestError(message) from error
        try:
            line.sendall(json.dumps({"request": name, "arguments": dict(arguments)}).encode() + b"\n")
            return _answer(line, tell)
        except OSError as error:
            message = f"the gateway ended before it answered: {error.strerror or error}"
            raise RequestError(message) from error


def _answer(line: socket.socket, tell: Callable[[str], None]) -> dict[str, Any]:
    with line.makefile("rb") as file:
        for said in map(json.loads, file):
            if "progress" in said:
                tell(said["progress"])
            elif "error" in said:
                raise RequestError(said["error"])
            else:
                answer: dict[str, Any] = said["answer"]
                return answer
    message = "the gateway ended before it answered"
    raise RequestError(message)
