"""What is drawn in a terminal."""

import pytest

from gateway import terminal


def test_a_table_cuts_nothing_off(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """In a narrow terminal long words go on in the next line; markup and control characters are only text."""
    monkeypatch.setenv("COLUMNS", "30")
    terminal.table(("sensor", "read at"), [("[red]x[/nope]", "2026-11-23T15:16:21.459Z"), ("a\x1b[31m", "")])
    shown = capsys.readouterr().out
    assert "\N{HORIZONTAL ELLIPSIS}" not in shown
    assert "\x1b" not in shown
    assert "[red]x[/nope]" in shown
    assert "".join(line[13:].strip() for line in shown.splitlines()[1:3]).endswith("21.459Z")
