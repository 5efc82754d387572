"""What visitors see of the catalogue: projects with what is for sale of them, always read live."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, and_, case, func, select

from app.catalog.models import Issuance, Project
from app.catalog.queries import find_project
from app.db import db
from app.kernel.money import Money
from app.offers.models import Offer
from app.offers.states import OfferState
from app.providers.models import Provider

# What a visitor may know of; drafts, withdrawn and expired offers are not shown.
VISIBLE = (OfferState.LIVE, OfferState.PAUSED, OfferState.SOLD_OUT, OfferState.FROZEN)

_LEFT = Offer.units_offered - Offer.units_reserved - Offer.units_settled


@dataclass(frozen=True)
class ProjectRow:
    """One project in the list. Units in whole units (tonnes), years of the monitoring periods."""

    reference: str
    title: str
    kind: str
    project_type: str
    region: str
    host_parties: tuple[str, ...]
    unit_type: str
    from_price: Money | None
    units_left: int
    first_year: int | None
    last_year: int | None
    offers: int


@dataclass(frozen=True)
class Catalogue:
    """The list of projects and what it adds up to; prices are None while nothing is for sale."""

    rows: tuple[ProjectRow, ...]
    units_on_offer: int
    price_low: Money | None
    price_high: Money | None


@dataclass(frozen=True)
class OfferRow:
    """One offer on a project's page. `minimum_units` is the least that one payment may be for."""

    id: int
    code: str
    unit_type: str
    commitment_period: int
    monitoring_starts_on: date
    monitoring_ends_on: date
    issued_at: datetime
    originating_party: str
    serial_first: int
    serial_last: int
    price: Money
    units_left: int
    minimum_units: int
    provider_name: str
    provider_is_demonstration: bool
    is_for_sale: bool


@dataclass(frozen=True)
class ProjectPage:
    """A project with its offers: those for sale first, the newest monitoring period first."""

    project: Project
    offers: tuple[OfferRow, ...]
    units_left: int
    from_price: Money | None


def minimum_units(price: Money, minimum: int) -> int:
    """The least whole units at `price` that a payment of `minimum` minor units buys, never less than one."""
    return max(1, -(-minimum // price.minor))


def catalogue() -> Catalogue:
    """Every project that has offers, what is for sale first, then by title. Two queries."""
    rows = []
    highest = []
    for facts in db.session.execute(_catalogue_query()):
        project: Project = facts.Project
        price = Money(facts.lowest, facts.currency) if facts.lowest is not None else None
        if price is not None:
            highest.append(Money(facts.highest, facts.currency))
        rows.append(
            ProjectRow(
                reference=project.reference,
                title=project.title,
                kind=project.kind,
                project_type=project.project_type,
                region=project.region,
                host_parties=project.host_parties,
                unit_type=facts.unit_type,
                from_price=price,
                units_left=int(facts.units_left),
                first_year=facts.first_on.year,
                last_year=facts.last_on.year,
                offers=int(facts.offers),
            )
        )
    rows.sort(key=lambda row: (row.from_price is None, row.title.casefold(), row.reference))
    prices = [row.from_price for row in rows if row.from_price is not None]
    return Catalogue(
        rows=tuple(rows),
        units_on_offer=sum(row.units_left for row in rows),
        price_low=min(prices, default=None),
        price_high=max(highest, default=None),
    )


def _catalogue_query() -> Select[*tuple[Any, ...]]:
    is_for_sale = and_(Offer.state == OfferState.LIVE, _LEFT > 0)
    return (
        select(
            Project,
            func.min(case((is_for_sale, Offer.unit_price))).label("lowest"),
            func.max(case((is_for_sale, Offer.unit_price))).label("highest"),
            func.min(Offer.currency).label("currency"),
            func.sum(case((is_for_sale, _LEFT), else_=0)).label("units_left"),
            func.count(case((is_for_sale, Offer.id))).label("offers"),
            func.min(Issuance.unit_type).label("unit_type"),
            func.min(Issuance.monitoring_starts_on).label("first_on"),
            func.max(Issuance.monitoring_ends_on).label("last_on"),
        )
        .join(Issuance, Issuance.project_id == Project.id)
        .join(Offer, Offer.issuance_id == Issuance.id)
        .where(Offer.state.in_(VISIBLE))
        .group_by(Project.id)
    )


def project_page(reference: str, minimum: int) -> ProjectPage | None:
    """A project's page, or None if no project has this reference, however it is capitalised.

    `minimum` is the smallest payment in minor units.
    """
    project = find_project(reference)
    if project is None:
        return None
    found = db.session.execute(
        select(Offer, Issuance, Provider)
        .join(Issuance, Issuance.id == Offer.issuance_id)
        .join(Provider, Provider.id == Offer.provider_id)
        .where(Issuance.project_id == project.id, Offer.state.in_(VISIBLE))
        .execution_options(populate_existing=True)
    )
    rows = [_offer_row(offer, issuance, provider, minimum) for offer, issuance, provider in found]
    rows.sort(key=_order)
    for_sale = [row for row in rows if row.is_for_sale]
    return ProjectPage(
        project=project,
        offers=tuple(rows),
        units_left=sum(row.units_left for row in for_sale),
        from_price=min((row.price for row in for_sale), default=None),
    )


def get_project_page(reference: str, minimum: int) -> ProjectPage:
    """A project's page, for a reference that is known to exist. Raises LookupError otherwise."""
    page = project_page(reference, minimum)
    if page is None:
        raise LookupError(reference)
    return page


def _order(row: OfferRow) -> tuple[bool, int, int, int]:
    return not row.is_for_sale, -row.monitoring_ends_on.toordinal(), -row.commitment_period, row.id


def _offer_row(offer: Offer, issuance: Issuance, provider: Provider, minimum: int) -> OfferRow:
    return OfferRow(
        id=offer.id,
        code=offer.code,
        unit_type=issuance.unit_type,
        commitment_period=issuance.commitment_period,
        monitoring_starts_on=issuance.monitoring_starts_on,
        monitoring_ends_on=issuance.monitoring_ends_on,
        issued_at=issuance.completed_at,
        originating_party=issuance.originating_party,
        serial_first=issuance.serial_first,
        serial_last=issuance.serial_last,
        price=offer.price,
        units_left=offer.units_left,
        minimum_units=minimum_units(offer.price, minimum),
        provider_name=provider.legal_name,
        provider_is_demonstration=provider.is_demonstration,
        is_for_sale=offer.state is OfferState.LIVE and offer.units_left > 0,
    )


def find_project_of_offer(offer_id: int) -> str | None:
    """The reference of the project that an offer belongs to, or None if there is no such offer."""
    return db.session.scalar(
        select(Project.reference)
        .join(Issuance, Issuance.project_id == Project.id)
        .join(Offer, Offer.issuance_id == Issuance.id)
        .where(Offer.id == offer_id, Offer.state.in_(VISIBLE))
    )
