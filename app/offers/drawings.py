"""A project's history as charts: what the bars and lines are made of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from app.offers.history import History, PriceLine
from app.offers.years import CHANNELS
from app.web.charts import BarChart, StepChart, bar_chart, step_chart


@dataclass(frozen=True)
class Drawings:
    """The charts of one project; None where there is nothing to draw. `channels` are those that occur.

    `price_lines` are the offers whose prices are drawn.
    """

    issued: BarChart | None
    cancelled: BarChart | None
    prices: StepChart | None
    channels: tuple[str, ...]
    price_lines: tuple[PriceLine, ...]


def draw(history: History, now: datetime, currency: str) -> Drawings:
    """Issued and cancelled units over the same years, and prices in `currency` until `now`: a scale has one currency.

    First the price of one unit of each offer, then the lowest price of those that had more than one.
    """
    lines = tuple(line for each in history.lines if (line := each.in_currency(currency)).prices)
    channels = tuple(channel for channel in CHANNELS if any(year.cancelled[channel] for year in history.years))
    return Drawings(
        issued=bar_chart(
            [(str(year.year), {"issued": year.issued, **_rest(year.issued_until)}) for year in history.years]
        ),
        cancelled=bar_chart(
            [(str(year.year), {**year.cancelled, **_rest(year.listed_until)}) for year in history.years]
        ),
        prices=step_chart(
            [
                *([(point.at, point.price.minor) for point in line.prices] for line in lines),
                *([(point.at, point.lowest.minor) for point in line.prices] for line in lines if line.has_tiers),
            ],
            now,
        ),
        channels=channels,
        price_lines=lines,
    )


def _rest(until: date | None) -> dict[str, None]:
    """What is unknown of a year in which the source ends."""
    return {"rest": None} if until else {}
