"""The languages of this site, and how each writes what CLDR leaves open. The only list of them.

Texts are elsewhere: catalogues in `app/translations`, longer ones in `app/content`, words of units in the mechanisms'
files. A new language is a line here and those texts; the tests name each text that it lacks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Language:
    """One language. `thousands` stands between groups of three typed digits; spaces may in every language.

    The others are patterns of CLDR (Unicode TS 35): English has several orders of day and month, French counts the
    first day of a month, Spanish says *de*, and the code of a currency has its place.
    """

    name: str
    thousands: str
    money: str
    percent: str
    day: str
    time: str
    month: str = "LLLL y"
    first_day: str | None = None
    zero_is_one: bool = False

    def day_pattern(self, day_of_month: int) -> str:
        """How a date with that day is written."""
        return self.first_day if self.first_day and day_of_month == 1 else self.day


LANGUAGES: Mapping[str, Language] = MappingProxyType(
    {
        "en": Language(
            name="English",
            thousands=",",
            money="¤¤\u00a0#,##0.00",
            percent="#,##0.##%",
            day="d MMMM y",
            time=", HH:mm:ss\u00a0'UTC'",
        ),
        "fr": Language(
            name="Français",
            thousands="",
            money="#,##0.00\u00a0¤¤",
            percent="#,##0.##\u00a0%",
            day="d MMMM y",
            first_day="d'er' MMMM y",
            time=" 'à' HH:mm:ss\u00a0'UTC'",
            zero_is_one=True,
        ),
        "es": Language(
            name="Español",
            thousands=".",
            money="#,##0.00\u00a0¤¤",
            percent="#,##0.##\u00a0%",
            day="d 'de' MMMM 'de' y",
            month="LLLL 'de' y",
            time=", HH:mm:ss\u00a0'UTC'",
        ),
    }
)
CODES = tuple(LANGUAGES)
DEFAULT_LANGUAGE = "en"
OTHER_LANGUAGES = tuple(code for code in CODES if code != DEFAULT_LANGUAGE)
