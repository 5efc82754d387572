"""From a basket to an order that holds its units."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import Row, bindparam, exists, select

from app.catalog.models import Issuance
from app.checkout.errors import AlreadyPaid, BasketEmpty, EarlierOrderOpen, SplitChanged, TotalChanged
from app.checkout.models import Basket, BasketLine, Order
from app.checkout.queries import Shown, total_problem
from app.checkout.service.allowed import require_intent, require_time_to_pay
from app.checkout.service.expire import close_unpaid
from app.checkout.service.pay import begin_payment
from app.checkout.service.rows import Bought, add_beneficiary, add_lines, add_order
from app.checkout.states import UNPAID
from app.config import Settings
from app.db import db, end_reading, transaction, write
from app.jobs import hold
from app.kernel import checkpoints
from app.kernel.clock import Clock
from app.kernel.columns import is_one_of
from app.kernel.money import Money
from app.kernel.text import plain_email
from app.offers import closing
from app.offers import service as offers
from app.offers.errors import PriceChanged, UnitsUnavailable
from app.offers.models import READ, Offer, OfferRead
from app.offers.states import Standing
from app.payments.ports import GatewayUnavailable, PaymentGateway
from app.payments.split import parts_of, split
from app.registry.ports import Registries

# Said once: every order is placed with them.
_BASKET = select(Basket.id).where(Basket.token == bindparam("token")).with_for_update()
_UNPAID_OF_BASKET = (
    select(Order.id)
    .join(Basket, Basket.id == Order.basket_id)
    .where(Basket.token == bindparam("token"), Order.state.in_(UNPAID))
)
_LINES = (
    select(
        *(*READ, BasketLine.units, Issuance.project_id, Issuance.authorisation, Issuance.unit_type),
        *(closing.LAST_ORDER_AT.label("closes_at"), hold.IS_STANDING.label("is_held")),
        exists().where(Order.basket_id == BasketLine.basket_id, is_one_of(Order.state, UNPAID)).label("is_ordered"),
    )
    .join(Offer, Offer.id == BasketLine.offer_id)
    .join(Issuance, Issuance.id == Offer.issuance_id)
    .where(BasketLine.basket_id == bindparam("basket_id"))
    .order_by(BasketLine.id)
)


class Placed(NamedTuple):
    """Ids of a new order and of its payment, 0 where that is begun later."""

    order_id: int
    payment_id: int


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
    gateway: PaymentGateway | None = None,
) -> Placed:
    """Freeze prices and hold the units of every line, or of none. With a gateway, its payment is begun with it.

    `expected_total` is what the buyer saw, in minor units, and so is `shown`, line by line: two prices may
    have changed and the total not. `shown_parts` is how the page divided the total, as `parts_of` gives it: the
    rates are settings, and this process may have been started with others. `terms_version` names the terms of sale
    that the consent is about; `person_id` is the buyer's who is signed in.
    Raises BasketEmpty, EarlierOrderOpen, TotalChanged, SplitChanged, TotalBelowMinimum, TotalAboveMaximum,
    IntentNotAllowed, UnitsUnavailable, PriceChanged, BelowMinimum, OrdersClosed where no time is left to pay, or
    GatewayUnavailable where a payment is to be begun while a restoration hold stands; nothing is held then.
    """
    with transaction():
        # The same button pressed twice waits here; SQLite lets one write at a time anyway.
        basket_id = write(_BASKET, {"token": basket_token}).scalar()
        rows = write(_LINES, {"basket_id": basket_id}).all()
        closings = [closing.Closing(row.id, row.unit_type, row.closes_at) for row in rows]
        _require_orderable(rows, closings, details["intent"], settings, now)
        if gateway is not None and rows[0].is_held:
            raise GatewayUnavailable
        read = [(OfferRead.first_of(row), row.project_id, row.units) for row in rows]
        bought = [Bought(offer, project_id, units, offer.price_for(units).minor) for offer, project_id, units in read]
        total = sum(one.amount for one in bought)
        if total != expected_total:
            raise TotalChanged(total=total, expected=expected_total)
        for one in bought:
            if shown is not None and (one.offer.id, one.units, one.unit_price) not in shown:
                raise PriceChanged(offer_id=one.offer.id, unit_price=one.unit_price)
        shares = split([one.amount for one in bought], settings)
        if shown_parts is not None and parts_of(shares) != shown_parts:
            raise SplitChanged
        problem = total_problem([(offer, units) for offer, _project_id, units in read], settings)
        if problem is not None:
            raise problem
        order_id, reference = add_order(
            now,
            closings=closings,
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
        payment_id = 0
        if gateway is not None:
            money = Money(total, settings.currency)
            payment_id = begin_payment(order_id, reference, money, closings, gateway, now)
        # Whoever changes a price between the reading above and this line changes its version as well.
        wanted = [
            offers.Wanted(one.offer.id, line_id, one.units, one.offer.price_version)
            for line_id, one in zip(line_ids, bought, strict=True)
        ]
        # Last, because everybody who buys of the same offers waits for their rows until the end.
        offers.take(wanted, now)
    checkpoints.reached("order.placed")
    return Placed(order_id, payment_id)


def _require_orderable(
    rows: Sequence[Row[Any]], closings: Sequence[closing.Closing], intent: str, settings: Settings, now: datetime
) -> None:
    if not rows:
        raise BasketEmpty
    if rows[0].is_ordered:
        raise EarlierOrderOpen
    require_time_to_pay(closings, now)
    require_intent(intent, [row.authorisation for row in rows])
    for row in rows:
        if row.currency != settings.currency:
            raise UnitsUnavailable(offer_id=row.id, units=row.units, units_left=0, standing=Standing.HELD)


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
    """Place the order of a basket and begin its payment, after closing what an earlier press of the button left open.

    Gives the payment's id, for `open_payment`. Raises what `supersede_unpaid_orders` and `place_order` raise.
    """
    press = partial(
        place_order,
        basket_token=basket_token,
        details=details,
        locale=locale,
        consent_version=consent_version,
        consent_text=consent_text,
        terms_version=terms_version,
        expected_total=expected_total,
        settings=settings,
        shown=shown,
        shown_parts=shown_parts,
        person_id=person_id,
        gateway=gateway,
    )
    # Once for an earlier try, and once for a press that was faster: the buyer follows the last answer.
    for _ in range(2):
        with suppress(EarlierOrderOpen):
            return press(now=clock.now()).payment_id
        supersede_unpaid_orders(basket_token, gateway, registries, settings, clock)
    return press(now=clock.now()).payment_id
