"""What systemd hears."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.supervisor import Supervisor


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    """Give the socket on which systemd would listen."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.setblocking(False)  # noqa: FBT003 - the vendor's word
        yield listening


def heard(listening: socket.socket) -> list[bytes]:
    """Return what was said so far."""
    found = []
    while True:
        try:
            found.append(listening.recv(100))
        except BlockingIOError:
            return found


def test_it_says_ready_alive_and_stopping(systemd: socket.socket) -> None:
    """In sd_notify's words."""
    ours = Supervisor({"NOTIFY_SOCKET": systemd.getsockname(), "WATCHDOG_USEC": "2000000"}, lambda: 10.0)
    ours.ready()
    ours.alive()
    ours.stopping()
    assert heard(systemd) == [b"READY=1", b"WATCHDOG=1", b"STOPPING=1"]


def test_it_is_alive_twice_in_the_time_it_is_given(systemd: socket.socket) -> None:
    """However often the loop goes round."""
    now = [0.0]
    ours = Supervisor({"NOTIFY_SOCKET": systemd.getsockname(), "WATCHDOG_USEC": "2000000"}, lambda: now[0])
    for step in range(100):
        now[0] = 100 + step / 10
        ours.alive()
    assert len(heard(systemd)) == 10


def test_without_a_watchdog_it_is_not_told(systemd: socket.socket) -> None:
    """Nobody waits for it."""
    ours = Supervisor({"NOTIFY_SOCKET": systemd.getsockname()}, lambda: 0.0)
    ours.alive()
    assert heard(systemd) == []


def test_nobody_there_is_no_trouble() -> None:
    """A gateway started by hand speaks to nobody."""
    ours = Supervisor({}, lambda: 0.0)
    ours.ready()
    ours.alive()
    ours.stopping()
