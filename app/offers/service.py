"""Taking units out of sale. One conditional UPDATE decides, in the database, who gets the last one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update

from app.db import advance, db, record, rows_changed
from app.offers.errors import PriceChanged, UnitsUnavailable
from app.offers.models import Offer, Reservation
from app.offers.states import OFFER, RESERVATION, OfferState, ReservationState, Standing


@dataclass(frozen=True)
class Wanted:
    """Units of one offer for one order line. `unit_price` in minor units, None where it is frozen already."""

    offer_id: int
    order_line_id: int
    units: int
    unit_price: int | None


def reserve(wanted: Sequence[Wanted], now: datetime) -> None:
    """Hold the units of every line, or of none.

    Runs inside the caller's transaction and takes offers in the order of their id, so that two
    baskets with the same offers cannot wait for each other. Raises UnitsUnavailable or
    PriceChanged; the caller's transaction must then be rolled back.
    """
    for line in sorted(wanted, key=lambda line: (line.offer_id, line.order_line_id)):
        conditions = [
            Offer.id == line.offer_id,
            Offer.state == OfferState.LIVE,
            Offer.units_offered - Offer.units_reserved - Offer.units_settled >= line.units,
        ]
        if line.unit_price is not None:
            conditions.append(Offer.unit_price == line.unit_price)
        taken = db.session.execute(
            update(Offer)
            .where(*conditions)
            .values(units_reserved=Offer.units_reserved + line.units)
            .execution_options(synchronize_session=False)
        )
        if rows_changed(taken) != 1:
            _explain(line)
        reservation = Reservation(
            offer_id=line.offer_id,
            order_line_id=line.order_line_id,
            units=line.units,
            state=ReservationState.HELD,
        )
        db.session.add(reservation)
        db.session.flush()
        record(RESERVATION.machine, reservation.id, None, ReservationState.HELD, at=now)
        _close_if_empty(line.offer_id, now)


def settle(order_line_id: int, now: datetime) -> bool:
    """Take a line's held units for good, because it was paid. False if nothing was held."""
    reservation = _active(order_line_id)
    if reservation is None or not advance(
        Reservation, reservation.id, RESERVATION, ReservationState.SETTLED, at=now, sources=(ReservationState.HELD,)
    ):
        return False
    db.session.execute(
        update(Offer)
        .where(Offer.id == reservation.offer_id)
        .values(
            units_reserved=Offer.units_reserved - reservation.units,
            units_settled=Offer.units_settled + reservation.units,
        )
        .execution_options(synchronize_session=False)
    )
    return True


def release(order_line_id: int, now: datetime) -> bool:
    """Give a line's units back to its offer. False if there was nothing to give back."""
    reservation = _active(order_line_id)
    held = reservation is not None and reservation.state is ReservationState.HELD
    if reservation is None or not advance(
        Reservation, reservation.id, RESERVATION, ReservationState.RELEASED, at=now, sources=(reservation.state,)
    ):
        return False
    counter = (
        {"units_reserved": Offer.units_reserved - reservation.units}
        if held
        else {"units_settled": Offer.units_settled - reservation.units}
    )
    db.session.execute(
        update(Offer)
        .where(Offer.id == reservation.offer_id)
        .values(**counter)
        .execution_options(synchronize_session=False)
    )
    advance(Offer, reservation.offer_id, OFFER, OfferState.LIVE, at=now, sources=(OfferState.SOLD_OUT,))
    return True


def freeze(offer_id: int, now: datetime, reason: str) -> None:
    """Take an offer off sale because the registry's books contradict it."""
    advance(
        Offer,
        offer_id,
        OFFER,
        OfferState.FROZEN,
        at=now,
        sources=(OfferState.LIVE, OfferState.SOLD_OUT, OfferState.PAUSED),
        facts={"reason": reason},
    )


def _active(order_line_id: int) -> Reservation | None:
    return db.session.scalar(
        select(Reservation).where(
            Reservation.order_line_id == order_line_id, Reservation.state != ReservationState.RELEASED
        )
    )


def _explain(line: Wanted) -> None:
    """Say why a conditional UPDATE took nothing."""
    offer = db.session.get_one(Offer, line.offer_id)
    db.session.refresh(offer)
    left = offer.units_left if offer.state is OfferState.LIVE else 0
    if line.unit_price is not None and left >= line.units:
        raise PriceChanged(offer_id=line.offer_id, unit_price=offer.unit_price)
    raise UnitsUnavailable(
        offer_id=line.offer_id,
        units=line.units,
        units_left=left,
        is_reserved=offer.standing is Standing.RESERVED,
    )


def _close_if_empty(offer_id: int, now: datetime) -> None:
    advance(
        Offer,
        offer_id,
        OFFER,
        OfferState.SOLD_OUT,
        at=now,
        sources=(OfferState.LIVE,),
        only_if=(Offer.units_offered == Offer.units_reserved + Offer.units_settled,),
    )
