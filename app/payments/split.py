"""Who gets what of the listed price, to the cent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.config import Settings
from app.kernel.money import allocate, rounded_share


@dataclass(frozen=True)
class Share:
    """How one line's amount divides, in minor units; the four parts add up to `amount`."""

    amount: int
    seller: int
    payment_cost: int
    tax: int
    platform_fee: int


def parts_of(shares: Iterable[Share]) -> tuple[int, int, int, int]:
    """What sellers, payment cost, tax and platform fee get of lines together, in minor units."""
    rows = list(shares)
    return (
        sum(share.seller for share in rows),
        sum(share.payment_cost for share in rows),
        sum(share.tax for share in rows),
        sum(share.platform_fee for share in rows),
    )


def split(amounts: Sequence[int], settings: Settings) -> tuple[Share, ...]:
    """Divide line amounts (minor units) into seller's share, payment cost, tax and platform fee.

    Everything is contained in the listed price. The payment cost of the whole order is shared out
    over the lines by their amounts; tax and fee are rounded half up per line; the seller gets the
    rest, never less than nothing. Raises ValueError for an empty order.
    """
    total = sum(amounts)
    cost = min(total, rounded_share(total, settings.payment_cost_rate) + settings.payment_cost_fixed)
    shares = []
    for amount, line_cost in zip(amounts, allocate(cost, amounts), strict=True):
        left = amount - line_cost
        # The rate applies to the net price, and the listed price contains it.
        tax = min(
            left, (amount * settings.tax_rate + (10_000 + settings.tax_rate) // 2) // (10_000 + settings.tax_rate)
        )
        fee = min(left - tax, rounded_share(amount, settings.platform_fee_rate))
        shares.append(Share(amount, left - tax - fee, line_cost, tax, fee))
    return tuple(shares)
