"""Reading a quantity as people type it, and finding the number that works."""

from __future__ import annotations

import re

from app.checkout.errors import BadUnits
from app.kernel.text import joined_digits
from app.offers.tiers import Levels, least_units, most_units

MOST_DIGITS = 12
# All CERs ever issued until November 2023 are 2,425,409,379 (shared/domain.md 6.1): nobody can want more.
MOST_UNITS = 2_425_409_379
# What fits into every integer column.
MOST_FIELD_DIGITS = 18

_GROUPED = re.compile(r"(?!0)\d{1,3}([.,])\d{3}(\1\d{3})*")


def read_units(typed: str, thousands: str) -> int:
    """Whole units (tonnes) from what was typed, with `thousands` or spaces between groups of three digits.

    Nothing is guessed: the sign of another language is refused. Raises BadUnits with `reason` missing,
    thousands, fraction, sign, zero, number or large.
    """
    text = joined_digits(typed)
    if not text:
        raise BadUnits(reason="missing", typed=typed)
    if text[0] in "-−–+":
        raise BadUnits(reason="sign", typed=typed)
    grouped = _GROUPED.fullmatch(text)
    if grouped:
        if grouped[1] != thousands:
            raise BadUnits(reason="thousands", typed=typed)
        text = text.replace(thousands, "")
    if any(separator in text for separator in ".,") and text.replace(".", "").replace(",", "").isdecimal():
        raise BadUnits(reason="fraction", typed=typed)
    if not text.isdecimal():
        raise BadUnits(reason="number", typed=typed)
    units = int(text) if len(text) <= MOST_DIGITS else MOST_UNITS + 1
    if units > MOST_UNITS:
        raise BadUnits(reason="large", typed=typed)
    if units == 0:
        raise BadUnits(reason="zero", typed=typed)
    return units


def read_number(text: str) -> int:
    """A number that a form of ours put into a field; 0, which no row has, for whatever else comes back."""
    return int(text) if text.isdecimal() and len(text) <= MOST_FIELD_DIGITS else 0


def units_for_minimum(minimum: int, others: int, prices: Levels) -> int:
    """Fewest units at these prices that bring `others` up to `minimum` (all minor units)."""
    return least_units(prices, minimum - others)


def units_for_maximum(maximum: int, others: int, prices: Levels) -> int:
    """Most units at these prices that keep `others` plus this line within `maximum`; may be 0."""
    return most_units(prices, max(0, maximum - others))
