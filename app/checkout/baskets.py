"""Use cases of the basket. Nothing is reserved for it: availability here is a hint."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from operator import itemgetter
from typing import Any, cast

from sqlalchemy import BigInteger, Row, Table, bindparam, delete, select, update

from app.catalog.models import Issuance
from app.checkout.models import Basket, BasketLine
from app.checkout.queries import held_by, minimum_problem, units_left_for
from app.db import add_row_with_id, insert_once, transaction, write
from app.kernel.columns import is_one_of
from app.kernel.errors import Refusal
from app.kernel.references import unguessable_token
from app.offers import closing
from app.offers.errors import BelowMinimum, SaleClosed, UnitsUnavailable
from app.offers.models import READ, Offer, OfferRead
from app.offers.states import VISIBLE, Standing

# Said once: a purchase asks for each of its lines. What an offer and its mechanism let a basket have of it.
_COLUMNS = (*READ, Issuance.unit_type, closing.SALES_CLOSE_AT.label("sale_closes_at"))
_ASKED = (
    select(*_COLUMNS, BasketLine.units, held_by(bindparam("basket_id")).label("held"))
    .join(Issuance, Issuance.id == Offer.issuance_id)
    .outerjoin(BasketLine, (BasketLine.offer_id == Offer.id) & (BasketLine.basket_id == bindparam("basket_id")))
    .where(Offer.id == bindparam("offer_id"), is_one_of(Offer.state, VISIBLE))
)
_IN_BASKET = (
    select(*_COLUMNS, BasketLine.units, held_by(bindparam("basket_id")).label("held"))
    .join(Issuance, Issuance.id == Offer.issuance_id)
    .join(BasketLine, BasketLine.offer_id == Offer.id)
    .where(BasketLine.basket_id == bindparam("basket_id"))
    .order_by(BasketLine.id)
)
_CHANGE = update(cast(Table, Basket.__table__)).where(Basket.token == bindparam("of_token"))
_FIND_AND_TOUCH = _CHANGE.values(changed_at=bindparam("now")).returning(Basket.id)
_KEEP_DETAILS = _CHANGE.values(changed_at=bindparam("now"), details=bindparam("typed"))
_LINES = cast(Table, BasketLine.__table__)
_OF_OFFER = (_LINES.c.basket_id == bindparam("of_basket"), _LINES.c.offer_id == bindparam("of_offer"))
_HOLD = (
    select(_LINES.c.id)
    .where(_LINES.c.basket_id == bindparam("of_basket"))
    .order_by(_LINES.c.offer_id)
    .with_for_update()
)
_SET_UNITS = update(_LINES).where(*_OF_OFFER).values(units=bindparam("wanted"))
_REMOVE = delete(_LINES).where(*_OF_OFFER)
_BOUGHT = bindparam("bought", type_=BigInteger)
# In this order: what is left of a line may be less than what was bought.
_TAKE_ALL = delete(_LINES).where(*_OF_OFFER, _LINES.c.units <= _BOUGHT)
_TAKE_SOME = update(_LINES).where(*_OF_OFFER, _LINES.c.units > _BOUGHT).values(units=_LINES.c.units - _BOUGHT)


def add_to_basket(*, token: str | None, offer_id: int, units: int, now: datetime) -> str:
    """Put `units` (tonnes) more of an offer into the basket and give the basket's token.

    Makes a basket where there is none. Raises UnitsUnavailable when the line would ask for more
    than is left now (of an offer that visitors do not know that is nothing), BelowMinimum for less
    than the seller sells, SaleClosed when nothing of the mechanism is put into baskets any more.
    """
    with transaction(lasting=False):
        basket_id = write(_FIND_AND_TOUCH, {"of_token": token, "now": now}).scalar() if token else None
        if token is None or basket_id is None:
            token = unguessable_token()
            basket_id = add_row_with_id(Basket, token=token, details={}, created_at=now, changed_at=now)
        asked = write(_ASKED, {"basket_id": basket_id, "offer_id": offer_id}).one_or_none()
        if asked is None:
            raise UnitsUnavailable(offer_id=offer_id, units=units, units_left=0, standing=Standing.HELD)
        wanted = units + (asked.units or 0)
        _check_left(asked, wanted, now)
        if asked.units is None:
            insert_once(BasketLine, basket_id=basket_id, offer_id=offer_id, units=wanted)
        else:
            write(_SET_UNITS, {"of_basket": basket_id, "of_offer": offer_id, "wanted": wanted})
        return token


def set_units(*, token: str, quantities: Mapping[int, int], now: datetime) -> dict[int, Refusal]:
    """Set the units (tonnes) of lines, by offer; gives what cannot be set, which stays as it was."""
    refusals: dict[int, Refusal] = {}
    changed = []
    with transaction(lasting=False):
        # The basket before its lines, as whoever adds to it in another tab takes them.
        basket_id = write(_FIND_AND_TOUCH, {"of_token": token, "now": now}).scalar()
        for row in write(_IN_BASKET, {"basket_id": basket_id}).all():
            wanted = quantities.get(row.id, row.units)
            try:
                # Fewer may stay in a basket as long as what is in it can be ordered.
                _check_left(row, wanted, now if wanted > row.units else None)
            except (UnitsUnavailable, BelowMinimum, SaleClosed) as refusal:
                refusals[row.id] = refusal
                continue
            if wanted != row.units:
                changed.append({"of_basket": basket_id, "of_offer": row.id, "wanted": wanted})
        if changed:
            write(_SET_UNITS, sorted(changed, key=itemgetter("of_offer")))
    return refusals


def remove_line(*, token: str, offer_id: int, now: datetime) -> None:
    """Take an offer out of the basket."""
    with transaction(lasting=False):
        basket_id = write(_FIND_AND_TOUCH, {"of_token": token, "now": now}).scalar()
        write(_REMOVE, {"of_basket": basket_id, "of_offer": offer_id})


def save_details(*, token: str, details: Mapping[str, Any], now: datetime) -> None:
    """Keep what was typed in the checkout, so that going back loses nothing."""
    with transaction(lasting=False):
        write(_KEEP_DETAILS, {"of_token": token, "now": now, "typed": dict(details)})


def hold_lines(basket_id: int | None) -> None:
    """Make whoever changes the lines of a basket wait, inside the caller's transaction.

    For those who take rows of offers before they know what to take out: lines come before offers, as for everybody.
    """
    write(_HOLD, {"of_basket": basket_id})


def take_out(basket_id: int, bought: Mapping[int, int]) -> None:
    """Take what was bought (units by offer) out of the basket, inside the caller's transaction.

    What was added while the payment was on its way stays. Lines are taken in the order of their offers, as everybody
    does.
    """
    lines = [{"of_basket": basket_id, "of_offer": offer_id, "bought": bought[offer_id]} for offer_id in sorted(bought)]
    write(_TAKE_ALL, lines)
    write(_TAKE_SOME, lines)


def _check_left(asked: Row[Any], units: int, adds_at: datetime | None) -> None:
    """Refuse units that cannot be in the basket; `adds_at` is when units are added, None where none are."""
    offer = OfferRead.first_of(asked)
    if adds_at is not None:
        closing.require_open_sale(closing.Closing(offer.id, asked.unit_type, asked.sale_closes_at), adds_at)
    left = units_left_for(offer, asked.held)
    if left < units:
        raise UnitsUnavailable(offer_id=offer.id, units=units, units_left=left, standing=offer.standing)
    problem = minimum_problem(offer, units, left)
    if problem is not None:
        raise problem
