"""One frozen tree of everything a user can set; `deploy/gateway.toml` documents every key."""

from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator

from gateway.config.learners import Alarms, Learning, Maintenance, Predictions
from gateway.config.outside import Backfill, HomeAssistant, Influx, Limits, Mqtt, Reply, Source, States, Topics
from gateway.config.section import Count, Days, Seconds, Section


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


class Journal(Section):
    """The log."""

    path: Annotated[str, Field(min_length=1)] = "gateway.db"
    commit_delay_s: Annotated[float, Field(ge=0, le=60)] = 30.0
    commit_messages: Count = 1000
    checkpoint_every_s: Seconds = 600.0
    checkpoint_bytes: Annotated[float, Field(gt=0)] = 2.0
    durability: Literal["full", "relaxed"] = "full"
    retain_days: Days = 90.0
    retain_mb: Count = 2000
    minutes_retain_days: Days = 730.0


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
