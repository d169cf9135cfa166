"""Fixtures that need a file or a real server; examples without a deadline, whose time says how busy the machine is."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from brokers import ROOMY, Mosquitto, mosquitto_program
from hypothesis import settings
from influxdb import InfluxDB, influxd_program

from gateway.journal import Journal

settings.register_profile("patient", deadline=None, derandomize=True)
settings.register_profile("curious", deadline=None)


def pytest_configure(config: pytest.Config) -> None:
    """Let `make test` try the same examples on every machine; `make soak` looks for new ones."""
    settings.load_profile("curious" if config.getoption("markexpr") == "soak" else "patient")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """Give an open, empty log, `gateway.db` in the test's folder."""
    journal = Journal(tmp_path / "gateway.db")
    journal.open()
    yield journal
    journal.close()


@pytest.fixture
def new_mosquitto(tmp_path: Path) -> Iterator[Callable[..., Mosquitto]]:
    """Give a function that starts a mosquitto with these lines in its configuration; all end with the test."""
    if not mosquitto_program():
        reason = "mosquitto is not installed (apt install mosquitto)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with ExitStack() as brokers:

        def start(*lines: str, is_anonymous: bool = True) -> Mosquitto:
            folder = tmp_path / f"mosquitto{len(list(tmp_path.glob('mosquitto*')))}"
            return brokers.enter_context(Mosquitto(folder, *lines, is_anonymous=is_anonymous))

        yield start


@pytest.fixture
def influxdb(tmp_path: Path) -> Iterator[InfluxDB]:
    """Give a started InfluxDB with the empty databases `raw` and `minutes`."""
    if not influxd_program():
        reason = "influxd is not installed (apt install influxdb)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with InfluxDB(tmp_path / "influxdb") as server:
        server.query("CREATE DATABASE raw")
        server.query("CREATE DATABASE minutes")
        yield server


@pytest.fixture
def mosquitto(new_mosquitto: Callable[..., Mosquitto]) -> Mosquitto:
    """Give a started mosquitto without limits and without memory over restarts."""
    return new_mosquitto(*ROOMY)
