"""The far side of the test gateway: what the buyer, the bank and the passing of time do."""

from __future__ import annotations

import secrets
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import Executable, Table, bindparam, or_, select, union_all, update

from app.db import db, end_reading, insert_once, rows_changed, transaction, write
from app.kernel.money import Money
from app.payments.adapters.limits import check_refund
from app.payments.adapters.testpay_disputes import has_taken_money
from app.payments.adapters.testpay_events import queue_refund_event, queue_session_event
from app.payments.adapters.testpay_models import HostedPage, TestpayRefund, TestpaySession
from app.payments.ports import GatewayRefusal, PaymentRequest

# How long a bank payment, or a refund of one, takes when nobody hurries it.
BANK_TAKES = timedelta(minutes=2)
# As Stripe has them.
SHORTEST_LIFE = timedelta(minutes=30)
LONGEST_LIFE = timedelta(hours=24)

_Row = TestpaySession


class TestpayBank:
    """Moves hosted pages and refunds on, one short transaction each, and queues what we are told.

    Every move answers whether it was made; a conditional UPDATE decides, so a page that expires
    while the buyer presses Pay is one or the other.
    """

    __test__ = False  # pytest: a name that begins with Test and holds none

    def __init__(self, mischief: frozenset[str]) -> None:
        self._mischief = mischief

    def open_page(self, request: PaymentRequest, now: datetime) -> str:
        """The reference of a new page, or of the one that this key has already.

        Raises GatewayRefusal when the key belongs to another request, or when the page would live
        shorter than 30 minutes or longer than 24 hours.
        """
        described, reference = described_request(request), f"tps_{secrets.token_urlsafe(20)}"
        with transaction() as session:
            is_new = insert_once(
                _Row,
                reference=reference,
                idempotency_key=request.key,
                request=described,
                amount=request.amount.minor,
                currency=request.amount.currency,
                refunded=0,
                status="open",
                payment_status="unpaid",
                failed=False,
                expires_at=request.expires_at,
            )
            if is_new and not SHORTEST_LIFE <= request.expires_at - now <= LONGEST_LIFE:
                raise GatewayRefusal(reason="expires_at")
            if is_new:
                return reference
            page = session.scalars(select(_Row).where(_Row.idempotency_key == request.key)).one()
            if page.request != described:
                raise GatewayRefusal(reason="key")
            return page.reference

    def find_page(self, reference: str) -> HostedPage | None:
        """A hosted page as it is now; None when there is none of that name."""
        end_reading()
        row: Any = write(_PAGE, {"the_page": reference}).one_or_none()
        end_reading()
        return None if row is None else HostedPage(*row)

    def pay(self, reference: str, now: datetime) -> HostedPage | None:
        """The buyer pays by card: gives the page, or None when it was not open any more."""
        return self._move(_PAY, reference, "completed", now, now=now)

    def pay_by_bank(self, reference: str, now: datetime) -> HostedPage | None:
        """The buyer promises a bank payment, which settles by itself later: gives the page, or None as above."""
        return self._move(_PROMISE, reference, "completed", now, now=now, due_at=now + BANK_TAKES)

    def settle(self, reference: str, now: datetime) -> bool:
        """The bank's money arrives."""
        return self._move(_SETTLE, reference, "async_payment_succeeded", now) is not None

    def fail(self, reference: str, now: datetime) -> bool:
        """The bank's money will never arrive."""
        return self._move(_FAIL, reference, "async_payment_failed", now) is not None

    def expire(self, reference: str, now: datetime) -> bool:
        """The page closes unpaid."""
        return self._move(_EXPIRE, reference, "expired", now) is not None

    def _move(
        self, move: Executable, reference: str, event: str, at: datetime, **values: datetime
    ) -> HostedPage | None:
        with transaction():
            row: Any = write(move, {"the_page": reference, **values}).one_or_none()
            if row is None:
                return None
            page = HostedPage(*row)
            queue_session_event(event, page, self._mischief, at)
            return page

    def give_back(self, reference: str, amount: Money, key: str, now: datetime) -> TestpayRefund:
        """Give back part or all of a paid page, once for each key; by bank it takes a while.

        Raises GatewayRefusal (unknown page, not paid, more than is left, a key used for something
        else) or GatewayFault (not an amount of this payment).
        """
        with transaction() as session:
            page = session.scalar(select(_Row).where(_Row.reference == reference))
            if page is None:
                raise GatewayRefusal(reason="unknown")
            check_refund(amount, page.money)
            slow = page.method == "bank"
            is_new = insert_once(
                TestpayRefund,
                reference=f"tpr_{secrets.token_urlsafe(20)}",
                idempotency_key=key,
                session_reference=reference,
                amount=amount.minor,
                currency=amount.currency,
                status="pending" if slow else "succeeded",
                settles_at=now + BANK_TAKES if slow else None,
            )
            refund = session.scalars(select(TestpayRefund).where(TestpayRefund.idempotency_key == key)).one()
            if refund.session_reference != reference or refund.money != amount:
                raise GatewayRefusal(reason="key")
            if is_new:
                if has_taken_money(reference):
                    raise GatewayRefusal(reason="charge_disputed")
                taken = session.execute(
                    update(_Row)
                    .where(
                        _Row.reference == reference,
                        _Row.payment_status == "paid",
                        _Row.refunded + amount.minor <= _Row.amount,
                    )
                    .values(refunded=_Row.refunded + amount.minor)
                    .execution_options(synchronize_session=False)
                )
                if rows_changed(taken) == 0:
                    raise GatewayRefusal(reason="amount")
                queue_refund_event("created", refund, page.request["order_reference"], self._mischief, now)
            session.flush()
            session.expunge(refund)
            return refund

    def find_refund(self, reference: str) -> TestpayRefund | None:
        """A refund as it is now, detached; None when there is none of that name."""
        end_reading()
        refund = db.session.scalar(select(TestpayRefund).where(TestpayRefund.reference == reference))
        if refund is not None:
            db.session.expunge(refund)
        end_reading()
        return refund

    def refunds_of(self, reference: str) -> list[TestpayRefund]:
        """The refunds of one page, oldest first, detached."""
        end_reading()
        refunds = list(
            db.session.scalars(
                select(TestpayRefund).where(TestpayRefund.session_reference == reference).order_by(TestpayRefund.id)
            )
        )
        for refund in refunds:
            db.session.expunge(refund)
        end_reading()
        return refunds

    def settle_refund(self, reference: str, now: datetime) -> bool:
        """A pending refund reaches the buyer."""
        return self._move_refund(reference, now, "updated", ("pending",), "succeeded")

    def fail_refund(self, reference: str, now: datetime) -> bool:
        """The buyer's bank sends a refund back, perhaps after it was reported as done."""
        return self._move_refund(reference, now, "failed", ("pending", "succeeded"), "failed")

    def _move_refund(self, reference: str, now: datetime, event: str, sources: tuple[str, ...], to: str) -> bool:
        with transaction() as session:
            moved = session.execute(
                update(TestpayRefund)
                .where(TestpayRefund.reference == reference, TestpayRefund.status.in_(sources))
                .values(status=to, settles_at=None)
                .execution_options(synchronize_session=False)
            )
            if rows_changed(moved) == 0:
                return False
            refund = session.scalars(select(TestpayRefund).where(TestpayRefund.reference == reference)).one()
            page = session.scalars(select(_Row).where(_Row.reference == refund.session_reference)).one()
            if to == "failed":
                session.execute(
                    update(_Row)
                    .where(_Row.reference == page.reference)
                    .values(refunded=_Row.refunded - refund.amount)
                    .execution_options(synchronize_session=False)
                )
            queue_refund_event(event, refund, page.request["order_reference"], self._mischief, now)
            return True

    def let_time_pass(self, now: datetime) -> None:
        """Close pages whose time is over; settle bank payments and refunds that are due."""
        due: Any = write(_OVER, {"now": now}).all()
        end_reading()
        moves = {"open": self.expire, "complete": self.settle, "pending": self.settle_refund}
        for reference, status in due:
            moves[status](reference, now)


# Said once: each payment asks several times, and the worker after every round.
_PAGES = cast(Table, _Row.__table__)
_READ = [_PAGES.c[part.name] for part in fields(HostedPage)]
_PAGE = select(*_READ).where(_PAGES.c.reference == bindparam("the_page"))
_CHANGE = update(_PAGES).where(_PAGES.c.reference == bindparam("the_page")).returning(*_READ)
_OF_OPEN = _CHANGE.where(_PAGES.c.status == "open")
_OF_PAYABLE = _OF_OPEN.where(_PAGES.c.expires_at > bindparam("now")).values(status="complete")
_OF_PROMISED = _CHANGE.where(
    _PAGES.c.status == "complete", _PAGES.c.payment_status == "unpaid", _PAGES.c.failed.is_(False)
).values(settles_at=None)
_EXPIRE = _OF_OPEN.values(status="expired")
_PAY = _OF_PAYABLE.values(payment_status="paid", method="card")
_PROMISE = _OF_PAYABLE.values(method="bank", settles_at=bindparam("due_at"))
_SETTLE = _OF_PROMISED.values(payment_status="paid")
_FAIL = _OF_PROMISED.values(failed=True)
_OVER = union_all(
    select(_Row.reference, _Row.status).where(
        or_(
            (_Row.status == "open") & (_Row.expires_at <= bindparam("now")),
            (_Row.status == "complete") & (_Row.payment_status == "unpaid") & (_Row.settles_at <= bindparam("now")),
        )
    ),
    select(TestpayRefund.reference, TestpayRefund.status).where(
        TestpayRefund.status == "pending", TestpayRefund.settles_at <= bindparam("now")
    ),
)


def described_request(request: PaymentRequest) -> dict[str, Any]:
    """A request as plain JSON values: what is kept of it, and what a repeat must equal."""
    return {
        "order_reference": request.order_reference,
        "attempt": request.attempt,
        "amount": [request.amount.minor, request.amount.currency],
        "lines": [[line.name, line.units, line.unit_price.minor, line.unit_price.currency] for line in request.lines],
        "email": request.email,
        "locale": request.locale,
        "success_url": request.success_url,
        "back_url": request.back_url,
        "expires_at": request.expires_at.isoformat(),
    }
