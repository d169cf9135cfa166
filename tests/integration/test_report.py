"""The story of a device, from a real log to a page and a picture."""

import struct
import time
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from readings import START, batch, pieces

from gateway.cli import main
from gateway.errors import InputError
from gateway.foresight import Foresight
from gateway.journal import History, Journal
from gateway.pictures import draw
from gateway.records import SECOND
from gateway.shard import Rules, Shard
from gateway.story import Story, cases, curve, tell

MINUTE = 60 * SECOND
ROUNDS = 600
DEVICE = "<b>pump</b> & co"


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the log of a device that lived for ten hours and jumped once, beside another."""
    path = tmp_path_factory.mktemp("report") / "gateway.db"
    journal, shard = Journal(path), Shard(Rules())
    foresight = Foresight(shard, (600.0, 3600.0))
    journal.open()
    rows = [
        (device, sensor, START + number * MINUTE, 20.0 + number % 7 + (400.0 if number == 500 else 0.0))
        for number in range(ROUNDS)
        for device in (DEVICE, "other")
        for sensor in ("flow", "level")
    ]
    for piece in pieces(rows, 1, 400):
        given = batch(shard.directory, piece)
        outcome = shard.apply(given)
        assert outcome.verdicts
        kept = foresight.keep(shard.forecast([0, 1]))
        told = [change.incident for change in outcome.changes]
        journal.append(shard.directory, [(given, outcome.verdicts)], told, [kept] if kept else [])
    journal.close()
    return path


@pytest.fixture
def story(log: Path) -> Story:
    """Give its story."""
    with History(log) as history:
        return tell(history, DEVICE, START, START + ROUNDS * MINUTE, ZoneInfo("Europe/Berlin"))


def test_the_story_has_readings_bands_forecasts_and_incidents(story: Story) -> None:
    """Of this device alone, each sensor by itself."""
    assert [each.sensor for each in story.curves] == ["flow", "level"]
    flow = story.curves[0]
    assert flow.count == ROUNDS
    assert flow.least.tolist() == [20.0 + number % 7 + (400.0 if number == 500 else 0.0) for number in range(ROUNDS)]
    assert np.isnan(flow.expected[0])
    assert flow.lower[400] < flow.expected[400] < flow.upper[400]
    assert flow.share_within > 0.8
    assert story.foretold["flow"].horizon_s == 3600.0
    assert any(case.first.value == 423.0 for case in story.cases)


def test_what_the_log_no_longer_has_is_told_by_the_minutes(log: Path, tmp_path: Path) -> None:
    """Without bands, which only the log knows."""
    copy = tmp_path / "gateway.db"
    copy.write_bytes(log.read_bytes())
    journal = Journal(copy)
    journal.open()
    journal.checkpoint("rules", {})
    journal.retain(START + 300 * MINUTE, 2**40)
    journal.close()
    with History(copy) as history:
        told = tell(history, DEVICE, START, START + ROUNDS * MINUTE, ZoneInfo("UTC"))
    flow = told.curves[0]
    assert flow.count == ROUNDS
    assert np.isnan(flow.expected[:250]).all()
    assert not np.isnan(flow.expected[500:]).any()


def test_many_readings_are_summed_up_to_what_a_picture_can_show() -> None:
    """Least, mean and most of each piece; the band of those readings of which something was expected."""
    rows = [
        [0, number, number, number, number, 1, *([np.nan] * 3 if number < 5 else [7, 5, 8])] for number in range(10)
    ]
    found = curve("flow", np.array(rows, dtype=np.float64), 0, 5)
    assert found.least.tolist() == [0, 5]
    assert found.mean.tolist() == [2, 7]
    assert found.most.tolist() == [4, 9]
    assert np.isnan(found.lower[0])
    assert found.lower[1] == 5
    assert found.share_within == 0.8


def test_an_incident_is_one_case(story: Story) -> None:
    """From its first word to its last, in order of their beginning."""
    assert len({case.first.id for case in story.cases}) == len(story.cases)
    assert [case.started_at for case in story.cases] == sorted(case.started_at for case in story.cases)
    assert cases([]) == []


def report(log: Path, folder: Path, *arguments: str) -> int:
    """Run the command on that log."""
    (folder / "gateway.toml").write_text(f"[journal]\npath = '{log}'\n")
    until = START + ROUNDS * MINUTE
    since = [f"--since={time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(START // SECOND))}"]
    since += [f"--to={time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(until // SECOND))}"]
    return main(["report", "--config", str(folder / "gateway.toml"), *since, *arguments])


def test_a_picture_is_drawn(log: Path, tmp_path: Path) -> None:
    """A PNG, as wide as promised."""
    out = tmp_path / "report.png"
    assert report(log, tmp_path, "--device", DEVICE, "--out", str(out)) == 0
    content = out.read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">I", content[16:20]) == (1560,)


def test_a_page_needs_nothing_else_and_trusts_no_name(log: Path, tmp_path: Path) -> None:
    """The picture is in it, and what a peer named is text, not markup."""
    out = tmp_path / "report.html"
    assert report(log, tmp_path, "--device", DEVICE, "--out", str(out)) == 0
    page = out.read_text()
    assert "data:image/png;base64," in page
    assert "&lt;b&gt;pump&lt;/b&gt; &amp; co" in page
    assert "<b>" not in page
    assert "flow 423" in page


def test_no_name_is_taken_for_a_formula_or_breaks_the_picture(story: Story) -> None:
    """Between two dollar signs matplotlib reads TeX; letters that its font lacks are no warning of ours."""
    story.device = "$a_{$ \N{CJK UNIFIED IDEOGRAPH-6E29}"
    story.curves = [replace(story.curves[0], sensor=r"$\frac{a$")]
    assert draw(story)[:4] == b"\x89PNG"


def test_a_time_that_ends_before_it_begins_is_refused(log: Path, tmp_path: Path) -> None:
    """Not answered with an empty picture."""
    since, out = "--since=2027-01-01", str(tmp_path / "report.png")
    assert report(log, tmp_path, "--device", DEVICE, since, "--out", out) == 2


def test_a_device_that_is_not_known_is_said_with_those_that_are(
    log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Most often it is a matter of spelling."""
    assert report(log, tmp_path, "--device", "pump", "--out", str(tmp_path / "x.png")) == 1
    assert "known are <b>pump</b> & co, other" in capsys.readouterr().err
    with History(log) as history, pytest.raises(InputError):
        tell(history, "pump", START, START + MINUTE, ZoneInfo("UTC"))


@pytest.mark.parametrize("out", ["report.pdf", "no/such/folder/report.png"])
def test_where_it_cannot_be_written_is_the_operators_mistake(log: Path, tmp_path: Path, out: str) -> None:
    """One line, exit code 2."""
    assert report(log, tmp_path, "--device", DEVICE, "--out", str(tmp_path / out)) == 2


def test_a_time_without_readings_is_a_picture_that_says_so(log: Path, tmp_path: Path) -> None:
    """Not an error: the device was away."""
    out = tmp_path / "report.png"
    (tmp_path / "gateway.toml").write_text(f"[journal]\npath = '{log}'\n")
    options = ["--config", str(tmp_path / "gateway.toml"), "--device", DEVICE, "--since", "-1d", "--out", str(out)]
    assert main(["report", *options]) == 0
    assert out.stat().st_size > 1000
