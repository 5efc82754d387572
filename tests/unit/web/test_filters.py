"""Numbers, money, dates and places stand on the page as the reader writes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from flask import Flask, render_template_string
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jinja2 import Environment

from app.kernel.money import Money
from app.web import filters
from app.web.i18n import in_locale

# No-break space (U+00A0), and the narrow one that French puts between thousands (U+202F).
NB = "\u00a0"
NN = "\u202f"
INSTANT = datetime(2026, 11, 22, 12, 36, 15, 999_999, tzinfo=timezone(timedelta(hours=2)))

Say = Callable[..., Any]


@pytest.fixture
def speaking(site: Flask) -> Say:
    @contextmanager
    def speak(language: str) -> Iterator[None]:
        with site.app_context(), in_locale(language):
            yield

    return speak


@pytest.mark.parametrize(
    ("amount", "en", "fr", "es"),
    [
        (Money(123_450, "USD"), f"USD{NB}1,234.50", f"1{NN}234,50{NB}USD", f"1.234,50{NB}USD"),
        (Money(38, "USD"), f"USD{NB}0.38", f"0,38{NB}USD", f"0,38{NB}USD"),
        (Money(99_999_950, "USD"), f"USD{NB}999,999.50", f"999{NN}999,50{NB}USD", f"999.999,50{NB}USD"),
        (Money(0, "EUR"), f"EUR{NB}0.00", f"0,00{NB}EUR", f"0,00{NB}EUR"),
        (Money(-350, "USD"), f"-USD{NB}3.50", f"-3,50{NB}USD", f"-3,50{NB}USD"),
        (Money(1_500, "JPY"), f"JPY{NB}1,500", f"1{NN}500{NB}JPY", f"1.500{NB}JPY"),
        (Money(1_234, "KWD"), f"KWD{NB}1.234", f"1,234{NB}KWD", f"1,234{NB}KWD"),
    ],
    ids=str,
)
def test_money_has_the_iso_code_and_the_separators_of_the_language(
    speaking: Say, amount: Money, en: str, fr: str, es: str
) -> None:
    for language, expected in (("en", en), ("fr", fr), ("es", es)):
        with speaking(language):
            assert filters.money(amount) == expected


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(minor=st.integers(min_value=0, max_value=10**14), language=st.sampled_from(["en", "fr", "es"]))
def test_every_amount_is_shown_to_the_cent_in_every_language(speaking: Say, minor: int, language: str) -> None:
    with speaking(language):
        shown = filters.money(Money(minor, "USD"))

    assert int("".join(c for c in shown if c.isdigit())) == minor


@pytest.mark.parametrize(("language", "expected"), [("en", "450,000"), ("fr", f"450{NN}000"), ("es", "450.000")])
def test_whole_numbers_have_the_separators_of_the_language(speaking: Say, language: str, expected: str) -> None:
    with speaking(language):
        assert filters.number(450_000) == expected
        assert filters.number(12) == "12"


def test_units_are_said_in_tonnes(speaking: Say) -> None:
    with speaking("en"):
        assert filters.tonnes(1) == "1 tonne of CO₂ equivalent"
        assert filters.tonnes(1_870_000) == "1,870,000 tonnes of CO₂ equivalent"
    with speaking("fr"):
        assert filters.tonnes(0) == "0 tonne d’équivalent CO₂"
        assert filters.tonnes(1) == "1 tonne d’équivalent CO₂"
        assert filters.tonnes(2_000) == f"2{NN}000 tonnes d’équivalent CO₂"


@pytest.mark.parametrize(
    ("language", "expected", "first"),
    [
        ("en", "22 November 2026", "1 January 2013"),
        ("fr", "22 novembre 2026", "1er janvier 2013"),
        ("es", "22 de noviembre de 2026", "1 de enero de 2013"),
    ],
)
def test_days_have_the_name_of_their_month(speaking: Say, language: str, expected: str, first: str) -> None:
    with speaking(language):
        assert filters.date_long(date(2026, 11, 22)) == expected
        assert filters.date_long(date(2013, 1, 1)) == first
        assert filters.date_long(INSTANT) == expected


def test_the_day_of_an_instant_is_the_one_in_utc(speaking: Say) -> None:
    just_after_midnight_in_nairobi = datetime(2026, 11, 23, 1, 0, tzinfo=timezone(timedelta(hours=3)))

    with speaking("en"):
        assert filters.date_long(just_after_midnight_in_nairobi) == "22 November 2026"


def test_a_period_names_its_first_and_last_day(speaking: Say) -> None:
    period = (date(2012, 11, 19), date(2013, 1, 1))

    with speaking("en"):
        assert filters.date_range(*period) == "19 November 2012 to 1 January 2013"
    with speaking("fr"):
        assert filters.date_range(*period) == "du 19 novembre 2012 au 1er janvier 2013"


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", f"22 November 2026, 10:36:15{NB}UTC"),
        ("fr", f"22 novembre 2026 à 10:36:15{NB}UTC"),
        ("es", f"22 de noviembre de 2026, 10:36:15{NB}UTC"),
    ],
)
def test_instants_are_shown_to_the_second_in_utc(speaking: Say, language: str, expected: str) -> None:
    with speaking(language):
        assert filters.datetime_long(INSTANT) == expected
        assert filters.time_tag(INSTANT) == f'<time datetime="2026-11-22T10:36:15Z">{expected}</time>'


def test_the_first_of_a_month_is_an_ordinal_in_french(speaking: Say) -> None:
    with speaking("fr"):
        assert (
            filters.datetime_long(datetime(2026, 12, 1, 9, 5, 7, tzinfo=UTC)) == f"1er décembre 2026 à 09:05:07{NB}UTC"
        )


def test_a_day_is_marked_up_for_machines(speaking: Say) -> None:
    with speaking("en"):
        assert filters.time_tag(date(2013, 1, 31)) == '<time datetime="2013-01-31">31 January 2013</time>'


def test_no_instant_is_printed_as_if_it_were_now(speaking: Say) -> None:
    with speaking("en"):
        with pytest.raises(TypeError, match="not a day or an instant"):
            filters.date_long(None)  # type: ignore[arg-type]  # wrong on purpose
        with pytest.raises(ValueError, match="time zone"):
            filters.datetime_long(datetime(2026, 11, 22))  # noqa: DTZ001 - the fault under test


@pytest.mark.parametrize(
    ("language", "one", "several"),
    [
        ("en", "Côte d’Ivoire", "Ghana, Kenya, and South Korea"),
        ("fr", "Côte d’Ivoire", "Ghana, Kenya et Corée du Sud"),
        ("es", "Côte d’Ivoire", "Ghana, Kenia y Corea del Sur"),
    ],
)
def test_countries_have_their_names_in_the_language(speaking: Say, language: str, one: str, several: str) -> None:
    with speaking(language):
        assert filters.country("CI") == one
        assert filters.country("??") == "??"
        assert filters.countries(("GH", "KE", "KR")) == several
        assert filters.countries(("CI",)) == one
        assert filters.countries(()) == ""


def test_the_list_of_countries_is_whole_and_in_order_whatever_the_accents(speaking: Say) -> None:
    with speaking("fr"):
        choices = filters.country_choices()
    names = [name for _, name in choices]

    assert len(choices) == len(dict(choices)) == 249
    assert names.index("Égypte") < names.index("Émirats arabes unis") < names.index("Équateur") < names.index("Fidji")
    assert dict(choices)["BR"] == "Brésil"
    assert "EU" not in dict(choices)


def test_a_name_says_in_which_direction_it_is_written() -> None:
    assert filters.dir_of("محمد") == "rtl"
    assert filters.dir_of("Ana") == "ltr"
    assert filters.dir_of("") == "ltr"


def test_pages_and_pdfs_have_the_same_filters(site: Flask) -> None:
    alone = Environment(autoescape=True)
    filters.register(alone)
    facts = {"price": Money(850, "USD"), "number": "TN7/2026", "at": INSTANT}
    template = "{{ price|money }} {{ number|slug }} {{ at|time_tag }}"

    with site.app_context(), in_locale("fr"):
        on_page = render_template_string(template, **facts)
        in_pdf = alone.from_string(template).render(**facts)

    assert on_page == in_pdf
    assert on_page.startswith(f"8,50{NB}USD TN7-2026 <time ")
