"""What one payment may be: the same limits for every gateway."""

from __future__ import annotations

from app.config import Settings
from app.kernel.money import Money
from app.payments.ports import GatewayFault, GatewayRefusal, PaymentRequest

# shared/payments.md 4.6: smallest charge in minor units, as five public code bases agree on it.
SMALLEST = {
    "AED": 200, "AUD": 50, "BRL": 50, "CAD": 50, "CHF": 50, "CZK": 1_500, "DKK": 250, "EUR": 50,
    "GBP": 30, "HKD": 400, "HUF": 17_500, "INR": 50, "JPY": 50, "MXN": 1_000, "MYR": 200, "NOK": 300,
    "NZD": 50, "PLN": 200, "RON": 200, "SEK": 300, "SGD": 50, "THB": 1_000, "USD": 50, "ZAR": 50,
}  # fmt: skip
# Eight digits, whatever the currency.
LARGEST = 99_999_999


def payment_limits(settings: Settings) -> tuple[Money, Money]:
    """Smallest and largest amount of one payment, in minor units of the configured currency.

    The operator may narrow what the gateway allows, never widen it. Raises GatewayFault for a
    currency without a known minimum.
    """
    smallest = SMALLEST.get(settings.currency)
    if smallest is None:
        raise GatewayFault(f"the smallest payment in {settings.currency} is not known")
    return (
        Money(max(smallest, settings.payment_minimum), settings.currency),
        Money(min(LARGEST, settings.payment_maximum), settings.currency),
    )


def check_request(request: PaymentRequest, limits: tuple[Money, Money]) -> None:
    """Refuse to open a page that would charge anything but the sum of its lines.

    Raises GatewayRefusal for an amount outside the limits, GatewayFault for a request that
    contradicts itself.
    """
    smallest, largest = limits
    amounts = [line.unit_price * line.units for line in request.lines]
    if any(amount.currency != smallest.currency for amount in (request.amount, *amounts)):
        raise GatewayFault(f"{request.order_reference}: everything must be in {smallest.currency}")
    if Money.total(amounts, smallest.currency) != request.amount:
        raise GatewayFault(f"{request.order_reference}: the lines do not add up to the amount")
    if not smallest <= request.amount <= largest:
        raise GatewayRefusal(reason="amount", smallest=smallest, largest=largest)


def check_refund(amount: Money, paid: Money) -> None:
    """Refuse to ask for anything that is no part of what was paid.

    Raises GatewayFault for nothing, less than nothing, or another currency.
    """
    if amount.currency != paid.currency or amount.minor <= 0:
        raise GatewayFault(f"{amount} cannot be given back of {paid}")
