"""Names of a shard's devices and streams, and the row each has in the arrays."""

import json
from collections.abc import Iterator

import numpy as np

from gateway.learning.rows import positions
from gateway.records import Batch, Mask, Names, code_of, is_event, is_text


class Directory:
    """Rows are given out in order of first appearance and never change."""

    def __init__(self) -> None:
        self.streams: list[tuple[str, str]] = []
        self.device_of: list[int] = []
        self.devices: list[str] = []
        self.rows_of: list[list[int]] = []
        self.units: dict[int, str] = {}
        self.texts: dict[int, dict[float, str]] = {}
        self._stream_rows: dict[tuple[str, str], int] = {}
        self._device_rows: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self.streams)

    def row(self, device: str, sensor: str) -> int | None:
        """The row of a known stream, None for an unknown one."""
        return self._stream_rows.get((device, sensor))

    def device_row(self, device: str) -> int | None:
        """The row of a known device, None for an unknown one."""
        return self._device_rows.get(device)

    def sensor_count(self, device: str) -> int:
        """How many sensors of the device are known."""
        row = self._device_rows.get(device)
        return 0 if row is None else len(self.rows_of[row])

    def add(self, device: str, sensor: str) -> int:
        """The row of a stream, a new one where it is unknown."""
        known = self._stream_rows.get((device, sensor))
        if known is not None:
            return known
        device_row = self._device_rows.setdefault(device, len(self.devices))
        if device_row == len(self.devices):
            self.devices.append(device)
            self.rows_of.append([])
        row = self._stream_rows[device, sensor] = len(self.streams)
        self.streams.append((device, sensor))
        self.device_of.append(device_row)
        self.rows_of[device_row].append(row)
        return row

    def since(self, row: int) -> Iterator[tuple[int, str, str]]:
        """Row, device and sensor of every stream from `row` on."""
        for number in range(row, len(self.streams)):
            yield number, *self.streams[number]

    def describe(self, device: str, sensor: str, unit: str) -> None:
        """Remember what a known stream is counted in; nothing is remembered of an unknown one."""
        row = self.row(device, sensor)
        if row is not None:
            self.units[row] = unit

    def hear(self, batch: Batch, is_heard: Mask) -> None:
        """Remember the texts among those readings of a batch that count, each by the stream that says it."""
        for place in positions(is_text(batch.value) & is_heard).tolist() if batch.names else ():
            code = float(batch.value[place])
            self.texts.setdefault(int(batch.stream[place]), {})[code] = batch.names[code]

    def text(self, row: int, value: float) -> str | None:
        """What a value of a stream says, None where it is a number."""
        return self.texts.get(row, {}).get(value)

    def become(self, other: "Directory") -> None:
        """Hold what another holds, from now on together with it: both know what is added to either."""
        self.streams, self.device_of, self.devices, self.rows_of = (
            other.streams,
            other.device_of,
            other.devices,
            other.rows_of,
        )
        self.units, self.texts = other.units, other.texts
        self._stream_rows, self._device_rows = other._stream_rows, other._device_rows  # noqa: SLF001

    def dumps(self) -> str:
        """All names, units and texts, as JSON."""
        texts = [(row, [*_told(texts)]) for row, texts in self.texts.items()]
        return json.dumps({"streams": self.streams, "units": list(self.units.items()), "texts": texts})

    def loads(self, body: str) -> None:
        """Restore what `dumps` saved into an empty directory."""
        saved = json.loads(body)
        for device, sensor in saved["streams"]:
            self.add(device, sensor)
        self.units = dict(saved["units"])
        self.texts = {
            row: {code_of(text, is_event=is_one): text for text, is_one in texts} for row, texts in saved["texts"]
        }


def _told(texts: Names) -> Iterator[tuple[str, bool]]:
    """Each text, and whether it names an event."""
    return zip(texts.values(), is_event(np.array([*texts])).tolist(), strict=True)
