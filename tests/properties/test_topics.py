"""Topic templates on any names."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.codecs import TopicTemplate
from gateway.codecs.codec import device_name, own_name
from gateway.errors import PayloadError

NAMES = st.text(min_size=1).filter(lambda name: not set(name) & set("/+#\0"))


@given(NAMES, NAMES)
def test_what_is_rendered_is_matched_back(device: str, sensor: str) -> None:
    """Names survive the way into a topic and back."""
    template = TopicTemplate("x/{device}/y/{sensor}", frozenset({"device", "sensor"}))
    assert template.match(template.render(device=device, sensor=sensor)) == {"device": device, "sensor": sensor}


@given(st.text())
def test_any_topic_matches_or_not(topic: str) -> None:
    """A match names only parts of the topic; no topic raises."""
    names = TopicTemplate("{device}/y", frozenset({"device"})).match(topic)
    assert names is None or topic == f"{names['device']}/y"


@given(st.text(alphabet="ab./"))
def test_no_two_devices_get_one_name(levels: str) -> None:
    """What a device is called can be told from its name, so `a.b` and `a/b` are two; what could not be is refused."""
    try:
        name = device_name(levels)
    except PayloadError:
        assert any(unclear in levels for unclear in ("//", "./", "/."))
        return
    assert "/" not in name
    assert own_name(name) == levels
