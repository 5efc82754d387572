"""Small published ledgers for tests, written as a registry writes them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from sqlalchemy import func, select

from app.catalog.mechanisms import ensure_mechanisms
from app.db import db
from app.registry.ledger.history.reading import HistoryRefused, Kind, PublishedFile
from app.registry.ledger.history.service import HistoryReport, import_history
from app.registry.ledger.models import LedgerAccount, LedgerBlock

NOW = datetime(2026, 11, 28, tzinfo=UTC)
ISSUED = "completed_at,registry_project_id,unit_type,commitment_period,serial_start,serial_end,units"
CANCELLED = "completed_at,channel,registry_project_id,unit_type,commitment_period,serial_start,serial_end,units"
OVERRIDES = "completed_at,registry_project_id,serial_start,serial_end,channel,basis"
OPENED = "registry_project_id,unit_type,commitment_period,serial_start,serial_end,units"

ISSUANCES = (
    "2013-05-01T10:00:00.100,IN-7,CER,1,1,1000,1000",
    "2014-06-02T10:00:00.200,IN-7,CER,2,1001,1500,500",
    "2014-06-03T10:00:00.300,BR-9,tCER,1,1,300,300",
)
CANCELLATIONS = (
    "2016-10-01T08:00:00.500,platform,IN-7,CER,1,11,20,10",
    "2016-10-01T08:00:00.500,platform,IN-7,CER,1,31,35,5",
    "2017-08-09T09:00:35.323,platform,IN-7,CER,2,1001,1100,100",
    "2017-09-22T23:59:59.999,registry,BR-9,tCER,1,1,300,300",
)
OVERRIDE = ("2017-08-09T09:00:35.323,IN-7,1001,1100,ctx,inferred",)


def a_file(kind: Kind, rows: Iterable[str], name: str = "") -> PublishedFile:
    """A file of rows under the header of its kind."""
    header = {
        Kind.ISSUANCES: ISSUED, Kind.CANCELLATIONS: CANCELLED, Kind.CHANNELS: OVERRIDES, Kind.OPENING: OPENED,
    }[kind]  # fmt: skip
    return PublishedFile(kind, name or f"{kind}.csv", "\n".join([header, *rows, ""]).encode())


def load(
    issuances: Sequence[str] = (),
    cancellations: Sequence[str] = (),
    channels: Sequence[str] = (),
    opening: Sequence[str] = (),
) -> HistoryReport:
    """Import rows of the CDM."""
    ensure_mechanisms()
    given = {
        Kind.ISSUANCES: issuances, Kind.CANCELLATIONS: cancellations, Kind.CHANNELS: channels, Kind.OPENING: opening,
    }  # fmt: skip
    files = [a_file(kind, rows) for kind, rows in given.items() if rows]
    return import_history(files, mechanism_code="CDM", now=NOW)


def problems(refused: HistoryRefused) -> list[tuple[str, int, str | None, str]]:
    """What was refused: file, row, column and code."""
    return [(one.file.value, one.error.row, one.error.column, one.error.code) for one in refused.problems]


def books() -> dict[str, list[tuple[str, int, int]]]:
    """What lies in each account: number space, first and last serial number."""
    found: dict[str, list[tuple[str, int, int]]] = {}
    for identifier, space, first, last in db.session.execute(
        select(LedgerAccount.identifier, LedgerBlock.space, LedgerBlock.first, LedgerBlock.last)
        .join(LedgerAccount, LedgerAccount.id == LedgerBlock.account_id)
        .order_by(LedgerBlock.space, LedgerBlock.first)
    ):
        found.setdefault(identifier, []).append((space, first, last))
    db.session.rollback()
    return found


def number_of(table: type) -> int:
    """How many rows a table has."""
    count = db.session.scalar(select(func.count()).select_from(table)) or 0
    db.session.rollback()
    return count
