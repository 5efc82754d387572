"""What an amount of money buys of what is on offer at this moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from app import current
from app.catalog.models import Issuance, Project
from app.db import db
from app.kernel.money import Money
from app.offers.for_sale import free_units, is_for_sale
from app.offers.models import Offer
from app.offers.tiers import levels, most_units, price_at

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
    best: dict[int, tuple[tuple[int, int, int], Any]] = {}
    for offer in db.session.execute(
        select(
            Offer.id,
            Issuance.project_id,
            Issuance.unit_type,
            Offer.unit_price,
            Offer.tiers,
            Offer.minimum_units,
            free_units.label("left"),
        )
        .join(Issuance, Issuance.id == Offer.issuance_id)
        .where(*is_for_sale(current.now()))
    ):
        units = most_units(levels(offer.unit_price, offer.tiers), budget.minor, offer.left)
        price = price_at(offer.unit_price, offer.tiers, units)
        if units < max(1, min(offer.minimum_units, offer.left)) or units * price < minimum:
            continue
        rank = (-units, price, offer.id)
        if offer.project_id not in best or rank < best[offer.project_id][0]:
            best[offer.project_id] = rank, offer
    # The cheapest first; titles decide between equal prices, so they are read of all that may be shown.
    prices = sorted(price for (_units, price, _id), _offer in best.values())[:MOST_ROWS]
    shown = {key: found for key, found in best.items() if found[0][1] <= prices[-1]} if prices else {}
    rows = []
    for project in db.session.execute(
        select(Project.id, Project.reference, Project.title, Project.project_type)
        .where(Project.id.in_(shown))
        .order_by(Project.title, Project.id)
    ):
        (units_negated, price, _id), found = shown[project.id]
        unit_price = Money(price, budget.currency)
        cost = unit_price * -units_negated
        rows.append(
            Purchase(
                reference=project.reference,
                title=project.title,
                project_type=project.project_type,
                unit_type=found.unit_type,
                price=unit_price,
                units=-units_negated,
                cost=cost,
                rest=budget - cost,
                is_all=-units_negated == found.left,
            )
        )
    rows.sort(key=lambda row: row.price)
    return Purchases(tuple(rows[:MOST_ROWS]), len(best))
