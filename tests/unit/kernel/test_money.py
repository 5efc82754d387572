"""Money is exact: no cent appears, none is lost, and currencies never mix."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.kernel.money import CurrencyMismatchError, Money, allocate, rounded_share

MINOR = st.integers(min_value=-(10**15), max_value=10**15)
WEIGHTS = st.lists(st.integers(min_value=0, max_value=10**12), min_size=1, max_size=60).filter(any)


@given(minor=MINOR, weights=WEIGHTS)
def test_a_split_adds_up_to_the_cent(minor: int, weights: list[int]) -> None:
    assert sum(allocate(minor, weights)) == minor


@given(minor=st.integers(min_value=0, max_value=10**15), weights=WEIGHTS)
def test_no_part_of_a_split_is_a_cent_away_from_its_exact_share(minor: int, weights: list[int]) -> None:
    for part, weight in zip(allocate(minor, weights), weights, strict=True):
        assert abs(part * sum(weights) - minor * weight) < sum(weights)


@given(minor=st.integers(min_value=0, max_value=10**15), weights=WEIGHTS)
def test_who_has_no_weight_gets_nothing(minor: int, weights: list[int]) -> None:
    assert all(part == 0 for part, weight in zip(allocate(minor, weights), weights, strict=True) if weight == 0)


def test_the_odd_cents_of_a_split_go_to_the_largest_remainders_and_then_to_the_first() -> None:
    assert allocate(100, [1, 1, 1]) == [34, 33, 33]
    assert allocate(10, [3, 3, 4]) == [3, 3, 4]
    assert allocate(5, [1, 2, 1]) == [1, 3, 1]
    assert allocate(1, [1, 3]) == [0, 1]


@pytest.mark.parametrize("weights", [[], [0, 0], [2, -1]])
def test_nothing_is_split_over_nobody_or_over_less_than_nobody(weights: list[int]) -> None:
    with pytest.raises(ValueError, match="weights"):
        allocate(100, weights)


@given(minor=st.integers(min_value=0, max_value=10**12), rate=st.integers(min_value=0, max_value=10_000))
def test_a_share_is_within_half_a_cent_of_the_exact_one_and_never_more_than_the_whole(minor: int, rate: int) -> None:
    share = rounded_share(minor, rate)

    assert abs(share * 10_000 - minor * rate) <= 5_000
    assert 0 <= share <= minor


def test_half_a_cent_is_rounded_up() -> None:
    assert rounded_share(50, 100) == 1  # 0.5 of a cent
    assert rounded_share(49, 100) == 0
    assert rounded_share(1_000, 290) == 29


@pytest.mark.parametrize(("minor", "rate"), [(-1, 100), (100, -1)])
def test_there_is_no_share_of_less_than_nothing(minor: int, rate: int) -> None:
    with pytest.raises(ValueError, match="non-negative"):
        rounded_share(minor, rate)


@given(a=MINOR, b=MINOR)
def test_sums_and_differences_are_exact(a: int, b: int) -> None:
    assert Money(a, "USD") + Money(b, "USD") == Money(a + b, "USD")
    assert Money(a, "USD") - Money(b, "USD") == Money(a - b, "USD")
    assert (Money(a, "USD") < Money(b, "USD")) is (a < b)
    assert (Money(a, "USD") <= Money(b, "USD")) is (a <= b)
    assert (Money(a, "USD") > Money(b, "USD")) is (a > b)


def test_a_price_times_units_is_the_amount() -> None:
    assert Money(38, "USD") * 450_000 == Money(17_100_000, "USD")


@pytest.mark.parametrize("units", [1.5, True, "2"])
def test_money_is_not_multiplied_by_anything_but_whole_units(units: int) -> None:
    with pytest.raises(TypeError, match="whole units"):
        Money(100, "USD") * units


@pytest.mark.parametrize(
    "mix",
    [
        lambda a, b: a + b,
        lambda a, b: a - b,
        lambda a, b: a < b,
        lambda a, b: a <= b,
        lambda a, b: Money.total([a, b], "USD"),
    ],
    ids=["sum", "difference", "less", "at most", "total"],
)
def test_dollars_and_euros_do_not_meet(mix) -> None:  # type: ignore[no-untyped-def]  # an operator of any kind
    with pytest.raises(CurrencyMismatchError, match="USD and EUR"):
        mix(Money(1, "USD"), Money(1, "EUR"))


def test_the_total_of_no_amounts_is_zero_of_the_asked_currency() -> None:
    assert Money.total([], "EUR") == Money(0, "EUR")
    assert Money.total([Money(1, "EUR"), Money(2, "EUR")], "EUR") == Money(3, "EUR")


@pytest.mark.parametrize("minor", [1.0, Decimal(1), True, "1", None])
def test_an_amount_is_a_whole_number_of_minor_units(minor: int) -> None:
    with pytest.raises(TypeError, match="integer"):
        Money(minor, "USD")


@pytest.mark.parametrize("currency", ["", "usd", "US", "USDX", "U$D", "ÉUR", "US\n"])
def test_a_currency_is_an_iso_4217_code(currency: str) -> None:
    with pytest.raises(ValueError, match="ISO 4217"):
        Money(1, currency)


def test_major_units_are_exact_in_currencies_of_two_none_and_three_decimals() -> None:
    assert Money(123_450, "USD").decimal == Decimal("1234.50")
    assert Money(38, "USD").decimal == Decimal("0.38")
    assert Money(500, "JPY").decimal == Decimal(500)
    assert Money(1_234, "KWD").decimal == Decimal("1.234")


def test_an_amount_cannot_be_changed_after_the_fact() -> None:
    with pytest.raises(AttributeError):
        Money(1, "USD").minor = 2  # type: ignore[misc]  # wrong on purpose
