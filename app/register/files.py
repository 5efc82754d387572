"""The selection of a reader as files: CSV for spreadsheets, JSON for programs. What is withheld is absent.

Keys and columns are part of the interface (`docs/interfaces.md`) and the same in every language.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from typing import Any

from app.certificates.facts import encode
from app.certificates.ports import CertificateFacts, TransactionFacts
from app.certificates.presentation import verify_address
from app.kernel.text import csv_cell
from app.register.queries import RegisterRow

COLUMNS = (
    "certificate", "cancelled_at", "units", "unit_type", "project", "project_title", "project_type", "host_parties",
    "intent", "beneficiary_name", "serial_numbers", "transactions", "commitment_periods", "certified_at",
    "verify_url", "demonstration", "channel", "purpose_category", "scheme_name", "vintage_years", "authorisations",
)  # fmt: skip


def csv_lines(rows: Iterable[RegisterRow], statement: str) -> Iterator[str]:
    """A CSV file, RFC 4180, that begins with a byte order mark because spreadsheets guess wrong without.

    Every row of a demonstration carries `statement`: rows are copied out of files one by one.
    """
    yield "\ufeff" + _line(COLUMNS)
    for row in rows:
        yield _line(csv_cell(str(value)) for value in _cells(row, statement))


def json_parts(
    rows: Iterable[RegisterRow], *, statement: str | None, selection: dict[str, str], made_at: str
) -> Iterator[str]:
    """A JSON object with the list `cancellations`, piece by piece.

    `statement` says that this is a demonstration, or is None; `selection` are the filters asked for.
    """
    head = json.dumps(
        {"demonstration": statement, "made_at": made_at, "schema": "tonne-register-1", "selection": selection},
        ensure_ascii=False,
        sort_keys=True,
    )
    yield head[:-1] + ', "cancellations": ['
    separator = "\n"
    for row in rows:
        yield separator + json.dumps(as_plain(row), ensure_ascii=False, sort_keys=True, default=encode)
        separator = ",\n"
    yield "\n]}\n"


def as_plain(row: RegisterRow) -> dict[str, Any]:
    """One cancellation as JSON values; without `beneficiary_name` where no name may be shown."""
    facts = row.facts
    plain: dict[str, Any] = {
        "certificate": facts.number,
        "cancelled_at": facts.cancelled_at,
        "certified_at": facts.issued_at,
        "units": facts.units,
        "unit_type": facts.unit_type,
        "intent": facts.intent,
        "channel": _channel(facts),
        "project": {
            "reference": facts.project_reference,
            "title": facts.project_title,
            "kind": facts.project_kind,
            "type": facts.project_type,
            "host_parties": list(facts.host_parties),
            "methodologies": facts.methodologies,
        },
        "registry": {"name": facts.registry_name, "is_registry_of_record": facts.registry_of_record},
        "transactions": [_transaction(transaction) for transaction in facts.transactions],
        "operator": facts.operator_name,
        "is_demonstration": facts.is_demonstration,
        "verify_url": verify_address(facts),
    }
    if facts.is_direct:
        plain["purpose_category"] = facts.purpose_category
    if facts.scheme_name:
        plain["scheme_name"] = facts.scheme_name
    if row.beneficiary is not None:
        plain["beneficiary_name"] = row.beneficiary
    return plain


def _channel(facts: CertificateFacts) -> str:
    """Whether units were sold here, or cancelled by their holder."""
    return "direct" if facts.is_direct else "sale"


def _transaction(transaction: TransactionFacts) -> dict[str, Any]:
    return {
        "identifier": transaction.identifier,
        "completed_at": transaction.completed_at,
        "commitment_period": transaction.commitment_period,
        "vintage_year": transaction.vintage_year,
        "authorisation": transaction.authorisation or None,
        "monitoring_starts_on": transaction.monitoring_starts_on,
        "monitoring_ends_on": transaction.monitoring_ends_on,
        "units": transaction.units,
        "serial_numbers": [
            {"first": found.first, "last": found.last, "units": found.units} for found in transaction.ranges
        ],
    }


def _cells(row: RegisterRow, statement: str) -> tuple[object, ...]:
    facts = row.facts
    return (
        facts.number,
        encode(facts.cancelled_at),
        facts.units,
        facts.unit_type,
        facts.project_reference,
        facts.project_title,
        facts.project_type,
        "; ".join(facts.host_parties),
        facts.intent,
        row.beneficiary or "",
        "; ".join(f"{found.first} to {found.last}" for found in row.ranges),
        "; ".join(transaction.identifier for transaction in facts.transactions),
        _joined(transaction.commitment_period for transaction in facts.transactions),
        encode(facts.issued_at),
        verify_address(facts),
        statement if facts.is_demonstration else "",
        _channel(facts),
        facts.purpose_category,
        facts.scheme_name,
        _joined(transaction.vintage_year for transaction in facts.transactions),
        _joined(transaction.authorisation for transaction in facts.transactions),
    )


def _joined(values: Iterable[object]) -> str:
    return "; ".join(str(value) for value in values if value)


def _line(cells: Iterable[object]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()
