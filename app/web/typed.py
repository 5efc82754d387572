"""Numbers and days as people type them on a page or into an address."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from babel.numbers import get_decimal_symbol
from flask_babel import LazyString, gettext

from app.kernel.languages import LANGUAGES
from app.kernel.text import clean_line, joined_digits
from app.web.i18n import current_language

# Digits in groups, and what may follow of an amount behind the other sign.
_GROUPED = re.compile(r"(?!0)\d{1,3}([.,])\d{3}(\1\d{3})*((?!\1)[.,]\d*)?")
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
# Beyond any day that a shop can have: a day later is still a day.
_DAYS = (date(2000, 1, 1), date(2999, 12, 31))
_MOST_SHOWN = 20


@dataclass(frozen=True)
class TypedDay:
    """What stands in the field of a day, and the day if it is one; `problem` says why it cannot be this one."""

    typed: str = ""
    day: date | None = None
    problem: LazyString | None = None

    @property
    def is_wrong(self) -> bool:
        """Whether something is to be said beside the field."""
        return self.problem is not None or (self.typed != "" and self.day is None)

    @property
    def error(self) -> str | None:
        """What to say beside the field; None for a day, and for none."""
        if not self.is_wrong:
            return None
        return gettext("Write the day as in 2026-12-31.") if self.problem is None else str(self.problem)


def read_day(typed: str) -> TypedDay:
    """The day that `2026-12-31` names. Whoever filters by it shows nothing where there is an error."""
    shown = clean_line(typed)[:_MOST_SHOWN]
    try:
        day = date.fromisoformat(shown) if _DAY.fullmatch(shown) else None
    except ValueError:
        day = None
    return TypedDay(shown, day if day is not None and _DAYS[0] <= day <= _DAYS[1] else None)


def ungrouped(typed: str) -> str:
    """What was typed without the spaces or the thousands sign of the page's language that group its digits.

    The sign of another language stays, so that whoever reads the number refuses it rather than guesses.
    """
    text = joined_digits(typed)
    grouped = _GROUPED.fullmatch(text)
    sign = LANGUAGES[current_language()].thousands
    return text.replace(sign, "") if grouped and grouped[1] == sign else text


def as_typed(value: Decimal) -> str:
    """A number for a field, as somebody types it who reads the page's language: `2,50`."""
    return str(value).replace(".", get_decimal_symbol(current_language()))
