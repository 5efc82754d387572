"""A participant's offers from a CSV file: seen first, then applied, the whole file or nothing.

What a file would do is worked out twice by the same code: for the preview, and again inside the transaction
that applies it, where nobody else can promise units of the same pools. If the two differ, nothing is applied.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select

from app.audit.service import Actor
from app.catalog.models import Issuance, Project
from app.db import db, transaction
from app.kernel.csvtable import (
    CellRefused,
    ImportRefused,
    ImportReport,
    Row,
    RowError,
    Table,
    minor_units,
    read_table,
    repeated,
)
from app.kernel.errors import Refusal
from app.kernel.languages import LANGUAGES
from app.kernel.money import Money
from app.offers import closing, pools
from app.offers.errors import SaleClosed
from app.offers.importer import LARGEST_PRICE
from app.offers.models import Offer
from app.offers.pools import Holdings, Pool, Supply
from app.offers.states import CLOSED
from app.providers.models import Provider
from app.providers.queries import may_offer
from app.registry.accounts import account_identifiers
from app.selling.errors import MayNotOffer, OfferChangedMeanwhile
from app.selling.offer_file import COLUMNS
from app.selling.service.changing import change_problems, put_terms
from app.selling.service.deciding import hand_in
from app.selling.service.drawing_up import add_draft
from app.selling.service.rows import lock_provider
from app.selling.terms import Terms, problems, terms_of

MOST_ROWS = 5_000


@dataclass(frozen=True)
class Change:
    """One value of an offer, before and after, as the file writes it; a price in minor units."""

    name: str
    before: Any
    after: Any


@dataclass(frozen=True)
class RowPlan:
    """What one row would do: nothing `is_new` and no `changes` means that the offer is like that already."""

    number: int
    code: str
    project_reference: str
    units: int
    unit_price: Money
    is_new: bool
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True)
class FilePlan:
    """What a file would do, and a fingerprint of it that the person who saw it sends back."""

    rows: tuple[RowPlan, ...]
    seen: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "seen", hashlib.sha256(repr(self.rows).encode()).hexdigest()[:32])

    @property
    def report(self) -> ImportReport:
        """The plan in numbers."""
        created = sum(row.is_new for row in self.rows)
        updated = sum(bool(row.changes) for row in self.rows)
        return ImportReport(created, updated, len(self.rows) - created - updated)


@dataclass(frozen=True)
class _Entry:
    """A row that could be read whole, with what it names."""

    row: Row
    issuance: Issuance
    units: int
    terms: Terms
    offer: Offer | None

    @property
    def pool(self) -> Pool:
        return self.row["account"], self.issuance.id

    @property
    def more(self) -> int:
        """Units (tonnes) that the row promises beyond what is promised already; negative for fewer."""
        if self.offer is None:
            return self.units
        if self.offer.state in CLOSED:
            return 0  # it stays as it is, or the file is refused
        promised = pools.promise_of(self.offer)
        return self.units - promised if promised else 0

    @property
    def plan(self) -> RowPlan:
        """What the row would do."""
        row = self.row
        return RowPlan(
            number=row.number,
            code=row["code"],
            project_reference=row["project"],
            units=self.units,
            unit_price=Money(self.terms.unit_price, row["currency"]),
            is_new=self.offer is None,
            changes=tuple(self._changes()) if self.offer is not None else (),
        )

    def _changes(self) -> Iterable[Change]:
        assert self.offer is not None  # noqa: S101 - only asked of offers that are there
        before = _values(self.offer.units_offered, terms_of(self.offer))
        after = _values(self.units, self.terms)
        return [Change(name, before[name], after[name]) for name in after if before[name] != after[name]]


def plan_file(csv_text: str, provider: Provider, holdings: Holdings, now: datetime, currency_code: str) -> FilePlan:
    """What a file would do to a participant's offers; changes nothing. Raises ImportRefused with every problem."""
    table = _read(csv_text)
    supply = pools.read_supply(_accounts(table, provider.id), holdings)
    return _plan(_judge(table, provider, supply, now, currency_code))


def apply_file(
    csv_text: str,
    seen: str,
    provider_id: int,
    actor: Actor,
    holdings: Holdings,
    now: datetime,
    currency_code: str,
) -> ImportReport:
    """Submit the new offers of a file and change the others, all of them or none.

    `seen` is the fingerprint of the plan that `actor` saw. Raises ImportRefused with every problem, or
    OfferChangedMeanwhile where the file would do something else by now.
    """
    table = _read(csv_text)
    supply = pools.read_supply(_accounts(table, provider_id), holdings)
    with transaction() as session:
        pools.lock(_pools(table))
        provider = lock_provider(provider_id)
        session.scalars(
            select(Offer).where(Offer.provider_id == provider_id).order_by(Offer.id).with_for_update(key_share=True)
        ).all()
        entries = _judge(table, provider, supply, now, currency_code)
        plan = _plan(entries)
        if plan.seen != seen:
            raise OfferChangedMeanwhile
        for entry in entries:
            if entry.offer is not None:
                put_terms(entry.offer, entry.units, entry.terms, supply, actor, now)
            else:
                account, code = entry.row["account"], entry.row["code"]
                offer = add_draft(provider, entry.issuance, account, entry.units, entry.terms, actor, now, code)
                hand_in(offer, supply, actor, now)
    return plan.report


def _read(csv_text: str) -> Table:
    table = read_table(csv_text, COLUMNS)
    if len(table.rows) > MOST_ROWS:
        raise ImportRefused([RowError(0, None, "too_many_rows", {"maximum": MOST_ROWS})])
    return table


def _plan(entries: Sequence[_Entry]) -> FilePlan:
    return FilePlan(tuple(entry.plan for entry in entries))


def _accounts(table: Table, provider_id: int) -> list[str]:
    """The participant's accounts that the file names. What lies in others' is nobody's business."""
    own = set(account_identifiers(provider_id))
    return sorted({row["account"] for row in table.rows} & own)


def _pools(table: Table) -> set[Pool]:
    issuances = _issuances(table)
    return {
        (row["account"], issuance.id)
        for row in table.rows
        if (issuance := issuances.get((row["project"], row["originating_party"], row["serial_first"]))) is not None
    }


def _issuances(table: Table) -> dict[tuple[str, str, int], Issuance]:
    references = {row["project"] for row in table.rows}
    rows = db.session.execute(
        select(Issuance, Project.reference)
        .join(Project, Project.id == Issuance.project_id)
        .where(Project.reference.in_(references))
    )
    return {(reference, one.originating_party, one.serial_first): one for one, reference in rows}


def _judge(table: Table, provider: Provider, supply: Supply, now: datetime, currency_code: str) -> list[_Entry]:
    """The file's rows with what they name. Raises ImportRefused with every problem of every row."""
    errors = [*table.errors, *repeated(table.rows, "code")]
    issuances = _issuances(table)
    codes = [row["code"] for row in table.rows]
    known = {
        offer.code: offer
        for offer in db.session.scalars(
            select(Offer).where(Offer.code.in_(codes)).execution_options(populate_existing=True)
        )
    }
    allowed = {
        issuance.project_id: may_offer(provider, issuance.project_id)
        for issuance in {one.project_id: one for one in issuances.values()}.values()
    }
    entries = []
    for row in table.rows:
        issuance = issuances.get((row["project"], row["originating_party"], row["serial_first"]))
        offer = known.get(row["code"])
        found = _row_problems(row, issuance, offer, provider, supply)
        terms = _terms(row, offer, currency_code, found)
        if issuance is None or terms is None or found:
            errors += found
            continue
        entry = _Entry(row, issuance, row["units"], terms, offer)
        if offer is None and not allowed[issuance.project_id]:
            errors.append(_refused(row, "project", MayNotOffer(provider_id=provider.id)))
        errors += _term_problems(entry, now, currency_code)
        entries.append(entry)
    errors += _pool_problems(entries, supply)
    if errors:
        raise ImportRefused(errors)
    return entries


def _row_problems(
    row: Row, issuance: Issuance | None, offer: Offer | None, provider: Provider, supply: Supply
) -> list[RowError]:
    found = []
    if issuance is None:
        found.append(row.error("serial_first", "unknown_issuance", project=row["project"]))
    if row["account"] not in supply.held:
        found.append(row.error("account", "other_owner", account=row["account"]))
    if offer is None:
        return found
    if offer.provider_id != provider.id:
        return [*found, row.error("code", "code_of_another")]
    if issuance is not None and offer.issuance_id != issuance.id:
        found.append(row.error("serial_first", "cannot_change"))
    if offer.account != row["account"]:
        found.append(row.error("account", "cannot_change"))
    if offer.currency != row["currency"]:
        found.append(row.error("currency", "cannot_change"))
    return found


def _terms(row: Row, offer: Offer | None, currency_code: str, found: list[RowError]) -> Terms | None:
    # An offer keeps its currency, and one of the past may stay in the file as it is.
    if offer is None and row["currency"] != currency_code:
        found.append(row.error("currency", "other_currency", currency=currency_code))
        return None
    unit_price = _minor(row, "unit_price", row["unit_price"], row["currency"], found)
    tiers = tuple((units, _minor(row, "tiers", price, row["currency"], found)) for units, price in row["tiers"])
    return Terms(
        unit_price=unit_price,
        minimum_units=row["minimum_units"],
        tiers=tiers,
        opens_at=row["opens_at"],
        expires_at=row["expires_at"],
        texts={language: row[f"text_{language}"] for language in LANGUAGES},
    )


def _minor(row: Row, column: str, value: Any, currency_code: str, found: list[RowError]) -> int:
    try:
        price = minor_units(value, currency_code)
    except CellRefused as refused:
        found.append(row.error(column, refused.code, **refused.facts))
        return 0
    if not 0 < price <= LARGEST_PRICE:
        found.append(row.error(column, "price_out_of_range"))
    return price


def _term_problems(entry: _Entry, now: datetime, currency_code: str) -> list[RowError]:
    row, offer = entry.row, entry.offer
    if offer is not None and not entry.plan.changes:
        return []  # what is there already may stay as it is, whatever the house would say of it today
    if offer is not None and offer.state in CLOSED:
        return [row.error("code", "offer_closed")]
    if row["currency"] != currency_code:
        return [row.error("currency", "other_currency", currency=currency_code)]
    found: list[Refusal] = [*problems(entry.units, entry.terms, now)]
    if entry.more > 0:
        try:
            closing.require_sale(entry.issuance.id, now)
        except SaleClosed as closed:
            found.append(closed)
    if offer is not None:
        found += change_problems(offer, entry.units, entry.terms)
    return [_refused(row, _column(refusal), refusal) for refusal in found]


def _pool_problems(entries: Sequence[_Entry], supply: Supply) -> list[RowError]:
    """One problem for each row that promises more of a pool whose promises would be above what lies there."""
    growing = {entry.pool for entry in entries if entry.more > 0}
    promised = pools.promised(growing) if growing else {}
    for entry in entries:
        if entry.pool in growing:
            promised[entry.pool] += entry.more
    available: Mapping[Pool, int] = {pool: supply.available(pool, pools.serials_of(pool[1])) for pool in growing}
    return [
        entry.row.error("units", "more_than_held", offered=promised[entry.pool], available=available[entry.pool])
        for entry in entries
        if entry.more > 0 and promised[entry.pool] > available[entry.pool]
    ]


def _refused(row: Row, column: str, refusal: Refusal) -> RowError:
    """A problem whose words are those of a refusal."""
    return row.error(column, "refusal", refusal=refusal)


def _column(refusal: Refusal) -> str:
    # What is refused because the sale has closed is more units.
    name = str(refusal.facts.get("field", "units"))
    return f"text_{refusal.facts['language']}" if name == "texts" else name


def _values(units: int, terms: Terms) -> dict[str, Any]:
    return {
        "units": units,
        "unit_price": terms.unit_price,
        "minimum_units": terms.minimum_units,
        "tiers": tuple(terms.tiers),
        "opens_at": terms.opens_at,
        "expires_at": terms.expires_at,
        **{f"text_{language}": terms.kept_texts.get(language, "") for language in LANGUAGES},
    }
