"""Amounts as people type them, exact."""

from __future__ import annotations

import re
from decimal import Decimal

# Grouped thousands and decimals cannot be told apart over three languages: "3,500" is refused, "3 500" is read.
_AMOUNT = re.compile(r"[0-9]{1,9}([.,][0-9]{1,2})?")


class BadAmount(ValueError):
    """What was typed is no amount."""


def read_amount(typed: str) -> Decimal:
    """An amount from what was typed: at most nine digits, at most two decimals after a point or a comma.

    Spaces between digits are forgiven. Raises BadAmount.
    """
    text = "".join(typed.split())
    if not _AMOUNT.fullmatch(text):
        raise BadAmount(typed)
    return Decimal(text.replace(",", "."))
