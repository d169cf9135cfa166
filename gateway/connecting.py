"""How the settings say to connect to the broker."""

from dataclasses import replace
from pathlib import Path

from gateway.board import birth_topics
from gateway.config import Settings, Tls
from gateway.intake import Intake
from gateway.mqtt import embedded
from gateway.mqtt.settings import ConnectionSettings
from gateway.topics import of_gateway

PROTOCOLS = {"auto": None, "5": 5, "3.1.1": 4}


def listening(settings: Settings, intake: Intake) -> ConnectionSettings:
    """How to connect to the broker, and what to hear there."""
    topics, descriptions = (*intake.filters, *birth_topics(settings)), tuple(intake.description_filters)
    return replace(connection_settings(settings), topics=topics, retained_topics=descriptions)


def connection_settings(settings: Settings) -> ConnectionSettings:
    """How to connect to the broker."""
    mqtt = settings.mqtt
    tls = mqtt.tls or Tls()
    return ConnectionSettings(
        client_id=mqtt.client_id or settings.gateway.name[:23],
        host=mqtt.host or "127.0.0.1",
        port=mqtt.port,
        protocol=PROTOCOLS[mqtt.protocol] if mqtt.host else embedded.PROTOCOL,
        qos=mqtt.qos,
        username=mqtt.username.get_secret_value() if mqtt.username else None,
        password=mqtt.password.get_secret_value() if mqtt.password else None,
        keepalive_s=mqtt.keepalive_s,
        session_expiry_s=mqtt.session_expiry_s,
        receive_maximum=mqtt.receive_maximum,
        max_outgoing=mqtt.outgoing,
        status_topic=of_gateway(settings, "status"),
        offline_payload=b'{"state":"offline"}',
        is_tls=mqtt.tls is not None,
        ca_file=_path(tls.ca_file),
        certificate_file=_path(tls.cert_file),
        key_file=_path(tls.key_file),
    )


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None
