"""Published rows into the tables of the ledger, many at a time, inside the transaction that the service opened."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, insert, select, update

from app.db import db
from app.kernel.serials import Span
from app.registry.ledger import codes
from app.registry.ledger.history.books import IMPORTED, TRANSACTION_TYPES, Issuances
from app.registry.ledger.history.checking import Relabelled, by_transaction
from app.registry.ledger.history.models import LedgerSource
from app.registry.ledger.history.reading import Entry, Kind, party_of
from app.registry.ledger.history.spans import merged, units, without
from app.registry.ledger.models import LedgerBlock, LedgerIssuance, LedgerTransaction, LedgerTransactionBlock


class UnitsMoved(Exception):
    """Units of a published cancellation do not lie in the pending account any more."""


@dataclass(frozen=True)
class Target:
    """Where rows go: a mechanism, its two accounts, the files by kind, and the catalogue's references of projects."""

    mechanism_code: str
    pending_id: int
    cancelled_id: int
    files: Mapping[Kind, int]
    references: Mapping[tuple[int, str], str]  # by project number and Party


def open_issuances(entries: Sequence[Entry], target: Target) -> None:
    """Enter ranges that were issued before the books begin: they lie in the pending account, without a transaction."""
    ids = _insert_issuances(entries, {}, target)
    _insert_blocks(((id_, entry.span) for id_, entry in zip(ids, entries, strict=True)), target.pending_id)
    db.session.execute(
        insert(LedgerSource),
        [
            {"file_id": target.files[Kind.OPENING], "row": entry.number, "issuance_id": id_}
            for id_, entry in zip(ids, entries, strict=True)
        ],
    )


def issue(entries: Sequence[Entry], target: Target) -> None:
    """Enter issuances. Units that the books opened with stay where they lie; all others go to the pending account."""
    transactions = _insert_transactions(entries, Kind.ISSUANCES, target)
    opened = _issuances_beginning_at(entries)
    new = [entry for entry in entries if entry.span not in opened]
    ids = dict(zip((entry.span for entry in new), _insert_issuances(new, transactions, target), strict=True))
    _insert_blocks(((ids[entry.span], entry.span) for entry in new), target.pending_id)
    for entry in entries:
        if entry.span in opened:
            db.session.execute(
                update(LedgerIssuance)
                .where(LedgerIssuance.id == opened[entry.span])
                .values(issued_in_id=transactions[entry])
            )
    placed = _blocks_of(opened.values())
    _insert_blocks(
        (
            (id_, left)
            for span, id_ in opened.items()
            for left in without([span], (block.span for block in placed if block.issuance_id == id_))
        ),
        target.pending_id,
    )
    _insert_transaction_blocks(entries, transactions, ids | opened, target)


def cancel(entries: Sequence[Entry], issuances: Issuances, target: Target) -> None:
    """Move units from the pending account to the cancellation account, each block as its row has it.

    Raises UnitsMoved when some do not lie in the pending account.
    """
    transactions = _insert_transactions(entries, Kind.CANCELLATIONS, target)
    issuance_ids: dict[Span, int] = {}
    taken: dict[int, list[Span]] = {}
    for entry in entries:
        issued = issuances.holding(entry.span)
        if issued is None or issued.id is None:
            raise UnitsMoved
        issuance_ids[entry.span] = issued.id
        taken.setdefault(issued.id, []).append(entry.span)
    pending: dict[int, list[_Block]] = {}
    for block in _blocks_of(taken, account_id=target.pending_id):
        pending.setdefault(block.issuance_id, []).append(block)
    gone: list[int] = []
    left: list[tuple[int, Span]] = []
    for issuance_id, spans in taken.items():
        blocks = pending.get(issuance_id, [])
        before = merged(block.span for block in blocks)
        after = without(before, spans)
        if units(after) != units(before) - units(spans):
            raise UnitsMoved
        kept = set(after)
        gone += [block.id for block in blocks if block.span not in kept]
        there = {block.span for block in blocks}
        left += [(issuance_id, span) for span in after if span not in there]
    db.session.execute(
        delete(LedgerBlock).where(LedgerBlock.id.in_(gone)), execution_options={"synchronize_session": False}
    )
    _insert_blocks(left, target.pending_id)
    _insert_blocks(((issuance_ids[entry.span], entry.span) for entry in entries), target.cancelled_id)
    _insert_transaction_blocks(entries, transactions, issuance_ids, target)


def relabel(rows: Iterable[Relabelled], target: Target) -> None:
    """Correct the channel of transactions that are in the books."""
    for row in rows:
        db.session.execute(
            update(LedgerTransaction)
            .where(LedgerTransaction.id == row.known.transaction_id)
            .values(channel=row.override.channel)
        )
        db.session.execute(
            insert(LedgerSource).values(
                file_id=target.files[Kind.CHANNELS], row=row.override.number, transaction_block_id=row.known.block_id
            )
        )


@dataclass(frozen=True, slots=True)
class _Block:
    id: int
    issuance_id: int
    span: Span


def _blocks_of(issuance_ids: Iterable[int], account_id: int | None = None) -> list[_Block]:
    wanted = select(
        LedgerBlock.id, LedgerBlock.issuance_id, LedgerBlock.space, LedgerBlock.first, LedgerBlock.last
    ).where(LedgerBlock.issuance_id.in_(list(issuance_ids)))
    if account_id is not None:
        wanted = wanted.where(LedgerBlock.account_id == account_id)
    return [_Block(row.id, row.issuance_id, Span(row.space, row.first, row.last)) for row in db.session.execute(wanted)]


def _issuances_beginning_at(entries: Iterable[Entry]) -> dict[Span, int]:
    spans = {entry.span for entry in entries}
    rows = db.session.execute(
        select(LedgerIssuance.id, LedgerIssuance.space, LedgerIssuance.first, LedgerIssuance.last).where(
            LedgerIssuance.space.in_({span.space for span in spans}),
            LedgerIssuance.first.in_({span.first for span in spans}),
        )
    )
    found = {Span(row.space, row.first, row.last): row.id for row in rows}
    return {span: found[span] for span in spans if span in found}


def _insert_transactions(entries: Iterable[Entry], kind: Kind, target: Target) -> dict[Entry, int]:
    """One transaction for each time; gives the id for each row."""
    groups = by_transaction(entries)
    is_issuance = kind is Kind.ISSUANCES
    ids = _insert(
        LedgerTransaction,
        [
            {
                "type_code": TRANSACTION_TYPES[kind],
                "state_code": codes.COMPLETED,
                "mechanism_code": target.mechanism_code,
                "origin": IMPORTED,
                "channel": rows[0].channel,
                "from_account_id": None if is_issuance else target.pending_id,
                "to_account_id": target.pending_id if is_issuance else target.cancelled_id,
                "commitment_period": rows[0].commitment_period,
                "vintage_year": rows[0].vintage_year,
                "units": sum(row.units for row in rows),
                "completed_at": at,
            }
            for at, rows in groups.items()
        ],
    )
    return {row: id_ for id_, rows in zip(ids, groups.values(), strict=True) for row in rows}


def _insert_issuances(entries: Sequence[Entry], issued_in: Mapping[Entry, int], target: Target) -> list[int]:
    return _insert(
        LedgerIssuance,
        [
            {
                "mechanism_code": target.mechanism_code,
                "project_reference": target.references.get(
                    (entry.project_number, party_of(entry.project)), entry.project
                ),
                "unit_type": entry.unit_type,
                "commitment_period": entry.commitment_period,
                "vintage_year": entry.vintage_year,
                "party": party_of(entry.project),
                "space": entry.span.space,
                "first": entry.span.first,
                "last": entry.span.last,
                "issued_in_id": issued_in.get(entry),
            }
            for entry in entries
        ],
    )


def _insert_blocks(blocks: Iterable[tuple[int, Span]], account_id: int) -> None:
    rows = [
        {
            "account_id": account_id,
            "issuance_id": issuance_id,
            "space": span.space,
            "first": span.first,
            "last": span.last,
        }
        for issuance_id, span in blocks
    ]
    if rows:
        db.session.execute(insert(LedgerBlock), rows)


def _insert_transaction_blocks(
    entries: Sequence[Entry], transactions: Mapping[Entry, int], issuance_ids: Mapping[Span, int], target: Target
) -> None:
    ids = _insert(
        LedgerTransactionBlock,
        [
            {
                "transaction_id": transactions[entry],
                "issuance_id": issuance_ids[entry.span],
                "space": entry.span.space,
                "first": entry.span.first,
                "last": entry.span.last,
            }
            for entry in entries
        ],
    )
    rows = []
    for id_, entry in zip(ids, entries, strict=True):
        rows.append({"file_id": target.files[entry.kind], "row": entry.number, "transaction_block_id": id_})
        if entry.override is not None:
            rows.append({"file_id": target.files[Kind.CHANNELS], "row": entry.override, "transaction_block_id": id_})
    db.session.execute(insert(LedgerSource), rows)


def _insert(table: type[Any], rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """Insert rows at once; gives their ids in the same order."""
    if not rows:
        return []
    statement = insert(table).returning(table.id, sort_by_parameter_order=True)
    return list(db.session.scalars(statement, list(rows)))
