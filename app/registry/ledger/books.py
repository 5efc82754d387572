"""Keeping the books: accounts, transactions and blocks, inside the caller's transaction.

Blocks split and never overlap. On both databases that is enforced row by row, so a block shrinks before what was
split off it is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Table, bindparam, select, update

from app.db import add_row, add_rows, db, insert_each_once, insert_once, one_at_a_time, write
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
class Draft:
    """A transaction as it is to be entered, and the serial numbers it moves; none where the registry refused it."""

    values: Mapping[str, Any]
    moved: Sequence[Moved] = ()


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
    facts = {"origin": origin, "channel": channel, **facts}
    return enter_all([completed(type_code, source, target, period, moved, at=at, **facts)])[0]


def completed(
    type_code: int,
    source: Place | None,
    target: Place,
    period: Period,
    moved: Sequence[Moved],
    *,
    at: datetime,
    **facts: Any,
) -> Draft:
    """A completed transaction for `enter_all`. Raises WayForbidden."""
    codes.require_way(type_code, None if source is None else source.type_code, target.type_code)
    values = {
        "type_code": type_code,
        "state_code": codes.COMPLETED,
        "from_account_id": None if source is None else source.id,
        "to_account_id": target.id,
        "units": sum(part.span.units for part in moved),
        "completed_at": at,
        "refusal_code": None,
        "refusal_message": "",
        **vars(period),
        **facts,
    }
    return Draft(values, moved)


def terminated(
    type_code: int,
    target: Place,
    period: Period,
    *,
    units: int,
    at: datetime,
    refusal_code: str,
    refusal_message: str,
    **facts: Any,
) -> Draft:
    """A proposal that the registry refused, for `enter_all`: nothing moves, and its reference is used up."""
    return Draft(
        {
            "type_code": type_code,
            "state_code": codes.TERMINATED,
            "from_account_id": None,
            "to_account_id": target.id,
            "units": units,
            "completed_at": at,
            "refusal_code": refusal_code,
            "refusal_message": refusal_message,
            **vars(period),
            **facts,
        }
    )


_NAMING = update(_TRANSACTIONS).where(_TRANSACTIONS.c.id == bindparam("entry_id")).values(identifier=bindparam("name"))


def enter_all(drafts: Sequence[Draft]) -> list[Entry]:
    """Enter several transactions, each under a reference of its own, in the order of the drafts.

    Raises ReferenceUsed where any of the references is used; the caller's transaction is to end then.
    """
    rows = [{"origin": OWN, **draft.values} for draft in drafts]
    ids = {row.reference: row.id for row in insert_each_once(LedgerTransaction, rows, _TRANSACTIONS.c.reference)}
    if len(ids) < len(drafts):
        raise ReferenceUsed
    entries = [Entry(id_, codes.transaction_identifier(id_)) for id_ in (ids[row.get("reference")] for row in rows)]
    write(_NAMING, [{"entry_id": entry.id, "name": entry.identifier} for entry in entries])
    add_rows(
        LedgerTransactionBlock,
        [
            {"transaction_id": entry.id, "issuance_id": part.issuance_id, **part.span._asdict()}
            for entry, draft in zip(entries, drafts, strict=True)
            for part in draft.moved
        ],
    )
    return entries


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


def without_lowest(parts: Iterable[tuple[Held, Span]], units: int) -> list[tuple[Held, Span]]:
    """What `lowest` leaves of them."""
    left = []
    for block, span in parts:
        taken = min(units, span.units)
        units -= taken
        if taken < span.units:
            left.append((block, span._replace(first=span.first + taken)))
    return left


def move(block: Held, part: Span, target: Place) -> None:
    """Move a part of a block into another account; what stays keeps its account."""
    move_all([(block, part, target)])


_CHANGE = (
    update(_BLOCKS)
    .where(_BLOCKS.c.id == bindparam("block_id"))
    .values({name: bindparam(f"new_{name}") for name in ("account_id", "first", "last")})
)


def move_all(moves: Iterable[tuple[Held, Span, Place]]) -> None:
    """The same for several parts, also of one block. No two of them overlap."""
    parts: dict[Held, list[tuple[Span, Place]]] = {}
    for block, part, target in moves:
        parts.setdefault(block, []).append((part, target))
    changed, new = [], []
    for block, taken in parts.items():
        kept = [(span, block.account_id) for span in block.span.without([part for part, _target in taken])]
        # The block becomes the first of its pieces, so that it is not in the way of the others.
        (first, account_id), *others = [*kept, *((part, target.id) for part, target in taken)]
        changed.append(
            {"block_id": block.id, "new_account_id": account_id, "new_first": first.first, "new_last": first.last}
        )
        new += [
            {"account_id": account_id, "issuance_id": block.issuance_id, **span._asdict()}
            for span, account_id in others
        ]
    if changed:
        write(_CHANGE, changed)
    add_rows(LedgerBlock, new)


def put(issuance_id: int, span: Span, account_id: int) -> None:
    """Write a block of units that lie in no account."""
    add_row(LedgerBlock, account_id=account_id, issuance_id=issuance_id, **span._asdict())
