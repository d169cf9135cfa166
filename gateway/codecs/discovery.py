"""What devices tell Home Assistant of themselves: the unit of what stands on a topic.

Source: home-assistant.io, integrations/mqtt: single and device-based discovery, abbreviations, the base topic `~`.
Templates from the network are never evaluated.
"""

from collections.abc import Iterator, Mapping

from gateway.codecs.values import parse_unit


def described_topics(config: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Topic and unit of every entity that a `config` message announces and whose topic holds the bare value."""
    components = config.get("components", config.get("cmps"))
    entities = [*components.values()] if isinstance(components, dict) else [config]
    shared = {key: config[key] for key in ("~", "state_topic", "stat_t") if key in config}
    for entity in entities:
        if isinstance(entity, dict):
            yield from _described(shared | entity)


def _described(entity: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    topic, base = entity.get("state_topic", entity.get("stat_t")), entity.get("~")
    unit = parse_unit(entity.get("unit_of_measurement", entity.get("unit_of_meas")))
    if not isinstance(topic, str) or unit is None or "value_template" in entity or "val_tpl" in entity:
        return
    if isinstance(base, str):
        topic = base + topic[1:] if topic.startswith("~") else topic
        topic = topic[:-1] + base if topic.endswith("~") else topic
    yield topic, unit
