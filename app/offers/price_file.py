"""The price history of a project as a file for spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import datetime

from app.current import settings
from app.kernel.money import Money
from app.kernel.text import csv_cell
from app.offers.history import PriceLine
from app.web.demonstration import statement

HEADER = (
    "project", "offer", "monitoring_starts_on", "monitoring_ends_on", "valid_from", "from_units", "unit_price",
    "currency", "demonstration",
)  # fmt: skip


def price_file(reference: str, lines: Iterable[PriceLine]) -> str:
    """One row for each price: the instant from which it holds (UTC), and the price in major units.

    A price that holds from a number of units on has a row of its own; `from_units` is 1 for the others.

    In a demonstration every row says so, because rows are copied without their header.
    """
    demonstration = statement() if settings().is_demonstration else ""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(HEADER)
    for line in lines:
        for at, from_units, price in _rows(line):
            writer.writerow(
                csv_cell(text)
                for text in (
                    reference,
                    line.code,
                    line.monitoring_starts_on.isoformat(),
                    line.monitoring_ends_on.isoformat(),
                    at.strftime("%Y-%m-%dT%H:%M:%SZ"),
                    str(from_units),
                    str(price.decimal),
                    price.currency,
                    demonstration,
                )
            )
    return out.getvalue()


def _rows(line: PriceLine) -> Iterator[tuple[datetime, int, Money]]:
    for point in line.prices:
        for from_units, price in ((1, point.price), *point.tiers):
            yield point.at, from_units, price
