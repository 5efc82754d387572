"""The line of proof: the stations from a payment or a request to a certificate, and how far a thing has come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Step:
    """One station. `at` is when it was reached (aware, UTC); None for not yet, or never."""

    key: str
    at: datetime | None
    is_current: bool
    is_failed: bool


def line_of_proof(times: Mapping[str, datetime | None], *, failed: bool, stands: bool) -> tuple[Step, ...]:
    """The stations in their order, by when they were reached.

    The first without a time is the current one, unless it all `failed` or `stands` while a person looks at it;
    what failed never reaches the stations that have no time.
    """
    waiting = next((key for key, at in times.items() if at is None), None)
    return tuple(
        Step(key, at, is_current=key == waiting and not failed and not stands, is_failed=failed and at is None)
        for key, at in times.items()
    )
