"""Taking units out of sale. One conditional UPDATE decides, in the database, who gets the last one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn, cast

from sqlalchemy import BigInteger, Row, Table, bindparam, not_, or_, select, update

from app.db import StateEvent, add_rows_with_ids, advance, advance_all, db, read_ids, record_all, write
from app.kernel.columns import UTCDateTime
from app.offers import closing
from app.offers.errors import BelowMinimum, PriceChanged, UnitsUnavailable
from app.offers.for_sale import fits_minimum, free_units, is_buyable
from app.offers.models import Offer, OfferPrice, Reservation
from app.offers.states import OFFER, RESERVATION, OfferState, ReservationState

_R = ReservationState
_PUBLIC = (OfferState.LIVE, OfferState.PAUSED, OfferState.SOLD_OUT)


@dataclass(frozen=True)
class Wanted:
    """Units of one offer for one order line.

    `price_version` is that of the price which the buyer saw; None where the line was sold before, so that
    today's price and minimum do not concern it.
    """

    offer_id: int
    order_line_id: int
    units: int
    price_version: int | None


# Said once: a purchase takes and settles the units of each line, and saying a statement costs more than executing it.
_wanted, _now = bindparam("wanted", type_=BigInteger), bindparam("now", type_=UTCDateTime)
_OFFERS = cast(Table, Offer.__table__)
_CHANGE = update(_OFFERS).where(_OFFERS.c.id == bindparam("offer_id"))
_TAKE = (
    _CHANGE.where(*is_buyable(_wanted, _now))
    .values(units_reserved=Offer.units_reserved + _wanted)
    .returning(free_units)
)
_TAKE_AT_PRICE = _TAKE.where(Offer.price_version == bindparam("seen_version"), fits_minimum(_wanted))
_SETTLE = _CHANGE.values(units_reserved=Offer.units_reserved - _wanted, units_settled=Offer.units_settled + _wanted)
_GIVE_BACK_HELD = _CHANGE.values(units_reserved=Offer.units_reserved - _wanted)
_GIVE_BACK_SETTLED = _CHANGE.values(units_settled=Offer.units_settled - _wanted)
_HELD = (
    select(Reservation.id, Reservation.offer_id, Reservation.units)
    .where(
        Reservation.order_line_id.in_(bindparam("order_line_ids", expanding=True)),
        Reservation.state == ReservationState.HELD,
    )
    .order_by(Reservation.offer_id, Reservation.id)
)
_ACTIVE = select(Reservation.id, Reservation.offer_id, Reservation.units, Reservation.state).where(
    Reservation.order_line_id == bindparam("order_line_id"), Reservation.state != ReservationState.RELEASED
)
_WITH_UNITS = (
    select(Reservation.order_line_id)
    .where(
        Reservation.order_line_id.in_(bindparam("order_line_ids", expanding=True)),
        Reservation.state != ReservationState.RELEASED,
    )
    .order_by(Reservation.offer_id, Reservation.id)
)


def reserve(wanted: Sequence[Wanted], now: datetime) -> None:
    """Hold the units of every line, or of none.

    Runs inside the caller's transaction and takes offers in the order of their id, so that two
    baskets with the same offers cannot wait for each other. Raises UnitsUnavailable, PriceChanged,
    BelowMinimum or OrdersClosed; the caller's transaction must then be rolled back.
    """
    closing.require_orderable([line.offer_id for line in wanted], now)
    take(wanted, now)


def take(wanted: Sequence[Wanted], now: datetime) -> None:
    """The same for a caller that has seen in this transaction that the units can still be ordered."""
    in_order = sorted(wanted, key=lambda line: (line.offer_id, line.order_line_id))
    reservations = add_rows_with_ids(
        Reservation,
        [
            {
                "offer_id": line.offer_id,
                "order_line_id": line.order_line_id,
                "units": line.units,
                "state": ReservationState.HELD,
            }
            for line in in_order
        ],
        by="order_line_id",
    )
    record_all(RESERVATION.machine, reservations, None, ReservationState.HELD, at=now)
    # Last, because everybody who buys of the same offers waits for its row until the end.
    gone = []
    for line in in_order:
        left = _take(line, now)
        if left is None:
            _explain(line, now)
        if left == 0:
            gone.append(line.offer_id)
    for offer_id in gone:
        keep_in_step(offer_id, now)


def settle(order_line_ids: Sequence[int], now: datetime) -> int:
    """Take the held units of lines for good, because they were paid; gives of how many lines there were any.

    Offers are taken in the order of their id, as everybody does.
    """
    held = {row.id: row for row in write(_HELD, {"order_line_ids": list(order_line_ids)})}
    settled = set(advance_all(Reservation, list(held), RESERVATION, _R.HELD, _R.SETTLED, at=now)) if held else set()
    taken = [{"offer_id": row.offer_id, "wanted": row.units} for row in held.values() if row.id in settled]
    if taken:
        write(_SETTLE, taken)
    return len(taken)


def release(order_line_id: int, now: datetime) -> bool:
    """Give a line's units back to its offer. False if there was nothing to give back."""
    reservation = _active(order_line_id)
    if reservation is None or not advance(
        Reservation, reservation.id, RESERVATION, ReservationState.RELEASED, at=now, sources=(reservation.state,)
    ):
        return False
    give_back = _GIVE_BACK_HELD if reservation.state is ReservationState.HELD else _GIVE_BACK_SETTLED
    write(give_back, {"offer_id": reservation.offer_id, "wanted": reservation.units})
    keep_in_step(reservation.offer_id, now)
    return True


def release_all(order_line_ids: Sequence[int], now: datetime) -> None:
    """Give the units of several lines back. Offers are taken in the order of their id, as everybody does."""
    for order_line_id in read_ids(_WITH_UNITS, order_line_ids=list(order_line_ids)):
        release(order_line_id, now)


def freeze(offer_id: int, now: datetime, reason: str, note: str = "") -> bool:
    """Take an offer off sale until somebody thaws it: its seller is suspended, or the registry's books contradict it.

    `reason` is a code of `app.offers.reasons` or an operator's words; `note` goes into the event only.
    """
    return advance(
        Offer,
        offer_id,
        OFFER,
        OfferState.FROZEN,
        at=now,
        sources=(OfferState.APPROVED, OfferState.LIVE, OfferState.SOLD_OUT, OfferState.PAUSED),
        facts={"reason": note or reason},
        state_reason=reason,
    )


def state_before_freeze(offer_id: int) -> OfferState:
    """What a frozen offer was before."""
    before = db.session.scalar(
        select(StateEvent.from_state)
        .where(
            StateEvent.machine == OFFER.machine,
            StateEvent.subject_id == offer_id,
            StateEvent.to_state == OfferState.FROZEN.value,
        )
        .order_by(StateEvent.id.desc())
        .limit(1)
    )
    return OfferState.LIVE if before is None else OfferState(before)


def keep_in_step(offer_id: int, now: datetime) -> None:
    """Let an offer without units left be sold out, and one whose units came back be for sale while its time lasts."""
    has_units = Offer.units_offered > Offer.units_reserved + Offer.units_settled
    has_time = or_(Offer.expires_at.is_(None), Offer.expires_at > now)
    live, sold_out = OfferState.LIVE, OfferState.SOLD_OUT
    if not advance(Offer, offer_id, OFFER, sold_out, at=now, sources=(live,), only_if=(not_(has_units),)):
        advance(Offer, offer_id, OFFER, live, at=now, sources=(sold_out,), only_if=(has_units, has_time))


def note_new_price(offer: Offer, now: datetime) -> None:
    """Count a new version of an offer's price; one that visitors can see goes into the history."""
    offer.price_version += 1
    if offer.state in _PUBLIC or _was_public(offer.id):
        note_price(offer, now)


def note_price(offer: Offer, now: datetime) -> None:
    """Write an offer's price and tiers into the public history."""
    db.session.add(
        OfferPrice(
            offer_id=offer.id,
            unit_price=offer.unit_price,
            currency=offer.currency,
            tiers=[list(tier) for tier in offer.tiers],
            valid_from=now,
        )
    )


def _was_public(offer_id: int) -> bool:
    """Whether an offer has a history of prices: it was on sale once."""
    return db.session.scalar(select(OfferPrice.id).where(OfferPrice.offer_id == offer_id).limit(1)) is not None


def _take(line: Wanted, now: datetime) -> int | None:
    """Hold the units of a line if they may be sold; gives how many the offer has left, None where it took none."""
    values = {"offer_id": line.offer_id, "wanted": line.units, "now": now}
    if line.price_version is None:
        left = write(_TAKE, values).scalar_one_or_none()
    else:
        left = write(_TAKE_AT_PRICE, values | {"seen_version": line.price_version}).scalar_one_or_none()
    return None if left is None else int(left)


def _active(order_line_id: int) -> Row[Any] | None:
    return write(_ACTIVE, {"order_line_id": order_line_id}).one_or_none()


def _explain(line: Wanted, now: datetime) -> NoReturn:
    """Say why a conditional UPDATE took nothing."""
    offer = db.session.get_one(Offer, line.offer_id)
    db.session.refresh(offer)
    left = offer.units_left if offer.is_on_sale(now) else 0
    if line.price_version is not None and left >= line.units:
        if line.units < offer.least_of(left):
            raise BelowMinimum(offer_id=line.offer_id, units=line.units, minimum_units=offer.least_of(left))
        raise PriceChanged(offer_id=line.offer_id, unit_price=offer.price_for(line.units).minor)
    raise UnitsUnavailable(
        offer_id=line.offer_id,
        units=line.units,
        units_left=left,
        standing=offer.standing,
    )
