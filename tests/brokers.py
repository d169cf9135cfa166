"""A real mosquitto for tests: started on a free loopback port in a folder of its own, killed and restarted at will."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

DEADLINE_S = 10.0
"""Long enough for a loaded CI machine; reached only when something is broken."""

ROOMY = ("max_queued_messages 0", "max_inflight_messages 0")
"""Lines that lift mosquitto's limits, beyond which it acknowledges and drops."""


def mosquitto_program() -> str | None:
    """Return the path of mosquitto, which Debian puts where ordinary users do not look; None where there is none."""
    return shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


def free_port() -> int:
    """Return a loopback port that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(is_true: Callable[[], object], what: str, deadline_s: float = DEADLINE_S) -> None:
    """Wait for a condition; AssertionError saying `what` did not happen in time."""
    end = time.monotonic() + deadline_s
    while not is_true():
        assert time.monotonic() < end, f"not within {deadline_s:g} s: {what}"
        time.sleep(0.005)


def accepts(port: int) -> bool:
    """Say whether somebody listens on this loopback port."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


class Mosquitto:
    """One broker process; `lines` are added to its configuration.

    Its address, folder and, where `persistence true` is among the lines, its memory survive `kill` and `restart`.
    """

    host = "127.0.0.1"

    def __init__(
        self,
        folder: Path,
        *lines: str,
        port: int | None = None,
        is_anonymous: bool = True,
        is_verbose: bool = True,
    ) -> None:
        self.folder = folder
        self.port = port or free_port()
        self.lines = lines
        self.is_anonymous = is_anonymous
        self.is_verbose = is_verbose
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    @property
    def log(self) -> str:
        """Everything the broker said so far."""
        path = self.folder / "mosquitto.log"
        return path.read_text() if path.exists() else ""

    def start(self) -> Self:
        """Start and wait until connections are accepted."""
        self.folder.mkdir(parents=True, exist_ok=True)
        configuration = self.folder / "mosquitto.conf"
        configuration.write_text("\n".join(self._configuration()) + "\n")
        program = mosquitto_program()
        assert program, "mosquitto is not installed"
        with (self.folder / "mosquitto.log").open("ab") as log:
            options = ["-v"] if self.is_verbose else []
            self._process = subprocess.Popen([program, "-c", configuration, *options], stdout=log, stderr=log)
        wait_until(self._is_up, "mosquitto accepts connections")
        return self

    def stop(self) -> None:
        """End it the polite way: it saves its memory if it was told to."""
        self._end(kill=False)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(kill=True)

    def signal(self, number: int) -> None:
        """Send it a signal, say SIGSTOP to freeze it or SIGHUP to let it read its password file again."""
        assert self._process is not None
        self._process.send_signal(number)

    def restart(self) -> None:
        """Stop and start on the same port."""
        self.stop()
        self.start()

    def _configuration(self) -> list[str]:
        lines = [f"listener {self.port} 127.0.0.1", f"allow_anonymous {str(self.is_anonymous).lower()}"]
        if os.geteuid() == 0:
            lines.append("user root")  # or it changes to a user who may not write in the test's folder
        return [*lines, f"persistence_location {self.folder}/", *self.lines]

    def _is_up(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"mosquitto ended: {self.log}"
        return accepts(self.port)

    def _end(self, *, kill: bool) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if kill:
            process.kill()
        else:
            process.terminate()
            process.send_signal(signal.SIGCONT)  # a frozen one could not end
        process.wait(DEADLINE_S)
