"""Numbers as people type them on a page."""

from __future__ import annotations

import re

from app.kernel.languages import LANGUAGES
from app.kernel.text import joined_digits
from app.web.i18n import current_language

_GROUPED = re.compile(r"(?!0)\d{1,3}([.,])\d{3}(\1\d{3})*")


def ungrouped(typed: str) -> str:
    """What was typed without the spaces or the thousands sign of the page's language that group its digits.

    The sign of another language stays, so that whoever reads the number refuses it rather than guesses.
    """
    text = joined_digits(typed)
    grouped = _GROUPED.fullmatch(text)
    sign = LANGUAGES[current_language()].thousands
    return text.replace(sign, "") if grouped and grouped[1] == sign else text
