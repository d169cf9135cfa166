"""The broker: whether it can be reached, lets us in, lets us hear and speak, and keeps what waits for us."""

import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

from gateway import app
from gateway.codecs.home_assistant import discovery_topic
from gateway.config import Settings
from gateway.connecting import connection_settings
from gateway.doctor import certificate
from gateway.doctor.certificate import SOON_DAYS
from gateway.doctor.finding import Finding, ok, printable, problem, warning
from gateway.errors import BrokerError
from gateway.intake import Intake
from gateway.learning.directory import Directory
from gateway.mqtt import probe
from gateway.mqtt.probe import Probe
from gateway.mqtt.settings import ConnectionSettings
from gateway.records import SECOND, Batch
from gateway.topics import of_gateway

LISTEN_S = 3.0
"""How long the devices are listened to."""

SKEW_S = 60.0
"""A device's clock that is off by more puts its readings into the wrong part of the day."""

TRIAL = 1_100
"""Messages left waiting, to see whether they are kept: mosquitto's own limit is 1,000."""

FEW = 20
"""Unacknowledged messages that mosquitto has under way to a client, unless it is told otherwise."""

NOBODY = "gateway-doctor"
"""A device that does not exist, in whose topics we try whether we may write."""

COUNTERS = ("$SYS/broker/version", "$SYS/broker/publish/messages/dropped", "$SYS/broker/clients/connected")

KEEP_MORE = "Use deploy/mosquitto/mosquitto.conf: max_queued_messages 200000, max_inflight_messages 10000."


def examine(settings: Settings, running: Mapping[str, Any] | None) -> Iterator[Finding]:
    """All of it; what cannot be reached is not looked at further."""
    intake = Intake(settings.sources, settings.limits, settings.topics, Directory())
    chosen = connection_settings(settings)
    chosen = replace(chosen, client_id=f"{chosen.client_id[:14]}-doctor{time.time_ns() % 100:02d}", status_topic=None)
    if settings.mqtt.host is None:
        yield _embedded(settings, running)
        if running is None:
            return
    yield from _secrets(settings)
    try:
        yield from _reach(chosen)
        with Probe(chosen) as line:
            yield ok("credentials", f"The broker lets us in, by MQTT {5 if line.protocol == 5 else '3.1.1'}.")  # noqa: PLR2004 - the version
            yield from _limits(line)
            yield from _rights(settings, intake, line)
            yield from _hear(settings, intake, line, running)
        yield from _keeps(settings, chosen)
    except BrokerError as error:
        where = f"{settings.mqtt.host or '127.0.0.1'}:{settings.mqtt.port}"
        yield problem("broker", f"No connection to {where}: {printable(str(error))}.", _remedy(str(error)))


def _embedded(settings: Settings, running: Mapping[str, Any] | None) -> Finding:
    text = f"The gateway brings its own broker, on loopback port {settings.mqtt.port}, which forgets all when it ends."
    if running is None:
        with suppress(BrokerError):
            probe.certificate_days(ConnectionSettings("x", port=settings.mqtt.port), 0.0)
            remedy = "Name it in mqtt.host if it is your broker, or set another mqtt.port."
            return problem("broker", f"Something else listens on port {settings.mqtt.port}.", remedy)
    return warning("broker", text, "For lasting use install mosquitto and set mqtt.host.")


REMEDIES = {
    "nothing listens": "Start the broker (sudo systemctl start mosquitto), or mend mqtt.host and mqtt.port.",
    "resolved": "Mend mqtt.host, or the name service: getent hosts NAME",
    "no answer": "Look for a firewall between here and there, and mend mqtt.host and mqtt.port.",
    "expired": "Make a new certificate for the broker: deploy/mosquitto/certificates.sh broker NAME",
    "not trusted": "Set mqtt.tls.ca_file to who signed the broker's certificate, and mqtt.host to a name in it.",
    "TLS": "Mend mqtt.port (usually 8883 for TLS), or [mqtt.tls] (cert_file, key_file).",
    "user name": "Set GATEWAY_MQTT_USERNAME and GATEWAY_MQTT_PASSWORD or mqtt.credentials_file; make the user: "
    "deploy/mosquitto/add-user.sh gateway",
    "hung up": "A broker that wants TLS, or a certificate of ours, hangs up without a word: see [mqtt.tls].",
}


def _remedy(reason: str) -> str:
    return next((remedy for words, remedy in REMEDIES.items() if words in reason), "See the broker's own log.")


def _secrets(settings: Settings) -> Iterator[Finding]:
    mqtt = settings.mqtt
    is_local = app.is_loopback(mqtt.host or "127.0.0.1")
    if not is_local and mqtt.password and not mqtt.tls:
        text = "The password goes over the network in clear."
        yield warning("credentials", text, "Give the broker a listener with TLS, and set [mqtt.tls].")
    if not is_local and not mqtt.username and not (mqtt.tls and mqtt.tls.cert_file):
        text = "The broker is on the network, and we show neither user name nor certificate: others need none either."
        yield warning("credentials", text, "See the end of deploy/mosquitto/mosquitto.conf.")
    key = Path(mqtt.tls.key_file) if mqtt.tls and mqtt.tls.key_file else None
    if key and key.exists() and key.stat().st_mode & 0o077:
        yield warning("credentials", f"{key} can be read by others.", f"chmod 600 {key}")
    if mqtt.tls and mqtt.tls.cert_file:
        yield from certificate.examine(Path(mqtt.tls.cert_file), time.time())


def _reach(chosen: ConnectionSettings) -> Iterator[Finding]:
    days = probe.certificate_days(chosen, time.time())
    where = f"{chosen.host}:{chosen.port} answers"
    if days is None:
        yield ok("broker", f"{where}, without TLS.")
    elif days < SOON_DAYS:
        text = f"{where}; its certificate ends in {days:.0f} days."
        yield warning("broker", text, "Make a new one: deploy/mosquitto/certificates.sh broker NAME")
    else:
        yield ok("broker", f"{where}; its certificate is trusted and good for {days:.0f} days.")


def _limits(line: Probe) -> Iterator[Finding]:
    """What the broker says of itself when it lets us in (MQTT 5, 3.2.2.3)."""
    if line.limits.get("RetainAvailable") == 0:
        text = "The broker keeps no retained messages: predictions and the status are lost on those who come later."
        yield problem("limits", text, "Allow them (retain_available true in mosquitto).")
    if line.limits.get("MaximumQoS") == 0:
        text = "The broker knows QoS 0 only: what arrives while the gateway restarts is lost."
        yield problem("limits", text, "Allow QoS 1 (max_qos in mosquitto).")
    window = line.limits.get("ReceiveMaximum")
    if window is not None and window <= FEW:
        text = f"The broker has {window} unacknowledged messages under way at most, mosquitto's own limit."
        yield warning("limits", text, KEEP_MORE)
    elif window is not None:
        yield ok("limits", f"The broker takes {window} unacknowledged messages at once.")


def _rights(settings: Settings, intake: Intake, line: Probe) -> Iterator[Finding]:
    refused = line.subscribe(intake.filters)
    mark = f"{of_gateway(settings, 'status')}/doctor"
    if refused:
        text = f"The broker refuses our subscription to {', '.join(refused)}."
        yield problem("rights", text, "Let the gateway's user read them: deploy/mosquitto/acl")
    closed = [topic for topic in (*_own_topics(settings), mark) if not line.publish(topic)]
    closed += [topic for topic in _their_topics(settings) if not line.publish(topic, b"")]
    if closed:
        text = f"The broker does not let us write to {', '.join(closed)}."
        yield problem("rights", text, "Let the gateway's user write there: deploy/mosquitto/acl")
    before = line.heard
    if mark not in closed and not line.subscribe([mark]) and line.publish(mark) and line.wait_for(before + 1) == before:
        text = (
            f"What we write to {mark} does not come back to us: the broker takes subscriptions that it does not serve."
        )
        yield problem("rights", text, "Let the gateway's user read everything: deploy/mosquitto/acl")
    elif not refused and not closed:
        yield ok("rights", "We may listen to our sources, and write what we have to say; it comes back to us.")


def _own_topics(settings: Settings) -> list[str]:
    topics = settings.topics
    return [template.replace("{device}", NOBODY) for template in (topics.anomaly, topics.prediction, topics.state)]


def _their_topics(settings: Settings) -> Iterator[str]:
    """Where others are told things in their own way; what is sent there means nothing to them."""
    if settings.home_assistant.enabled:
        yield discovery_topic(settings.home_assistant.prefix, settings.gateway.name, NOBODY)
    for reply in settings.replies:
        if reply.topic is not None and "{" in reply.topic:  # without a device in it, it is one that somebody has
            yield reply.topic.replace("{device}", NOBODY).replace("{path}", NOBODY)
    writes = any(reply.metric for reply in settings.replies)
    if writes or any(source.options.get("rebirth") for source in settings.sources):
        yield f"spBv1.0/{NOBODY}/NCMD/{NOBODY}"
    if writes:
        yield f"spBv1.0/{NOBODY}/DCMD/{NOBODY}/{NOBODY}"


def _hear(settings: Settings, intake: Intake, line: Probe, running: Mapping[str, Any] | None) -> Iterator[Finding]:
    own = of_gateway(settings, "status")
    line.subscribe([own, *COUNTERS])
    line.wait_for(probe.KEPT, LISTEN_S)
    said = {message.topic: printable(message.payload.decode("utf-8", "replace")) for message in line.messages}
    yield from _broker_itself(said)
    yield from _twin(settings, line, running)
    live = [each for each in line.messages if not each.is_retained and not each.topic.startswith((own, "$"))]
    readings = [entry for entry in intake.take(live) if isinstance(entry, Batch)]
    count = sum(map(len, readings))
    if count:
        yield ok("devices", f"{count} readings of {len(intake.directory.devices)} devices heard in {LISTEN_S:.0f} s.")
    elif running is None or not running["readings"]:
        text = f"Nothing was heard from {', '.join(intake.filters[:3])} in {LISTEN_S:.0f} s."
        yield warning(
            "devices",
            text,
            "If devices do report: see where with `gateway discover`, and what mosquitto's acl lets us read.",
        )
    yield from _skew(intake, readings)


def _broker_itself(said: Mapping[str, str]) -> Iterator[Finding]:
    version, dropped, clients = (said.get(topic, "") for topic in COUNTERS)
    if version:
        yield ok("broker", f"It says: {version}, {clients or '?'} clients.")
    if dropped.isdecimal() and int(dropped):
        text = f"The broker has dropped {dropped} messages since it started, of us or of others."
        yield warning("limits", text, KEEP_MORE)


def _twin(settings: Settings, line: Probe, running: Mapping[str, Any] | None) -> Iterator[Finding]:
    """Whether another gateway of the same name is online: two with one client id throw each other out."""
    theirs = line.retained(of_gateway(settings, "status"))
    if theirs.get("state") != "online":
        return
    mine = running["started_at"] if running else None
    if theirs.get("started_at") != mine:
        since = printable(str(theirs.get("started_at")))
        text = f"Another gateway called {settings.gateway.name!r} is online since {since}."
        yield problem(
            "gateway",
            text,
            "Give each its own gateway.name (and mqtt.client_id); or this one runs with another journal.path.",
        )


def _skew(intake: Intake, readings: list[Batch]) -> Iterator[Finding]:
    skews = [
        (at - received) / SECOND
        for batch in readings
        for at, received in zip(batch.observed_at.tolist(), batch.received_at.tolist(), strict=True)
        if at != received
    ]
    wrong = intake.rejected.get("time", 0)  # type: ignore[call-overload]  # a Reason is text
    if wrong:
        text = f"{wrong} readings were of a time that cannot be, by our clock."
        yield problem("clock", text, "Set the devices' clocks, or ours; or limits.ahead_s and limits.behind_s.")
    elif skews and abs(median(skews)) > SKEW_S:
        text = f"The devices' clocks and ours differ by {median(skews):.0f} s (median)."
        yield warning("clock", text, "Let all of them follow NTP; check the devices' time zones.")


def _keeps(settings: Settings, chosen: ConnectionSettings) -> Iterator[Finding]:
    """Leave messages waiting for one who is away, as the readings wait for a gateway that restarts."""
    found = probe.kept(chosen, f"{of_gateway(settings, 'status')}/doctor", TRIAL)
    if found < TRIAL:
        text = (
            f"Of {TRIAL} messages left waiting the broker kept {found}, and acknowledged all: the rest would be lost."
        )
        yield warning("limits", text, KEEP_MORE)
    else:
        yield ok("limits", f"The broker keeps {TRIAL} messages and more while we are away.")
