"""One frozen tree of settings from one TOML file, which `deploy/gateway.toml` documents."""

from gateway.config.holidays import days_off
from gateway.config.learners import DAYS, Alarms, Maintenance, Predictions
from gateway.config.loading import SECRETS, TOKENS, describe, first_error, load
from gateway.config.outside import Backfill, Influx, Limits, Mqtt, Reply, Series, Source, Tls, Topics
from gateway.config.section import Section
from gateway.config.settings import Journal, Settings, known_zone

__all__ = [
    "DAYS",
    "SECRETS",
    "TOKENS",
    "Alarms",
    "Backfill",
    "Influx",
    "Journal",
    "Limits",
    "Maintenance",
    "Mqtt",
    "Predictions",
    "Reply",
    "Section",
    "Series",
    "Settings",
    "Source",
    "Tls",
    "Topics",
    "days_off",
    "describe",
    "first_error",
    "known_zone",
    "load",
]
