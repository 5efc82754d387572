"""Reading a quantity as people type it, and finding the number that works."""

from __future__ import annotations

from app.checkout.errors import BadUnits

MOST_DIGITS = 12
# All CERs ever issued until November 2023 are 2,425,409,379 (shared/domain.md 6.1): nobody can want more.
MOST_UNITS = 2_425_409_379
# What fits into every integer column.
MOST_FIELD_DIGITS = 18


def read_units(typed: str) -> int:
    """Whole units (tonnes) from what was typed; spaces between digits are forgiven.

    Raises BadUnits with `reason` missing, fraction, sign, zero, number or large.
    """
    text = "".join(typed.split())
    if not text:
        raise BadUnits(reason="missing", typed=typed)
    if text[0] in "-−–+":
        raise BadUnits(reason="sign", typed=typed)
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


def units_for_minimum(minimum: int, others: int, unit_price: int) -> int:
    """Fewest units at `unit_price` that bring `others` up to `minimum` (all minor units)."""
    return max(1, -(-(minimum - others) // unit_price))


def units_for_maximum(maximum: int, others: int, unit_price: int) -> int:
    """Most units at `unit_price` that keep `others` plus this line within `maximum`; may be 0."""
    return max(0, (maximum - others) // unit_price)
