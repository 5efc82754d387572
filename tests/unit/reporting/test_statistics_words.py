"""Lengths of time, sizes and vintages as the page of statistics says them, and days out of an address."""

from __future__ import annotations

from datetime import date

import pytest
from flask import Flask

from app.reporting.statistics.forms import (
    REPORT_PERIOD,
    Period,
    Size,
    Vintage,
    read_days,
    read_here,
    read_limit,
    read_period,
    read_serial,
)
from app.reporting.statistics.words import size_words, time_words, vintage_words
from app.web.i18n import in_locale


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 sec"), (59, "59 sec"), (60, "1 min"), (200, "3 min 20 sec"), (7_500, "2 hr 5 min"), (90_000, "1 day 1 hr")],
)
def test_a_length_of_time_is_said_in_its_two_largest_units(context: Flask, seconds: int, words: str) -> None:
    with in_locale("en"):
        assert time_words(seconds) == words


def test_sizes_and_vintages_are_said_as_ranges(context: Flask) -> None:
    with in_locale("en"):
        assert [size_words(size) for size in (Size(1, 1), Size(101, 1_000), Size(100_001, None))] == [
            "exactly 1 unit", "101 to 1,000 units", "100,001 units and more",
        ]  # fmt: skip
        assert [vintage_words(one) for one in (Vintage(2013, 2013), Vintage(2012, 2013))] == ["2013", "2012–2013"]


def test_days_in_disorder_or_beyond_all_reason_are_those_of_the_report() -> None:
    assert read_period({"from": "2017-01-01", "to": "2016-01-01"}, REPORT_PERIOD) == REPORT_PERIOD
    assert read_period({"from": "0001-01-01"}, REPORT_PERIOD) == REPORT_PERIOD
    assert read_period({"from": "2017-02-30"}, REPORT_PERIOD) == REPORT_PERIOD
    assert read_period({"from": "2017-01-01"}, REPORT_PERIOD) == Period(date(2017, 1, 1), date(2017, 9, 22))


@pytest.mark.parametrize(
    ("typed", "errors"),
    [
        ({}, {"from": None, "to": None}),
        ({"from": "2017-01-01"}, {"from": None, "to": None}),
        ({"from": "1 January"}, {"from": "Write the day as in 2026-12-31.", "to": None}),
        ({"to": "2017-02-30"}, {"from": None, "to": "Write the day as in 2026-12-31."}),
        ({"from": "2000-01-01", "to": "2001-01-01"}, {"from": None, "to": None}),
        ({"from": "2017-01-02", "to": "2017-01-01"}, {"from": None, "to": "This day is before the first one."}),
        ({"from": "2018-01-01"}, {"from": None, "to": "This day is before the first one."}),
    ],
)
def test_what_is_wrong_with_a_day_is_said_beside_its_field(
    context: Flask, typed: dict[str, str], errors: dict[str, str | None]
) -> None:
    with in_locale("en"):
        days = read_days(typed, REPORT_PERIOD)

        assert {name: day.error for name, day in days.items()} == errors
        assert {name: days[name].typed for name in typed} == typed


def test_a_selection_of_what_was_cancelled_here_comes_back_out_of_its_address() -> None:
    address = {"channel": "sale", "host": "IN", "type": "Wind", "vintage": "2012-2013", "unit_type": "CER"}

    assert read_here(address).arguments() == address
    assert read_here({"channel": "x", "vintage": "20", "host": "india"}).arguments() == {}
    assert read_serial("in 182502761") == read_serial("IN-182502761") == ("IN", 182_502_761)
    assert (read_limit("7"), read_limit("0"), read_limit("x"), read_limit("999999999")) == (7, 1, 50_000, 50_000)
