"""Names and their rows."""

from gateway.learning.directory import Directory


def test_rows_are_given_in_order_of_appearance_and_stay() -> None:
    """A stream keeps its row for good, however often it is added."""
    directory = Directory()
    assert [directory.add(*name) for name in (("a", "x"), ("b", "x"), ("a", "y"), ("a", "x"))] == [0, 1, 2, 0]
    assert len(directory) == 3
    assert directory.streams == [("a", "x"), ("b", "x"), ("a", "y")]
    assert directory.devices == ["a", "b"]
    assert directory.device_of == [0, 1, 0]
    assert directory.rows_of == [[0, 2], [1]]


def test_what_is_unknown_is_said_and_not_made() -> None:
    """Asking for a stream does not add it."""
    directory = Directory()
    directory.add("a", "x")
    assert directory.row("a", "y") is None
    assert directory.device_row("b") is None
    assert (directory.sensor_count("a"), directory.sensor_count("b")) == (1, 0)
    assert (directory.row("a", "x"), directory.device_row("a"), len(directory)) == (0, 0, 1)


def test_since_lists_what_is_new() -> None:
    """The log asks for the streams it has not written yet."""
    directory = Directory()
    for sensor in "xyz":
        directory.add("a", sensor)
    assert list(directory.since(1)) == [(1, "a", "y"), (2, "a", "z")]
    assert list(directory.since(3)) == []
