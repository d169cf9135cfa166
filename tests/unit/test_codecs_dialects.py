"""What is particular to single dialects, beside the laws and examples of the contract tests."""

import struct
from itertools import pairwise

import pytest
from dialects import ARRIVAL, Golden, decode_all, sparkplug
from readings import message

from gateway.codecs import Codec, Decoded, interpret
from gateway.codecs.memory import ROOM
from gateway.codecs.sparkplug_schema import Payload
from gateway.config import Source
from gateway.errors import ConfigError, PayloadError
from gateway.records import SECOND, Reason


def codec(name: str, topic: str | tuple[str, ...] = (), **options: object) -> Codec:
    """Return a codec of this dialect."""
    return interpret(Source(codec=name, topic=topic, options=options), "sources.0").codec


def refused(chosen: Codec, topic: str, payload: str | bytes) -> Reason:
    """Return why a message is refused whole."""
    with pytest.raises(PayloadError) as caught:
        chosen.decode(message(topic, payload))
    return caught.value.reason


def reasons(decoded: Decoded) -> list[Reason]:
    """Return why values were rejected, in order."""
    return [rejection.reason for rejection in decoded.rejections]


class TestZigbee2Mqtt:
    """State messages repeat what was known before."""

    def test_a_repeated_value_is_a_sample_once_an_hour(self) -> None:
        """A thermometer that reports only changes is not learned as one that stands still, a dead one stays visible."""
        bridge = codec("zigbee2mqtt")
        said = [
            len(bridge.decode(message("zigbee2mqtt/x", f'{{"t": 20, "h": {minute}}}', minute * 60 * SECOND)).readings)
            for minute in range(0, 130, 10)
        ]
        assert said == [2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1, 1, 2]

    def test_without_a_cache_every_value_is_a_sample(self) -> None:
        """`cache_state: false` in Zigbee2MQTT goes with `repeat_s = 0` here."""
        bridge = codec("zigbee2mqtt", repeat_s=0)
        same = [message("zigbee2mqtt/x", '{"t": 20}')] * 3
        assert len(decode_all(bridge, same).readings) == 3

    @pytest.mark.parametrize("last_seen", ["1795430000000", '"2026-11-23T10:33:20Z"', '"2026-11-23T11:33:20+01:00"'])
    def test_last_seen_is_the_time(self, last_seen: str) -> None:
        """In all its formats; what is no time is not used."""
        (reading,) = (
            codec("zigbee2mqtt").decode(message("zigbee2mqtt/x", f'{{"t": 1, "last_seen": {last_seen}}}')).readings
        )
        assert reading.observed_at == ARRIVAL

    def test_a_list_without_a_device_takes_its_units_away(self) -> None:
        """Renamed and removed devices leave nothing behind."""
        bridge = codec("zigbee2mqtt", repeat_s=0)
        listed = '[{"friendly_name": "x", "definition": {"exposes": [{"property": "t", "unit": "°C"}]}}]'
        units = []
        for devices in (listed, "[]", "3"):
            bridge.decode(message("zigbee2mqtt/bridge/devices", devices))
            units.append(bridge.decode(message("zigbee2mqtt/x", '{"t": 1}')).readings[0].unit)
        assert units == ["°C", None, None]

    def test_a_dot_in_a_name_is_no_level(self) -> None:
        """`a.b` and `a/b` are two devices; names that cannot be told apart are refused."""
        bridge = codec("zigbee2mqtt")
        named = [
            bridge.decode(message(f"zigbee2mqtt/{name}", '{"t": 1}')).readings[0].device for name in ("a.b", "a/b")
        ]
        assert named == ["a..b", "a.b"]
        assert refused(bridge, "zigbee2mqtt/a./b", '{"t": 1}') is Reason.NAME


class TestTasmota:
    """Clocks that show local time."""

    @pytest.mark.parametrize(
        ("time", "at"),
        [
            ('"2026-11-23T11:33:20"', ARRIVAL),
            ('"2026-11-23T10:33:20Z"', ARRIVAL),
            ('"2026-11-23T11:33:20+01:00"', ARRIVAL),
            ("1795430000", ARRIVAL),
            ('"1970-01-01T00:00:12"', None),
            ('"soon"', None),
            ("null", None),
        ],
    )
    def test_times(self, time: str, at: int | None) -> None:
        """With a time zone local time is understood, with an offset any; a clock that was never set is not believed."""
        plug = codec("tasmota", time_zone="Europe/Berlin")
        decoded = plug.decode(message("tele/x/SENSOR", f'{{"Time": {time}, "Switch1": "ON"}}', ARRIVAL))
        assert decoded.readings[0].observed_at == at

    def test_the_hour_that_comes_twice_goes_on(self) -> None:
        """When clocks are set back, the offset at arrival tells which of two equal times it is."""
        plug, first = codec("tasmota", time_zone="Europe/Berlin"), 1_792_886_400 * SECOND  # 2026-10-25 00:00 UTC
        said = [f"2026-10-25T0{hour}:30:00" for hour in (2, 2, 3)]
        times = [
            plug.decode(message("tele/x/STATE", f'{{"Time": "{local}", "POWER": "ON"}}', first + half * 1800 * SECOND))
            .readings[0].observed_at
            for half, local in zip((1, 3, 5), said, strict=True)
        ]  # fmt: skip
        assert [later - earlier for earlier, later in pairwise(times)] == [3600 * SECOND] * 2  # type: ignore[operator]

    def test_other_topics_are_refused(self) -> None:
        """A filter that is too wide is noticed in the counters."""
        assert refused(codec("tasmota", "#"), "cmnd/x/POWER", "") is Reason.TOPIC
        assert refused(codec("tasmota", "#"), "tele", "{}") is Reason.TOPIC


class TestSparkplug:
    """Aliases, and when they may be believed."""

    def life(self, *names: str, **options: object) -> Decoded:
        """Return what the named messages of an edge node's life say together."""
        topics = {"nbirth": "NBIRTH/edge", "ndeath": "NDEATH/edge", "dbirth": "DBIRTH/edge/press"}
        golden = Golden(
            "",
            Source(codec="sparkplug", options=options),
            "",
            [(f"spBv1.0/plant/{topics.get(name, 'DDATA/edge/press')}", sparkplug(name)) for name in names],
        )
        return decode_all(golden.codec(), golden.received())

    def test_data_after_a_gap_waits_for_a_birth_unless_told_otherwise(self) -> None:
        """What was lost may have been a birth that gave the aliases away anew."""
        lived = ("nbirth", "dbirth", "after a gap")
        assert reasons(self.life(*lived)) == [Reason.BIRTH]
        assert self.life(*lived, trust_aliases=True).readings[-1].value == 22.0
        assert self.life(*lived, "dbirth", "after a gap").readings[-1].value == -5.0

    def test_a_birth_after_death_is_a_new_life(self) -> None:
        """Aliases of a session that ended are not used in the next."""
        assert reasons(self.life("nbirth", "dbirth", "ndeath", "ddata")) == [Reason.BIRTH] * 3
        assert len(self.life("nbirth", "dbirth", "ndeath", "nbirth", "dbirth", "ddata").readings) == 2 * 7 + 3

    def test_the_death_of_an_earlier_session_is_ignored(self) -> None:
        """A will may come after the node has connected again; `bdSeq` tells."""
        later = Payload.FromString(sparkplug("nbirth"))
        later.metrics[0].long_value = 4
        edge = codec("sparkplug")
        assert edge.decode(message("spBv1.0/g/NBIRTH/e", later.SerializeToString())).presences == [("g.e", True)]
        assert edge.decode(message("spBv1.0/g/NDEATH/e", sparkplug("ndeath"))).presences == []

    def test_a_message_delivered_twice_counts_once(self) -> None:
        """Overlapping subscriptions may do that."""
        edge = codec("sparkplug")
        edge.decode(message("spBv1.0/g/DDATA/e/d", sparkplug("ddata")))
        assert refused(edge, "spBv1.0/g/DDATA/e/d", sparkplug("ddata")) is Reason.REPEATED

    def test_a_retained_birth_is_refused(self) -> None:
        """It must not be retained, and if it is, it tells of a session that may be over."""
        birth = message("spBv1.0/g/NBIRTH/e", sparkplug("nbirth"))._replace(is_retained=True)
        with pytest.raises(PayloadError) as caught:
            codec("sparkplug").decode(birth)
        assert caught.value.reason is Reason.RETAINED

    def test_a_name_needs_no_birth_and_a_whole_number_without_a_type_does(self) -> None:
        """The sign of an integer is in its data type."""
        payload = Payload()
        payload.metrics.add(name="Motor/speed", double_value=3.5)
        payload.metrics.add(name="rpm", int_value=7)
        payload.metrics.add(name="x", int_value=7, datatype=10)
        payload.metrics.add(int_value=7)
        payload.metrics.add(name="nothing", datatype=9)
        decoded = codec("sparkplug").decode(message("spBv1.0/g/NDATA/e", payload.SerializeToString()))
        assert [reading[:3] for reading in decoded.readings] == [("g.e", "Motor.speed", 3.5)]
        assert reasons(decoded) == [Reason.BIRTH, Reason.TYPE, Reason.NAME, Reason.TYPE]

    @pytest.mark.parametrize(("quality", "reason"), [(0, Reason.QUALITY), (500, Reason.QUALITY), (192, None)])
    def test_what_the_device_calls_bad_is_not_learned(self, quality: int, reason: Reason | None) -> None:
        """A sensor that was pulled off keeps its last value, and says that it is stale."""
        payload = Payload()
        metric = payload.metrics.add(name="speed", double_value=3.5)
        metric.properties.keys.append("Quality")
        metric.properties.values.add(int_value=quality)
        decoded = codec("sparkplug").decode(message("spBv1.0/g/NDATA/e", payload.SerializeToString()))
        assert reasons(decoded) == [reason] * bool(reason)
        assert [reading.value for reading in decoded.readings] == [3.5] * (not reason)

    def test_what_finds_no_room_is_counted(self) -> None:
        """A birth of more metrics than can be remembered is understood; its aliases are not."""
        payload = Payload(seq=0)
        for alias in range(ROOM // 2 + 1):
            payload.metrics.add(name=f"m{alias}", alias=alias, datatype=9, float_value=1.0)
        decoded = codec("sparkplug").decode(message("spBv1.0/g/NBIRTH/e", payload.SerializeToString()))
        assert len(decoded.readings) == ROOM // 2 + 1
        assert reasons(decoded) == [Reason.MEMORY]


@pytest.mark.parametrize(
    ("name", "topic", "payload"),
    [
        ("chirpstack", "application/1/device/0102/event/up", '{"deviceInfo": {"devEui": "0103"}, "object": {"t": 1}}'),
        ("things_stack", "v3/a/devices/d/up", '{"end_device_ids": {"device_id": "e"}, "uplink_message": {}}'),
    ],
)
def test_a_payload_that_names_another_device_than_its_topic_is_refused(name: str, topic: str, payload: str) -> None:
    """The broker's access control is on topics: nobody speaks for another."""
    assert refused(codec(name), topic, payload) is Reason.IDENTITY


@pytest.mark.parametrize(
    "payload",
    [b"\n\x04uuid\x12\x0c\x08\xf0", b"\x00\x01\x02", b"\x12\x08\x08\x80\x80\x9a\xa6\xea\xaf\xe3\x01"],
    ids=["cut short", "no Protobuf", "a time outside the calendar"],
)
def test_protobuf_that_is_no_event_of_chirpstack_is_refused(payload: bytes) -> None:
    """Whatever protobuf itself says of it."""
    assert refused(codec("chirpstack"), "application/1/device/2/event/up", payload) is Reason.MALFORMED


def test_protobuf_that_leaves_a_value_open_costs_that_value() -> None:
    """An entry of the object whose kind is not set; found by fuzzing, where protobuf raised a `ValueError`."""
    payload = b"\x5a\x17\x0a\x05\x0a\x01a\x12\x00\x0a\x0e\x0a\x01b\x12\x09\x11" + struct.pack("<d", 21.5)
    decoded = codec("chirpstack").decode(message("application/1/device/2/event/up", payload))
    assert [(reading.sensor, reading.value) for reading in decoded.readings] == [("b", 21.5)]
    assert len(decoded.rejections) == 1


def test_simulated_uplinks_are_not_learned() -> None:
    """A button in a web page is no sensor."""
    uplink = '{"simulated": true, "uplink_message": {"decoded_payload": {"t": 1}}}'
    assert refused(codec("things_stack"), "v3/a/devices/d/up", uplink) is Reason.NOT_LIVE


@pytest.mark.parametrize("pack", ["{}", "[]", "3", '[{"bver": 11, "n": "a:b", "v": 1}, 3]'])
def test_senml_that_is_none_is_refused(pack: str) -> None:
    """Not a list, empty, or of things that are no records."""
    assert refused(codec("senml", "#"), "x", pack) is Reason.TYPE


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ('{"bver": 11, "n": "a:b", "v": 1}', Reason.MALFORMED),
        ('{"n": "b", "v": 1}', Reason.NAME),
        ('{"n": "a:b", "v": "1"}', Reason.TYPE),
        ('{"n": "a:b", "v": 1, "t": 1e300}', Reason.TIME),
        ('{"n": "a:b"}', Reason.EMPTY),
    ],
)
def test_a_senml_record_that_is_wrong_leaves_the_others(record: str, reason: Reason) -> None:
    """Each stands for itself, once its base fields are taken."""
    decoded = codec("senml", "#").decode(message("x", f'[{{"n": "a:x", "v": 1}}, {record}]'))
    assert [reading.value for reading in decoded.readings] == [1.0]
    assert reasons(decoded) == [reason]


def test_plain_topics_need_a_device_and_a_sensor() -> None:
    """One level alone names only one of them; a long text is another dialect."""
    assert refused(codec("plain", "#"), "temperature", "3") is Reason.NAME
    assert refused(codec("plain", "#"), "a/temperature", "3" * 65) is Reason.TOO_LARGE


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({}, "sources.0.options.sensors: "),
        ({"sensors": {}}, "sources.0.options.sensors: "),
        ({"sensors": {"a": 3}}, "sources.0.options.sensors.a: "),
        ({"sensors": {"a": {"paht": "x"}}}, "sources.0.options.sensors.a.p"),
        ({"sensors": {"a": "x"}}, "sources.0.topic: "),
    ],
)
def test_a_map_that_is_wrong_names_its_key(options: dict[str, object], key: str) -> None:
    """The operator reads what is missing or misspelt."""
    with pytest.raises(ConfigError) as caught:
        codec("mapped", "#", **options)
    assert str(caught.value).startswith(key)


def test_a_map_that_leads_nowhere_is_told() -> None:
    """A message in which none of the paths leads anywhere is a rejection, not silence."""
    assert refused(codec("mapped", "{device}", sensors={"a": "x.y"}), "d", '{"x": [1]}') is Reason.EMPTY


@pytest.mark.parametrize("room", [ROOM + 5])
def test_descriptions_that_find_no_room_are_counted(room: int) -> None:
    """A flood of announcements leaves the memory bounded and itself visible."""
    house = codec("homie")
    said = [house.decode(message(f"homie/d{number}/n/p/$unit", "V")) for number in range(room)]
    assert sum(len(decoded.rejections) for decoded in said) == 5
