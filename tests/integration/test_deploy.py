"""What is delivered beside the program: dashboards, the compose file, the system service."""

import json
import os
import re
import shutil
import subprocess
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
import yaml
from brokers import wait_until
from compose_spec import PyCompose
from influxdb import InfluxDB
from readings import START, batch, pieces

from gateway.config import Settings
from gateway.foresight import Foresight
from gateway.influx import Door, Lines, Options, Sender
from gateway.intake import Intake
from gateway.journal import Follower, Journal
from gateway.mqtt.inbox import Inbox
from gateway.records import SECOND
from gateway.repeats import Repeats
from gateway.rulebook import Regime
from gateway.shard import Rules, Shard
from gateway.standing import Standing
from gateway.vitals import Vitals

if TYPE_CHECKING:
    from gateway.ledger import Ledger
    from gateway.neighbours import Link

DEPLOY = Path(__file__).parents[2] / "deploy"
DASHBOARDS = sorted((DEPLOY / "grafana" / "dashboards").glob("*.json"))
SCHEMA = "@grafana/schema@13.2.3"


def panels(dashboard: Path) -> list[dict[str, Any]]:
    """Return the panels of a dashboard."""
    found: list[dict[str, Any]] = json.loads(dashboard.read_text())["panels"]
    return found


def questions() -> Iterator[tuple[str, str, str]]:
    """Yield a name, the source and the query of everything that a dashboard asks."""
    for dashboard in DASHBOARDS:
        tree = json.loads(dashboard.read_text())
        for panel in tree["panels"]:
            for target in panel["targets"]:
                yield (
                    f"{dashboard.stem}: {panel['title']} {target['refId']}",
                    target["datasource"]["uid"],
                    target["query"],
                )
        for variable in tree["templating"]["list"]:
            yield f"{dashboard.stem}: ${variable['name']}", variable["datasource"]["uid"], variable["query"]
        for annotation in tree["annotations"]["list"]:
            if "query" in annotation:
                yield f"{dashboard.stem}: {annotation['name']}", annotation["datasource"]["uid"], annotation["query"]


def fleet_life(hours: int) -> list[tuple[str, str, int, float]]:
    """Return the life of a small fleet: two sensors that swing, one of which jumps far away late in life."""
    rows = []
    for minute in range(hours * 60):
        at = START + minute * 60 * SECOND
        swing = minute % 60 / 10
        jump = 300.0 if hours * 60 - 90 < minute < hours * 60 - 80 else 0.0
        rows.append(("freezer 1", "temperature", at, -18 + swing % 3 + jump))
        rows.append(("freezer 1", "power, W", at + SECOND, 60 + swing))
        rows.append(("meter", "power, W", at + 2 * SECOND, 400 + 10 * swing))
    return rows


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxDB]:
    """Give a real server that holds what the gateway says of a fleet that lived for twelve hours."""
    if not shutil.which("influxd"):
        pytest.skip("influxd is not installed (apt install influxdb)")
    folder = tmp_path_factory.mktemp("deploy")
    journal, shard, vitals = Journal(folder / "gateway.db"), Shard(Rules()), Vitals()
    foresight, rows = Foresight(shard, (600.0, 3600.0)), fleet_life(12)
    journal.open()
    for piece in pieces(rows, 1):
        given, at = batch(shard.directory, piece), piece[-1][2]
        outcome = shard.apply(given)
        assert outcome.verdicts
        kept = foresight.keep(shard.forecast([0, 1]))
        health: list[Any] = [kept] if kept else []
        if vitals.is_due(at):
            health.append(vitals.note(at, numbers(len(rows))))
        journal.append(
            shard.directory, [(given, outcome.verdicts)], [told.incident for told in outcome.changes], health
        )
    with InfluxDB(folder / "influxdb") as server:
        for name in ("gateway", "gateway-minutes"):
            server.query(f'CREATE DATABASE "{name}"')
        options = Options("gateway", "gateway-minutes", 5000, 0.0, 3600 * SECOND)
        sender = Sender(Follower(journal.path, "influx"), Door(server.url, None, ""), Lines("home"), options)
        sender.start()
        wait_until(lambda: sender.unsent == 0, "all is sent", 60)
        sender.stop()
        yield server
    journal.close()


def numbers(count: int) -> dict[str, float]:
    """Return the counters that the loop notes, all the same."""
    chosen, shard = Settings(), Shard(Rules())
    standing = Standing(
        "test",
        shard=shard,
        intake=Intake(chosen.sources, chosen.limits, chosen.topics, shard.directory),
        inbox=Inbox(),
        link=cast("Link", SimpleNamespace(dropped=0)),
        sender=None,
        ledger=cast("Ledger", None),
        regime=Regime(shard.rules, None),
        repeats=Repeats(1000),
        counts=Counter(),
    )
    return dict.fromkeys(standing.numbers(), float(count))


@pytest.mark.parametrize(("source", "query"), [pytest.param(*asked, id=name) for name, *asked in questions()])
def test_every_query_of_the_dashboards_returns_rows(filled: InfluxDB, source: str, query: str) -> None:
    """On a real server, with what the gateway wrote there, as Grafana would ask it."""
    words = {
        "$timeFilter": f"time >= {START} AND time <= {START + 13 * 3600 * SECOND}",
        "$__interval": "10m",
        "$device": "freezer 1",
        "$sensor": "temperature",
        "$horizon": "600s",
        "$gateway": "home",
    }
    for name, value in words.items():
        query = query.replace(name, value)
    assert "$" not in query
    series = filled.query(query, source)
    assert series, query
    numbers = [value for each in series for row in each["values"] for value in row[1:] if value is not None]
    assert numbers, query


def test_dashboards_have_what_grafana_needs() -> None:
    """Identifiers that links may rely on, panels that do not overlap, and sources that are provisioned."""
    provisioned = yaml.safe_load((DEPLOY / "grafana/provisioning/datasources/gateway.yaml").read_text())
    known = {source["uid"] for source in provisioned["datasources"]}
    for dashboard in DASHBOARDS:
        assert json.loads(dashboard.read_text())["uid"] == dashboard.stem
        cells: set[tuple[int, int]] = set()
        for panel in panels(dashboard):
            grid = panel["gridPos"]
            assert grid["x"] + grid["w"] <= 24
            ours = {(grid["x"] + x, grid["y"] + y) for x in range(grid["w"]) for y in range(grid["h"])}
            assert not cells & ours, panel["title"]
            cells |= ours
    assert {source for _, source, _ in questions()} == known


def test_dashboards_are_what_grafanas_schema_says(tmp_path: Path) -> None:
    """Checked by the TypeScript compiler against Grafana's own types, unknown keys and all."""
    npm = shutil.which("npm")
    install = ["install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", SCHEMA, "typescript@7"]
    if not npm or subprocess.run([npm, *install], cwd=tmp_path, check=False, timeout=240).returncode:
        reason = "npm is not installed (apt install npm), or its registry cannot be reached"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    shutil.copy(Path(__file__).parents[1] / "dashboard.ts", tmp_path)
    for dashboard in DASHBOARDS:
        head = "import type { Checked } from './dashboard'; export const checked: Checked = "
        (tmp_path / f"{dashboard.stem}.ts").write_text(head + dashboard.read_text())
    options = ["--noEmit", "--strict", "--skipLibCheck", "--target", "es2022"]
    options += ["--module", "esnext", "--moduleResolution", "bundler"]
    compiler = ["npx", "--no-install", "tsc", *options, *(f"{dashboard.stem}.ts" for dashboard in DASHBOARDS)]
    done = subprocess.run(compiler, cwd=tmp_path, check=False, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout


def test_the_compose_file_is_valid_and_complete() -> None:
    """By the compose specification; and every file, volume and configuration that it names is there."""
    tree = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    compose = PyCompose.from_json(json.dumps(tree))  # refuses what the specification does not know
    assert set(compose.service_names()) == {"broker", "influxdb", "grafana", "gateway", "fleet"}
    for service in tree["services"].values():
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            assert (DEPLOY / source).is_dir() if source.startswith(".") else source in tree["volumes"]
        for each in service.get("configs", []):
            assert each["source"] in tree["configs"]
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), "nothing is open to the network with these passwords"
    build = tree["services"]["gateway"]["build"]
    assert (DEPLOY / build["context"] / build["dockerfile"]).is_file()


def test_the_settings_in_the_compose_file_are_settings() -> None:
    """The gateway reads them, and they name the bucket and the broker that are started beside it."""
    tree = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    settings = Settings.model_validate(tomllib.loads(tree["configs"]["gateway"]["content"]))
    assert settings.influx
    influxdb, grafana = (tree["services"][name]["environment"] for name in ("influxdb", "grafana"))
    assert settings.mqtt.host in tree["services"]
    assert settings.influx.bucket == influxdb["DOCKER_INFLUXDB_INIT_BUCKET"] == grafana["INFLUX_BUCKET"]
    assert settings.influx.rollup_bucket == grafana["INFLUX_ROLLUP_BUCKET"]
    assert settings.influx.org == influxdb["DOCKER_INFLUXDB_INIT_ORG"]
    assert f"--name {settings.influx.rollup_bucket} " in (DEPLOY / "influxdb" / "minutes.sh").read_text()
    assert os.access(DEPLOY / "influxdb" / "minutes.sh", os.X_OK)


def test_the_system_service_is_valid_and_confined(tmp_path: Path) -> None:
    """By systemd itself: nothing unknown in it, and little of the machine open to it."""
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd is not installed")
    unit = tmp_path / "gateway.service"
    unit.write_text((DEPLOY / "gateway.service").read_text().replace("/opt/gateway/.venv/bin/gateway", "/bin/true"))
    verified = subprocess.run(["systemd-analyze", "verify", unit], check=False, capture_output=True, text=True)
    assert (verified.returncode, verified.stderr) == (0, "")
    judged = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", unit], check=True, capture_output=True, text=True
    )
    found = re.search(r"exposure level for gateway.service: ([\d.]+)", judged.stdout)
    assert found
    assert float(found[1]) < 2.0
