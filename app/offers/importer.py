"""Offers from a CSV file: the whole file or nothing, and never more than the registry holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from sqlalchemy import func, select

from app.catalog.importer import REFERENCE
from app.catalog.models import Issuance, Project
from app.db import advance, db, end_reading, one_at_a_time, record, transaction
from app.kernel.csvtable import (
    CellRefused,
    Column,
    ImportRefused,
    ImportReport,
    Row,
    RowError,
    Table,
    amount,
    country,
    currency,
    matching,
    minor_units,
    read_table,
    repeated,
    text,
    whole_number,
)
from app.kernel.serials import Span
from app.offers.models import Offer, OfferPrice
from app.offers.search_index import note_sellers
from app.offers.states import OFFER, OfferState
from app.providers.importer import CODE
from app.providers.models import Provider
from app.registry.ledger.queries import find_account_provider
from app.registry.models import Cancellation
from app.registry.ports import Holding
from app.registry.states import CancellationState

OFFER_CODE = matching(r"[A-Z0-9]+(-[A-Z0-9]+)*", "IN-1514-1")
LARGEST_PRICE = 2**31 - 1  # minor units: what the column holds

COLUMNS = (
    Column("code", lambda cell: text(60)(OFFER_CODE(cell))),
    Column("provider", CODE),
    Column("project", REFERENCE),
    Column("originating_party", country),
    Column("serial_first", whole_number(1)),
    Column("account", text(60)),
    Column("units", whole_number(1)),
    Column("unit_price", amount),
    Column("currency", currency),
)

_CLOSED = frozenset({OfferState.WITHDRAWN, OfferState.EXPIRED})
_WAY_TO_LIVE = (OfferState.DRAFT, OfferState.SUBMITTED, OfferState.APPROVED, OfferState.LIVE)

Pool = tuple[str, int]  # registry account and issuance id: what offers share


@dataclass(frozen=True)
class _Supply:
    """What the registry says, read before the transaction: no outside call inside one."""

    held: Mapping[str, Sequence[Holding]]  # by account
    confirmed: Mapping[Pool, int]  # units that the registry has cancelled for us already


@dataclass(frozen=True)
class _Entry:
    """A row with what it names; the price in minor units."""

    row: Row
    provider_id: int
    issuance_id: int
    serials: Span
    unit_price: int

    @property
    def pool(self) -> Pool:
        return self.row["account"], self.issuance_id


def import_offers(
    csv_text: str, *, now: datetime, holdings: Callable[[str], Sequence[Holding]], currency_code: str
) -> ImportReport:
    """Put the offers of a file on sale, and change price or quantity of those that are there.

    `holdings` is the registry's answer to what lies in an account; `currency_code` the one
    currency of this marketplace. A new price enters the price history and touches no order. The
    quantity never goes below what is reserved or sold, and all offers of an issuance in one
    account never promise more than lies there. What an offer is of, and who offers it, never
    changes. Raises ImportRefused with every problem; then nothing was changed.
    """
    table = read_table(csv_text, COLUMNS)
    errors = [*table.errors, *repeated(table.rows, "code")]
    supply = _read_supply(table, holdings)
    with transaction():
        one_at_a_time("import")
        entries, problems = _check_all(table.rows, currency_code)
        errors += problems
        # Locked in the order that orders lock them in, so that nothing is reserved in between.
        offers = db.session.scalars(select(Offer).order_by(Offer.id).with_for_update())
        known = {offer.code: offer for offer in offers}
        for entry in entries:
            errors += _change_problems(entry, known.get(entry.row["code"]))
        errors += _promise_problems(entries, known, supply)
        if errors:
            raise ImportRefused(errors)
        created = updated = 0
        for entry in entries:
            offer = known.get(entry.row["code"])
            if offer is None:
                _put_on_sale(entry, supply, now)
                created += 1
            else:
                updated += _change(offer, entry, supply, now)
        note_sellers()
    return ImportReport(created, updated, len(entries) - created - updated)


def _read_supply(table: Table, holdings: Callable[[str], Sequence[Holding]]) -> _Supply:
    # In this order: a cancellation confirmed in between makes the supply look smaller, never larger.
    confirmed = {
        (account, issuance_id): int(units)
        for account, issuance_id, units in db.session.execute(
            select(Cancellation.account, Cancellation.issuance_id, func.sum(Cancellation.units))
            .where(Cancellation.state == CancellationState.CONFIRMED)
            .group_by(Cancellation.account, Cancellation.issuance_id)
        )
    }
    end_reading()
    held = {account: holdings(account) for account in sorted({row["account"] for row in table.rows})}
    end_reading()
    return _Supply(held, confirmed)


def _check_all(rows: Iterable[Row], currency_code: str) -> tuple[list[_Entry], list[RowError]]:
    providers = dict(db.session.execute(select(Provider.code, Provider.id)).all())
    issuances = {
        (reference, issuance.originating_party, issuance.serial_first): issuance
        for issuance, reference in db.session.execute(
            select(Issuance, Project.reference).join(Project, Project.id == Issuance.project_id)
        )
    }
    owners: dict[str, int | None] = {}
    entries = []
    errors = []
    for row in rows:
        problems = []
        provider_id = providers.get(row["provider"])
        issuance = issuances.get((row["project"], row["originating_party"], row["serial_first"]))
        owner = owners.setdefault(row["account"], find_account_provider(row["account"]))
        if provider_id is None:
            problems.append(row.error("provider", "unknown_provider", value=row["provider"]))
        elif owner != provider_id:
            problems.append(row.error("account", "other_owner", account=row["account"]))
        if issuance is None:
            problems.append(row.error("serial_first", "unknown_issuance", project=row["project"]))
        unit_price = _price(row, currency_code, problems)
        errors += problems
        if provider_id is not None and issuance is not None and not problems:
            serials = Span(issuance.originating_party, issuance.serial_first, issuance.serial_last)
            entries.append(_Entry(row, provider_id, issuance.id, serials, unit_price))
    return entries, errors


def _price(row: Row, currency_code: str, problems: list[RowError]) -> int:
    if row["currency"] != currency_code:
        problems.append(row.error("currency", "other_currency", currency=currency_code))
        return 0
    try:
        unit_price = minor_units(row["unit_price"], currency_code)
    except CellRefused as refused:
        problems.append(row.error("unit_price", refused.code, **refused.facts))
        return 0
    if not 0 < unit_price <= LARGEST_PRICE:
        problems.append(row.error("unit_price", "price_out_of_range"))
    return unit_price


def _change_problems(entry: _Entry, offer: Offer | None) -> list[RowError]:
    if offer is None:
        return []
    row = entry.row
    same = {
        "provider": offer.provider_id == entry.provider_id,
        "serial_first": offer.issuance_id == entry.issuance_id,
        "account": offer.account == row["account"],
        "currency": offer.currency == row["currency"],
    }
    problems = [row.error(column, "cannot_change") for column, is_same in same.items() if not is_same]
    taken = offer.units_reserved + offer.units_settled
    if row["units"] < taken:
        problems.append(row.error("units", "below_taken", taken=taken))
    if offer.state in _CLOSED and (row["units"] != offer.units_offered or entry.unit_price != offer.unit_price):
        problems.append(row.error("code", "offer_closed"))
    return problems


def _promise_problems(entries: Sequence[_Entry], known: Mapping[str, Offer], supply: _Supply) -> list[RowError]:
    """One problem for each row whose pool would promise more than lies in the account.

    Promised is what is or was offered, less what the registry has cancelled already. A closed
    offer still promises what it reserved or sold. Pools that the file leaves alone are not judged.
    """
    in_file = {entry.row["code"] for entry in entries}
    promised: dict[Pool, int] = {}
    for offer in known.values():
        if offer.code not in in_file:
            pool = offer.account, offer.issuance_id
            promised[pool] = promised.get(pool, 0) + _promise(offer)
    for entry in entries:
        there = known.get(entry.row["code"])
        units = _promise(there) if there is not None and there.state in _CLOSED else entry.row["units"]
        promised[entry.pool] = promised.get(entry.pool, 0) + units
    problems = []
    for entry in entries:
        there = known.get(entry.row["code"])
        if there is not None and there.units_offered >= entry.row["units"]:
            continue
        available = _held(entry, supply) + supply.confirmed.get(entry.pool, 0)
        if promised[entry.pool] > available:
            problems.append(
                entry.row.error("units", "more_than_held", offered=promised[entry.pool], available=available)
            )
    return problems


def _promise(offer: Offer) -> int:
    return offer.units_reserved + offer.units_settled if offer.state in _CLOSED else offer.units_offered


def _held(entry: _Entry, supply: _Supply) -> int:
    return sum(holding.available for holding in _holdings_of(entry, supply))


def _holdings_of(entry: _Entry, supply: _Supply) -> list[Holding]:
    return [
        holding
        for holding in supply.held[entry.row["account"]]
        if Span(holding.originating_party, holding.serial_first, holding.serial_last).within(entry.serials)
    ]


def _confirmed_at(entry: _Entry, supply: _Supply) -> datetime | None:
    """When the registry said that the units lie there; None where it holds none of them any more."""
    return max((holding.as_of for holding in _holdings_of(entry, supply)), default=None)


def _change(offer: Offer, entry: _Entry, supply: _Supply, now: datetime) -> bool:
    is_new_price = offer.unit_price != entry.unit_price
    if not is_new_price and offer.units_offered == entry.row["units"]:
        return False
    if entry.row["units"] > offer.units_offered:
        offer.holding_confirmed_at = _confirmed_at(entry, supply)
    offer.unit_price = entry.unit_price
    offer.units_offered = entry.row["units"]
    db.session.flush()
    if is_new_price:
        _note_price(offer.id, entry, now)
    sold_out = offer.units_left == 0
    target, source = (OfferState.SOLD_OUT, OfferState.LIVE) if sold_out else (OfferState.LIVE, OfferState.SOLD_OUT)
    advance(Offer, offer.id, OFFER, target, at=now, sources=(source,))
    return True


def _put_on_sale(entry: _Entry, supply: _Supply, now: datetime) -> None:
    row = entry.row
    offer = Offer(
        code=row["code"],
        provider_id=entry.provider_id,
        issuance_id=entry.issuance_id,
        account=row["account"],
        state=_WAY_TO_LIVE[0],
        unit_price=entry.unit_price,
        currency=row["currency"],
        units_offered=row["units"],
        holding_confirmed_at=_confirmed_at(entry, supply),
    )
    db.session.add(offer)
    db.session.flush()
    offer_id = offer.id
    record(OFFER.machine, offer_id, None, _WAY_TO_LIVE[0], at=now)
    for source, target in pairwise(_WAY_TO_LIVE):
        advance(Offer, offer_id, OFFER, target, at=now, sources=(source,))
    _note_price(offer_id, entry, now)


def _note_price(offer_id: int, entry: _Entry, now: datetime) -> None:
    db.session.add(
        OfferPrice(offer_id=offer_id, unit_price=entry.unit_price, currency=entry.row["currency"], valid_from=now)
    )
