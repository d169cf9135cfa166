"""What the broker is told when a connection begins: who we are, what we take, and what we want to hear."""

from paho.mqtt.client import Client
from paho.mqtt.enums import MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from gateway.mqtt.settings import ConnectionSettings
from gateway.mqtt.tls import client_context

KEEP_IF_NEW = 1
"""MQTT 5 retain handling: retained messages come with a new subscription, not again with every reconnect."""

KEEP = 0
"""The same: they come again with every reconnect; MQTT 3.1.1 knows nothing else."""


def introduce(client: Client, settings: ConnectionSettings) -> None:
    """Prepare all that is said with CONNECT; ConfigError if a certificate file is unusable."""
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho left it so
    properties.SessionExpiryInterval = settings.session_expiry_s
    properties.ReceiveMaximum = settings.receive_maximum
    properties.MaximumPacketSize = settings.maximum_packet_bytes
    client.connect_async(settings.host, settings.port, settings.keepalive_s, clean_start=False, properties=properties)
    client.username_pw_set(settings.username, settings.password)
    if settings.is_tls:
        files = (settings.ca_file, settings.certificate_file, settings.key_file)
        client.tls_set_context(client_context(*files, is_verified=settings.is_verified))
    if settings.status_topic:
        client.will_set(settings.status_topic, settings.offline_payload, qos=1, retain=True)


def subscribe(client: Client, settings: ConnectionSettings) -> None:
    """Ask for all topics, in the words of the version that is spoken."""
    if client.protocol == MQTTProtocolVersion.MQTTv5:
        wanted = settings.retained_topics
        handling = [(topic, KEEP if topic in wanted else KEEP_IF_NEW) for topic in settings.topics]
        client.subscribe([(topic, SubscribeOptions(settings.qos, retainHandling=how)) for topic, how in handling])
    else:
        client.subscribe([(topic, settings.qos) for topic in settings.topics])
