"""What the ledger's books say now, as far as an import of published rows has to agree with it. Reads only."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import exists, select

from app.db import db
from app.kernel.serials import Span
from app.registry.ledger import codes
from app.registry.ledger.history.models import LedgerFile, LedgerSource
from app.registry.ledger.history.reading import Entry, Kind, project_number
from app.registry.ledger.models import (
    LedgerAccount,
    LedgerBlock,
    LedgerIssuance,
    LedgerTransaction,
    LedgerTransactionBlock,
)

IMPORTED = "imported"
TRANSACTION_TYPES = {Kind.ISSUANCES: codes.ISSUANCE, Kind.CANCELLATIONS: codes.CANCELLATION}

Key = tuple[Kind, str, int]  # what a row is known by: its file's kind, number space and first serial number


@dataclass(frozen=True, slots=True)
class Issued:
    """One issuance, in the books or in a file. `id` is None while it is in a file only; `at` where nobody says when."""

    span: Span
    project_number: int
    unit_type: str
    commitment_period: int | None
    vintage_year: int | None
    at: datetime | None = None
    id: int | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """A row that was imported before."""

    transaction_id: int
    block_id: int
    last: int
    completed_at: datetime
    channel: str
    issued: Issued
    is_overridden: bool


class Issuances:
    """Issuances by their serial numbers. None of one number space overlaps another."""

    def __init__(self, issuances: Iterable[Issued]) -> None:
        self._by_space: dict[str, list[Issued]] = {}
        for issued in sorted(issuances, key=lambda one: one.span):
            self._by_space.setdefault(issued.span.space, []).append(issued)
        self._firsts = {space: [one.span.first for one in found] for space, found in self._by_space.items()}

    def holding(self, span: Span) -> Issued | None:
        """The issuance that has every number of a span, or None."""
        found = self._by_space.get(span.space, [])
        place = bisect_right(self._firsts.get(span.space, []), span.first) - 1
        return found[place] if place >= 0 and span.within(found[place].span) else None

    def beginning_at(self, span: Span) -> Issued | None:
        """The issuance whose first number is that of a span, or None."""
        found = self._by_space.get(span.space, [])
        place = bisect_right(self._firsts.get(span.space, []), span.first) - 1
        return found[place] if place >= 0 and found[place].span.first == span.first else None

    def spans(self) -> list[Span]:
        """The spans of all of them, in order."""
        return [one.span for found in self._by_space.values() for one in found]


@dataclass(frozen=True)
class Books:
    """What is known before anything is applied."""

    issuances: Issuances
    known: Mapping[Key, Known]
    blocks_of: Mapping[int, int]  # how many blocks each imported transaction has
    times: frozenset[tuple[Kind, datetime]]  # of the transactions that were imported
    taken: Sequence[Span]  # what lies in other accounts than the one of issued units


def key_of(entry: Entry) -> Key:
    """What a row is known by."""
    return entry.kind, entry.span.space, entry.span.first


def read_books(mechanism_code: str) -> Books:
    """The books of a mechanism. Four queries."""
    issued = {one.id: one for one in _issued(mechanism_code)}
    known: dict[Key, Known] = {}
    blocks_of: dict[int, int] = {}
    for kind, type_code in TRANSACTION_TYPES.items():
        for row in _imported(mechanism_code, type_code):
            known[kind, row.space, row.first] = Known(
                row.transaction_id,
                row.id,
                row.last,
                row.completed_at,
                row.channel,
                issued[row.issuance_id],
                bool(row.is_overridden),
            )
            blocks_of[row.transaction_id] = blocks_of.get(row.transaction_id, 0) + 1
    return Books(
        issuances=Issuances(issued.values()),
        known=known,
        blocks_of=blocks_of,
        times=frozenset((kind, row.completed_at) for (kind, _space, _first), row in known.items()),
        taken=_taken(mechanism_code),
    )


def read_issuances(mechanism_code: str) -> Issuances:
    """The issuances of a mechanism that the books have."""
    return Issuances(_issued(mechanism_code))


def _issued(mechanism_code: str) -> list[Issued]:
    rows = db.session.execute(
        select(
            LedgerIssuance.id,
            LedgerIssuance.space,
            LedgerIssuance.first,
            LedgerIssuance.last,
            LedgerIssuance.project_reference,
            LedgerIssuance.unit_type,
            LedgerIssuance.commitment_period,
            LedgerIssuance.vintage_year,
            LedgerTransaction.completed_at,
        )
        .outerjoin(LedgerTransaction, LedgerTransaction.id == LedgerIssuance.issued_in_id)
        .where(LedgerIssuance.mechanism_code == mechanism_code)
    )
    return [
        Issued(
            Span(row.space, row.first, row.last),
            project_number(row.project_reference),
            row.unit_type,
            row.commitment_period,
            row.vintage_year,
            row.completed_at,
            row.id,
        )
        for row in rows
    ]


def _imported(mechanism_code: str, type_code: int) -> Sequence[Any]:
    is_overridden = exists().where(
        LedgerSource.transaction_block_id == LedgerTransactionBlock.id,
        LedgerSource.file_id == LedgerFile.id,
        LedgerFile.kind == Kind.CHANNELS.value,
    )
    return db.session.execute(
        select(
            LedgerTransactionBlock.id,
            LedgerTransactionBlock.transaction_id,
            LedgerTransactionBlock.issuance_id,
            LedgerTransactionBlock.space,
            LedgerTransactionBlock.first,
            LedgerTransactionBlock.last,
            LedgerTransaction.completed_at,
            LedgerTransaction.channel,
            is_overridden.label("is_overridden"),
        )
        .join(LedgerTransaction, LedgerTransaction.id == LedgerTransactionBlock.transaction_id)
        .where(
            LedgerTransaction.mechanism_code == mechanism_code,
            LedgerTransaction.origin == IMPORTED,
            LedgerTransaction.type_code == type_code,
        )
    ).all()


def _taken(mechanism_code: str) -> list[Span]:
    rows = db.session.execute(
        select(LedgerBlock.space, LedgerBlock.first, LedgerBlock.last)
        .join(LedgerAccount, LedgerAccount.id == LedgerBlock.account_id)
        .join(LedgerIssuance, LedgerIssuance.id == LedgerBlock.issuance_id)
        .where(
            LedgerIssuance.mechanism_code == mechanism_code,
            LedgerAccount.type_code != codes.PENDING_ACCOUNT,
        )
    )
    return [Span(*row) for row in rows]
