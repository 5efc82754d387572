"""The test gateway's buyers who ask their bank for the money back, and what the bank decides."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from sqlalchemy import select, update

from app.db import db, end_reading, insert_once, rows_changed, transaction
from app.payments.adapters.testpay_events import queue_dispute_event
from app.payments.adapters.testpay_models import TestpayDispute, TestpaySession

TIME_FOR_EVIDENCE = timedelta(days=7)
REASON = "fraudulent"
STANDING = ("needs_response", "under_review")


def open_dispute(page_reference: str, mischief: frozenset[str], now: datetime) -> bool:
    """The buyer of a paid page asks their bank for all of it back, once. False for any other page."""
    with transaction() as session:
        page = session.scalar(
            select(TestpaySession).where(
                TestpaySession.reference == page_reference, TestpaySession.payment_status == "paid"
            )
        )
        is_new = page is not None and insert_once(
            TestpayDispute,
            reference=f"tpd_{secrets.token_urlsafe(20)}",
            session_reference=page_reference,
            amount=page.amount,
            currency=page.currency,
            reason=REASON,
            status="needs_response",
            opened_at=now.replace(microsecond=0),
            due_at=(now + TIME_FOR_EVIDENCE).replace(microsecond=0),
        )
        if is_new:
            opened = _of_page(page_reference)
            queue_dispute_event("created", opened, mischief, now)
            queue_dispute_event("funds_withdrawn", opened, mischief, now)
        return is_new


def send_evidence(page_reference: str, mischief: frozenset[str], now: datetime) -> bool:
    """Somebody answers the bank."""
    return _move(page_reference, ("needs_response",), "under_review", ("updated",), mischief, now)


def win(page_reference: str, mischief: frozenset[str], now: datetime) -> bool:
    """The bank decides for the seller, and gives the money back."""
    return _move(page_reference, STANDING, "won", ("closed", "funds_reinstated"), mischief, now)


def lose(page_reference: str, mischief: frozenset[str], now: datetime) -> bool:
    """The bank decides for the buyer."""
    return _move(page_reference, STANDING, "lost", ("closed",), mischief, now)


def find(page_reference: str) -> TestpayDispute | None:
    """The dispute of a page as it is now, detached; None when there is none."""
    end_reading()
    found = db.session.scalar(select(TestpayDispute).where(TestpayDispute.session_reference == page_reference))
    if found is not None:
        db.session.expunge(found)
    end_reading()
    return found


def pages_since(at: datetime) -> list[str]:
    """The pages that disputes were opened of since an instant (aware)."""
    end_reading()
    opened = select(TestpayDispute.session_reference).where(TestpayDispute.opened_at >= at)
    pages = list(db.session.scalars(opened.order_by(TestpayDispute.id)))
    end_reading()
    return pages


def has_taken_money(page_reference: str) -> bool:
    """Whether the bank has the money of a page, inside the caller's transaction."""
    taken = select(TestpayDispute.id).where(
        TestpayDispute.session_reference == page_reference, TestpayDispute.status != "won"
    )
    return db.session.scalar(taken) is not None


def _move(
    page_reference: str,
    sources: tuple[str, ...],
    to: str,
    told: tuple[str, ...],
    mischief: frozenset[str],
    now: datetime,
) -> bool:
    with transaction() as session:
        moved = session.execute(
            update(TestpayDispute)
            .where(TestpayDispute.session_reference == page_reference, TestpayDispute.status.in_(sources))
            .values(status=to)
            .execution_options(synchronize_session=False)
        )
        if rows_changed(moved) == 0:
            return False
        dispute = _of_page(page_reference)
        for kind in told:
            queue_dispute_event(kind, dispute, mischief, now)
        return True


def _of_page(page_reference: str) -> TestpayDispute:
    return db.session.scalars(select(TestpayDispute).where(TestpayDispute.session_reference == page_reference)).one()
