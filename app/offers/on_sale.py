"""What general texts call that which is for sale: the words of the units and mechanisms on the shelf."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from babel.lists import format_list
from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from app import current
from app.catalog import book, labels
from app.catalog.book import Stage
from app.offers.shelf import recent_stock
from app.web.i18n import current_language


def init_app(app: Flask) -> None:
    """Give every page the words."""
    app.jinja_env.globals.update(
        units_on_sale=units,
        units_on_sale_in_full=units_in_full,
        mechanisms_on_sale=mechanisms,
        registries_on_sale=registries,
        sources_on_sale=sources,
    )


def unit_types() -> tuple[str, ...]:
    """The unit types for sale; where nothing is, the main one of each mechanism that could sell, or of all."""
    try:
        stocked = recent_stock().arrangement.unit_types
    except SQLAlchemyError:
        # A page that says that the database is away has words on it too.
        stocked = ()
    known = book.contents()
    if any(code in known.units for code in stocked):
        return tuple(code for code in stocked if code in known.units)
    now = current.now()
    every = [mechanism for mechanism in known.mechanisms.values() if mechanism.units]
    able = [mechanism for mechanism in every if mechanism.stage(now) is Stage.OPEN]
    return tuple(mechanism.units[0] for mechanism in able or every)


def units(count: int = 2) -> str:
    """The short names of what is for sale, as a list."""
    return _joined(labels.unit_name(code, count) for code in unit_types())


def units_in_full(count: int = 2) -> str:
    """What those short names stand for."""
    return _joined(labels.unit_in_full(code, count) for code in unit_types())


def example() -> str:
    """The short name of several units of one kind for sale, for an example."""
    return labels.unit_name(unit_types()[0], 2)


def mechanisms() -> str:
    """The mechanisms of what is for sale."""
    return _joined(map(labels.mechanism_name, _mechanisms()))


def registries() -> str:
    """Their registries."""
    return _joined(map(labels.mechanism_registry, _mechanisms()))


def sources() -> str:
    """Whose data the facts of their projects are."""
    return _joined(map(labels.mechanism_source, _mechanisms()))


def _mechanisms() -> list[str]:
    return list(dict.fromkeys(map(labels.mechanism_of, unit_types())))


def _joined(words: Iterable[str]) -> str:
    return _listed(tuple(dict.fromkeys(words)), current_language())


@lru_cache(maxsize=64)
def _listed(words: tuple[str, ...], language: str) -> str:
    return str(format_list(words, style="or", locale=language))
