"""What a reader asks the register for: filters and search words out of an address."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from app.catalog import book
from app.certificates.forms import NUMBER
from app.kernel.references import number_from_slug
from app.kernel.serials import Span
from app.kernel.text import clean_line, fold

TEXT_LENGTH = 200
MOST_WORDS = 8
YEARS = range(2005, 2101)
INTENTS = ("contribution", "compensation")

_HYPHENS = str.maketrans("‐‑‒–—−", "------")
_SHORT_SERIAL = re.compile(r"([A-Z]{2})[\s-]*(\d{1,15})", re.IGNORECASE | re.ASCII)
# A serial number without its Party, as pages print it beside the Party's name; shorter ones are words.
_BARE_SERIAL = re.compile(r"\d{5,15}", re.ASCII)
_CURSOR = re.compile(r"(\d{1,17})-(\d{1,18})", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Cursor:
    """A place in the register, newest first: the time of cancellation, then the certificate."""

    cancelled_at: datetime
    certificate_id: int

    def __str__(self) -> str:
        return f"{(self.cancelled_at - _EPOCH) // _MICROSECOND}-{self.certificate_id}"


@dataclass(frozen=True)
class Selection:
    """Which part of the register is asked for; empty values ask for everything."""

    text: str = ""
    year: int | None = None
    host: str = ""
    project_type: str = ""
    intent: str = ""

    @property
    def is_everything(self) -> bool:
        """Whether nothing narrows it."""
        return self == Selection()

    @property
    def words(self) -> tuple[str, ...]:
        """The words of the search, folded; the first ones of very many."""
        return tuple(fold(self.text).split()[:MOST_WORDS])

    @property
    def number(self) -> str | None:
        """The certificate number that was typed instead of words, such as TN12/2026."""
        return number_from_slug(self.text.replace(" ", "")) if NUMBER.match(self.text) else None

    @property
    def serials(self) -> Span | None:
        """The serial numbers that were typed instead of words: one in short or in full, or first and last in full."""
        text = self.text.translate(_HYPHENS)
        known = book.contents()
        found = [known.serial_number(word.strip(".,;:()")) for word in text.upper().split()]
        full = [Span(one[0], one[1], one[1]) for one in found if one is not None]
        if full:
            # Numbers of one space count on: two of different ones have no first and last in common.
            one_space = [span for span in full if span.space == full[0].space]
            return Span(full[0].space, min(s.first for s in one_space), max(s.last for s in one_space))
        short = _SHORT_SERIAL.fullmatch(text)
        return Span(short[1].upper(), int(short[2]), int(short[2])) if short else None

    @property
    def bare_serial(self) -> int | None:
        """A serial number that was typed without its Party: more than one Party may have counted so far."""
        return int(self.text) if _BARE_SERIAL.fullmatch(self.text) else None

    def arguments(self) -> dict[str, str]:
        """The selection as it stands in an address."""
        given = {
            "q": self.text,
            "year": str(self.year or ""),
            "host": self.host,
            "type": self.project_type,
            "intent": self.intent,
        }
        return {name: value for name, value in given.items() if value}


def read_selection(arguments: Mapping[str, str]) -> Selection:
    """The selection of an address; what cannot be read narrows nothing."""
    year = arguments.get("year", "")
    host = arguments.get("host", "").upper()
    intent = arguments.get("intent", "")
    return Selection(
        text=clean_line(arguments.get("q", ""))[:TEXT_LENGTH].strip(),
        year=int(year) if re.fullmatch(r"[0-9]{4}", year) and int(year) in YEARS else None,
        host=host if re.fullmatch(r"[A-Z]{2}", host) else "",
        project_type=clean_line(arguments.get("type", ""))[:60],
        intent=intent if intent in INTENTS else "",
    )


def read_cursor(text: str) -> Cursor | None:
    """The place that an address names, or None if it names none."""
    found = _CURSOR.fullmatch(text)
    return Cursor(_EPOCH + int(found[1]) * _MICROSECOND, int(found[2])) if found else None
