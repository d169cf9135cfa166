"""Recorded data: what is read from files, and what is refused."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from gateway import recordings
from gateway.errors import InputError
from gateway.recordings import Recording
from gateway.records import SECOND, code_of

T = 1_700_000_000 * SECOND


def read(folder: Path, text: str | bytes, name: str = "x.csv") -> Recording:
    """Return a recording of this text."""
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return recordings.read(path, Path(name))


def test_columns_become_sensors(tmp_path: Path) -> None:
    """The first column is the time, every other with numbers or states a sensor; a hole is a hole."""
    text = "when,temp,note,door,,empty\n1700000000,21.5,fine,on,1,\n1700000060,,odd,OFF,2,\n1700000120,x,odd,true,3\n"
    recording = read(tmp_path, text, "room 1.csv")
    assert (recording.device, len(recording)) == ("room 1", 3)
    assert recording.sensors == ("temp", "note", "door", "column_4")
    assert recording.names == {code_of(text): text for text in ("fine", "odd")}
    assert recording.times == ("1700000000", "1700000060", "1700000120")
    assert recording.observed_at.tolist() == [T, T + 60 * SECOND, T + 120 * SECOND]
    fine, odd = code_of("fine"), code_of("odd")
    expected = [[21.5, fine, 1.0, 1.0], [np.nan, odd, 0.0, 2.0], [np.nan, odd, 1.0, 3.0]]
    assert np.array_equal(recording.values, expected, equal_nan=True)


@pytest.mark.parametrize(
    ("time", "at"),
    [
        ("2023-11-14 22:13:20", T),
        ("2023-11-14T22:13:20Z", T),
        ("1700000000.5", T + SECOND // 2),
        ("1700000000123", T + 123_000_000),
        ("1700000000123456789", T + 123_456_789),
        ("0", 0),
        ("1.7e9", T),
    ],
)
def test_times(tmp_path: Path, time: str, at: int) -> None:
    """ISO 8601 and epoch numbers of every unit, to the nanosecond."""
    assert read(tmp_path, f"t,a\n{time},1\n").observed_at.tolist() == [at]


def test_states_may_be_off_and_are_no_more_than_a_sensor_has(tmp_path: Path) -> None:
    """A mode that is now and then off is a column of states; remarks that are hardly ever the same are none."""
    rows = [f"{number},{mode},{number % 2},remark {number}" for number, mode in enumerate(("off", "heat", "off") * 20)]
    recording = read(tmp_path, "\n".join(["time,mode,a,note", *rows]))
    assert recording.sensors == ("mode", "a")
    assert recording.values[:3, 0].tolist() == [0.0, code_of("heat"), 0.0]


def test_a_byte_order_mark_and_foreign_line_ends(tmp_path: Path) -> None:
    """Spreadsheets write both."""
    recording = read(tmp_path, b"\xef\xbb\xbftime,caf\xc3\xa9\r\n0,1\r\n")
    assert (recording.sensors, recording.values.tolist()) == (("café",), [[1.0]])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "needs a header"),
        ("time,a\n", "needs a header"),
        ("\n\n", "needs a header"),
        ("time\n1\n", "no column of numbers"),
        ("time,a\n1,1.2.3\n", "no column of numbers or states"),
        ("time,a,a\n1,2,3\n", "two columns have the same name"),
        ("time,a\n1,1\n\nnoon,1\n", "row 4: 'noon' is no time"),
        ("time,a\n,1\n", "row 2: '' is no time"),
        ("time,a\nnan,1\n", "row 2: 'nan' is no time"),
        ("time,a\n9999-12-31,1\n", "row 2: '9999-12-31' is no time"),
        ("time,a\n1e300,1\n", "row 2: '1e300' is no time"),
        (b"time,\xff\n1,2\n", "can't decode"),
        ("time,a\n1," + "9" * 200_000 + "\n", "field larger than"),
    ],
    ids=range(13),
)
def test_what_cannot_be_read_names_file_and_row(tmp_path: Path, text: str | bytes, words: str) -> None:
    """One line says where to look."""
    with pytest.raises(InputError) as caught:
        read(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path / 'x.csv'}: ")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content", [b"time,a\n0,1\n", gzip.compress(b"time,a\n0,1\n" * 999)[:40], b""], ids=["none", "cut off", "empty"]
)
def test_a_damaged_archive_is_named(tmp_path: Path, content: bytes) -> None:
    """An archive that is none, is cut off, or is empty."""
    with pytest.raises(InputError, match=r"x\.csv\.gz: "):
        read(tmp_path, content, "x.csv.gz")


def test_find_walks_the_tree(tmp_path: Path) -> None:
    """Every recording below the folder, in order, by its path without `.gz`; other files are left alone."""
    for name in ("b.csv", "a/c.csv.gz", "a/b.d.csv", "readme.txt", "a/x.gz"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.csv").mkdir()
    assert [relative.as_posix() for _, relative in recordings.find(tmp_path)] == ["a/b.d.csv", "a/c.csv", "b.csv"]
    assert recordings.find(tmp_path / "a" / "c.csv.gz") == [(tmp_path / "a" / "c.csv.gz", Path("c.csv"))]


@pytest.mark.parametrize("name", ["", "nowhere"])
def test_find_refuses_nothing_to_do(tmp_path: Path, name: str) -> None:
    """An empty folder and a missing one."""
    with pytest.raises(InputError, match=r"no \.csv or \.csv\.gz file there"):
        recordings.find(tmp_path / name)


def test_write_has_a_line_for_every_row(tmp_path: Path) -> None:
    """The times as they were written, what was said beside them, nothing where nothing can be said."""
    recording = read(tmp_path, "t,a,b\n1,1,\n2,2,3\n")
    bands = np.array([[np.nan] * 6, [1.0, 0.5, 1.5, np.nan, np.nan, np.nan]])
    recordings.write(tmp_path / "out" / "x.csv", recording, np.array([[0, 0, 0], [0.75, 0.75, 1]]), bands)
    assert (tmp_path / "out" / "x.csv").read_text().splitlines() == [
        "time,score,alarm,incident,a_expected,a_lower,a_upper,b_expected,b_lower,b_upper",
        "1,0,0,0,,,,,,",
        "2,0.75,0.75,1,1,0.5,1.5,,,",
    ]
