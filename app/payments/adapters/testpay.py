"""A payment gateway that moves no money: for demonstrations, development and tests.

It keeps its own tables and its own pace, and speaks to the product only through the port and
through signed notices over HTTP, as a real one does.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from app import current
from app.config import Settings
from app.kernel.money import Money
from app.payments.adapters import testpay_disputes
from app.payments.adapters.limits import check_request, payment_limits
from app.payments.adapters.notices import read_notice
from app.payments.adapters.testpay_bank import TestpayBank
from app.payments.adapters.testpay_events import charge_reference, page_of_charge, send_due_events
from app.payments.adapters.testpay_models import HostedPage, TestpayDispute, TestpayRefund
from app.payments.ports import (
    DisputeStatus,
    GatewayEvent,
    GatewayFault,
    GatewayRefusal,
    GatewayState,
    PaymentRequest,
    PaymentStart,
    PaymentStatus,
    RefundOutcome,
    RefundStatus,
)
from app.payments.states import DisputeState


class TestpayGateway:
    """The payment port over the test gateway. Calls need an application context, for the database."""

    __test__ = False  # pytest: a name that begins with Test and holds none
    name = "testpay"

    def __init__(self, settings: Settings) -> None:
        if settings.is_production:
            raise GatewayFault("the test gateway takes no real money and refuses to run in production")
        self._limits = payment_limits(settings)
        self._base = settings.public_base_url
        self._secret = settings.testpay_secret
        self._bank = TestpayBank(settings.testpay_mischief)

    def limits(self) -> tuple[Money, Money]:
        """Smallest and largest amount of one payment."""
        return self._limits

    def hosted_page_origins(self) -> tuple[str, ...]:
        """Our own address: the page is served by this very application."""
        return (self._base,)

    def start_checkout(self, request: PaymentRequest) -> PaymentStart:
        """Open a page, idempotent by `request.key`. Raises GatewayRefusal or GatewayFault."""
        check_request(request, self._limits)
        reference = self._bank.open_page(request, current.now())
        return PaymentStart(reference, f"{self._base}/testpay/{reference}", request.expires_at)

    def status(self, gateway_reference: str) -> PaymentStatus:
        """What is true of a page now. Raises GatewayRefusal for an unknown one."""
        page = self._bank.find_page(gateway_reference)
        if page is None:
            raise GatewayRefusal(reason="unknown")
        return PaymentStatus(
            gateway_reference=page.reference,
            order_reference=page.request["order_reference"],
            state=page_state(page, current.now()),
            amount=page.money,
            is_live=False,
            charge_reference=charge_reference(page.reference) if page.status == "complete" else None,
            method=page.method,
            refunded=page.refunded,
        )

    def expire_checkout(self, gateway_reference: str) -> PaymentStatus:
        """Close a page that is still open. Raises GatewayRefusal for an unknown one."""
        self._bank.expire(gateway_reference, current.now())
        return self.status(gateway_reference)

    def refund(self, gateway_reference: str, charge_reference: str | None, amount: Money, key: str) -> RefundStatus:
        """Give back `amount`, once for each key. Raises GatewayRefusal or GatewayFault."""
        return _refund_status(self._bank.give_back(gateway_reference, amount, key, current.now()))

    def refund_status(self, refund_reference: str) -> RefundStatus:
        """Where a refund stands. Raises GatewayRefusal for an unknown one."""
        refund = self._bank.find_refund(refund_reference)
        if refund is None:
            raise GatewayRefusal(reason="unknown")
        return _refund_status(refund)

    def disputes(self, charge_reference: str) -> tuple[DisputeStatus, ...]:
        """The dispute of a charge, if there is one."""
        found = testpay_disputes.find(page_of_charge(charge_reference))
        return () if found is None else (_dispute_status(found),)

    def disputed_since(self, at: datetime) -> tuple[str, ...]:
        """The charges that disputes were opened of."""
        return tuple(charge_reference(page) for page in testpay_disputes.pages_since(at))

    def parse_event(self, body: bytes, headers: Mapping[str, str]) -> GatewayEvent | None:
        """Verify and read a notice of our own dispatcher. Raises BadNotice."""
        return read_notice(body, headers, (self._secret,), is_live=False)


def page_state(page: HostedPage, now: datetime) -> GatewayState:
    """A page's state in the port's words. Time alone closes a page, even before that is recorded."""
    if page.status == "open":
        return GatewayState.OPEN if page.expires_at > now else GatewayState.EXPIRED
    if page.status == "expired":
        return GatewayState.EXPIRED
    if page.payment_status == "paid":
        return GatewayState.SUCCEEDED
    return GatewayState.FAILED if page.failed else GatewayState.PROCESSING


def dispatch_due_events(now: datetime) -> int:
    """Let the test gateway's time pass and post what is due; the worker calls this.

    Returns how many events were accepted.
    """
    settings = current.settings()
    TestpayBank(settings.testpay_mischief).let_time_pass(now)
    return send_due_events(settings, now)


def _refund_status(refund: TestpayRefund) -> RefundStatus:
    return RefundStatus(refund.reference, RefundOutcome(refund.status), refund.money)


_STAGES = {"needs_response": DisputeState.OPEN}


def _dispute_status(dispute: TestpayDispute) -> DisputeStatus:
    return DisputeStatus(
        gateway_reference=dispute.reference,
        state=_STAGES.get(dispute.status) or DisputeState(dispute.status),
        reason=dispute.reason,
        amount=dispute.money,
        taken=0 if dispute.status == "won" else dispute.amount,
        opened_at=dispute.opened_at,
        evidence_due_at=dispute.due_at if dispute.status == "needs_response" else None,
    )
