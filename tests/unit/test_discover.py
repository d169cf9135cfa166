"""What `gateway discover` makes of what it heard, and what it writes."""

import tomllib
from pathlib import Path

import pytest
from dialects import GOLDENS
from readings import message, settings

from gateway import discover
from gateway.codecs.recognise import is_claimed
from gateway.config import Settings
from gateway.discover import Discovery, Heard, judge
from gateway.errors import ConfigError
from gateway.records import Message

HOUSE = settings(gateway={"name": "house"}, mqtt={"host": "10.0.0.9"})


def heard(*pairs: tuple[str, str]) -> Heard:
    """Return these messages as heard."""
    found = Heard()
    for pair in pairs:
        found.put(message(*pair))
    return found


def test_devices_sensors_and_messages_are_counted() -> None:
    """Retained states count here: whether they are old does not matter to who is there."""
    found = Heard()
    for golden in GOLDENS:
        if golden.name == "zigbee2mqtt":
            for each in golden.received(is_retained=True):
                found.put(each)
    assert list(discover.rows(judge(found, HOUSE))) == [("zigbee2mqtt", "zigbee2mqtt/#", 5, 10, 17)]


def test_what_we_say_ourselves_is_nobody_elses() -> None:
    """A gateway that runs already is not discovered, and no source is proposed that would hear it."""
    ours = heard(("gateway/house/status", '{"state": "online"}'), ("devices/x/prediction", '{"sensors": {}}'))
    assert judge(ours, HOUSE) == Discovery()
    assert judge(heard(("gateway/attic/status", '{"state": "online", "messages": 5}')), HOUSE) == Discovery()
    wide = judge(heard(("devices/x/y", "3"), ("devices/z/u", "3")), HOUSE)
    assert not wide.found
    assert wide.unknown == ["devices/x/y", "devices/z/u"]


def test_what_we_reply_is_nobody_elses() -> None:
    """A display that is told by us is no sensor."""
    replying = settings(replies=[{"topic": "display/{device}", "payload": "{value}"}])
    assert judge(heard(("display/pump", "21.5")), replying) == Discovery()


def test_what_is_not_understood_is_told() -> None:
    """Topics without a dialect are named, safe to be shown."""
    discovery = judge(heard(("camera/\x1b[2J", "no number at all")), HOUSE)
    said = "\n".join(discover.remarks(discovery))
    assert "no device was heard" in said
    assert "\x1b" not in said
    assert "camera" in said


def test_nothing_measured_yet_is_told() -> None:
    """Sparkplug without a birth is recognised and not understood."""
    discovery = judge(heard(("spBv1.0/g/NDATA/e", "")), HOUSE)
    assert not discovery.found
    discovery = judge(heard(("spBv1.0/STATE/host", "{}")), HOUSE)
    assert [line.partition(":")[0] for line in discover.remarks(discovery)] == ["sparkplug"]


def test_what_is_written_in_bytes_is_recognised() -> None:
    """It is not read, and what has to be changed is said."""
    found = Heard()
    found.put(Message("tele/x/SENSOR", b"\x00\x01\x02", 0))
    discovery = judge(found, HOUSE)
    (remark,) = discover.remarks(discovery)
    assert "set their sender to JSON" in remark
    assert [each.binary for each in discovery.found] == [1]


def test_senml_in_cbor_is_recognised_and_read() -> None:
    """A list of one record, with its name and a value."""
    found = Heard()
    found.put(Message("senml/x", bytes.fromhex("81a20067726f6f6d2f7431021819"), 0))
    (source,) = judge(found, HOUSE).found
    assert (source.source.codec, source.devices, source.binary) == ("senml", 1, 0)


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each topic the first messages are kept; topics beyond the bound are counted."""
    monkeypatch.setattr(discover, "KEPT_TOPICS", 2)
    found = heard(*[(f"t/{number}", "1") for number in range(5)], *[("t/0", "1")] * 100)
    assert len(found.messages) == discover.KEPT_PER_TOPIC + 1
    assert found.counts == {"t/0": 101, "t/1": 1}
    assert found.beyond == 3
    assert "not looked at: 3" in "\n".join(discover.remarks(judge(found, HOUSE)))


def test_the_settings_keep_what_was_set_and_understand_what_was_found() -> None:
    """They are valid, hold no secrets, and every topic has its source."""
    pairs = [("home/a/t", "1"), ("tele/x/STATE", "{}"), ("s/a/x", '{"t": 1}')]
    secret = settings(gateway={"name": "house"}, mqtt={"host": "10.0.0.9", "username": "me", "password": "hush"})
    text = discover.settings_text(judge(heard(*pairs), secret), secret)
    again = Settings.model_validate(tomllib.loads(text))
    assert (again.gateway.name, again.mqtt.host, again.mqtt.password) == ("house", "10.0.0.9", None)
    assert all(is_claimed(again.sources, topic) for topic, _ in pairs)
    assert "hush" not in text


def test_a_file_is_never_written_over(tmp_path: Path) -> None:
    """What is there stays, before and after the waiting."""
    path = tmp_path / "gateway.toml"
    discover.refuse_existing(path)
    discover.write("a = 1\n", path)
    with pytest.raises(ConfigError, match="nothing was written"):
        discover.refuse_existing(path)
    with pytest.raises(ConfigError, match="nothing was written"):
        discover.write("b = 2\n", path)
    assert path.read_text() == "a = 1\n"
