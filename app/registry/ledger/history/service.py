"""Published ledgers into the books: validated whole, applied in short transactions, finished by running it again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.exc import IntegrityError

from app.catalog.models import Mechanism, Project, ProjectParty, UnitType
from app.db import db, end_reading, insert_once, one_at_a_time, transaction
from app.kernel.csvtable import ImportReport
from app.kernel.errors import Refusal
from app.registry.ledger import codes
from app.registry.ledger.history import entering
from app.registry.ledger.history.books import read_books, read_issuances
from app.registry.ledger.history.checking import Plan, by_transaction, make_plan
from app.registry.ledger.history.models import LedgerFile
from app.registry.ledger.history.reading import Entry, PublishedFile, Read, read_all
from app.registry.ledger.models import LedgerAccount

TRANSACTIONS_AT_ONCE = 1_000  # so that a sale waits for a part of an import, never for all of it


class UnknownMechanism(Refusal):
    """There is no mechanism of this code."""

    code = "unknown_mechanism"


class BooksChanged(Refusal):
    """Somebody changed the books while rows were entered. What was entered is right; running it again does the rest."""

    code = "books_changed"


@dataclass(frozen=True)
class HistoryReport:
    """What an import changed, in rows, and the rows of foreign unit types that it kept apart."""

    opening: int
    issuances: int
    cancellations: int
    relabelled: int
    unchanged: int
    kept_apart: tuple[Entry, ...]

    @property
    def rows(self) -> ImportReport:
        """The same as other importers report."""
        return ImportReport(self.opening + self.issuances + self.cancellations, self.relabelled, self.unchanged)


def import_history(files: Sequence[PublishedFile], *, mechanism_code: str, now: datetime) -> HistoryReport:
    """Enter published issuances and cancellations into the books, each with its file and row.

    Everything is checked first: raises HistoryRefused with every problem, and then nothing was changed. Then it is
    applied in transactions of a moment each, issuances before cancellations, so that the books close after each of
    them. An import that was stopped is finished by running it again; rows that are there change nothing, and a row
    that says something else than it did is refused. Raises UnknownMechanism, and BooksChanged when somebody else
    changed the books meanwhile. `now` is an aware instant.
    """
    mechanism = db.session.get(Mechanism, mechanism_code)
    if mechanism is None:
        end_reading()
        raise UnknownMechanism(mechanism=mechanism_code)
    unit_types = set(db.session.scalars(select(UnitType.code).where(UnitType.mechanism_code == mechanism_code)))
    period_kind = mechanism.period_kind
    reads = read_all(files, unit_types, mechanism.space_form)
    books = read_books(mechanism_code)
    end_reading()
    plan = make_plan(reads, books, period_kind=period_kind, now=now)
    try:
        # A file that brings nothing, because others brought it before, is not noted.
        if not plan.is_empty or any(read.foreign for read in reads) or is_begun(files, mechanism_code):
            _apply(plan, reads, mechanism_code, now)
    except (IntegrityError, entering.UnitsMoved):
        raise BooksChanged from None
    return HistoryReport(
        opening=len(plan.opening),
        issuances=len(plan.issuances),
        cancellations=len(plan.cancellations),
        relabelled=len(plan.relabelled),
        unchanged=plan.unchanged,
        kept_apart=tuple(entry for read in reads for entry in read.foreign),
    )


def is_applied(files: Sequence[PublishedFile], mechanism_code: str) -> bool:
    """Whether every one of these files, by its bytes, was entered whole before."""
    applied = _noted(mechanism_code, LedgerFile.applied_at.is_not(None))
    return all((file.kind.value, file.sha256) in applied for file in files)


def is_begun(files: Sequence[PublishedFile], mechanism_code: str) -> bool:
    """Whether the import of one of these files was stopped before it was whole."""
    begun = _noted(mechanism_code, LedgerFile.applied_at.is_(None))
    return any((file.kind.value, file.sha256) in begun for file in files)


def _noted(mechanism_code: str, condition: ColumnElement[bool]) -> set[tuple[str, str]]:
    found = db.session.execute(
        select(LedgerFile.kind, LedgerFile.sha256).where(LedgerFile.mechanism_code == mechanism_code, condition)
    )
    noted = {(kind, sha256) for kind, sha256 in found}
    end_reading()
    return noted


def _apply(plan: Plan, reads: Sequence[Read], mechanism_code: str, now: datetime) -> None:
    with transaction():
        target = _prepare(reads, mechanism_code, now)
    if plan.opening:
        with _batch(target):
            entering.open_issuances(plan.opening, target)
    for part in _parts(plan.issuances):
        with _batch(target):
            entering.issue(part, target)
    issuances = read_issuances(mechanism_code)
    end_reading()
    for part in _parts(plan.cancellations):
        with _batch(target):
            entering.cancel(part, issuances, target)
    with _batch(target):
        entering.relabel(plan.relabelled, target)
        db.session.execute(
            update(LedgerFile)
            .where(LedgerFile.id.in_(target.files.values()), LedgerFile.applied_at.is_(None))
            .values(applied_at=now)
        )


@contextmanager
def _batch(target: entering.Target) -> Iterator[None]:
    """One transaction, in which nobody else moves units out of the pending account."""
    with transaction():
        one_at_a_time("import")
        db.session.execute(select(LedgerAccount.id).where(LedgerAccount.id == target.pending_id).with_for_update())
        yield


def _parts(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    """Rows in portions of whole transactions."""
    part: list[Entry] = []
    for count, rows in enumerate(by_transaction(entries).values(), start=1):
        part += rows
        if count % TRANSACTIONS_AT_ONCE == 0:
            yield part
            part = []
    if part:
        yield part


def _prepare(reads: Sequence[Read], mechanism_code: str, now: datetime) -> entering.Target:
    """Open the two accounts and note the files."""
    accounts = {}
    for type_code in (codes.PENDING_ACCOUNT, codes.VOLUNTARY_CANCELLATION_ACCOUNT):
        identifier = codes.account_identifier(mechanism_code, type_code)
        insert_once(
            LedgerAccount, identifier=identifier, type_code=type_code, holder=codes.ACCOUNT_TYPES[type_code].holder
        )
        accounts[type_code] = db.session.scalars(
            select(LedgerAccount.id).where(LedgerAccount.identifier == identifier)
        ).one()
    return entering.Target(
        mechanism_code=mechanism_code,
        pending_id=accounts[codes.PENDING_ACCOUNT],
        cancelled_id=accounts[codes.VOLUNTARY_CANCELLATION_ACCOUNT],
        files={read.file.kind: _note(read, mechanism_code, now) for read in reads},
        references={
            (number, party): reference
            for number, party, reference in db.session.execute(
                select(Project.reference_number, ProjectParty.country, Project.reference)
                .join(ProjectParty, ProjectParty.project_id == Project.id)
                .where(Project.mechanism_code == mechanism_code)
            )
        },
    )


def _note(read: Read, mechanism_code: str, now: datetime) -> int:
    """The id of a file, which an import that was stopped may have noted before."""
    file = read.file
    insert_once(
        LedgerFile,
        mechanism_code=mechanism_code,
        kind=file.kind.value,
        name=file.name[:200],
        sha256=file.sha256,
        rows=read.rows,
        kept_apart=[
            {
                "row": entry.number,
                "project": entry.project,
                "unit_type": entry.unit_type,
                "units": entry.units,
                "completed_at": entry.completed_at.isoformat() if entry.completed_at else None,
            }
            for entry in read.foreign
        ],
        imported_at=now,
        applied_at=None,
    )
    return db.session.scalars(
        select(LedgerFile.id).where(
            LedgerFile.mechanism_code == mechanism_code,
            LedgerFile.kind == file.kind.value,
            LedgerFile.sha256 == file.sha256,
        )
    ).one()
