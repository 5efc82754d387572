"""Keeping the books: accounts, transactions and blocks, inside the caller's transaction.

Blocks split and never overlap. On both databases that is enforced row by row, so a block shrinks before what was
split off it is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Table, bindparam, select, update

from app.db import add_row, db, insert_once, insert_once_with_id, one_at_a_time, write
from app.kernel.serials import Span
from app.registry.ledger import codes
from app.registry.ledger.errors import ReferenceUsed
from app.registry.ledger.models import (
    LedgerAccount,
    LedgerBlock,
    LedgerIssuance,
    LedgerTransaction,
    LedgerTransactionBlock,
)

_TRANSACTIONS = cast(Table, LedgerTransaction.__table__)
_BLOCKS = cast(Table, LedgerBlock.__table__)

OWN, OPENING = "own", "opening"
REGISTRY = "registry"  # the channel of what nobody bought on this platform


@dataclass(frozen=True)
class Place:
    """An account as a transaction needs it."""

    id: int
    type_code: int


@dataclass(frozen=True)
class Period:
    """What all units of one transaction have in common."""

    mechanism_code: str
    commitment_period: int | None
    vintage_year: int | None


@dataclass(frozen=True)
class Moved:
    """Serial numbers of one issuance that a transaction moves."""

    issuance_id: int
    span: Span


@dataclass(frozen=True)
class Held:
    """A block as it lies in an account now."""

    id: int
    account_id: int
    issuance_id: int
    span: Span


@dataclass(frozen=True)
class Entry:
    """A transaction that was entered, with its number and what people call it."""

    id: int
    identifier: str


def lock() -> None:
    """Make everything else that changes what is issued or pending wait: other issues, forwardings and importers."""
    one_at_a_time("import")


def system_account(mechanism_code: str, type_code: int) -> Place:
    """The registry's own account of a type for a mechanism, opened when it is first needed."""
    identifier = codes.account_identifier(mechanism_code, type_code)
    by_identifier = select(LedgerAccount.id).where(LedgerAccount.identifier == identifier)
    found = db.session.scalar(by_identifier)
    if found is None:
        holder = codes.ACCOUNT_TYPES[type_code].holder
        insert_once(LedgerAccount, identifier=identifier, type_code=type_code, holder=holder)
        found = db.session.scalars(by_identifier).one()
    return Place(found, type_code)


def period_of(issuance: LedgerIssuance) -> Period:
    """The mechanism and the commitment period or vintage of an issuance."""
    return Period(issuance.mechanism_code, issuance.commitment_period, issuance.vintage_year)


def enter(
    type_code: int,
    source: Place | None,
    target: Place,
    period: Period,
    moved: Sequence[Moved],
    *,
    at: datetime,
    origin: str = OWN,
    channel: str = REGISTRY,
    **facts: Any,
) -> Entry:
    """Enter a completed transaction and the serial numbers it moves; the blocks themselves are moved by `move`.

    `at` is aware; `facts` are further columns. Raises WayForbidden, or ReferenceUsed; nothing is written then.
    """
    codes.require_way(type_code, None if source is None else source.type_code, target.type_code)
    units = sum(part.span.units for part in moved)
    entry = _enter(
        type_code=type_code,
        state_code=codes.COMPLETED,
        from_account_id=None if source is None else source.id,
        to_account_id=target.id,
        units=units,
        completed_at=at,
        origin=origin,
        channel=channel,
        **vars(period),
        **facts,
    )
    for part in moved:
        add_row(LedgerTransactionBlock, transaction_id=entry.id, issuance_id=part.issuance_id, **part.span._asdict())
    return entry


def enter_terminated(type_code: int, target: Place, period: Period, *, units: int, at: datetime, **facts: Any) -> Entry:
    """Enter a proposal that the registry refused: nothing moved, and its reference is used up. Raises ReferenceUsed."""
    return _enter(
        type_code=type_code,
        state_code=codes.TERMINATED,
        to_account_id=target.id,
        units=units,
        completed_at=at,
        origin=OWN,
        **vars(period),
        **facts,
    )


_NAMING = update(_TRANSACTIONS).where(_TRANSACTIONS.c.id == bindparam("entry_id")).values(identifier=bindparam("name"))


def _enter(**values: Any) -> Entry:
    entry_id = insert_once_with_id(LedgerTransaction, **values)
    if entry_id is None:
        raise ReferenceUsed
    identifier = codes.transaction_identifier(entry_id)
    write(_NAMING, {"entry_id": entry_id, "name": identifier})
    return Entry(entry_id, identifier)


def lowest(parts: Iterable[tuple[Held, Span]], units: int) -> list[tuple[Held, Span]]:
    """The lowest `units` of blocks in order, each given with the part of it that may be taken."""
    taken = []
    for block, span in parts:
        if units == 0:
            break
        part = Span(span.space, span.first, min(span.last, span.first + units - 1))
        taken.append((block, part))
        units -= part.units
    return taken


def move(block: Held, part: Span, target: Place) -> None:
    """Move a part of a block into another account; what stays keeps its account."""
    first, last = block.span.first, block.span.last
    if part.first > first:
        _change(block, "last", part.first - 1)
        _add(block, target.id, part.first, part.last)
        if part.last < last:
            _add(block, block.account_id, part.last + 1, last)
    elif part.last < last:
        _change(block, "first", part.last + 1)
        _add(block, target.id, part.first, part.last)
    else:
        _change(block, "account_id", target.id)


def put(issuance_id: int, span: Span, account_id: int) -> None:
    """Write a block of units that lie in no account."""
    add_row(LedgerBlock, account_id=account_id, issuance_id=issuance_id, **span._asdict())


_CHANGING = {
    name: update(_BLOCKS).where(_BLOCKS.c.id == bindparam("block_id")).values({name: bindparam("new")})
    for name in ("first", "last", "account_id")
}


def _change(block: Held, column: str, new: int) -> None:
    write(_CHANGING[column], {"block_id": block.id, "new": new})


def _add(block: Held, account_id: int, first: int, last: int) -> None:
    put(block.issuance_id, Span(block.span.space, first, last), account_id)
