import pytest

from app.kernel.money import Money
from app.offers.queries import minimum_units


@pytest.mark.parametrize(
    ("price", "units"),
    [(38, 2), (25, 2), (26, 2), (49, 2), (50, 1), (51, 1), (850, 1), (1, 50), (3, 17)],
)
def test_the_least_purchase_reaches_the_payment_minimum_of_50_cents(price: int, units: int) -> None:
    least = minimum_units(Money(price, "USD"), 50)

    assert least == units
    assert least * price >= 50
    assert least == 1 or (least - 1) * price < 50


def test_without_a_payment_minimum_one_unit_can_be_bought() -> None:
    assert minimum_units(Money(38, "USD"), 0) == 1
