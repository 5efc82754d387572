"""Offers from a CSV file: the whole file or nothing, and never more than the registry holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from sqlalchemy import select

from app.catalog.importer import REFERENCE
from app.catalog.models import Issuance, Project
from app.db import advance, db, one_at_a_time, record, transaction
from app.kernel.csvtable import (
    CellRefused,
    Column,
    ImportRefused,
    ImportReport,
    Row,
    RowError,
    amount,
    country,
    currency,
    matching,
    minor_units,
    nothing_more,
    read_table,
    repeated,
    text,
    whole_number,
)
from app.kernel.serials import Span
from app.offers import closing, pools
from app.offers.errors import SaleClosed
from app.offers.models import Offer
from app.offers.pools import Holdings, Pool, Supply
from app.offers.search_index import note_sellers
from app.offers.service import keep_in_step, note_new_price, note_price
from app.offers.states import CLOSED, OFFER, OfferState
from app.providers.importer import CODE
from app.providers.models import Provider
from app.providers.queries import may_offer
from app.registry.accounts import find_account_provider

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

_WAY_TO_LIVE = (OfferState.DRAFT, OfferState.SUBMITTED, OfferState.APPROVED, OfferState.LIVE)


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
    csv_text: str,
    *,
    now: datetime,
    holdings: Holdings,
    currency_code: str,
    then: Callable[[ImportReport], None] = nothing_more,
) -> ImportReport:
    """Put the offers of a file on sale, and change price or quantity of those that are there.

    `holdings` is the registry's answer to what lies in an account; `currency_code` the one
    currency of this marketplace. New offers are of participants that may offer units of the
    project. A new price enters the price history and touches no order. The
    quantity never goes below what is reserved or sold, and all offers of an issuance in one
    account never promise more than lies there. What an offer is of, and who offers it, never
    changes. Raises ImportRefused with every problem; then nothing was changed.
    """
    table = read_table(csv_text, COLUMNS)
    errors = [*table.errors, *repeated(table.rows, "code")]
    supply = pools.read_supply([row["account"] for row in table.rows], holdings)
    with transaction() as session:
        one_at_a_time("import")
        entries, problems = _check_all(table.rows, currency_code)
        errors += problems
        pools.lock([entry.pool for entry in entries])
        # Nobody is suspended, and no authority taken away, before what the file says is on sale.
        of_file = select(Provider).where(Provider.id.in_({entry.provider_id for entry in entries}))
        session.scalars(of_file.order_by(Provider.id).with_for_update(read=True)).all()
        # Locked in the order that orders lock them in, so that nothing is reserved in between.
        offers = db.session.scalars(select(Offer).order_by(Offer.id).with_for_update(key_share=True))
        known = {offer.code: offer for offer in offers}
        errors += _authority_problems((entry for entry in entries if entry.row["code"] not in known), now)
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
        report = ImportReport(created, updated, len(entries) - created - updated)
        then(report)
    return report


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
            serials = Span(issuance.space, issuance.serial_first, issuance.serial_last)
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
    if offer.state in CLOSED and (row["units"] != offer.units_offered or entry.unit_price != offer.unit_price):
        problems.append(row.error("code", "offer_closed"))
    return problems


def _authority_problems(new: Iterable[_Entry], now: datetime) -> list[RowError]:
    """One problem for each new offer of a participant that may not offer units of its project, or nobody any more."""
    found = []
    projects: dict[int, int] = dict(db.session.execute(select(Issuance.id, Issuance.project_id)).all())
    allowed: dict[tuple[int, int], bool] = {}
    for entry in new:
        key = entry.provider_id, projects[entry.issuance_id]
        if key not in allowed:
            allowed[key] = may_offer(db.session.get_one(Provider, entry.provider_id), projects[entry.issuance_id])
        if not allowed[key]:
            found.append(entry.row.error("code", "may_not_offer", project=entry.row["project"]))
        try:
            closing.require_sale(entry.issuance_id, now)
        except SaleClosed:
            found.append(entry.row.error("code", "sale_closed", project=entry.row["project"]))
    return found


def _promise_problems(entries: Sequence[_Entry], known: Mapping[str, Offer], supply: Supply) -> list[RowError]:
    """One problem for each row that promises more of its pool than lies in the account.

    Pools that the file leaves alone, or of which it promises less, are not judged.
    """
    promised = pools.promised([entry.pool for entry in entries])
    more: dict[str, int] = {}
    for entry in entries:
        there = known.get(entry.row["code"])
        code = entry.row["code"]
        more[code] = entry.row["units"] if there is None else _promise_after(there, entry) - pools.promise_of(there)
        promised[entry.pool] += more[code]
    problems = []
    for entry in entries:
        available = supply.available(entry.pool, entry.serials)
        if more[entry.row["code"]] > 0 and promised[entry.pool] > available:
            problems.append(
                entry.row.error("units", "more_than_held", offered=promised[entry.pool], available=available)
            )
    return problems


def _promise_after(offer: Offer, entry: _Entry) -> int:
    """What an offer promises when the file is in: a draft still nothing, a closed one what it has reserved and sold."""
    is_on_sale = offer.state is not OfferState.DRAFT and offer.state not in CLOSED
    return entry.row["units"] if is_on_sale else pools.promise_of(offer)


def _change(offer: Offer, entry: _Entry, supply: Supply, now: datetime) -> bool:
    is_new_price = offer.unit_price != entry.unit_price
    if not is_new_price and offer.units_offered == entry.row["units"]:
        return False
    if entry.row["units"] > offer.units_offered:
        offer.holding_confirmed_at = supply.confirmed_at(offer.account, entry.serials)
    offer.unit_price = entry.unit_price
    offer.units_offered = entry.row["units"]
    if is_new_price:
        note_new_price(offer, now)
    db.session.flush()
    keep_in_step(offer.id, now)
    return True


def _put_on_sale(entry: _Entry, supply: Supply, now: datetime) -> None:
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
        holding_confirmed_at=supply.confirmed_at(row["account"], entry.serials),
    )
    db.session.add(offer)
    db.session.flush()
    offer_id = offer.id
    record(OFFER.machine, offer_id, None, _WAY_TO_LIVE[0], at=now)
    for source, target in pairwise(_WAY_TO_LIVE):
        advance(Offer, offer_id, OFFER, target, at=now, sources=(source,))
    note_price(offer, now)
