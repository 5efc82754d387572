import pytest

from app.offers.tiers import least_units


@pytest.mark.parametrize(
    ("price", "units"),
    [(38, 2), (25, 2), (26, 2), (49, 2), (50, 1), (51, 1), (850, 1), (1, 50), (3, 17)],
)
def test_the_least_purchase_reaches_the_payment_minimum_of_50_cents(price: int, units: int) -> None:
    least = least_units([(1, price)], 50)

    assert least == units
    assert least * price >= 50
    assert least == 1 or (least - 1) * price < 50


def test_without_a_payment_minimum_one_unit_can_be_bought() -> None:
    assert least_units([(1, 38)], 0) == 1
