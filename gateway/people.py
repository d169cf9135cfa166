"""What people say of their devices at the command line: the same as on the topics, and the answer at once."""

import json
from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

from gateway.codecs.incoming import decode_feedback, decode_maintenance
from gateway.codecs.outgoing import iso
from gateway.control import Handler, Work
from gateway.errors import PayloadError, RequestError
from gateway.pipeline import Pipeline


def handlers(pipeline: Pipeline) -> dict[str, Handler]:
    """What is done on each request."""
    return {
        "feedback": Handler(partial(_feedback, pipeline)),
        "maintenance": Handler(partial(_maintenance, pipeline)),
    }


def _feedback(pipeline: Pipeline, arguments: Mapping[str, Any]) -> Work:
    """Heed `verdict` on the incident `id` of `device`, or on all that is open; answers what became of each."""
    yield from ()
    device, incident = str(arguments.get("device")), arguments.get("id")
    said = {"id": incident, "verdict": arguments.get("verdict")}
    try:
        entry = decode_feedback(device, json.dumps(said).encode(), pipeline.now())
    except PayloadError as error:
        raise RequestError(str(error)) from error
    outcome = pipeline.enter(entry)
    if not outcome.is_understood:
        message = f"{device} has no incident {incident}" if incident else f"nothing is open of {device}"
        raise RequestError(message)
    told = [change.incident for change in outcome.changes]
    pipeline.settle()
    return {"incidents": [{"id": each.id, "state": each.state, "reason": each.reason} for each in told]}


def _maintenance(pipeline: Pipeline, arguments: Mapping[str, Any]) -> Work:
    """Pause `devices` (a pattern) for `for_s` seconds, or end that where there is none; answers how many are meant."""
    yield from ()
    pattern, now = str(arguments.get("devices")), pipeline.now()
    calendar, known = pipeline.shard.calendar, pipeline.shard.directory.devices
    payload = json.dumps({"for_s": arguments["for_s"]}).encode() if "for_s" in arguments else b"OFF"
    try:
        entry = decode_maintenance(pattern, payload, now)
    except PayloadError as error:
        raise RequestError(str(error)) from error
    if "for_s" in arguments and entry.until <= now:
        message = "a pause lasts longer than 0 s; one is ended with --off"
        raise RequestError(message)
    if entry.until <= now and pattern not in calendar.active(now):
        message = f"nothing is announced for {pattern}; active: {', '.join(calendar.active(now)) or 'nothing'}"
        raise RequestError(message)
    pipeline.enter(entry)
    pipeline.settle()
    meant = [device for device in known if fnmatchcase(device, pattern)]
    return {"devices": len(meant), "until": iso(entry.until)}
