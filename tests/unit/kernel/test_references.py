"""Names of our things: readable on the telephone, impossible to guess, the same everywhere."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.kernel import references


def test_no_letter_can_be_taken_for_another() -> None:
    assert not set("0O1ILU") & set(references.ALPHABET)
    assert len(set(references.ALPHABET)) == len(references.ALPHABET) == 30


def test_an_order_link_is_url_safe_and_of_160_bits() -> None:
    tokens = {references.unguessable_token() for _ in range(200)}

    assert len(tokens) == 200
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{27}", token) for token in tokens)


def test_an_order_reference_can_be_read_out() -> None:
    assert re.fullmatch(r"T-[2-9A-Z]{4}-[2-9A-Z]{4}", references.order_reference())


@pytest.mark.parametrize("make", [references.verification_code, references.recovery_code])
def test_a_code_on_paper_has_28_characters_in_groups_of_four_and_more_than_128_bits(make: Callable[[], str]) -> None:
    codes = {make() for _ in range(200)}

    assert len(codes) == 200
    assert all(re.fullmatch(r"([2-9A-Z]{4}-){6}[2-9A-Z]{4}", code) for code in codes)
    assert 28 * math.log2(len(references.ALPHABET)) > 128


def test_a_code_typed_in_small_letters_with_blanks_is_the_same_code() -> None:
    code = references.verification_code()

    assert references.normalised_code(code) == code
    assert references.normalised_code(f"  {code.lower().replace('-', ' ')}\n") == code
    assert references.normalised_code(code.replace("-", "")) == code


@given(st.text())
def test_bringing_a_code_into_form_twice_changes_nothing_more(text: str) -> None:
    once = references.normalised_code(text)

    assert references.normalised_code(once) == once


def test_a_cancellation_reference_fits_every_registry() -> None:
    names = {references.cancellation_reference(f"order:{n}") for n in range(200)}

    assert len(names) == 200
    assert all(re.fullmatch(r"TONNE-[2-9A-Z]{22}", name) and len(name) <= 32 for name in names)


@given(sequence=st.integers(min_value=1, max_value=10**9), year=st.integers(min_value=2026, max_value=2999))
def test_a_certificate_number_survives_its_way_through_an_address(sequence: int, year: int) -> None:
    number = references.certificate_number(sequence, year)

    assert number == f"TN{sequence}/{year}"
    assert "/" not in references.certificate_slug(number)
    assert references.number_from_slug(references.certificate_slug(number)) == number
    assert references.number_from_slug(f" {number.lower()} ") == number


@pytest.mark.parametrize(
    ("typed", "printed"),
    [
        (" t-7kmq-2xhd ", "T-7KMQ-2XHD"),
        ("T7KMQ2XHD", "T-7KMQ-2XHD"),
        ("tn 12-2026", "TN12/2026"),
        ("C3/2026", "C3/2026"),
    ],
)
def test_a_reference_may_be_typed_as_people_type(typed: str, printed: str) -> None:
    assert references.printed_reference(typed) == printed


@pytest.mark.parametrize("typed", ["", "7", "T-7KMQ-2XH", "T-7KMQ-0OIL", "TN0/2026", "TN12/26", "X3/2026", "TN" * 99])
def test_what_has_the_shape_of_no_reference_is_none(typed: str) -> None:
    assert references.printed_reference(typed) is None


def test_what_we_print_is_what_we_understand() -> None:
    for printed in (
        references.order_reference(),
        references.certificate_number(7, 2026),
        references.complaint_number(7, 2026),
    ):
        assert references.printed_reference(printed) == printed
