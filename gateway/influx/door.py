"""The one place that speaks to InfluxDB."""

import gzip
import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from influxdb_client import InfluxDBClient, WriteService
from influxdb_client.rest import ApiException
from urllib3 import HTTPConnectionPool
from urllib3.exceptions import HTTPError

from gateway.influx.answers import Answer, Meaning, clean, judge

CONNECT_S = 5.0
READ_S = 15.0
"""Between two bytes of an answer; InfluxDB 2's own limit for a write is 10 s."""

DEADLINE_S = 30.0
"""For a whole answer: one that drips a byte every few seconds would hold us for ever."""


class Door:
    """One InfluxDB 1.8+, 2.x or 3.x by its version 2 write API; used by one thread, but for `abort`."""

    def __init__(self, url: str, token: str | None, org: str, ca_file: str | None = None) -> None:
        self._org = org
        timeout = (round(CONNECT_S * 1000), round(READ_S * 1000))
        self._client = InfluxDBClient(url, token=token or "", org=org, timeout=timeout, ssl_ca_cert=ca_file)
        self._socket: socket.socket | None = None
        pools = self._client.api_client.rest_client.pool_manager
        pools.pool_classes_by_scheme = {
            scheme: _observed(pool, self._note) for scheme, pool in pools.pool_classes_by_scheme.items()
        }
        self._writes = WriteService(self._client.api_client)

    def close(self) -> None:
        """Release connections."""
        self._client.close()

    def abort(self) -> None:
        """End what is under way, from any thread: it fails at once."""
        if (ours := self._socket) is not None:
            with suppress(OSError):
                ours.shutdown(socket.SHUT_RDWR)

    def write(self, bucket: str, lines: Sequence[str]) -> Answer:
        """Send these lines, and say what the answer means."""
        body = gzip.compress("\n".join(lines).encode(), 1)
        watch = threading.Timer(DEADLINE_S, self.abort)
        watch.daemon = True
        watch.start()
        try:
            _, status, headers = self._writes.post_write_with_http_info(
                self._org,
                bucket,
                body,
                precision="ns",
                content_encoding="gzip",
                _return_http_data_only=False,
            )
        except ApiException as error:
            if not error.status:  # TLS
                return Answer(Meaning.AWAY, clean(str(error.reason)))
            return judge(error.status, error.body, error.headers, time.time())
        except (HTTPError, OSError, UnicodeDecodeError) as error:
            return Answer(Meaning.AWAY, clean(f"{type(error).__name__}: {error}"))
        finally:
            watch.cancel()
        return judge(status, None, headers, time.time())

    def _note(self, opened: socket.socket) -> None:
        self._socket = opened


def _observed(pool: type[HTTPConnectionPool], note: Callable[[socket.socket], None]) -> type[HTTPConnectionPool]:
    """The pool, whose connections tell of the socket they open."""
    plain: Any = pool.ConnectionCls

    def connect(self: Any) -> None:  # noqa: ANN401 - a connection, of HTTP or HTTPS
        plain.connect(self)
        note(self.sock)

    return type(pool.__name__, (pool,), {"ConnectionCls": type(plain.__name__, (plain,), {"connect": connect})})
