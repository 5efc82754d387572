"""Who gets what of the listed price: nothing is added to it, and nothing is lost."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.checkout.pricing import breakdown
from app.config import Settings
from app.kernel.money import Money
from app.payments.split import Share, split

SETTINGS = Settings.from_environment(
    {
        "ENVIRONMENT": "testing",
        "INSTANCE_PATH": str(Path("/tmp")),  # noqa: S108 - nothing is written there
        "SECRET_KEY": "a-secret-of-tests-that-is-long-enough-0001",
        "TESTPAY_SECRET": "a-secret-of-tests-that-is-long-enough-0001",
    }
)

amounts = st.lists(st.integers(1, 99_999_999), min_size=1, max_size=12)
rate = st.integers(0, 3_000)


@given(amounts=amounts, cost=rate, fixed=st.integers(0, 500), tax=rate, fee=rate)
def test_the_parts_of_any_basket_add_up_to_the_listed_prices_to_the_cent(
    amounts: list[int], cost: int, fixed: int, tax: int, fee: int
) -> None:
    settings = replace(SETTINGS, payment_cost_rate=cost, payment_cost_fixed=fixed, tax_rate=tax, platform_fee_rate=fee)

    shares = split(amounts, settings)

    assert [share.amount for share in shares] == amounts
    for share in shares:
        parts = (share.seller, share.payment_cost, share.tax, share.platform_fee)
        assert sum(parts) == share.amount
        assert min(parts) >= 0


@given(amounts=amounts)
def test_the_same_basket_is_always_divided_alike(amounts: list[int]) -> None:
    assert split(amounts, SETTINGS) == split(amounts, SETTINGS)


def test_the_seller_bears_the_payment_cost_and_the_platform_takes_nothing_by_default() -> None:
    assert split([3_850], SETTINGS) == (Share(3_850, 3_708, 142, 0, 0),)


def test_a_tax_rate_is_contained_in_the_listed_price() -> None:
    settings = replace(SETTINGS, tax_rate=2_000, payment_cost_rate=0, payment_cost_fixed=0)

    assert split([12_000], settings) == (Share(12_000, 10_000, 0, 2_000, 0),)


def test_a_cost_above_the_whole_price_leaves_the_seller_nothing_but_never_less() -> None:
    settings = replace(SETTINGS, payment_cost_fixed=500, tax_rate=1_000, platform_fee_rate=1_000)

    assert split([50], settings) == (Share(50, 0, 50, 0, 0),)


def test_there_is_nothing_to_divide_in_an_empty_order() -> None:
    with pytest.raises(ValueError, match="weights"):
        split([], SETTINGS)


@given(amounts=amounts, names=st.lists(st.sampled_from(["Wind Ltd", "Stoves Ltd"]), min_size=12, max_size=12))
def test_what_the_buyer_sees_adds_up_too_with_each_seller_named_once(amounts: list[int], names: list[str]) -> None:
    shown = breakdown(zip(names, split(amounts, SETTINGS), strict=False), "USD")

    assert shown.total == Money(sum(amounts), "USD")
    assert shown.seller + shown.payment_cost + shown.tax + shown.platform_fee == shown.total
    assert Money.total((money for _name, money in shown.sellers), "USD") == shown.seller
    assert len({name for name, _money in shown.sellers}) == len(shown.sellers)
