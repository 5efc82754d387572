"""A quantity as people type it, and the number that would work."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.checkout.errors import BadUnits
from app.checkout.quantities import (
    MOST_UNITS,
    read_number,
    read_units,
    units_for_maximum,
    units_for_minimum,
)
from app.kernel.languages import LANGUAGES

minor = st.integers(1, 10**9)


@pytest.mark.parametrize(
    ("typed", "units"),
    [
        ("1", 1),
        ("12", 12),
        (" 1 000 ", 1_000),
        ("1\u202f000", 1_000),
        ("007", 7),
        ("١٢", 12),
        ("१२", 12),
        ("１２", 12),
        ("2425409379", MOST_UNITS),
    ],
)
def test_a_whole_number_is_read_as_people_write_it(typed: str, units: int) -> None:
    assert {read_units(typed, sign) for sign in (language.thousands for language in LANGUAGES.values())} == {units}


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("", "missing"),
        ("  \t ", "missing"),
        ("0", "zero"),
        ("000", "zero"),
        ("-1", "sign"),
        ("−1", "sign"),
        ("+1", "sign"),
        ("1.5", "fraction"),
        ("1,5", "fraction"),
        (".5", "fraction"),
        ("1,000,000.5", "fraction"),
        (".", "number"),
        ("1e9", "number"),
        ("10^9", "number"),
        ("abc", "number"),
        ("0x10", "number"),
        ("½", "number"),
        ("²", "number"),
        ("Ⅻ", "number"),
        ("12 units", "number"),
        ("5 6", "number"),
        ("1 00", "number"),
        ("1 0000", "number"),
        ("1000 000", "number"),
        ("0 500", "number"),
        ("1 000 ,5", "number"),
        ("NaN", "number"),
        ("2425409380", "large"),
        ("1" * 13, "large"),
        ("9" * 5_000, "large"),
    ],
)
def test_what_is_no_number_of_units_is_refused_with_its_reason(typed: str, reason: str) -> None:
    with pytest.raises(BadUnits) as refusal:
        read_units(typed, LANGUAGES["en"].thousands)

    assert refusal.value.facts == {"reason": reason, "typed": typed}


@pytest.mark.parametrize(
    ("language", "typed", "units"),
    [
        ("en", "12,000", 12_000),
        ("en", "2,425,409,379", MOST_UNITS),
        ("en", "12 000", 12_000),
        ("fr", "12 000", 12_000),
        ("fr", "12\u202f000", 12_000),
        ("fr", "12\u00a0000", 12_000),
        ("es", "12.000", 12_000),
        ("es", "1.000.000", 1_000_000),
        ("es", "12 000", 12_000),
    ],
)
def test_a_number_is_read_as_the_page_itself_prints_it(language: str, typed: str, units: int) -> None:
    assert read_units(typed, LANGUAGES[language].thousands) == units


@pytest.mark.parametrize(
    ("language", "typed", "reason"),
    [
        ("en", "12.000", "thousands"),
        ("en", "1.000.000", "thousands"),
        ("fr", "12,000", "thousands"),
        ("fr", "12.000", "thousands"),
        ("es", "12,000", "thousands"),
        ("en", "1,00", "fraction"),
        ("en", "1,0000", "fraction"),
        ("en", "1,000.000", "fraction"),
        ("es", "1.5", "fraction"),
        ("en", "3,000,000,000", "large"),
        ("en", "0,012", "fraction"),
        ("es", "0.000", "fraction"),
    ],
)
def test_thousands_of_another_language_are_not_guessed(language: str, typed: str, reason: str) -> None:
    with pytest.raises(BadUnits) as refusal:
        read_units(typed, LANGUAGES[language].thousands)

    assert refusal.value.facts["reason"] == reason


@given(st.text(max_size=40))
def test_whatever_is_typed_gives_at_least_one_unit_or_a_reason(typed: str) -> None:
    try:
        answer: object = read_units(typed, LANGUAGES["es"].thousands)
    except BadUnits as refusal:
        answer = refusal.facts["reason"]

    assert (
        answer in {"missing", "thousands", "fraction", "sign", "zero", "number", "large"}
        or 1 <= int(str(answer)) <= MOST_UNITS
    )


@pytest.mark.parametrize(
    ("sent", "number"), [("12", 12), ("", 0), ("-1", 0), ("1.5", 0), ("x", 0), ("9" * 18, 10**18 - 1), ("9" * 19, 0)]
)
def test_a_hidden_field_that_was_tampered_with_names_nothing(sent: str, number: int) -> None:
    assert read_number(sent) == number


@given(minimum=minor, others=minor | st.just(0), price=minor)
def test_the_number_offered_for_a_total_too_small_is_the_fewest_that_works(
    minimum: int, others: int, price: int
) -> None:
    units = units_for_minimum(minimum, others, [(1, price)])

    assert others + units * price >= minimum
    assert units == 1 or others + (units - 1) * price < minimum


@given(maximum=minor, others=minor | st.just(0), price=minor)
def test_the_number_offered_for_a_total_too_large_is_the_most_that_works(maximum: int, others: int, price: int) -> None:
    units = units_for_maximum(maximum, others, [(1, price)])

    assert units == 0 or others + units * price <= maximum
    assert others + (units + 1) * price > maximum or others > maximum


def test_thirty_eight_cents_need_two_units_and_eight_fifty_stops_at_117_647() -> None:
    assert units_for_minimum(50, 0, [(1, 38)]) == 2
    assert units_for_maximum(99_999_999, 0, [(1, 850)]) == 117_647
