"""Why units cannot be taken."""

from app.kernel.errors import Refusal


class UnitsUnavailable(Refusal):
    """`offer_id` has only `units_left` units (tonnes) for sale, fewer than `units` asked for.

    `is_reserved` says that all of them are held for orders that may not be paid.
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
