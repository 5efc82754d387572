"""Which published rows a reader asks for: days and filters out of an address, and places in a list of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

from flask_babel import lazy_gettext

from app.kernel.text import clean_line
from app.web.typed import TypedDay, read_day

ISSUANCE, CANCELLATION = "issuance", "cancellation"
KINDS = (ISSUANCE, CANCELLATION)
CHANNELS = ("registry", "platform", "ctx")
UNKNOWN = "unknown"  # a type or region of projects whose attributes nobody gave us
MOST_ROWS = 50_000
TEXT_LENGTH = 60

# The reporting period of FCCC/KP/CMP/2017/5, paragraph 2, both days included.
REPORT_FROM, REPORT_TO = date(2016, 9, 18), date(2017, 9, 22)
FIRST_DAY, LAST_DAY = date(2005, 1, 1), date(2999, 12, 31)

_SERIAL = re.compile(r"([A-Z]{2})[\s-]*(\d{1,15})", re.IGNORECASE | re.ASCII)
_CURSOR = re.compile(r"(\d{1,17})-(\d{1,18})", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Size:
    """Transactions of so many units (tonnes), both ends included; no `most` where there is no upper end."""

    least: int
    most: int | None

    def __str__(self) -> str:
        return f"{self.least}-{self.most or ''}"


SIZES = (
    Size(1, 1), Size(2, 10), Size(11, 100), Size(101, 1_000), Size(1_001, 10_000), Size(10_001, 100_000),
    Size(100_001, None),
)  # fmt: skip


@dataclass(frozen=True)
class Period:
    """Whole days in UTC, both included."""

    first: date
    last: date

    @property
    def starts_at(self) -> datetime:
        """Its first instant."""
        return datetime.combine(self.first, time(), UTC)

    @property
    def ends_at(self) -> datetime:
        """The first instant after it."""
        return datetime.combine(self.last + timedelta(days=1), time(), UTC)

    def arguments(self) -> dict[str, str]:
        """The period as it stands in an address."""
        return {"from": self.first.isoformat(), "to": self.last.isoformat()}


REPORT_PERIOD = Period(REPORT_FROM, REPORT_TO)


@dataclass(frozen=True)
class Selection:
    """Which rows of the published books are asked for; empty values ask for all."""

    period: Period
    kind: str = ""
    channel: str = ""
    unit_type: str = ""
    commitment_period: int | None = None
    host: str = ""
    project: str = ""
    project_type: str = ""
    region: str = ""
    size: Size | None = None

    def but(self, **changes: object) -> Selection:
        """The same with other values."""
        return replace(self, **changes)  # type: ignore[arg-type]  # names and types are those of the fields

    def arguments(self) -> dict[str, str]:
        """The selection as it stands in an address."""
        given = {
            "kind": self.kind,
            **self.period.arguments(),
            "channel": self.channel,
            "unit_type": self.unit_type,
            "commitment_period": str(self.commitment_period or ""),
            "host": self.host,
            "project": self.project,
            "type": self.project_type,
            "region": self.region,
            "size": str(self.size or ""),
        }
        return {name: value for name, value in given.items() if value}


@dataclass(frozen=True, order=True)
class Vintage:
    """The years in which the reductions of an issuance were monitored, both included."""

    first: int
    last: int

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"


@dataclass(frozen=True)
class HereSelection:
    """Which cancellations made here are asked for; empty values ask for all. `channel` is `sale` or `direct`."""

    period: Period = Period(FIRST_DAY, LAST_DAY)
    channel: str = ""
    unit_type: str = ""
    host: str = ""
    project_type: str = ""
    vintage: Vintage | None = None

    def but(self, **changes: object) -> HereSelection:
        """The same with other values."""
        return replace(self, **changes)  # type: ignore[arg-type]  # names and types are those of the fields

    def arguments(self) -> dict[str, str]:
        """The selection as it stands in an address."""
        given = {
            **(self.period.arguments() if self.period != HereSelection.period else {}),
            "channel": self.channel,
            "unit_type": self.unit_type,
            "host": self.host,
            "type": self.project_type,
            "vintage": str(self.vintage or ""),
        }
        return {name: value for name, value in given.items() if value}


@dataclass(frozen=True)
class Cursor:
    """A place among published rows, oldest first: when the transaction was completed, then its block."""

    completed_at: datetime
    block_id: int

    def __str__(self) -> str:
        return f"{(self.completed_at - _EPOCH) // _MICROSECOND}-{self.block_id}"


def read_selection(arguments: Mapping[str, str]) -> Selection:
    """The selection of an address; what cannot be read narrows nothing."""
    commitment_period = arguments.get("commitment_period", "")
    host = arguments.get("host", "").upper()
    return Selection(
        period=read_period(arguments, Period(FIRST_DAY, LAST_DAY)),
        kind=_one_of(KINDS, arguments.get("kind", "")),
        channel=_one_of(CHANNELS, arguments.get("channel", "")),
        unit_type=_text(arguments.get("unit_type", "")),
        commitment_period=int(commitment_period) if re.fullmatch(r"[1-9]", commitment_period, re.ASCII) else None,
        host=host if re.fullmatch(r"[A-Z]{2}", host, re.ASCII) else "",
        project=_text(arguments.get("project", "")),
        project_type=_text(arguments.get("type", "")),
        region=_text(arguments.get("region", "")),
        size=next((size for size in SIZES if str(size) == arguments.get("size", "")), None),
    )


def read_here(arguments: Mapping[str, str]) -> HereSelection:
    """The selection of an address among what was cancelled here; what cannot be read narrows nothing."""
    host = arguments.get("host", "").upper()
    vintage = re.fullmatch(r"(\d{4})(?:-(\d{4}))?", arguments.get("vintage", ""), re.ASCII)
    return HereSelection(
        period=read_period(arguments, HereSelection.period),
        channel=_one_of(("sale", "direct"), arguments.get("channel", "")),
        unit_type=_text(arguments.get("unit_type", "")),
        host=host if re.fullmatch(r"[A-Z]{2}", host, re.ASCII) else "",
        project_type=_text(arguments.get("type", "")),
        vintage=Vintage(int(vintage[1]), int(vintage[2] or vintage[1])) if vintage else None,
    )


def read_period(arguments: Mapping[str, str], otherwise: Period) -> Period:
    """The period of an address, for a missing day that of `otherwise`; where a day is wrong all of `otherwise`."""
    days = read_days(arguments, otherwise)
    first, last = days["from"].day, days["to"].day
    if first is None or last is None or any(day.is_wrong for day in days.values()):
        return otherwise
    return Period(first, last)


def read_days(arguments: Mapping[str, str], otherwise: Period) -> dict[str, TypedDay]:
    """The days of an address, `from` and `to`, with what is wrong with them; for a missing one that of `otherwise`."""
    first = _typed_day(arguments.get("from", ""), otherwise.first)
    last = _typed_day(arguments.get("to", ""), otherwise.last)
    if first.day is not None and last.day is not None and first.day > last.day:
        last = replace(last, problem=lazy_gettext("This day is before the first one."))
    return {"from": first, "to": last}


def _typed_day(text: str, otherwise: date) -> TypedDay:
    typed = read_day(text) if text else TypedDay(otherwise.isoformat(), otherwise)
    # Nothing was issued before the first day, so an earlier one asks for no more.
    return typed if typed.day is None else replace(typed, day=max(typed.day, FIRST_DAY))


def read_cursor(text: str) -> Cursor | None:
    """The place that an address names, or None if it names none."""
    found = _CURSOR.fullmatch(text)
    return Cursor(_EPOCH + int(found[1]) * _MICROSECOND, int(found[2])) if found else None


def read_serial(text: str) -> tuple[str, int] | None:
    """The Party and number of a serial number that is typed as `IN 175771700`, or None."""
    found = _SERIAL.fullmatch(clean_line(text))
    return (found[1].upper(), int(found[2])) if found else None


def read_limit(text: str, otherwise: int | None = None) -> int:
    """How many rows an address asks for, from one to MOST_ROWS; where it asks for none `otherwise`, or MOST_ROWS."""
    if re.fullmatch(r"\d{1,9}", text, re.ASCII):
        return max(1, min(int(text), MOST_ROWS))
    return MOST_ROWS if otherwise is None else otherwise


def _one_of(options: tuple[str, ...], value: str) -> str:
    return value if value in options else ""


def _text(value: str) -> str:
    return clean_line(value)[:TEXT_LENGTH].strip()
