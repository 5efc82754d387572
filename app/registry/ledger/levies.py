"""What a mechanism takes of an issuance, by the rows of `levy_rule`: no rate of any mechanism stands in code."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select

from app.catalog.models import LevyRule
from app.db import db
from app.kernel.money import Money
from app.registry.ledger.rules import share_of, tiered_fee


@dataclass(frozen=True)
class Share:
    """Units of an issuance that go into an account of a type; `code` names the rule."""

    code: str
    units: int
    account_type: int


@dataclass(frozen=True)
class Levies:
    """What is taken of one issuance: shares of its lowest serial numbers, in this order, and a fee."""

    shares: tuple[Share, ...]
    fee: Money | None

    @property
    def taken(self) -> int:
        """How many of the lowest serial numbers nobody gets."""
        return sum(share.units for share in self.shares)


class LevyRules:
    """The rules of all mechanisms, read once. Of rules with the same code the latest one begun counts."""

    def __init__(self, rules: Iterable[LevyRule]) -> None:
        self._rules: dict[str, list[LevyRule]] = {}
        for rule in sorted(rules, key=lambda rule: (rule.code, rule.valid_from)):
            self._rules.setdefault(rule.mechanism_code, []).append(rule)

    def of(self, mechanism_code: str, on: date, *, units: int, is_least_developed: bool, requested: int = 0) -> Levies:
        """What is taken of `units` issued on a day.

        `requested` are the units requested before for the same project in the same calendar year. Shares come
        in the order of their codes: adaptation before mitigation.
        """
        shares, fee = [], None
        for rule in self._valid(mechanism_code, on):
            if rule.is_least_developed_exempt and is_least_developed:
                continue
            if rule.basis_points is not None and rule.account_type is not None:
                shares.append(Share(rule.code, share_of(units, rule.basis_points), rule.account_type))
            if rule.tiers is not None and rule.currency is not None:
                fee = Money(tiered_fee(units, requested, rule.tiers), rule.currency)
        return Levies(tuple(share for share in shares if share.units), fee)

    def _valid(self, mechanism_code: str, on: date) -> Iterable[LevyRule]:
        latest = {rule.code: rule for rule in self._rules.get(mechanism_code, []) if rule.valid_from <= on}
        return (rule for rule in latest.values() if rule.valid_to is None or on <= rule.valid_to)


def read_rules() -> LevyRules:
    """The rules as they stand in the table."""
    return LevyRules(db.session.scalars(select(LevyRule)))
