"""So much at once, and so much lastingly."""

from gateway.bucket import Bucket
from gateway.records import SECOND


def test_it_gives_what_it_holds_and_then_what_comes_in() -> None:
    """Three at once, then one every two seconds; asking in vain costs nothing."""
    bucket = Bucket(per_s=0.5, at_once=3.0)
    assert [bucket.take(0) for _ in range(5)] == [True] * 3 + [False] * 2
    assert [bucket.take(2 * SECOND) for _ in range(2)] == [True, False]
    assert [bucket.take(3600 * SECOND) for _ in range(5)] == [True] * 3 + [False] * 2


def test_it_says_how_full_it_is() -> None:
    """Of what it can hold, at any time."""
    bucket = Bucket(per_s=1.0, at_once=4.0)
    assert bucket.level(0) == 1.0
    bucket.take(0, 6.0)
    assert [bucket.level(at * SECOND) for at in (0, 3, 60)] == [-0.5, 0.25, 1.0]


def test_one_large_amount_passes_and_is_paid_off() -> None:
    """Otherwise what is larger than the bucket would never pass."""
    bucket = Bucket(per_s=1.0, at_once=10.0)
    assert bucket.take(0, 15.0)
    assert not bucket.take(5 * SECOND)
    assert bucket.take(6 * SECOND)


def test_the_debt_is_bounded() -> None:
    """One giant must not shut out for hours those who share the bucket with it."""
    bucket = Bucket(per_s=1.0, at_once=10.0)
    assert bucket.take(0, 1e9)
    assert bucket.take(11 * SECOND)


def test_a_clock_that_is_set_fills_it_at_most_once() -> None:
    """Set back it gives nothing and does not stop for good; set ahead it gives no more than it holds."""
    bucket = Bucket(per_s=1.0, at_once=2.0)
    assert [bucket.take(1000 * SECOND) for _ in range(3)] == [True, True, False]
    assert not bucket.take(0)
    assert bucket.take(SECOND)
    assert [bucket.take(10**9 * SECOND) for _ in range(3)] == [True, True, False]
