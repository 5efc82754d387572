"""Reading PDF files as a person with a PDF program does, through poppler."""

from __future__ import annotations

import subprocess
import unicodedata
from datetime import UTC, datetime, timedelta
from pathlib import Path

from babel.dates import format_date
from babel.support import Translations

LOCALES = Path(__file__).parents[2] / "app" / "translations"


def words_of(pdf: Path) -> str:
    """The text of a PDF file on one line, ligatures taken apart."""
    read = subprocess.run(["pdftotext", "-layout", str(pdf), "-"], capture_output=True, text=True, check=True).stdout
    return " ".join(unicodedata.normalize("NFKC", read).split())


def bears_todays_date(words: str, language: str) -> bool:
    """Whether a text names today in a language; around midnight UTC, the day that has just ended will do."""
    now = datetime.now(UTC)
    days = {now.date(), (now - timedelta(minutes=5)).date()}
    # English as Europe writes it: the day first.
    locale = {"en": "en_GB"}.get(language, language)
    return any(unicodedata.normalize("NFKC", format_date(day, "long", locale)) in words for day in days)


def pages_of(pdf: Path) -> int:
    """How many pages a PDF file has."""
    read = subprocess.run(["pdfinfo", str(pdf)], capture_output=True, text=True, check=True).stdout
    return int(next(line.split(":")[1] for line in read.splitlines() if line.startswith("Pages")))


def in_language(language: str, english: str) -> str:
    """One of the product's sentences in a language; it must differ from English in the others."""
    if language == "en":
        return english
    said = Translations.load(str(LOCALES), [language]).gettext(english)
    assert said != english, f"{english!r} is not translated into {language}"
    return unicodedata.normalize("NFKC", said)
