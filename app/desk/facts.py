"""Facts of acts and proposals as pairs of words. A fact without a name is not shown: it may be private."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from flask_babel import gettext

from app.audit.service import PRIVATE
from app.catalog.labels import intent
from app.desk.words import FACTS, FIELDS, IMPORTS, OUTCOME_WORDS
from app.kernel.money import Money
from app.web.filters import country, date_long, datetime_long, money, number

_EMPTY = "–"


def told(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Pairs of a name and a value, in the order of the table of names."""
    return [(str(FACTS[key]), _value(key, facts)) for key in FACTS if key in facts]


def told_to_operators(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The same for a proposal, with what the trail leaves out."""
    pairs = [pair for key, pair in zip([k for k in FACTS if k in facts], told(facts), strict=True) if key != "changed"]
    if payer := facts.get(f"{PRIVATE}payer"):
        pairs.append((gettext("Who paid"), str(payer)))
    before, after = facts.get(f"{PRIVATE}before", {}), facts.get(f"{PRIVATE}after", {})
    for field in FIELDS:
        if before.get(field, "") != after.get(field, ""):
            change = gettext(
                "%(before)s becomes %(after)s",
                before=_word(field, before.get(field, "")),
                after=_word(field, after.get(field, "")),
            )
            pairs.append((str(FIELDS[field]), change))
    return pairs


def _word(field: str, value: str) -> str:
    if not value:
        return _EMPTY
    if field == "intent":
        return str(intent(value))
    return country(value) if field == "country" else gettext("“%(text)s”", text=value)


# Facts that are not read like every other of their type.
_READ: Mapping[str, Callable[[Any], str]] = {
    "changed": lambda fields: ", ".join(str(FIELDS.get(field, field)) for field in fields),
    "outcome": lambda code: str(OUTCOME_WORDS.get(code, code)),
    "what": lambda code: str(IMPORTS.get(str(code), code)),
    "paid_on": lambda day: date_long(date.fromisoformat(day)),
    "completed_at": lambda instant: datetime_long(datetime.fromisoformat(instant)),
    "takes_over": lambda provider_id: gettext("No") if provider_id is None else gettext("Yes"),
}


def _value(key: str, facts: Mapping[str, Any]) -> str:
    value = facts[key]
    if key == "amount" and "currency" in facts:
        return money(Money(int(value), str(facts["currency"])))
    if key in _READ:
        return _READ[key](value)
    if isinstance(value, bool) or value is None or value == "":
        return _EMPTY if not value else gettext("Yes")
    if isinstance(value, int):
        return number(value)
    if isinstance(value, (list, tuple)):
        return ", ".join(" – ".join(map(str, item)) if isinstance(item, list) else str(item) for item in value)
    return str(value)
