"""What an amount of money buys of what is on offer at this moment."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, case, func, literal, select

from app.catalog.models import Issuance, Project
from app.db import db
from app.kernel.money import Money
from app.offers.models import Offer
from app.offers.states import OfferState

MOST_ROWS = 60


@dataclass(frozen=True)
class Purchase:
    """Whole units of the best offer of one project, what they cost, and what is left of the money."""

    reference: str
    title: str
    project_type: str
    unit_type: str
    price: Money
    units: int
    cost: Money
    rest: Money
    is_all: bool


@dataclass(frozen=True)
class Purchases:
    """The projects of which the money buys something, the lowest price first; `count` is how many there are."""

    rows: tuple[Purchase, ...]
    count: int


def purchases(budget: Money, minimum: int) -> Purchases:
    """What `budget` buys of each project: its offer that gives the most units, the cheaper of two that are equal.

    Payments below `minimum` minor units cannot be made, so such a purchase is not listed.
    """
    left: ColumnElement[int] = Offer.units_offered - Offer.units_reserved - Offer.units_settled
    affordable = literal(budget.minor) // Offer.unit_price
    units = case((left < affordable, left), else_=affordable)
    rank = func.row_number().over(partition_by=Issuance.project_id, order_by=(units.desc(), Offer.unit_price, Offer.id))
    best = (
        select(
            Issuance.project_id, Issuance.unit_type, Offer.unit_price, units.label("units"), left.label("left"),
            rank.label("rank"),
        )
        .join(Issuance, Issuance.id == Offer.issuance_id)
        .where(
            Offer.state == OfferState.LIVE,
            Offer.currency == budget.currency,
            Offer.unit_price <= budget.minor,
            left > 0,
            units * Offer.unit_price >= minimum,
        )
        .subquery()
    )  # fmt: skip
    chosen = select(best).where(best.c.rank == 1).subquery()
    found = db.session.execute(
        select(Project.reference, Project.title, Project.project_type, chosen, func.count().over().label("projects"))
        .join(Project, Project.id == chosen.c.project_id)
        .order_by(chosen.c.unit_price, Project.title, Project.id)
        .limit(MOST_ROWS)
    ).all()
    rows = []
    for row in found:
        cost = Money(row.unit_price, budget.currency) * int(row.units)
        rows.append(
            Purchase(
                reference=row.reference,
                title=row.title,
                project_type=row.project_type,
                unit_type=row.unit_type,
                price=Money(row.unit_price, budget.currency),
                units=int(row.units),
                cost=cost,
                rest=budget - cost,
                is_all=int(row.units) == int(row.left),
            )
        )
    return Purchases(tuple(rows), int(found[0].projects) if found else 0)
