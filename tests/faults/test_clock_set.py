"""The gateway's clock leaps by years, while it runs and while it is away: a Raspberry Pi has no battery for it."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from brokers import Mosquitto, wait_until
from gateways import DEADLINE_S, LIMITS, Gateway, Publisher

from gateway import timekeeping
from gateway.app import Application
from gateway.journal import Reader
from gateway.records import SECOND, Batch, Kind, Resume
from gateway.recovery import Numbering
from gateway.shard import Rules, Shard

YEAR = 365 * 86400 * SECOND


class Clock:
    """The machine's clock, which can be set."""

    def __init__(self) -> None:
        self.ahead = 0
        self._real = time.time_ns

    def time_ns(self) -> int:
        """Return what it reads."""
        return self._real() + self.ahead

    def set_to_1970(self) -> None:
        """Let it begin anew, as after a power cut."""
        self.ahead = -self._real()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Give the clock that the gateway reads, which is taken for sure at once."""
    clock = Clock()
    monkeypatch.setattr(time, "time_ns", clock.time_ns)
    monkeypatch.setattr(timekeeping, "STEADY", 0)
    return clock


@pytest.fixture
def broker(new_mosquitto: Callable[..., Mosquitto]) -> Mosquitto:
    """Give a broker that keeps everything."""
    return new_mosquitto("max_queued_messages 0")


@pytest.fixture
def gateway(tmp_path: Path, broker: Mosquitto) -> Iterator[Gateway]:
    """Give a gateway that saves, and takes out what is too old, all the time."""
    limits = f"{LIMITS}\n[predictions]\nhorizons_s = []"
    with Gateway(tmp_path, broker.port, "retain_days = 30.0", limits=limits) as gateway:
        gateway.configuration.write_text(gateway.configuration.read_text().replace("every_s = 1.0", "every_s = 0.1"))
        yield gateway


def go_on(gateway: Gateway, application: Application, publisher: Publisher, count: int) -> None:
    """Let so many readings be published, and wait until it has looked who is silent and taken out what is old."""
    since, loop = time.time_ns(), application.pipeline
    gateway.take(publisher, count)
    wait_until(lambda: 0 <= loop._ticked_at - since < SECOND * 600, "it looks for silence", DEADLINE_S)
    wait_until(lambda: 0 <= loop.ledger.saved_at - since < SECOND * 600, "it looks for what is old", DEADLINE_S)


def seen_without(gateway: Gateway) -> Shard:
    """Return what the readings in the log teach where no clock was ever set, and nothing else happened."""
    shard = Shard(Rules())
    with Reader(gateway.log) as log:
        numbering = Numbering(log, shard.directory)
        for _, entry in log.entries(0):
            if isinstance(entry, tuple):
                batch = numbering.renumbered(entry[0])
                shard.apply(Batch(batch.stream, batch.observed_at, batch.observed_at + SECOND, batch.value))
    return shard


def assert_nothing_is_lost_or_mislearned(gateway: Gateway, sent: int) -> None:
    """Every reading is in the log, learned as if the clock had never been set; nobody was told silent."""
    assert gateway.counted() == Counter(float(number) for number in range(sent))
    with Reader(gateway.log) as log:
        assert log.first() == 1
        assert [told for told in log.incidents() if told.kind is Kind.SILENT] == []
    shard, expected = gateway.restored(use_checkpoint=True), seen_without(gateway)
    assert shard.dumps() == gateway.restored(use_checkpoint=False).dumps()
    for part, other in ((shard.fleet.streams, expected.fleet.streams), (shard.fleet.joint, expected.fleet.joint)):
        saved = other.dumps()
        for name, array in part.dumps().items():
            if not name.startswith("dating/"):
                np.testing.assert_array_equal(array, saved[name], err_msg=name)
    assert shard.fleet.hearts.arrays["longest"].max() < 600 * SECOND


def go_on_until_it_is_right(gateway: Gateway, publisher: Publisher, clock: Clock) -> None:
    """Start while the clock is wrong, set it right while it runs, and end with nothing lost or mislearned."""
    with gateway.running() as application:
        go_on(gateway, application, publisher, 100)
        clock.ahead = 0
        go_on(gateway, application, publisher, 50)
        go_on(gateway, application, publisher, 50)
    publisher.close()
    assert_nothing_is_lost_or_mislearned(gateway, publisher.sent)


@pytest.mark.parametrize("leaps", [(YEAR,), (-YEAR,), (YEAR, -YEAR)], ids=["ahead", "back", "there and back"])
def test_a_clock_that_leaps_while_it_runs_teaches_nothing(
    gateway: Gateway, broker: Mosquitto, clock: Clock, leaps: Sequence[int]
) -> None:
    """Readings with a time of their own are learned as if nothing had happened, none is taken out, nobody is silent."""
    with gateway.running() as application:
        publisher = Publisher(broker.port)
        gateway.take(publisher, 200)
        for leap in leaps:
            clock.ahead += leap
            go_on(gateway, application, publisher, 50)
            go_on(gateway, application, publisher, 50)
    publisher.close()
    assert_nothing_is_lost_or_mislearned(gateway, publisher.sent)


def test_a_gateway_that_starts_in_1970_goes_on_where_it_was(gateway: Gateway, broker: Mosquitto, clock: Clock) -> None:
    """Readings with a time of their own are from the future then, and yet taken; then the right time arrives."""
    with gateway.running():
        publisher = Publisher(broker.port)
        gateway.take(publisher, 200)
    clock.set_to_1970()
    publisher.publish(50)
    go_on_until_it_is_right(gateway, publisher, clock)
    with Reader(gateway.log) as log:
        leaps = [entry.leap for _, entry in log.entries(0) if isinstance(entry, Resume) and entry.leap]
    assert [leap < 0 for leap in leaps] == [True, False]


@pytest.mark.parametrize("leap", [YEAR, -YEAR], ids=["ahead", "back"])
def test_a_gateway_that_starts_in_another_year_goes_on_where_it_was(
    gateway: Gateway, broker: Mosquitto, clock: Clock, leap: int
) -> None:
    """It cannot know; when the clock is set right, nothing was lost by it."""
    with gateway.running():
        publisher = Publisher(broker.port)
        gateway.take(publisher, 200)
    clock.ahead = leap
    go_on_until_it_is_right(gateway, publisher, clock)
