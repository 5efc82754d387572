"""Numbers, money, dates and places as the reader writes them.

Babel does the work, once for each value in a language: pages say the same ones again and again. Where CLDR leaves
room the pattern stands in `app.kernel.languages`, so that the page, the mail and the PDF agree. Money has the code
of its currency, never a sign: "$" is the money of twenty countries.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from typing import Any

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.lists import format_list
from babel.numbers import format_currency, format_decimal
from babel.units import format_unit
from flask import Flask
from flask_babel import gettext, ngettext
from jinja2 import Environment
from markupsafe import Markup, escape

from app.kernel.csvtable import countries as country_codes
from app.kernel.languages import LANGUAGES
from app.kernel.money import Money
from app.kernel.references import certificate_slug
from app.kernel.text import is_right_to_left
from app.web.i18n import current_language, current_locale


def init_app(app: Flask) -> None:
    """Give every page the filters."""
    register(app.jinja_env)


def register(environment: Environment) -> None:
    """Give a Jinja environment the filters; the PDF has one of its own."""
    environment.filters.update(
        money=money,
        number=number,
        duration=duration,
        minutes=minutes,
        tonnes=tonnes,
        date_long=date_long,
        date_range=date_range,
        datetime_long=datetime_long,
        time_tag=time_tag,
        country=country,
        language_name=language_name,
        countries=countries,
        slug=certificate_slug,
        dir_of=dir_of,
    )


def money(amount: Money) -> str:
    """An amount with its currency code: `USD 1,234.50`, `1 234,50 USD`, `1.234,50 USD`."""
    return _money(amount, current_language())


@lru_cache(maxsize=4096)
def _money(amount: Money, language: str) -> str:
    return format_currency(amount.decimal, amount.currency, format=LANGUAGES[language].money, locale=language)


def number(value: int) -> str:
    """A whole number with the separators of the language."""
    return _number(value, current_language())


@lru_cache(maxsize=4096)
def _number(value: int, language: str) -> str:
    return format_decimal(value, locale=language)


def duration(time: timedelta) -> str:
    """A length of time in whole days, hours or minutes, whichever says it exactly: `3 days`, `36 hours`."""
    units = (("day", timedelta(days=1)), ("hour", timedelta(hours=1)))
    unit, length = next(
        ((u, one) for u, one in units if time >= one and not time % one), ("minute", timedelta(minutes=1))
    )
    return format_unit(time // length, f"duration-{unit}", locale=current_locale())


def minutes(number_of_minutes: int) -> str:
    """The same of a number of minutes."""
    return duration(timedelta(minutes=number_of_minutes))


def tonnes(units: int) -> str:
    """What `units` units stand for, one tonne each: `12 tonnes of CO₂ equivalent`."""
    return ngettext(
        "%(number)s tonne of CO₂ equivalent", "%(number)s tonnes of CO₂ equivalent", units, number=number(units)
    )


def date_long(value: date) -> str:
    """A calendar day with the name of its month: `22 November 2026`. An instant counts in UTC."""
    return _date_long(_in_utc(value), current_language())


@lru_cache(maxsize=4096)
def _date_long(value: date, language: str) -> str:
    return format_date(value, _day_pattern(value, language), locale=language)


def date_range(first: date, last: date) -> str:
    """Two calendar days and everything between."""
    return gettext("%(first)s to %(last)s", first=date_long(first), last=date_long(last))


def datetime_long(value: datetime) -> str:
    """An instant to the second, in UTC: `22 November 2026, 10:36:15 UTC`.

    Raises ValueError for a naive one.
    """
    return _datetime_long(_in_utc(value), current_language())


@lru_cache(maxsize=512)
def _datetime_long(instant: datetime, language: str) -> str:
    pattern = _day_pattern(instant, language) + LANGUAGES[language].time
    return format_datetime(instant, pattern, tzinfo=UTC, locale=language)


def time_tag(value: date) -> Markup:
    """A day or an instant for people, with the same for machines."""
    instant = _in_utc(value)
    if isinstance(instant, datetime):
        machine, said = instant.strftime("%Y-%m-%dT%H:%M:%SZ"), datetime_long(instant)
    else:
        machine, said = instant.isoformat(), date_long(instant)
    return Markup(f'<time datetime="{machine}">{escape(said)}</time>')  # noqa: S704 - digits, and what is escaped


def language_name(code: str) -> str:
    """What a language is called in the language in force: `French`, `français`, `francés`."""
    return str(current_locale().languages[code])


def country(code: str) -> str:
    """The name of a country by its ISO 3166-1 alpha-2 code; a code that nobody knows stays as it is."""
    return str(current_locale().territories.get(code, code))


def countries(codes: Iterable[str]) -> str:
    """The names of several countries as one phrase: `Ghana, Kenya and Rwanda`."""
    return _countries(tuple(codes), current_language())


@lru_cache(maxsize=4096)
def _countries(codes: tuple[str, ...], language: str) -> str:
    territories = Locale(language).territories
    return format_list([str(territories.get(code, code)) for code in codes], locale=language)


def country_choices() -> list[tuple[str, str]]:
    """Every ISO 3166-1 country as (code, name), in the order of the alphabet that ignores accents."""
    return list(_country_choices(current_language()))


@cache
def _country_choices(language: str) -> tuple[tuple[str, str], ...]:
    territories = Locale(language).territories
    names = ((code, str(territories.get(code, code))) for code in country_codes())
    return tuple(sorted(names, key=lambda pair: _plain(pair[1])))


def dir_of(text: Any) -> str:
    """The direction that `text` is written in, for `dir`: names come in every script."""
    return "rtl" if is_right_to_left(str(text)) else "ltr"


def _in_utc(value: date) -> date:
    if not isinstance(value, date):
        raise TypeError(f"not a day or an instant: {value!r}")  # Babel would print today instead
    if not isinstance(value, datetime):
        return value
    if value.tzinfo is None:
        raise ValueError("an instant needs a time zone to be printed")
    return value.astimezone(UTC)


def _day_pattern(value: date, language: str) -> str:
    return LANGUAGES[language].day_pattern(value.day)


def _plain(name: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", name.casefold()) if not unicodedata.combining(c))
