"""The gateway killed at random moments under load: what was published is in its log, each reading once."""

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from brokers import Mosquitto, wait_until
from gateways import DEADLINE_S, Gateway, Publisher

from gateway.journal import Reader
from gateway.records import Renewed

PER_LIFE = 200
"""Readings published in each life of the gateway; it is killed somewhere among them."""


@pytest.mark.parametrize("is_timed", [True, False], ids=["own time", "no time"])
@pytest.mark.parametrize("kills", [10, pytest.param(250, marks=pytest.mark.soak)])
def test_killed_again_and_again(
    kills: int, tmp_path: Path, new_mosquitto: Callable[..., Mosquitto], *, is_timed: bool
) -> None:
    """Every reading that was published is in the log exactly once, and the state is that of one long life.

    Those with a time of their own are known again by it, those without by what the broker calls them.
    """
    broker, dice = new_mosquitto("max_queued_messages 0"), random.Random(kills)
    with Gateway(tmp_path, broker.port).start() as gateway:
        gateway.wait_until_online()
        publisher = Publisher(broker.port, is_timed=is_timed)
        for life in range(kills):
            first, known = dice.randrange(1, PER_LIFE), gateway.last()
            publisher.publish(first)
            if life % 3 == 0:  # or most would be killed while they still start
                wait_until(lambda known=known: gateway.last() > known, "it writes", DEADLINE_S)  # type: ignore[misc]
            gateway.kill()
            publisher.publish(PER_LIFE - first)
            gateway.start()
        publisher.publish(PER_LIFE)
        publisher.close()
        expected = Counter(float(number) for number in range(publisher.sent))
        wait_until(lambda: len(gateway.counted()) == len(expected), "everything is in the log", DEADLINE_S + 4 * kills)
        assert gateway.stop() == 0
    assert gateway.counted() == expected
    with Reader(gateway.log) as log:  # a start finds nothing open that people were not told of
        assert not any(isinstance(entry, Renewed) for _, entry in log.entries(0))
    assert gateway.restored(use_checkpoint=True).dumps() == gateway.restored(use_checkpoint=False).dumps()
