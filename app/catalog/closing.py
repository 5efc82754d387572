"""What pages say of a mechanism that closes: until when it sells, or that it does not any more."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from flask import Flask

from app import current
from app.catalog import book, labels
from app.catalog.book import MechanismFacts, Stage


class HasUnitType(Protocol):
    """A line of something with units."""

    @property
    def unit_type(self) -> str:
        """Their kind."""


@dataclass(frozen=True)
class Closing:
    """A mechanism that closes soon or has closed; instants aware UTC, `units` and `registry` in the reader's words."""

    code: str
    stage: Stage
    sales_close_at: datetime
    last_order_at: datetime
    ends_at: datetime
    units: str
    registry: str


def init_app(app: Flask) -> None:
    """Give every page the closings."""
    app.jinja_env.globals.update(closing_of=closing_of, closings=closings)
    app.jinja_env.filters["closings"] = closings_of


def closing_of(code: str) -> Closing | None:
    """The closing of a mechanism; None while it is far off, or for a mechanism that does not close."""
    mechanism = book.contents().mechanisms.get(code)
    return None if mechanism is None else _closing(mechanism, current.now())


def closings_of(lines: Iterable[HasUnitType]) -> list[Closing]:
    """The closings of the mechanisms of lines, each once, in their order."""
    mechanisms = dict.fromkeys(labels.mechanism_of(code) for code in dict.fromkeys(line.unit_type for line in lines))
    return [closing for code in mechanisms if (closing := closing_of(code)) is not None]


def closings() -> list[Closing]:
    """Every mechanism that closes soon or has closed, the next one first."""
    now = current.now()
    found = [_closing(mechanism, now) for mechanism in book.contents().mechanisms.values()]
    return sorted((one for one in found if one is not None), key=lambda one: one.ends_at)


def _closing(mechanism: MechanismFacts, now: datetime) -> Closing | None:
    dates = mechanism.sales_close_at, mechanism.last_order_at, mechanism.ends_at
    if dates[0] is None or dates[1] is None or dates[2] is None:
        return None
    stage = mechanism.stage(now)
    if stage is Stage.OPEN and not mechanism.closes_soon(now):
        return None
    return Closing(
        code=mechanism.code,
        stage=stage,
        sales_close_at=dates[0],
        last_order_at=dates[1],
        ends_at=dates[2],
        units=labels.unit_name(mechanism.units[0], 2),
        registry=labels.mechanism_registry(mechanism.code),
    )
