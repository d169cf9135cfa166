"""The loop: what is due is sent, what is heard is told to its device, what happens is written down."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from math import inf
from queue import Empty
from typing import TypeAlias

from device_sim.chronicle import REACTION, RECORDING, RUN, Chronicle, Tally
from device_sim.clock import Schedule
from device_sim.device import Device
from device_sim.faults import Onset
from device_sim.link import Ear, Heard, Link

_BURST = 500  # reports between two looks at what was heard: some 50 ms of work
_PAUSE_S = 0.005  # until a link that is full is asked again
_FAREWELL_S = 0.3  # for what is under way at the end; with paho's own goodbye it stays below 1 s

Item: TypeAlias = Device | Onset


class Simulation:
    """A fleet on its links. `run()` lives it until `for_s` wall seconds have passed or `stop()` is called."""

    def __init__(  # noqa: PLR0913 (the parts of the program, put together in one place)
        self,
        devices: Sequence[Device],
        links: Sequence[Link],
        ear: Ear,
        schedule: Schedule[Item],
        chronicle: Chronicle,
        *,
        report_s: float = inf,
        for_s: float = inf,
        print_line: Callable[[str], None] = print,
    ) -> None:
        self.tally = Tally()
        self._devices = {device.name: device for device in devices}
        self._link_of = {device.name: links[n % len(links)] for n, device in enumerate(devices)}
        self._links = links
        self._ear = ear
        self._schedule = schedule
        self._chronicle = chronicle
        self._report_s = report_s
        self._for_s = for_s
        self._print_line = print_line
        self._reported = 0
        self._is_stopping = False
        self._reacting: dict[str, Onset] = {}

    def stop(self) -> None:
        """End the run soon; safe to call from a signal handler, which SimpleQueue is made for."""
        self._is_stopping = True
        self._ear.queue.put(None)

    def run(self, onsets: Iterable[Onset]) -> None:
        """Live until the end, then say goodbye to the broker and print the totals."""
        run = self._begin()
        for onset in onsets:  # before the devices: an onset precedes the reading of the same moment
            self._schedule.add(onset.started_at, onset)
        for device in self._devices.values():
            self._schedule.add(device.next_at, device)
        while not self._is_stopping and self._schedule.clock.wall_s() < self._for_s:
            has_room = self._send_due()
            self._listen(self._patience_s() if has_room else _PAUSE_S)
            self._report_if_due()
        self._end(run)

    def _begin(self) -> Onset:
        """Write down that the run has begun, and whose incidents nobody can judge."""
        start = self._schedule.clock.start
        recorded = [device.name for device in self._devices.values() if device.kind.is_recording]
        run = Onset(RUN, "", None, RUN, start, inf, float(len(self._devices) - len(recorded)))
        for onset in (
            run,
            *(Onset(f"{RECORDING}-{name}", name, None, RECORDING, start, inf, None) for name in recorded),
        ):
            self._chronicle.tell(onset)
        return run

    def _send_due(self) -> bool:
        """Send what is due, a burst at most; return False when a link does not follow: the schedule is paused."""
        self.tally.max_lag_s = max(self.tally.max_lag_s, self._schedule.lag_s())
        for at, item in islice(self._schedule.due(), _BURST):
            if isinstance(item, Onset):
                self._chronicle.tell(self._devices[item.device].begin(item))
                self.tally.faults[item.fault] += 1
            elif self._link_of[item.name].has_room:
                self._report(item)
            else:
                self._schedule.add(at, item)
                return False
        return True

    def _report(self, device: Device) -> None:
        for topic, payload in device.report():
            self._link_of[device.name].send(topic, payload)
            self.tally.sent += 1
        self._schedule.add(device.next_at, device)

    def _patience_s(self) -> float:
        wall_s = self._schedule.clock.wall_s()
        until_report_s = (self._reported + 1) * self._report_s - wall_s
        return max(min(self._schedule.wait_s(), until_report_s, self._for_s - wall_s, 1.0), 0.0)

    def _listen(self, timeout_s: float) -> None:
        try:
            heard = self._ear.queue.get(block=timeout_s > 0.0, timeout=timeout_s)
            for _ in range(_BURST):
                if heard and heard.device in self._devices:
                    self._tell(heard, self._devices[heard.device])
                heard = self._ear.queue.get_nowait()
        except Empty:
            pass

    def _tell(self, heard: Heard, device: Device) -> None:
        now = self._schedule.lived()
        message, reaction = device.hear(heard.channel, heard.payload, now)
        if message is None:
            self.tally.unreadable += 1
        elif heard.channel == "prediction":
            self.tally.predictions += 1
        else:
            state, kind, sensor = (str(message.get(key)) for key in ("state", "kind", "sensor"))
            self.tally.anomalies[device.name, state, kind, sensor] += 1
            self._chronicle.heard(now, device.name, message)
        if reaction:
            self.tally.react(reaction)
            self._note_reaction(device, now)

    def _note_reaction(self, device: Device, now: float) -> None:
        begun = self._reacting.pop(device.name, None)
        if begun:
            self._chronicle.tell(replace(begun, ended_at=now))
        if device.reaction.is_active:
            begins_at = round(now, 3) + 0.001  # after the anomaly it answers, which it must not excuse
            onset = Onset(f"r{self.tally.reactions:04}", device.name, None, REACTION, begins_at, inf, None)
            self._reacting[device.name] = onset
            self._chronicle.tell(onset)

    def _report_if_due(self) -> None:
        if self._schedule.clock.wall_s() >= (self._reported + 1) * self._report_s:
            self._reported = int(self._schedule.clock.wall_s() // self._report_s)
            self._print_line(json.dumps(self._line(), ensure_ascii=False))

    def _line(self) -> dict[str, object]:
        lived = self._schedule.lived()
        return {
            "wall_s": round(self._schedule.clock.wall_s(), 1),
            "simulated_at": datetime.fromtimestamp(lived, UTC).isoformat(timespec="seconds"),
            "devices": len(self._devices),
            "lag_s": round(self._schedule.lag_s(), 3),
            **self.tally.line(),
        }

    def _end(self, run: Onset) -> None:
        line = {"final": True, **self._line(), **self.tally.totals()}
        lived = self._schedule.lived()
        for onset in (run, *self._reacting.values()):
            self._chronicle.tell(replace(onset, ended_at=lived))
        deadline = self._schedule.clock.wall_s() + _FAREWELL_S
        while any(link.under_way for link in self._links) and self._schedule.clock.wall_s() < deadline:
            self._listen(_PAUSE_S)
        for link in self._links:
            link.close()
        self._chronicle.close()
        losses = {"dropped": self._ear.dropped, "reconnects": sum(link.connects - 1 for link in self._links)}
        self._print_line(json.dumps({**line, **losses}, ensure_ascii=False))
