"""What one payment may be: the same limits for every gateway."""

from __future__ import annotations

from app.config import Settings
from app.kernel.money import SMALLEST_PAYMENT, Money
from app.payments.ports import GatewayFault, GatewayRefusal, PaymentRequest

# Eight digits, whatever the currency.
LARGEST = 99_999_999


def payment_limits(settings: Settings) -> tuple[Money, Money]:
    """Smallest and largest amount of one payment, in minor units of the configured currency.

    The operator may narrow what the gateway allows, never widen it.
    """
    return (
        Money(max(SMALLEST_PAYMENT[settings.currency], settings.payment_minimum), settings.currency),
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
