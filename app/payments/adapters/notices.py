"""Signed notices in Stripe's shape: verified the same way whoever sent them."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from app.payments.adapters import signatures
from app.payments.ports import BadNotice, GatewayEvent

# How far the sender's clock may be from ours, in seconds, in both directions. Stripe's library
# looks at the past only.
TOLERANCE = 300
# Characters that are kept of a name of Stripe's, which has 66 and less, and of a kind of event or a reference of ours.
LONGEST_NAME = 120
LONGEST_WORD = 80

SESSION_EVENTS = frozenset(
    {
        "checkout.session.completed",
        "checkout.session.async_payment_succeeded",
        "checkout.session.async_payment_failed",
        "checkout.session.expired",
    }
)
REFUND_EVENTS = frozenset({"refund.created", "refund.updated", "refund.failed"})
DISPUTE_EVENTS = frozenset(
    {
        "charge.dispute.created",
        "charge.dispute.updated",
        "charge.dispute.closed",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.funds_reinstated",
    }
)
OF_INTEREST = SESSION_EVENTS | REFUND_EVENTS | DISPUTE_EVENTS


def read_notice(
    body: bytes, headers: Mapping[str, str], secrets: Sequence[str], *, is_live: bool
) -> GatewayEvent | None:
    """The event in a body signed with one of `secrets`; None when it is of no interest.

    A body that speaks of the other mode (`is_live`: real money) is not ours. Raises BadNotice.
    """
    header = next((value for name, value in headers.items() if name.lower() == signatures.HEADER.lower()), "")
    try:
        age = time.time() - signatures.signed_at(body, header, secrets)
    except ValueError:
        raise BadNotice(reason="signature") from None
    if age > TOLERANCE:
        raise BadNotice(reason="signature")
    if age < -TOLERANCE:
        raise BadNotice(reason="future")
    try:
        event = _event(json.loads(body))
    except (ArithmeticError, AttributeError, LookupError, OSError, RecursionError, TypeError, ValueError):
        raise BadNotice(reason="shape") from None
    if event.is_live != is_live:
        raise BadNotice(reason="mode")
    return event if event.type in OF_INTEREST else None


def _event(content: Any) -> GatewayEvent:
    if content["object"] != "event":
        raise ValueError(content["object"])
    subject = content["data"]["object"]
    metadata = subject.get("metadata") or {}
    hint = subject.get("client_reference_id") or metadata.get("order")
    # A dispute is looked for by what it is about: we may not know it yet.
    about = subject.get("payment_intent") if content["type"] in DISPUTE_EVENTS else None
    return GatewayEvent(
        id=_text(content["id"], LONGEST_NAME),
        type=_text(content["type"], LONGEST_WORD),
        object_reference=_text(about or subject.get("id", ""), LONGEST_NAME),
        order_hint=None if hint is None else _text(hint, LONGEST_WORD),
        is_live=bool(content["livemode"]),
        created_at=datetime.fromtimestamp(content["created"], UTC),
    )


def _text(value: Any, longest: int) -> str:
    """A text that a database keeps. Raises ValueError for a longer one, halves of characters and U+0000."""
    text = str(value)
    text.encode()
    if len(text) > longest or "\x00" in text:
        raise ValueError("no text")
    return text
