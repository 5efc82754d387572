"""From a basket to an order that holds its units."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select

from app.catalog.models import Issuance
from app.checkout.errors import AlreadyPaid, BasketEmpty, EarlierOrderOpen, SplitChanged, TotalChanged
from app.checkout.models import Basket, BasketLine, Order
from app.checkout.queries import Shown, total_problem
from app.checkout.service.allowed import require_intent, require_time_to_pay
from app.checkout.service.expire import close_unpaid
from app.checkout.service.rows import Bought, add_beneficiary, add_lines, add_order
from app.checkout.states import UNPAID
from app.config import Settings
from app.db import db, end_reading, transaction, write
from app.kernel import checkpoints
from app.kernel.clock import Clock
from app.kernel.text import plain_email
from app.offers import closing
from app.offers import service as offers
from app.offers.errors import PriceChanged, UnitsUnavailable
from app.offers.models import Offer
from app.offers.states import Standing
from app.payments.ports import PaymentGateway
from app.payments.split import parts_of, split
from app.registry.ports import Registries

# Said once: every order is placed with them.
_BASKET = select(Basket.id).where(Basket.token == bindparam("token")).with_for_update()
_UNPAID = select(Order.id).where(Order.basket_id == bindparam("basket_id"), Order.state.in_(UNPAID))
_UNPAID_OF_BASKET = (
    select(Order.id)
    .join(Basket, Basket.id == Order.basket_id)
    .where(Basket.token == bindparam("token"), Order.state.in_(UNPAID))
)
_LINES = (
    select(
        *(BasketLine.units, Offer, Issuance.project_id, Issuance.authorisation, Issuance.unit_type),
        closing.LAST_ORDER_AT.label("closes_at"),
    )
    .join(Offer, Offer.id == BasketLine.offer_id)
    .join(Issuance, Issuance.id == Offer.issuance_id)
    .where(BasketLine.basket_id == bindparam("basket_id"))
    .order_by(BasketLine.id)
)


def place_order(
    *,
    basket_token: str,
    details: Mapping[str, Any],
    locale: str,
    consent_version: str,
    consent_text: str,
    terms_version: str,
    expected_total: int,
    settings: Settings,
    now: datetime,
    shown: Collection[Shown] | None = None,
    shown_parts: tuple[int, ...] | None = None,
    person_id: int | None = None,
) -> int:
    """Freeze prices and hold the units of every line, or of none; gives the order's id.

    `expected_total` is what the buyer saw, in minor units, and so is `shown`, line by line: two prices may
    have changed and the total not. `shown_parts` is how the page divided the total, as `parts_of` gives it: the
    rates are settings, and this process may have been started with others. `terms_version` names the terms of sale
    that the consent is about; `person_id` is the buyer's who is signed in.
    Raises BasketEmpty, EarlierOrderOpen, TotalChanged, SplitChanged, TotalBelowMinimum, TotalAboveMaximum,
    IntentNotAllowed, UnitsUnavailable, PriceChanged, BelowMinimum, or OrdersClosed where no time is left to pay;
    nothing is held then.
    """
    with transaction() as session:
        # The same button pressed twice waits here; SQLite lets one write at a time anyway.
        basket_id = write(_BASKET, {"token": basket_token}).scalar()
        if write(_UNPAID, {"basket_id": basket_id}).scalar():
            raise EarlierOrderOpen
        rows = session.execute(_LINES, {"basket_id": basket_id}).all()
        if not rows:
            raise BasketEmpty
        require_time_to_pay([closing.Closing(row.Offer.id, row.unit_type, row.closes_at) for row in rows], now)
        require_intent(details["intent"], [row.authorisation for row in rows])
        for row in rows:
            if row.Offer.currency != settings.currency:
                raise UnitsUnavailable(offer_id=row.Offer.id, units=row.units, units_left=0, standing=Standing.HELD)
        bought = [Bought(row.Offer, row.project_id, row.units, row.Offer.price_for(row.units).minor) for row in rows]
        total = sum(one.amount for one in bought)
        if total != expected_total:
            raise TotalChanged(total=total, expected=expected_total)
        for one in bought:
            if shown is not None and (one.offer.id, one.units, one.unit_price) not in shown:
                raise PriceChanged(offer_id=one.offer.id, unit_price=one.unit_price)
        shares = split([one.amount for one in bought], settings)
        if shown_parts is not None and parts_of(shares) != shown_parts:
            raise SplitChanged
        problem = total_problem([(one.offer, one.units) for one in bought], settings)
        if problem is not None:
            raise problem
        order_id = add_order(
            now,
            basket_id=basket_id,
            locale=locale,
            person_id=person_id,
            email=plain_email(details["email"]),
            currency=settings.currency,
            total=total,
            is_demonstration=settings.is_demonstration,
            consent_version=consent_version,
            consent_text=consent_text,
            terms_version=terms_version,
        )
        beneficiary_id = add_beneficiary(
            order_id,
            name=details["beneficiary"],
            purpose=details["purpose"],
            intent=details["intent"],
            country=details["country"],
            is_name_public=bool(details["publish_name"]),
        )
        line_ids = add_lines(order_id, beneficiary_id, bought, shares)
        # Whoever changes a price between the reading above and this line changes its version as well.
        wanted = [
            offers.Wanted(one.offer.id, line_id, one.units, one.offer.price_version)
            for line_id, one in zip(line_ids, bought, strict=True)
        ]
        offers.take(wanted, now)
    checkpoints.reached("order.placed")
    return order_id


def supersede_unpaid_orders(
    basket_token: str, gateway: PaymentGateway, registries: Registries, settings: Settings, clock: Clock
) -> None:
    """Close what an earlier try from the same basket left open, so that nothing is held or paid twice.

    Raises AlreadyPaid when an earlier order turns out to be paid (or in the bank's hands), and
    GatewayUnavailable when that cannot be found out now.
    """
    rows = write(_UNPAID_OF_BASKET, {"token": basket_token}).scalars().all()
    end_reading()
    for order_id in rows:
        if not close_unpaid(order_id, gateway, registries, settings, clock):
            token = db.session.get_one(Order, order_id).token
            end_reading()
            raise AlreadyPaid(token=token)


def order_basket(
    *,
    basket_token: str,
    details: Mapping[str, Any],
    locale: str,
    consent_version: str,
    consent_text: str,
    terms_version: str,
    expected_total: int,
    gateway: PaymentGateway,
    registries: Registries,
    settings: Settings,
    clock: Clock,
    shown: Collection[Shown] | None = None,
    shown_parts: tuple[int, ...] | None = None,
    person_id: int | None = None,
) -> int:
    """Place the order of a basket after closing what an earlier press of the button left open.

    Gives the order's id. Raises what `supersede_unpaid_orders` and `place_order` raise.
    """

    def press() -> int:
        supersede_unpaid_orders(basket_token, gateway, registries, settings, clock)
        return place_order(
            basket_token=basket_token,
            details=details,
            locale=locale,
            consent_version=consent_version,
            consent_text=consent_text,
            terms_version=terms_version,
            expected_total=expected_total,
            settings=settings,
            now=clock.now(),
            shown=shown,
            shown_parts=shown_parts,
            person_id=person_id,
        )

    try:
        return press()
    except EarlierOrderOpen:
        # Another press was faster; the buyer follows the last answer, so the last order counts.
        return press()
