"""Forecasts farther ahead than the next reading, mixed and held online by what came true at that distance.

What helps one step ahead may be no good an hour ahead, so the weights and the width of the interval are learned by
distance: at 2, 12, 60 ... usual intervals one forecast of every stream at a time is on its way. When its time has come
it is compared with what is read, its forecasters are weighed (as in `pool`), its interval is held (adaptive conformal
inference), and soon the next one is sent off. Distances in between are interpolated, so that the state does not
depend on which horizons are published.
"""

from collections.abc import Callable
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from gateway.learning.pool import DISCOUNT, LEAST, credit, mix, widened
from gateway.learning.rows import Rows, ewma_rate, positions, stretch
from gateway.records import SECOND, Floats, Ints

STEPS = np.array([2.0, 12.0, 60.0, 360.0, 3600.0])
"""Usual intervals ahead; with the default horizons a sensor that reports every 5 minutes, 10 s or 1 s falls on one."""

_LOGS = np.log(np.concatenate([[1.0], STEPS]))

EXPERTS = ("last", "next", "level", "seasonal", "cycle", "line")
_PRIOR = np.array([[1.0], [1.0], [1.0], [1.0], [1.0], [0.0]])
"""Who is believed before anything came true: all but the straight line, which may lead anywhere."""

SHARE = 0.25
"""Of the readings at which forecasts are sent off: at each of them learning would cost a quarter more. At each third or
twelfth, streams with a beat of their own were always caught at the same point of it: an hour ahead the worst of 47 real
ones was forecast 1.7 to 2.4 times worse than by its last value; at irregular ones 1.06 times."""

_GOLDEN = 0.6180339887498949  # its multiples, whole parts left off, never fall in step with any beat

_LEAD = 20.0  # readings from the middle of what `Pool`'s level remembers to the next reading
_LONGEST_S = 1e9  # times must stay within 64 bits of nanoseconds
_SCALE_RATE = 0.01
_KNOWN = 8.0  # forecasts that came true before the width they gave is believed
_MOST_SEEN = 200.0


class Usual(NamedTuple):
    """What is usual at the hour for which a forecast is made, and what the stream's own beat has there."""

    seasonal: Floats
    cycle: Floats


class Aim(NamedTuple):
    """Where each of some streams stands: the last value, what the pool says of the next one, and slow means."""

    last: Floats
    following: Floats
    level: Floats

    def of(self, place: Ints) -> Self:
        """The same for a choice of them."""
        return type(self)(*(column[place] for column in self))

    def forecasts(self, then: Usual, steps: Floats) -> Floats:
        """What each of `EXPERTS` says, so many `steps` ahead: (forecaster, stream)."""
        line = self.following + (steps - 1.0) * (self.following - self.level) / _LEAD
        seasonal, cycle = then
        return np.stack([self.last, self.following, self.level, seasonal, cycle, line])


class Distant(Rows):
    """One forecast on its way for each distance, and what became of those before it."""

    def __init__(self) -> None:
        each, many = (len(STEPS),), (len(EXPERTS), len(STEPS))
        super().__init__(
            {
                "due_at": (each, np.int64, 0),
                "ahead_s": (each, np.float32, 0.0),
                "sent_from": (each, np.float64, 0.0),
                "said": (many, np.float32, 0.0),
                "regret": (many, np.float32, 0.0),
                "scale": (each, np.float32, 0.0),
                "width": (each, np.float32, 2.0),
                "seen": (each, np.uint8, 0),
            }
        )

    def learn(self, rows: Ints, now: Ints, interval_s: Floats, value: Floats, counted: Floats | None) -> None:
        """Judge the forecasts to which `value`, read `now`, is nearest.

        Of a counter, which shows `counted` (NaN for others), its mean rate since the forecast was sent off is judged.
        """
        due_at = self.arrays["due_at"][:, stretch(rows)]
        due = positions((due_at <= now) & (due_at > 0))
        if not len(due):
            return
        level, place = np.divmod(due, len(rows))
        late_s = (now[place] - due_at[level, place]) / SECOND  # before they are taken off, which `due_at` may show
        self.arrays["due_at"][level, rows[place]] = 0
        came = positions(late_s <= STEPS[level] * interval_s[place])
        level, place = level[came], place[came]
        row, read = rows[place], value[place]
        if counted is not None:
            shown = counted[place]
            is_counter = ~np.isnan(shown)
            risen = shown - self.arrays["sent_from"][level, row]
            read = np.where(is_counter, risen / (late_s[came] + self.arrays["ahead_s"][level, row]), read)
            is_whole = ~is_counter | (risen >= 0.0)
            level, row, read = level[is_whole], row[is_whole], read[is_whole]
        self._judge(level, row, read)

    def send(
        self, rows: Ints, moments: tuple[Ints, Ints, Floats], aim: Aim, usual: Callable[..., Usual], base: Floats
    ) -> None:
        """Send off a forecast from where each of `rows` stood before this reading, at the distances that have none.

        `moments` are the times of the last and of this reading, and the usual interval in seconds. `usual` says what
        is usual for a choice of `rows`, so many seconds after this reading and so many steps after the last. `base` is
        the last value of those that are counters.
        """
        before, now, interval_s = moments
        level, place = np.nonzero(self.arrays["due_at"][:, rows] == 0)
        between_s = np.minimum(interval_s[place], _LONGEST_S / STEPS[level])
        due_at = before[place] + (STEPS[level] * between_s * SECOND).astype(np.int64)
        then = usual(place, (due_at - now[place]) / SECOND, STEPS[level])
        self.arrays["said"][:, level, rows[place]] = aim.of(place).forecasts(then, STEPS[level])
        nearest = due_at - (between_s * SECOND).astype(np.int64) // 2
        self.arrays["due_at"][level, rows[place]] = np.where(nearest > now[place], nearest, 0)
        self.arrays["ahead_s"][level, rows[place]] = (nearest - before[place]) / SECOND
        self.arrays["sent_from"][level, rows[place]] = base[place]

    def _judge(self, level: Ints, row: Ints, value: Floats) -> None:
        a = self.arrays
        said, regret = (a[name][:, level, row].astype(np.float64) for name in ("said", "regret"))
        scale, width = (a[name][level, row].astype(np.float64) for name in ("scale", "width"))
        expected = mix(said, _weight(regret))
        residual = value - expected
        a["regret"][:, level, row] = DISCOUNT * regret + credit(said, expected, scale, residual)
        size = np.abs(residual)
        seen = np.minimum(a["seen"][level, row] + 1.0, _MOST_SEEN)
        a["width"][level, row] = widened(width, size > width * scale)
        a["scale"][level, row] = scale + ewma_rate(_SCALE_RATE, seen) * (size - scale)
        a["seen"][level, row] = seen

    def forecast(
        self, rows: Ints, aim: Aim, then: Usual, steps: Floats, halves: tuple[Floats, Floats]
    ) -> tuple[Floats, Floats]:
        """What comes `steps` ahead, and half the width of its interval.

        `halves` are half the width of the interval of the next value, and what no forecast is less sure than before
        any came true.
        """
        said = aim.forecasts(then, steps)
        position = np.interp(np.log(steps), _LOGS, np.arange(-1.0, len(STEPS)))
        lower = np.minimum(np.floor(position), len(STEPS) - 2.0)
        share, level = position - lower, lower.astype(np.int64)
        near, far = (self._at(np.maximum(each, 0), rows, said, halves) for each in (level, level + 1))
        is_next = level < 0
        middle, width = np.where(is_next, aim.following, near[0]), np.where(is_next, halves[0], near[1])
        return (1.0 - share) * middle + share * far[0], width ** (1.0 - share) * far[1] ** share

    def _at(self, level: Ints, rows: Ints, said: Floats, halves: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
        """The same, weighed and held as at one distance of `STEPS`."""
        a, (half, widest) = self.arrays, halves
        weight = _weight(a["regret"][:, level, rows].astype(np.float64))
        held = (a["width"][level, rows] * a["scale"][level, rows]).astype(np.float64)
        guess = np.minimum(half * np.sqrt(STEPS[level]), widest)
        is_known = a["seen"][level, rows] >= _KNOWN
        return mix(said, weight), np.where(is_known, held, guess)


def is_turn(seen: Floats) -> npt.NDArray[np.bool_]:
    """Whether forecasts are sent off at the reading of this number: one in `1 / SHARE`, at irregular distances."""
    return np.asarray(seen * _GOLDEN % 1.0 < SHARE)


def _weight(regret: Floats) -> Floats:
    ahead = np.maximum(regret, LEAST * _PRIOR)
    return ahead * ahead
