"""Project participants from a CSV file: the whole file or nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import select

from app.db import one_at_a_time, transaction
from app.kernel.csvtable import (
    Column,
    ImportRefused,
    ImportReport,
    Row,
    RowError,
    country,
    matching,
    nothing_more,
    read_table,
    repeated,
    text,
    yes_or_no,
)
from app.providers.models import Provider
from app.providers.service import imported

CODE = matching(r"[a-z0-9]+(-[a-z0-9]+)*", "acme-hydro")

COLUMNS = (
    Column("code", lambda cell: text(40)(CODE(cell))),
    Column("legal_name", text(200)),
    Column("country", country),
    Column("is_demonstration", yes_or_no, required=False, default=False),
)
# Two operators approve a participant that applied under these, and one operator's file changes neither.
APPROVED = ("legal_name", "country")


def import_providers(
    csv_text: str,
    *,
    now: datetime,
    then: Callable[[ImportReport], None] = nothing_more,
) -> ImportReport:
    """Add the project participants of a file and correct those that nobody applied for; compare what is new of them.

    Raises ImportRefused with every problem; then nothing was changed. Whether a participant is
    a demonstration never changes, for orders and certificates said so.
    """
    table = read_table(csv_text, COLUMNS)
    errors = [*table.errors, *repeated(table.rows, "code")]
    with transaction() as session:
        one_at_a_time("import")
        # An approval that takes one of them over comes before this, or after it.
        taken = select(Provider).order_by(Provider.id).with_for_update(key_share=True)
        known = {provider.code: provider for provider in session.scalars(taken)}
        errors += [error for row in table.rows for error in _problems(row, known.get(row["code"]))]
        if errors:
            raise ImportRefused(errors)
        created = [Provider(**row.values) for row in table.rows if row["code"] not in known]
        there = [(known[row["code"]], row) for row in table.rows if row["code"] in known]
        updated = [provider for provider, row in there if _correct(provider, row)]
        session.add_all(created)
        session.flush()
        imported.compare([*created, *updated], now)
        report = ImportReport(len(created), len(updated), len(table.rows) - len(created) - len(updated))
        then(report)
    return report


def _problems(row: Row, provider: Provider | None) -> list[RowError]:
    if provider is None:
        return []
    found = []
    if provider.is_demonstration != row["is_demonstration"]:
        found.append(row.error("is_demonstration", "cannot_change"))
    if provider.organisation_id is not None:
        found += [row.error(name, "approved_so") for name in APPROVED if getattr(provider, name) != row[name]]
    return found


def _correct(provider: Provider, row: Row) -> bool:
    changes = {name: value for name, value in row.values.items() if getattr(provider, name) != value}
    for name, value in changes.items():
        setattr(provider, name, value)
    return bool(changes)
