"""The rows behind the figures as files: CSV for spreadsheets, JSON for programs, both written while they are read.

Keys and columns are part of the interface (`docs/interfaces.md`) and the same in every language.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from app.certificates.facts import encode
from app.kernel.text import csv_cell
from app.reporting.statistics.forms import UNKNOWN
from app.reporting.statistics.here import MONEY, HereRow, MoneyRow
from app.reporting.statistics.published import PublishedRow

Plain = Mapping[str, Any]

PUBLISHED_COLUMNS = (
    "kind", "completed_at", "channel", "project", "host_party", "project_type", "region", "unit_type",
    "commitment_period", "vintage_year", "serial_first", "serial_last", "units", "transaction", "source_file",
    "source_row", "source_sha256", "channel_row",
)  # fmt: skip
HERE_COLUMNS = (
    "completed_at", "channel", "certificate", "project", "host_party", "project_type", "unit_type",
    "commitment_period", "vintage", "units", "paid_at", "seconds", "registry", "registry_transaction",
)  # fmt: skip
MONEY_COLUMNS = ("month", "project", "currency", "units", *(f"{part}_minor" for part in MONEY))


@dataclass(frozen=True)
class RowFile:
    """A file of rows: its schema, its columns, and each row with the place from which the next ones follow."""

    schema: str
    columns: tuple[str, ...]
    rows: Iterable[tuple[str, Plain]]
    selection: Mapping[str, str]
    limit: int

    def csv_lines(self, statement: str) -> Iterator[str]:
        """CSV as in RFC 4180 with a byte order mark; with a column that says so where this is a demonstration."""
        columns = (*self.columns, "demonstration") if statement else self.columns
        yield "\ufeff" + _line(columns)
        for _place, row in self.rows:
            cells = ["" if row[column] is None else csv_cell(str(row[column])) for column in self.columns]
            yield _line([*cells, statement] if statement else cells)

    def json_parts(self, statement: str | None, made_at: str, more: Callable[[str], str]) -> Iterator[str]:
        """One JSON object, piece by piece. `more` makes the address of what follows a place that the limit ends at."""
        head = {
            "schema": self.schema,
            "made_at": made_at,
            "demonstration": statement,
            "selection": dict(self.selection),
            "limit": self.limit,
        }
        yield json.dumps(head, ensure_ascii=False)[:-1] + ', "rows": ['
        separator, written, place = "\n", 0, ""
        for place, row in self.rows:  # noqa: B007 - the last one is where the next file begins
            yield separator + json.dumps(row, ensure_ascii=False)
            separator = ",\n"
            written += 1
        following = more(place) if written == self.limit and place else None
        yield f'\n], "count": {written}, "next": {json.dumps(following)}}}\n'


def published_rows(rows: Iterable[PublishedRow]) -> Iterator[tuple[str, Plain]]:
    """Rows of the published books, under the names of their columns."""
    for row in rows:
        yield (
            str(row.place),
            {
                "kind": row.kind,
                "completed_at": encode(row.completed_at),
                "channel": row.channel,
                "project": row.project,
                "host_party": row.host,
                "project_type": row.attributes.project_type if row.attributes else UNKNOWN,
                "region": row.attributes.region if row.attributes else UNKNOWN,
                "unit_type": row.unit_type,
                "commitment_period": row.commitment_period,
                "vintage_year": row.vintage_year,
                "serial_first": row.first,
                "serial_last": row.last,
                "units": row.units,
                "transaction": row.transaction_id,
                "source_file": row.file_name,
                "source_row": row.file_row,
                "source_sha256": row.file_sha256,
                "channel_row": row.channel_row,
            },
        )


def here_rows(rows: Iterable[HereRow]) -> Iterator[tuple[str, Plain]]:
    """What was cancelled here, under the names of its columns."""
    for row in rows:
        yield (
            str(row.place),
            {
                "completed_at": encode(row.completed_at),
                "channel": "sale" if row.is_sale else "direct",
                "certificate": row.certificate,
                "project": row.project,
                "host_party": row.host,
                "project_type": row.project_type,
                "unit_type": row.unit_type,
                "commitment_period": row.commitment_period,
                "vintage": str(row.vintage),
                "units": row.units,
                "paid_at": None if row.paid_at is None else encode(row.paid_at),
                "seconds": row.seconds,
                "registry": row.registry,
                "registry_transaction": row.registry_transaction,
            },
        )


def money_rows(rows: Iterable[MoneyRow]) -> Iterator[tuple[str, Plain]]:
    """Sums of money by month and project, in minor units of their currency."""
    for row in rows:
        yield (
            "",
            {
                "month": str(row.month),
                "project": row.project,
                "currency": row.currency,
                "units": row.units,
                **{f"{part}_minor": value for part, value in row.parts.items()},
            },
        )


def _line(cells: Iterable[object]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()
