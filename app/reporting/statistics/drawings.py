"""The charts of the statistics: what the bars are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from app.reporting.drawings import label
from app.reporting.forms import Month
from app.reporting.statistics.forms import CHANNELS
from app.reporting.statistics.overview import HereFigures, PublishedFigures, Span
from app.web.charts import BarChart, bar_chart

# The looks of `templates/_macros/charts.html`: solid, hatched, dotted, and the accent.
LOOKS = {"registry": "registry", "platform": "platform", "ctx": "exchange"}
_ACCENT = "here"


@dataclass(frozen=True)
class PublishedDrawings:
    """Bars by month or year; None where there is nothing to draw."""

    transactions: BarChart | None
    cancelled: BarChart | None
    issued: BarChart | None


def draw_published(figures: PublishedFigures) -> PublishedDrawings:
    """Cancellations by channel, and issuance."""
    return PublishedDrawings(
        transactions=_bars(figures, lambda span: {LOOKS[c]: span.cancelled[c].transactions for c in CHANNELS}),
        cancelled=_bars(figures, lambda span: {LOOKS[c]: span.cancelled[c].units for c in CHANNELS}),
        issued=_bars(figures, lambda span: {_ACCENT: span.issued.units}),
    )


def draw_here(figures: HereFigures) -> BarChart | None:
    """Units cancelled here by month, months without any in between."""
    if not figures.months:
        return None
    units = {month: found.units for month, found in figures.months}
    month, last = figures.months[0][0], figures.months[-1][0]
    rows = []
    while month <= last:
        rows.append((label(month), {_ACCENT: units.get(month, 0)}))
        month = month.after
    return bar_chart(rows)


def _bars(figures: PublishedFigures, values: Callable[[Span], dict[str, int]]) -> BarChart | None:
    return bar_chart([(_label(span), values(span)) for span in figures.spans])


def _label(span: Span) -> str:
    return str(span.first.year) if span.is_year else label(Month(span.first.year, span.first.month))
