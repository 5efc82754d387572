"""Why units cannot be taken."""

from app.kernel.errors import Refusal


class UnitsUnavailable(Refusal):
    """`offer_id` has only `units_left` units (tonnes) for sale, fewer than `units` asked for.

    `standing` is how the offer stands for a buyer: its units may be held for others, sold, or off sale.
    """

    code = "units_unavailable"


class PriceChanged(Refusal):
    """`offer_id` now costs `unit_price` minor units, not what the buyer saw."""

    code = "price_changed"


class BelowMinimum(Refusal):
    """`offer_id` is sold in purchases of at least `minimum_units`, more than the `units` asked for."""

    code = "below_minimum"


class MoreThanHeld(Refusal):
    """`units` were to be promised, and only `free` of those that lie in the account are not promised yet."""

    code = "more_than_held"


class SaleClosed(Refusal):
    """Units of `unit_type` are not offered or put into baskets any more since `closed_at` (aware UTC)."""

    code = "sale_closed"


class OrdersClosed(Refusal):
    """Units of `unit_type` are not ordered or paid any more from `closed_at` on (aware UTC); `offer_id` is of such."""

    code = "orders_closed"
