"""How each device is, as a retained message: for whoever comes late, and for Home Assistant's entities."""

import math
from collections.abc import Collection
from fnmatch import fnmatchcase

import numpy as np

from gateway.board.notices import Link, Notice, Notices
from gateway.codecs.outgoing import encode_state
from gateway.config import Settings
from gateway.records import SECOND, Batch, Described, DeviceState, Entry, Maintenance, SensorState, Verdicts
from gateway.shard import Outcome, Shard
from gateway.topics import of_device

PER_S = 1000
"""States sent a second at most: 66 µs each, so 7 % of a core while it lasts; a minute holds 60,000 of them."""

LOOK = SECOND
"""How often it is looked who is being worked on and who is silent: both change without a reading."""

VALUE, EXPECTED, LOWER, UPPER, SCORE = range(5)


class Newest:
    """The newest reading of every stream, what was expected in its place, and since when nobody was told of it."""

    def __init__(self) -> None:
        self.numbers = np.full((0, 5), np.nan)
        self.at = np.zeros(0, np.int64)
        self.is_untold = np.zeros(0, np.bool_)

    def grow(self, count: int) -> None:
        """Make room for `count` streams, and by half more: a fleet that grows one by one costs no copy each time."""
        if count > len(self.at):
            room = count - len(self.at) + len(self.at) // 2
            self.numbers = np.concatenate([self.numbers, np.full((room, 5), np.nan)])
            self.at = np.concatenate([self.at, np.zeros(room, np.int64)])
            self.is_untold = np.concatenate([self.is_untold, np.zeros(room, np.bool_)])

    def take(self, batch: Batch, verdicts: Verdicts) -> None:
        """Note a batch."""
        fresh = ~verdicts.is_stale
        rows = batch.stream[fresh]  # where one stands here twice, the later reading is kept
        score = np.fmax(verdicts.score, verdicts.joint)
        said = (batch.value, verdicts.expected, verdicts.lower, verdicts.upper, score)
        self.numbers[rows] = np.column_stack([column[fresh] for column in said])
        self.at[rows] = batch.observed_at[fresh]
        self.is_untold[rows] = True

    def untold(self) -> list[int]:
        """Rows with a reading since this was last asked."""
        rows = np.flatnonzero(self.is_untold)
        self.is_untold[rows] = False
        return rows.tolist()


class States:
    """Keeps `topics.state` of every device true: at once where something is wrong or over, else now and then."""

    def __init__(self, settings: Settings, shard: Shard, link: Link) -> None:
        self._shard, self._link = shard, link
        self._newest = Newest()
        self._topic, self._prediction = (of_device(settings.topics, name) for name in ("state", "prediction"))
        self._every = round(settings.states.every_s * SECOND)
        self._notices = Notices(link, lambda: self._shard.directory.devices, self._write, per_s=PER_S)
        self._known = 0
        self._told_at = self._looked_at = 0
        self._worked_on: frozenset[str] = frozenset()
        self._silent: frozenset[int] = frozenset()
        self._forgetful: set[str] = set()

    def observe(self, entry: Entry, outcome: Outcome) -> None:
        """Take note of an entry of the log and of what followed from it."""
        directory = self._shard.directory
        self._newest.grow(len(directory))
        if isinstance(entry, Batch) and outcome.verdicts is not None:
            self._newest.take(entry, outcome.verdicts)
        elif isinstance(entry, Described):
            self._notices.mark(entry.device)
        elif isinstance(entry, Maintenance):
            self._looked_at = 0
        for _, device, _ in directory.since(self._known):
            self._notices.mark(device)
        self._known = len(directory)
        for _, incident in outcome.changes:
            for device in incident.devices or (incident.device,):
                self._notices.mark(device)

    def forget(self, devices: Collection[str], shard: Shard) -> None:
        """Go on with a shard that has forgotten these devices, or readings of theirs: nothing of them stays visible."""
        self._shard, self._newest, self._known = shard, Newest(), len(shard.directory)
        self._silent = frozenset()
        self._forgetful.update(device for device in devices if shard.directory.device_row(device) is not None)
        self._notices.hurry(devices)
        for device in devices:
            self._link.publish(self._prediction.render(device=device), b"", retain=True)

    def settle(self, now: int) -> None:
        """Send what is due."""
        if not 0 <= now - self._looked_at < LOOK:
            self._looked_at = now
            self._look(now)
        if not 0 <= now - self._told_at < self._every:
            self._told_at = now
            for device in {self._shard.directory.device_of[row] for row in self._newest.untold()}:
                self._notices.mark(self._shard.directory.devices[device])
        self._notices.settle(now)

    def _look(self, now: int) -> None:
        """Mark the devices on which work has begun or ended, and those that fell silent with others or came back."""
        shard = self._shard
        worked_on = frozenset(shard.calendar.active(now)) if shard.calendar else frozenset()
        changed, self._worked_on = worked_on ^ self._worked_on, worked_on
        for device in shard.directory.devices if changed else ():
            if any(fnmatchcase(device, pattern) for pattern in changed):
                self._notices.mark(device)
        silent = frozenset(shard.incidents.silences.silent())
        differing, self._silent = silent ^ self._silent, silent
        for row in differing:
            self._notices.mark(shard.directory.devices[row])

    def _write(self, device: str, now: int) -> Notice | None:
        row, topic = self._shard.directory.device_row(device), self._topic.render(device=device)
        if row is None:
            return Notice(topic, b"")
        state, rows = self.state(row, now), self._shard.directory.rows_of[row]
        is_news = self._newest.at[rows].any() or state.incident is not None or state.is_maintained
        is_said = is_news or device in self._forgetful
        return Notice(topic, encode_state(state)) if is_said else None  # after a restart, what stands there says more

    def state(self, device: int, now: int) -> DeviceState:
        """How the device of this row is."""
        shard, newest = self._shard, self._newest
        newest.grow(len(shard.directory))
        name, rows = shard.directory.devices[device], shard.directory.rows_of[device]
        standing = shard.incidents.standing(device)
        scores = [*(incident.score for incident in standing), *newest.numbers[rows, SCORE].tolist()]
        return DeviceState(
            device=name,
            at=max((heard[0] for each in rows if (heard := self._heard(each)) is not None), default=None),
            incident=standing[0] if standing else None,
            open_count=len(standing),
            score=max((score for score in scores if not math.isnan(score)), default=None),
            is_maintained=shard.calendar.last(name, now) == now,
            sensors={shard.directory.streams[row][1]: self._sensor(row) for row in rows},
        )

    def _heard(self, row: int) -> tuple[int, float] | None:
        """When a stream was heard last, and what it said; after a restart, as it was learned."""
        at = int(self._newest.at[row])
        return (at, float(self._newest.numbers[row, VALUE])) if at else self._shard.fleet.newest(row)

    def _sensor(self, row: int) -> SensorState:
        numbers = self._newest.numbers[row, EXPECTED:SCORE].tolist()
        expected, lower, upper = (None if math.isnan(number) else number for number in numbers)
        value = None if (heard := self._heard(row)) is None else heard[1]
        directory, nature = self._shard.directory, self._shard.fleet.nature(row)
        text = None if value is None else directory.text(row, value)
        return SensorState(text or value, expected, lower, upper, directory.units.get(row, ""), nature)
