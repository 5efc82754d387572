"""Opening balances of the embedded registry from a CSV file: the whole file or nothing."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from app.catalog.importer import REFERENCE
from app.catalog.models import Issuance, Project
from app.db import db, insert_once, one_at_a_time, transaction
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
from app.registry.ledger import codes
from app.registry.ledger.models import (
    LedgerAccount,
    LedgerBlock,
    LedgerIssuance,
    LedgerTransaction,
    LedgerTransactionBlock,
)
from app.registry.ledger.rules import first_available_serial
from app.registry.models import RegistryAccount

LEDGER = "ledger"  # the code of this registry
ACCOUNT = matching(r"[A-Z][A-Z0-9]{1,9}-100-[1-9][0-9]{0,11}", "CDM-100-1")

COLUMNS = (
    Column("account", ACCOUNT),
    Column("provider", CODE),
    Column("project", REFERENCE),
    Column("unit_type", text(12)),
    Column("commitment_period", whole_number(1, 2)),
    Column("originating_party", country),
    Column("serial_first", whole_number(1)),
    Column("serial_last", whole_number(1)),
)


@dataclass(frozen=True)
class _Books:
    """What is known before the file is applied."""

    providers: dict[str, Provider]
    accounts: dict[str, LedgerAccount]
    owners: dict[str, int]  # provider id by account
    issuances: dict[str, list[Issuance]]  # by project reference
    least_developed: dict[str, bool]  # by project reference
    blocks: list[Span]  # that lie in any account
    entered: dict[int, list[Span]]  # by account: what lies in it or has left it, in order


@dataclass(frozen=True)
class _Entry:
    """A row with what it names."""

    row: Row
    span: Span
    issuance: Issuance


def import_holdings(
    csv_text: str,
    *,
    now: datetime,  # noqa: ARG001 - one shape for every importer
    then: Callable[[ImportReport], None] = nothing_more,
) -> ImportReport:
    """Open the accounts of a file and enter the units that lie in them.

    Every range must lie inside one issuance of its project, after the adaptation share, and
    share no number with a block that is there. A range that was entered before is unchanged,
    even where units of it have been cancelled since. Raises ImportRefused with every problem;
    then nothing was changed.
    """
    table = read_table(csv_text, COLUMNS)
    errors = list(table.errors)
    with transaction():
        one_at_a_time("import")
        books = _read_books(table.rows)
        entries = []
        for row in table.rows:
            entry, problems = _check(row, books)
            errors += problems
            entries += [entry] if entry is not None else []
        errors += _owner_problems(table.rows, books)
        new = [entry for entry in entries if not _is_entered(entry, books)]
        errors += [
            entry.row.error("serial_first", "overlap", party=taken.space, first=taken.first, last=taken.last)
            for entry, taken in overlaps(books.blocks, ((entry.span, entry) for entry in new))
        ]
        if errors:
            raise ImportRefused(errors)
        renamed = _open_accounts(table.rows, books)
        identifiers = dict(db.session.execute(select(LedgerAccount.identifier, LedgerAccount.id)).all())
        issuances = _open_issuances(new)
        db.session.add_all(
            _block(entry, identifiers[entry.row["account"]], issuances[entry.issuance.id]) for entry in new
        )
        added = {entry.row.number for entry in new}
        updated = sum(row["account"] in renamed for row in table.rows if row.number not in added)
        report = ImportReport(len(new), updated, len(table.rows) - len(new) - updated)
        then(report)
    return report


def _read_books(rows: Sequence[Row]) -> _Books:
    references = {row["project"] for row in rows}
    parties = {row["originating_party"] for row in rows}
    issuances: dict[str, list[Issuance]] = {}
    least_developed = {}
    for issuance, reference, is_least_developed in db.session.execute(
        select(Issuance, Project.reference, Project.is_least_developed)
        .join(Project, Project.id == Issuance.project_id)
        .where(Issuance.originating_party.in_(parties))
    ):
        if reference in references:
            issuances.setdefault(reference, []).append(issuance)
            least_developed[reference] = is_least_developed
    blocks = [
        (Span(block.space, block.first, block.last), block.account_id)
        for block in db.session.scalars(select(LedgerBlock).where(LedgerBlock.space.in_(parties)))
    ]
    moved = [
        (Span(space, first, last), account_id)
        for space, first, last, account_id in db.session.execute(
            select(
                LedgerTransactionBlock.space,
                LedgerTransactionBlock.first,
                LedgerTransactionBlock.last,
                LedgerTransaction.from_account_id,
            )
            .join(LedgerTransaction, LedgerTransaction.id == LedgerTransactionBlock.transaction_id)
            .where(LedgerTransactionBlock.space.in_(parties), LedgerTransaction.from_account_id.is_not(None))
        )
    ]
    entered: dict[int, list[Span]] = {}
    for span, account_id in sorted([*blocks, *moved]):
        entered.setdefault(account_id or 0, []).append(span)
    return _Books(
        providers={provider.code: provider for provider in db.session.scalars(select(Provider))},
        accounts={account.identifier: account for account in db.session.scalars(select(LedgerAccount))},
        owners=dict(db.session.execute(select(RegistryAccount.identifier, RegistryAccount.provider_id)).all()),
        issuances=issuances,
        least_developed=least_developed,
        blocks=[span for span, _ in blocks],
        entered=entered,
    )


def _check(row: Row, books: _Books) -> tuple[_Entry | None, list[RowError]]:
    problems = []
    if row["provider"] not in books.providers:
        problems.append(row.error("provider", "unknown_provider", value=row["provider"]))
    span = Span(row["originating_party"], row["serial_first"], row["serial_last"])
    if span.units < 1:
        problems.append(row.error("serial_last", "ends_before_start"))
        return None, problems
    issuance = _find_issuance(row["project"], span, books)
    if issuance is None:
        problems.append(row.error("serial_first", "outside_issuance", project=row["project"]))
        return None, problems
    problems += [
        row.error(name, "not_as_issued", value=getattr(issuance, name))
        for name in ("unit_type", "commitment_period")
        if getattr(issuance, name) != row[name]
    ]
    first = first_available_serial(issuance.serial_first, issuance.units, books.least_developed[row["project"]])
    if span.first < first:
        problems.append(row.error("serial_first", "adaptation_share", first=first))
    return _Entry(row, span, issuance), problems


def _find_issuance(reference: str, span: Span, books: _Books) -> Issuance | None:
    for issuance in books.issuances.get(reference, []):
        if span.within(Span(issuance.originating_party, issuance.serial_first, issuance.serial_last)):
            return issuance
    return None


def _owner_problems(rows: Iterable[Row], books: _Books) -> list[RowError]:
    """An account has one owner: in the books, and in the file."""
    names = {provider.id: provider.code for provider in books.providers.values()}
    known = {*books.accounts, *books.owners}
    owners = {identifier: names.get(books.owners.get(identifier, 0), "") for identifier in known}
    problems = []
    for row in rows:
        owner = owners.setdefault(row["account"], row["provider"])
        if owner != row["provider"]:
            problems.append(row.error("provider", "other_owner", account=row["account"]))
    return problems


def _is_entered(entry: _Entry, books: _Books) -> bool:
    """Whether every unit of the range lies in the account of the row or has left it since."""
    account = books.accounts.get(entry.row["account"])
    if account is None:
        return False
    pieces = books.entered.get(account.id, [])
    start = max(0, bisect_left(pieces, entry.span) - 1)
    end = bisect_right(pieces, (entry.span.space, entry.span.last, entry.span.last + LARGEST_WHOLE_NUMBER))
    return sum(entry.span.common(piece) for piece in pieces[start:end]) == entry.span.units


def _open_accounts(rows: Iterable[Row], books: _Books) -> set[str]:
    """Open the accounts that are missing; returns those whose owner has another name by now."""
    insert_once(
        LedgerAccount,
        identifier=codes.CANCELLATION_ACCOUNT_IDENTIFIER,
        type_code=codes.VOLUNTARY_CANCELLATION_ACCOUNT,
        holder="Voluntary cancellation account",
    )
    renamed: set[str] = set()
    for identifier, code in {row["account"]: row["provider"] for row in rows}.items():
        provider = books.providers[code]
        account = books.accounts.get(identifier)
        if account is None:
            db.session.add(
                LedgerAccount(
                    identifier=identifier,
                    type_code=codes.HOLDING_ACCOUNT,
                    holder=provider.legal_name,
                )
            )
            db.session.add(
                RegistryAccount(
                    identifier=identifier,
                    registry_code=LEDGER,
                    provider_id=provider.id,
                    holder=provider.legal_name,
                )
            )
        elif account.holder != provider.legal_name:
            account.holder = db.session.get_one(RegistryAccount, identifier).holder = provider.legal_name
            renamed.add(identifier)
    db.session.flush()
    return renamed


def _open_issuances(entries: Iterable[_Entry]) -> dict[int, int]:
    """Enter issuances that the ledger does not know; gives the ledger's id for each of the catalogue's."""
    known = {(issuance.space, issuance.first): issuance for issuance in db.session.scalars(select(LedgerIssuance))}
    wanted = {entry.issuance.id: entry.issuance for entry in entries}
    for issuance in wanted.values():
        if (issuance.space, issuance.serial_first) not in known:
            project = db.session.get_one(Project, issuance.project_id)
            entered = LedgerIssuance(
                mechanism_code=project.mechanism_code,
                project_reference=project.reference,
                unit_type=issuance.unit_type,
                commitment_period=issuance.commitment_period,
                vintage_year=issuance.vintage_year,
                party=issuance.originating_party,
                space=issuance.space,
                first=issuance.serial_first,
                last=issuance.serial_last,
            )
            db.session.add(entered)
            known[issuance.space, issuance.serial_first] = entered
    db.session.flush()
    return {id_: known[issuance.space, issuance.serial_first].id for id_, issuance in wanted.items()}


def _block(entry: _Entry, account_id: int, issuance_id: int) -> LedgerBlock:
    return LedgerBlock(
        account_id=account_id,
        issuance_id=issuance_id,
        space=entry.span.space,
        first=entry.span.first,
        last=entry.span.last,
    )
