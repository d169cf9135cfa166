"""`gateway report`: the story of one device as a page or a picture."""

import base64
import html
from collections.abc import Iterable, Iterator
from datetime import datetime, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from gateway.config import Settings
from gateway.errors import ConfigError
from gateway.journal import History
from gateway.records import SECOND
from gateway.story import Story, tell

FORMATS = (".html", ".png")


def run(settings: Settings, device: str, start: int, end: int, out: Path) -> None:
    """Draw [start, end) ns of a device to a file; raises `GatewayError`."""
    if out.suffix not in FORMATS:
        message = f"--out {out}: write to a file that ends in {' or '.join(FORMATS)}"
        raise ConfigError(message)
    if start >= end:
        message = "the time to report on ends before it begins"
        raise ConfigError(message)
    with History(Path(settings.journal.path)) as history:
        story = tell(history, device, start, end, ZoneInfo(settings.gateway.time_zone))
    from gateway.pictures import draw  # noqa: PLC0415 - a second and 60 MB that only those pay who want a picture

    picture = draw(story)
    try:
        out.write_bytes(picture if out.suffix == ".png" else page(story, picture).encode())
    except OSError as error:
        message = f"--out {out}: {error.strerror}"
        raise ConfigError(message) from error


def page(story: Story, picture: bytes) -> str:
    """The picture and its words, in one file that needs nothing else."""
    rows = _rows(_incidents(story))
    return PAGE.format(
        device=html.escape(story.device),
        start=_moment(story.start, story.zone),
        end=_moment(story.end, story.zone),
        picture=base64.b64encode(picture).decode(),
        incidents=INCIDENTS.format(rows=rows) if rows else "<p>No incident in this time.</p>",
        sensors=_rows(_sensors(story)),
    )


def _rows(table: Iterable[tuple[str, ...]]) -> str:
    return "".join(f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>\n" for row in table)


def _incidents(story: Story) -> Iterator[tuple[str, ...]]:
    for number, case in enumerate(story.cases, 1):
        first = case.first
        ended = _moment(case.ended_at, story.zone) if case.ended_at is not None else "open"
        began = _moment(case.started_at, story.zone)
        sensors = ", ".join(case.sensors) or "all"
        yield str(number), began, ended, sensors, first.kind.name.lower(), first.severity, first.reason


def _sensors(story: Story) -> Iterator[tuple[str, ...]]:
    for each in story.curves:
        share = "learning" if np.isnan(each.share_within) else f"{each.share_within:.1%}"
        ends = (f"{each.least.min():.5g}", f"{each.most.max():.5g}")
        least, most = ("", ", ".join(each.texts)) if each.texts else ends
        yield each.sensor, each.nature, f"{each.count:,}", least, most, share


def _moment(at: int, zone: tzinfo) -> str:
    return f"{datetime.fromtimestamp(at / SECOND, zone):%Y-%m-%d %H:%M}"


INCIDENTS = """<table>
<thead><tr><th></th><th>from</th><th>to</th><th>sensor</th><th>kind</th><th>severity</th><th>why</th></tr></thead>
<tbody>{rows}</tbody></table>"""

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{device}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; color: #1f2933; max-width: 1200px; margin: 2rem auto; padding: 0 1rem; }}
h1 {{ font-size: 1.6rem; margin: 0; }} h2 {{ font-size: 1.1rem; margin: 2rem 0 .5rem; }}
p {{ color: #52606d; margin: 0; }}
img {{ width: 100%; height: auto; margin-top: 1rem; }}
table {{ border-collapse: collapse; width: 100%; font-size: 14px; }}
th, td {{ text-align: left; vertical-align: top; padding: .35rem .6rem; border-bottom: 1px solid #e4e7eb; }}
th {{ color: #52606d; font-weight: 600; }}
td {{ white-space: nowrap; }} td:last-child {{ white-space: normal; }}
</style></head><body>
<h1>{device}</h1>
<p>{start} to {end}</p>
<img src="data:image/png;base64,{picture}" alt="readings, what was expected, incidents and forecasts">
<h2>Incidents</h2>
{incidents}
<h2>Sensors</h2>
<table><thead><tr><th>sensor</th><th>taken for</th><th>readings</th><th>least</th><th>most</th>
<th>within the band</th></tr></thead>
<tbody>{sensors}</tbody></table>
</body></html>
"""
