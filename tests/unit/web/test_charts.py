"""Where bars, steps and gridlines stand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from app.web.charts import LEFT, bar_chart, ceiling, short_day, short_number, step_chart
from app.web.i18n import in_locale

AT = datetime(2026, 1, 1, tzinfo=UTC)


@given(st.integers(1, 10**12))
def test_the_scale_ends_at_a_round_even_number_that_is_not_much_higher(value: int) -> None:
    top = ceiling(value)

    assert value <= top <= max(2, 2 * value)
    assert top % 2 == 0
    assert str(top).rstrip("0") in {"1", "2", "3", "4", "5", "6", "8"}


def test_bars_stand_on_each_other_and_fill_the_scale() -> None:
    chart = bar_chart([("2015", {"a": 30, "b": 10}), ("2016", {"a": 0, "b": 20}), ("2017", {})])

    assert chart is not None
    assert [(tick.at, tick.value) for tick in chart.ticks] == [(0.0, 40), (50.0, 20), (100.0, 0)]
    first, second, third = chart.bars
    assert [(part.series, part.top, part.height) for part in first.parts] == [("a", 25.0, 75.0), ("b", 0.0, 25.0)]
    assert [(part.series, part.top, part.height) for part in second.parts] == [("b", 50.0, 50.0)]
    assert (first.total, third.total, third.parts) == (40, 0, ())
    assert LEFT < first.left < first.middle < second.left
    assert third.left + third.width <= 100


def test_what_is_unknown_is_marked_at_the_end_of_its_bar() -> None:
    chart = bar_chart([("2017", {"a": 20, "rest": None}), ("2018", {"a": None}), ("2019", {"a": 0})])

    assert chart is not None
    assert chart.has_unknown
    assert [(bar.is_unknown, bar.top, len(bar.parts)) for bar in chart.bars] == [
        (True, 0.0, 1),
        (True, 100.0, 0),
        (False, 100.0, 0),
    ]
    assert bar_chart([("2018", {"a": None})]) is None


def test_no_more_labels_than_fit_at_320_pixels_and_the_last_year_has_one() -> None:
    chart = bar_chart([(str(year), {"a": 1}) for year in range(2005, 2024)])

    assert chart is not None
    labelled = [bar.label for bar in chart.bars if bar.is_labelled]
    assert len(labelled) <= 6
    assert labelled[-1] == "2023"


@pytest.mark.parametrize("rows", [[], [("2015", {})], [("2015", {"a": 0})]])
def test_nothing_is_drawn_of_nothing(rows: list[tuple[str, dict[str, int]]]) -> None:
    assert bar_chart(rows) is None


def test_a_price_holds_until_it_changes_and_the_last_one_until_now() -> None:
    chart = step_chart(
        [[(AT, 100), (AT + timedelta(days=5), 200)], [(AT + timedelta(days=5), 50)], []], AT + timedelta(days=10)
    )

    assert chart is not None
    assert [line.path for line in chart.lines] == ["M0 50H50V0H100", "M50 75H100", ""]
    assert (chart.starts_at, chart.ends_at) == (AT, AT + timedelta(days=10))


def test_prices_of_one_instant_fill_the_width() -> None:
    chart = step_chart([[(AT, 38)]], AT)

    assert chart is not None
    assert chart.lines[0].path == "M0 5H100"
    assert step_chart([[]], AT) is None


def test_numbers_on_a_scale_are_short_and_of_the_language(app: Flask) -> None:
    with app.test_request_context("/en/"):
        assert short_number(2_500_000) == "2.5M"
        assert short_number(0) == "0"
        with in_locale("fr"):
            assert short_number(2_500_000) == "2,5\u00a0M"
            assert short_day(AT) == "1 janv. 2026"
