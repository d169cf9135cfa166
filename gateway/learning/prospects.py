"""What is expected of every stream: of its next value, and after any time, in its own unit."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gateway.learning.calendar import DAY_S, WEEK_S, Almanac
from gateway.learning.clock import LARGEST, Clock
from gateway.learning.distant import Aim, Distant, Usual, is_turn
from gateway.learning.nature import Natures, Scale
from gateway.learning.pool import Outlook, Pool
from gateway.learning.profile import Profile, hour_of, shrunken
from gateway.learning.rhythm import Rhythm
from gateway.learning.rows import Places, positions
from gateway.records import SECOND, Floats, Ints, Mask

if TYPE_CHECKING:
    from gateway.learning.chosen import ChosenForecaster

READY = 10
"""Readings before a forecast is published; its interval has found its width by then."""

RECENT = 23
"""Values before a reading among which it may be the highest or the lowest; 11, 35 and 47 cost NAB 1 to 2 points."""

_LEAST_INTERVAL_S = 1e-3
_WEEK = int(WEEK_S * SECOND)
_FEW_DAYS = int(3 * DAY_S * SECOND)  # how far off readings of an hour are, fewer days do not say


class View(NamedTuple):
    """One reading of each of some streams, and what was expected of it.

    `at` are the same streams as `rows`, as `stretch` finds them. `seen` is how many readings there were of what the
    stream is now, with this one. `before` is the time of the one before, `said` is as it was sent, `read` in its own
    unit (0 of a text), `value` what is learned of it, and `weekly` what the same hour of the week usually has, NaN
    where there was none. `off` is how far off what is usual it is on average at this hour of the day, of which `hours`
    readings were seen, 0 while its days are hardly known. `lowest` and `highest` are so of the last `RECENT` before.
    """

    rows: Ints
    at: Places
    seen: Floats
    observed_at: Ints
    before: Ints
    local_s: Ints
    hour: Ints
    interval_s: Floats
    scale: Scale
    said: Floats
    read: Floats
    value: Floats
    outlook: Outlook
    weekly: Floats
    off: Floats
    hours: Floats
    lowest: Floats
    highest: Floats


class Prospects:
    """Pace, nature, profiles, beat and forecasters of every stream, and the models a user chose instead of these."""

    def __init__(self, almanac: Almanac) -> None:
        self._almanac = almanac
        self.clock, self.natures, self.pool = Clock(), Natures(), Pool()
        self.profile, self.rhythm, self.distant = Profile(), Rhythm(), Distant()
        self.chosen: dict[int, ChosenForecaster] = {}

    def meet(
        self, rows: Ints, at: Places, observed_at: Ints, said: Floats, is_calm: Mask
    ) -> tuple[Ints, Floats, Scale]:
        """Take note of a reading of each of `rows`.

        Returns who turned into something else, what was read and what of it is learned. What was learned of those was
        learned of something that they are not. `at` are the same as `rows`, as `stretch` finds them.
        """
        spoke, read = self.natures.hear(rows, at, said), self.natures.quantity(at, said)
        clock, since_s = self.clock.arrays, self.clock.advance(rows, at, observed_at, read)
        age_s = (observed_at - clock["born_at"][at]) / SECOND
        turned, again = self.natures.observe(rows, read, age_s, is_calm)
        turned = np.append(turned, spoke) if len(spoke) else turned
        if len(turned):
            self._begin_anew(rows[turned], observed_at[turned])
        scale = self.natures.scale(rows, clock["origin"][at], since_s, clock["interval_s"][at])
        if len(again):  # how fast it counted meanwhile is not known: as before
            scale.base[again] = read[again] - scale.per[again] * self.pool.arrays["lags"][0, rows[again]]
        self.natures.learn(rows, read)
        return rows[turned], read, scale

    def _begin_anew(self, rows: Ints, observed_at: Ints) -> None:
        for part in (self.pool, self.profile, self.rhythm, self.distant):
            part.renew(rows)
        self.clock.arrays["born_at"][rows] = observed_at

    def view(
        self, rows: Ints, at: Places, times: tuple[Ints, Ints], numbers: tuple[Floats, Floats], scale: Scale
    ) -> View:
        """What is expected of this reading of each of `rows`; `times` are those of the last and of this.

        `numbers` are what was said and what was read.
        """
        (before, observed_at), (said, read) = times, numbers
        local_s, interval_s = self._almanac.local_s(observed_at), self.interval_s(at)
        hour = self._hour(local_s)
        usual, weekly, weeks = self.profile.expect(rows, hour, self.pool.arrays["slow"][at])
        outlook = self._consult(rows, self.pool.predict(at, usual, self.rhythm.following(rows)), scale)
        age = observed_at - self.clock.arrays["born_at"][at]
        weekly = np.where((age >= _WEEK) & (weeks > 0.0), weekly, np.nan)  # before, the hour knows but itself
        outlook, off, hours = self._placed(outlook, rows, hour, age)
        moments, values = (observed_at, before, local_s, hour, interval_s), (said, read, scale.learned(read))
        seen = self.seen(at) + 1.0
        extremes = self.rhythm.extremes(rows, RECENT)
        return View(rows, at, seen, *moments, scale, *values, outlook, weekly, off, hours, *extremes)

    def _placed(self, outlook: Outlook, rows: Ints, hour: Ints, age: Ints) -> tuple[Outlook, Floats, Floats]:
        """The outlook with how far off forecasts of its hour are; how far off what is usual, and how often it was seen.

        That often is 0 of streams of an age (ns) at which their days are hardly known.
        """
        (off, missed), hours = self.profile.off(rows, hour)
        hours = np.where(age >= _FEW_DAYS, hours, 0.0)
        return outlook._replace(off=shrunken(missed, hours, outlook.scale)), off, hours

    def _hour(self, local_s: Ints) -> Ints:
        return hour_of(self._almanac.week_s(local_s))

    def band(self, view: View) -> tuple[Floats, Floats, Floats]:
        """What is expected of each reading, in its own unit: middle, lower, upper; NaN while nothing is known."""
        outlook, scale = view.outlook, view.scale
        half = self.pool.interval(view.at, outlook)
        unspoken = positions((view.seen == 1.0) | self.natures.speaks(view.at))
        middle, low, high = (
            scale.own(each) for each in (outlook.expected, outlook.expected - half, outlook.expected + half)
        )
        middle[unspoken] = low[unspoken] = high[unspoken] = np.nan
        return middle, low, high

    def learn(self, view: View, is_faulty: Mask) -> None:
        """Learn what was read; from what belongs to a fault, models of the user's choice learn nothing."""
        self._learn_distant(view)
        first = positions(view.seen == 1.0)
        if len(first):
            self.rhythm.begin(view.rows[first], view.value[first])
        self.pool.learn(view.at, view.outlook, view.value)
        self.rhythm.learn(view.rows, view.value)
        expected = np.array([view.outlook.seasonal, view.outlook.expected])
        self.profile.learn(view.rows, view.hour, view.value, expected, view.interval_s)
        for place, row in self._chosen_in(view.rows):
            self.chosen[row].learn_one(float(view.read[place]), is_faulty=bool(is_faulty[place]))

    def _learn_distant(self, view: View) -> None:
        """Judge the forecasts farther ahead that come due; now and then send off new ones."""
        rows, scale, seen = view.rows, view.scale, self.clock.arrays["seen"][view.at]
        counted = np.where(scale.is_counter, scale.own(view.value), np.nan) if scale.has_counters else None
        self.distant.learn(rows, view.observed_at, view.interval_s, view.value, counted)
        turn = positions(is_turn(seen))
        if not len(turn):
            return
        chosen, local_s, slow = rows[turn], view.local_s[turn], self.pool.arrays["slow"]

        def usual(place: Ints, ahead_s: Floats, steps: Floats) -> Usual:
            row, due = chosen[place], local_s[place] + ahead_s.astype(np.int64)
            usual = self.profile.expect(row, self._hour(due), slow[row])[0]
            return Usual(usual, self.rhythm.expect(row, steps.astype(np.int64)))

        moments = view.before[turn], view.observed_at[turn], view.interval_s[turn]
        self.distant.send(chosen, moments, self._aim(view.at, view.outlook).of(turn), usual, scale.base[turn])

    def _aim(self, at: Places, outlook: Outlook) -> Aim:
        return Aim(outlook.lags[0], outlook.expected, self.pool.arrays["level"][at])

    def chosen_of(self, rows: Ints) -> list["ChosenForecaster"]:
        """The models of the user's choice on these streams."""
        return [self.chosen[row] for _, row in self._chosen_in(rows)]

    def _chosen_in(self, rows: Ints) -> list[tuple[int, int]]:
        """Position and row of the streams that have a model of the user's choice."""
        return [(place, row) for place, row in enumerate(rows.tolist()) if row in self.chosen] if self.chosen else []

    def _consult(self, rows: Ints, outlook: Outlook, scale: Scale) -> Outlook:
        """The outlook with the word of the chosen models in place of the pool's."""
        found = self._chosen_in(rows)
        if not found:
            return outlook
        expected = outlook.expected.copy()
        for place, row in found:
            predicted = self.chosen[row].predict_one()
            if predicted is not None:
                expected[place] = (np.clip(predicted, -LARGEST, LARGEST) - scale.base[place]) / scale.per[place]
        return outlook._replace(expected=expected)

    def is_ready(self, rows: Ints) -> Mask:
        """Whether a forecast of each of `rows` would say anything."""
        return np.asarray((self.seen(rows) > READY) & ~self.natures.speaks(rows))

    def seen(self, at: Places) -> Floats:
        """How many readings of each of these streams were learned as what it is now."""
        return np.asarray(self.pool.arrays["seen"][at])

    def interval_s(self, at: Places) -> Floats:
        """The usual seconds between two readings of each of these streams."""
        return np.maximum(self.clock.arrays["interval_s"][at], _LEAST_INTERVAL_S)

    def pace(self, rows: Ints) -> tuple[Ints, Floats]:
        """The time (ns) of the last reading and the usual interval in seconds of each of `rows`."""
        return self.clock.arrays["last_at"][rows], self.clock.arrays["interval_s"][rows]

    def forecast(self, rows: Ints, horizons_s: Floats, deviation: Floats) -> tuple[Floats, Floats, Floats]:
        """What each of `rows` will read after each of its `horizons_s`: expected, lower, upper; all (row, horizon).

        `deviation` is how far each usually is from what is usual at the hour.
        """
        clock, pool, count = self.clock.arrays, self.pool, horizons_s.shape[1]
        last_at, interval_s = clock["last_at"][rows], self.interval_s(rows)
        slow = pool.arrays["slow"][rows]
        following = last_at + (interval_s * SECOND).astype(np.int64)
        hour = self._hour(self._almanac.local_s(following))
        usual, cycle = self.profile.expect(rows, hour, slow)[0], self.rhythm.following(rows)
        scale = self.natures.scale(rows, clock["origin"][rows], interval_s, interval_s)
        outlook = self._consult(rows, pool.predict(rows, usual, cycle), scale)
        outlook, _, _ = self._placed(outlook, rows, hour, following - clock["born_at"][rows])
        half = pool.interval(rows, outlook)
        widest = np.maximum(half, 1.645 * deviation)
        place = np.repeat(np.arange(len(rows)), count)
        due = self._almanac.local_s((last_at[:, None] + (horizons_s * SECOND).astype(np.int64)).reshape(-1))
        steps = np.maximum(horizons_s / interval_s[:, None], 1.0).reshape(-1)
        seasonal = self.profile.expect(rows[place], self._hour(due), slow[place])[0]
        then = Usual(seasonal, self.rhythm.expect(rows[place], np.rint(steps).astype(np.int64)))
        aim = self._aim(rows, outlook).of(place)
        expected, width = self.distant.forecast(rows[place], aim, then, steps, (half[place], widest[place]))
        per = np.where(scale.is_counter[:, None], horizons_s, 1.0)
        expected, width = per * expected.reshape(-1, count) + scale.base[:, None], per * width.reshape(-1, count)
        return expected, expected - width, expected + width

    def least(self, rows: Ints) -> Floats:
        """What each of `rows` will show at least: a counter never less than now, others have no such bound."""
        return np.where(self.natures.is_counter(rows), self.natures.arrays["last"][rows], -np.inf)

    def recent(self, rows: Ints) -> tuple[Floats, Floats, Floats]:
        """The last values of each of `rows` that has so many, the newest last; how long (s) ago each came then.

        And by how much their hours let expect them to have climbed, as far as that was seen on other days: what a young
        stream knows of an hour is this climb itself.
        """
        clock, slow, ages_s = self.clock.arrays, self.pool.arrays["slow"][rows], self.clock.ages_s(rows)
        last_at, ago = clock["last_at"][rows], (ages_s[:, 0] * SECOND).astype(np.int64)
        now, then = (
            self.profile.expect(rows, self._hour(self._almanac.local_s(at)), slow)[0] for at in (last_at, last_at - ago)
        )
        learned, is_counter = self.rhythm.recent(rows, ages_s.shape[1]), self.natures.is_counter(rows)
        rises = learned[:, 1:] * -np.diff(ages_s, axis=1)
        risen = np.append(np.cumsum(rises[:, ::-1], axis=1)[:, ::-1], np.zeros((len(rows), 1)), axis=1)
        counted = self.natures.arrays["last"][rows][:, None] - risen
        own = np.where(is_counter[:, None], counted, clock["origin"][rows][:, None] + learned)
        is_known = ~is_counter & (last_at - clock["born_at"][rows] >= _WEEK)
        return own, ages_s, np.where(is_known, now - then, 0.0)
