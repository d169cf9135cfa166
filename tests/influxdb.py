"""A real InfluxDB for tests, as a child process on a free loopback port that we may kill, and the door in front of it.

Debian has 1.6.7, which lacks `/api/v2/write`; 1.8 has it and does with it what `Translation` does.
"""

import http.client
import http.server
import json
import os
import shutil
import socketserver
import subprocess
import threading
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from brokers import DEADLINE_S, accepts, free_port, wait_until

CONFIGURATION = """
reporting-disabled = true
bind-address = "127.0.0.1:{rpc_port}"
[meta]
dir = "{folder}/meta"
logging-enabled = false
[data]
dir = "{folder}/data"
wal-dir = "{folder}/wal"
index-version = "tsi1"
query-log-enabled = false
[monitor]
store-enabled = false
[http]
bind-address = "127.0.0.1:{port}"
log-enabled = false
[logging]
level = "error"
"""


def influxd_program() -> str | None:
    """Return the path of influxd, None where there is none."""
    return shutil.which("influxd", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/bin")


class InfluxDB:
    """One server; its address and data survive `kill` and `start`. `url` is where the version 2 write API is."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self._rpc_port = free_port(), free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._translation = Translation(self.port)
        self.url = f"http://127.0.0.1:{self._translation.port}"

    def __enter__(self) -> Self:
        self._translation.start()
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.kill()
        self._translation.stop()

    def start(self) -> Self:
        """Start and wait until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / "influxdb.conf"
        path.write_text(CONFIGURATION.format(folder=self.folder, port=self.port, rpc_port=self._rpc_port))
        program = influxd_program()
        assert program, "influxd is not installed"
        with (self.folder / "influxdb.log").open("ab") as log:
            self._process = subprocess.Popen([program, "-config", path], stdout=log, stderr=log)
        wait_until(lambda: accepts(self.port), "InfluxDB accepts connections", 3 * DEADLINE_S)
        return self

    def kill(self) -> None:
        """End it as a power cut would."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait(DEADLINE_S)

    def query(self, statement: str, database: str = "") -> list[dict[str, Any]]:
        """Run InfluxQL; return the series of the first statement, times in ns."""
        query = urllib.parse.urlencode({"q": statement, "db": database, "epoch": "ns"})
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/query", query.encode(), DEADLINE_S) as answer:
            (result,) = json.load(answer)["results"][:1]
        assert "error" not in result, result["error"]
        series: list[dict[str, Any]] = result.get("series", [])
        return series

    def rows(self, statement: str, database: str) -> Iterator[dict[str, Any]]:
        """Run InfluxQL; yield each row as a dictionary, tags and all."""
        for series in self.query(statement, database):
            for values in series["values"]:
                yield series.get("tags", {}) | dict(zip(series["columns"], values, strict=True))


class Translation:
    """What InfluxDB 1.8 does itself: `/api/v2/write` is `/write`, the bucket is the database, other paths stay."""

    def __init__(self, target: int) -> None:
        self._server = Server(("127.0.0.1", 0), Translator)
        self._server.target = target
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def start(self) -> None:
        """Serve."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """Knows where the real server is."""

    daemon_threads = True
    target = 0

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a server that was killed resets connections, which is what it was killed for."""


class Translator(http.server.BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or each answer waits 40 ms for an acknowledgement
    server: Server

    def do_POST(self) -> None:
        """Pass on a write, or a query."""
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        address = urllib.parse.urlsplit(self.path)
        path = self.path
        if address.path == "/api/v2/write":
            query = urllib.parse.parse_qs(address.query)
            path = "/write?" + urllib.parse.urlencode({"db": query["bucket"][0], "precision": query["precision"][0]})
        self._pass_on("POST", path, body)

    def do_GET(self) -> None:
        """Pass on a query or a ping."""
        self._pass_on("GET", self.path, None)

    def _pass_on(self, method: str, path: str, body: bytes | None) -> None:
        kept = ("Content-Encoding", "Content-Type", "Authorization")
        headers = {name: self.headers[name] for name in kept if name in self.headers}
        ours = http.client.HTTPConnection("127.0.0.1", self.server.target, timeout=DEADLINE_S)
        try:
            ours.request(method, path, body, headers)
            answer = ours.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException):
            self.close_connection = True
            return
        finally:
            ours.close()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.startswith("X-Influxdb") or name == "Content-Type":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""
