"""A broker that comes with the gateway, for first steps and demonstrations; lasting use is mosquitto.

iotcore (rumqttd, in Rust) was chosen over amqtt, which is pure Python: in the same trial it redelivered what was not
acknowledged and kept a session's messages (amqtt: none and 2 of 50), at a fifth of the CPU time per message.
Its limits: it forgets everything when it ends, and of more than about 65,000 waiting readings it silently drops the
oldest.
"""

import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from gateway.errors import BrokerError

PROTOCOL = 4
"""MQTT 3.1.1: iotcore serves MQTT 5 only on a port of its own."""

START_S = 10.0
"""It listens after 0.15 s on a laptop; a Raspberry Pi with a slow card needs seconds to start an interpreter."""

STOP_S = 1.0
"""It ends within 10 ms of being told."""

POLL_S = 0.01

# Memory: each subscription filter keeps its last messages, up to `max_segment_count` segments of `max_segment_size`.
_CONFIGURATION = """
id = 0
[router]
id = 0
max_connections = 2000
max_outgoing_packet_count = 200
max_segment_size = 1048576
max_segment_count = 8
[v4.1]
name = "v4"
listen = "{host}:{port}"
next_connection_delay_ms = 1
[v4.1.connections]
connection_timeout_ms = 10000
max_payload_size = 1048576
max_inflight_count = 500
dynamic_filters = true
"""

# A process of its own, because rumqttd cannot be shut down from within one. It ends when its standard input does,
# which is also what the kernel does to it when the gateway is killed.
_CHILD = """
import logging, os, sys, threading
from iotcore import IotCoreBroker
def end_with_parent():
    sys.stdin.buffer.read()
    os._exit(0)
logging.getLogger().setLevel(logging.CRITICAL)
threading.Thread(target=end_with_parent, daemon=True).start()
IotCoreBroker(config_path=sys.argv[1]).run_forever()
"""


class EmbeddedBroker:
    """A broker on the loopback interface in a child process; `port` 0 takes any free one."""

    host = "127.0.0.1"

    def __init__(self, port: int = 0) -> None:
        self.port = port
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens, once it was started."""
        return self.host, self.port

    def start(self) -> None:
        """Start, and return when connections are accepted; BrokerError if that cannot be."""
        self.port = self._claim_port()
        self._folder = tempfile.TemporaryDirectory(prefix="gateway-broker-")
        configuration = Path(self._folder.name) / "broker.toml"
        configuration.write_text(_CONFIGURATION.format(host=self.host, port=self.port), encoding="utf-8")
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and program text
            [sys.executable, "-P", "-c", _CHILD, str(configuration)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C must reach the gateway alone: it still says goodbye
        )
        self._wait_until_accepting(self._process)

    def stop(self) -> None:
        """End the broker; what it held is gone."""
        process, self._process = self._process, None
        if process and process.stdin:
            process.stdin.close()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if self._folder:
            self._folder.cleanup()

    def _claim_port(self) -> int:
        """Return the port to use; asking here gives a clear error, which the child could not."""
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a broker that just ended does not matter
            try:
                probe.bind((self.host, self.port))
            except OSError as error:
                msg = f"the embedded broker cannot listen on {self.host} port {self.port}: {error.strerror}"
                raise BrokerError(msg) from error
            port: int = probe.getsockname()[1]
            return port

    def _wait_until_accepting(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_S
        while not self._is_accepting():
            if process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                msg = f"the embedded broker did not start on port {self.port} (exit code {process.returncode})"
                raise BrokerError(msg)
            time.sleep(POLL_S)

    def _is_accepting(self) -> bool:
        try:
            with socket.create_connection(self.address, timeout=1):
                return True
        except OSError:
            return False
