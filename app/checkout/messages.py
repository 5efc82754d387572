"""What a refusal says to the person, in the language of the page."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from flask_babel import gettext as _
from flask_babel import ngettext

from app.catalog.labels import authorisation, intent, unit_name
from app.kernel.errors import Refusal
from app.kernel.money import Money
from app.offers.states import Standing
from app.web import filters


def describe(refusal: Refusal) -> str:
    """A sentence that says what is wrong and what to do. Raises KeyError for an unknown code."""
    return _WORDS[refusal.code](refusal.facts)


def _bad_units(facts: dict[str, object]) -> str:
    return {
        "thousands": _(
            "We cannot tell whether you mean thousands or a fraction. "
            "Write thousands as in %(example)s, or digits only.",
            example=filters.number(12_000),
        ),
        "missing": _("Enter how many units you want."),
        "fraction": _("Enter a whole number. Units cannot be divided, because each is one tonne with its own number."),
        "sign": _("Enter a number of 1 or more, without a sign."),
        "number": _("Enter a whole number in digits, such as 12."),
        "zero": _("Enter a whole number of 1 or more."),
        "large": _("This is more than all the units ever issued. Enter a smaller number."),
    }[str(facts["reason"])]


def _unavailable(facts: dict[str, object]) -> str:
    left, standing = _int(facts["units_left"]), facts.get("standing")
    if left == 0 and standing == Standing.RESERVED:
        return _(
            "All units of this offer are held for other buyers at the moment. They come back if those do not pay. "
            "Remove it, or choose another one."
        )
    if left == 0 and standing == Standing.SOLD_OUT:
        return _("This offer is sold out. Remove it, or choose another one.")
    if left == 0:
        return _("This offer is not on sale now. Remove it, or choose another one.")
    return ngettext(
        "Only %(left)s unit is left. Enter 1.",
        "Only %(left)s units are left. Enter %(left)s or fewer.",
        left,
        left=filters.number(left),
    )


def _price_changed(_facts: dict[str, object]) -> str:
    return _(
        "The seller changed the price while you were here. The basket now shows the new price. Check it, then go on."
    )


def _below_lot(facts: dict[str, object]) -> str:
    least = _int(facts["minimum_units"])
    return ngettext(
        "The seller sells at least %(least)s unit at a time. Enter %(least)s or more.",
        "The seller sells at least %(least)s units at a time. Enter %(least)s or more.",
        least,
        least=filters.number(least),
    )


def _below_minimum(facts: dict[str, object]) -> str:
    units = _int(facts["units"])
    return ngettext(
        "The smallest payment is %(minimum)s. Take at least %(units)s unit here, or add another project.",
        "The smallest payment is %(minimum)s. Take at least %(units)s units here, or add another project.",
        units,
        minimum=_money(facts["minimum"]),
        units=filters.number(units),
    )


def _above_maximum(facts: dict[str, object]) -> str:
    units = _int(facts["units"])
    if units == 0:
        return _(
            "The largest payment is %(maximum)s. Remove this line and place a second order for it.",
            maximum=_money(facts["maximum"]),
        )
    return ngettext(
        "The largest payment is %(maximum)s. Take %(units)s unit here and order the rest separately.",
        "The largest payment is %(maximum)s. Take %(units)s units or fewer here and order the rest separately.",
        units,
        maximum=_money(facts["maximum"]),
        units=filters.number(units),
    )


def _remedy_decided(_facts: dict[str, object]) -> str:
    return _("The choice was made already. Your order page says what became of it.")


def _substitute_unfit(_facts: dict[str, object]) -> str:
    return _("These units cost more by now, or are not on sale any more. Choose again from what is shown now.")


def _not_late(_facts: dict[str, object]) -> str:
    return _("The registry has answered, or is within the time that we promised. Nothing was changed.")


def _sale_closed(facts: dict[str, object]) -> str:
    return _(
        "%(units)s are no longer sold here since %(time)s, because their registry closes. "
        "What was in your basket before can still be ordered for a while.",
        units=unit_name(str(facts["unit_type"]), 2),
        time=filters.datetime_long(cast(datetime, facts["closed_at"])),
    )


def _orders_closed(facts: dict[str, object]) -> str:
    return _(
        "%(units)s are ordered and paid until %(time)s only, because their registry closes, and the time that is left "
        "is too short for a payment. Nothing was ordered and nothing is charged. Remove these units from your basket.",
        units=unit_name(str(facts["unit_type"]), 2),
        time=filters.datetime_long(cast(datetime, facts["closed_at"])),
    )


def _intent_not_allowed(facts: dict[str, object]) -> str:
    return _(
        "Units with the status “%(status)s” cannot be cancelled for this: %(intent)s. "
        "Choose something else, or remove them from your basket.",
        status=authorisation(str(facts["authorisation"])),
        intent=intent(str(facts["intent"])),
    )


def _int(value: object) -> int:
    return cast(int, value)


def _money(value: object) -> str:
    return filters.money(cast(Money, value))


_WORDS = {
    "remedy_decided": _remedy_decided,
    "substitute_unfit": _substitute_unfit,
    "not_late": _not_late,
    "bad_units": _bad_units,
    "units_unavailable": _unavailable,
    "registry_not_connected": lambda _facts: _(
        "We are not connected to the registry of these units any more, so we cannot cancel them. Remove them, or "
        "choose another project."
    ),
    "price_changed": _price_changed,
    "sale_closed": _sale_closed,
    "orders_closed": _orders_closed,
    "intent_not_allowed": _intent_not_allowed,
    "below_minimum": _below_lot,
    "total_below_minimum": _below_minimum,
    "total_above_maximum": _above_maximum,
    "total_changed": lambda _facts: _("The total is no longer the one you saw. Check it, then order again."),
    "split_changed": lambda _facts: _(
        "Who gets what of your money changed while you were here. The price is the same. Nothing was ordered yet: look "
        "at the new parts, then order again."
    ),
    "earlier_order_open": lambda _facts: _(
        "An order from this basket is just being placed. Wait a moment, then order again."
    ),
    "basket_empty": lambda _facts: _("Your basket is empty. Choose a project first."),
    "order_not_payable": lambda _facts: _("This order cannot be paid any more. Its page says why."),
    "currency_changed": lambda _facts: _(
        "We sell in another currency by now, so this order cannot be paid any more. It has ended, and you were not "
        "charged. Order again at today’s prices."
    ),
    "gateway_unavailable": lambda _facts: _(
        "The payment page cannot be reached at the moment. You were not charged. Wait a minute, then try again."
    ),
    "gateway_outcome_unknown": lambda _facts: _(
        "The payment page did not answer. You were not charged. Wait a minute, then try again."
    ),
    "gateway_refusal": lambda _facts: _("The payment page did not accept this order. You were not charged."),
}
