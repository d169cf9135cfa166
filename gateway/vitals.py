"""How the gateway itself is: what the kernel says of the process, and how long readings wait for it."""

import os
from collections.abc import Mapping
from pathlib import Path

from gateway.passages import Health
from gateway.records import SECOND

EVERY = 60 * SECOND
"""How often health is noted in the log: 200 bytes a minute beside what the fleet sends."""


class Vitals:
    """Collects between notes."""

    def __init__(self) -> None:
        self._longest = 0
        self._noted_at = 0

    def learned(self, received_at: int, now: int) -> None:
        """A batch whose first reading was received then is judged and told now."""
        self._longest = max(self._longest, now - received_at)

    def is_due(self, now: int) -> bool:
        """Whether it is time for a note; also when the clock was set back."""
        return not 0 <= now - self._noted_at < EVERY

    def note(self, now: int, numbers: Mapping[str, float]) -> Health:
        """These numbers and ours; then collecting begins anew."""
        latency_ms, self._longest, self._noted_at = self._longest / 1e6, 0, now
        return Health(now, {**numbers, "latency_ms": latency_ms, **_process()})


def _process() -> dict[str, float]:
    """Memory, time and bytes written of this process; nothing where the kernel does not say."""
    times = os.times()
    found = {"cpu_s": times.user + times.system}
    try:
        found["memory_bytes"] = float(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
        lines = Path("/proc/self/io").read_text().splitlines()
        found["written_bytes"] = float(dict(line.split(": ") for line in lines)["write_bytes"])
    except (OSError, KeyError):
        return found
    return found
