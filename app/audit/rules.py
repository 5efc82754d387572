"""House rules: what operators may change while the house is open, each with its default and its bounds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, select

from app.audit.errors import RuleUnfit
from app.audit.models import HouseRule
from app.audit.service import Actor, Subject, note_act, required_reason
from app.db import db, transaction, write


@dataclass(frozen=True)
class Rule:
    """One rule: its key, what holds until somebody changes it, and which whole numbers it may have.

    `unit` says what the number counts: `minor` units of the house's currency, `units` (tonnes), `day`
    of the month, or `count`.
    """

    key: str
    default: int
    least: int
    most: int
    unit: str


# Prices: the lowest and highest of the ten years of the shop of the United Nations (issue 4; shared/data).
PRICE_LOWEST = Rule("price_lowest", 38, 1, 2**31 - 1, "minor")
PRICE_HIGHEST = Rule("price_highest", 850, 1, 2**31 - 1, "minor")
LOW_STOCK = Rule("low_stock", 100, 0, 10**9, "units")
PAYOUT_DAY = Rule("payout_day", 5, 1, 28, "day")

RULES: dict[str, Rule] = {rule.key: rule for rule in (PRICE_LOWEST, PRICE_HIGHEST, LOW_STOCK, PAYOUT_DAY)}


_VALUE = select(HouseRule.value).where(HouseRule.key == bindparam("key"))  # said once: every order asks


def rule(wanted: Rule) -> int:
    """What a rule says now."""
    value = write(_VALUE, {"key": wanted.key}).scalar()
    return wanted.default if value is None else int(value)


def all_rules() -> dict[str, int]:
    """What every rule says now, by key."""
    kept = {kept.key: kept.value for kept in db.session.scalars(select(HouseRule))}
    return {key: int(kept.get(key, known.default)) for key, known in RULES.items()}


def change_rules(changes: dict[str, int], actor: Actor, *, reason: str, now: datetime) -> None:
    """Change rules by key, in one transaction. Raises ReasonMissing, or RuleUnfit naming the first that cannot be."""
    kept = required_reason(reason)
    with transaction() as session:
        before = all_rules()
        after = before | changes
        for key, value in changes.items():
            if not RULES[key].least <= value <= RULES[key].most:
                raise RuleUnfit(key=key)
        if after[PRICE_LOWEST.key] > after[PRICE_HIGHEST.key]:
            raise RuleUnfit(key=PRICE_HIGHEST.key)
        for position, (key, value) in enumerate(sorted(changes.items())):
            if value == before[key]:
                continue
            session.merge(HouseRule(key=key, value=value, changed_at=now))
            facts = {"before": before[key], "after": value}
            note_act(actor, "rule_changed", Subject("rule", position, key), at=now, reason=kept, facts=facts)
