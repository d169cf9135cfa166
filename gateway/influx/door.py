"""The one place that speaks to InfluxDB."""

import gzip
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from influxdb_client import InfluxDBClient, WriteService
from influxdb_client.rest import ApiException
from urllib3 import HTTPConnectionPool
from urllib3.exceptions import HTTPError

from gateway.errors import DatabaseError
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
        options = {"precision": "ns", "content_encoding": "gzip", "_return_http_data_only": False}
        answer, _ = self._ask(lambda: self._writes.post_write_with_http_info(self._org, bucket, body, **options))
        return answer

    def query(self, statement: str, database: str, method: str = "GET") -> list[dict[str, Any]]:
        """Ask in InfluxQL, times in ns; returns the series of its one result. Raises `DatabaseError`."""
        query = [("q", statement), ("db", database), ("epoch", "ns")]
        _, content = self._call("/query", method, query_params=query)
        try:
            result = content["results"][0]
        except (KeyError, TypeError, IndexError) as error:
            message = f"this is no InfluxDB: {clean(str(content))}"
            raise DatabaseError(message) from error
        if "error" in result:
            raise DatabaseError(clean(str(result["error"])))
        series: list[dict[str, Any]] = result.get("series", [])
        return series

    def version(self) -> str:
        """What the server says it is, such as 2.7.11. Raises `DatabaseError`."""
        headers, content = self._call("/ping", "GET")
        named = headers.get("X-Influxdb-Version") or (content.get("version") if isinstance(content, dict) else None)
        if not named:  # 3.x says it in the body
            message = "what answers does not say which InfluxDB it is"
            raise DatabaseError(message)
        return clean(str(named)).removeprefix("v")

    def delete(self, bucket: str, start: str, stop: str, predicate: str) -> None:
        """Delete points by the version 2 API, which 2.x has; times in RFC 3339. Raises `DatabaseError`."""
        body = {"start": start, "stop": stop, "predicate": predicate}
        self._call("/api/v2/delete", "POST", query_params=[("org", self._org), ("bucket", bucket)], body=body)

    def _call(self, path: str, method: str, **parts: object) -> tuple[Mapping[str, str], Any]:
        """Headers and content of an answer, parsed where it is JSON; `DatabaseError` where it is no success."""
        call: Callable[..., Any] = self._client.api_client.call_api
        options: dict[str, Any] = {"response_type": "object", "_return_http_data_only": False, **parts}
        answer, found = self._ask(lambda: call(path, method, **options))
        if found is None:
            raise DatabaseError(answer.words)
        return found

    def _ask(self, call: Callable[[], Any]) -> tuple[Answer, tuple[Mapping[str, str], Any] | None]:
        """What an answer means; and its headers and content, where it has any."""
        watch = threading.Timer(DEADLINE_S, self.abort)
        watch.daemon = True
        watch.start()
        try:
            content, status, headers = call()
        except ApiException as error:
            if not error.status:  # TLS
                return Answer(Meaning.AWAY, clean(str(error.reason))), None
            return judge(error.status, error.body, error.headers, time.time()), None
        except (HTTPError, OSError, UnicodeDecodeError) as error:
            return Answer(Meaning.AWAY, clean(f"{type(error).__name__}: {error}")), None
        finally:
            watch.cancel()
        return judge(status, None, headers, time.time()), (headers, content)

    def _note(self, opened: socket.socket) -> None:
        self._socket = opened


def _observed(pool: type[HTTPConnectionPool], note: Callable[[socket.socket], None]) -> type[HTTPConnectionPool]:
    """The pool, whose connections tell of the socket they open."""
    plain: Any = pool.ConnectionCls

    def connect(self: Any) -> None:  # noqa: ANN401 - a connection, of HTTP or HTTPS
        plain.connect(self)
        note(self.sock)

    return type(pool.__name__, (pool,), {"ConnectionCls": type(plain.__name__, (plain,), {"connect": connect})})
