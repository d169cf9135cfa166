"""What devices are told in their own tongue, where users ask for it: `[[replies]]`, and the births of Sparkplug."""

import json
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from gateway.board.notices import Link
from gateway.bucket import Bucket
from gateway.codecs import TopicTemplate
from gateway.codecs.codec import own_name
from gateway.codecs.outgoing import encode_incident, encode_prediction
from gateway.codecs.phrase import Phrase
from gateway.codecs.sparkplug import Sparkplug
from gateway.codecs.sparkplug_command import Value
from gateway.codecs.topics import PATH
from gateway.config import Reply, Settings
from gateway.errors import ConfigError
from gateway.intake import Intake
from gateway.learning.directory import Directory
from gateway.records import SECOND, Forecast, Incident, Kind, Message, State
from gateway.shard import Shard

logger = logging.getLogger(__name__)

PER_S = 50
"""Messages a second, all replies together: a fleet that goes wrong at once must not drown in our commands."""

WAITING = 10_000
"""Topics on which something waits to be said."""

LOUDEST = 100
"""Devices of which it is logged that they cannot be told."""

AN_INCIDENT = Incident(
    "5d0fd55b1b6a1c3e", State.OPEN, "device", "sensor", Kind.SPIKE, "high", 0.9, 0, 0, 1.0, 2.0, 1.5, 2.5, "a reason"
)
A_FORECAST = Forecast("device", "sensor", 0, SECOND, 2.0, 1.5, 2.5, 0.9)


@dataclass(slots=True)
class _Rule:
    """One of `[[replies]]`, checked."""

    reply: Reply
    topic: TopicTemplate | None
    phrase: Phrase | None

    @property
    def every(self) -> int:
        """How long nothing else is said on a topic, in ns."""
        return round(self.reply.every_s * SECOND)

    def fits(self, device: str, *sensors: str) -> bool:
        """Whether what concerns these sensors, or the whole device, is meant."""
        is_sensor = self.reply.sensors == "*" or any(fnmatchcase(sensor, self.reply.sensors) for sensor in sensors)
        return is_sensor and fnmatchcase(device, self.reply.devices)


@dataclass(frozen=True, slots=True)
class _Said:
    """What is to be sent, and how long nothing else is said there."""

    topic: str
    payload: bytes
    qos: int
    every: int


class Replies:
    """Says at each change of an incident, and of predictions where that is asked for, what users want said.

    On one topic at most one message in `every_s`; what changes meanwhile waits, the newest only. Raises `ConfigError`
    for a reply that cannot be made, or that the gateway would take for a reading.
    """

    def __init__(self, settings: Settings, shard: Shard, intake: Intake, link: Link, counts: Counter[str]) -> None:
        self._shard, self._intake, self._link, self._counts = shard, intake, link, counts
        self._rules = [_rule(reply, f"replies.{number}") for number, reply in enumerate(settings.replies)]
        self._sparkplug = [codec for codec in intake.codecs if isinstance(codec, Sparkplug)]
        self._waiting: dict[tuple[str, str], _Said] = {}
        self._said_at: dict[tuple[str, str], int] = {}
        self._bucket = Bucket(PER_S, PER_S)
        self._mute: set[tuple[str, str]] = set()
        for number, rule in enumerate(self._rules):
            self._refuse_echo(rule, settings, f"replies.{number}")

    def hear(self, incident: Incident) -> None:
        """An incident was told."""
        for rule in self._rules:
            if (
                incident.device
                and "prediction" not in rule.reply.when
                and rule.fits(incident.device, *incident.sensors)
            ):
                self._answer(rule, incident)

    def foretell(self, forecasts: Sequence[Forecast]) -> None:
        """Forecasts were told: the nearest of each sensor is passed on."""
        rules = [rule for rule in self._rules if "prediction" in rule.reply.when]
        if not rules:
            return
        nearest: dict[tuple[str, str], Forecast] = {}
        for forecast in sorted(forecasts, key=lambda each: each.due_at):
            nearest.setdefault((forecast.device, forecast.sensor), forecast)
        for forecast in nearest.values():
            for rule in rules:
                if rule.fits(forecast.device, forecast.sensor):
                    fields = _of_forecast(forecast)
                    self._say(rule, fields, Value(None, forecast.expected, _dump(fields)), forecast.made_at)

    def settle(self, now: int) -> None:
        """Send what is due."""
        while self._intake.requests:
            request = self._intake.requests.popleft()
            if not (self._bucket.take(now) and self._link.publish(request.topic, request.payload, 0)):
                self._counts["replies_left_out"] += 1
        if not self._waiting or not self._link.is_online:
            return
        for key, said in list(self._waiting.items()):
            if 0 <= now - self._said_at.get(key, -(2**62)) < said.every:
                continue
            if not self._bucket.take(now) or not self._link.publish(said.topic, said.payload, said.qos):
                return
            del self._waiting[key]
            self._counts["replies"] += 1
            self._note(key, now)

    def _note(self, key: tuple[str, str], now: int) -> None:
        if len(self._said_at) >= WAITING:
            self._said_at.clear()
        self._said_at[key] = now

    def _answer(self, rule: _Rule, incident: Incident) -> None:
        row = self._shard.directory.device_row(incident.device)
        standing = self._shard.incidents.standing(row) if row is not None else []
        left = [each for each in standing if rule.fits(each.device, *each.sensors)]
        occasions = {str(incident.state)} | ({"clear"} if incident.state is State.CLOSED and not left else set())
        if occasions & set(rule.reply.when):
            fields = _of_incident(incident, len(left))
            worst = max((each.score for each in left), default=0.0)
            self._say(rule, fields, Value(bool(left), worst, _dump(fields)), incident.at)

    def _say(self, rule: _Rule, fields: Mapping[str, object], value: Value, at: int) -> None:
        device = str(fields["device"])
        if rule.topic is None and not any(codec.knows(device) for codec in self._sparkplug):
            return
        said = self._write(rule, device, fields) if rule.topic else self._command(rule, device, fields, value, at)
        if said is None:
            self._leave_out(device, rule.reply.metric or rule.reply.topic or "")
            return
        key = (said.topic, rule.reply.metric or "")
        if len(self._waiting) >= WAITING and key not in self._waiting:
            self._counts["replies_left_out"] += 1
            return
        self._waiting.pop(key, None)
        self._waiting[key] = said

    @staticmethod
    def _write(rule: _Rule, device: str, fields: Mapping[str, object]) -> _Said | None:
        topic = _render(rule.topic, device) if rule.topic else None
        if topic is None or rule.phrase is None:
            return None
        return _Said(topic, rule.phrase.render(fields), 1, rule.every)

    def _command(self, rule: _Rule, device: str, fields: Mapping[str, object], value: Value, at: int) -> _Said | None:
        metric = rule.reply.metric or ""
        text = rule.phrase.render(fields).decode() if rule.phrase else value.text
        requests = (codec.command(device, metric, value._replace(text=text), at) for codec in self._sparkplug)
        request = next((each for each in requests if each is not None), None)
        return request and _Said(request.topic, request.payload, 0, rule.every)

    def _leave_out(self, device: str, where: str) -> None:
        self._counts["replies_left_out"] += 1
        if (device, where) not in self._mute and len(self._mute) < LOUDEST:
            self._mute.add((device, where))
            logger.warning(
                "%s cannot be told on %s: it announced no such metric, or its name fits no topic",
                ascii(device),
                ascii(where),
            )

    def _refuse_echo(self, rule: _Rule, settings: Settings, key: str) -> None:
        """Raise `ConfigError` where our own reply would come back to us as a reading, or as a person's word."""
        if rule.topic is None or rule.phrase is None:
            return
        fields = _of_forecast(A_FORECAST) if "prediction" in rule.reply.when else _of_incident(AN_INCIDENT, 1)
        topic = _render(rule.topic, "device")
        ear = Intake(settings.sources, settings.limits, settings.topics, Directory())
        if topic is None or not ear.is_heard(topic):
            return
        if ear.take([Message(topic, rule.phrase.render(fields), SECOND)]) or ear.rejected:
            message = f"{key}.topic: {rule.reply.topic!r} is heard by us, too: the gateway would learn its own messages"
            raise ConfigError(message)


def _rule(reply: Reply, key: str) -> _Rule:
    example = _of_forecast(A_FORECAST) if "prediction" in reply.when else _of_incident(AN_INCIDENT, 1)
    phrase = None if reply.payload is None else Phrase(reply.payload, example, f"{key}.payload")
    topic = None
    if reply.topic is not None:
        topic = TopicTemplate(reply.topic, frozenset({"device", PATH}), key=f"{key}.topic")
    return _Rule(reply, topic, phrase)


def _render(topic: TopicTemplate, device: str) -> str | None:
    """The topic for a device; None where its name would lead to none, or to one of the broker's own."""
    try:
        rendered = topic.render(device=device, path=own_name(device))
    except ValueError:
        return None
    return None if rendered.startswith("$") else rendered


def _of_incident(incident: Incident, left: int) -> dict[str, object]:
    """The fields of an anomaly message, the device's own name, and how many of its incidents are open."""
    tree: dict[str, object] = json.loads(encode_incident(incident))
    return {**tree, "path": own_name(incident.device), "open": left}


def _of_forecast(forecast: Forecast) -> dict[str, object]:
    """The fields of a prediction message, of one sensor."""
    tree = json.loads(encode_prediction([forecast]))
    device, sensor = forecast.device, forecast.sensor
    said = tree["sensors"][sensor][0]
    return {"device": device, "path": own_name(device), "sensor": sensor, "made_at": tree["made_at"], **said}


def _dump(fields: Mapping[str, object]) -> str:
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
