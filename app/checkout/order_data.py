"""The money of an order and what was agreed to, as plain data for its JSON file."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from app.checkout.order_queries import OrderLineView, OrderView


def order_money(order: OrderView) -> dict[str, Any]:
    """Keys of the file: amounts are integers in minor units of `currency`, instants UTC with a Z."""
    return {
        "placed_at": _instant(order.placed_at),
        "currency": order.total.currency,
        "total": order.total.minor,
        "lines": [_line(line) for line in order.lines],
        "terms_version": order.terms_version,
        "consent": {
            "version": order.consent_version,
            "text": order.consent_text,
            "given_at": _instant(order.placed_at),
        },
        "refunds": [
            {
                "amount": refund.amount.minor,
                "cause": refund.cause,
                "state": refund.state.value,
                "decided_at": _instant(refund.at),
            }
            for refund in order.refunds
        ],
    }


def _line(line: OrderLineView) -> dict[str, Any]:
    return {
        "project": line.project_reference,
        "seller": line.provider_name,
        "unit_type": line.unit_type,
        "commitment_period": line.commitment_period,
        "vintage_year": line.vintage_year,
        "authorisation": line.authorisation or None,
        "monitoring_starts_on": line.monitoring_starts_on.isoformat(),
        "monitoring_ends_on": line.monitoring_ends_on.isoformat(),
        "units": line.units,
        "unit_price": line.unit_price.minor,
        "amount": line.amount.minor,
        "seller_share": line.share.seller,
        "payment_cost": line.share.payment_cost,
        "tax": line.share.tax,
        "platform_fee": line.share.platform_fee,
        "cancellation": line.state.value if line.state else None,
    }


def _instant(time: datetime) -> str:
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")
