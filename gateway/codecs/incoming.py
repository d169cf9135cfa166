"""What people say to the gateway about their devices: feedback on incidents, and maintenance; pure."""

from pydantic_core import from_json

from gateway.codecs.values import parse_time
from gateway.errors import PayloadError
from gateway.records import SECOND, Feedback, Maintenance, Reason, Verdict

LONGEST = 7 * 86_400 * SECOND
"""Of a maintenance without an end: a switch that was forgotten must not silence a device for ever."""

WORDS = {b"on": True, b"off": False}


def decode_feedback(device: str, payload: bytes, at: int) -> Feedback:
    """`{"id": ..., "verdict": ...}`; without an id, or as the bare verdict, all open incidents of the device are meant.

    Raises `PayloadError` for anything else.
    """
    tree = _tree(payload)
    incident = tree.get("id")
    try:
        verdict = Verdict(str(tree.get("verdict")))
    except ValueError as error:
        raise PayloadError(Reason.FEEDBACK, f"a verdict is one of {', '.join(Verdict)}") from error
    if incident is not None and not isinstance(incident, str):
        raise PayloadError(Reason.FEEDBACK, "the id is not text")
    return Feedback(at, device, incident, verdict)


def decode_maintenance(devices: str, payload: bytes, at: int) -> Maintenance:
    """`{"until": time}`, `{"for_s": seconds}`, `ON` or `OFF`, a week at most; raises `PayloadError` for all else."""
    is_on = WORDS.get(payload.strip().lower())
    if is_on is not None:
        return Maintenance(at, devices, at + LONGEST if is_on else at)
    tree = _tree(payload)
    for_s, until = tree.get("for_s"), parse_time(tree.get("until"))
    if isinstance(for_s, (int, float)) and not isinstance(for_s, bool) and 0 <= for_s <= LONGEST / SECOND:
        until = at + round(for_s * SECOND)
    if until is None or until > at + LONGEST:
        raise PayloadError(Reason.TIME, "maintenance needs for_s or until, and lasts no more than a week")
    return Maintenance(at, devices, until)


def _tree(payload: bytes) -> dict[str, object]:
    text = payload.strip()
    if text.decode("ascii", "replace") in set(Verdict):
        return {"verdict": text.decode()}
    try:
        tree = from_json(text)
    except ValueError as error:
        raise PayloadError(Reason.MALFORMED, "not JSON") from error
    if not isinstance(tree, dict):
        raise PayloadError(Reason.TYPE, "expected an object")
    return tree
