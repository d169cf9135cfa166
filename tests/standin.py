"""A stand-in for what the real InfluxDB at hand cannot do: the answers of 2.x and 3.x, and of what is no InfluxDB."""

import gzip
import http.server
import socketserver
import struct
import threading
import time
import urllib.parse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from socket import SO_LINGER, SOL_SOCKET
from types import TracebackType
from typing import Self


@dataclass(frozen=True, slots=True)
class Reply:
    """What is answered: `how` is "whole", "hang", "drip" (a byte now and then) or "reset" (in mid-answer)."""

    status: int = 204
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    how: str = "whole"


Script = Callable[[str, Sequence[str]], Reply]
"""From bucket and lines to what is answered."""


class StandIn:
    """Serves a script, strict about what it is sent; `written` is what it took, `headers` those of the last request.

    `pages` are what it answers on other paths, `asked` the last request on one of them: its query, and its body.
    """

    def __init__(self, script: Script | None = None) -> None:
        self.script: Script = script or (lambda _bucket, _lines: Reply())
        self.written: list[str] = []
        self.pages: dict[str, Reply] = {}
        self.asked: tuple[dict[str, list[str]], bytes] = ({}, b"")
        self.headers: dict[str, str] = {}
        self.requests = 0
        self.is_over = threading.Event()
        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.standin = self
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.is_over.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """Knows whom it stands in for."""

    daemon_threads = True
    standin: StandIn

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients that give up are part of the tests."""


class Handler(http.server.BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_POST(self) -> None:
        """Answer as the script says."""
        standin = self.server.standin
        standin.requests += 1
        standin.headers = dict(self.headers)
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        address = urllib.parse.urlsplit(self.path)
        query = urllib.parse.parse_qs(address.query)
        if address.path in standin.pages:
            standin.asked = query, body
            self._answer(standin.pages[address.path])
            return
        if address.path != "/api/v2/write" or query["precision"] != ["ns"]:
            self.send_error(404)
            return
        assert self.headers["Content-Encoding"] == "gzip"
        lines = gzip.decompress(body).decode().split("\n")
        reply = standin.script(query["bucket"][0], lines)
        if reply.status == 204 and reply.how == "whole":
            standin.written.extend(lines)
        self._answer(reply)

    def do_GET(self) -> None:
        """Answer with a page."""
        address = urllib.parse.urlsplit(self.path)
        self.server.standin.asked = urllib.parse.parse_qs(address.query), b""
        self._answer(self.server.standin.pages[address.path])

    def _answer(self, reply: Reply) -> None:
        if reply.how == "hang":
            self.server.standin.is_over.wait(60)
            self.close_connection = True
        elif reply.how == "drip":
            self._drip()
        elif reply.how == "reset":
            self.wfile.write(b"HTTP/1.1 2")
            self.connection.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
        else:
            self.send_response(reply.status)
            for name, value in {**reply.headers, "Content-Length": str(len(reply.body.encode()))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body.encode())

    def _drip(self) -> None:
        self.close_connection = True
        self.wfile.write(b"HTTP/1.1 ")
        while not self.server.standin.is_over.is_set():
            self.wfile.write(b".")
            time.sleep(0.02)

    def log_message(self, *_: object) -> None:
        """Say nothing."""
