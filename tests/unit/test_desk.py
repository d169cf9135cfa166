"""Requests worked on slice by slice, in the loop's thread."""

import json
from collections import deque
from collections.abc import Mapping

from gateway.control import Call, Desk, Handler, Work
from gateway.errors import RequestError


class Line(deque[Call]):
    """What was asked."""

    def take(self) -> Call | None:
        """Return what was asked first."""
        return self.popleft() if self else None


def said(call: Call) -> list[dict[str, object]]:
    """Return the lines that wait for the caller."""
    return [json.loads(call.lines.get_nowait()) for _ in range(call.lines.qsize())]


def count(arguments: Mapping[str, int]) -> Work:
    """Take as many slices as asked for."""
    for number in range(arguments["to"]):
        yield f"at {number}"
    return {"counted": arguments["to"]}


def fail(_: Mapping[str, object]) -> Work:
    """Find out on the way that it cannot be done."""
    yield "begun"
    message = "cannot be done"
    raise RequestError(message)


def test_a_slice_a_turn_and_then_the_answer() -> None:
    """Between two slices the loop is free for readings; it does not wait for them while there is work."""
    call = Call("count", {"to": 2})
    line = Line([call])
    desk = Desk(line)
    desk.handlers["count"] = Handler(count)
    assert not desk
    desk.step()
    desk.step()
    assert desk
    assert not call.is_over.is_set()
    desk.step()
    assert not desk
    assert said(call) == [{"progress": "at 0"}, {"answer": {"counted": 2}}]


def test_an_unknown_request_is_refused() -> None:
    """The caller reads what can be asked."""
    call = Call("cont", {})
    desk = Desk(Line([call]))
    desk.handlers["count"] = Handler(count)
    desk.step()
    assert said(call) == [{"error": "'cont' is unknown; known are count"}]


def test_what_cannot_be_done_ends_only_the_request() -> None:
    """The reason is said, and others go on."""
    broken, fine = Call("fail", {}), Call("count", {"to": 5})
    desk = Desk(Line([broken, fine]))
    desk.handlers |= {"count": Handler(count), "fail": Handler(fail)}
    desk.step()
    desk.step()
    assert said(broken) == [{"progress": "begun"}, {"error": "cannot be done"}]
    assert desk
    assert not fine.is_over.is_set()


def test_two_that_change_the_state_wait_for_each_other() -> None:
    """What only reads goes on beside them."""
    first, second, reader = Call("change", {"to": 2}), Call("change", {"to": 1}), Call("read", {"to": 1})
    desk = Desk(Line([first, second, reader]))
    desk.handlers |= {"change": Handler(count, is_exclusive=True), "read": Handler(count)}
    desk.step()
    desk.step()
    assert (second.lines.qsize(), reader.is_over.is_set()) == (0, True)
    for _ in range(4):
        desk.step()
    assert second.is_over.is_set()


def test_a_caller_that_does_not_keep_up_loses_progress_and_not_the_answer() -> None:
    """The lines that wait are bounded, and what is dropped is counted."""
    call = Call("count", {})
    for number in range(100):
        call.tell(str(number))
    call.answer({})
    lines = said(call)
    assert (len(lines), call.dropped) == (64, 37)
    assert lines[-1] == {"answer": {}}


def test_what_gives_way_is_begun_anew_behind_what_was_asked_for() -> None:
    """Nobody waits an hour for what takes an hour and can be done later."""
    long, short, again = Call("long", {"to": 3}), Call("change", {"to": 1}), Call("long", {"to": 3})
    line = Line([long])
    desk = Desk(line)
    desk.handlers |= {
        "long": Handler(count, is_exclusive=True, gives_way=True),
        "change": Handler(count, is_exclusive=True),
    }
    desk.step()
    desk.step()
    line.append(short)
    desk.step()
    desk.step()
    assert short.is_over.is_set()
    line.append(again)
    for _ in range(4):
        assert desk
        desk.step()
    assert not desk
    assert said(long)[-1] == said(again)[-1] == {"answer": {"counted": 3}}


def test_who_asks_for_what_is_under_way_is_told_of_it() -> None:
    """It is done once."""
    first, second = Call("long", {"to": 2}), Call("long", {"to": 2})
    line = Line([first])
    desk = Desk(line)
    desk.handlers["long"] = Handler(count, is_exclusive=True, gives_way=True)
    desk.step()
    line.append(second)
    desk.step()
    desk.step()
    assert not desk
    assert said(second) == [{"answer": {"counted": 2}}]


def test_the_gateway_itself_can_want_something() -> None:
    """Nobody waits for the answer, and nobody stops it."""
    desk = Desk(Line())
    desk.handlers["count"] = Handler(lambda _: count({"to": 1}))
    desk.begin("count")
    desk.step()
    assert desk
    desk.step()
    assert not desk
