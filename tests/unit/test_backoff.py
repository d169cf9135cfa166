"""The pause between two attempts."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.backoff import delay_s


@given(st.integers(0, 10_000))
def test_the_pause_doubles_up_to_a_cap_and_is_spread(failures: int) -> None:
    """Between half and all of the doubled pause, however long the broker is away."""
    full = min(30.0, 0.2 * 2.0 ** min(failures, 100))
    assert full / 2 <= delay_s(failures, 0.2, 30.0) <= full
