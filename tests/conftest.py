"""Fixtures that need a real server, and no deadline for any example: its time says only how busy the machine is."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from brokers import ROOMY, Mosquitto, mosquitto_program
from hypothesis import settings

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


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
def mosquitto(new_mosquitto: Callable[..., Mosquitto]) -> Mosquitto:
    """Give a started mosquitto without limits and without memory over restarts."""
    return new_mosquitto(*ROOMY)
