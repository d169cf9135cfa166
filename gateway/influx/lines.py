"""What the log tells, as InfluxDB's line protocol. Pure; what a peer named can neither break a line nor forge one.

| measurement | tags beside `gateway`         | fields                                              | time         |
|-------------|-------------------------------|-----------------------------------------------------|--------------|
| `readings`  | `device sensor`               | `value score`, once known `expected lower upper`;   | observed at  |
|             |                               | of a text `text score`                              |              |
| `incidents` | `kind state device sensor`    | `id severity reason score duration_s value ...`     | of a change  |
| `forecasts` | `device sensor horizon`       | `expected lower upper`, later `actual error inside` | due at       |
| `minutes`   | `device sensor`               | `count mean min max last worst`                     | minute began |
| `gateway`   |                               | the gateway's own health                            | taken at     |

Numbers are floats, always: a field that was once an integer would refuse a float for ever. For the same reason a text
is a field of its own, which is what Grafana's timelines of states show.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from gateway.influx.outcomes import Outcome, Outcomes
from gateway.passages import Foreseen, Health, Minutes, Passage
from gateway.records import SECOND, Batch, Incident, Verdicts, is_text

MINUTES = ("count", "mean", "min", "max", "last", "worst")

FULL = "%svalue=%r,score=%.4g,expected=%.7g,lower=%.7g,upper=%.7g %d"
BARE = "%svalue=%r,score=%.4g %d"
TEXT = "%stext=%s,score=%.4g %d"
"""Seven digits are what the log holds of a band, four more than anyone needs of a score."""

SPECIAL = str.maketrans({",": "\\,", "=": "\\=", " ": "\\ "})

FULLWIDTH_BACKSLASH = "\uff3c"


class Lines:
    """Encodes passage after passage; remembers the tags of each stream, and forecasts that are not due yet."""

    def __init__(self, gateway: str) -> None:
        self.outcomes = Outcomes()
        self._gateway = f"gateway={tag(gateway)}"
        self._tags: list[str] = []
        self._readings: list[str] = []

    def encode(self, passage: Passage) -> list[str]:
        """A line for each reading, change of an incident, forecast, outcome of a forecast, and note on health."""
        self._know(passage.streams)
        lines: list[str] = []
        for batch, verdicts in passage.readings:
            lines.extend(self._encode_readings(batch, verdicts))
        lines.extend(self._encode_incident(incident) for incident in passage.incidents)
        for note in passage.notes:
            if isinstance(note, Foreseen):
                lines.extend(self._encode_foreseen(note))
                self.outcomes.expect(note)
            elif isinstance(note, Health):
                lines.append(f"gateway,{self._gateway} {_fields(note.numbers)} {note.at}")
        for batch, _ in passage.readings:
            lines.extend(self._encode_outcome(outcome) for outcome in self.outcomes.learn(batch))
        return lines

    def encode_minutes(self, passage: Passage) -> list[str]:
        """A line for each minute of each stream."""
        self._know(passage.streams)
        return [
            f"minutes,{self._tags[stream]} {_fields(dict(zip(MINUTES, numbers, strict=True)))} {minute}"
            for note in passage.notes
            if isinstance(note, Minutes)
            for stream, minute, *numbers in _rows(note)
        ]

    def _know(self, streams: Sequence[tuple[str, str]]) -> None:
        for device, sensor in streams[len(self._tags) :]:
            tags = f"device={tag(device)},{self._gateway},sensor={tag(sensor)}"
            self._tags.append(tags)
            self._readings.append(f"readings,{tags} ")

    def _encode_readings(self, batch: Batch, verdicts: Verdicts) -> list[str]:
        band = (verdicts.expected, verdicts.lower, verdicts.upper)
        columns = (batch.value, verdicts.score, *band, batch.observed_at)
        heads = map(self._readings.__getitem__, batch.stream.tolist())
        rows = zip(heads, *(column.tolist() for column in columns), strict=True)
        is_known = np.logical_and.reduce(np.isfinite(band)).tolist()
        lines = [FULL % row if known else BARE % (*row[:3], row[6]) for row, known in zip(rows, is_known, strict=True)]
        for place in np.flatnonzero(is_text(batch.value)).tolist() if batch.names else ():
            said, head = text(batch.names[float(batch.value[place])]), self._readings[batch.stream[place]]
            lines[place] = TEXT % (head, said, verdicts.score[place], batch.observed_at[place])
        return lines

    def _encode_incident(self, incident: Incident) -> str:
        named = {"device": incident.device, "sensor": incident.sensor}
        tags = [f"{name}={tag(value)}" for name, value in named.items() if value]  # an empty one makes a line invalid
        tags += [self._gateway, f"kind={incident.kind.name.lower()}", f"state={incident.state}"]
        texts = f"id={text(incident.id)},severity={text(incident.severity)},reason={text(incident.reason)}"
        if isinstance(incident.value, str):
            texts += f",text={text(incident.value)}"
        numbers = {
            "score": incident.score,
            "duration_s": (incident.at - incident.started_at) / SECOND,
            "value": None if isinstance(incident.value, str) else incident.value,
            "expected": incident.expected,
            "lower": incident.lower,
            "upper": incident.upper,
        }
        return f"incidents,{','.join(tags)} {texts},{_fields(numbers)} {incident.at}"

    def _encode_foreseen(self, foreseen: Foreseen) -> Iterator[str]:
        for stream, made_at, due_at, expected, lower, upper in _rows(foreseen):
            if math.isfinite(expected + lower + upper):
                numbers = f"expected={expected:.7g},lower={lower:.7g},upper={upper:.7g}"
                yield f"{self._forecast(stream, due_at - made_at)} {numbers} {due_at}"

    def _encode_outcome(self, outcome: Outcome) -> str:
        """More fields of the forecast's own point: the same measurement, tags and time."""
        forecast, actual = outcome.forecast, outcome.actual
        is_inside = float(forecast.lower <= actual <= forecast.upper)
        fields = _fields({"actual": actual, "error": actual - forecast.expected, "inside": is_inside})
        return f"{self._forecast(outcome.stream, forecast.ahead)} {fields} {forecast.due_at}"

    def _forecast(self, stream: int, ahead: int) -> str:
        return f"forecasts,{self._tags[stream]},horizon={ahead // SECOND}s"


def tag(name: str) -> str:
    """A name as the value of a tag, escaped; it reads back as `name_in_tag` says."""
    return name_in_tag(name).translate(SPECIAL)


def name_in_tag(name: str) -> str:
    """The name as InfluxDB holds it: as it was.

    But for what intake does not let in, which becomes U+FFFD, and for a backslash at the end, which the protocol
    cannot say: it would swallow what follows. It becomes a fullwidth one.
    """
    name = _printable(name)
    return name[:-1] + FULLWIDTH_BACKSLASH if name.endswith("\\") else name


def text(content: str) -> str:
    """A string field, quoted."""
    return '"' + _printable(content).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _printable(content: str) -> str:
    if content.isprintable():
        return content
    return "".join(character if character.isprintable() else "\ufffd" for character in content)


def _fields(numbers: Mapping[str, float | None]) -> str:
    """Those that say something: the protocol knows neither NaN nor infinity nor nothing."""
    return ",".join(
        f"{name}={float(number)!r}" for name, number in numbers.items() if number is not None and math.isfinite(number)
    )


def _rows(columns: Foreseen | Minutes) -> Iterator[tuple[Any, ...]]:
    return zip(*(getattr(columns, name).tolist() for name in columns.__slots__), strict=True)
