"""Why an operator cannot do something about an order's irreversible step."""

from app.kernel.errors import Refusal


class OrderBegun(Refusal):
    """The order has gone to the registry, or has ended: its `state`. Nothing can be held back any more."""

    code = "order_begun"


class OrderNotHeld(Refusal):
    """The order does not wait for a person: its `state`."""

    code = "order_not_held"


class PaymentDisputed(Refusal):
    """The buyer has asked their bank for the money of this order back: until the bank has decided for us it waits."""

    code = "payment_disputed"
