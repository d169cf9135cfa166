"""Putting the parts together, and coming back after a restart."""

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from brokers import free_port
from readings import START, batch, life, pieces, settings

from gateway.app import Application
from gateway.config import Settings
from gateway.errors import ConfigError
from gateway.journal import Entered, Journal, Reader
from gateway.learning.stock import ModelRule
from gateway.records import SECOND, Incident, Resume, Span, Tick
from gateway.recovery import Fold, restore
from gateway.rulebook import dumps, rules
from gateway.shard import Rules, Shard

HERE = Rules(silent_floor_s=5.0)


def live(shard: Shard, journal: Journal, *, rounds: int = 40, checkpoint_after: tuple[int, ...] = ()) -> None:
    """Let a shard live: devices come one after the other, the connection breaks, one falls silent; all is logged."""
    later = (rounds + 10) * 60 * SECOND
    rows = life(rounds, ("pump",)) + [(*row[:2], row[2] + later, row[3]) for row in life(rounds, ("pump", "room"))]
    rows[5 * rounds] = (*rows[5 * rounds][:3], 500.0)
    rows += rows[10:20]  # delivered again
    half = 2 * rounds  # before the second device is heard for the first time
    steps: list[object] = [Resume(START), *pieces(rows[:half], 1), Resume(rows[half][2]), *pieces(rows[half:], 2)]
    steps += [Tick(START + 10**9 * SECOND), rows[-1:]]
    for number, step in enumerate(steps):
        entry = step if isinstance(step, (Tick, Resume)) else batch(shard.directory, step)  # type: ignore[arg-type]
        outcome = shard.apply(entry)
        told: list[Incident] = [change.incident for change in outcome.changes]
        entered: Entered = entry if isinstance(entry, (Tick, Resume)) else (entry, outcome.verdicts)  # type: ignore[assignment]
        journal.append(shard.directory, [entered], told)
        if number in checkpoint_after:
            journal.checkpoint(dumps(shard.rules), shard.dumps())


def restored(journal: Journal, chosen: Rules = HERE) -> tuple[Shard, list[str]]:
    """Return what a new process makes of the log, and what it said about it."""
    said: list[str] = []
    shard = Shard(chosen)
    restore(shard, journal, dumps(chosen), threading.Event(), said.append)
    return shard, said


@pytest.mark.parametrize(
    ("checkpoints", "rounds"),
    [((), 40), ((3,), 40), ((5, 10), 40), ((0,), 40), ((), 250), ((20, 40), 250)],
    ids=["none", "early", "two", "before any reading", "none, after long", "two, after long"],
)
def test_a_restart_continues_bit_for_bit(journal: Journal, checkpoints: tuple[int, ...], rounds: int) -> None:
    """Checkpoint and tail, or the whole log, give exactly the state that was never interrupted."""
    shard = Shard(HERE)
    live(shard, journal, rounds=rounds, checkpoint_after=checkpoints)
    again, said = restored(journal)
    assert again.dumps() == shard.dumps()
    assert again.directory.streams == shard.directory.streams
    assert said[-1].startswith("4 streams restored")


def test_a_restart_right_after_a_checkpoint_learns_nothing_again(journal: Journal) -> None:
    """After a clean end there is no tail."""
    shard = Shard(HERE)
    live(shard, journal)
    journal.checkpoint(dumps(HERE), shard.dumps())
    again, said = restored(journal)
    assert again.dumps() == shard.dumps()
    assert said == ["4 streams restored, 0 entries learned again"]


def test_an_empty_log_says_nothing(journal: Journal) -> None:
    """A first start has nothing to restore."""
    shard, said = restored(journal)
    assert (len(shard.directory), said) == (0, [])


def damage(path: Path, statement: str) -> None:
    """Change the file behind the journal's back."""
    other = sqlite3.connect(path)
    other.execute(statement)
    other.commit()
    other.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE checkpoints SET body = zeroblob(9) WHERE seq = (SELECT max(seq) FROM checkpoints)",
        "UPDATE checkpoints SET body = zeroblob(9)",
        "UPDATE checkpoints SET rules = 'of another version'",
        "DELETE FROM checkpoints",
    ],
)
def test_without_a_good_checkpoint_the_log_is_folded_again(journal: Journal, statement: str) -> None:
    """Damage costs time at the start, and why is said, not what was learned."""
    shard = Shard(HERE)
    live(shard, journal, checkpoint_after=(5, 10))
    damage(journal.path, statement)
    again, said = restored(journal)
    assert again.dumps() == shard.dumps()
    assert ("no state was saved" in said[0]) == ("max(seq)" not in statement)


@pytest.mark.parametrize(
    "part",
    [
        lambda parts: parts | {"fleet": b"nonsense"},
        lambda parts: parts | {"fleet": parts["fleet"][:-30]},
        lambda parts: parts | {"incidents": b"[[[1]]]"},
        lambda parts: parts | {"directory": b"{"},
        lambda parts: {"directory": parts["directory"]},
        lambda _: {},
    ],
)  # fmt: skip
def test_a_checkpoint_that_does_not_fit_is_passed_over(
    journal: Journal, part: Callable[[dict[str, bytes]], dict[str, bytes]]
) -> None:
    """Its digest is right and yet this version cannot read it: fold again, from nothing half loaded."""
    shard = Shard(HERE)
    live(shard, journal)
    journal.checkpoint(dumps(HERE), part(shard.dumps()))
    again, _ = restored(journal)
    assert again.dumps() == shard.dumps()


def test_other_rules_fold_again_under_those_rules(journal: Journal) -> None:
    """A changed setting gives the state of a gateway that always had it."""
    live(Shard(HERE), journal, checkpoint_after=(10,))
    other = Rules(models=(ModelRule("river.anomaly.HalfSpaceTrees", "pump"),), silent_floor_s=5.0)
    again, _ = restored(journal, other)
    fresh = Shard(other)
    with Reader(journal.path) as log:
        Fold(fresh, log).advance()
    assert again.dumps() == fresh.dumps()


@pytest.mark.parametrize("model", ["os.system", "river.utils.Rolling", "river.anomaly.Nonsense", "LinearRegression"])
def test_a_model_that_river_does_not_have_names_its_key(model: str) -> None:
    """Nothing but River's own models can be named, and the operator reads where the wrong name stands."""
    fine = {"model": "river.anomaly.LODA"}
    with pytest.raises(ConfigError, match=r"^learning\.models\.1: "):
        rules(settings(learning={"models": [fine, {"model": model}]}))


def test_building_starts_nothing(tmp_path: Path) -> None:
    """`check-config` builds every part: no file, no thread, no connection comes of it."""
    application = Application(settings(journal={"path": str(tmp_path / "gateway.db")}))
    assert list(tmp_path.iterdir()) == []
    assert not application.connection.is_online


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://127.0.0.1:8086", ""),
        ("http://localhost:8086", ""),
        ("http://[::1]:8086", ""),
        ("https://influx.example", ""),
        ("http://influx.example:8086", "unencrypted"),
        ("http://192.168.1.9:8086", "unencrypted"),
    ],
)
def test_a_token_that_travels_unencrypted_is_warned_of(
    url: str,
    words: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whoever can read the network can read the database; on this machine nobody else can."""
    chosen = settings(influx={"url": url, "bucket": "b", "token": "s3cret"})
    application = Application(chosen)
    assert application.sender
    assert ("unencrypted" in caplog.text) == bool(words)
    assert "s3cret" not in caplog.text


def test_without_influxdb_its_client_is_not_even_imported(tmp_path: Path) -> None:
    """It costs half a second and 40 MB, which a Raspberry Pi has better use for."""
    script = "import sys, gateway.app, gateway.config as c; gateway.app.Application(c.Settings())"
    script += "; sys.exit('influxdb_client' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False, cwd=tmp_path).returncode == 0


def test_forgetting_reaches_influxdb_and_says_where_it_did_not() -> None:
    """The receipt of `gateway forget` must not claim what did not happen; and nothing of it ends the loop."""
    application = Application(settings(influx={"url": f"http://127.0.0.1:{free_port()}", "bucket": "b"}))
    said = application.pipeline.doors["InfluxDB"](Span("pump"))
    assert said.startswith("NOT deleted: ")
    assert "InfluxDB" not in Application(Settings()).pipeline.doors
