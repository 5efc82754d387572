"""Why a basket cannot become an order."""

from app.kernel.errors import Refusal


class BasketEmpty(Refusal):
    """There is nothing to buy."""

    code = "basket_empty"


class BadUnits(Refusal):
    """What was typed as a quantity is not a whole number of units; `reason` says how."""

    code = "bad_units"


class RegistryNotConnected(Refusal):
    """Nobody here could cancel the units of `offer_id`: this copy is not connected to their registry any more."""

    code = "registry_not_connected"


class TotalBelowMinimum(Refusal):
    """The total is under the payment minimum; `units` of `offer_id` would be enough."""

    code = "total_below_minimum"


class TotalAboveMaximum(Refusal):
    """The total is over the card maximum; `units` of `offer_id` is the most that works."""

    code = "total_above_maximum"


class EarlierOrderOpen(Refusal):
    """Another order from the same basket is open: the button was pressed twice, or in two tabs."""

    code = "earlier_order_open"


class TotalChanged(Refusal):
    """The total differs from the one the buyer agreed to."""

    code = "total_changed"


class SplitChanged(Refusal):
    """The total is the one that the buyer agreed to, and is divided in another way than was shown."""

    code = "split_changed"


class OrderNotPayable(Refusal):
    """The order is paid, expired or under review; its page says which."""

    code = "order_not_payable"


class CurrencyChanged(OrderNotPayable):
    """The order is in a currency that the house gave up; nothing was paid, and it has ended with this try to pay it."""

    code = "currency_changed"


class OrderNotOverdue(Refusal):
    """The order is not unpaid, or has not held its units for too long: it ends by itself, or has ended; its `state`."""

    code = "order_not_overdue"


class AlreadyPaid(Refusal):
    """An earlier order from this basket was paid in the meantime; `token` opens it."""

    code = "already_paid"


class NothingChanged(Refusal):
    """What was typed is what stands there already."""

    code = "nothing_changed"


class TooLateToChange(Refusal):
    """The units were sent to the registry: what the order says stands in its books; its `state`."""

    code = "too_late_to_change"


class IntentNotAllowed(Refusal):
    """Units with this `authorisation` of their host Party cannot be cancelled for this `intent`."""

    code = "intent_not_allowed"


class RemedyDecided(Refusal):
    """The buyer, or the time, has chosen already between the money and other units."""

    code = "remedy_decided"


class SubstituteUnfit(Refusal):
    """The offer `offer_id` cannot take the place of what was refused: it costs more by now, or is not on sale."""

    code = "substitute_unfit"


class NotLate(Refusal):
    """The registry is within the time that was promised, or has answered: there is nothing to take back."""

    code = "not_late"
