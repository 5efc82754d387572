"""The line of proof: the stations from a payment or a request to a certificate, and how far a thing has come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Step:
    """One station. `at` is when it was reached (aware, UTC); None for not yet, for never, or where nobody remembers."""

    key: str
    at: datetime | None
    is_current: bool
    is_failed: bool


def line_of_proof(times: Mapping[str, datetime | None], *, failed: bool, stands: bool) -> tuple[Step, ...]:
    """The stations in their order, by when they were reached.

    The one after the last with a time is the current one, unless it all `failed` or `stands` while a person looks at
    it; what failed never reaches the stations that follow. One before a station with a time was reached as well.
    """
    reached = max((number for number, at in enumerate(times.values()) if at is not None), default=-1)
    return tuple(
        Step(
            key,
            at,
            is_current=number == reached + 1 and not failed and not stands,
            is_failed=failed and number > reached,
        )
        for number, (key, at) in enumerate(times.items())
    )
