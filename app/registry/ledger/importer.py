"""What lies in the accounts of the embedded registry, from a CSV file: the whole file or nothing."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from app.catalog.importer import REFERENCE
from app.catalog.models import Issuance, Project
from app.db import db, transaction
from app.kernel.csvtable import (
    LARGEST_WHOLE_NUMBER,
    Column,
    ImportRefused,
    ImportReport,
    Row,
    RowError,
    country,
    matching,
    nothing_more,
    read_table,
    text,
    whole_number,
)
from app.kernel.serials import Span, overlaps
from app.providers.importer import CODE
from app.providers.models import Provider
from app.registry.ledger import books, codes, openings
from app.registry.ledger.levies import LevyRules, read_rules
from app.registry.ledger.models import (
    LedgerAccount,
    LedgerBlock,
    LedgerIssuance,
    LedgerTransaction,
    LedgerTransactionBlock,
)
from app.registry.ledger.openings import Holding
from app.registry.ledger.pending import pending_of
from app.registry.models import RegistryAccount

ACCOUNT = matching(r"[A-Z][A-Z0-9]{1,9}-100-[1-9][0-9]{0,11}", "CDM-100-1")

COLUMNS = (
    Column("account", ACCOUNT),
    Column("provider", CODE),
    Column("project", REFERENCE),
    Column("unit_type", text(12)),
    Column("commitment_period", whole_number(1, 2), required=False),
    Column("vintage_year", whole_number(2000, 2200), required=False),
    Column("originating_party", country),
    Column("serial_first", whole_number(1)),
    Column("serial_last", whole_number(1)),
)

# What a row says of its units beside their numbers.
AS_ISSUED = ("unit_type", "commitment_period", "vintage_year")


@dataclass(frozen=True)
class _Books:
    """What is known before the file is applied."""

    providers: dict[str, Provider]
    accounts: dict[str, int]  # id by identifier
    owners: dict[str, int]  # provider id by account
    issuances: dict[tuple[str, str], list[Issuance]]  # by project reference and Party
    projects: dict[int, Project]  # by id
    entered: dict[int, list[Span]]  # by account: what lies in it or has left it, in order
    blocks: list[Span]  # that lie in accounts other than a pending one
    pending: list[Span]
    fees: dict[tuple[str, int], int]  # units of an issuance that may leave the pending account, where a fee is due
    rules: LevyRules


@dataclass(frozen=True)
class _Entry:
    """A row with what it names."""

    row: Row
    span: Span
    issuance: Issuance


def import_holdings(
    csv_text: str, *, now: datetime, then: Callable[[ImportReport], None] = nothing_more
) -> ImportReport:
    """Open the accounts of a file and bring the units into them: forwarded, or as an opening balance.

    Every range must lie inside one issuance of its project, after the shares that the mechanism takes, and
    share no number with a block in another account. What waits for its share of proceeds is not forwarded.
    A range that was entered before is unchanged, even where units of it have been cancelled since. Raises
    ImportRefused with every problem; then nothing was changed.
    """
    table = read_table(csv_text, COLUMNS)
    errors = list(table.errors)
    with transaction():
        books.lock()
        known = _read_books(table.rows)
        entries = []
        for row in table.rows:
            entry, problems = _check(row, known)
            errors += problems
            entries += [entry] if entry is not None else []
        errors += _owner_problems(table.rows, known)
        new = [entry for entry in entries if not _is_entered(entry, known)]
        errors += [
            entry.row.error("serial_first", "overlap", party=taken.space, first=taken.first, last=taken.last)
            for entry, taken in overlaps(known.blocks, ((entry.span, entry) for entry in new))
        ]
        errors += _fee_problems(new, known)
        if errors:
            raise ImportRefused(errors)
        renamed = openings.open_accounts({row["account"]: known.providers[row["provider"]] for row in table.rows})
        openings.write(
            (
                Holding(entry.row["account"], entry.span, entry.issuance, _is_inside(entry.span, known.pending))
                for entry in new
            ),
            now,
        )
        added = {entry.row.number for entry in new}
        updated = sum(row["account"] in renamed for row in table.rows if row.number not in added)
        report = ImportReport(len(new), updated, len(table.rows) - len(new) - updated)
        then(report)
    return report


def _read_books(rows: Sequence[Row]) -> _Books:
    references = {row["project"] for row in rows}
    parties = {row["originating_party"] for row in rows}
    issuances: dict[tuple[str, str], list[Issuance]] = {}
    projects = {}
    for issuance, project in db.session.execute(
        select(Issuance, Project)
        .join(Project, Project.id == Issuance.project_id)
        .where(Issuance.originating_party.in_(parties))
    ):
        if project.reference in references:
            issuances.setdefault((project.reference, issuance.originating_party), []).append(issuance)
            projects[project.id] = project
    spaces = {issuance.space for found in issuances.values() for issuance in found}
    lying = [
        (Span(space, first, last), account_id, type_code)
        for space, first, last, account_id, type_code in db.session.execute(
            select(LedgerBlock.space, LedgerBlock.first, LedgerBlock.last, LedgerAccount.id, LedgerAccount.type_code)
            .join(LedgerAccount, LedgerAccount.id == LedgerBlock.account_id)
            .where(LedgerBlock.space.in_(spaces))
        )
    ]
    left = [
        (Span(space, first, last), account_id)
        for space, first, last, account_id in db.session.execute(
            select(
                LedgerTransactionBlock.space,
                LedgerTransactionBlock.first,
                LedgerTransactionBlock.last,
                LedgerTransaction.from_account_id,
            )
            .join(LedgerTransaction, LedgerTransaction.id == LedgerTransactionBlock.transaction_id)
            .where(LedgerTransactionBlock.space.in_(spaces), LedgerTransaction.from_account_id.is_not(None))
        )
    ]
    entered: dict[int, list[Span]] = {}
    for span, account_id in sorted([*((span, account_id) for span, account_id, _type in lying), *left]):
        entered.setdefault(account_id or 0, []).append(span)
    return _Books(
        providers={provider.code: provider for provider in db.session.scalars(select(Provider))},
        accounts=dict(db.session.execute(select(LedgerAccount.identifier, LedgerAccount.id)).all()),
        owners=dict(db.session.execute(select(RegistryAccount.identifier, RegistryAccount.provider_id)).all()),
        issuances=issuances,
        projects=projects,
        entered=entered,
        blocks=[span for span, _account, type_code in lying if type_code != codes.PENDING_ACCOUNT],
        pending=sorted(span for span, _account, type_code in lying if type_code == codes.PENDING_ACCOUNT),
        fees={(found.space, found.first): pending_of(found).releasable for found in _with_fees(spaces)},
        rules=read_rules(),
    )


def _with_fees(spaces: Iterable[str]) -> Iterable[LedgerIssuance]:
    return db.session.scalars(
        select(LedgerIssuance).where(LedgerIssuance.space.in_(spaces), LedgerIssuance.fee_paid < LedgerIssuance.fee_due)
    ).all()


def _check(row: Row, known: _Books) -> tuple[_Entry | None, list[RowError]]:
    problems = []
    if row["provider"] not in known.providers:
        problems.append(row.error("provider", "unknown_provider", value=row["provider"]))
    if row["serial_last"] < row["serial_first"]:
        problems.append(row.error("serial_last", "ends_before_start"))
        return None, problems
    issuance = _find_issuance(row, known)
    if issuance is None:
        problems.append(row.error("serial_first", "outside_issuance", project=row["project"]))
        return None, problems
    problems += [
        row.error(name, "not_as_issued", value=getattr(issuance, name) or "–")
        for name in AS_ISSUED
        if getattr(issuance, name) != row[name]
    ]
    project = known.projects[issuance.project_id]
    levies = known.rules.of(
        project.mechanism_code,
        issuance.completed_at.date(),
        units=issuance.units,
        is_least_developed=project.is_least_developed,
    )
    first = issuance.serial_first + levies.taken
    if row["serial_first"] < first:
        problems.append(row.error("serial_first", "adaptation_share", first=first))
    return _Entry(row, Span(issuance.space, row["serial_first"], row["serial_last"]), issuance), problems


def _find_issuance(row: Row, known: _Books) -> Issuance | None:
    """The issuance that holds the range: of two with the same numbers in different spaces, the one that fits better."""
    around = [
        issuance
        for issuance in known.issuances.get((row["project"], row["originating_party"]), [])
        if issuance.serial_first <= row["serial_first"] and row["serial_last"] <= issuance.serial_last
    ]
    return max(
        around, key=lambda issuance: sum(getattr(issuance, name) == row[name] for name in AS_ISSUED), default=None
    )


def _owner_problems(rows: Iterable[Row], known: _Books) -> list[RowError]:
    """An account has one owner: in the books, and in the file."""
    names = {provider.id: provider.code for provider in known.providers.values()}
    identifiers = {*known.accounts, *known.owners}
    owners = {identifier: names.get(known.owners.get(identifier, 0), "") for identifier in identifiers}
    problems = []
    for row in rows:
        owner = owners.setdefault(row["account"], row["provider"])
        if owner != row["provider"]:
            problems.append(row.error("provider", "other_owner", account=row["account"]))
    return problems


def _fee_problems(new: Iterable[_Entry], known: _Books) -> list[RowError]:
    """Units leave the pending account only as far as their share of proceeds is paid."""
    left = dict(known.fees)
    problems = []
    for entry in new:
        key = (entry.issuance.space, entry.issuance.serial_first)
        if key in left:
            left[key] -= entry.span.units
            if left[key] < 0:
                problems.append(entry.row.error("serial_first", "fee_outstanding", released=known.fees[key]))
    return problems


def _is_entered(entry: _Entry, known: _Books) -> bool:
    """Whether every unit of the range lies in the account of the row or has left it since."""
    account_id = known.accounts.get(entry.row["account"])
    if account_id is None:
        return False
    return _is_inside(entry.span, known.entered.get(account_id, []))


def _is_inside(span: Span, pieces: Sequence[Span]) -> bool:
    """Whether pieces, in order and without overlaps, hold every number of a span."""
    start = max(0, bisect_left(pieces, span) - 1)
    end = bisect_right(pieces, (span.space, span.last, span.last + LARGEST_WHOLE_NUMBER))
    return sum(span.common(piece) for piece in pieces[start:end]) == span.units
