"""`gateway tune`: the log or a folder, folded once for each candidate, and what comes of it in words."""

import json
import math
import tomllib
from contextlib import closing
from pathlib import Path

import pytest
from readings import START, batch, life

from gateway import tune
from gateway.cli import main
from gateway.config import Settings
from gateway.errors import InputError
from gateway.journal import Journal, Reader
from gateway.learning.stock import ModelRule
from gateway.records import SECOND, Feedback, Verdict
from gateway.shard import Rules, Shard
from gateway.trials import Score

BAD = ModelRule("river.time_series.HoltWinters", params={"alpha": 0.99, "beta": 0.9})


def write_log(path: Path) -> None:
    """Write the log of a gateway: an ordinary life, a jump, and a person who called it a fault."""
    shard, journal = Shard(Rules()), Journal(path)
    journal.open()
    later = START + 300 * 60 * SECOND
    jump = [("room", "a", later + number * 60 * SECOND, 500.0) for number in range(5)]
    for rows in (life(300), jump):
        entry = batch(shard.directory, rows)
        outcome = shard.apply(entry)
        assert outcome.verdicts
        journal.append(shard.directory, [(entry, outcome.verdicts)], [told.incident for told in outcome.changes])
    journal.append(shard.directory, [Feedback(later + 600 * SECOND, "room", None, Verdict.FAULT)], [])
    journal.close()


def write_recording(folder: Path, minutes: int) -> None:
    """Write the ordinary life of one sensor as CSV."""
    rows = [f"{at // SECOND},{value}" for _, _, at, value in life(minutes, ("room",), ("a",))]
    (folder / "room.csv").write_text("\n".join(["time,a", *rows]))


def test_the_log_of_a_running_gateway_is_tried(tmp_path: Path) -> None:
    """Read beside the one that writes it; what people said is found again under the same settings."""
    path = tmp_path / "gateway.db"
    write_log(path)
    running = Journal(path)
    running.open()
    with Reader(path) as reading:
        judge(reading)
    running.close()


def test_what_came_twice_and_was_stale_is_passed_over(tmp_path: Path) -> None:
    """Of such an entry nothing is left in the log but its place."""
    path, shard = tmp_path / "gateway.db", Shard(Rules())
    with closing(Journal(path)) as journal:
        journal.open()
        for _ in range(2):
            entry = batch(shard.directory, life(100))
            outcome = shard.apply(entry)
            assert outcome.verdicts
            journal.append(shard.directory, [(entry, outcome.verdicts)], [])
    with Reader(path) as reading:
        assert tune.log(reading).steps == 1


def judge(reading: Reader) -> None:
    """Try settings on a log with one confirmed fault."""
    source = tune.log(reading)
    tried = [tune.Candidate("as it is", Rules()), tune.Candidate("bad", Rules(models=(BAD,)), BAD)]
    found = tune.run(source, tried)
    assert found["as it is"]["room"].found == 1
    lines = "\n".join(tune.report(tried, found))
    assert "finds 1 of 1 confirmed faults" in lines
    assert "Nothing that was tried forecasts 5% better" in lines


def test_what_is_better_is_said_as_settings_that_load(tmp_path: Path) -> None:
    """Beside a bad forecaster the others win; the lines can be pasted, and hold the model that won."""
    write_recording(tmp_path, 500)
    source, linear = tune.folder(tmp_path), tune.MODELS["LinearRegression"]
    tried = [
        tune.Candidate("as it is", Rules(models=(BAD,)), BAD),
        tune.Candidate("LinearRegression", Rules(models=(linear,)), linear),
    ]
    found = tune.run(source, tried)
    lines = "\n".join(tune.report(tried, found))
    settings = Settings.model_validate(tomllib.loads(lines[lines.index("# room:") :]))
    assert settings.learning.models[0].model == tune.MODELS["LinearRegression"].model
    tree = json.loads(json.dumps(tune.tree(tried, found)))
    assert tree["better"]["room"]["settings"] == "LinearRegression"


def test_candidates_are_now_then_the_users_then_ours() -> None:
    """The first is what all others are compared with; a budget twice as large means half the time between two."""
    tried = tune.candidates(Rules(), {"mine.toml": Rules(silent_floor_s=1.0)})
    assert [each.name for each in tried][:2] == ["as it is", "mine.toml"]
    budgets = {each.name: each.rules.policy.budget_s / tried[0].rules.policy.budget_s for each in tried}
    assert (budgets["half the budget"], budgets["twice the budget"]) == (2.0, 0.5)


def test_without_readings_there_is_nothing_to_try(tmp_path: Path) -> None:
    """An empty log and no log at all are said plainly."""
    path = tmp_path / "gateway.db"
    journal = Journal(path)
    journal.open()
    with Reader(path) as reading, pytest.raises(InputError, match="no readings"):
        tune.log(reading)
    journal.close()
    config = tmp_path / "gateway.toml"
    config.write_text(f"journal.path = {json.dumps(str(tmp_path / 'nothing.db'))}")
    assert main(["tune", "--config", str(config)]) == 1
    assert not (tmp_path / "nothing.db").exists()


def test_the_command_prints_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On a folder of recordings, with settings of the user's own beside ours."""
    write_recording(tmp_path, 300)
    mine = tmp_path / "mine.toml"
    mine.write_text("alarms.false_per_30_days = 5.0")
    assert main(["tune", str(tmp_path), "--candidate", str(mine), "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)["scores"]
    assert {"as it is", str(mine), "HoltWinters", "half the budget"} <= set(scores)
    assert Score(**scores["as it is"]["room"]).readings == 100


def test_recordings_of_different_years_are_scored(tmp_path: Path) -> None:
    """Each has an earlier and a later half of its own; that a third is too short takes nothing from them."""
    for name, year_s, minutes in (("old", 0, 300), ("new", 200_000_000, 260), ("short", 0, 100)):
        rows = [f"{at // SECOND + year_s},{value}" for _, _, at, value in life(minutes, ("room",), ("a",))]
        (tmp_path / f"{name}.csv").write_text("\n".join(["time,a", *rows]))
    source = tune.folder(tmp_path)
    scores = tune.run(source, tune.candidates(Rules(), {})[:1])["as it is"]
    assert {name: all(map(math.isfinite, score.error)) for name, score in scores.items()} == {
        "old": True,
        "new": True,
        "short": False,
    }


def test_what_cannot_be_scored_is_null_and_a_dash(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One reading, long before 1970, is a reading; of its forecasts nothing is known, in JSON too."""
    (tmp_path / "lone.csv").write_text("time,a\n-86400,1.0\n")
    assert main(["tune", str(tmp_path), "--json"]) == 0
    (score,) = json.loads(capsys.readouterr().out)["scores"]["as it is"].values()
    assert (score["error"], score["incidents"]) == ([None, None], None)
    assert main(["tune", str(tmp_path)]) == 0
    assert "nan" not in capsys.readouterr().out
