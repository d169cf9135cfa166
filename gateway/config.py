"""One frozen tree of settings from one TOML file; secrets come from elsewhere and are never printed.

`deploy/gateway.toml` documents every key.
"""

import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal, Self, TypeAlias, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator

from gateway import credentials
from gateway.errors import ConfigError

Port: TypeAlias = Annotated[int, Field(ge=1, le=65535)]
Count: TypeAlias = Annotated[int, Field(ge=1)]
Seconds: TypeAlias = Annotated[float, Field(gt=0, le=3e9)]
"""At most 95 years: farther from now, times leave what 64 bits of nanoseconds can hold."""
Days: TypeAlias = Annotated[float, Field(gt=0, le=36500)]
TimeOfDay: TypeAlias = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]

SECRETS = {"username": "GATEWAY_MQTT_USERNAME", "password": "GATEWAY_MQTT_PASSWORD"}
"""Keys of `[mqtt]` that are read from the environment, or from `credentials_file`."""

TOKENS = {"influx": "GATEWAY_INFLUX_TOKEN", "backfill": "GATEWAY_BACKFILL_TOKEN"}
"""Sections whose `token` is read from the environment only."""

Url: TypeAlias = Annotated[str, Field(pattern=r"^https?://[^/@\s]+[^@\s]*$")]
"""Without a user and password in it: those are secrets."""

Bucket: TypeAlias = Annotated[str, Field(pattern=r"^[^/\s\"\\]{1,64}$")]
"""Without a slash it is a database of the same name to InfluxQL, in every version."""


class Section(BaseModel):
    """A table of the file: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _lists_are_tuples(cls, tree: object) -> object:
        """A file has lists where what is frozen has tuples."""
        if not isinstance(tree, dict):
            return tree
        return {key: tuple(value) if isinstance(value, list) else value for key, value in tree.items()}


def known_zone(value: str) -> str:
    """The same name, if a time zone has it; raises `ValueError`."""
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        message = f"no time zone is called {value!r}"
        raise ValueError(message) from error
    return value


class Gateway(Section):
    """Who this gateway is, and what time it is there."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")] = "gateway"
    time_zone: str = "UTC"

    @field_validator("time_zone")
    @classmethod
    def _known(cls, value: str) -> str:
        return known_zone(value)


class Tls(Section):
    """How the broker is verified, and how we prove who we are."""

    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None


class Mqtt(Section):
    """The broker; without a host the embedded one is started on loopback."""

    host: Annotated[str, Field(min_length=1)] | None = None
    port: Port = 1883
    client_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,23}$")] | None = None
    protocol: Literal["auto", "5", "3.1.1"] = "auto"
    qos: Annotated[int, Field(ge=0, le=1)] = 1
    keepalive_s: Annotated[int, Field(ge=5, le=65535)] = 60
    session_expiry_s: Annotated[int, Field(ge=0, le=0xFFFFFFFF)] = 7 * 86400
    receive_maximum: Annotated[int, Field(ge=1, le=65535)] = 1000
    outgoing: Count = 10_000
    inbox_messages: Count = 20_000
    inbox_bytes: Count = 64 * 1024 * 1024
    tls: Tls | None = None
    credentials_file: Annotated[str, Field(min_length=1)] | None = None
    username: SecretStr | None = None
    password: SecretStr | None = None


class Source(Section):
    """Where readings come from, and the dialect they are written in."""

    topic: str | tuple[str, ...] = ()
    """A topic filter or several; left out, those that the dialect usually has."""
    codec: str = "json"
    options: dict[str, object] = {}

    @property
    def topics(self) -> tuple[str, ...]:
        """The topic filters as they were written."""
        return (self.topic,) if isinstance(self.topic, str) else self.topic


class Topics(Section):
    """Where messages go, and where people say what they think of them."""

    anomaly: str = "devices/{device}/anomaly"
    prediction: str = "devices/{device}/prediction"
    status: str = "gateway/{gateway}/status"
    outage: str = "gateway/{gateway}/anomaly"
    feedback: str = "devices/{device}/feedback"
    maintenance: str = "devices/{device}/maintenance"
    state: str = "devices/{device}/state"


class Limits(Section):
    """What one peer may take of us."""

    payload_bytes: Count = 256 * 1024
    description_bytes: Count = 4 * 1024 * 1024
    readings_per_message: Count = 2000
    name_length: Annotated[int, Field(ge=1, le=1024)] = 128
    sensors_per_device: Count = 64
    streams: Count = 20_000
    new_streams_per_min: Count = 2000
    messages_per_s: Annotated[float, Field(gt=0, le=1e6)] = 20.0
    messages_at_once: Count = 1000
    ahead_s: Seconds = 600.0
    behind_s: Seconds = 10 * 365 * 86400.0


class Model(Section):
    """A stock River model for the devices and sensors whose names match the shell patterns."""

    devices: str = "*"
    sensors: str = "*"
    model: Annotated[str, Field(min_length=1)]
    params: dict[str, bool | int | float | str] = {}


class Kind(Section):
    """What the sensors that match the shell patterns are, where the gateway is not to find it out by itself."""

    devices: str = "*"
    sensors: str = "*"
    kind: Literal["value", "counter", "state"]


class Learning(Section):
    """How the learners behave."""

    models: tuple[Model, ...] = ()
    kinds: tuple[Kind, ...] = ()


class Bound(Section):
    """Values between which the sensors that match the shell patterns should stay: the way there is foretold."""

    devices: str = "*"
    sensors: str = "*"
    below: Annotated[float, Field(allow_inf_nan=False)] | None = None
    above: Annotated[float, Field(allow_inf_nan=False)] | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if self.below is None and self.above is None:
            message = "needs below, above or both"
            raise ValueError(message)
        if self.below is not None and self.above is not None and self.below >= self.above:
            message = "below must be less than above"
            raise ValueError(message)
        return self


class Predictions(Section):
    """How often and how far ahead; times are the device's own."""

    every_s: Seconds = 60.0
    horizons_s: tuple[Seconds, ...] = (600.0, 3600.0)
    coverage: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.9
    bounds: tuple[Bound, ...] = ()

    @field_validator("horizons_s", mode="before")
    @classmethod
    def _from_numbers(cls, value: object) -> object:
        if not isinstance(value, tuple):
            return value
        return tuple(float(item) if isinstance(item, int) else item for item in value)


class States(Section):
    """How often a device's state is renewed while nothing is wrong with it."""

    every_s: Seconds = 60.0


class HomeAssistant(Section):
    """Whether and how Home Assistant is told of every device."""

    enabled: bool = True
    prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$")] = "homeassistant"
    sensors: Annotated[int, Field(ge=0, le=1000)] = 16


FalseAlarms: TypeAlias = Annotated[float, Field(gt=0, le=10_000)]


class Budget(Section):
    """How many false alarms are acceptable of what matches the shell patterns."""

    devices: str = "*"
    sensors: str = "*"
    false_per_30_days: FalseAlarms


class Alarms(Section):
    """How many false alarms are acceptable, when a change is accepted, and how late is silent."""

    false_per_30_days: FalseAlarms = 1.0
    budgets: tuple[Budget, ...] = ()
    adopt_after_s: Seconds = 86400.0
    silent_floor_s: Seconds = 10.0

    @field_validator("budgets", mode="before")
    @classmethod
    def _from_list(cls, value: object) -> object:
        return tuple(value) if isinstance(value, list) else value


Day: TypeAlias = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = get_args(Day)


class Maintenance(Section):
    """Every week the same hours, in local time, in which devices are worked on: nothing is judged, nothing learned."""

    devices: Annotated[str, Field(min_length=1)]
    days: tuple[Day, ...] = DAYS
    start: TimeOfDay
    end: TimeOfDay


Occasion: TypeAlias = Literal["open", "update", "closed", "clear", "prediction"]


class Reply(Section):
    """What devices are told in their own tongue: a payload on a topic, or a metric of Sparkplug."""

    devices: str = "*"
    sensors: str = "*"
    when: Annotated[tuple[Occasion, ...], Field(min_length=1)] = ("open", "clear")
    topic: str | None = None
    payload: str | None = None
    metric: Annotated[str, Field(min_length=1, max_length=256)] | None = None
    every_s: Seconds = 10.0

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.topic is None) == (self.metric is None):
            message = "needs either a topic, or the metric of a Sparkplug device"
            raise ValueError(message)
        if self.topic is not None and self.payload is None:
            message = "needs a payload for its topic"
            raise ValueError(message)
        if "prediction" in self.when and len(self.when) > 1:
            message = "what is said of predictions has other fields: give it a reply of its own"
            raise ValueError(message)
        return self


class Journal(Section):
    """The log."""

    path: Annotated[str, Field(min_length=1)] = "gateway.db"
    commit_delay_s: Annotated[float, Field(ge=0, le=60)] = 30.0
    commit_messages: Count = 500
    checkpoint_every_s: Seconds = 600.0
    checkpoint_bytes: Annotated[float, Field(gt=0)] = 4.0
    durability: Literal["full", "relaxed"] = "full"
    retain_days: Days = 90.0
    retain_mb: Count = 2000
    minutes_retain_days: Days = 730.0


class Influx(Section):
    """The InfluxDB that everything is written to, 1.8 or newer."""

    url: Url
    bucket: Bucket
    org: str = ""
    rollup_bucket: Bucket | None = None
    ca_file: str | None = None
    lines: Annotated[int, Field(ge=1, le=50_000)] = 5000
    linger_s: Annotated[float, Field(ge=0, le=3600)] = 1.0
    token: SecretStr | None = None


class Series(Section):
    """One measurement of an existing history: which tag names the device, and which fields are its sensors."""

    measurement: Annotated[str, Field(min_length=1)]
    device_tag: Annotated[str, Field(min_length=1)]
    sensor_tag: str | None = None
    fields: Annotated[tuple[str, ...], Field(min_length=1)]

    @field_validator("fields", mode="before")
    @classmethod
    def _from_list(cls, value: object) -> object:
        return tuple(value) if isinstance(value, list) else value


class Backfill(Section):
    """The history that `gateway backfill` learns from."""

    url: Url
    database: Annotated[str, Field(min_length=1)]
    series: Annotated[tuple[Series, ...], Field(min_length=1)]
    ca_file: str | None = None
    window_s: Annotated[float, Field(ge=60, le=86400)] = 3600.0
    token: SecretStr | None = None

    @field_validator("series", mode="before")
    @classmethod
    def _from_list(cls, value: object) -> object:
        return tuple(value) if isinstance(value, list) else value


class Settings(Section):
    """Everything a user can set."""

    gateway: Gateway = Gateway()
    mqtt: Mqtt = Mqtt()
    sources: tuple[Source, ...] = (
        Source(topic="devices/{device}/readings"),
        Source(topic="devices/{device}/readings/{sensor}"),
    )
    topics: Topics = Topics()
    limits: Limits = Limits()
    learning: Learning = Learning()
    predictions: Predictions = Predictions()
    states: States = States()
    home_assistant: HomeAssistant = HomeAssistant()
    alarms: Alarms = Alarms()
    maintenance: tuple[Maintenance, ...] = ()
    replies: tuple[Reply, ...] = ()
    journal: Journal = Journal()
    influx: Influx | None = None
    backfill: Backfill | None = None


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


def first_error(error: ValidationError, *above: str) -> str:
    """The first thing that is wrong, in one line that names the key, below the keys `above`."""
    first = error.errors(include_url=False)[0]
    key = ".".join([*above, *(str(part) for part in first["loc"])])
    return f"{key}: {'no such setting' if first['type'] == 'extra_forbidden' else first['msg']}"


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
