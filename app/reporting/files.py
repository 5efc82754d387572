"""A participant's lines and statements as files: CSV for spreadsheets, JSON for programs.

Keys and columns are part of the interface (`docs/interfaces.md`) and the same in every language. What is
hidden is empty in CSV and absent in JSON. Money is exact with its currency beside it: major units with
decimals in CSV, where people read it, integers in minor units in JSON.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from typing import Any

from app.kernel.money import Money
from app.kernel.text import csv_cell
from app.reporting.earnings import StatementRow
from app.reporting.queries import SaleRow

SALE_COLUMNS = (
    "placed_at", "order", "project", "project_title", "offer", "units", "unit_type", "unit_price", "amount",
    "seller_share", "payment_cost", "tax", "platform_fee", "currency", "state", "paid_at", "cancelled_at",
    "refunded_at", "certificate", "beneficiary_name", "demonstration",
)  # fmt: skip
_MONEY = ("unit_price", "amount", "seller_share", "payment_cost", "tax", "platform_fee")
STATEMENT_COLUMNS = (
    "kind", "at", "reference", "project", "offer", "units", "unit_price", "amount", "payment_cost", "tax",
    "platform_fee", "seller_share", "earned", "refunded", "paid_out", "currency", "demonstration",
)  # fmt: skip


def sale_lines(rows: Iterable[SaleRow], remark: str) -> Iterator[str]:
    """The lines as CSV, RFC 4180, after a byte order mark. `remark` stands in every row of a demonstration."""
    yield "\ufeff" + _line(SALE_COLUMNS)
    for row in rows:
        plain = {name: value for name, value in as_plain(row).items() if value is not None}
        plain |= {part: _decimal(getattr(row, part)) for part in _MONEY}
        plain["demonstration"] = remark if row.is_demonstration else ""
        yield _line(csv_cell(str(plain.get(column, ""))) for column in SALE_COLUMNS)


def sale_parts(
    rows: Iterable[SaleRow], *, remark: str | None, selection: dict[str, str], made_at: datetime
) -> Iterator[str]:
    """A JSON object with the list `lines`, piece by piece; `remark` says that this is a demonstration, or is None."""
    head = json.dumps(
        {"demonstration": remark, "made_at": _text(made_at), "schema": "tonne-sales-1", "selection": selection},
        ensure_ascii=False,
        sort_keys=True,
    )
    yield head[:-1] + ', "lines": ['
    separator = "\n"
    for row in rows:
        yield separator + json.dumps(as_plain(row), ensure_ascii=False, sort_keys=True)
        separator = ",\n"
    yield "\n]}\n"


def as_plain(row: SaleRow) -> dict[str, Any]:
    """One line as JSON values; without `beneficiary_name` where no name may be shown."""
    plain: dict[str, Any] = {
        "placed_at": _text(row.placed_at),
        "order": row.order_reference,
        "project": row.project_reference,
        "project_title": row.project_title,
        "offer": row.offer_code,
        "units": row.units,
        "unit_type": row.unit_type,
        **{part: getattr(row, part).minor for part in _MONEY},
        "currency": row.amount.currency,
        "state": row.state.value,
        "paid_at": _text(row.paid_at),
        "cancelled_at": _text(row.cancelled_at),
        "refunded_at": _text(row.refunded_at),
        "certificate": row.certificate,
    }
    if row.beneficiary is not None:
        plain["beneficiary_name"] = row.beneficiary
    return plain


def statement_lines(rows: Iterable[StatementRow], currency: str, remark: str) -> Iterator[str]:
    """A month's statement as CSV. The sums of `earned`, `refunded` and `paid_out` are those of the page."""
    yield "\ufeff" + _line(STATEMENT_COLUMNS)
    for row in rows:
        plain = {
            "kind": row.kind,
            "at": _text(row.at),
            "reference": row.reference,
            "project": row.project,
            "offer": row.offer,
            "units": "" if row.units is None else row.units,
            **{part: _decimal(Money(minor, currency)) for part, minor in row.parts.items()},
            "earned": _decimal(Money(row.earned, currency)),
            "refunded": _decimal(Money(row.refunded, currency)),
            "paid_out": _decimal(Money(row.paid_out, currency)),
            "currency": currency,
            "demonstration": remark,
        }
        yield _line(csv_cell(str(plain.get(column, ""))) for column in STATEMENT_COLUMNS)


def _decimal(amount: Money) -> str:
    return f"{amount.decimal:f}"


def _text(at: datetime | date | None) -> str | None:
    if isinstance(at, datetime):
        return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return at.isoformat() if at is not None else None


def _line(cells: Iterable[object]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()
