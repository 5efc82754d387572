"""Where an order stands."""

from __future__ import annotations

from enum import StrEnum

from app.kernel.states import Transitions


class OrderState(StrEnum):
    """Fulfilled, partly fulfilled and refused are final; an expired order can still be paid late."""

    PLACED = "placed"
    PAYMENT_PENDING = "payment_pending"
    PAID = "paid"
    FULFILLING = "fulfilling"
    FULFILLED = "fulfilled"
    PARTLY_FULFILLED = "partly_fulfilled"
    REFUSED = "refused"
    EXPIRED = "expired"
    PAYMENT_REVIEW = "payment_review"
    RISK_HOLD = "risk_hold"


_S = OrderState

# An order in one of these can still be paid, and its units are held for it.
UNPAID = (_S.PAYMENT_PENDING, _S.PLACED)  # the likelier first

# An order in one of these has its units, and waits for answers about them.
UNDERWAY = (_S.PAID, _S.RISK_HOLD, _S.FULFILLING)

# Why an order expired, in the facts of its event: nobody paid in time, or the buyer withdrew.
UNPAID_IN_TIME = "unpaid"
WITHDRAWN = "withdrawn"
ENDED_BY_PEOPLE = "ended_by_people"  # nobody could ask whether it was paid, and two operators said that it was not
CURRENCY_CHANGED = "currency_changed"  # the house sells in another currency by now, and its gateway takes no other
ORDERS_CLOSED = "orders_closed"  # the money came after the last order of their mechanism

ORDER = Transitions(
    "order",
    {
        _S.PLACED: {_S.PAYMENT_PENDING, _S.PAID, _S.EXPIRED, _S.PAYMENT_REVIEW},
        _S.PAYMENT_PENDING: {_S.PAID, _S.EXPIRED, _S.PAYMENT_REVIEW, _S.PLACED},
        _S.EXPIRED: {_S.PAID, _S.REFUSED, _S.PAYMENT_REVIEW},
        _S.PAYMENT_REVIEW: {_S.PAID, _S.EXPIRED, _S.REFUSED},
        _S.PAID: {_S.FULFILLING, _S.RISK_HOLD},
        _S.RISK_HOLD: {_S.FULFILLING, _S.REFUSED},
        _S.FULFILLING: {_S.FULFILLED, _S.PARTLY_FULFILLED, _S.REFUSED},
        _S.FULFILLED: set(),
        _S.PARTLY_FULFILLED: set(),
        _S.REFUSED: set(),
    },
)


class RemedyState(StrEnum):
    """What a buyer chose instead of units that were not cancelled: their money, or other units."""

    OFFERED = "offered"
    REFUNDED = "refunded"
    SUBSTITUTED = "substituted"


REMEDY = Transitions(
    "remedy",
    {
        RemedyState.OFFERED: {RemedyState.REFUNDED, RemedyState.SUBSTITUTED},
        RemedyState.REFUNDED: set(),
        RemedyState.SUBSTITUTED: set(),
    },
)
