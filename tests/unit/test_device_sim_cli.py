"""The command tells mistakes in one line."""

from pathlib import Path

import pytest

from device_sim.cli import main


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ("run --broker nowhere:x", "HOST:PORT"),
        ("run --devices 0", "--devices"),
        ("run --devices many", "--devices"),
        ("run --kinds climate,toaster", "toaster"),
        ("run --speed 0", "--speed"),
        ("run --speed nan", "--speed"),
        ("run --start yesterday", "yesterday"),
        ("run --start 2999-01-01", "--start is in the future"),
        ("run --faults fire=1", "fire"),
        ("run --devices 1 --faults silent=2", "silent"),
        ("run --recording nowhere.csv", "nowhere.csv"),
        ("run --qos 3", "--qos"),
        ("run --prefix home/#", "--prefix"),
        ("run --truth /nowhere/truth", "--truth"),
        ("score --truth /nowhere/truth --incidents x", "/nowhere/truth"),
        ("", "run,score"),
    ],
)
def test_mistakes_are_one_line_and_exit_code_2(
    arguments: str, word: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A wrong argument ends the command with code 2 and a line that names it, before the broker is asked."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as left:
        raise SystemExit(main(arguments.split()))
    error = capsys.readouterr().err
    assert left.value.code == 2
    assert word in error
    assert error.count("\n") == 1
