"""Project participants from a CSV file: the whole file or nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import select

from app.db import db, one_at_a_time, transaction
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

CODE = matching(r"[a-z0-9]+(-[a-z0-9]+)*", "acme-hydro")

COLUMNS = (
    Column("code", lambda cell: text(40)(CODE(cell))),
    Column("legal_name", text(200)),
    Column("country", country),
    Column("is_demonstration", yes_or_no, required=False, default=False),
)


def import_providers(
    csv_text: str,
    *,
    now: datetime,  # noqa: ARG001 - one shape for every importer
    then: Callable[[ImportReport], None] = nothing_more,
) -> ImportReport:
    """Add the project participants of a file and correct those that are there.

    Raises ImportRefused with every problem; then nothing was changed. Whether a participant is
    a demonstration never changes, for orders and certificates said so.
    """
    table = read_table(csv_text, COLUMNS)
    errors = [*table.errors, *repeated(table.rows, "code")]
    with transaction():
        one_at_a_time("import")
        known = {provider.code: provider for provider in db.session.scalars(select(Provider))}
        errors += [error for row in table.rows for error in _problems(row, known.get(row["code"]))]
        if errors:
            raise ImportRefused(errors)
        created = updated = 0
        for row in table.rows:
            provider = known.get(row["code"])
            if provider is None:
                db.session.add(Provider(**row.values))
                created += 1
            elif _correct(provider, row):
                updated += 1
        report = ImportReport(created, updated, len(table.rows) - created - updated)
        then(report)
    return report


def _problems(row: Row, provider: Provider | None) -> list[RowError]:
    if provider is not None and provider.is_demonstration != row["is_demonstration"]:
        return [row.error("is_demonstration", "cannot_change")]
    return []


def _correct(provider: Provider, row: Row) -> bool:
    changes = {name: value for name, value in row.values.items() if getattr(provider, name) != value}
    for name, value in changes.items():
        setattr(provider, name, value)
    return bool(changes)
