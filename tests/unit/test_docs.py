"""The documentation says what is so."""

import json
import re
import tomllib
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel
from readings import message

from gateway import config
from gateway.cli import main
from gateway.codecs import CODECS, interpret
from gateway.codecs.outgoing import encode_incident
from gateway.config import SECRETS, TOKENS, Settings, Source
from gateway.records import SECOND, Incident, Kind, State

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "deploy" / "gateway.toml"
README = (ROOT / "README.md").read_text()

COMMENTED_SETTING = re.compile(r"^# ?((?:[\w.]+ = |\[[a-z._]+\]|\[\[[a-z._]+\]\]).*)$", re.MULTILINE)


def json_blocks(kind: str) -> list[str]:
    """Return the fenced examples of the README whose fence says `kind`."""
    return re.findall(rf"^```{kind}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def uncommented() -> str:
    """Return the example configuration with everything in it that is commented out."""
    text = EXAMPLE.read_text()
    models = re.search(r"^# models = \[\n(?:#.*\n)*?# \]\n", text, re.MULTILINE)
    assert models
    block = re.sub(r"^# ?", "", models[0], flags=re.MULTILINE)
    return COMMENTED_SETTING.sub(r"\1", text.replace(models[0], block).replace("\nmodels = []\n", "\n"))


def keys(section: type[BaseModel], prefix: str = "") -> set[str]:
    """Return the dotted name of every setting below a section, lists without their number."""
    found: set[str] = set()
    for name, field in section.model_fields.items():
        kinds = [field.annotation, *get_args(field.annotation)]
        inner = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
        found |= keys(inner[0], f"{prefix}{name}.") if inner else {f"{prefix}{name}"}
    return found


def named(tree: dict[str, object], prefix: str = "") -> set[str]:
    """Return the dotted name of every key of a TOML file, lists of tables without their number."""
    found: set[str] = set()
    for name, value in tree.items():
        found.add(f"{prefix}{name}")
        for inner in value if isinstance(value, list) else [value]:
            found |= named(inner, f"{prefix}{name}.") if isinstance(inner, dict) else set()
    return found


def test_the_example_configuration_is_the_defaults() -> None:
    """Every value written in `deploy/gateway.toml` is the default, so that leaving it out changes nothing."""
    assert config.load(EXAMPLE, {}) == Settings()


def test_the_example_configuration_names_every_setting() -> None:
    """What can be set is documented there, what has no default as a comment; only secrets are not."""
    assert keys(Settings) - named(tomllib.loads(uncommented())) == {
        *(f"mqtt.{key}" for key in SECRETS),
        *(f"{section}.token" for section in TOKENS),
    }
    assert all(variable in EXAMPLE.read_text() for variable in (*SECRETS.values(), *TOKENS.values()))


def test_the_example_configuration_names_every_dialect_and_its_options() -> None:
    """Each of them stands there as a source that can be uncommented."""
    sources = Settings.model_validate(tomllib.loads(uncommented())).sources
    options = {source.codec: set(source.options) for source in sources}
    assert options == {name: set(dialect.options.model_fields) for name, dialect in CODECS.items()}


def test_the_commented_lines_of_the_example_are_valid(tmp_path: Path) -> None:
    """Removing the `#` in front of a setting gives a configuration that loads."""
    path, credentials = tmp_path / "gateway.toml", tmp_path / "mqtt.toml"
    path.write_text(uncommented().replace("/etc/gateway/mqtt.toml", str(credentials), 1))
    credentials.touch(mode=0o600)
    settings = config.load(path, {})
    assert settings.mqtt.host
    assert settings.mqtt.tls
    assert settings.learning.models
    assert settings.influx
    assert settings.backfill
    assert settings.maintenance
    assert main(["check-config", "--config", str(path)]) == 0


@pytest.mark.parametrize("example", json_blocks("json"))
def test_readings_in_the_readme_are_accepted_whole(example: str) -> None:
    """A newcomer who copies an example is understood."""
    decoded = interpret(Source(topic="{device}"), "sources.0").codec.decode(message("d", example))
    assert decoded.readings
    assert not decoded.rejections
    assert all(reading.observed_at for reading in decoded.readings)


def test_the_readme_has_examples() -> None:
    """The tests of the examples test something."""
    assert len(json_blocks("json")) >= 2
    assert len(json_blocks("json anomaly")) == 1


def test_the_anomaly_in_the_readme_has_the_fields_we_send() -> None:
    """What devices are promised is what they get, in the same order."""
    (example,) = json_blocks("json anomaly")
    at = 1_700_000_000 * SECOND
    sent = json.loads(
        encode_incident(Incident("i", State.OPEN, "d", "s", Kind.SPIKE, "high", 0.6, at, at, 1.0, 1.0, 1.0, 1.0, "x"))
    )
    promised = json.loads(example)
    assert list(promised) == list(sent)
    assert [type(value) for value in promised.values()] == [type(value) for value in sent.values()]


def test_the_readme_names_the_topics_of_the_defaults() -> None:
    """The table of messages is the default settings."""
    settings = Settings()
    topics = [source.topic for source in settings.sources]
    for topic in (
        *topics,
        settings.topics.anomaly,
        settings.topics.prediction,
        settings.topics.state,
        settings.topics.status,
    ):
        assert f"`{topic}`" in README


def test_the_readme_names_settings_and_files_that_exist() -> None:
    """A renamed key or file is renamed there too."""
    for key in re.findall(r"`((?:alarms|home_assistant|journal|limits|mqtt|predictions|learning)\.\w+)`", README):
        assert key in keys(Settings)
    for path in re.findall(r"`((?:gateway|deploy|device_sim|tests)/[\w./-]*)`", README):
        assert (ROOT / path).exists(), path


def test_the_readme_is_short() -> None:
    """A newcomer reads it to the end."""
    assert len(README.splitlines()) <= 180
