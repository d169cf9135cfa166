"""The gateway's own topics, as the settings name them; raises `ConfigError` for a template that cannot be one."""

from gateway.codecs import TopicTemplate
from gateway.config import Settings, Topics


def of_device(topics: Topics, name: str) -> TopicTemplate:
    """The template of this name, which needs a device."""
    device = frozenset({"device"})
    return TopicTemplate(getattr(topics, name), device, device, f"topics.{name}")


def of_gateway(settings: Settings, name: str) -> str:
    """The topic of this name, which is about no single device."""
    template = TopicTemplate(getattr(settings.topics, name), frozenset({"gateway"}), key=f"topics.{name}")
    return template.render(gateway=settings.gateway.name)
