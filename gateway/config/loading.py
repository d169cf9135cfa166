"""The settings from one TOML file; secrets come from elsewhere and are never printed."""

import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import BaseModel, SecretStr, ValidationError

from gateway import credentials
from gateway.config.settings import Settings
from gateway.errors import ConfigError

SECRETS = {"username": "GATEWAY_MQTT_USERNAME", "password": "GATEWAY_MQTT_PASSWORD"}
"""Keys of `[mqtt]` that are read from the environment, or from `credentials_file`."""

TOKENS = {"influx": "GATEWAY_INFLUX_TOKEN", "backfill": "GATEWAY_BACKFILL_TOKEN"}
"""Sections whose `token` is read from the environment only."""


def load(path: Path | None, environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings, or the defaults where `path` is None; raises `ConfigError` naming the wrong key."""
    name = str(path) if path else "environment"
    tree = _parse(path) if path else {}
    return _validate(_with_tokens(_with_secrets(tree, environment, name), environment, name), name)


def _parse(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        message = f"{path}: {error.strerror or error}"
        raise ConfigError(message) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        message = f"{path}: not TOML: {error}"
        raise ConfigError(message) from error


def _with_secrets(tree: dict[str, object], environment: Mapping[str, str], name: str) -> dict[str, object]:
    mqtt = tree.get("mqtt", {})
    if not isinstance(mqtt, dict):
        return tree
    for key, variable in SECRETS.items():
        if key in mqtt:
            message = (
                f"{name}: mqtt.{key}: secrets do not belong in the file; set {variable} in the environment, "
                "or mqtt.credentials_file"
            )
            raise ConfigError(message)
    file = mqtt.get("credentials_file")
    lent = (
        credentials.read(file, f"{name}: mqtt.credentials_file", frozenset(SECRETS), environment)
        if isinstance(file, str) and file
        else {}
    )
    found = lent | {key: environment[variable] for key, variable in SECRETS.items() if environment.get(variable)}
    return {**tree, "mqtt": {**mqtt, **{key: SecretStr(value) for key, value in found.items()}}}


def _with_tokens(tree: dict[str, object], environment: Mapping[str, str], name: str) -> dict[str, object]:
    for section, variable in TOKENS.items():
        table = tree.get(section)
        if not isinstance(table, dict):
            continue
        if "token" in table:
            message = f"{name}: {section}.token: secrets do not belong in the file; set {variable} in the environment"
            raise ConfigError(message)
        if token := environment.get(variable):
            tree = {**tree, section: {**table, "token": SecretStr(token)}}
    return tree


def _validate(tree: dict[str, object], name: str) -> Settings:
    try:
        return Settings.model_validate(tree)
    except ValidationError as error:
        message = f"{name}: {first_error(error)}"
        raise ConfigError(message) from error


_WORDS = {
    "extra_forbidden": "no such setting",
    "tuple_type": "should be a list: [...], or several tables [[...]]",
    "model_type": "should be a table",
    "dict_type": "should be a table",
}
"""What is said instead of pydantic's words, by its type of error: the file knows no tuples."""


def first_error(error: ValidationError, *above: str) -> str:
    """The first thing that is wrong, in one line that names the key, below the keys `above`."""
    first = error.errors(include_url=False)[0]
    key = ".".join([*above, *(str(part) for part in first["loc"])])
    return f"{key}: {_WORDS.get(first['type'], first['msg'].removeprefix('Value error, '))}"


def describe(settings: Settings) -> Iterator[str]:
    """Lines `key = value` of every effective setting, secrets masked."""
    yield from _describe("", settings)


def _describe(prefix: str, value: object) -> Iterator[str]:
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _describe(f"{prefix}.{name}" if prefix else name, getattr(value, name))
    elif isinstance(value, tuple) and any(isinstance(item, BaseModel) for item in value):
        for index, item in enumerate(value):
            yield from _describe(f"{prefix}[{index}]", item)
    else:
        yield f"{prefix} = {'********' if isinstance(value, SecretStr) else value!r}"
