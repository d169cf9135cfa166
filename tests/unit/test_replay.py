"""`gateway replay`: the same core on recorded data, strictly causal, each file by itself."""

import csv
import gzip
import random
from pathlib import Path

import numpy as np
import pytest

from gateway import recordings, replay
from gateway.cli import main
from gateway.errors import InputError
from gateway.shard import Rules

ROWS = 320


def recording(seed: int, *, sensors: int = 1, rows: int = ROWS, spikes: tuple[int, ...] = (300,)) -> list[str]:
    """Return the lines of a recording, once a minute, noise around a level, with spikes in the first sensor."""
    draw = random.Random(seed)
    lines = ["time," + ",".join("abc"[:sensors])]
    for row in range(rows):
        values = [20 + 10 * sensor + draw.gauss(0, 1) for sensor in range(sensors)]
        values[0] += 300 * (row in spikes)
        lines.append(f"{1_700_000_000 + 60 * row}," + ",".join(f"{value:.3f}" for value in values))
    return lines


def write(path: Path, lines: list[str]) -> None:
    """Write a recording, compressed where its name says so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    body = "\n".join(lines).encode() + b"\n"
    path.write_bytes(gzip.compress(body) if path.suffix == ".gz" else body)


def run(source: Path, out: Path) -> dict[str, list[list[str]]]:
    """Replay; return the tables that were written, by their relative path."""
    replay.run(source, out, Rules())
    written = sorted(out.rglob("*.csv"))
    return {path.relative_to(out).as_posix(): list(csv.reader(path.read_text().splitlines())) for path in written}


def test_a_tree_of_recordings(tmp_path: Path) -> None:
    """Every file has its answer under the same relative path, one line for each of its own."""
    write(tmp_path / "in" / "pump.csv", recording(1))
    write(tmp_path / "in" / "hall" / "room.csv.gz", recording(2, sensors=3, rows=50))
    tables = run(tmp_path / "in", tmp_path / "out")
    assert list(tables) == ["hall/room.csv", "pump.csv"]
    header, *rows = tables["pump.csv"]
    assert header == ["time", "score", "alarm", "incident", "a_expected", "a_lower", "a_upper"]
    assert [row[0] for row in rows] == [line.partition(",")[0] for line in recording(1)[1:]]
    assert len(tables["hall/room.csv"]) == 51
    assert tables["hall/room.csv"][0][-3:] == ["c_expected", "c_lower", "c_upper"]


def test_columns_say_what_was_found(tmp_path: Path) -> None:
    """The spike scores, was not expected, and opens an incident that is told; before it nothing is."""
    write(tmp_path / "pump.csv", recording(1))
    _, *rows = run(tmp_path / "pump.csv", tmp_path / "out")["pump.csv"]
    table = np.array([[float(cell or "nan") for cell in row[1:]] for row in rows])
    score, alarm, incident, expected, lower, upper = table.T
    assert ((score >= 0) & (score <= 1)).all()
    assert score[300] == alarm[300] >= 0.5
    assert (incident[300], incident[:300].sum()) == (1, 0)
    assert set(np.flatnonzero(alarm)) <= set(np.flatnonzero(incident))
    assert abs(expected[299] - 20) < 3
    said = ~np.isnan(expected)
    assert (said == ~np.isnan(lower)).all()
    assert (lower[said] <= expected[said]).all()
    assert (expected[said] <= upper[said]).all()


def test_a_device_scores_by_how_its_sensors_stand_together(tmp_path: Path) -> None:
    """What no sensor shows by itself: the third goes its own way, of which its column alone says nothing."""
    draw = random.Random(5)
    lines = ["time,a,b,c"]
    for row in range(900):
        cause = draw.gauss(0, 1)
        other = cause if row < 800 else draw.gauss(0, 1)
        lines.append(f"{1_700_000_000 + 60 * row},{cause},{cause + draw.gauss(0, 0.1)},{other + draw.gauss(0, 0.1)}")
    write(tmp_path / "pump.csv", lines)
    _, *rows = run(tmp_path / "pump.csv", tmp_path / "out")["pump.csv"]
    score, incident = np.array([[float(row[1]), float(row[3])] for row in rows]).T
    assert ((score >= 0.5) <= (incident == 1.0)).all()
    assert score[805:].mean() > 1.5 * score[400:800].mean()


@pytest.mark.parametrize("kept", [299, 301, 256])
def test_the_future_changes_nothing(tmp_path: Path, kept: int) -> None:
    """What is said of a row depends on the rows before it and on it alone."""
    lines = recording(1, sensors=2)
    write(tmp_path / "whole" / "pump.csv", lines)
    write(tmp_path / "part" / "pump.csv", lines[: kept + 1])
    whole = run(tmp_path / "whole", tmp_path / "out")["pump.csv"]
    assert run(tmp_path / "part", tmp_path / "out_part")["pump.csv"] == whole[: kept + 1]


def test_one_device_never_influences_another(tmp_path: Path) -> None:
    """A file says the same alone and among others, shorter, longer, and at other times."""
    write(tmp_path / "alone" / "pump.csv", recording(1, sensors=2))
    write(tmp_path / "together" / "pump.csv", recording(1, sensors=2))
    write(tmp_path / "together" / "a.csv", recording(3, rows=20))
    write(tmp_path / "together" / "z.csv", [recording(4)[0], *reversed(recording(4)[1:])])
    alone = run(tmp_path / "alone", tmp_path / "out")["pump.csv"]
    assert run(tmp_path / "together", tmp_path / "out_together")["pump.csv"] == alone


def test_the_size_of_a_batch_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are fed many at a time for speed only."""
    write(tmp_path / "in" / "pump.csv", recording(1, sensors=2))
    write(tmp_path / "in" / "room.csv", recording(2, rows=300))
    many = run(tmp_path / "in", tmp_path / "out")
    monkeypatch.setattr(replay, "ROWS", 7)
    assert run(tmp_path / "in", tmp_path / "again") == many


def test_rows_without_a_number_and_out_of_order(tmp_path: Path) -> None:
    """They have their line; an incident that is open stays open across them; what is stale says nothing."""
    lines = recording(1)
    when = lines[302].partition(",")[0]
    lines[302] = f"{when},"  # a hole right after the spike
    lines[304] = lines[100]  # long past
    write(tmp_path / "pump.csv", lines)
    _, *rows = run(tmp_path / "pump.csv", tmp_path / "out")["pump.csv"]
    assert len(rows) == ROWS
    assert [row[3] for row in rows[300:302]] == ["1", "1"]
    assert rows[301][1:3] == ["0", "0"]
    assert rows[303][1:3] == ["0", "0"]
    assert rows[303][4:] == ["", "", ""]


def test_long_gaps_are_survived(tmp_path: Path) -> None:
    """Years between two rows are no error and no number that is none."""
    lines = recording(1, rows=400)
    lines += [f"{4_000_000_000 + 60 * row},20.{row % 10}" for row in range(100)]
    write(tmp_path / "pump.csv", lines)
    _, *rows = run(tmp_path / "pump.csv", tmp_path / "out")["pump.csv"]
    assert all(cell != "inf" and "nan" not in cell for row in rows for cell in row)


def test_one_file_into_a_file(tmp_path: Path) -> None:
    """For one recording the output may be named itself."""
    write(tmp_path / "pump.csv", recording(1, rows=5))
    replay.run(tmp_path / "pump.csv", tmp_path / "said.csv", Rules())
    assert len((tmp_path / "said.csv").read_text().splitlines()) == 6


@pytest.mark.parametrize(
    ("names", "source", "out"),
    [
        (["a.csv"], "", ""),
        (["a.csv"], "a.csv", "a.csv"),
        (["a.csv"], "a.csv", ""),
        (["a.csv", "a.csv.gz"], "", "out"),
        (["a.csv", "b.csv"], "", "out.csv/../"),
    ],
)
def test_recordings_are_never_written_over(tmp_path: Path, names: list[str], source: str, out: str) -> None:
    """Neither over the input nor two answers into one file; nothing is written then."""
    for name in names:
        write(tmp_path / "in" / name, recording(1, rows=5))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.csv*")}
    with pytest.raises(InputError, match="written over"):
        replay.run(tmp_path / "in" / source, tmp_path / "in" / out, Rules())
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.csv*")} == before


def test_the_command_names_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A bad row in one file ends everything before anything is written."""
    write(tmp_path / "in" / "good.csv", recording(1, rows=5))
    write(tmp_path / "in" / "zbad.csv", ["time,a", "0,1", "noon,1"])
    assert main(["replay", str(tmp_path / "in"), "--out", str(tmp_path / "out")]) == 1
    assert f"{tmp_path / 'in' / 'zbad.csv'}: row 3: 'noon'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_every_file_is_one_sheet(tmp_path: Path) -> None:
    """The benchmarks use this without going through files."""
    write(tmp_path / "pump.csv", recording(1, rows=30))
    (sheet,) = replay.play([recordings.read(tmp_path / "pump.csv", Path("pump.csv"))], Rules())
    assert sheet.told.shape == (30, 3)
    assert sheet.bands.shape == (30, 1, 3)
