"""What a participant asks its own numbers for: filters, places in a list and months out of an address."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from app.kernel.text import clean_line
from app.web.typed import TypedDay, read_day

REFERENCE_LENGTH = 24

_CURSOR = re.compile(r"(\d{1,17})-(\d{1,18})", re.ASCII)
_MONTH = re.compile(r"(20\d\d)-(0[1-9]|1[0-2])", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class SaleState(StrEnum):
    """What became of one line of an order, as its seller sees it."""

    HELD = "held"
    PAID = "paid"
    CANCELLED = "cancelled"
    REFUNDED = "refunded"
    EXPIRED = "expired"


@dataclass(frozen=True)
class Cursor:
    """A place among the lines, newest first: when the order was placed, then the line."""

    placed_at: datetime
    line_id: int

    def __str__(self) -> str:
        return f"{(self.placed_at - _EPOCH) // _MICROSECOND}-{self.line_id}"


@dataclass(frozen=True)
class Selection:
    """Which of its lines a participant asks for; empty values ask for all. Days are days in UTC, both included."""

    project: str = ""
    state: SaleState | None = None
    from_on: date | None = None
    to_on: date | None = None

    @property
    def is_everything(self) -> bool:
        """Whether nothing narrows it."""
        return self == Selection()

    @property
    def starts_at(self) -> datetime | None:
        """The first instant that is asked for (UTC)."""
        return datetime.combine(self.from_on, time(), UTC) if self.from_on else None

    @property
    def ends_at(self) -> datetime | None:
        """The first instant that is not asked for any more (UTC)."""
        return datetime.combine(self.to_on + timedelta(days=1), time(), UTC) if self.to_on else None

    def arguments(self) -> dict[str, str]:
        """The selection as it stands in an address."""
        given = {
            "project": self.project,
            "state": self.state.value if self.state else "",
            "from": self.from_on.isoformat() if self.from_on else "",
            "to": self.to_on.isoformat() if self.to_on else "",
        }
        return {name: value for name, value in given.items() if value}


@dataclass(frozen=True, order=True)
class Month:
    """A calendar month in UTC."""

    year: int
    month: int

    def __str__(self) -> str:
        return f"{self.year:04}-{self.month:02}"

    @classmethod
    def of(cls, instant: datetime) -> Month:
        """The month that an aware instant falls into."""
        utc = instant.astimezone(UTC)
        return cls(utc.year, utc.month)

    @property
    def first_day(self) -> date:
        """Its first day."""
        return date(self.year, self.month, 1)

    @property
    def before(self) -> Month:
        """The month before."""
        return Month(self.year, self.month - 1) if self.month > 1 else Month(self.year - 1, 12)

    @property
    def after(self) -> Month:
        """The month after."""
        return Month(self.year, self.month + 1) if self.month < 12 else Month(self.year + 1, 1)

    @property
    def starts_at(self) -> datetime:
        """Its first instant, which is the end of the month before."""
        return datetime.combine(self.first_day, time(), UTC)


def last_months(until: Month, count: int) -> list[Month]:
    """`count` months in order, the last of which is `until`."""
    months = [until]
    while len(months) < count:
        months.append(months[-1].before)
    return months[::-1]


def read_selection(arguments: Mapping[str, str]) -> Selection:
    """The selection of an address. What is no state or no reference narrows nothing; see `read_days` for days."""
    state, days = arguments.get("state", ""), read_days(arguments)
    return Selection(
        project=clean_line(arguments.get("project", ""))[:REFERENCE_LENGTH],
        state=SaleState(state) if state in set(SaleState) else None,
        from_on=days["from"].day,
        to_on=days["to"].day,
    )


def read_days(arguments: Mapping[str, str]) -> dict[str, TypedDay]:
    """The days of an address, `from` and `to`. Where one of them has an error, nothing is to be selected."""
    return {name: read_day(arguments.get(name, "")) for name in ("from", "to")}


def read_cursor(text: str) -> Cursor | None:
    """The place that an address names, or None if it names none."""
    found = _CURSOR.fullmatch(text)
    return Cursor(_EPOCH + int(found[1]) * _MICROSECOND, int(found[2])) if found else None


def read_month(text: str) -> Month | None:
    """The month that `2026-11` names, or None."""
    found = _MONTH.fullmatch(text)
    return Month(int(found[1]), int(found[2])) if found else None
