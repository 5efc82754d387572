"""The books of the embedded registry, as operators read them. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select, true
from sqlalchemy.orm import aliased

from app.db import db
from app.kernel.money import Money
from app.kernel.serials import Span
from app.registry.ledger.models import (
    LedgerAccount,
    LedgerBlock,
    LedgerIssuance,
    LedgerPayment,
    LedgerTransaction,
    LedgerTransactionBlock,
)
from app.registry.ledger.pending import Pending, pending_of

PAGE = 50
NO_FEE = "USD"  # the currency in which nothing is due where a mechanism asks for nothing


@dataclass(frozen=True)
class AccountRow:
    """An account and what lies in it, in units (tonnes)."""

    identifier: str
    type_code: int
    holder: str
    units: int
    blocks: int


@dataclass(frozen=True)
class TransactionRow:
    """A transaction between accounts, which are given by their identifiers."""

    identifier: str
    type_code: int
    state_code: int
    origin: str
    channel: str
    source: str | None
    target: str
    units: int
    unit_type: str | None
    commitment_period: int | None
    vintage_year: int | None
    completed_at: datetime


@dataclass(frozen=True)
class PlacedBlock:
    """Serial numbers and the account they lie in."""

    span: Span
    account: str
    type_code: int


@dataclass(frozen=True)
class IssuanceView:
    """One issuance whole."""

    issuance: LedgerIssuance
    pending: Pending
    payments: Sequence[LedgerPayment]
    blocks: Sequence[PlacedBlock]
    transactions: Sequence[TransactionRow]

    @property
    def open_fee(self) -> Money:
        """What is still due of the share of proceeds."""
        return self._money(self.issuance.fee_due - self.issuance.fee_paid)

    @property
    def fee_due(self) -> Money:
        """The whole share of proceeds for administration."""
        return self._money(self.issuance.fee_due)

    @property
    def fee_paid(self) -> Money:
        """What was paid of it."""
        return self._money(self.issuance.fee_paid)

    def _money(self, minor: int) -> Money:
        return Money(minor, self.issuance.fee_currency or NO_FEE)


def accounts() -> list[AccountRow]:
    """Every account with its balance, by identifier; one query."""
    rows = db.session.execute(
        select(
            LedgerAccount.identifier,
            LedgerAccount.type_code,
            LedgerAccount.holder,
            func.coalesce(func.sum(LedgerBlock.last - LedgerBlock.first + 1), 0),
            func.count(LedgerBlock.id),
        )
        .outerjoin(LedgerBlock, LedgerBlock.account_id == LedgerAccount.id)
        .group_by(LedgerAccount.id)
        .order_by(LedgerAccount.identifier)
    ).all()
    return [AccountRow(name, code, holder, int(units), blocks) for name, code, holder, units, blocks in rows]


def transactions(page: int = 1) -> tuple[list[TransactionRow], bool]:
    """One page of transactions, the latest first, and whether there are more."""
    rows = _transactions(true(), offset=(page - 1) * PAGE, limit=PAGE + 1)
    return rows[:PAGE], len(rows) > PAGE


def with_fees(limit: int = PAGE) -> Sequence[LedgerIssuance]:
    """Issuances whose share of proceeds is not paid in full, the oldest first."""
    return db.session.scalars(
        select(LedgerIssuance)
        .where(LedgerIssuance.fee_paid < LedgerIssuance.fee_due)
        .order_by(LedgerIssuance.id)
        .limit(limit)
    ).all()


def issuances_of(project_reference: str) -> Sequence[LedgerIssuance]:
    """What was issued of a project, in the order of the serial numbers."""
    return db.session.scalars(
        select(LedgerIssuance)
        .where(LedgerIssuance.project_reference == project_reference)
        .order_by(LedgerIssuance.space, LedgerIssuance.first)
        .limit(PAGE * 10)
    ).all()


def find_issuance(issuance_id: int) -> IssuanceView | None:
    """One issuance with its payments, transactions and where its units lie."""
    issuance = db.session.get(LedgerIssuance, issuance_id)
    if issuance is None:
        return None
    blocks = db.session.execute(
        select(LedgerBlock.first, LedgerBlock.last, LedgerAccount.identifier, LedgerAccount.type_code)
        .join(LedgerAccount, LedgerAccount.id == LedgerBlock.account_id)
        .where(LedgerBlock.space == issuance.space, LedgerBlock.first.between(issuance.first, issuance.last))
        .order_by(LedgerBlock.first)
    ).all()
    of_it = select(LedgerTransactionBlock.transaction_id).where(
        LedgerTransactionBlock.space == issuance.space,
        LedgerTransactionBlock.first.between(issuance.first, issuance.last),
    )
    return IssuanceView(
        issuance=issuance,
        pending=pending_of(issuance),
        payments=db.session.scalars(
            select(LedgerPayment).where(LedgerPayment.issuance_id == issuance_id).order_by(LedgerPayment.id)
        ).all(),
        blocks=[PlacedBlock(Span(issuance.space, first, last), name, code) for first, last, name, code in blocks],
        transactions=_transactions(LedgerTransaction.id.in_(of_it), offset=0, limit=PAGE),
    )


def _transactions(condition: ColumnElement[bool], *, offset: int, limit: int) -> list[TransactionRow]:
    source, target = aliased(LedgerAccount), aliased(LedgerAccount)
    unit_type = (
        select(func.min(LedgerIssuance.unit_type))
        .join(LedgerTransactionBlock, LedgerTransactionBlock.issuance_id == LedgerIssuance.id)
        .where(LedgerTransactionBlock.transaction_id == LedgerTransaction.id)
        .scalar_subquery()
    )
    rows = db.session.execute(
        select(LedgerTransaction, source.identifier, target.identifier, unit_type)
        .outerjoin(source, source.id == LedgerTransaction.from_account_id)
        .join(target, target.id == LedgerTransaction.to_account_id)
        .where(condition)
        .order_by(LedgerTransaction.completed_at.desc(), LedgerTransaction.id.desc())
        .offset(offset)
        .limit(limit)
    ).all()
    return [_row(*row) for row in rows]


def _row(entry: LedgerTransaction, source: str | None, target: str, unit_type: str | None) -> TransactionRow:
    return TransactionRow(
        identifier=entry.identifier or "",
        type_code=entry.type_code,
        state_code=entry.state_code,
        origin=entry.origin,
        channel=entry.channel,
        source=source,
        target=target,
        units=entry.units,
        unit_type=unit_type,
        commitment_period=entry.commitment_period,
        vintage_year=entry.vintage_year,
        completed_at=entry.completed_at,
    )
