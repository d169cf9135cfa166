"""The door against every way a server, or what pretends to be one, can answer."""

import json
import threading
from collections.abc import Iterator

import pytest
from brokers import free_port
from standin import Reply, StandIn

from gateway.errors import DatabaseError
from gateway.influx import Door, door
from gateway.influx.answers import Meaning

LINES = ["m,a=b v=1.0 1", "m,a=b v=2.0 2"]


@pytest.fixture
def server() -> Iterator[StandIn]:
    """Give a server that takes everything until it is told otherwise."""
    with StandIn() as server:
        yield server


@pytest.fixture
def opened(server: StandIn) -> Iterator[Door]:
    """Give a door to that server."""
    opened = Door(server.url, "my-secret-token", "home org")
    yield opened
    opened.close()


def test_what_is_sent_is_what_is_read(server: StandIn, opened: Door) -> None:
    """Lines, token, compression and precision arrive as the version 2 API asks for."""
    assert opened.write("bucket", LINES).meaning is Meaning.WRITTEN
    assert server.written == LINES
    assert server.headers["Authorization"] == "Token my-secret-token"
    assert server.headers["Content-Type"] == "text/plain"


@pytest.mark.parametrize(
    ("reply", "meaning", "words"),
    [
        (Reply(200, "<html>Log in to our Wi-Fi</html>"), Meaning.AWAY, "no InfluxDB"),
        (Reply(302, headers={"Location": "http://127.0.0.1:9/login"}), Meaning.AWAY, "no InfluxDB"),
        (Reply(400, '{"code":"invalid","message":"unable to parse"}'), Meaning.BAD, "unable to parse"),
        (Reply(401, '{"code":"unauthorized","message":"unauthorized access"}'), Meaning.REFUSED, "unauthorized"),
        (Reply(404, '{"code":"not found","message":"bucket not found"}'), Meaning.REFUSED, "bucket not found"),
        (Reply(413, "too large"), Meaning.TOO_LARGE, "413"),
        (Reply(429, "", {"Retry-After": "3"}), Meaning.BUSY, "429"),
        (Reply(503, "a proxy's \xff words"), Meaning.BUSY, "503"),
        (Reply(how="reset"), Meaning.AWAY, ""),
    ],
)
def test_every_answer_has_a_meaning(server: StandIn, opened: Door, reply: Reply, meaning: Meaning, words: str) -> None:
    """Nothing the other side says raises, and its words are there for a person."""
    server.script = lambda _bucket, _lines: reply
    answer = opened.write("bucket", LINES)
    assert answer.meaning is meaning
    assert words in answer.words
    assert "my-secret-token" not in answer.words


def test_a_busy_server_says_how_long_to_wait(server: StandIn, opened: Door) -> None:
    """The header comes through the vendor's exception."""
    server.script = lambda _bucket, _lines: Reply(429, "", {"Retry-After": "3"})
    assert opened.write("bucket", LINES).wait_s == 3.0


def test_nobody_there() -> None:
    """A port that nobody listens on is an answer, too."""
    closed = Door(f"http://127.0.0.1:{free_port()}", None, "")
    assert closed.write("bucket", LINES).meaning is Meaning.AWAY
    closed.close()


def test_a_broken_certificate_is_said(server: StandIn) -> None:
    """Https to what does not speak it."""
    closed = Door(server.url.replace("http", "https"), None, "")
    answer = closed.write("bucket", LINES)
    assert answer.meaning is Meaning.AWAY
    assert "SSL" in answer.words
    closed.close()


@pytest.mark.parametrize("how", ["hang", "drip"])
def test_a_slow_answer_ends_when_its_time_is_over(
    server: StandIn, opened: Door, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Also where a byte comes now and then, which resets the socket's own time limit."""
    monkeypatch.setattr(door, "DEADLINE_S", 0.2)
    server.script = lambda _bucket, _lines: Reply(how=how)
    assert opened.write("bucket", LINES).meaning is Meaning.AWAY
    server.script = lambda _bucket, _lines: Reply()
    assert opened.write("bucket", LINES).meaning is Meaning.WRITTEN


def test_what_is_under_way_can_be_ended_from_outside(server: StandIn, opened: Door) -> None:
    """A gateway that is told to stop does not wait for a server that hangs."""
    arrived = threading.Event()

    def hang(_bucket: str, _lines: object) -> Reply:
        arrived.set()
        return Reply(how="hang")

    server.script = hang
    answers: list[Meaning] = []
    sending = threading.Thread(target=lambda: answers.append(opened.write("bucket", LINES).meaning))
    sending.start()
    assert arrived.wait(10)
    opened.abort()
    sending.join(10)
    assert answers == [Meaning.AWAY]


@pytest.mark.parametrize(
    ("page", "version"),
    [
        (Reply(204, headers={"X-Influxdb-Version": "1.8.10"}), "1.8.10"),
        (Reply(204, headers={"X-Influxdb-Version": "v2.7.11"}), "2.7.11"),
        (Reply(200, '{"version":"3.2.0","revision":"x"}', {"Content-Type": "application/json"}), "3.2.0"),
    ],
)
def test_it_says_which_it_is(server: StandIn, opened: Door, page: Reply, version: str) -> None:
    """In a header, or, from version 3 on, in the body."""
    server.pages["/ping"] = page
    assert opened.version() == version


def test_what_does_not_say_which_it_is_is_not_believed(server: StandIn, opened: Door) -> None:
    """Nothing is deleted by guesswork."""
    server.pages["/ping"] = Reply(200, "<html>welcome</html>")
    with pytest.raises(DatabaseError, match="does not say"):
        opened.version()


@pytest.mark.parametrize(
    ("page", "words"),
    [
        (Reply(200, "<html>welcome</html>"), "this is no InfluxDB"),
        (Reply(200, '{"results":[]}'), "this is no InfluxDB"),
        (Reply(200, '{"results":[{"error":"measurement not found"}]}'), "measurement not found"),
        (Reply(401, '{"error":"unauthorized"}'), "unauthorized"),
        (Reply(how="reset"), "Error"),
    ],
)
def test_a_question_is_answered_or_the_reason_is_said(server: StandIn, opened: Door, page: Reply, words: str) -> None:
    """Whoever waits for the answer reads the server's own words."""
    server.pages["/query"] = page
    with pytest.raises(DatabaseError, match=words):
        opened.query("SELECT 1", "db")


def test_version_2_is_asked_to_delete(server: StandIn, opened: Door) -> None:
    """Organisation and bucket in the address, time and predicate in the body."""
    server.pages["/api/v2/delete"] = Reply(204)
    opened.delete("b", "2023-11-14T22:13:20Z", "2023-11-14T22:14:20Z", 'device="x"')
    query, body = server.asked
    assert query == {"org": ["home org"], "bucket": ["b"]}
    assert json.loads(body) == {
        "start": "2023-11-14T22:13:20Z",
        "stop": "2023-11-14T22:14:20Z",
        "predicate": 'device="x"',
    }
