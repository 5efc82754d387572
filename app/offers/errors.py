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
