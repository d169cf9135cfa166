"""Drawing a device's story; matplotlib lives here alone."""

import io
import warnings

import numpy as np
from matplotlib import dates
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gateway.records import SECOND, Floats, Ints
from gateway.story import Curve, Foretold, Story

WIDTH, ROW, DPI = 12.0, 2.6, 130
"""Inches, inches for each sensor, and pixels an inch: 1,560 pixels across, as many as `POINTS`."""

READING, EXPECTED, FORETOLD, TEXT, GRID = "#1f2933", "#2b7bba", "#e07b39", "#52606d", "#e4e7eb"
FAR = 2.0
"""Beyond the rest by so many times its own range, a reading is named instead of drawn."""

GAP = 8.0
"""Pauses so many times as long as usual are left empty."""

SEVERITIES = {"medium": "#f0b429", "high": "#f35627", "critical": "#ba2525"}


def draw(story: Story) -> bytes:
    """One picture, a row for each sensor, as PNG."""
    rows = max(len(story.curves), 1)
    figure = Figure(figsize=(WIDTH, 1.0 + ROW * rows), dpi=DPI, layout="constrained")
    axes = figure.subplots(rows, 1, sharex=True, squeeze=False)[:, 0]
    figure.suptitle(story.device, x=0.01, ha="left", fontsize=15, fontweight="bold", color=READING, parse_math=False)
    for axis, curve in zip(axes, story.curves, strict=False):
        _draw_sensor(axis, curve, story.foretold.get(curve.sensor), story)
    if not story.curves:
        axes[0].text(0.5, 0.5, "no readings in this time", transform=axes[0].transAxes, ha="center", color=TEXT)
    axes[0].set_xlim(_moment(story.start), _moment(_last(story)))
    locator = dates.AutoDateLocator(tz=story.zone)
    axes[-1].xaxis.set_major_locator(locator)
    axes[-1].xaxis.set_major_formatter(dates.ConciseDateFormatter(locator, tz=story.zone))
    _explain(figure, axes[0])
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # drawn as a box; the page has the name in words
        figure.savefig(buffer, format="png", facecolor="white")
    return buffer.getvalue()


def _last(story: Story) -> int:
    """The end of the time, and what is foretold beyond it, but no more than a tenth of it."""
    ends = [int(each.at.max()) for each in story.foretold.values()]
    return max(story.end, min(max(ends, default=0), story.end + (story.end - story.start) // 10))


def _draw_sensor(axis: Axes, curve: Curve, foretold: Foretold | None, story: Story) -> None:
    at, (least, mean, most, expected, lower, upper) = _with_gaps(
        curve.at, curve.least, curve.mean, curve.most, curve.expected, curve.lower, curve.upper
    )
    axis.fill_between(at, lower, upper, color=EXPECTED, alpha=0.22, lw=0, label="expected band")
    axis.plot(at, expected, color=EXPECTED, lw=0.8, ls=(0, (4, 3)), alpha=0.8, label="expected")
    if foretold is not None:
        _draw_forecasts(axis, foretold, story)
    axis.fill_between(at, least, most, color=READING, alpha=0.25, lw=0)
    axis.plot(at, mean, color=READING, lw=1.0, label="reading")
    _fit(axis, curve)
    if curve.texts:
        axis.set_yticks(range(len(curve.texts)), curve.texts, parse_math=False)
    _mark(axis, curve.sensor, story)
    axis.set_title(curve.sensor, loc="left", fontsize=11, color=READING, pad=14, parse_math=False)
    axis.grid(axis="y", color=GRID, lw=0.8)
    axis.tick_params(colors=TEXT, labelsize=9, length=0)
    axis.margins(x=0)
    for side in ("top", "right", "left"):
        axis.spines[side].set_visible(False)
    axis.spines["bottom"].set_color(GRID)


def _draw_forecasts(axis: Axes, foretold: Foretold, story: Story) -> None:
    """A line of what was foretold; what is still to come stands with its interval."""
    at, (expected, lower, upper) = _with_gaps(foretold.at, foretold.expected, foretold.lower, foretold.upper)
    name = f"forecast {_length(foretold.horizon_s)} ahead"
    axis.plot(at, expected, color=FORETOLD, lw=0.9, alpha=0.9, label=name)
    is_to_come = at >= _moment(story.end) - foretold.horizon_s / 86400
    axis.fill_between(at, lower, upper, where=is_to_come.tolist(), color=FORETOLD, alpha=0.2, lw=0)


def _mark(axis: Axes, sensor: str, story: Story) -> None:
    """Incidents as spans, fainter where they concern the whole device, numbered as in the table; few where many are."""
    numbers: list[tuple[float, list[int], str]] = []
    room = (story.end - story.start) / (86400 * SECOND) / 60
    for number, case in enumerate(story.cases, 1):
        if case.first.sensor is not None and sensor not in case.sensors:
            continue
        colour = SEVERITIES.get(case.first.severity, SEVERITIES["medium"])
        first, last = _moment(case.started_at), _moment(case.ended_at if case.ended_at is not None else story.end)
        axis.axvspan(first, last, color=colour, alpha=0.07 if case.first.sensor is None else 0.22, lw=0)
        axis.axvline(first, color=colour, lw=1.0, alpha=0.4 if case.first.sensor is None else 1.0)
        if numbers and first - numbers[-1][0] < room:
            numbers[-1][1].append(number)
        else:
            numbers.append((first, [number], colour))
    for first, found, colour in numbers:
        words = str(found[0]) if len(found) == 1 else f"{found[0]}\N{EN DASH}{found[-1]}"
        axis.annotate(
            words, (first, 1.0), xycoords=("data", "axes fraction"), xytext=(0, 2), textcoords="offset points",
            fontsize=8, fontweight="bold", color=colour, va="bottom", ha="center",
        )  # fmt: skip


def _fit(axis: Axes, curve: Curve) -> None:
    """Show the readings, not a flat line: a few that are very far away are named at the edge instead."""
    least, most = float(curve.least.min()), float(curve.most.max())
    low, high = (float(each) for each in np.quantile(np.concatenate([curve.least, curve.most]), [0.005, 0.995]))
    room = 0.15 * (high - low) or max(abs(high) * 0.05, 0.5)
    if most - high > FAR * (high - low) > 0:
        _name(axis, curve.at[np.argmax(curve.most)], most, 1.0, "\N{BLACK UP-POINTING TRIANGLE}")
        most = high
    if low - least > FAR * (high - low) > 0:
        _name(axis, curve.at[np.argmin(curve.least)], least, 0.0, "\N{BLACK DOWN-POINTING TRIANGLE}")
        least = low
    axis.set_ylim(least - room, most + room)


def _name(axis: Axes, at: int, value: float, edge: float, arrow: str) -> None:
    """Say how far away a reading is that is beyond the edge."""
    axis.annotate(
        f"{arrow} {value:.5g}", (_moment(int(at)), edge), xycoords=("data", "axes fraction"),
        xytext=(4, -4 if edge else 4), textcoords="offset points", fontsize=9, color=READING,
        va="top" if edge else "bottom",
    )  # fmt: skip


def _with_gaps(at: Ints, *columns: Floats) -> tuple[Floats, list[Floats]]:
    """Times and columns to draw, with nothing in between where nothing was heard for long."""
    steps = np.diff(at)
    gaps = np.flatnonzero(steps > GAP * np.median(steps)) + 1 if len(steps) else np.zeros(0, dtype=np.int64)
    return np.insert(_moments(at), gaps, _moments(at)[gaps - 1]), [np.insert(each, gaps, np.nan) for each in columns]


def _explain(figure: Figure, axis: Axes) -> None:
    handles, labels = axis.get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="upper right", ncols=len(labels), frameon=False, fontsize=9, labelcolor=TEXT)


def _length(seconds: float) -> str:
    return f"{seconds / 3600:g} h" if seconds >= 3600 else f"{seconds / 60:g} min"  # noqa: PLR2004 - an hour


def _moment(at: int) -> float:
    """Days since 1970, in which matplotlib counts."""
    return at / (86400 * SECOND)


def _moments(at: Ints) -> Floats:
    return at / (86400.0 * SECOND)
