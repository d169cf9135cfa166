"""Local time: where in its day and its week a reading falls."""

from datetime import datetime, tzinfo

import numpy as np

from gateway.records import SECOND, Ints

DAY_S = 86_400
WEEK_S = 7 * DAY_S
_THURSDAY_TO_MONDAY_S = 3 * DAY_S  # 1970-01-01 was a Thursday; weeks here begin on Monday
_OFFSET_STEP_S = 900  # the finest grain on which the world's clocks change their offset


def local_seconds(observed_at: Ints, zone: tzinfo | None) -> Ints:
    """Seconds of local wall-clock time since a Monday, for each instant; `zone` None is UTC."""
    seconds = observed_at // SECOND
    if zone is not None:
        steps, inverse = np.unique(seconds // _OFFSET_STEP_S, return_inverse=True)
        offsets = [_offset_s(int(step) * _OFFSET_STEP_S, zone) for step in steps]
        seconds = seconds + np.array(offsets, np.int64)[inverse]
    return seconds + _THURSDAY_TO_MONDAY_S


def _offset_s(instant_s: int, zone: tzinfo) -> int:
    offset = datetime.fromtimestamp(instant_s, zone).utcoffset()
    return 0 if offset is None else int(offset.total_seconds())
