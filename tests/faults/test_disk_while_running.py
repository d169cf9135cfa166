"""A running gateway whose disk cannot be written: it goes on in memory, says so, and writes when it can again."""

import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from brokers import Mosquitto, wait_until
from gateways import DEADLINE_S, Gateway, Publisher

from gateway import ledger
from gateway.app import Application


def run(*command: str) -> bool:
    """Run a command; False where it fails."""
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def mounted(folder: Path, *arguments: str) -> None:
    """Mount something there, or skip the test where that is not allowed."""
    folder.mkdir()
    if os.geteuid() != 0 or not run("mount", *arguments, str(folder)):
        pytest.skip("mounting needs root, and a container that allows it")


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """Give a disk of 32 megabytes."""
    folder = tmp_path / "small"
    mounted(folder, "-t", "tmpfs", "-o", f"size={32 * 2**20}", "tmpfs")
    yield folder
    run("umount", "-l", str(folder))


@pytest.fixture
def card(tmp_path: Path) -> Iterator[Path]:
    """Give a file system that turns read-only at its first error, as that of an SD card does."""
    image, folder = tmp_path / "card.img", tmp_path / "card"
    image.write_bytes(bytes(32 * 2**20))
    if shutil.which("mkfs.ext4") is None or not run("mkfs.ext4", "-q", str(image)):
        pytest.skip("needs mkfs.ext4")
    mounted(folder, "-o", "loop,errors=remount-ro", str(image))
    yield folder
    run("umount", "-l", str(folder))


@pytest.fixture
def broker(new_mosquitto: Callable[..., Mosquitto]) -> Mosquitto:
    """Give a broker that keeps everything."""
    return new_mosquitto("max_queued_messages 0")


def trouble(application: Application) -> str:
    """Return what it says of its disk."""
    return application.pipeline.ledger.disk_error


def is_in_trouble(application: Application, publisher: Publisher, more: int) -> bool:
    """Publish so many more; return whether it says that it cannot write."""
    publisher.publish(more)
    return bool(trouble(application))


def learned(application: Application) -> int:
    """Return how many readings it has learned since it started."""
    return application.pipeline.counts["readings"]


def fill(filler: Path) -> None:
    """Take all the room there is, however much the gateway takes meanwhile."""
    with filler.open("ab", buffering=0) as file, suppress(OSError):
        while file.write(bytes(4096)):
            pass


def test_a_disk_that_others_fill_is_waited_for(small: Path, broker: Mosquitto, monkeypatch: pytest.MonkeyPatch) -> None:
    """Learning goes on meanwhile; when there is room again all is written, and the state is that of the log.

    On a busy machine it may stay full for more commits than are held otherwise.
    """
    monkeypatch.setattr(ledger, "HELD", 10_000)
    gateway, publisher = Gateway(small, broker.port), Publisher(broker.port)
    with gateway.running() as application:
        gateway.take(publisher, 100)
        filler = small / "filler"
        fill(filler)
        (small / "log.db.reserve").unlink(missing_ok=True)
        fill(filler)
        wait_until(lambda: is_in_trouble(application, publisher, 100), "the disk is full", DEADLINE_S)
        before = learned(application)
        publisher.publish(100)
        wait_until(lambda: learned(application) >= before + 200, "learning goes on", DEADLINE_S)
        filler.unlink()
        gateway.take(publisher, 100)
        wait_until(lambda: not trouble(application), "it is written again", DEADLINE_S)
    publisher.close()
    assert gateway.counted() == Counter(float(number) for number in range(publisher.sent))
    assert gateway.restored(use_checkpoint=True).dumps() == gateway.restored(use_checkpoint=False).dumps()


def test_a_card_that_turns_read_only_ends_nothing(card: Path, tmp_path: Path, broker: Mosquitto) -> None:
    """Learning and alarms go on, it says so; and after a repair all that was in the log is there, and it goes on."""
    gateway, publisher = Gateway(card, broker.port), Publisher(broker.port)
    with gateway.running() as application:
        gateway.take(publisher, 100)
        assert run("mount", "-o", "remount,abort", str(card))
        wait_until(lambda: is_in_trouble(application, publisher, 10), "it cannot write", DEADLINE_S)
        before = learned(application)
        publisher.publish(100)
        wait_until(lambda: learned(application) >= before + 200, "learning goes on", DEADLINE_S)
        written = gateway.counted()
    assert written >= Counter(float(number) for number in range(100))
    assert run("umount", str(card))
    subprocess.run(["fsck.ext4", "-y", str(tmp_path / "card.img")], capture_output=True, check=False)
    assert run("mount", "-o", "loop", str(tmp_path / "card.img"), str(card))
    gateway = Gateway(card, broker.port)  # its settings were not on the disk yet
    with gateway.running():
        publisher.publish(100)
        last = set(range(publisher.sent - 100, publisher.sent))
        wait_until(lambda: last <= set(gateway.counted()), "it goes on", DEADLINE_S)
    publisher.close()
    assert written <= gateway.counted()
    assert max(gateway.counted().values()) == 1
    assert gateway.restored(use_checkpoint=True).dumps() == gateway.restored(use_checkpoint=False).dumps()
