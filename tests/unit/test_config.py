"""Settings: one file, one line for each mistake, secrets from the environment."""

from pathlib import Path

import pytest

from gateway import config
from gateway.config import Settings
from gateway.errors import ConfigError

SECRETS = {"GATEWAY_MQTT_USERNAME": "gw", "GATEWAY_MQTT_PASSWORD": "s3cret"}


def load(folder: Path, text: str, environment: dict[str, str] | None = None) -> Settings:
    """Return the settings of a file with this text."""
    path = folder / "gateway.toml"
    path.write_text(text)
    return config.load(path, environment or {})


def test_no_file_and_an_empty_file_are_the_defaults(tmp_path: Path) -> None:
    """Nothing has to be set."""
    assert config.load(None, {}) == load(tmp_path, "") == Settings()


def test_a_file_changes_what_it_names(tmp_path: Path) -> None:
    """Whole numbers do where fractions are expected, and lists stand for several."""
    settings = load(
        tmp_path,
        """
        mqtt = { host = "broker", port = 8883, tls = { ca_file = "ca.crt" } }
        sources = [{ topic = "{device}" }]
        predictions = { every_s = 5, horizons_s = [1, 2.5] }
        learning.models = [{ model = "river.anomaly.LODA", params = { seed = 1, a = true, b = 0.5, c = "x" } }]
        """,
    )
    assert (settings.mqtt.host, settings.mqtt.port) == ("broker", 8883)
    assert settings.mqtt.tls is not None
    assert settings.mqtt.tls.ca_file == "ca.crt"
    assert [source.topic for source in settings.sources] == ["{device}"]
    assert settings.predictions.every_s == 5.0
    assert settings.predictions.horizons_s == (1.0, 2.5)
    assert settings.learning.models[0].params == {"seed": 1, "a": True, "b": 0.5, "c": "x"}


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("nonsense = 1", "nonsense: no such setting"),
        ("[mqtt]\nhosst = 'a'", "mqtt.hosst: no such setting"),
        ("[mqtt]\nport = 0", "mqtt.port: "),
        ("[mqtt]\nport = 65536", "mqtt.port: "),
        ("[mqtt]\nport = '1883'", "mqtt.port: "),
        ("[mqtt]\nport = 1883.0", "mqtt.port: "),
        ("[mqtt]\nport = true", "mqtt.port: "),
        ("[mqtt]\nhost = ''", "mqtt.host: "),
        ("[mqtt]\ninbox_messages = 5000", "mqtt: receive_maximum must be at most half"),
        ("[mqtt]\nqos = 2", "mqtt.qos: "),
        ("[mqtt]\nprotocol = '4'", "mqtt.protocol: "),
        ("[mqtt]\nclient_id = 'a/b'", "mqtt.client_id: "),
        ("[mqtt.tls]\ncafile = 'x'", "mqtt.tls.cafile: no such setting"),
        ("mqtt = 3", "mqtt: should be a table"),
        ("[alarms]\nbudgets = 3", "alarms.budgets: should be a list"),
        ("[[maintenance]]\ndevices = 'a'\ndays = []\nstart = '01:00'\nend = '02:00'", "maintenance.0.days: "),
        ("[[maintenance]]\ndevices = 'a'\nstart = '01:00'\nend = '01:00'", "maintenance.0: start and end are the same"),
        ("[gateway]\nname = 'a/b'", "gateway.name: "),
        ("[[sources]]\ntopic = 3", "sources.0.topic."),
        ("[[sources]]\ntopic = 'x'\noptions = 3", "sources.0.options: "),
        ("[limits]\nahead_s = inf", "limits.ahead_s: "),
        ("[limits]\nahead_s = nan", "limits.ahead_s: "),
        ("[limits]\nahead_s = 1e300", "limits.ahead_s: "),
        ("[limits]\nstreams = 0", "limits.streams: "),
        ("[predictions]\nhorizons_s = [600, -1]", "predictions.horizons_s.1: "),
        ("[predictions]\nhorizons_s = [1e300]", "predictions.horizons_s.0: "),
        ("[predictions]\ncoverage = 1.0", "predictions.coverage: "),
        ("[journal]\nretain_days = inf", "journal.retain_days: "),
        ("[journal]\npath = ''", "journal.path: "),
        ("[influx]\nurl = 'http://influx:8086'", "influx.bucket: "),
        ("[influx]\nurl = 'influx:8086'\nbucket = 'b'", "influx.url: "),
        ("[influx]\nurl = 'http://name:word@influx:8086'\nbucket = 'b'", "influx.url: "),
        ("[influx]\nurl = 'http://influx:8086'\nbucket = 'b/autogen'", "influx.bucket: "),
        ("influx = 3", "influx: "),
        (
            "[learning]\nholidays = 'DE-BV'",
            "learning.holidays: no part of DE has the code 'BV'; nearest are DE-",
        ),
        ("[learning]\nholidays = 49", "learning.holidays: "),
        ("[[learning.models]]\nmodel = ''", "learning.models.0.model: "),
        ("[[learning.models]]\nmodel = 'x'\nparams = { a = [1] }", "learning.models.0.params.a"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_key(tmp_path: Path, text: str, key: str) -> None:
    """The operator reads which file and which key, and nothing else."""
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path / 'gateway.toml'}: {key}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"= 3", "not TOML"), (b"[mqtt", "not TOML"), (b"\xff\xfe", "not TOML"), (None, "No such file or directory")],
)
def test_a_file_that_cannot_be_read(tmp_path: Path, content: bytes | None, words: str) -> None:
    """A missing file and one that is not TOML are the operator's mistakes too."""
    path = tmp_path / "gateway.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        config.load(path, {})
    assert str(caught.value).startswith(f"{path}: {words}")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    """Naming a folder is one line, not a traceback."""
    with pytest.raises(ConfigError, match="Is a directory"):
        config.load(tmp_path, {})


def test_secrets_come_from_the_environment_and_are_masked(tmp_path: Path) -> None:
    """They are there for the connection, and nowhere to be read by people."""
    settings = load(tmp_path, "[mqtt]\nhost = 'broker'", SECRETS)
    assert settings.mqtt.password is not None
    assert settings.mqtt.password.get_secret_value() == "s3cret"
    described = "\n".join(config.describe(settings))
    assert "s3cret" not in described + repr(settings) + str(settings)
    assert "mqtt.password = '********'" in described


@pytest.mark.parametrize("key", ["username", "password"])
def test_secrets_in_the_file_are_refused(tmp_path: Path, key: str) -> None:
    """A file is copied and committed: it says where the secret belongs, without repeating it."""
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, f"[mqtt]\n{key} = 's3cret'")
    assert f"mqtt.{key}" in str(caught.value)
    assert f"GATEWAY_MQTT_{key.upper()}" in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_the_token_of_influxdb_comes_from_the_environment(tmp_path: Path) -> None:
    """It is masked, refused in the file, and makes no InfluxDB where none is set."""
    secrets = {"GATEWAY_INFLUX_TOKEN": "s3cret"}
    settings = load(tmp_path, "[influx]\nurl = 'http://influx:8086'\nbucket = 'b'", secrets)
    assert settings.influx
    assert settings.influx.token
    assert settings.influx.token.get_secret_value() == "s3cret"
    assert "s3cret" not in "\n".join(config.describe(settings)) + repr(settings)
    assert load(tmp_path, "", secrets).influx is None
    with pytest.raises(ConfigError, match="GATEWAY_INFLUX_TOKEN"):
        load(tmp_path, "[influx]\ntoken = 's3cret'")


def test_bounds_are_numbers_in_order(tmp_path: Path) -> None:
    """One of the two is enough, whole numbers will do; none, or a floor above the ceiling, is named as a mistake."""
    settings = load(tmp_path, "[[predictions.bounds]]\ndevices = 'freezer*'\nbelow = -25\nabove = -10.5")
    (bound,) = settings.predictions.bounds
    assert (bound.devices, bound.sensors, bound.below, bound.above) == ("freezer*", "*", -25.0, -10.5)
    for wrong in ("", "below = 3\nabove = 3.0", "above = inf", "above = 'warm'"):
        with pytest.raises(ConfigError, match=r"predictions\.bounds\.0"):
            load(tmp_path, f"[[predictions.bounds]]\n{wrong}")


def test_describe_names_every_setting() -> None:
    """Every effective setting is one line `key = value`."""
    lines = dict(line.split(" = ", 1) for line in config.describe(Settings()))
    assert lines["mqtt.port"] == "1883"
    assert lines["sources[1].topic"] == "'devices/{device}/readings/{sensor}'"
    assert lines["predictions.horizons_s"] == "(600.0, 3600.0)"
    assert {key.partition(".")[0].partition("[")[0] for key in lines} == set(Settings.model_fields)
