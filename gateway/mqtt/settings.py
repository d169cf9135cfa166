"""What a connection to a broker is made of."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ConnectionSettings:
    """Where and how to connect; `client_id` must stay the same over restarts, the broker keeps our messages under it.

    `protocol` is 5, 4 (which is how MQTT 3.1.1 calls itself), or None: 5, and 4 where the broker does not know 5.
    `retained_topics` are those of `topics` whose retained messages are wanted with every connection.
    `receive_maximum` bounds what the broker sends unacknowledged, `max_outgoing` what we keep to be sent.
    `maximum_packet_bytes` is told to the broker, which drops what is larger unseen (MQTT 5 only).
    """

    client_id: str
    topics: tuple[str, ...] = ()
    retained_topics: tuple[str, ...] = ()
    host: str = "127.0.0.1"
    port: int = 1883
    protocol: int | None = None
    qos: int = 1
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    is_tls: bool = False
    is_verified: bool = True
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None
    keepalive_s: int = 60
    session_expiry_s: int = 7 * 86_400
    receive_maximum: int = 10_000
    maximum_packet_bytes: int = 16 * 2**20
    max_outgoing: int = 10_000
    status_topic: str | None = None
    offline_payload: bytes = b"offline"
    shortest_delay_s: float = 0.2
    longest_delay_s: float = 30.0
