"""Everything that the page of statistics shows, as plain figures: reckoned once, and kept while nothing changes."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Generic, TypeVar

from flask import current_app
from sqlalchemy import func, select

from app.catalog.models import Project
from app.certificates.models import RegisterTotal
from app.db import db
from app.kernel.money import Money
from app.registry.ledger.history.models import LedgerFile
from app.registry.ledger.models import LedgerIssuance, LedgerTransaction
from app.registry.models import Cancellation
from app.registry.states import CancellationState
from app.reporting.forms import Month
from app.reporting.statistics import here, published
from app.reporting.statistics.forms import (
    CANCELLATION,
    CHANNELS,
    ISSUANCE,
    UNKNOWN,
    HereSelection,
    Period,
    Selection,
)
from app.reporting.statistics.here import Speed, Sum
from app.reporting.statistics.published import Count
from app.reporting.statistics.report import RegistryReport, make_report

MOST_MONTHS = 36  # bars that can be told apart; of a longer period there is one for each year
MOST_KEPT = 32
KEPT_FOR = timedelta(hours=1)  # what is known of projects may change without any file
LONG, REST = timedelta(seconds=0.5), 50  # what took longer is reckoned again after so many times as long

Chosen = TypeVar("Chosen", Selection, HereSelection)
Number = TypeVar("Number", Count, Sum)


@dataclass(frozen=True)
class Group(Generic[Number, Chosen]):
    """One row of a table: what it is of, its figures, its bar in per cent of the longest, and the rows behind it."""

    code: Any
    count: Number
    bar: float
    selection: Chosen


@dataclass(frozen=True)
class Span:
    """A month, or a year of a long period, as far as the period has it: what was issued, and cancelled by channel."""

    first: date
    period: Period
    is_year: bool
    issued: Count
    cancelled: Mapping[str, Count]


@dataclass(frozen=True)
class PublishedFigures:
    """What the published books say of a period."""

    report: RegistryReport
    whole: Period | None  # from the first to the last day of which there are rows
    spans: tuple[Span, ...]
    hosts: tuple[Group[Count, Selection], ...]
    types: tuple[Group[Count, Selection], ...]
    regions: tuple[Group[Count, Selection], ...]
    sizes: tuple[Group[Count, Selection], ...]
    issued_hosts: tuple[Group[Count, Selection], ...]

    @property
    def is_empty(self) -> bool:
        """Whether no books were imported."""
        return not self.report.sources


@dataclass(frozen=True)
class HereFigures:
    """What was sold and cancelled here since the beginning."""

    total: Sum
    sold: Sum
    hosts: tuple[Group[Sum, HereSelection], ...]
    types: tuple[Group[Sum, HereSelection], ...]
    vintages: tuple[Group[Sum, HereSelection], ...]
    unit_types: tuple[Group[Sum, HereSelection], ...]
    months: tuple[tuple[Month, Sum], ...]
    speed: Speed | None
    money: Mapping[str, Mapping[str, Money]]


def published_figures(period: Period, now: datetime) -> PublishedFigures:
    """The published books' figures of a period; kept until a file is imported, or for an hour."""
    last, whole = db.session.execute(select(func.max(LedgerFile.id), func.count(LedgerFile.applied_at))).one()
    projects = db.session.scalar(select(func.max(Project.id)))
    return _kept(("published", period), (last, whole, projects), lambda: _published(period), now)


def here_figures(now: datetime) -> HereFigures:
    """The figures of what was cancelled here; kept until the next cancellation or certificate, or for an hour."""
    confirmed = select(Cancellation.completed_at).where(Cancellation.state == CancellationState.CONFIRMED)
    last = db.session.scalar(confirmed.order_by(Cancellation.completed_at.desc()).limit(1))
    # The register's totals are few rows, however many certificates there are.
    certified = db.session.scalar(select(func.sum(RegisterTotal.certificates)))
    return _kept(("here",), (certified, last), _here, now)


def _published(period: Period) -> PublishedFigures:
    cancelled, issued = Selection(period, CANCELLATION), Selection(period, ISSUANCE)
    hosts = published.counts_by(cancelled, LedgerIssuance.party)
    issued_hosts = published.counts_by(issued, LedgerIssuance.party)
    types = published.counts_by_attribute(cancelled, "project_type")
    regions = published.counts_by_attribute(cancelled, "region")
    sizes = published.counts_by_size(cancelled)
    return PublishedFigures(
        report=make_report(period),
        whole=published.whole_period(),
        spans=_spans(period),
        hosts=_groups(_most(hosts), lambda code: cancelled.but(host=code)),
        types=_groups(_most(types), lambda code: cancelled.but(project_type=code)),
        regions=_groups(_most(regions), lambda code: cancelled.but(region=code)),
        sizes=_groups(sizes.items(), lambda size: cancelled.but(size=size), by=lambda found: found.transactions),
        issued_hosts=_groups(_most(issued_hosts), lambda code: issued.but(host=code)),
    )


def _here() -> HereFigures:
    everything = HereSelection()
    return HereFigures(
        total=here.total(everything),
        sold=here.total(everything.but(channel="sale")),
        hosts=_groups(here.by_host(everything), lambda code: everything.but(host=code)),
        types=_groups(here.by_type(everything), lambda code: everything.but(project_type=code)),
        vintages=_groups(here.by_vintage(everything), lambda vintage: everything.but(vintage=vintage)),
        unit_types=_groups(here.by_unit_type(everything), lambda code: everything.but(unit_type=code)),
        months=tuple(here.by_month(everything)),
        speed=here.speed(everything),
        money=here.money(everything),
    )


def _most(counts: Mapping[str, Count]) -> list[tuple[str, Count]]:
    """The most units first; what is unknown comes last."""
    return sorted(counts.items(), key=lambda pair: (pair[0] == UNKNOWN, -pair[1].units, pair[0]))


def _groups(
    found: Iterable[tuple[Any, Number]],
    choose: Callable[[Any], Chosen],
    by: Callable[[Number], int] = lambda number: number.units,
) -> tuple[Group[Number, Chosen], ...]:
    rows = [(code, number) for code, number in found if number.units]
    longest = max((by(number) for _code, number in rows), default=1)
    return tuple(Group(code, number, round(by(number) * 100 / longest, 2), choose(code)) for code, number in rows)


def _spans(period: Period) -> tuple[Span, ...]:
    """Months, or years of a long period, from the first to the last of which there are rows."""
    counts = published.counts_by_month(Selection(period), LedgerTransaction.type_code, LedgerTransaction.channel)
    found: dict[Month, dict[tuple[int, str], Count]] = {}
    for (starts_at, type_code, channel), number in counts.items():
        found.setdefault(Month.of(starts_at), {})[type_code, channel] = number
    if not found:
        return ()
    first, last = min(found), max(found)
    is_year = (last.year - first.year) * 12 + last.month - first.month >= MOST_MONTHS
    spans: list[tuple[date, date]] = []
    one = Month(first.year, 1) if is_year else first
    while one <= last:
        following = Month(one.year + 1, 1) if is_year else one.after
        spans.append((one.first_day, following.first_day - timedelta(days=1)))
        one = following
    return tuple(_span(starts, ends, period, is_year=is_year, found=found) for starts, ends in spans)


def _span(
    starts: date, ends: date, period: Period, *, is_year: bool, found: Mapping[Month, Mapping[tuple[int, str], Count]]
) -> Span:
    inside = [counts for month, counts in found.items() if starts <= month.first_day <= ends]

    def add_up(kind: str, channel: str | None = None) -> Count:
        # A transaction has one time, so those of different months are different ones.
        numbers = [
            number
            for counts in inside
            for (type_code, its_channel), number in counts.items()
            if published.KINDS[type_code] == kind and channel in {None, its_channel}
        ]
        return Count(sum(number.transactions for number in numbers), sum(number.units for number in numbers))

    return Span(
        first=starts,
        period=Period(max(starts, period.first), min(ends, period.last)),
        is_year=is_year,
        issued=add_up(ISSUANCE),
        cancelled={channel: add_up(CANCELLATION, channel) for channel in CHANNELS},
    )


Figures = TypeVar("Figures")


def _kept(key: tuple[Any, ...], version: tuple[Any, ...], reckon: Callable[[], Figures], now: datetime) -> Figures:
    """What was reckoned for a key, unless its version has changed or it is old. One store for each application.

    What took long stays although something has changed: a busy shop would reckon all the time.
    """
    store: OrderedDict[tuple[Any, ...], tuple[tuple[Any, ...], datetime, timedelta, Any]]
    store = current_app.extensions.setdefault("tonne.statistics", OrderedDict())
    found = store.get(key)
    if found is not None:
        kept_version, at, took, kept = found
        good_for = KEPT_FOR if kept_version == version else took * REST if took >= LONG else timedelta()
        if timedelta() <= now - at < min(good_for, KEPT_FOR):
            figures: Figures = kept
            return figures
    begun = time.monotonic()
    figures = reckon()
    store[key] = (version, now, timedelta(seconds=time.monotonic() - begun), figures)
    while len(store) > MOST_KEPT:
        store.popitem(last=False)
    return figures
