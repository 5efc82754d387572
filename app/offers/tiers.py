"""The price of a quantity: lower ones from a number of units on."""

from __future__ import annotations

from collections.abc import Sequence


def price_at(unit_price: int, tiers: Sequence[Sequence[int]], units: int) -> int:
    """The lowest price of one unit that a purchase of `units` (tonnes) earns, in minor units.

    `tiers` are `[from_units, unit_price]` each.
    """
    return min([unit_price, *(price for from_units, price in tiers if units >= from_units)])
