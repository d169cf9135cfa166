"""From messages to a batch: what is accepted, what is counted, and what stays bounded."""

import json
import logging

import pytest
from readings import START, batch, life, message

from gateway.config import Limits, Source, Topics
from gateway.errors import ConfigError
from gateway.intake import LONGEST_TOPIC, LOUDEST, ROUTES, TEXTS, Intake
from gateway.learning.directory import Directory
from gateway.records import (
    SECOND,
    Availability,
    Batch,
    Described,
    Entry,
    Feedback,
    Maintenance,
    Message,
    Reason,
    Verdict,
    code_of,
)
from gateway.shard import Rules, Shard

SOURCES = (Source(topic="devices/{device}/readings"), Source(topic="devices/{device}/readings/{sensor}"))

TIGHT = Limits(payload_bytes=200, name_length=8, sensors_per_device=3, streams=5, ahead_s=10, behind_s=100)


def new_intake(limits: Limits = TIGHT, directory: Directory | None = None) -> Intake:
    """Return an intake of the default sources."""
    return Intake(SOURCES, limits, Topics(), Directory() if directory is None else directory)


def rows_in(entries: list[Entry]) -> int:
    """Return how many readings were accepted."""
    return sum(len(entry) for entry in entries if isinstance(entry, Batch))


def test_accepted_readings_become_one_batch_in_order() -> None:
    """Rows stand in order of arrival, with the device's time where it sent one and ours where it did not."""
    intake = new_intake()
    (taken,) = intake.take(
        [
            message("devices/pump/readings", '{"a": 1, "b": 2}', START),
            message("devices/room/readings/a", "on", START + 5),
            message("devices/pump/readings", f'{{"a": 3, "time": {START + 7}}}', START + 6),
        ]
    )
    assert isinstance(taken, Batch)
    assert intake.directory.streams == [("pump", "a"), ("pump", "b"), ("room", "a")]
    assert taken.stream.tolist() == [0, 1, 2, 0]
    assert taken.value.tolist() == [1.0, 2.0, 1.0, 3.0]
    assert taken.observed_at.tolist() == [START, START, START + 5, START + 7]
    assert taken.received_at.tolist() == [START, START, START + 5, START + 6]
    assert not intake.rejected


def test_a_list_that_is_too_long_is_cut_off() -> None:
    """The first of it are taken, the surplus is counted: a list must not delay all acknowledgements for minutes."""
    intake = new_intake(Limits(readings_per_message=3))
    rows = [{"a": number, "b": 0, "time": START + number} for number in range(4)]
    taken = intake.take([message(READINGS, json.dumps(rows), START)])
    assert rows_in(taken) == 3
    assert intake.rejected == {Reason.TOO_MANY_READINGS: 5}


def test_of_a_list_without_times_the_first_of_each_sensor_is_taken() -> None:
    """All of it was observed at one moment; were it learned in portions, a crash between them would teach it twice."""
    intake = new_intake()
    (taken,) = intake.take([message(READINGS, '[{"a": 1}, {"a": 2, "b": 3}, {"a": 4}]', START)])
    assert isinstance(taken, Batch)
    assert taken.value.tolist() == [1.0, 3.0]
    assert intake.rejected == {Reason.STALE: 2}


def test_nothing_becomes_no_entry() -> None:
    """A step without messages enters nothing in the log."""
    assert new_intake().take([]) == []


def test_what_people_say_stands_between_the_readings_it_came_between() -> None:
    """Feedback and maintenance are entries of their own, and the readings before and after them stay apart."""
    taken = new_intake().take(
        [
            message(READINGS, '{"a": 1}', START),
            message("devices/pump/feedback", '{"id": "x", "verdict": "fault"}', START + 1),
            message("devices/p[1]/maintenance", "ON", START + 2),
            message(READINGS, '{"a": 2}', START + 3),
        ]
    )
    assert [type(entry) for entry in taken] == [Batch, Feedback, Maintenance, Batch]
    assert taken[1] == Feedback(START + 1, "pump", "x", Verdict.FAULT)
    assert isinstance(taken[2], Maintenance)
    assert taken[2].devices == "p[[]1]", "a device's name is no pattern"


READINGS = "devices/pump/readings"

BAD: dict[str, tuple[Message, Reason]] = {
    "topic": (message("devices/pump/other", "1"), Reason.TOPIC),
    "no device": (message("devices//readings", "1"), Reason.TOPIC),
    "empty": (message(READINGS, ""), Reason.EMPTY),
    "null": (message(READINGS + "/a", "null"), Reason.EMPTY),
    "large": (message(READINGS, " " * 201), Reason.TOO_LARGE),
    "not json": (message(READINGS, "{"), Reason.MALFORMED),
    "not utf-8": (message(READINGS, b"\xff"), Reason.BINARY),
    "type": (message(READINGS, "[1]"), Reason.TYPE),
    "long text": (message(READINGS + "/a", "w" * 65), Reason.TYPE),
    "no text": (message(READINGS + "/a", "unavailable"), Reason.TYPE),
    "version": (message(READINGS + "/a", "1.2.3"), Reason.TYPE),
    "nan": (message(READINGS, '{"a": NaN}'), Reason.NOT_FINITE),
    "infinite": (message(READINGS + "/a", "1e999"), Reason.NOT_FINITE),
    "no time": (message(READINGS, '{"a": 1, "time": "noon"}'), Reason.TIME),
    "ahead": (message(READINGS, f'{{"a": 1, "time": {START + 11 * SECOND}}}'), Reason.TIME),
    "behind": (message(READINGS, f'{{"a": 1, "time": {START - 101 * SECOND}}}'), Reason.TIME),
    "year 9999": (message(READINGS, '{"a": 1, "time": "9999-12-31T23:59:59Z"}'), Reason.TIME),
    "long device": (message("devices/a-long-name/readings", '{"a": 1}'), Reason.NAME),
    "long sensor": (message(READINGS, '{"a-long-name": 1}'), Reason.NAME),
    "no sensor": (message(READINGS, '{"": 1}'), Reason.NAME),
    "unprintable": (message(READINGS, '{"a\\u0000b": 1}'), Reason.NAME),
    "line break": (message("devices/a\nb/readings", '{"a": 1}'), Reason.NAME),
    "bidi": (message(READINGS, '{"a\\u202eb": 1}'), Reason.NAME),
    "verdict": (message("devices/pump/feedback", '{"id": "x", "verdict": "great"}'), Reason.FEEDBACK),
    "id": (message("devices/pump/feedback", '{"id": 1, "verdict": "fault"}'), Reason.FEEDBACK),
    "feedback": (message("devices/pump/feedback", "["), Reason.MALFORMED),
    "list": (message("devices/pump/feedback", "[1]"), Reason.TYPE),
    "maintenance": (message("devices/pump/maintenance", '{"for_s": 1e9}'), Reason.TIME),
    "retained": (message(READINGS, '{"a": 1}')._replace(is_retained=True), Reason.RETAINED),
}


@pytest.mark.parametrize(("bad", "reason"), BAD.values(), ids=BAD.keys())
def test_every_kind_of_bad_message_is_counted_and_leaves_nothing(bad: Message, reason: Reason) -> None:
    """What is not accepted is one count under its reason; no stream and no row comes of it."""
    intake = new_intake()
    assert intake.take([bad]) == []
    assert intake.rejected == {reason: 1}
    assert len(intake.directory) == 0


@pytest.mark.parametrize("offset", [-100, 10])
def test_times_at_the_limits_are_accepted(offset: int) -> None:
    """The limits themselves are inside."""
    payload = f'{{"a": 1, "time": {START + offset * SECOND}}}'
    assert rows_in(new_intake().take([message(READINGS, payload)])) == 1


def test_sensors_per_device_and_streams_are_limited() -> None:
    """Beyond the limits known streams go on, new ones are refused and counted."""
    intake = new_intake()
    assert rows_in(intake.take([message(READINGS, '{"a": 1, "b": 1, "c": 1, "d": 1}')])) == 3
    assert intake.rejected == {Reason.TOO_MANY_SENSORS: 1}
    assert rows_in(intake.take([message(f"devices/{name}/readings", '{"a": 1}') for name in "xyz"])) == 2
    assert intake.rejected == {Reason.TOO_MANY_SENSORS: 1, Reason.TOO_MANY_STREAMS: 1}
    assert rows_in(intake.take([message(READINGS, '{"a": 2, "b": 2, "c": 2}')])) == 3


FLOODS = {Reason.RATE, Reason.TOO_MANY_NEW, Reason.TOO_MANY_READINGS}


def test_bad_messages_change_nothing_for_the_others() -> None:
    """A shard that was sent every kind of bad message in between has learned exactly the same, byte for byte."""
    roomy = TIGHT.model_copy(update={"streams": 4})  # exactly those of the ordinary life
    clean, disturbed = Shard(Rules()), Shard(Rules())
    intake, rows = new_intake(roomy, disturbed.directory), life(100)
    bad = [each for each, _ in BAD.values()]
    for number, row in enumerate(rows):
        device, sensor, at, value = row
        good = message(f"devices/{device}/readings/{sensor}", repr(value), at)
        flood = message(f"devices/new-{number}/readings", '{"a": 1}', at)
        for entry in intake.take([*bad, good, *([flood] if number >= 4 else [])]):
            disturbed.apply(entry)
        clean.apply(batch(clean.directory, [row]))
    assert clean.dumps() == disturbed.dumps()
    others = {Reason.REPEATED, Reason.NOT_LIVE, Reason.QUALITY, Reason.IDENTITY, Reason.BIRTH, Reason.MEMORY}
    unsaid = {Reason.STALE, Reason.TOO_MANY_SENSORS, Reason.TOO_MANY_TEXTS, *FLOODS}
    assert set(intake.rejected) == set(Reason) - others - unsaid


def test_a_flood_of_topics_does_not_grow_memory() -> None:
    """Remembered routes are bounded by number and by length."""
    intake = new_intake()
    intake.take(message(f"devices/{number}/readings", "") for number in range(ROUTES + 10))
    intake.take([message("devices/" + "x" * LONGEST_TOPIC + "/readings", '{"a": 1}')])
    assert len(intake._routes) <= ROUTES
    assert max(map(len, intake._routes)) <= LONGEST_TOPIC
    assert intake.rejected == {Reason.EMPTY: ROUTES + 10, Reason.NAME: 1}


def test_a_rejection_is_logged_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    """A device that goes on sending nonsense does not fill the log, nor does its name break the line."""
    intake = new_intake()
    for second in (0, 1, 59, 60, 61, -100):  # the last: the clock was set back
        intake.reject("a\nb", Reason.TYPE, START + second * SECOND)
    assert [record.getMessage() for record in caplog.records] == [r"rejected from 'a\nb': type"] * 3
    assert intake.rejected == {Reason.TYPE: 6}


def test_a_flood_of_devices_does_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """However many devices send nonsense, the log grows by a bounded number of lines a minute."""
    intake = new_intake()
    with caplog.at_level(logging.WARNING):
        for number in range(10 * LOUDEST):
            intake.reject(f"device-{number}", Reason.NAME, START)
    assert len(caplog.records) == LOUDEST
    assert intake.rejected == {Reason.NAME: 10 * LOUDEST}


@pytest.mark.parametrize(
    ("source", "key"),
    [
        (Source(topic="devices/{device}/x", codec="xml"), "sources.1.codec: "),
        (Source(topic="devices/x"), "sources.1.topic: "),
        (Source(), "sources.1.topic: "),
        (Source(topic=("devices/{device}", "a/#/b")), "sources.1.topic: "),
        (Source(codec="zigbee2mqtt", topic="a/+/b"), "sources.1.topic: "),
        (Source(codec="zigbee2mqtt", options={"repeat": 3}), "sources.1.options.repeat: no such setting"),
        (Source(codec="zigbee2mqtt", options={"repeat_s": -1}), "sources.1.options.repeat_s: "),
        (Source(codec="tasmota", options={"time_zone": "Mars"}), "sources.1.options.time_zone: "),
    ],
)
def test_a_wrong_source_names_its_key(source: Source, key: str) -> None:
    """The operator reads which of the sources is wrong."""
    with pytest.raises(ConfigError) as caught:
        Intake([SOURCES[0], source], TIGHT, Topics(), Directory())
    assert str(caught.value).startswith(key)


def test_a_unit_is_entered_once_and_after_its_stream() -> None:
    """A sensor is described when its unit is first heard and when it changes, however messages are batched."""
    shelly = Intake([Source(codec="shelly")], TIGHT, Topics(), Directory())
    celsius = [message("x/status/t:0", f'{{"tC": {value}}}', START + value) for value in (1, 2)]
    said = ('{"tC": 3}', START + 3)
    assert [type(entry) for entry in shelly.take(celsius)] == [Batch, Described, Batch]
    assert [type(entry) for entry in shelly.take([message("x/status/t:0", *said)])] == [Batch]
    assert shelly.directory.units == {}  # the entries were not applied


def test_a_unit_is_entered_again_where_its_row_may_be_another_sensors() -> None:
    """After an undo the rows stand in another order."""
    shelly = Intake([Source(codec="shelly")], TIGHT, Topics(), Directory())
    first, second = ([message("x/status/t:0", f'{{"tC": {value}}}', START + value)] for value in (1, 2))
    assert [type(entry) for entry in shelly.take(first)] == [Batch, Described]
    shelly.renumber()
    assert [type(entry) for entry in shelly.take(second)] == [Batch, Described]


def test_while_our_clock_reads_earlier_than_it_did_nobody_is_of_the_future() -> None:
    """Neither after it was set back by a year, nor in the 1970 in which a Raspberry Pi starts."""
    intake, year = new_intake(Limits(ahead_s=10)), 365 * 86_400 * SECOND
    sent = [message("devices/pump/readings", f'{{"a": 1, "time": {(START + 60 * SECOND) // SECOND}}}', START)]
    assert rows_in(intake.take(sent)) == 0
    assert rows_in(intake.take([sent[0]._replace(received_at=START - year)])) == 1
    assert rows_in(new_intake(Limits(ahead_s=10)).take([sent[0]._replace(received_at=9 * SECOND)])) == 1


def test_texts_go_with_the_readings_that_say_them() -> None:
    """As numbers among the values, and by name beside them; what is not learned yet counts towards the limit."""
    intake = new_intake()
    (taken,) = intake.take([message(READINGS, '{"mode": "heating", "a": 1}'), message(READINGS, '{"mode": " idle "}')])
    assert isinstance(taken, Batch)
    assert [taken.names.get(value, value) for value in taken.value.tolist()] == ["heating", 1.0, "idle"]
    assert taken.names == {code_of(text): text for text in ("heating", "idle")}
    rest = [message(READINGS, f'{{"mode": "story {number}"}}') for number in range(TEXTS)]
    assert rows_in(intake.take(rest)) == TEXTS - 2
    assert intake.rejected == {Reason.TOO_MANY_TEXTS: 2}
    assert rows_in(intake.take([message(READINGS, '{"mode": "idle"}')])) == 1, "what is known may be said again"


def test_presence_of_an_unknown_device_is_no_entry() -> None:
    """A flood of invented wills leaves nothing; a device that was heard is told of, also from what was retained."""
    shelly = Intake([Source(codec="shelly")], TIGHT, Topics(), Directory())
    gone = message("x/online", "false", START + 1)
    assert shelly.take([gone]) == []
    shelly.take([message("x/status/t:0", '{"t": 1}')])
    assert shelly.take([gone._replace(is_retained=True)]) == [Availability(START + 1, "x", is_online=False)]


def test_a_topic_belongs_to_the_first_source_and_descriptions_to_all_that_ask() -> None:
    """Two sources do not learn a reading twice; what devices announce is heard by both."""
    sources = [Source(codec="esphome", topic=f"{name}/+/+/+/state") for name in ("a", "+")]
    intake = Intake([*sources, Source(topic="{device}/#")], TIGHT, Topics(), Directory())
    described = '{"unit_of_meas": "V", "stat_t": "%s/r/sensor/u/state"}'
    intake.take([message(f"homeassistant/sensor/{name}/u/config", described % name) for name in "ab"])
    taken = intake.take([message(f"{name}/r/sensor/u/state", "3") for name in "ab"])
    assert [type(entry) for entry in taken] == [Batch, Described, Batch, Described]
    assert intake.directory.streams == [("a.r", "u"), ("b.r", "u")]
    assert not intake.rejected


def test_descriptions_may_be_larger_than_readings() -> None:
    """A list of all devices is one message."""
    limits = TIGHT.model_copy(update={"description_bytes": 300})
    intake = Intake([Source(codec="zigbee2mqtt")], limits, Topics(), Directory())
    intake.take([message("zigbee2mqtt/bridge/devices", "[]" + " " * 290)])
    assert not intake.rejected
    intake.take([message("zigbee2mqtt/bridge/devices", " " * 301), message("zigbee2mqtt/x", " " * 201)])
    assert intake.rejected == {Reason.TOO_LARGE: 2}


def test_a_device_name_is_one_level_of_our_topics() -> None:
    """What a payload calls a device must not lead our messages elsewhere."""
    intake = Intake([Source(codec="esphome", topic="#")], TIGHT, Topics(), Directory())
    assert intake.take([message("a+b/sensor/x/state", "1"), message("a/b/sensor/x/state", "1")])
    assert intake.directory.devices == ["a.b"]
    assert intake.rejected == {Reason.NAME: 1}


def test_filters_are_what_is_subscribed_to() -> None:
    """One topic filter for each source, and for each topic on which people speak."""
    assert new_intake().filters == [
        "devices/+/readings",
        "devices/+/readings/+",
        "devices/+/feedback",
        "devices/+/maintenance",
    ]


def test_descriptions_are_subscribed_to_as_such() -> None:
    """What devices announce is asked for again with every connection: we forget it when we end."""
    intake = Intake([Source(codec="zigbee2mqtt")], TIGHT, Topics(), Directory())
    assert intake.description_filters == ["zigbee2mqtt/bridge/devices"]
    assert set(intake.filters) >= {"zigbee2mqtt/#", "zigbee2mqtt/bridge/devices"}


def test_invented_devices_are_let_in_slowly_and_stay_few() -> None:
    """A flood of names takes no more room than a minute's worth; those who are known go on, an honest one gets in."""
    intake = new_intake(Limits(new_streams_per_min=60))
    flood = [message(f"devices/x{number}/readings", '{"a": 1}', START) for number in range(10_000)]
    assert rows_in(intake.take([message(READINGS, '{"a": 1}'), *flood, message(READINGS, '{"a": 2}')])) == 61
    assert len(intake.directory) == 60
    assert intake.rejected == {Reason.TOO_MANY_NEW: 9_941}
    assert rows_in(intake.take([message("devices/honest/readings", '{"a": 1}', START + 2 * SECOND)])) == 1


def test_who_sends_on_a_topic_is_learned_from_what_was_accepted() -> None:
    """Strangers are all one, however many topics they use; a known device is itself."""
    intake = new_intake()
    intake.take([message(READINGS, '{"a": 1}'), message("devices/x/readings", "nonsense")])
    assert intake.sender_of(READINGS) == "pump"
    assert intake.sender_of("devices/x/readings") == intake.sender_of("devices/y/readings") == ""


def test_a_word_on_a_device_with_an_unprintable_name_is_refused() -> None:
    """It would stand in the log, in the status and on a terminal."""
    intake = new_intake()
    assert (
        intake.take([message("devices/a\x1b[2Jb/maintenance", "ON"), message("devices/a\nb/feedback", "fault")]) == []
    )
    assert intake.rejected == {Reason.NAME: 2}
