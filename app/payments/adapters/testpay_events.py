"""What the test gateway tells us, the way Stripe would: signed, over HTTP, at least once.

`TESTPAY_MISCHIEF` makes it behave badly on purpose: `duplicate` sends each event five times,
`delay` sends it late, `reorder` sends the newest first, `lose` sends none at all.
"""

from __future__ import annotations

import http.client
import json
import logging
import secrets
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import bindparam, select, update

from app.config import Settings
from app.db import add_rows, end_reading, rows_changed, transaction, write
from app.payments.adapters import signatures
from app.payments.adapters.testpay_models import HostedPage, TestpayDispute, TestpayEvent, TestpayRefund

log = logging.getLogger(__name__)

# The version of Stripe's interface whose shapes these notices have: the one of the pinned library.
API_VERSION = "2026-10-28.endive"
COPIES = 5
DELAY = timedelta(seconds=20)
# With `reorder`, everything that happens within this many seconds is held and sent backwards.
WINDOW = 10
TIMEOUT = 10
BATCH = 50
# First pause after a refused or unanswered event, in seconds; it doubles up to an hour. The last
# try is about three days after the first, as with Stripe.
PAUSE = 5
LONGEST_PAUSE = 3600
ATTEMPTS = 82

_EVENTS: Any = TestpayEvent.__table__
# Said once: the worker asks after every round.
_WAITING = (
    select(_EVENTS.c.id, _EVENTS.c.body, _EVENTS.c.attempts)
    .where(_EVENTS.c.sent_at.is_(None), _EVENTS.c.send_at <= bindparam("now"), _EVENTS.c.attempts < ATTEMPTS)
    .limit(BATCH)
)
_DUE, _DUE_BACKWARDS = _WAITING.order_by(_EVENTS.c.id), _WAITING.order_by(_EVENTS.c.id.desc())
_CLAIM = (
    update(_EVENTS)
    .where(_EVENTS.c.id == bindparam("the_id"), _EVENTS.c.sent_at.is_(None), _EVENTS.c.attempts == bindparam("seen"))
    .values(attempts=_EVENTS.c.attempts + 1, send_at=bindparam("again_at"))
)
_MARK_SENT = update(_EVENTS).where(_EVENTS.c.id == bindparam("the_id")).values(sent_at=bindparam("now"))


def queue_session_event(kind: str, session: HostedPage, mischief: frozenset[str], now: datetime) -> None:
    """Write `checkout.session.<kind>` into the caller's transaction, to be sent afterwards."""
    _queue(f"checkout.session.{kind}", session_object(session), mischief, now)


def queue_refund_event(kind: str, refund: TestpayRefund, order: str, mischief: frozenset[str], now: datetime) -> None:
    """Write `refund.<kind>` into the caller's transaction, to be sent afterwards."""
    _queue(
        f"refund.{kind}",
        {
            "id": refund.reference,
            "object": "refund",
            "amount": refund.amount,
            "currency": refund.currency.lower(),
            "metadata": {"order": order},
            "payment_intent": charge_reference(refund.session_reference),
            "status": refund.status,
        },
        mischief,
        now,
    )


def queue_dispute_event(kind: str, dispute: TestpayDispute, mischief: frozenset[str], now: datetime) -> None:
    """Write `charge.dispute.<kind>` into the caller's transaction, to be sent afterwards."""
    _queue(
        f"charge.dispute.{kind}",
        {
            "id": dispute.reference,
            "object": "dispute",
            "amount": dispute.amount,
            "currency": dispute.currency.lower(),
            "payment_intent": charge_reference(dispute.session_reference),
            "reason": dispute.reason,
            "status": dispute.status,
        },
        mischief,
        now,
    )


def charge_reference(session_reference: str) -> str:
    """The name of the charge behind a hosted page."""
    return session_reference.replace("tps_", "tpc_", 1)


def page_of_charge(charge: str) -> str:
    """The hosted page that a charge was made on."""
    return charge.replace("tpc_", "tps_", 1)


def session_object(session: HostedPage) -> dict[str, Any]:
    """A hosted page in the shape of Stripe's Checkout Session."""
    order = session.request["order_reference"]
    return {
        "id": session.reference,
        "object": "checkout.session",
        "amount_total": session.amount,
        "client_reference_id": order,
        "currency": session.currency.lower(),
        "expires_at": int(session.expires_at.timestamp()),
        "livemode": False,
        "metadata": {"order": order, "attempt": str(session.request["attempt"])},
        "mode": "payment",
        "payment_intent": charge_reference(session.reference) if session.status == "complete" else None,
        "payment_status": session.payment_status,
        "status": session.status,
    }


def _queue(kind: str, subject: dict[str, Any], mischief: frozenset[str], now: datetime) -> None:
    if "lose" in mischief:
        return
    event_id = f"evt_testpay_{secrets.token_urlsafe(18)}"
    body = json.dumps(
        {
            "id": event_id,
            "object": "event",
            "api_version": API_VERSION,
            "created": int(now.timestamp()),
            "data": {"object": subject},
            "livemode": False,
            "type": kind,
        }
    )
    event = {"event_id": event_id, "body": body, "send_at": _send_at(mischief, now)}
    add_rows(TestpayEvent, [event] * (COPIES if "duplicate" in mischief else 1))


def _send_at(mischief: frozenset[str], now: datetime) -> datetime:
    if "reorder" in mischief:
        now = datetime.fromtimestamp((now.timestamp() // WINDOW + 1) * WINDOW, UTC)
    return now + DELAY if "delay" in mischief else now


def send_due_events(settings: Settings, now: datetime) -> int:
    """Post every due event once; returns how many the webhook route accepted.

    A crash between the post and the mark sends an event again: at least once, never at most.
    """
    newest_first = "reorder" in settings.testpay_mischief
    due: Any = write(_DUE_BACKWARDS if newest_first else _DUE, {"now": now}).all()
    end_reading()
    accepted = 0
    for event_id, body, attempts in due:
        if not _claim(event_id, attempts, now):
            continue
        try:
            status = _post(settings, body)
        except (OSError, http.client.HTTPException) as problem:
            # Nobody is there; the others need not wait for the same time limit one by one.
            log.warning("the webhook route could not be reached: %s", type(problem).__name__)
            break
        if status != http.client.OK:
            log.warning("the webhook route answered %s", status)
            continue
        with transaction(lasting=False):
            write(_MARK_SENT, {"the_id": event_id, "now": now})
        accepted += 1
    return accepted


def _claim(event_id: int, attempts: int, now: datetime) -> bool:
    pause = timedelta(seconds=min(PAUSE * 2**attempts, LONGEST_PAUSE))
    # Forgotten, it is sent once more, which every receiver of notices has to bear.
    with transaction(lasting=False):
        changed = write(_CLAIM, {"the_id": event_id, "seen": attempts, "again_at": now + pause})
    return rows_changed(changed) == 1


def _post(settings: Settings, body: str) -> int:
    # A wildcard is an address to listen on, not one to talk to.
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104 - compared, not bound
    content = body.encode()
    headers = {
        "Content-Type": "application/json",
        # The one name that the application answers to wherever it listens.
        "Host": urlsplit(settings.public_base_url).netloc,
        signatures.HEADER: signatures.sign(content, settings.testpay_secret, int(time.time())),
    }
    connection = http.client.HTTPConnection(host, settings.port, timeout=TIMEOUT)
    try:
        connection.request("POST", "/webhooks/testpay", content, headers)
        return connection.getresponse().status
    finally:
        connection.close()
