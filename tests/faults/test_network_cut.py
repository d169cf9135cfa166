"""The network between gateway and broker swallows everything, both ways, and closes nothing."""

import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Self

import pytest
from brokers import Mosquitto, wait_until
from gateways import DEADLINE_S, Gateway, Publisher

from gateway import connecting
from gateway.config import Settings
from gateway.journal import Reader
from gateway.mqtt.settings import ConnectionSettings
from gateway.records import Kind


class Cable:
    """A line to a broker that can be cut: what is sent then is lost, and whoever was connected never hears again."""

    def __init__(self, port: int) -> None:
        self.is_cut = False
        self.swallowed = 0
        self._broker = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._ends: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._listen)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        for end in [self._listener, *self._ends]:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        for thread in self._threads:
            thread.join(DEADLINE_S)

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                near, far = self._listener.accept()[0], socket.create_connection(("127.0.0.1", self._broker))
                self._ends += [near, far]
                dead = threading.Event()
                for pair in ((near, far), (far, near)):
                    self._threads.append(threading.Thread(target=self._carry, args=(*pair, dead)))
                    self._threads[-1].start()

    def _carry(self, source: socket.socket, sink: socket.socket, dead: threading.Event) -> None:
        with suppress(OSError):
            while sent := source.recv(65536):
                if self.is_cut or dead.is_set():
                    dead.set()
                    self.swallowed += len(sent)
                else:
                    sink.sendall(sent)
            if not dead.is_set():
                sink.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def broker(new_mosquitto: Callable[..., Mosquitto]) -> Mosquitto:
    """Give a broker that keeps everything."""
    return new_mosquitto("max_queued_messages 0")


@pytest.fixture
def cable(broker: Mosquitto) -> Iterator[Cable]:
    """Give a line to it."""
    with Cable(broker.port) as cable:
        yield cable


@pytest.fixture
def gateway(tmp_path: Path, cable: Cable, monkeypatch: pytest.MonkeyPatch) -> Gateway:
    """Give a gateway at the other end, which looks every second whether the broker is still there."""
    usual = connecting.connection_settings

    def quick(settings: Settings) -> ConnectionSettings:
        return replace(usual(settings), keepalive_s=1, shortest_delay_s=0.05, longest_delay_s=0.2)

    monkeypatch.setattr(connecting, "connection_settings", quick)
    return Gateway(tmp_path, cable.port)


def test_a_network_that_swallows_everything_costs_nothing(gateway: Gateway, broker: Mosquitto, cable: Cable) -> None:
    """The gateway notices by itself and comes back; every reading is learned once, and nobody is told silent."""
    with gateway.running() as application:
        publisher = Publisher(broker.port)
        gateway.take(publisher, 200)
        publisher.publish(100)
        cable.is_cut = True  # amid what is acknowledged
        publisher.publish(300)
        wait_until(lambda: cable.swallowed, "messages are lost", DEADLINE_S)
        wait_until(lambda: not application.connection.is_online, "the cut is noticed", DEADLINE_S)
        swallowed = cable.swallowed
        wait_until(lambda: cable.swallowed > swallowed, "it tries to come back", DEADLINE_S)
        cable.is_cut = False
        wait_until(lambda: application.connection.reconnects, "it is back", DEADLINE_S)
        gateway.take(publisher, 100)
    publisher.close()
    assert gateway.counted() == Counter(float(number) for number in range(publisher.sent))
    with Reader(gateway.log) as log:
        assert [told for told in log.incidents() if told.kind is Kind.SILENT] == []
    assert gateway.restored(use_checkpoint=True).dumps() == gateway.restored(use_checkpoint=False).dumps()
