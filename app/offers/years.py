"""Units of a project by calendar year, and which years the sources say nothing of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

HERE = "here"
CHANNELS = ("registry", "platform", "exchange", HERE)


@dataclass(frozen=True)
class Year:
    """One calendar year (UTC): whole units issued, and cancelled by channel, every channel named.

    None where the source ends before the year begins: what it does not cover is unknown, not nought.
    `issued_until` and `listed_until` are the last day that the source covers where it ends in this year;
    what was cancelled here is always known.
    """

    year: int
    issued: int | None
    cancelled: Mapping[str, int | None]
    issued_until: date | None = None
    listed_until: date | None = None


def by_year(
    issued: Mapping[int, int],
    cancelled: Mapping[int, Mapping[str, int]],
    issued_until: date | None,
    listed_until: date | None,
) -> tuple[Year, ...]:
    """Every year between the first and the last that something is known of.

    `issued` has whole units by year, `cancelled` by year and channel. `issued_until` and `listed_until`
    are the last days that the sources of the two cover; without one a source covers what it says and
    nothing after it.
    """
    years = [*issued, *cancelled]
    if not years:
        return ()
    last_issued = max(issued_until.year if issued_until else 0, *issued, 0)
    last_listed = listed_until.year if listed_until else 0

    def units(year: int, channel: str) -> int | None:
        nothing = 0 if channel == HERE or year <= last_listed else None
        return cancelled.get(year, {}).get(channel, nothing)

    return tuple(
        Year(
            year,
            issued.get(year, 0 if year <= last_issued else None),
            {channel: units(year, channel) for channel in CHANNELS},
            _end_in(year, issued_until),
            _end_in(year, listed_until),
        )
        for year in range(min(years), max(years) + 1)
    )


def _end_in(year: int, until: date | None) -> date | None:
    return until if until is not None and date(year, 1, 1) <= until < date(year, 12, 31) else None
