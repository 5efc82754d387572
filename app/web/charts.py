"""Charts as numbers: where bars, steps and gridlines stand, in hundredths of the drawing's width and height.

The templates draw them as inline SVG (`templates/_macros/charts.html`). Positions in per cent let
a chart stretch while its letters keep their size, so that it can be read at 320 pixels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from babel.dates import format_date
from babel.numbers import format_compact_decimal

from app.web.i18n import current_locale

LEFT = 13.0  # per cent of the width that belong to the numbers of the scale
BAR = 0.68  # of the room between two bars
MOST_LABELS = 6  # words under a chart that fit beside each other at 320 pixels


@dataclass(frozen=True)
class Tick:
    """A gridline: its place in per cent from the top or the left, and its value in the chart's unit."""

    at: float
    value: int


@dataclass(frozen=True)
class Part:
    """A piece of a bar; `series` says of what."""

    series: str
    top: float
    height: float


@dataclass(frozen=True)
class Bar:
    """One bar, put together from its parts, the first at the bottom.

    `top` is where it ends, in per cent from above; `is_unknown` that some of it is not known.
    """

    label: str
    is_labelled: bool
    left: float
    middle: float
    width: float
    total: int
    parts: tuple[Part, ...]
    top: float
    is_unknown: bool


@dataclass(frozen=True)
class BarChart:
    """Bars over a scale that begins at nought."""

    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]

    @property
    def has_unknown(self) -> bool:
        """Whether any bar is not known, or not all of it."""
        return any(bar.is_unknown for bar in self.bars)


@dataclass(frozen=True)
class Line:
    """One line of steps as an SVG path over a square of 100 by 100; `number` begins at 0."""

    number: int
    path: str


@dataclass(frozen=True)
class StepChart:
    """Values that hold until they change, over a scale that begins at nought."""

    lines: tuple[Line, ...]
    ticks: tuple[Tick, ...]
    starts_at: datetime
    ends_at: datetime


def bar_chart(rows: Sequence[tuple[str, Mapping[str, int | None]]]) -> BarChart | None:
    """Bars for `rows` of a label and whole numbers by series; None where there is nothing to draw.

    A number that is None is unknown.
    """
    highest = max((sum(value or 0 for value in values.values()) for _label, values in rows), default=0)
    if highest <= 0:
        return None
    top = ceiling(highest)
    room = (100 - LEFT) / len(rows)
    every = -(-len(rows) // MOST_LABELS)
    bars = []
    for place, (label, values) in enumerate(rows):
        parts: list[Part] = []
        level = 0
        for series, value in values.items():
            level += value or 0
            if value:
                parts.append(Part(series, _per_cent(top - level, top), _per_cent(value, top)))
        left = LEFT + place * room
        bars.append(
            Bar(
                label=label,
                is_labelled=(len(rows) - 1 - place) % every == 0,
                left=round(left + room * (1 - BAR) / 2, 2),
                middle=round(left + room / 2, 2),
                width=round(room * BAR, 2),
                total=level,
                parts=tuple(parts),
                top=_per_cent(top - level, top),
                is_unknown=None in values.values(),
            )
        )
    return BarChart(tuple(bars), _ticks(top))


def step_chart(lines: Sequence[Sequence[tuple[datetime, int]]], until: datetime) -> StepChart | None:
    """Lines of (instant, value) points, each value holding until the next one and the last `until` the end.

    None where there is no point. Where everything happened at one instant the lines fill the width.
    """
    points = [point for line in lines for point in line]
    if not points:
        return None
    starts_at = min(at for at, _value in points)
    ends_at = max(until, starts_at)
    span = (ends_at - starts_at).total_seconds()
    top = ceiling(max(value for _at, value in points))

    def x(at: datetime) -> float:
        return round((at - starts_at).total_seconds() * 100 / span, 2) if span else 0.0

    drawn = []
    for number, line in enumerate(lines):
        path = ""
        for at, value in sorted(line):
            y = _per_cent(top - value, top)
            path += f"H{x(at):g}V{y:g}" if path else f"M{x(at):g} {y:g}"
        drawn.append(Line(number, f"{path}H100" if path else ""))
    return StepChart(tuple(drawn), _ticks(top), starts_at, ends_at)


def ceiling(value: int) -> int:
    """The smallest number of one round digit that is not below `value`, at least 2; its half is a whole number too."""
    power = 1
    while 10 * power < value:
        power *= 10
    return next(
        factor * power for factor in (2, 3, 4, 5, 6, 8, 10) if factor * power >= value and (factor * power) % 2 == 0
    )


def short_number(value: int) -> str:
    """A whole number as a scale shows it: `2.5M`, `2,5 M`, in the language in force."""
    return format_compact_decimal(value, fraction_digits=1, locale=current_locale())


def short_day(value: datetime) -> str:
    """The UTC day of an instant as a scale shows it: `22 Nov 2026`, in the language in force."""
    return format_date(value.astimezone(UTC), "d MMM y", locale=current_locale())


def _ticks(top: int) -> tuple[Tick, ...]:
    return Tick(0.0, top), Tick(50.0, top // 2), Tick(100.0, 0)


def _per_cent(value: int, top: int) -> float:
    return round(value * 100 / top, 2)
