"""A gateway is started with other settings, or by a version that cannot read its state: it serves, and learns anew."""

import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from brokers import Mosquitto, wait_until
from gateways import DEADLINE_S, Gateway, Publisher

from gateway import control, renewal
from gateway.journal import Reader
from gateway.records import Renewed

OTHER = "[alarms]\nsilent_floor_s = 7.0\nfalse_per_30_days = 5.0\n"


@pytest.fixture
def broker(new_mosquitto: Callable[..., Mosquitto]) -> Mosquitto:
    """Give a broker that keeps everything."""
    return new_mosquitto("max_queued_messages 0")


@pytest.fixture
def gateway(tmp_path: Path, broker: Mosquitto) -> Iterator[Gateway]:
    """Give a gateway."""
    with Gateway(tmp_path, broker.port) as gateway:
        yield gateway


def renewals(gateway: Gateway) -> int:
    """Return how often something learned anew took the place of what was known."""
    with Reader(gateway.log) as log:
        return sum(isinstance(entry, Renewed) for _, entry in log.entries(0))


@pytest.mark.soak
def test_other_settings_cost_no_reading_and_no_memory(gateway: Gateway, broker: Mosquitto) -> None:
    """Killed on the way or not: at last it knows, bit for bit, what a gateway knows that always had these settings."""
    publisher = Publisher(broker.port)
    gateway.start().wait_until_online()
    gateway.take(publisher, 500)
    assert gateway.stop() == 0
    gateway.configuration.write_text(gateway.configuration.read_text() + OTHER)
    gateway.start()
    publisher.publish(100)
    gateway.kill()
    gateway.start()
    gateway.take(publisher, 100)
    wait_until(lambda: renewals(gateway) == 1, "all is learned anew", DEADLINE_S)
    gateway.take(publisher, 100)
    gateway.kill()
    assert gateway.start().said.count("serve from now on") == 1
    gateway.take(publisher, 100)
    publisher.close()
    assert gateway.stop() == 0
    assert gateway.counted() == Counter(float(number) for number in range(publisher.sent))
    assert renewals(gateway) == 1
    assert gateway.restored(use_checkpoint=True).dumps() == gateway.restored(use_checkpoint=False).dumps()


class Held:
    """What keeps a gateway from the last step of learning anew until it is told to."""

    def __init__(self) -> None:
        self.is_held = True
        self._settled = renewal._settled

    def settled(self, house: Any) -> str | None:  # noqa: ANN401
        """Say what is in the way."""
        return "held" if self.is_held else self._settled(house)


def ask(gateway: Gateway, request: str, **arguments: object) -> dict[str, Any]:
    """Return what the running gateway answers."""
    answer = control.ask(control.beside(gateway.log), request, arguments, lambda _: None)
    assert answer is not None
    return answer


def restarted_with_other_settings(gateway: Gateway) -> None:
    """The state before can be read, and serves."""
    gateway.configuration.write_text(gateway.configuration.read_text() + OTHER)


def restarted_by_another_version(gateway: Gateway) -> None:
    """The state before cannot be read."""
    with sqlite3.connect(gateway.log) as database:
        database.execute("UPDATE checkpoints SET rules = 'of another version'")
    database.close()


@pytest.mark.parametrize(
    ("upgrade", "serving"),
    [
        (restarted_with_other_settings, "what was learned under the settings before"),
        (restarted_by_another_version, "what was heard since 2"),
    ],
)
def test_while_all_is_learned_anew_the_gateway_serves(
    gateway: Gateway,
    broker: Mosquitto,
    upgrade: Callable[[Gateway], None],
    serving: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Readings are learned and forecast, words heeded, a device forgotten, and an end in order costs nothing."""
    held = Held()
    monkeypatch.setattr(renewal, "_settled", held.settled)
    monkeypatch.setattr(renewal, "PROBE", 2000)
    monkeypatch.setattr(renewal, "PATIENCE_S", 0.0)
    publisher = Publisher(broker.port)
    with gateway.running():
        gateway.take(publisher, 500)
    upgrade(gateway)
    for _ in range(2):
        with gateway.running():
            gateway.take(publisher, 50)
            status = ask(gateway, "status")
            assert status["learning_anew"]["serving"].startswith(serving)
            assert (status["devices"], status["readings"]) == (5, 100)
            assert ask(gateway, "maintenance", devices="pump-*", for_s=3600.0)
    with gateway.running():
        publisher.devices = 4
        gateway.take(publisher, 40)
        receipt = ask(gateway, "forget", device="device-4", verify=True)
        assert receipt["verified"]["is ours"]
        assert receipt["verified"]["files that hold the name"] == []
        assert ask(gateway, "status")["learning_anew"]
        held.is_held = False
        ask(gateway, "refold")
        assert ask(gateway, "status")["learning_anew"] is None
        publisher.publish(40)
    publisher.close()
    assert gateway.restored(use_checkpoint=True).dumps() == gateway.restored(use_checkpoint=False).dumps()
    assert json.dumps(gateway.readings()).count("device-4") == 0
