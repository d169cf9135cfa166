"""What every kind of device keeps, and the habits of some."""

import gzip
import json
import math
from itertools import pairwise
from pathlib import Path

import pytest

from device_sim.chance import Chance
from device_sim.device import Device
from device_sim.errors import UsageError
from device_sim.fleet import DEFAULT_KINDS, KINDS, kinds_of, roster
from device_sim.kinds import recording
from device_sim.kinds.kind import DAY, HOUR, Command, Kind, noise_scales

START = 1_790_000_000.0
ALL_KINDS = [*KINDS.values(), recording.replay("waterflow", recording.load(recording.water_flow()), START)]


def life(kind: Kind, seed: int = 1, days: float = 1.0) -> list[tuple[float, bytes]]:
    """Return all that a device of `kind` sends in its first days."""
    device, told = Device("it", kind, seed, START), []
    while device.next_at < START + days * DAY:
        at = device.next_at
        told += [(at, message.payload) for message in device.report()]
    return told


@pytest.mark.parametrize("kind", ALL_KINDS, ids=lambda kind: kind.name)
class TestEveryKind:
    """The contract of kinds."""

    def test_same_seed_is_same_life(self, kind: Kind) -> None:
        """A run can be repeated; another seed is another device, save for a recording."""
        assert life(kind) == life(kind)
        assert (life(kind) != life(kind, seed=2)) is not kind.is_recording

    def test_readings_are_finite_and_within_bounds(self, kind: Kind) -> None:
        """No sensor tells what it cannot measure."""
        for t, _ in life(kind):
            for sensor in kind.sensors:
                value = sensor.rounded(kind.measured(Chance.of(1), t)[sensor.name])
                assert math.isfinite(value)
                assert sensor.low <= value <= sensor.high

    def test_time_goes_forward(self, kind: Kind) -> None:
        """Reports are in order and start at the start."""
        times = [t for t, _ in life(kind)]
        assert times[0] >= START
        assert all(a < b for a, b in pairwise(times))

    def test_noise_has_a_size(self, kind: Kind) -> None:
        """The sizes of faults are measured in something positive."""
        assert all(scale > 0.0 for scale in noise_scales(kind).values())


def test_quantised_as_real_sensors_are() -> None:
    """A room tells tenths of a degree and ISO 8601 times in UTC."""
    reading = json.loads(life(KINDS["climate"])[0][1])
    assert reading["temperature"] == round(reading["temperature"], 1)
    assert reading["time"].endswith("Z")
    assert isinstance(reading["co2"], int)


def test_counter_never_falls_and_power_is_its_slope() -> None:
    """A meter's energy is monotone over a month, and what it shows as power adds up to it."""
    meter, chance = KINDS["meter"], Chance.of(3)
    values = [meter.signal(chance, START + n * 60.0, Command(0.0, 0.0)) for n in range(30 * 1440)]
    assert all(b["energy"] >= a["energy"] for a, b in pairwise(values))
    used = sum(value["power"] for value in values) / 60.0 / 1000.0
    assert used == pytest.approx(values[-1]["energy"] - values[0]["energy"], rel=0.01)


def test_door_alternates_and_sleeps_at_night() -> None:
    """An event sensor opens and closes in turn, mostly by day."""
    told = [(t, json.loads(payload)["value"]) for t, payload in life(KINDS["door"], days=14)]
    assert [value for _, value in told] == [n % 2 == 0 for n in range(len(told))]
    night = sum((t % DAY) < 5 * HOUR for t, _ in told)
    assert night < len(told) / 10


def test_slowed_pump_shakes_and_warms_less() -> None:
    """The command acts on the machine with its inertia."""
    pump, chance = KINDS["pump"], Chance.of(5)
    t = next(
        START + n * 1800.0 for n in range(50) if pump.signal(chance, START + n * 1800.0, Command(0, 0))["rpm"] > 1400
    )
    free, slow = (pump.signal(chance, t + 900.0, Command(0.0, by, t)) for by in (0.0, 0.4))
    assert slow["rpm"] == pytest.approx(0.6 * free["rpm"], rel=0.01)
    assert slow["vibration"] < free["vibration"]
    assert slow["bearing_temperature"] < free["bearing_temperature"]


def test_names_and_one_replay() -> None:
    """The default fleet is named by kind and number, and one device replays WaterFlow."""
    names = [name for name, _ in roster(kinds_of(DEFAULT_KINDS, (), None, START), 30)]
    assert names[:7] == ["climate-01", "freezer-02", "pump-03", "meter-04", "wearable-05", "door-06", "waterflow-07"]
    assert sum("waterflow" in name for name in names) == 1


def test_replay_tells_the_rows_at_their_hours() -> None:
    """WaterFlow's rows come in order, an hour apart, at the hour of the day they were taken."""
    rows = recording.load(recording.water_flow())
    told = [(t, json.loads(payload)["water_flow"]) for t, payload in life(ALL_KINDS[-1], days=4)]
    hours = [(rows.began_at + offset) % DAY for offset in rows.offsets]
    skipped = hours.index(told[0][0] % DAY)
    assert [value for _, value in told[:48]] == [row["water_flow"] for row in rows.rows[skipped : skipped + 48]]


def test_any_csv_can_be_replayed(tmp_path: Path) -> None:
    """Units leave the name, text columns and broken rows are passed over, gzip is read."""
    path = tmp_path / "Boiler room.csv.gz"
    path.write_bytes(gzip.compress(b"t,Flow (l/s),note\n1000,1.5,a\nnever,2,b\n1060,,c\n1120,2.5,d\n"))
    (kind,) = kinds_of("replay", [path], None, START)
    assert (kind.name, [sensor.name for sensor in kind.sensors], kind.interval_s) == ("boilerroom", ["flow"], 120.0)


def test_replay_at_a_pace() -> None:
    """`--interval` plays one row after the other at that pace."""
    (kind,) = kinds_of("replay", (), 10.0, START)
    assert [round(b - a) for (a, _), (b, _) in pairwise(life(kind, days=0.01))] == [10] * 85


@pytest.mark.parametrize("content", [b"", b"time,value\n1,2\n", b"\xff\xfe,\x00"])
def test_broken_recording_is_refused(tmp_path: Path, content: bytes) -> None:
    """A file that holds no recording is the caller's mistake, told in one line."""
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"recording .*x\.csv"):
        recording.load(path)


def test_dice_are_fair_enough() -> None:
    """The hashed dice have the mean and spread they claim."""
    chance = Chance.of("dice")
    normal = [chance.gauss("x", n) for n in range(20_000)]
    assert sum(normal) / 20_000 == pytest.approx(0.0, abs=0.03)
    assert sum(x * x for x in normal) / 20_000 == pytest.approx(1.0, abs=0.03)
    assert sum(chance.unit("x", n) for n in range(20_000)) / 20_000 == pytest.approx(0.5, abs=0.01)
