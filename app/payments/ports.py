"""What a payment gateway must be able to do, and every answer it may give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, cast

from flask import current_app

from app.kernel.errors import Fault, Refusal
from app.kernel.money import Money
from app.payments.states import DisputeState


class GatewayState(StrEnum):
    """A hosted payment as the gateway sees it. `processing`: the buyer is done, the bank is not."""

    OPEN = "open"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    EXPIRED = "expired"


@dataclass(frozen=True)
class PaymentLine:
    """One line on the hosted page: `units` at `unit_price` each."""

    name: str
    units: int
    unit_price: Money


@dataclass(frozen=True)
class PaymentRequest:
    """What to charge. Holds ids and prices only: no beneficiary text leaves for the gateway."""

    order_reference: str
    attempt: int
    amount: Money
    lines: Sequence[PaymentLine]
    email: str
    locale: str
    success_url: str
    back_url: str
    expires_at: datetime
    key: str


@dataclass(frozen=True)
class PaymentStart:
    """A hosted page is ready at `url` until `expires_at`."""

    gateway_reference: str
    url: str
    expires_at: datetime


@dataclass(frozen=True)
class PaymentStatus:
    """The gateway's present truth about one hosted payment.

    `refunded` is what of `amount` goes back or went back, whoever asked for it, in minor units.
    """

    gateway_reference: str
    order_reference: str
    state: GatewayState
    amount: Money
    is_live: bool
    charge_reference: str | None = None
    method: str | None = None
    refunded: int = 0

    @property
    def kept(self) -> Money:
        """What of the amount does not go back."""
        return self.amount - Money(self.refunded, self.amount.currency)


class RefundOutcome(StrEnum):
    """Where the gateway says a refund stands."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True)
class RefundStatus:
    """The gateway's answer about one refund."""

    gateway_reference: str
    outcome: RefundOutcome
    amount: Money


@dataclass(frozen=True)
class DisputeStatus:
    """The gateway's present truth about one dispute: somebody asks their bank for the money of a payment back.

    `reason` is the gateway's code. `taken` is what of `amount` the bank has taken and not given back, in minor units:
    nothing for an inquiry, and nothing once it is won. Evidence is wanted until `evidence_due_at` (aware).
    """

    gateway_reference: str
    state: DisputeState
    reason: str
    amount: Money
    taken: int
    opened_at: datetime
    evidence_due_at: datetime | None = None


@dataclass(frozen=True)
class GatewayEvent:
    """A verified notice: a reason to look again at `object_reference`, never a fact to act on.

    That of a dispute is the charge that is disputed.
    """

    id: str
    type: str
    object_reference: str
    order_hint: str | None
    is_live: bool
    created_at: datetime


class BadNotice(Refusal):
    """A webhook body that is unsigned, tampered with, too old, or not ours. Answer 400."""

    code = "bad_notice"


class GatewayUnavailable(Refusal):
    """The gateway certainly did nothing, in no try of this call; the same call may be made again later."""

    code = "gateway_unavailable"


class GatewayOutcomeUnknown(Refusal):
    """The call may or may not have taken effect; repeat it with the same key."""

    code = "gateway_outcome_unknown"


class GatewayRefusal(Refusal):
    """The gateway said no for good (for instance a refund above what was paid)."""

    code = "gateway_refusal"


class GatewayFault(Fault):
    """Keys, permissions or a request of ours are wrong: an operator has to look."""


class PaymentGateway(Protocol):
    """The outside world of money. Every method may be repeated; keys make repeats harmless."""

    name: str

    def limits(self) -> tuple[Money, Money]:
        """Smallest and largest amount of one payment."""
        ...

    def hosted_page_origins(self) -> tuple[str, ...]:
        """Origins that a checkout form is redirected to (for form-action in the CSP)."""
        ...

    def start_checkout(self, request: PaymentRequest) -> PaymentStart:
        """Open a hosted page. The same key with the same request gives the same page.

        Raises GatewayUnavailable, GatewayOutcomeUnknown, GatewayRefusal or GatewayFault.
        """
        ...

    def status(self, gateway_reference: str) -> PaymentStatus:
        """Ask for the truth. Raises GatewayUnavailable or GatewayRefusal (unknown reference)."""
        ...

    def expire_checkout(self, gateway_reference: str) -> PaymentStatus:
        """Close a hosted page if it is still open, and say what is true afterwards.

        It may be paid in that very second: the returned state decides, not the intention.
        Raises GatewayUnavailable.
        """
        ...

    def refund(self, gateway_reference: str, charge_reference: str | None, amount: Money, key: str) -> RefundStatus:
        """Give back `amount` of one payment; the same key never gives back twice.

        Raises GatewayUnavailable, GatewayOutcomeUnknown, GatewayRefusal or GatewayFault.
        """
        ...

    def refund_status(self, refund_reference: str) -> RefundStatus:
        """Ask where a refund stands. Raises GatewayUnavailable."""
        ...

    def disputes(self, charge_reference: str) -> tuple[DisputeStatus, ...]:
        """Every dispute of one charge, oldest first. Raises GatewayUnavailable, GatewayRefusal or GatewayFault."""
        ...

    def disputed_since(self, at: datetime) -> tuple[str, ...]:
        """The charges that disputes were opened of since an instant (aware), each once.

        Raises GatewayUnavailable, GatewayRefusal or GatewayFault.
        """
        ...

    def parse_event(self, body: bytes, headers: Mapping[str, str]) -> GatewayEvent | None:
        """Verify and read a notice; None for a verified one that is of no interest.

        Raises BadNotice.
        """
        ...


def current_gateway() -> PaymentGateway:
    """The gateway this application was made with."""
    return cast(PaymentGateway, current_app.extensions["tonne.gateway"])
