"""Who gets what, ready to be shown at every step."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.config import Settings
from app.kernel.money import Money
from app.payments.split import Share, split


@dataclass(frozen=True)
class Breakdown:
    """A total and its parts: seller + payment cost + tax + platform fee = total, to the cent."""

    total: Money
    seller: Money
    payment_cost: Money
    tax: Money
    platform_fee: Money
    sellers: tuple[tuple[str, Money], ...]

    @property
    def parts(self) -> tuple[int, int, int, int]:
        """The four parts in minor units, in the order of `app.payments.split.parts_of`."""
        return self.seller.minor, self.payment_cost.minor, self.tax.minor, self.platform_fee.minor


def breakdown(shares: Iterable[tuple[str, Share]], currency: str) -> Breakdown:
    """Add up the shares of lines, each with its seller's name; amounts in minor units of `currency`."""
    rows: Sequence[tuple[str, Share]] = list(shares)
    by_seller: dict[str, int] = {}
    for name, share in rows:
        by_seller[name] = by_seller.get(name, 0) + share.seller

    def total(part: str) -> Money:
        return Money(sum(getattr(share, part) for _name, share in rows), currency)

    return Breakdown(
        total=total("amount"),
        seller=total("seller"),
        payment_cost=total("payment_cost"),
        tax=total("tax"),
        platform_fee=total("platform_fee"),
        sellers=tuple((name, Money(minor, currency)) for name, minor in by_seller.items()),
    )


def alone(price: Money, units: int, seller: str, settings: Settings) -> Breakdown:
    """Who gets what of an order of nothing but `units` units of one offer at `price` each."""
    amount = price * units
    return breakdown([(seller, split([amount.minor], settings)[0])], amount.currency)
