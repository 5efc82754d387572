"""What accounts must know of purchases, which belong to a package above."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, cast

from flask import current_app

from app.kernel.money import Money


@dataclass(frozen=True)
class PurchasedPaper:
    """One certificate of a purchase: its printed number, and what opens it."""

    number: str
    slug: str
    code: str


@dataclass(frozen=True)
class Purchase:
    """One order as its buyer sees it in a list. `token` opens its page."""

    reference: str
    token: str
    state: str
    placed_at: datetime
    units: int
    total: Money
    papers: tuple[PurchasedPaper, ...]


class Purchases(Protocol):
    """Knows the orders of people."""

    def claim(self, person_id: int, email: str) -> int:
        """Give a person the orders without an account of their address, in the caller's transaction; how many."""
        ...

    def forget_typed(self, now: datetime) -> None:
        """Forget what was typed at this browser for the next order; what it means to buy stays. `now` is aware."""
        ...

    def of_person(self, person_id: int) -> Sequence[Purchase]:
        """The orders of a person, the newest first."""
        ...


def current_purchases() -> Purchases:
    """The purchases this application was made with."""
    return cast(Purchases, current_app.extensions["tonne.purchases"])
