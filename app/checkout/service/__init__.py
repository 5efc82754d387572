"""Use cases of an order, from a basket to money and back: place, pay, record, expire.

Webhook, return page and sweeper all end in `reconcile`, which asks the gateway for the truth.
What follows the payment is in `app/fulfilment/process.py`.
"""

from app.checkout.service.expire import UNPAID_TOO_LONG, close_payment_pages, close_unpaid, due_orders, withdraw
from app.checkout.service.pay import open_payment, start_payment
from app.checkout.service.place import order_basket, place_order, supersede_unpaid_orders
from app.checkout.service.record import RETRY_HOLD, reconcile, record_status
from app.checkout.service.remedy import (
    UNDECIDED,
    due_remedies,
    lapse,
    make_good,
    take_back,
    take_money,
    take_units,
    token_of,
)

__all__ = [
    "RETRY_HOLD",
    "UNDECIDED",
    "UNPAID_TOO_LONG",
    "close_payment_pages",
    "close_unpaid",
    "due_orders",
    "due_remedies",
    "lapse",
    "make_good",
    "open_payment",
    "order_basket",
    "place_order",
    "reconcile",
    "record_status",
    "start_payment",
    "supersede_unpaid_orders",
    "take_back",
    "take_money",
    "take_units",
    "token_of",
    "withdraw",
]
