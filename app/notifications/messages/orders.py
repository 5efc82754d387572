"""What mails to buyers about an order say."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from app.kernel.money import Money
from app.notifications.messages.facts import Facts
from app.notifications.messages.kinds import MailKind


class RefundCause(StrEnum):
    """Why money goes back; the same codes as in `refund.cause`."""

    REFUSED = "refused"
    SUBSTITUTED = "substituted"
    SOLD_OUT = "sold_out"
    SECOND_PAYMENT = "second_payment"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    DIFFERS = "differs"
    HELD = "held"
    CLOSED = "closed"


@dataclass(frozen=True, kw_only=True)
class OrderFacts(Facts):
    """A mail about an order, with the link to its page."""

    order_url: str


@dataclass(frozen=True, kw_only=True)
class Proof:
    """The line of proof: when each step was reached (aware UTC), or None while it lies ahead."""

    paid_at: datetime | None
    sent_at: datetime | None = None
    cancelled_at: datetime | None = None
    certified_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class BoughtLine:
    """One line of an order, at the price that was listed: units x unit price = amount."""

    project_reference: str
    project_title: str
    unit_type: str
    commitment_period: int | None
    units: int
    unit_price: Money
    amount: Money
    provider_name: str
    # Mails from before there was a second mechanism do not have them.
    vintage_year: int | None = None
    authorisation: str = ""


@dataclass(frozen=True, kw_only=True)
class SellerShare:
    """What one seller gets of an order."""

    provider_name: str
    amount: Money


@dataclass(frozen=True, kw_only=True)
class PriceParts:
    """Who gets what; the parts add up to the total of the order, to the cent."""

    sellers: tuple[SellerShare, ...]
    payment_cost: Money
    tax: Money
    platform_fee: Money


@dataclass(frozen=True, kw_only=True)
class Consent:
    """What the buyer agreed to, word for word, which version of it, when, and under which terms.

    `terms_url` leads to that version of the terms; both are empty in mails from before terms had versions.
    """

    version: str
    text: str = field(metadata={"has_lines": True})
    given_at: datetime
    terms_version: str = ""
    terms_url: str = ""


@dataclass(frozen=True, kw_only=True)
class OnBehalfOf:
    """The beneficiary and purpose as the buyer typed them; both may be empty.

    `is_held_back`: they are to be public, and wait for a person to look at the wording.
    """

    name: str
    purpose: str
    intent: str
    country: str
    is_name_public: bool
    is_held_back: bool = False


@dataclass(frozen=True, kw_only=True)
class OrderPaid(OrderFacts):
    """The receipt: sent once, when the payment succeeded."""

    kind = MailKind.ORDER_PAID

    lines: tuple[BoughtLine, ...]
    total: Money
    parts: PriceParts
    beneficiary: OnBehalfOf
    consent: Consent
    proof: Proof
    promise_minutes: int


@dataclass(frozen=True, kw_only=True)
class ReadyCertificate:
    """One certificate; `verify_url` is for everybody (without the code), `download_url` for the buyer."""

    number: str
    project_reference: str
    project_title: str
    unit_type: str
    units: int
    verify_url: str
    download_url: str


@dataclass(frozen=True, kw_only=True)
class CertificatesReady(OrderFacts):
    """The proof: certificates with their links. `summary_url` only for an order of several."""

    kind = MailKind.CERTIFICATES_READY

    certificates: tuple[ReadyCertificate, ...]
    summary_url: str | None = None
    proof: Proof


@dataclass(frozen=True, kw_only=True)
class PaymentProcessing(OrderFacts):
    """A delayed method: the buyer did their part. Written before any money came: nothing typed is in it."""

    kind = MailKind.PAYMENT_PROCESSING

    total: Money
    held_until: datetime


@dataclass(frozen=True, kw_only=True)
class PaymentFailed(OrderFacts):
    """The bank said no in the end. Nothing was charged, and there is time to pay in another way where `can_pay`."""

    kind = MailKind.PAYMENT_FAILED

    total: Money
    pay_until: datetime
    can_pay: bool = True  # mails of before do not have it


@dataclass(frozen=True, kw_only=True)
class RefundMade(OrderFacts):
    """Money is on its way back; `project_title` names the line, when it is one line's money."""

    kind = MailKind.REFUND_MADE

    amount: Money
    cause: RefundCause
    project_title: str | None = None


@dataclass(frozen=True, kw_only=True)
class RefusedLine:
    """A line whose units the registry refused to cancel, and the money that goes back for it."""

    project_reference: str
    project_title: str
    unit_type: str
    units: int
    amount: Money


@dataclass(frozen=True, kw_only=True)
class OrderRefused(OrderFacts):
    """The registry refused the whole order, or some lines of it; includes the news of the refund.

    `is_disputed`: the buyer asked their bank for the money, and nothing goes back by us meanwhile.
    Not `is_by_registry`: nothing was sent there, and we ended a disputed order that a person had held.
    """

    kind = MailKind.ORDER_REFUSED

    is_whole: bool
    lines: tuple[RefusedLine, ...]
    refund: Money
    is_disputed: bool = False  # mails of before do not have it
    is_by_registry: bool = True


@dataclass(frozen=True, kw_only=True)
class RemedyOffered(OrderFacts):
    """Units were not cancelled, and the buyer may choose between the money and other units until `decide_by`."""

    kind = MailKind.REMEDY_OFFERED

    lines: tuple[RefusedLine, ...]
    decide_by: datetime


@dataclass(frozen=True, kw_only=True)
class OrderLate(OrderFacts):
    """Past the promised time, and nothing for the buyer to do. `is_disputed`: as of `OrderRefused`."""

    kind = MailKind.ORDER_LATE

    promise_minutes: int
    proof: Proof
    is_disputed: bool = False
