"""Which forecasts are kept."""

from readings import START

from gateway.foresight import Foresight
from gateway.records import SECOND, Forecast
from gateway.shard import Rules, Shard

HOUR = 3600 * SECOND


def forecast(made_s: float, ahead_s: float, sensor: str = "a") -> Forecast:
    """Return a forecast."""
    made_at = START + round(made_s * SECOND)
    return Forecast("pump", sensor, made_at, made_at + round(ahead_s * SECOND), 20.0, 19.0, 21.0, 0.9)


def kept(foresight: Foresight, *forecasts: Forecast) -> list[tuple[int, float]]:
    """Return row and horizon in seconds of what is kept."""
    found = foresight.keep(forecasts)
    if found is None:
        return []
    return [
        (row, ahead / SECOND)
        for row, ahead in zip(found.stream.tolist(), (found.due_at - found.made_at).tolist(), strict=True)
    ]


def new() -> Foresight:
    """Return one that knows two streams and two horizons."""
    shard = Shard(Rules())
    shard.directory.add("pump", "a")
    shard.directory.add("pump", "b")
    return Foresight(shard, (600.0, 3600.0))


def test_the_next_value_is_not_kept() -> None:
    """What was expected stands beside the reading itself."""
    assert kept(new(), forecast(0, 60), forecast(0, 600), forecast(0, 3600)) == [(0, 600.0), (0, 3600.0)]


def test_four_of_a_horizon_are_kept() -> None:
    """More draw the same line, and cost bytes on an SD card."""
    foresight = new()
    times = [number * 60 for number in range(60)]
    found = [each for at in times for each in kept(foresight, forecast(at, 600), forecast(at, 3600))]
    assert found.count((0, 600.0)) == 20  # every 180 s, the first minute after 150
    assert found.count((0, 3600.0)) == 4


def test_streams_are_kept_apart_and_strangers_not_at_all() -> None:
    """A sensor without a row of its own has nothing that its forecast could be held against."""
    foresight = new()
    assert kept(foresight, forecast(0, 600), forecast(0, 600, "b"), forecast(0, 600, "c")) == [(0, 600.0), (1, 600.0)]


def test_a_clock_that_was_set_back_does_not_end_it() -> None:
    """Otherwise nothing would be kept until the device has caught up."""
    foresight = new()
    kept(foresight, forecast(10 * HOUR / SECOND, 600))
    assert kept(foresight, forecast(0, 600)) == [(0, 600.0)]
