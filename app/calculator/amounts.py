"""Amounts as people type them, exact."""

from __future__ import annotations

import re
from decimal import Decimal

from app.kernel.text import joined_digits

# Grouped thousands and decimals cannot be told apart over three languages: "3,500" is refused, "3 500" is read.
_AMOUNT = re.compile(r"[0-9]{1,9}([.,][0-9]{1,2})?")
_WITH_THOUSANDS = re.compile(r"[0-9]{1,3}([.,][0-9]{3})+([.,][0-9]*)?")
_DIGITS = re.compile(r"(?P<whole>[0-9]+)([.,][0-9]*)?")
_MOST_DIGITS = 9


class BadAmount(ValueError):
    """What was typed is no amount; `reason` is sign, thousands, large, decimals or number."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def read_amount(typed: str) -> Decimal:
    """An amount from what was typed: at most nine digits, at most two decimals after a point or a comma.

    Spaces between groups of three digits are forgiven. Raises BadAmount.
    """
    text = joined_digits(typed)
    if not _AMOUNT.fullmatch(text):
        raise BadAmount(_reason(text))
    return Decimal(text.replace(",", "."))


def _reason(text: str) -> str:
    if text[:1] in {"-", "−", "–", "+"}:
        return "sign"
    if _WITH_THOUSANDS.fullmatch(text):
        return "thousands"
    match = _DIGITS.fullmatch(text)
    if match is None:
        return "number"
    return "large" if len(match["whole"]) > _MOST_DIGITS else "decimals"
