"""Money as an integer number of minor units with its currency.

Nothing here is ever a float: SQLite would store it as REAL and a cent would be lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from babel.numbers import get_currency_precision

# What one payment must at least be, in minor units: `shared/payments.md` 4.6, as five public code bases
# agree on it. A currency that is not here cannot be sold in, because nobody knows what can be paid.
SMALLEST_PAYMENT = {
    "AED": 200, "AUD": 50, "BRL": 50, "CAD": 50, "CHF": 50, "CZK": 1_500, "DKK": 250, "EUR": 50,
    "GBP": 30, "HKD": 400, "HUF": 17_500, "INR": 50, "JPY": 50, "MXN": 1_000, "MYR": 200, "NOK": 300,
    "NZD": 50, "PLN": 200, "RON": 200, "SEK": 300, "SGD": 50, "THB": 1_000, "USD": 50, "ZAR": 50,
}  # fmt: skip


_CODE = re.compile("[A-Z]{3}")


class CurrencyMismatchError(TypeError):
    """Two amounts of different currencies met in one sum or comparison."""


@dataclass(frozen=True, slots=True)
class Money:
    """An exact amount: `minor` is in the currency's smallest unit (cents for USD)."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if isinstance(self.minor, bool) or not isinstance(self.minor, int):
            raise TypeError("Money.minor must be an integer number of minor units")
        if not _CODE.fullmatch(self.currency):
            raise ValueError(f"not an ISO 4217 code: {self.currency!r}")

    def _same(self, other: Money) -> None:
        if self.currency != other.currency:
            raise CurrencyMismatchError(f"{self.currency} and {other.currency}")

    def __add__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.minor + other.minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.minor - other.minor, self.currency)

    def __mul__(self, units: int) -> Money:
        if isinstance(units, bool) or not isinstance(units, int):
            raise TypeError("money is multiplied by whole units only")
        return Money(self.minor * units, self.currency)

    def __lt__(self, other: Money) -> bool:
        self._same(other)
        return self.minor < other.minor

    def __le__(self, other: Money) -> bool:
        self._same(other)
        return self.minor <= other.minor

    @property
    def decimal(self) -> Decimal:
        """The amount in major units, exact, with the precision of the currency."""
        return Decimal(self.minor).scaleb(-get_currency_precision(self.currency))

    @staticmethod
    def total(amounts: Iterable[Money], currency: str) -> Money:
        """The sum of amounts of one currency; zero for none."""
        result = Money(0, currency)
        for amount in amounts:
            result = result + amount
        return result


def rounded_share(minor: int, basis_points: int) -> int:
    """`basis_points` ten-thousandths of `minor` minor units, half up, never negative.

    Raises ValueError for a negative amount or rate.
    """
    if minor < 0 or basis_points < 0:
        raise ValueError("a share is taken of a non-negative amount at a non-negative rate")
    return (minor * basis_points + 5_000) // 10_000


def allocate(minor: int, weights: Sequence[int]) -> list[int]:
    """Split `minor` minor units over `weights` so that the parts add up exactly.

    Largest remainder, ties to the earlier weight: the same input always gives the same cents.
    Raises ValueError when there is nothing to split over.
    """
    whole = sum(weights)
    if whole <= 0 or any(weight < 0 for weight in weights):
        raise ValueError("weights must be non-negative and not all zero")
    parts = [minor * weight // whole for weight in weights]
    order = sorted(range(len(weights)), key=lambda i: (-(minor * weights[i] % whole), i))
    for index in order[: minor - sum(parts)]:
        parts[index] += 1
    return parts
