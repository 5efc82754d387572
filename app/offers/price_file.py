"""The price history of a project as a file for spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from app.current import settings
from app.kernel.text import csv_cell
from app.offers.history import PriceLine
from app.web.demonstration import statement

HEADER = (
    "project", "offer", "monitoring_starts_on", "monitoring_ends_on", "valid_from", "unit_price", "currency",
    "demonstration",
)  # fmt: skip


def price_file(reference: str, lines: Iterable[PriceLine]) -> str:
    """One row for each price: the instant from which it holds (UTC), and the price in major units.

    In a demonstration every row says so, because rows are copied without their header.
    """
    demonstration = statement() if settings().is_demonstration else ""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(HEADER)
    for line in lines:
        for at, price in line.prices:
            writer.writerow(
                csv_cell(text)
                for text in (
                    reference,
                    line.code,
                    line.monitoring_starts_on.isoformat(),
                    line.monitoring_ends_on.isoformat(),
                    at.strftime("%Y-%m-%dT%H:%M:%SZ"),
                    str(price.decimal),
                    price.currency,
                    demonstration,
                )
            )
    return out.getvalue()
