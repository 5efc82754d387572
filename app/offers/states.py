"""Where an offer and a reservation stand."""

from __future__ import annotations

from enum import StrEnum

from app.kernel.states import Transitions


class OfferState(StrEnum):
    """Only `live` offers are for sale; `frozen` means the registry's books differ from ours."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    LIVE = "live"
    PAUSED = "paused"
    SOLD_OUT = "sold_out"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    FROZEN = "frozen"


class ReservationState(StrEnum):
    """Units are held for an unpaid order, then settled (taken for good) or released."""

    HELD = "held"
    SETTLED = "settled"
    RELEASED = "released"


class PriceChangeState(StrEnum):
    """A planned price is applied when its time has come, or taken back before."""

    PLANNED = "planned"
    APPLIED = "applied"
    WITHDRAWN = "withdrawn"


class Standing(StrEnum):
    """How an offer stands for a buyer: for sale, taken off sale, all held for unpaid orders, or all sold.

    `closed`: nothing of its mechanism is sold any more, whatever is left.
    """

    OPEN = "open"
    HELD = "held"
    RESERVED = "reserved"
    SOLD_OUT = "sold_out"
    CLOSED = "closed"


# An offer that nobody outside has seen yet, one that is over, and all that still may sell.
UNSEEN = (OfferState.DRAFT, OfferState.SUBMITTED, OfferState.APPROVED)
CLOSED = (OfferState.WITHDRAWN, OfferState.EXPIRED)
# What a visitor may know of; drafts, withdrawn and expired offers are not shown.
VISIBLE = (OfferState.LIVE, OfferState.PAUSED, OfferState.SOLD_OUT, OfferState.FROZEN)
OPEN = tuple(state for state in OfferState if state not in CLOSED)

# Of several offers the one that stands first here says how they stand together.
STANDINGS = tuple(Standing)


def standing(state: OfferState, units_left: int, units_reserved: int) -> Standing:
    """How a visible offer with these whole units stands.

    Units held for an unpaid order come back to sale if it is not paid, unless the offer was stopped meanwhile.
    """
    if units_left > 0:
        return Standing.OPEN if state is OfferState.LIVE else Standing.HELD
    if units_reserved > 0:
        return Standing.RESERVED if state in (OfferState.LIVE, OfferState.SOLD_OUT) else Standing.HELD
    return Standing.SOLD_OUT


_O = OfferState
_R = ReservationState
_C = PriceChangeState

OFFER = Transitions(
    "offer",
    {
        _O.DRAFT: {_O.SUBMITTED, _O.WITHDRAWN},
        _O.SUBMITTED: {_O.APPROVED, _O.DRAFT, _O.WITHDRAWN},
        # One that opens later may expire or be frozen before.
        _O.APPROVED: {_O.LIVE, _O.WITHDRAWN, _O.EXPIRED, _O.FROZEN},
        _O.LIVE: {_O.PAUSED, _O.SOLD_OUT, _O.WITHDRAWN, _O.EXPIRED, _O.FROZEN},
        _O.PAUSED: {_O.LIVE, _O.WITHDRAWN, _O.EXPIRED, _O.FROZEN},
        # Paused as well, lest units that come back go on sale.
        _O.SOLD_OUT: {_O.LIVE, _O.PAUSED, _O.WITHDRAWN, _O.EXPIRED, _O.FROZEN},
        # Thawed, it is what it was before.
        _O.FROZEN: {_O.APPROVED, _O.LIVE, _O.PAUSED, _O.WITHDRAWN, _O.EXPIRED},
        _O.WITHDRAWN: set(),
        _O.EXPIRED: set(),
    },
)

RESERVATION = Transitions(
    "reservation",
    {
        _R.HELD: {_R.SETTLED, _R.RELEASED},
        # A refused or proven-absent cancellation gives its settled units back.
        _R.SETTLED: {_R.RELEASED},
        _R.RELEASED: set(),
    },
)

PRICE_CHANGE = Transitions(
    "price_change", {_C.PLANNED: {_C.APPLIED, _C.WITHDRAWN}, _C.APPLIED: set(), _C.WITHDRAWN: set()}
)
