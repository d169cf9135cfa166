"""A real Home Assistant for tests: on a free loopback port, with an account and our broker, asked over its own API."""

import json
import os
import subprocess
import time
import urllib.parse
import urllib.request
from http.client import HTTPException
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from brokers import free_port, wait_until

PROGRAM = Path(__file__).parents[1] / ".venv" / "homeassistant" / "bin" / "hass"
"""Where `make soak` puts it, if the machine has the Python that it needs."""

DEADLINE_S = 120.0
"""It starts in 20 s on a busy laptop core; reached only when something is broken."""

ANSWER_S = 30.0

CLIENT = "http://127.0.0.1/"
"""Who we say we are; Home Assistant wants an address."""

CONFIGURATION = """
homeassistant: {{name: test, latitude: 0, longitude: 0, elevation: 0, unit_system: metric, time_zone: UTC}}
http: {{server_host: 127.0.0.1, server_port: {port}}}
logger: {{default: warning}}
"""


class HomeAssistant:
    """One process in a folder of its own, with nothing in it but what it always starts and the MQTT integration."""

    def __init__(self, folder: Path, broker_port: int) -> None:
        self.folder, self.port, self.broker_port = folder, free_port(), broker_port
        self.entry = self._token = ""
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True)
        (self.folder / "configuration.yaml").write_text(CONFIGURATION.format(port=self.port))
        with (self.folder / "output").open("wb") as output:
            command = [str(PROGRAM), "--config", str(self.folder), "--skip-pip"]
            environment = {**os.environ, "HOME": str(self.folder)}
            self._process = subprocess.Popen(command, stdout=output, stderr=output, env=environment)
        wait_until(self._is_up, "Home Assistant answers", DEADLINE_S)
        self._move_in()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        assert self._process is not None
        self._process.kill()  # nothing of it is needed any more, and its goodbye takes seconds
        self._process.wait()

    def ask(self, path: str, body: object = None) -> Any:  # noqa: ANN401 - whatever it answers
        """GET, or POST where there is a body: JSON, or a form where it is bytes."""
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        if body is not None and not isinstance(body, bytes):
            body, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", body, headers)
        with urllib.request.urlopen(request, timeout=ANSWER_S) as answer:
            return json.loads(answer.read())

    def call(self, service: str, entity: str) -> None:
        """Do what a person does with an entity, say `button.press`."""
        domain, _, name = service.partition(".")
        self.ask(f"/api/services/{domain}/{name}", {"entity_id": entity})

    def states(self, containing: str = "") -> dict[str, dict[str, Any]]:
        """Return the entities whose id holds this text."""
        return {each["entity_id"]: each for each in self.ask("/api/states") if containing in each["entity_id"]}

    def state(self, entity: str) -> str | None:
        """Return what an entity shows, None where there is no such entity."""
        found = self.states(entity)
        return found[entity]["state"] if entity in found else None

    def reload(self) -> None:
        """Let its MQTT integration forget what it discovered and start anew, as a restart does."""
        self.ask(f"/api/config/config_entries/entry/{self.entry}/reload", {})

    def complaints(self) -> list[str]:
        """Return what it logged about MQTT at the level of a warning or above."""
        lines = (self.folder / "home-assistant.log").read_text().splitlines()
        return [line for line in lines if "mqtt" in line.lower() or "template" in line.lower()]

    def _is_up(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.folder / "output").read_text()
        try:
            return isinstance(self.ask("/api/onboarding"), list)
        except (OSError, HTTPException):
            time.sleep(0.1)  # each attempt opens a connection
            return False

    def _move_in(self) -> None:
        """Do what a person does on the first evening: make an account, name the broker."""
        user = {"client_id": CLIENT, "name": "test", "username": "test", "password": "test", "language": "en"}
        code = self.ask("/api/onboarding/users", user)["auth_code"]
        form = {"grant_type": "authorization_code", "code": code, "client_id": CLIENT}
        self._token = self.ask("/auth/token", urllib.parse.urlencode(form).encode())["access_token"]
        flow = self.ask("/api/config/config_entries/flow", {"handler": "mqtt"})
        address = {"broker": "127.0.0.1", "port": self.broker_port}
        made = self.ask(f"/api/config/config_entries/flow/{flow['flow_id']}", address)
        assert made["type"] == "create_entry", made
        self.entry = made["result"]["entry_id"]
