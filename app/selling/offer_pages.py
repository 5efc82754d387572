"""An offer as its seller and the operators see it: as a line of a list, and whole with its history. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Select, select

from app.accounts.models import Organisation
from app.catalog.models import Issuance, Project
from app.db import StateEvent, db
from app.kernel.money import Money
from app.offers.connection import hindrance, is_lost, registry_codes
from app.offers.models import Offer, OfferPrice, PriceChange
from app.offers.states import OFFER, OfferState, PriceChangeState
from app.providers.models import Provider
from app.selling.terms import Terms, fingerprint, terms_of


@dataclass(frozen=True)
class OfferLine:
    """An offer in a list; units in whole units (tonnes), `reason` as it is kept.

    `hindrance` is what keeps it from being sold whatever its seller does (`app.offers.connection`).
    """

    id: int
    code: str
    state: OfferState
    reason: str
    project_reference: str
    project_title: str
    unit_type: str
    commitment_period: int | None
    vintage_year: int | None
    authorisation: str
    monitoring_starts_on: date
    monitoring_ends_on: date
    price: Money
    units_offered: int
    units_left: int
    units_reserved: int
    units_settled: int
    opens_at: datetime | None
    expires_at: datetime | None
    provider_name: str
    organisation_code: str | None
    hindrance: str


@dataclass(frozen=True)
class Event:
    """A change of state, when, and why as it is kept."""

    state: OfferState
    at: datetime
    reason: str


@dataclass(frozen=True)
class Price:
    """A price that an offer had or will have, with its tiers as `(from_units, price)`."""

    id: int
    price: Money
    tiers: tuple[tuple[int, Money], ...]
    at: datetime
    state: PriceChangeState | None = None


@dataclass(frozen=True)
class OfferPage:
    """Everything about an offer that its seller and the operators may know."""

    line: OfferLine
    provider_id: int
    project_id: int
    issuance_id: int
    account: str
    originating_party: str
    serial_first: int
    serial_last: int
    terms: Terms
    tiers: tuple[tuple[int, Money], ...]
    seen: str
    confirmed_at: datetime | None
    events: tuple[Event, ...]
    prices: tuple[Price, ...]
    plans: tuple[Price, ...]


def offer_rows() -> Select[Offer, Issuance, Project, Provider, str, bool]:
    """Offers with everything that `offer_line` and `offer_page` say of them."""
    return (
        select(Offer, Issuance, Project, Provider, Organisation.code, is_lost(registry_codes()))
        .join(Issuance, Issuance.id == Offer.issuance_id)
        .join(Project, Project.id == Issuance.project_id)
        .join(Provider, Provider.id == Offer.provider_id)
        .outerjoin(Organisation, Organisation.id == Provider.organisation_id)
        .execution_options(populate_existing=True)
    )


def offer_line(
    offer: Offer, issuance: Issuance, project: Project, provider: Provider, code: str | None, lost: bool
) -> OfferLine:
    """The line that a row of `offer_rows` makes."""
    return OfferLine(
        id=offer.id,
        code=offer.code,
        state=offer.state,
        reason=offer.state_reason,
        project_reference=project.reference,
        project_title=project.title,
        unit_type=issuance.unit_type,
        commitment_period=issuance.commitment_period,
        vintage_year=issuance.vintage_year,
        authorisation=issuance.authorisation or "",
        monitoring_starts_on=issuance.monitoring_starts_on,
        monitoring_ends_on=issuance.monitoring_ends_on,
        price=offer.price,
        units_offered=offer.units_offered,
        units_left=offer.units_left,
        units_reserved=offer.units_reserved,
        units_settled=offer.units_settled,
        opens_at=offer.opens_at,
        expires_at=offer.expires_at,
        provider_name=provider.legal_name,
        organisation_code=code,
        hindrance=hindrance(offer, is_lost=lost),
    )


def offer_page(
    offer: Offer, issuance: Issuance, project: Project, provider: Provider, code: str | None, lost: bool
) -> OfferPage:
    """The page that a row of `offer_rows` makes."""
    terms = terms_of(offer)
    return OfferPage(
        line=offer_line(offer, issuance, project, provider, code, lost),
        provider_id=provider.id,
        project_id=project.id,
        issuance_id=issuance.id,
        account=offer.account,
        originating_party=issuance.originating_party,
        serial_first=issuance.serial_first,
        serial_last=issuance.serial_last,
        terms=terms,
        tiers=tuple((from_units, Money(price, offer.currency)) for from_units, price in offer.tiers),
        seen=fingerprint(offer.units_offered, terms),
        confirmed_at=offer.holding_confirmed_at,
        events=tuple(_events(offer.id)),
        prices=tuple(_prices(offer)),
        plans=tuple(_plans(offer)),
    )


def _events(offer_id: int) -> list[Event]:
    rows = db.session.scalars(
        select(StateEvent)
        .where(StateEvent.machine == OFFER.machine, StateEvent.subject_id == offer_id)
        .order_by(StateEvent.id)
    )
    return [Event(OfferState(row.to_state), row.at, str(row.facts.get("reason", ""))) for row in rows]


def _prices(offer: Offer) -> list[Price]:
    rows = db.session.scalars(select(OfferPrice).where(OfferPrice.offer_id == offer.id).order_by(OfferPrice.id))
    return [
        Price(row.id, Money(row.unit_price, row.currency), _tiers(row, row.currency), row.valid_from) for row in rows
    ]


def _plans(offer: Offer) -> list[Price]:
    rows = db.session.scalars(
        select(PriceChange).where(PriceChange.offer_id == offer.id).order_by(PriceChange.due_at, PriceChange.id)
    )
    return [
        Price(row.id, Money(row.unit_price, offer.currency), _tiers(row, offer.currency), row.due_at, row.state)
        for row in rows
    ]


def _tiers(row: OfferPrice | PriceChange, currency: str) -> tuple[tuple[int, Money], ...]:
    return tuple((from_units, Money(price, currency)) for from_units, price in row.tiers)
