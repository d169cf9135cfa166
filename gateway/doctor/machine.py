"""The machine: versions, clock, memory, and the disk below the log."""

import importlib.metadata
import os
import platform
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from gateway.doctor.finding import Finding, ok, problem, warning
from gateway.journal import sqlite_version

RELEASED = 1_763_856_000
"""November 2025: a clock that says earlier has not been set since the machine was switched on."""

ROOM = 1_000_000_000
"""Bytes free below which it is worth a warning: about 90 days of 50 streams at one reading a minute."""

LITTLE_ROOM = 100_000_000
"""Bytes free below which the log may stop within hours."""

MEMORY = 200_000_000
"""Bytes to spare: the gateway takes 120 MB with 100 streams and 260 MB with 20,000."""

VOLATILE = {"tmpfs", "ramfs"}
REMOTE = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "9p"}

PACKAGES = ("edge-learning-gateway", "river", "numpy", "paho-mqtt", "pydantic")


class Mount(NamedTuple):
    """Where a path is kept."""

    device: str
    kind: str


def examine(log: Path) -> Iterator[Finding]:
    """All of it."""
    yield from versions()
    yield from clock()
    yield from memory()
    yield from disk(log)


def versions() -> Iterator[Finding]:
    """What runs here."""
    names = [f"{package} {importlib.metadata.version(package)}" for package in PACKAGES]
    text = f"Python {platform.python_version()}, SQLite {sqlite_version}, {', '.join(names)}"
    if platform.architecture()[0] != "64bit":
        yield problem("versions", f"{text}, 32 bits", "Install a 64-bit system: River has no 32-bit wheels.")
    yield ok("versions", text)


def clock() -> Iterator[Finding]:
    """Whether the time can be right."""
    now = time.time()
    told = f"{datetime.fromtimestamp(now, UTC):%Y-%m-%d %H:%M:%S} UTC"
    if now < RELEASED:
        yield problem("clock", f"It is {told} here, which is past.", "Set the clock: sudo timedatectl set-ntp true")
        return
    is_synchronised = _is_synchronised()
    if is_synchronised is False:
        text = f"It is {told} here; nobody keeps the clock right."
        yield warning("clock", text, "Switch NTP on: sudo timedatectl set-ntp true")
    else:
        yield ok("clock", f"{told}{', kept by NTP' if is_synchronised else ''}")


def _is_synchronised() -> bool | None:
    """What systemd says, None where there is no systemd to ask."""
    program = shutil.which("timedatectl")
    if program is None:
        return None
    command = [program, "show", "--property=NTPSynchronized", "--value"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)  # noqa: S603 - as above
    except (OSError, subprocess.TimeoutExpired):
        return None
    return {"yes": True, "no": False}.get(done.stdout.strip()) if done.returncode == 0 else None


def memory(information: Path = Path("/proc/meminfo")) -> Iterator[Finding]:
    """What is left of it."""
    try:
        fields = dict(line.split(":", 1) for line in information.read_text().splitlines())
        free = int(fields["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return  # not Linux
    text = f"{_size(free)} of memory can be used"
    if free < MEMORY:
        yield warning("memory", text, "End what is not needed, or lower limits.streams (7 kB each).")
    else:
        yield ok("memory", text)


def disk(log: Path, mounts: Path = Path("/proc/mounts")) -> Iterator[Finding]:
    """Whether the log can be written, for how long, and whether it will still be there."""
    folder = log.absolute().parent
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".gateway-doctor-"):
            free = shutil.disk_usage(folder).free
    except OSError as error:
        text = f"The log's folder {folder} cannot be written: {error.strerror}."
        remedy = f"Make it, and give it to the gateway's user: sudo install -d -o $(id -un) {folder}"
        yield problem("disk", text, remedy)
        return
    if log.exists() and not os.access(log, os.W_OK):
        yield problem("disk", f"{log} cannot be written.", f"sudo chown $(id -un) {log}*")
    remedy = "Make room, or lower journal.retain_days."
    text = f"{_size(free)} free below {folder}"
    if free < LITTLE_ROOM:
        yield problem("disk", text, remedy)
    elif free < ROOM:
        yield warning("disk", text, remedy)
    else:
        yield ok("disk", text)
    yield from _medium(folder, mounts)


def _medium(folder: Path, mounts: Path) -> Iterator[Finding]:
    mount = _mount_of(folder.resolve(), mounts)
    if mount is None:
        return
    if mount.kind in VOLATILE:
        text = f"The log is on {mount.kind}: everything learned is gone when the power is."
        yield warning("disk", text, "Set journal.path to a folder on a disk.")
    elif mount.kind in REMOTE:
        text = f"The log is on a network file system ({mount.kind}), whose locks SQLite cannot rely on."
        yield warning("disk", text, "Set journal.path to a folder on a disk of this machine.")
    elif "mmcblk" in mount.device:
        text = "The log is on an SD card or eMMC, which wears with every commit."
        yield warning("disk", text, "Leave journal.commit_delay_s at 30 or more, or set journal.path to a disk.")


def _mount_of(folder: Path, mounts: Path) -> Mount | None:
    """The mount with the longest path above the folder."""
    found, longest = None, -1
    try:
        lines = mounts.read_text(errors="replace").splitlines()
    except OSError:
        return None
    for line in lines:
        device, where, kind, *_ = line.split()
        if folder.is_relative_to(where.replace("\\040", " ")) and len(where) > longest:
            found, longest = Mount(device, kind), len(where)
    return found


def _size(count: float) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"  # noqa: PLR2004 - a giga
