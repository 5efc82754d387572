"""What could be bought instead of units that were not cancelled, and what a buyer may choose. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Row, Select, bindparam, case, select

from app.catalog import book
from app.catalog.models import Issuance, Project
from app.checkout.models import Beneficiary, Order, OrderLine, Remedy
from app.checkout.order_queries import OrderView
from app.checkout.states import OrderState, RemedyState
from app.db import db
from app.jobs import hold
from app.kernel.money import Money
from app.offers.for_sale import fits_minimum, is_for_sale
from app.offers.models import Offer
from app.providers.models import Provider
from app.registry.models import Cancellation
from app.registry.ports import Registries
from app.registry.promises import waits_too_long

MOST_SHOWN = 6


@dataclass(frozen=True)
class Substitute:
    """Other units for the same money: what they cost, and what goes back."""

    offer_id: int
    project_reference: str
    project_title: str
    provider_name: str
    unit_type: str
    unit_price: Money
    amount: Money
    goes_back: Money


@dataclass(frozen=True)
class RemedyView:
    """One choice of a buyer: what was refused, until when to choose, and between what."""

    id: int
    state: RemedyState
    position: int
    decide_by: datetime
    units: int
    unit_type: str
    project_title: str
    amount: Money
    substitute_token: str | None  # opens the order that the other units were bought with
    substitutes: tuple[Substitute, ...]


def substitutes(line: OrderLine, now: datetime) -> list[Offer]:
    """Offers that could take the place of a line at `now` (aware): as many units, for no more than was paid.

    Those of the same kind of project come first, then those of the same country, then the dearest: they are the
    nearest to what was chosen. The offer that failed is not among them.
    """
    return _suiting(line, _fitting(line, now))[:MOST_SHOWN]


def find_substitute(line: OrderLine, offer_id: int, now: datetime) -> Offer | None:
    """The offer if it could take the place of a line now."""
    return next(iter(_suiting(line, _fitting(line, now).where(Offer.id == offer_id))), None)


def _suiting(line: OrderLine, offers: Select[Offer, str | None]) -> list[Offer]:
    """Those that cost no more than was paid and may be cancelled for what the buyer said.

    None where a restored backup may have forgotten that the money went back: asked for again, it goes back once, but
    what it buys would be paid by nobody.
    """
    if hold.may_have_been_done(db.session.get_one(Order, line.order_id).placed_at):
        return []
    intent = db.session.get_one(Beneficiary, line.beneficiary_id).intent
    return [
        offer
        for offer, authorisation in db.session.execute(offers).all()
        if offer.price_for(line.units).minor <= line.unit_price and book.contents().allows(intent, authorisation)
    ]


def _fitting(line: OrderLine, now: datetime) -> Select[Offer, str | None]:
    refused = db.session.get_one(Project, line.project_id)
    currency = db.session.get_one(Order, line.order_id).currency
    return (
        select(Offer, Issuance.authorisation)
        .join(Issuance, Issuance.id == Offer.issuance_id)
        .join(Project, Project.id == Issuance.project_id)
        .where(
            Offer.id != line.offer_id,
            Offer.currency == currency,
            Project.mechanism_code == refused.mechanism_code,
            *is_for_sale(now, line.units),
            fits_minimum(line.units),
        )
        .order_by(
            case((Project.project_type == refused.project_type, 0), else_=1),
            case((Project.region == refused.region, 0), else_=1),
            Offer.unit_price.desc(),
            Offer.id,
        )
    )


_REMEDIES = (
    select(Remedy, OrderLine, Issuance, Project, Order)
    .join(OrderLine, OrderLine.id == Remedy.order_line_id)
    .join(Issuance, Issuance.id == OrderLine.issuance_id)
    .join(Project, Project.id == OrderLine.project_id)
    .join(Order, Order.id == OrderLine.order_id)
    .where(Remedy.order_id == bindparam("order_id"))
    .order_by(OrderLine.position)
)


def remedies_of(order_id: int, now: datetime) -> tuple[RemedyView, ...]:
    """The choices of an order's buyer, in the order of its lines; those of open ones as they are at `now` (aware)."""
    rows = db.session.execute(_REMEDIES, {"order_id": order_id}).all()
    return tuple(_view(*row, now) for row in rows)


def find_remedy(order_id: int, position: int, now: datetime) -> RemedyView | None:
    """The choice about the line at a position of an order; None where there is none."""
    return next((remedy for remedy in remedies_of(order_id, now) if remedy.position == position), None)


def _view(
    remedy: Remedy, line: OrderLine, issuance: Issuance, project: Project, order: Order, now: datetime
) -> RemedyView:
    is_open = remedy.state is RemedyState.OFFERED
    return RemedyView(
        id=remedy.id,
        state=remedy.state,
        position=line.position,
        decide_by=remedy.decide_by,
        units=line.units,
        unit_type=issuance.unit_type,
        project_title=project.title,
        amount=Money(line.amount, order.currency),
        substitute_token=db.session.scalar(select(Order.token).where(Order.id == remedy.substitute_order_id)),
        substitutes=tuple(_substitute(line, order.currency, row) for row in _shown(line, now)) if is_open else (),
    )


def _shown(line: OrderLine, now: datetime) -> Sequence[Row[Offer, str, Project, str]]:
    ids = [offer.id for offer in substitutes(line, now)]
    rows = db.session.execute(
        select(Offer, Issuance.unit_type, Project, Provider.legal_name)
        .join(Issuance, Issuance.id == Offer.issuance_id)
        .join(Project, Project.id == Issuance.project_id)
        .join(Provider, Provider.id == Offer.provider_id)
        .where(Offer.id.in_(ids))
    ).all()
    return sorted(rows, key=lambda row: ids.index(row[0].id))


def _substitute(line: OrderLine, currency: str, row: Row[Offer, str, Project, str]) -> Substitute:
    offer, unit_type, project, provider_name = row
    price = offer.price_for(line.units)
    amount = price.minor * line.units
    return Substitute(
        offer_id=offer.id,
        project_reference=project.reference,
        project_title=project.title,
        provider_name=provider_name,
        unit_type=unit_type,
        unit_price=price,
        amount=Money(amount, currency),
        goes_back=Money(line.amount - amount, currency),
    )


def can_be_taken_back(order: Order | OrderView, registries: Registries, at: datetime) -> bool:
    """Whether a cancellation of the order waits longer than promised at `at` (aware), and was not asked back yet."""
    if order.state is not OrderState.FULFILLING:
        # Before, nothing is planned; afterwards, all of it is final.
        return False
    waiting = select(Cancellation.id).where(waits_too_long(order.id, registries, at)).limit(1)
    return db.session.scalar(waiting) is not None
