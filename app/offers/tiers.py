"""The price of a quantity: lower ones from a number of units on. Units are tonnes, prices minor units."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

Tiers = Sequence[Sequence[int]]  # `[from_units, unit_price]` each
Levels = Sequence[tuple[int, int]]  # the first number of units that has a price, and the price; rising, falling
_ENDLESS = 2**62


def price_at(unit_price: int, tiers: Tiers, units: int) -> int:
    """The lowest price of one unit that a purchase of `units` earns."""
    return min([unit_price, *(price for from_units, price in tiers if units >= from_units)])


def levels(unit_price: int, tiers: Tiers) -> Levels:
    """Every price with the first number of units that has it; the dearest one from 1 unit on."""
    found = [(1, unit_price)]
    for from_units, price in sorted(map(tuple, tiers)):
        if price < found[-1][1]:
            found.append((from_units, price))
    return found


def least_units(prices: Levels, amount: int, at_least: int = 1) -> int:
    """The fewest units, not under `at_least`, that cost `amount` or more.

    More units can cost less than fewer ones, where a lower price begins between the two.
    """
    found = []
    for (first, price), (end, _price) in pairwise([*prices, (_ENDLESS, 0)]):
        units = max(first, at_least, -(-amount // price))
        if units < end:
            found.append(units)
    return min(found)


def most_units(prices: Levels, amount: int, at_most: int = _ENDLESS) -> int:
    """The most units, not over `at_most`, that cost `amount` or less; may be 0."""
    found = [0]
    for (first, price), (end, _price) in pairwise([*prices, (_ENDLESS, 0)]):
        units = min(end - 1, at_most, amount // price)
        if units >= first:
            found.append(units)
    return max(found)
