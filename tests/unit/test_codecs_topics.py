"""Topic templates: matching what arrives, naming where things go."""

import pytest

from gateway.codecs import TopicFilter, TopicTemplate
from gateway.errors import ConfigError

NAMES = frozenset({"device", "sensor"})


@pytest.mark.parametrize(
    ("template", "topic", "names"),
    [
        ("devices/{device}/readings", "devices/pump-1/readings", {"device": "pump-1"}),
        ("devices/{device}/readings", "devices/Küche 🚰/readings", {"device": "Küche 🚰"}),
        ("devices/{device}/readings/{sensor}", "devices/a/readings/b", {"device": "a", "sensor": "b"}),
        ("{device}", "a", {"device": "a"}),
        ("devices/{device}/readings", "devices/a/readings/b", None),
        ("devices/{device}/readings", "devices/a/b/readings", None),
        ("devices/{device}/readings", "devices//readings", None),
        ("devices/{device}/readings", "Devices/a/readings", None),
        ("devices/{device}/readings", "/devices/a/readings", None),
        ("devices/{device}/readings", "", None),
    ],
)
def test_match(template: str, topic: str, names: dict[str, str] | None) -> None:
    """A placeholder stands for exactly one level that is not empty."""
    assert TopicTemplate(template, NAMES).match(topic) == names


def test_filter_and_render_are_the_two_sides_of_match() -> None:
    """The subscription holds every rendered topic, and what was rendered is read back."""
    template = TopicTemplate("x/{device}/y/{sensor}", NAMES)
    assert template.filter == "x/+/y/+"
    assert template.match(template.render(device="a", sensor="b c")) == {"device": "a", "sensor": "b c"}


@pytest.mark.parametrize("name", ["", "a/b", "a+", "#", "a\0"])
def test_render_refuses_names_that_are_no_level(name: str) -> None:
    """No name can lead a message out of its own level."""
    with pytest.raises(ValueError, match="is not one topic level"):
        TopicTemplate("devices/{device}/anomaly", NAMES).render(device=name)


@pytest.mark.parametrize(
    "template",
    ["", "devices/#", "devices/+/x", "devices//x", "devices/{room}/x", "{device}/{device}", "a/x{device}", "a/{}", "a"],
)
def test_templates_that_are_refused_name_the_setting(template: str) -> None:
    """The operator reads in one line which setting holds the wrong template."""
    with pytest.raises(ConfigError) as caught:
        TopicTemplate(template, NAMES, frozenset({"device"}), "topics.anomaly")
    assert str(caught.value).startswith("topics.anomaly: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "topic", "names"),
    [
        ("zigbee2mqtt/#", "zigbee2mqtt/living/climate", {"rest": "living/climate"}),
        ("zigbee2mqtt/#", "zigbee2mqtt", {"rest": ""}),
        ("zigbee2mqtt/#", "zigbee2mqtt2/x", None),
        ("#", "a/b", {"rest": "a/b"}),
        ("+/{device}/{sensor}", "house/attic/t", {"device": "attic", "sensor": "t"}),
        ("+/{device}/#", "/attic\n/t/u", {"device": "attic\n", "rest": "t/u"}),
        ("{device}/t", "/t", None),
        ("+/x", "$SYS/x", None),
        ("#", "$SYS/x", None),
        ("$queue/x", "$queue/x", {}),
        ("a.b/+", "axb/c", None),
    ],
)
def test_filters_match_as_a_broker_would(text: str, topic: str, names: dict[str, str] | None) -> None:
    """Wildcards stand for levels, never for the broker's own topics; named levels are not empty."""
    assert TopicFilter(text).match(topic) == names


@pytest.mark.parametrize("text", ["", "a//b", "a+", "#/a", "a/#b", "{x}/a", "{device}/{device}", "a{device}", "a\0"])
def test_filters_that_are_refused_name_the_setting(text: str) -> None:
    """The operator reads in one line which setting holds the wrong filter."""
    with pytest.raises(ConfigError, match=r"^sources\.0\.topic: "):
        TopicFilter(text, "sources.0.topic")


def test_what_is_subscribed_to_has_no_names() -> None:
    """A broker knows only wildcards."""
    assert TopicFilter("a/{device}/+/{sensor}/#").filter == "a/+/+/+/#"
