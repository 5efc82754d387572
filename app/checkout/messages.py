"""What a refusal says to the person, in the language of the page."""

from __future__ import annotations

from typing import cast

from flask_babel import gettext as _
from flask_babel import ngettext

from app.kernel.errors import Refusal
from app.kernel.money import Money
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
    left = _int(facts["units_left"])
    if left == 0 and facts.get("is_reserved"):
        return _(
            "All units of this offer are held for other buyers at the moment. They come back if those do not pay. "
            "Remove it, or choose another one."
        )
    if left == 0:
        return _("This offer is sold out. Remove it, or choose another one.")
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


def _int(value: object) -> int:
    return cast(int, value)


def _money(value: object) -> str:
    return filters.money(cast(Money, value))


_WORDS = {
    "bad_units": _bad_units,
    "units_unavailable": _unavailable,
    "price_changed": _price_changed,
    "below_minimum": _below_lot,
    "total_below_minimum": _below_minimum,
    "total_above_maximum": _above_maximum,
    "total_changed": lambda _facts: _("The total is no longer the one you saw. Check it, then order again."),
    "earlier_order_open": lambda _facts: _(
        "An order from this basket is just being placed. Wait a moment, then order again."
    ),
    "basket_empty": lambda _facts: _("Your basket is empty. Choose a project first."),
    "order_not_payable": lambda _facts: _("This order cannot be paid any more. Its page says why."),
    "gateway_unavailable": lambda _facts: _(
        "The payment page cannot be reached at the moment. You were not charged. Wait a minute, then try again."
    ),
    "gateway_outcome_unknown": lambda _facts: _(
        "The payment page did not answer. You were not charged. Wait a minute, then try again."
    ),
    "gateway_refusal": lambda _facts: _("The payment page did not accept this order. You were not charged."),
}
