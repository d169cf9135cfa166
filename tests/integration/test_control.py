"""The socket beside the log: asked by a real client, refused to strangers."""

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from brokers import wait_until

from gateway.control import Call, Server, ask, beside
from gateway.control.socket_path import address
from gateway.errors import RequestError

STRANGER = "import socket, sys; s = socket.socket(1); s.connect(sys.argv[1]); print(s.recv(1000).decode())"
"""A program of another user that asks for something."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """Give a server that listens, in a folder whose path is too long for a socket's name."""
    folder = tmp_path / ("long" * 30)
    folder.mkdir()
    server = Server(beside(folder / "gateway.db"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def asker() -> Iterator[ThreadPoolExecutor]:
    """Give threads to ask from."""
    with ThreadPoolExecutor(16) as pool:
        yield pool


def taken(server: Server) -> Call:
    """Return the next request, once it is there."""
    found: list[Call] = []

    def has_come() -> bool:
        call = server.take()
        found.extend([call] if call else [])
        return bool(found)

    wait_until(has_come, "a request comes")
    return found[0]


def asked(pool: ThreadPoolExecutor, server: Server, told: list[str] | None = None) -> "Future[dict[str, Any] | None]":
    """Ask from another thread."""
    heard: list[str] = [] if told is None else told
    return pool.submit(ask, server.path, "forget", {"device": "pump"}, heard.append)


def test_a_request_its_progress_and_its_answer(server: Server, asker: ThreadPoolExecutor) -> None:
    """They arrive whole and in order."""
    told: list[str] = []
    future = asked(asker, server, told)
    call = taken(server)
    assert (call.name, call.arguments) == ("forget", {"device": "pump"})
    call.tell("half way")
    call.answer({"removed": 3})
    assert future.result(10) == {"removed": 3}
    assert told == ["half way"]


def test_a_refusal_is_an_error(server: Server, asker: ThreadPoolExecutor) -> None:
    """The caller reads the reason."""
    future = asked(asker, server)
    taken(server).refuse("no such device")
    with pytest.raises(RequestError, match="no such device"):
        future.result(10)


def test_nobody_there(tmp_path: Path) -> None:
    """Without a gateway, and with the socket a dead one left behind, there is no answer and no error."""
    path = tmp_path / "gateway.db.sock"
    assert ask(path, "status", {}, print) is None
    dead = socket.socket(socket.AF_UNIX)
    with address(path) as name:
        dead.bind(name)
    dead.close()
    assert ask(path, "status", {}, print) is None


def test_the_socket_is_ours_alone_and_gone_afterwards(server: Server) -> None:
    """Its mode lets nobody else in; a stale one is replaced, ours is removed."""
    assert server.path.stat().st_mode & 0o777 == 0o600
    server.stop()
    assert not server.path.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user to try")
def test_another_user_is_refused_even_where_the_mode_lets_it_in(server: Server) -> None:
    """Who asks is what the kernel says, not what the file's mode happens to be."""
    server.path.chmod(0o666)
    with address(server.path) as name:  # by an open folder: the way there is closed to others
        folder = int(name.split("/")[4])
        child = subprocess.run(
            ["/usr/bin/env", "python3", "-c", STRANGER, name],
            user=65_534,
            pass_fds=[folder],
            capture_output=True,
            check=True,
        )
    assert json.loads(child.stdout) == {"error": "only the gateway's own user and root may ask"}


@pytest.mark.parametrize("nonsense", [b"", b"\n", b"nonsense\n", b"[]\n", b"{}\n", b'{"request": 1}\n', b"x" * 70_000])
def test_nonsense_is_refused_and_costs_nothing(server: Server, asker: ThreadPoolExecutor, nonsense: bytes) -> None:
    """A caller that does not speak our language ends itself; the next is served."""
    with socket.socket(socket.AF_UNIX) as line:
        with address(server.path) as name:
            line.connect(name)
        line.sendall(nonsense)
        line.shutdown(socket.SHUT_WR)
        with line.makefile("rb") as file:
            assert json.loads(file.readline()) == {"error": "not a request"}
    future = asked(asker, server)
    taken(server).answer({})
    assert future.result(10) == {}


def test_more_callers_than_places_are_turned_away(server: Server, asker: ThreadPoolExecutor) -> None:
    """Eight wait; the ninth is told at once."""
    futures = [asked(asker, server) for _ in range(8)]
    calls = [taken(server) for _ in futures]
    with pytest.raises(RequestError, match="too many"):
        asked(asker, server).result(10)
    for call in calls:
        call.answer({})
    assert [future.result(10) for future in futures] == [{}] * 8


def test_who_waits_is_told_that_the_gateway_ends(server: Server, asker: ThreadPoolExecutor) -> None:
    """Nobody waits for ever for an answer that will not come."""
    waiting, working = asked(asker, server), asked(asker, server)
    call = taken(server)
    server.stop()
    for future in (waiting, working):
        with pytest.raises(RequestError, match="ending"):
            future.result(10)
    assert not call.is_over.is_set()


def test_a_caller_that_hangs_up_does_not_stop_what_it_asked_for(server: Server) -> None:
    """The work is done; only nobody hears of it."""
    with socket.socket(socket.AF_UNIX) as line:
        with address(server.path) as name:
            line.connect(name)
        line.sendall(b'{"request": "forget"}\n')
        call = taken(server)
    for number in range(50):
        call.tell(str(number))
    call.answer({})
    wait_until(call.lines.empty, "the lines are taken")
