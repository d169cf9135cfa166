"""The command line: exit codes and what stands on the screen."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from readings import learn, life

from gateway import config as settings_of
from gateway import control
from gateway.cli import main
from gateway.journal import Journal
from gateway.shard import Rules, Shard


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the path of a configuration, in an environment without secrets."""
    for name in ("GATEWAY_MQTT_USERNAME", "GATEWAY_MQTT_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "gateway.toml"


def test_check_config_prints_the_effective_settings(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Defaults and changes are listed, secrets only as set."""
    config.write_text("[mqtt]\nhost = 'broker'\n")
    monkeypatch.setenv("GATEWAY_MQTT_PASSWORD", "s3cret")
    assert main(["check-config", "--config", str(config)]) == 0
    printed = capsys.readouterr()
    assert "mqtt.host = 'broker'\n" in printed.out
    assert "mqtt.port = 1883\n" in printed.out
    assert "s3cret" not in printed.out + printed.err


def test_check_config_without_a_file_prints_the_defaults(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What `gateway run` does without a configuration can be read."""
    assert main(["check-config"]) == 0
    assert "mqtt.host = None\n" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["check-config", "run"])
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[mqtt]\nport = 99999", "mqtt.port: "),
        ("[mqtt]\nhosst = 'a'", "mqtt.hosst: no such setting"),
        ("[mqtt]\npassword = 'a'", "mqtt.password: "),
        ("[[learning.models]]\nmodel = 'os.system'", "learning.models.0: "),
        ("[[sources]]\ntopic = 'a/b'", "sources.0.topic: "),
        ("[[sources]]\ntopic = '{device}'\ncodec = 'xml'", "sources.0.codec: "),
        ("[topics]\nanomaly = 'a'", "topics.anomaly: "),
        ("[topics]\nstatus = '#'", "topics.status: "),
        ("nonsense", "not TOML"),
        (None, "No such file or directory"),
    ],
)
def test_the_operators_mistake_is_one_line_and_exit_code_2(
    config: Path, text: str | None, words: str, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong key or value names itself; nothing is started and nothing else is said."""
    if text is not None:
        config.write_text(text)
    assert main([command, "--config", str(config)]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("gateway: ")
    assert words in printed.err
    assert printed.err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nonsense"],
        ["replay"],
        ["replay", "x"],
        ["run", "--configuration", "x"],
    ],
)
def test_a_wrong_command_is_explained(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A missing or unknown command ends with the usage and exit code 2."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: gateway" in capsys.readouterr().err


def test_a_wrong_length_is_explained(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line that shows how to write it, and nothing is announced."""
    assert main(["maintenance", "--config", str(config), "--devices", "x", "--for", "2 hours"]) == 2
    assert capsys.readouterr().err == "gateway: '2 hours' is not a time such as 90s, 30m, 2h or 1d\n"


def test_a_log_in_use_is_a_failure(tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is not the operator's mistake ends with 1, and one line as well."""
    config.write_text(f"[journal]\npath = '{tmp_path / 'nowhere' / 'gateway.db'}'\n[mqtt]\nhost = '127.0.0.1'\n")
    assert main(["run", "--config", str(config)]) == 1
    assert capsys.readouterr().err.splitlines()[-1].startswith("gateway: ")


def test_replay_of_nothing_is_a_failure(tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder without recordings is named."""
    assert main(["replay", str(tmp_path), "--out", str(tmp_path / "out")]) == 1
    assert str(tmp_path) in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "request_", "expected", "printed"),
    [
        (
            ["feedback", "--device", "pump", "--id", "12", "fault"],
            ("feedback", {"device": "pump", "id": "12", "verdict": "fault"}),
            {"incidents": [{"id": "12", "state": "update", "reason": "Broken."}]},
            "12 update: Broken.\n",
        ),
        (
            ["feedback", "--device", "pump", "new_normal"],
            ("feedback", {"device": "pump", "id": None, "verdict": "new_normal"}),
            {"incidents": []},
            "heeded; nothing of it is open any more\n",
        ),
        (
            ["maintenance", "--devices", "pump-*", "--for", "1.5h"],
            ("maintenance", {"devices": "pump-*", "for_s": 5400.0}),
            {"devices": 2, "until": "2026-11-23T12:00:00.000Z"},
            "until 2026-11-23T12:00:00.000Z; known devices that match: 2\n",
        ),
        (
            ["maintenance", "--devices", "pump-*", "--off"],
            ("maintenance", {"devices": "pump-*"}),
            {"devices": 2, "until": "2026-11-23T12:00:00.000Z"},
            "ended; known devices that match: 2\n",
        ),
    ],
)
def test_what_people_say_goes_to_the_running_gateway(  # noqa: PLR0913, PLR0917 - a table and two fixtures
    arguments: list[str],
    request_: tuple[str, dict[str, object]],
    expected: dict[str, object],
    printed: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The arguments become a request, the answer a line; without a gateway it is said that none is running."""
    asked: list[tuple[str, object]] = []

    def ask(_path: Path, name: str, sent: object, _tell: object) -> dict[str, object] | None:
        asked.append((name, sent))
        return expected if len(asked) == 1 else None

    monkeypatch.setattr(control, "ask", ask)
    assert main(arguments) == 0
    assert asked == [request_]
    assert capsys.readouterr().out == printed
    assert main(arguments) == 1
    assert "no gateway is running on gateway.db" in capsys.readouterr().err


def test_replay_to_where_nobody_can_write_is_a_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line that names the place, not a traceback."""
    recording, taken = tmp_path / "pump.csv", tmp_path / "file"
    recording.write_text("time,a\n2026-01-01T00:00:00Z,1\n")
    taken.write_text("")
    assert main(["replay", str(recording), "--out", str(taken / "out")]) == 1
    assert capsys.readouterr().err.splitlines()[-1] == f"gateway: {taken}/out/pump.csv: Not a directory"


def test_the_module_is_the_command() -> None:
    """`python -m gateway` does what `gateway` does."""
    done = subprocess.run(
        [sys.executable, "-m", "gateway", "--help"], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert all(command in done.stdout for command in ("run", "check-config", "replay", "demo"))


def test_ctrl_c_ends_a_command_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line, and the exit code that shells expect."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(settings_of, "load", interrupted)
    assert main(["check-config"]) == 130
    assert capsys.readouterr().err == "gateway: interrupted\n"


def test_a_receipt_that_cannot_be_written_is_refused_before_anything_is_forgotten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The operator reads which file is wrong, and no log was touched."""
    assert main(["forget", "--device", "d", "--receipt", str(tmp_path / "nowhere" / "x")]) == 2
    assert "nowhere/x: No such file or directory" in capsys.readouterr().err


def test_forgetting_who_was_never_heard_says_so_and_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A name mistyped must not pass for forgotten: the receipt says that nothing was known, and who is called alike."""
    journal, shard, configuration = Journal(tmp_path / "log.db"), Shard(Rules()), tmp_path / "gateway.toml"
    configuration.write_text(f'[journal]\npath = "{journal.path}"\n')
    journal.open()
    journal.append(shard.directory, learn(shard, life(3, ("pump-1", "room"))), [])
    journal.close()
    chosen = ["forget", "--config", str(configuration), "--device"]
    assert main([*chosen, "pumb-1"]) == 1
    said = capsys.readouterr()
    assert "nothing was known here of 'pumb-1'; known are pump-1" in said.err
    assert json.loads(said.out)["known"] is False
    assert main([*chosen, "pump-1"]) == 0
    assert json.loads(capsys.readouterr().out)["known"] is True
