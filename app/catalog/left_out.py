"""Issuances of the registry that the catalogue cannot hold, because no source gives their monitoring period.

They are never on offer. Their units count as issued, and the project's page names them.
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

FILE = Path(__file__).parent / "data" / "left_out.csv"


@dataclass(frozen=True)
class LeftOut:
    """One such issuance with its serial numbers and the day (UTC) on which the registry issued it."""

    unit_type: str
    originating_party: str
    serial_first: int
    serial_last: int
    completed_on: date

    @property
    def units(self) -> int:
        """How many units (tonnes) it has."""
        return self.serial_last - self.serial_first + 1


def left_out(reference: str, known: Iterable[tuple[str, int]]) -> tuple[LeftOut, ...]:
    """The issuances of a project that are left out; `known` are those it has, by Party and first serial number.

    One that an importer has brought since, with its monitoring period, is not left out any more.
    """
    listed = set(known)
    return tuple(row for row in _read().get(reference, ()) if (row.originating_party, row.serial_first) not in listed)


def projects_with_some() -> Collection[str]:
    """The references of projects that have such issuances."""
    return _read().keys()


@cache
def _read() -> dict[str, list[LeftOut]]:
    found: dict[str, list[LeftOut]] = {}
    with FILE.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            found.setdefault(row["project"], []).append(
                LeftOut(
                    row["unit_type"],
                    row["originating_party"],
                    int(row["serial_first"]),
                    int(row["serial_last"]),
                    date.fromisoformat(row["completed_on"]),
                )
            )
    return found
