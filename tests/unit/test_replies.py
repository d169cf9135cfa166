"""What devices are told in their own tongue, and when."""

import json
from collections import Counter
from typing import Any

import pytest
from boards import NotingLink
from dialects import sparkplug
from readings import START, learn, life, message, settings

from gateway.codecs.sparkplug_schema import Payload
from gateway.errors import ConfigError
from gateway.intake import Intake
from gateway.records import SECOND, Forecast, Incident, Kind, State
from gateway.replies import PER_S, Replies
from gateway.shard import Rules, Shard

LAMP = {"devices": "pump*", "topic": "cmnd/{path}/POWER"}


class AnyLink(NotingLink):
    """A link that notes commands, which nobody retains."""

    def publish(self, topic: str, payload: bytes, qos: int = 1, *, retain: bool = False) -> bool:
        """Note what is said, while there is room."""
        assert not retain
        if self.room > 0:
            self.room -= 1
            self.sent.append((f"{topic} {qos}", payload))
            return True
        return False


class Speaker:
    """Replies over a shard that knows a pump and a press."""

    def __init__(self, *replies: dict[str, Any], **sections: Any) -> None:  # noqa: ANN401 - settings
        chosen = settings(replies=list(replies), **sections)
        self.shard, self.link, self.counts = Shard(Rules()), AnyLink(), Counter[str]()
        learn(self.shard, life(3, ("pump", "plant.edge.press")))
        self.intake = Intake(chosen.sources, chosen.limits, chosen.topics, self.shard.directory)
        self.replies = Replies(chosen, self.shard, self.intake, self.link, self.counts)
        self.now = START

    def tell(self, state: State, device: str = "pump", sensor: str | None = "a") -> None:
        """Tell of an incident."""
        numbers = (1.0, 2.0, 1.5, 2.5)
        self.replies.hear(
            Incident("i", state, device, sensor, Kind.SPIKE, "high", 0.9, START, START, *numbers, 'odd "a"')
        )

    def said(self, seconds: float = 0.0) -> list[tuple[str, str]]:
        """Let time pass; return what was sent."""
        self.now += round(seconds * SECOND)
        self.replies.settle(self.now)
        sent, self.link.sent = self.link.sent, []
        return [(topic, payload.decode("latin-1")) for topic, payload in sent]


def test_nothing_is_said_that_nobody_asked_for() -> None:
    """Without settings devices get what they always got."""
    speaker = Speaker()
    speaker.tell(State.OPEN)
    assert speaker.said() == []


def test_a_lamp_goes_on_and_off() -> None:
    """At the first word of an incident, and when the last is over; what is in between says nothing new."""
    speaker = Speaker(
        {**LAMP, "when": ["open"], "payload": "ON", "every_s": 1.0},
        {**LAMP, "when": ["clear"], "payload": "OFF", "every_s": 1.0},
    )
    told = []
    for state in (State.OPEN, State.UPDATE, State.CLOSED):
        speaker.tell(state)
        told.append(speaker.said(2))
    assert told == [[("cmnd/pump/POWER 1", "ON")], [], [("cmnd/pump/POWER 1", "OFF")]]
    speaker.tell(State.OPEN, "room")
    assert speaker.said(2) == []
    assert speaker.counts == {"replies": 2}


def test_what_is_still_open_keeps_the_lamp_on() -> None:
    """One of two incidents that ends is `closed`, not `clear`."""
    speaker = Speaker(
        {**LAMP, "when": ["clear"], "payload": "OFF"},
        {"topic": "log/{device}", "when": ["closed"], "payload": "{open} {sensor}"},
    )
    speaker.shard.incidents.streams = {1: _open()}
    speaker.tell(State.CLOSED)
    assert speaker.said() == [("log/pump 1", '1 "a"')]
    speaker.shard.incidents.streams = {}
    speaker.tell(State.CLOSED)
    assert speaker.said(20) == [("cmnd/pump/POWER 1", "OFF"), ("log/pump 1", '0 "a"')]


def _open() -> Any:  # noqa: ANN401 - of the alarms
    from gateway.alarms.opened import Open  # noqa: PLC0415 - here alone

    return Open("other", int(Kind.SPIKE), 0.7, START)


def test_fields_and_names() -> None:
    """What was measured and why stands in the payload; a name of several levels is those levels again."""
    speaker = Speaker(
        {"topic": "zigbee2mqtt/{path}/set", "payload": '{"text": {reason}, "v": {value}, "k": {kind}, "d": {path}}'},
        sources=[{"codec": "zigbee2mqtt"}],
    )
    speaker.tell(State.OPEN, "plant.edge.press")
    ((topic, payload),) = speaker.said()
    assert topic == "zigbee2mqtt/plant/edge/press/set 1"
    assert json.loads(payload) == {"text": 'odd "a"', "v": 1.0, "k": "spike", "d": "plant/edge/press"}


@pytest.mark.parametrize("sensor", ["b", None])
def test_other_sensors_are_not_meant(sensor: str | None) -> None:
    """A pattern for sensors leaves out the others, and what concerns the whole device."""
    speaker = Speaker({**LAMP, "sensors": "a*", "payload": "ON"})
    speaker.tell(State.OPEN, sensor=sensor)
    assert speaker.said() == []


def test_a_topic_hears_the_newest_and_not_too_often() -> None:
    """Within `every_s` what changes waits; an alarm that flutters ends up as it is."""
    speaker = Speaker({**LAMP, "when": ["open", "closed"], "payload": "{state:text}", "every_s": 10.0})
    heard = []
    for number in range(7):
        speaker.tell(State.CLOSED if number % 2 else State.OPEN)
        heard += speaker.said(3)
    assert [payload for _, payload in heard] == ["open", "open"]
    speaker.tell(State.CLOSED)
    assert speaker.said(10) == [("cmnd/pump/POWER 1", "closed")]


def test_all_together_are_no_flood() -> None:
    """A fleet that goes wrong at once is answered in turn; nothing is lost, nor while the broker is away."""
    speaker = Speaker({"topic": "cmnd/{device}/POWER", "payload": "ON"})
    for number in range(2 * PER_S):
        speaker.tell(State.OPEN, f"d{number}")
    speaker.link.is_online = False
    assert speaker.said(1) == []
    speaker.link.is_online, speaker.link.room = True, 3
    assert len(speaker.said(1)) == 3
    speaker.link.room = 10_000
    assert len(speaker.said(2)) == PER_S
    assert len(speaker.said(2)) == PER_S - 3


def test_predictions_if_asked() -> None:
    """Of each sensor that is meant, what is expected of its next reading."""
    speaker = Speaker({"topic": "show/{device}", "sensors": "a", "when": ["prediction"], "payload": "{expected}"})
    speaker.replies.foretell(
        [
            Forecast("pump", sensor, START, START + due * SECOND, 20.0 + due, 1, 2, 0.9)
            for sensor, due in (("a", 60), ("a", 1), ("b", 1))
        ]
    )
    speaker.tell(State.OPEN)
    assert speaker.said() == [("show/pump 1", "21.0")]


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ({"topic": "devices/{device}/readings", "payload": "{}"}, "the gateway would learn its own messages"),
        ({"topic": "devices/{device}/readings/x", "payload": "ON"}, "the gateway would learn its own messages"),
        ({"topic": "devices/{device}/feedback", "payload": "fault"}, "the gateway would learn its own messages"),
        ({"topic": "cmnd/{sensor}", "payload": "ON"}, "{sensor} is unknown here"),
        ({"topic": "cmnd/{device}", "payload": "{word}"}, "is no field"),
        ({"topic": "cmnd/{device}", "payload": "{expected}", "when": ["open"], "sensors": "x"}, None),
        ({"topic": "cmnd/{device}", "payload": "{severity}", "when": ["prediction"]}, "is no field"),
    ],
)
def test_mistakes_are_named_at_the_start(reply: dict[str, Any], said: str | None) -> None:
    """Before the gateway listens: with the key, and no loop of what it says and hears."""
    if said is None:
        Speaker(reply)
        return
    with pytest.raises(ConfigError, match=r"^replies\.0\.") as caught:
        Speaker(reply)
    assert said in str(caught.value)


def press(speaker: Speaker, *names: str) -> None:
    """Let an edge node and its press say these things."""
    topics = {"nbirth": "NBIRTH/edge", "ndeath": "NDEATH/edge", "dbirth": "DBIRTH/edge/press"}
    for name in names:
        topic = f"spBv1.0/plant/{topics.get(name, 'DDATA/edge/press')}"
        speaker.intake.take([message(topic, sparkplug(name))])


PLANT: Any = {"sources": [{"codec": "sparkplug", "options": {"rebirth": True}}]}


@pytest.mark.parametrize(
    ("metric", "field", "value"),
    [
        ("ok", "boolean_value", False),
        ("temperature", "double_value", 0.0),
        ("rpm", "int_value", 0),
        ("count", "long_value", 0),
        ("state", "string_value", b'{"id":"i"'),
    ],
)
def test_a_metric_is_written_by_what_its_birth_said(metric: str, field: str, value: object) -> None:
    """DCMD at QoS 0, by alias alone, in the metric's own data type (Sparkplug 3.0.0, 6.4.24)."""
    speaker = Speaker({"metric": metric}, **PLANT)
    press(speaker, "nbirth", "dbirth")
    speaker.tell(State.CLOSED, "plant.edge.press")
    ((topic, payload),) = speaker.said()
    assert topic == "spBv1.0/plant/DCMD/edge/press 0"
    told = Payload.FromString(payload.encode("latin-1"))
    assert told.timestamp == START // 1_000_000
    assert not told.HasField("seq")
    (written,) = told.metrics
    assert not written.HasField("name")
    assert written.alias > 0
    assert written.WhichOneof("value") == field
    said = getattr(written, field)
    assert said.startswith(value) if isinstance(value, bytes) else said == value


@pytest.mark.parametrize(
    ("lived", "metric", "left_out"),
    [
        ((), "ok", 0),
        (("ddata",), "ok", 1),
        (("nbirth", "dbirth"), "other", 1),
        (("nbirth", "dbirth", "ndeath"), "ok", 1),
    ],
)
def test_what_no_birth_told_of_is_not_written(lived: tuple[str, ...], metric: str, left_out: int) -> None:
    """A device is told nothing that it did not announce in the life it lives; that it could not be is counted."""
    speaker = Speaker({"metric": metric}, **PLANT)
    press(speaker, *lived)
    speaker.intake.requests.clear()
    speaker.tell(State.OPEN, "plant.edge.press")
    assert speaker.said() == []
    assert speaker.counts["replies_left_out"] == left_out


def test_a_birth_is_asked_for_where_it_is_missing() -> None:
    """When data comes by alias alone, and after a gap; by name, once, and then more and more patiently."""
    speaker = Speaker(**PLANT)
    press(speaker, "ddata", "historical")
    ((topic, payload),) = speaker.said()
    assert topic == "spBv1.0/plant/NCMD/edge 0"
    (asked,) = Payload.FromString(payload.encode("latin-1")).metrics
    assert (asked.name, asked.boolean_value, asked.HasField("alias")) == ("Node Control/Rebirth", True, False)
    press(speaker, "nbirth", "dbirth", "ddata")
    assert speaker.said() == []
    press(speaker, "after a gap")
    assert len(speaker.said()) == 1


def test_no_birth_is_asked_for_unless_that_is_allowed() -> None:
    """Who only listens has no right to write there."""
    speaker = Speaker(sources=[{"codec": "sparkplug"}])
    press(speaker, "ddata")
    assert speaker.said() == []
