"""Stand-ins for the outside world, complete and with scripted failures."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from app.certificates.facts import to_json
from app.certificates.ports import CertificateFacts, SummaryFacts
from app.kernel.clock import SystemClock
from app.kernel.money import Money
from app.notifications.ports import OutgoingMail
from app.payments.ports import (
    DisputeStatus,
    GatewayEvent,
    GatewayRefusal,
    GatewayState,
    PaymentRequest,
    PaymentStart,
    PaymentStatus,
    RefundOutcome,
    RefundStatus,
)
from app.payments.states import DisputeState
from app.registry.accounts import find_registry_code
from app.registry.ports import (
    Ambiguous,
    CancellationRequest,
    Holding,
    Lookup,
    Outcome,
    Registries,
    RegistryAdapter,
    StatementLine,
)


class ClockOfMachine(SystemClock):
    """The clock of a machine that nobody set right."""

    def __init__(self, *, hours_ahead: float) -> None:
        self._error = timedelta(hours=hours_ahead)

    def now(self) -> datetime:
        """The instant as this machine shows it, aware, in UTC."""
        return super().now() + self._error


@dataclass
class FakePayment:
    """One hosted page of the fake gateway."""

    request: PaymentRequest
    state: GatewayState = GatewayState.OPEN
    amount: Money | None = None
    refunded: int = 0


class FakeGateway:
    """A gateway in memory. `problems` are raised, first in first out, by the next calls of that name."""

    name = "fake"

    def __init__(self) -> None:
        self.payments: dict[str, FakePayment] = {}
        self.refunds: dict[str, RefundStatus] = {}
        self.refund_calls: list[str] = []
        self.disputed: dict[str, list[DisputeStatus]] = {}
        self.refund_outcome = RefundOutcome.SUCCEEDED
        self.problems: dict[str, list[Exception]] = {}
        self.before: dict[str, Callable[[], object]] = {}
        self.is_live = False

    def _perhaps_fail(self, call: str) -> None:
        if call in self.before:
            self.before.pop(call)()
        if self.problems.get(call):
            raise self.problems[call].pop(0)

    def limits(self) -> tuple[Money, Money]:
        return Money(50, "USD"), Money(99_999_999, "USD")

    def hosted_page_origins(self) -> tuple[str, ...]:
        return ()

    def start_checkout(self, request: PaymentRequest) -> PaymentStart:
        self._perhaps_fail("start_checkout")
        reference = "pay_" + hashlib.sha256(request.key.encode()).hexdigest()[:16]
        known = self.payments.get(reference)
        if known is not None and known.request != request:
            raise GatewayRefusal(reason="key reused")
        self.payments.setdefault(reference, FakePayment(request))
        self._perhaps_fail("start_checkout_answer")
        return PaymentStart(reference, f"http://127.0.0.1/pay/{reference}", request.expires_at)

    def status(self, gateway_reference: str) -> PaymentStatus:
        self._perhaps_fail("status")
        payment = self.payments[gateway_reference]
        return PaymentStatus(
            gateway_reference=gateway_reference,
            order_reference=payment.request.order_reference,
            state=payment.state,
            amount=payment.amount or payment.request.amount,
            is_live=self.is_live,
            charge_reference=f"ch_{gateway_reference}",
            method="card",
            refunded=payment.refunded,
        )

    def expire_checkout(self, gateway_reference: str) -> PaymentStatus:
        self._perhaps_fail("expire_checkout")
        payment = self.payments[gateway_reference]
        if payment.state is GatewayState.OPEN:
            payment.state = GatewayState.EXPIRED
        return self.status(gateway_reference)

    def refund(self, gateway_reference: str, charge_reference: str | None, amount: Money, key: str) -> RefundStatus:
        self.refund_calls.append(key)
        self._perhaps_fail("refund")
        if key not in self.refunds:
            payment = self.payments[gateway_reference]
            if payment.refunded + amount.minor > payment.request.amount.minor:
                raise GatewayRefusal(reason="too much")
            payment.refunded += amount.minor
            self.refunds[key] = RefundStatus(f"re_{key}", self.refund_outcome, amount)
        self._perhaps_fail("refund_answer")
        return self.refunds[key]

    def refund_status(self, refund_reference: str) -> RefundStatus:
        self._perhaps_fail("refund_status")
        return next(r for r in self.refunds.values() if r.gateway_reference == refund_reference)

    def disputes(self, charge_reference: str) -> tuple[DisputeStatus, ...]:
        self._perhaps_fail("disputes")
        return tuple(self.disputed.get(charge_reference, ()))

    def disputed_since(self, at: datetime) -> tuple[str, ...]:
        self._perhaps_fail("disputed_since")
        return tuple(c for c, all_ in self.disputed.items() if any(each.opened_at >= at for each in all_))

    def dispute(self, charge_reference: str, state: DisputeState, now: datetime, **changes: Any) -> None:
        """Say of a charge that its buyer disputes it."""
        amount = self.payments[charge_reference.removeprefix("ch_")].request.amount
        values: dict[str, Any] = {
            "gateway_reference": f"du_{charge_reference}", "state": state, "reason": "fraudulent", "amount": amount,
            "taken": 0 if state is DisputeState.WON else amount.minor, "opened_at": now,
            "evidence_due_at": now + timedelta(days=7) if state is DisputeState.OPEN else None,
        }  # fmt: skip
        self.disputed[charge_reference] = [DisputeStatus(**{**values, **changes})]

    def parse_event(self, body: bytes, headers: Mapping[str, str]) -> GatewayEvent | None:
        raise NotImplementedError("the fake gateway posts nothing")

    def newest(self) -> str:
        """The reference of the page opened last."""
        return list(self.payments)[-1]

    def pay(self, reference: str | None = None) -> str:
        """The buyer pays the newest page, or a given one."""
        reference = reference or self.newest()
        self.payments[reference].state = GatewayState.SUCCEEDED
        return reference


class ScriptedRegistry:
    """A real registry whose answers can be lost, replaced or delayed.

    `submits` and `lookups` are consumed one per call: an Outcome or Lookup is returned without
    asking the registry; "lose" lets the effect happen and loses the answer; "raise" raises before.
    """

    def __init__(self, real: RegistryAdapter) -> None:
        self.real = real
        self.name = real.name
        self.display_name = real.display_name
        self.is_registry_of_record = real.is_registry_of_record
        self.promised_within = timedelta(minutes=5)
        self.capabilities = real.capabilities
        self.submits: list[Outcome | str] = []
        self.lookups: list[Lookup | str] = []
        self.advances: list[Outcome | Ambiguous] = []
        self.withdrawals: list[Lookup] = []
        self.submitted: list[CancellationRequest] = []
        self.looked_up: list[CancellationRequest] = []
        self.before_submit: list[Callable[[], None]] = []

    def holdings(self, account: str) -> Sequence[Holding]:
        return self.real.holdings(account)

    def submit(self, request: CancellationRequest) -> Outcome:
        self.submitted.append(request)
        if self.before_submit:
            self.before_submit.pop(0)()
        step = self.submits.pop(0) if self.submits else None
        if step == "raise":
            raise ConnectionError("before the effect")
        if step == "lose":
            self.real.submit(request)
            raise TimeoutError("after the effect")
        if step is not None and not isinstance(step, str):
            return step
        return self.real.submit(request)

    def lookup(self, request: CancellationRequest, registry_transaction: str | None, since: datetime) -> Lookup:
        self.looked_up.append(request)
        step = self.lookups.pop(0) if self.lookups else None
        if step == "raise":
            raise ConnectionError("no answer")
        if step is not None and not isinstance(step, str):
            return step
        return self.real.lookup(request, registry_transaction, since)

    def advance(self, request: CancellationRequest, registry_transaction: str | None) -> Outcome | Ambiguous:
        return self.advances.pop(0) if self.advances else self.real.advance(request, registry_transaction)

    def withdraw(self, request: CancellationRequest, registry_transaction: str | None, reason: str) -> Lookup:
        if self.withdrawals:
            return self.withdrawals.pop(0)
        return self.real.withdraw(request, registry_transaction, reason)

    def statement(self, account: str, since: datetime) -> Sequence[StatementLine]:
        return self.real.statement(account, since)


def scripted(real: Registries) -> Registries:
    """The same registries, each with a script."""
    return Registries([ScriptedRegistry(adapter) for adapter in real], find_registry_code)


@dataclass
class FakeMailer:
    """Keeps what it was given; `problems` are raised first."""

    sent: list[OutgoingMail] = field(default_factory=list)
    problems: list[Exception] = field(default_factory=list)

    def send(self, mail: OutgoingMail) -> None:
        if self.problems:
            raise self.problems.pop(0)
        self.sent.append(mail)

    def rehearse(self) -> None:
        if self.problems:
            raise self.problems[0]


class FakeRenderer:
    """Draws nothing: the bytes name the facts, so a test can see which were used."""

    version = "fake-1"

    def __init__(self) -> None:
        self.problems: list[Exception] = []
        self.is_warm = False

    def warm_up(self) -> None:
        self.is_warm = True

    def health(self) -> list[str]:
        return [] if self.is_warm else ["not warm"]

    def certificate(self, facts: CertificateFacts, locale: str) -> bytes:
        if self.problems:
            raise self.problems.pop(0)
        return f"%PDF-fake {locale} {to_json(facts)}".encode()

    def summary(self, facts: SummaryFacts, locale: str) -> bytes:
        if self.problems:
            raise self.problems.pop(0)
        return f"%PDF-fake {locale} summary {facts.order_reference} {len(facts.certificates)}".encode()
