"""What the basket shows. Reads only; the order page's reads are in `order_queries`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, cast

from sqlalchemy import BigInteger, ScalarSelect, bindparam, func, select
from sqlalchemy import cast as sql_cast

from app import current
from app.catalog.models import Issuance, Project
from app.checkout.errors import RegistryNotConnected, TotalAboveMaximum, TotalBelowMinimum
from app.checkout.messages import describe
from app.checkout.models import Basket, BasketLine, Order, OrderLine
from app.checkout.pricing import Breakdown, breakdown
from app.checkout.quantities import units_for_maximum, units_for_minimum
from app.checkout.states import UNPAID
from app.config import Settings
from app.db import write
from app.kernel.columns import is_one_of
from app.kernel.errors import Refusal
from app.kernel.money import Money
from app.offers import closing
from app.offers.errors import BelowMinimum, UnitsUnavailable
from app.offers.models import READ, Offer, OfferRead, Reservation, Terms
from app.offers.states import OfferState, ReservationState
from app.payments.split import split
from app.providers.models import Provider
from app.registry.models import RegistryAccount
from app.registry.ports import current_registries

Shown = tuple[int, int, int]  # an offer's id, units, and the price of one in minor units

# Each step of a purchase asks for these several times, and saying a statement costs more than asking it.
_DETAILS = select(Basket.details).where(Basket.token == bindparam("token"))
_UNITS = (
    select(func.coalesce(func.sum(BasketLine.units), 0))
    .join(Basket, Basket.id == BasketLine.basket_id)
    .where(Basket.token == bindparam("token"))
)


def held_by(basket_id: Any) -> ScalarSelect[int]:
    """SQL: units of an offer that an unpaid order from a basket holds."""
    return (
        # PostgreSQL adds whole numbers up to decimal ones.
        select(sql_cast(func.coalesce(func.sum(Reservation.units), 0), BigInteger))
        .join(OrderLine, OrderLine.id == Reservation.order_line_id)
        .join(Order, Order.id == OrderLine.order_id)
        .where(
            Order.basket_id == basket_id,
            Reservation.offer_id == Offer.id,
            Reservation.state == ReservationState.HELD,
            is_one_of(Order.state, UNPAID),
        )
        .correlate(Basket, Offer)
        .scalar_subquery()
    )


_LINES = (
    select(
        *(*READ, BasketLine.units, Project.reference, Project.title, Provider.legal_name, Issuance.unit_type),
        *(Issuance.commitment_period, Issuance.vintage_year, Issuance.authorisation),
        *(Issuance.monitoring_starts_on, Issuance.monitoring_ends_on, closing.LAST_ORDER_AT.label("closes_at")),
        *(RegistryAccount.registry_code, held_by(Basket.id).label("held")),
    )
    .join(Basket, Basket.id == BasketLine.basket_id)
    .join(Offer, Offer.id == BasketLine.offer_id)
    .join(Issuance, Issuance.id == Offer.issuance_id)
    .join(Project, Project.id == Issuance.project_id)
    .join(Provider, Provider.id == Offer.provider_id)
    .outerjoin(RegistryAccount, RegistryAccount.identifier == Offer.account)
    .where(Basket.token == bindparam("token"))
    .order_by(BasketLine.id)
)


@dataclass(frozen=True)
class BasketLineView:
    """One line of the basket as shown, with what was typed and what is wrong with it."""

    offer_id: int
    project_reference: str
    project_title: str
    provider_name: str
    unit_type: str
    commitment_period: int | None
    vintage_year: int | None
    authorisation: str
    monitoring_starts_on: date
    monitoring_ends_on: date
    units: int
    typed: str
    units_left: int
    unit_price: Money
    amount: Money
    error: str | None


@dataclass(frozen=True)
class BasketView:
    """The whole basket. `is_valid` means that it could be ordered as it is."""

    lines: tuple[BasketLineView, ...]
    total: Money
    breakdown: Breakdown
    units: int
    is_valid: bool

    @property
    def authorisations(self) -> tuple[str, ...]:
        """What host Parties say of its units, where they say anything."""
        return tuple(dict.fromkeys(line.authorisation for line in self.lines if line.authorisation))

    @property
    def shown(self) -> frozenset[Shown]:
        """What its reader sees of offers, units and prices."""
        return frozenset((line.offer_id, line.units, line.unit_price.minor) for line in self.lines)


def find_details(token: str | None) -> dict[str, object] | None:
    """What was said at the checkout about a basket: nothing at first; None for no basket."""
    return None if not token else write(_DETAILS, {"token": token}).scalar_one_or_none()


def basket_units(token: str | None) -> int:
    """Units (tonnes) in a basket; 0 without one."""
    if not token:
        return 0
    return int(write(_UNITS, {"token": token}).scalar_one())


def basket_view(
    token: str | None,
    settings: Settings,
    *,
    typed: Mapping[int, str] | None = None,
    refusals: Mapping[int, Refusal] | None = None,
) -> BasketView:
    """The basket with live prices and units left, and a message beside each line that cannot be ordered."""
    rows = write(_LINES, {"token": token}).all() if token else []
    offers = [OfferRead.first_of(row) for row in rows]
    prices = [offer.price_for(row.units) for offer, row in zip(offers, rows, strict=True)]
    amounts = [price * row.units for row, price in zip(rows, prices, strict=True)]
    # What has its price in a currency of the past is not for sale, and adds nothing to a sum in another one.
    counted = [
        (row.legal_name, amount.minor)
        for row, amount in zip(rows, amounts, strict=True)
        if amount.currency == settings.currency
    ]
    shares = split([minor for _seller, minor in counted], settings) if counted else ()
    problems: dict[int, Refusal] = dict(refusals or {})
    left = {offer.id: units_left_for(offer, row.held) for offer, row in zip(offers, rows, strict=True)}
    closings = [closing.Closing(row.id, row.unit_type, row.closes_at) for row in rows]
    if (closed := closing.first_closed(closings, current.now())) is not None:
        problems[closed.offer_id] = closing.orders_closed(closed)
    registries = current_registries()
    for offer, row in zip(offers, rows, strict=True):
        units = row.units
        if not registries.has(row.registry_code):
            problems[offer.id] = RegistryNotConnected(offer_id=offer.id)
        elif offer.id not in problems and left[offer.id] < units:
            problems[offer.id] = UnitsUnavailable(
                offer_id=offer.id,
                units=units,
                units_left=left[offer.id],
                standing=offer.standing,
            )
        elif offer.id not in problems and (below := minimum_problem(offer, units, left[offer.id])) is not None:
            problems[offer.id] = below
    if not problems:
        problem = total_problem([(offer, row.units) for offer, row in zip(offers, rows, strict=True)], settings)
        problems = {} if problem is None else {cast(int, problem.facts["offer_id"]): problem}
    lines = tuple(
        BasketLineView(
            offer_id=row.id,
            project_reference=row.reference,
            project_title=row.title,
            provider_name=row.legal_name,
            unit_type=row.unit_type,
            commitment_period=row.commitment_period,
            vintage_year=row.vintage_year,
            authorisation=row.authorisation or "",
            monitoring_starts_on=row.monitoring_starts_on,
            monitoring_ends_on=row.monitoring_ends_on,
            units=row.units,
            typed=(typed or {}).get(row.id, str(row.units)),
            units_left=left[row.id],
            unit_price=price,
            amount=amount,
            error=describe(problems[row.id]) if row.id in problems else None,
        )
        for row, price, amount in zip(rows, prices, amounts, strict=True)
    )
    whole = breakdown(
        [(seller, share) for (seller, _minor), share in zip(counted, shares, strict=True)],
        settings.currency,
    )
    return BasketView(
        lines=lines,
        total=whole.total,
        breakdown=whole,
        units=sum(line.units for line in lines),
        is_valid=bool(lines) and not problems,
    )


def units_left_for(offer: Terms, held: int) -> int:
    """Units (tonnes) of an offer that somebody could order now whose own unpaid order holds `held` of them.

    They count as left: ordering again gives them back first, so whoever comes back from the payment page does not
    find his own units sold out. Of an offer in a currency that the house gave up nothing is left.
    """
    is_for_sale = offer.state is OfferState.LIVE or (offer.state is OfferState.SOLD_OUT and held > 0)
    return offer.units_left + held if is_for_sale and offer.currency == current.settings().currency else 0


def minimum_problem(offer: OfferRead, units: int, units_left: int) -> BelowMinimum | None:
    """What is wrong with a purchase of `units` (tonnes) that is smaller than the seller sells."""
    least = offer.least_of(units_left)
    return BelowMinimum(offer_id=offer.id, units=units, minimum_units=least) if units < least else None


def total_problem(lines: Sequence[tuple[OfferRead, int]], settings: Settings) -> Refusal | None:
    """Which line to change when the total is too small or too large; lines are offers with units (tonnes).

    None for an empty basket or a total that can be paid.
    """
    amounts = [offer.price_for(units).minor * units for offer, units in lines]
    total = sum(amounts)
    if not lines or settings.payment_minimum <= total <= settings.payment_maximum:
        return None
    if total < settings.payment_minimum:
        offer = lines[0][0]
        return TotalBelowMinimum(
            offer_id=offer.id,
            units=units_for_minimum(settings.payment_minimum, total - amounts[0], offer.prices),
            minimum=Money(settings.payment_minimum, settings.currency),
        )
    amount, place = max((amount, -place) for place, amount in enumerate(amounts))
    offer = lines[-place][0]
    units = units_for_maximum(settings.payment_maximum, total - amount, offer.prices)
    return TotalAboveMaximum(
        offer_id=offer.id,
        units=units if units >= offer.minimum_units else 0,
        maximum=Money(settings.payment_maximum, settings.currency),
    )
