"""Topic templates: matching what arrives, naming where things go."""

import pytest

from gateway.codecs import TopicTemplate
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
