"""The settings of what is outside: the broker, the devices, Home Assistant, InfluxDB."""

from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Field, SecretStr, model_validator

from gateway.config.section import Count, Port, Seconds, Section

Url: TypeAlias = Annotated[str, Field(pattern=r"^https?://[^/@\s]+[^@\s]*$")]
"""Without a user and password in it: those are secrets."""

Bucket: TypeAlias = Annotated[str, Field(pattern=r"^[^/\s\"\\]{1,64}$")]
"""Without a slash it is a database of the same name to InfluxQL, in every version."""


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
    receive_maximum: Annotated[int, Field(ge=1, le=65535)] = 10_000
    outgoing: Count = 10_000
    inbox_messages: Count = 20_000
    inbox_bytes: Count = 64 * 1024 * 1024
    tls: Tls | None = None
    credentials_file: Annotated[str, Field(min_length=1)] | None = None
    username: SecretStr | None = None
    password: SecretStr | None = None

    @model_validator(mode="after")
    def _has_room(self) -> Self:
        if self.receive_maximum > self.inbox_messages // 2:
            message = "receive_maximum must be at most half of inbox_messages: all of it may come again after a restart"
            raise ValueError(message)
        return self


class Source(Section):
    """Where readings come from, and the dialect they are written in."""

    topic: str | tuple[str, ...] = ()
    """A topic filter or several; left out, those that the dialect usually has."""
    codec: str = "json"
    options: dict[str, object] = Field(default_factory=dict)

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


class States(Section):
    """How often a device's state is renewed while nothing is wrong with it."""

    every_s: Seconds = 60.0


class HomeAssistant(Section):
    """Whether and how Home Assistant is told of every device."""

    enabled: bool = True
    prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$")] = "homeassistant"
    sensors: Annotated[int, Field(ge=0, le=1000)] = 16


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


class Backfill(Section):
    """The history that `gateway backfill` learns from."""

    url: Url
    database: Annotated[str, Field(min_length=1)]
    series: Annotated[tuple[Series, ...], Field(min_length=1)]
    ca_file: str | None = None
    window_s: Annotated[float, Field(ge=60, le=86400)] = 3600.0
    token: SecretStr | None = None
