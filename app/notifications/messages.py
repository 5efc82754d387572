"""What a mail says, before anybody chose words for it.

A mail is kept as its kind and language-neutral facts: codes, numbers, money, instants, and text
that a person typed. Words are chosen when it is sent, in the mail's language. Facts hold no secret
but the links of the order they belong to.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import cache
from typing import Any, ClassVar, Self, cast, get_args, get_origin, get_type_hints

from app.kernel.money import Money


class MailKind(StrEnum):
    """Every mail that Tonne writes; the name of its folder in `templates/email/`."""

    ORDER_PAID = "order_paid"
    CERTIFICATES_READY = "certificates_ready"
    PAYMENT_PROCESSING = "payment_processing"
    PAYMENT_FAILED = "payment_failed"
    REFUND_MADE = "refund_made"
    ORDER_REFUSED = "order_refused"
    ORDER_LATE = "order_late"
    REMEDY_OFFERED = "remedy_offered"
    COMPLAINT_RECEIVED = "complaint_received"
    COMPLAINT_ANSWERED = "complaint_answered"
    ACCOUNT_CONFIRM = "account_confirm"
    ACCOUNT_KNOWN = "account_known"
    ACCOUNT_RECOVER = "account_recover"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - the name of a mail
    EMAIL_CHANGE = "email_change"
    EMAIL_CHANGED = "email_changed"
    FACTOR_CHANGED = "factor_changed"
    ORGANISATION_INVITATION = "organisation_invitation"
    DIRECT_CERTIFIED = "direct_certified"
    DIRECT_REFUSED = "direct_refused"
    OFFERS_APPROVED = "offers_approved"
    OFFER_RETURNED = "offer_returned"
    OFFERS_FROZEN = "offers_frozen"
    OFFERS_ENDED = "offers_ended"
    LOW_STOCK = "low_stock"
    PARTICIPANT_NEWS = "participant_news"
    SALE_MADE = "sale_made"


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


class ComplaintOutcome(StrEnum):
    """How a complaint was answered; the same codes as its states."""

    UPHELD = "upheld"
    ANSWERED = "answered"
    REJECTED = "rejected"


class FactorChange(StrEnum):
    """What happened to the ways of signing in that count as a second factor."""

    SET = "set"
    REMOVED = "removed"
    CODES = "codes"
    CODE_USED = "code_used"
    PASSKEY_ADDED = "passkey_added"
    PASSKEY_REMOVED = "passkey_removed"


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What every mail knows: the order or complaint it is about, and whether any of it is real."""

    kind: ClassVar[MailKind]

    reference: str
    is_demonstration: bool

    def to_json(self) -> dict[str, Any]:
        """The facts as plain JSON values: money as minor units and currency, instants in ISO 8601."""
        return cast(dict[str, Any], _encoded(self))

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The facts that `to_json` wrote. Raises KeyError when one is missing."""
        return cast(Self, _decoded(cls, data))


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
    """The bank said no in the end. Nothing was charged, and there is time to pay in another way."""

    kind = MailKind.PAYMENT_FAILED

    total: Money
    pay_until: datetime


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
    """The registry refused the whole order, or some lines of it; includes the news of the refund."""

    kind = MailKind.ORDER_REFUSED

    is_whole: bool
    lines: tuple[RefusedLine, ...]
    refund: Money


@dataclass(frozen=True, kw_only=True)
class RemedyOffered(OrderFacts):
    """Units were not cancelled, and the buyer may choose between the money and other units until `decide_by`."""

    kind = MailKind.REMEDY_OFFERED

    lines: tuple[RefusedLine, ...]
    decide_by: datetime


@dataclass(frozen=True, kw_only=True)
class OrderLate(OrderFacts):
    """Past the promised time, and nothing for the buyer to do."""

    kind = MailKind.ORDER_LATE

    promise_minutes: int
    proof: Proof


@dataclass(frozen=True, kw_only=True)
class ComplaintReceived(Facts):
    """The receipt of a complaint; nothing that was typed is in it. `answer_by` is a day in UTC."""

    kind = MailKind.COMPLAINT_RECEIVED

    complaint_url: str
    answer_by: date


@dataclass(frozen=True, kw_only=True)
class ComplaintAnswered(Facts):
    """The operator's reply, word for word."""

    kind = MailKind.COMPLAINT_ANSWERED

    complaint_url: str
    outcome: ComplaintOutcome
    reply: str = field(metadata={"has_lines": True})


@dataclass(frozen=True, kw_only=True)
class NamedOffer:
    """An offer as its seller finds it; `opens_at` (aware UTC) while it waits for its day."""

    code: str
    project_reference: str
    project_title: str
    unit_type: str
    unit_price: Money
    units_left: int
    opens_at: datetime | None = None


class SellerNews(StrEnum):
    """What happened to an applicant or participant."""

    RECEIVED = "received"
    RETURNED = "returned"
    APPROVED = "approved"
    REFUSED = "refused"
    SUSPENDED = "suspended"
    REINSTATED = "reinstated"
    PAYEE_CHANGED = "payee_changed"


@dataclass(frozen=True, kw_only=True)
class ParticipantNews(Facts):
    """What became of an application or a participant. `reference`: the organisation; `reason`: an operator's words."""

    kind = MailKind.PARTICIPANT_NEWS

    news: SellerNews
    room_url: str
    reason: str = field(default="", metadata={"has_lines": True})


@dataclass(frozen=True, kw_only=True)
class SellerFacts(Facts):
    """A mail to the people who sell for a participant; `reference` is its name, `offers_url` its room."""

    offers_url: str


@dataclass(frozen=True, kw_only=True)
class OffersApproved(SellerFacts):
    """An operator has approved offers: they are on sale, or will be on the day they open."""

    kind = MailKind.OFFERS_APPROVED

    offers: tuple[NamedOffer, ...]


@dataclass(frozen=True, kw_only=True)
class OfferReturned(SellerFacts):
    """An operator has sent an offer back as a draft, with the operator's own words."""

    kind = MailKind.OFFER_RETURNED

    offer: NamedOffer
    reason: str = field(metadata={"has_lines": True})


@dataclass(frozen=True, kw_only=True)
class OffersEnded(SellerFacts):
    """Offers of a mechanism that sells nothing any more, because its registry closes."""

    kind = MailKind.OFFERS_ENDED

    offers: tuple[NamedOffer, ...]


@dataclass(frozen=True, kw_only=True)
class OffersFrozen(SellerFacts):
    """Offers were taken off sale by the house. `reason`: a code of the house, or an operator's own words."""

    kind = MailKind.OFFERS_FROZEN

    offers: tuple[NamedOffer, ...]
    reason: str = field(metadata={"has_lines": True})


@dataclass(frozen=True, kw_only=True)
class LowStock(SellerFacts):
    """An offer has fewer units left than the house calls few."""

    kind = MailKind.LOW_STOCK

    offer: NamedOffer


@dataclass(frozen=True, kw_only=True)
class SoldLine:
    """Units of one offer that were sold and cancelled; `share` is what their seller gets of `amount`."""

    project_reference: str
    project_title: str
    unit_type: str
    units: int
    unit_price: Money
    amount: Money
    share: Money


@dataclass(frozen=True, kw_only=True)
class SaleMade(SellerFacts):
    """Units of a seller were sold in an order and are cancelled. Nothing of the buyer is in it."""

    kind = MailKind.SALE_MADE

    order_reference: str
    orders_url: str
    lines: tuple[SoldLine, ...]
    share: Money


@dataclass(frozen=True, kw_only=True)
class DirectFacts(Facts):
    """A mail to the person who asked for a direct cancellation; `units` in tonnes."""

    page_url: str
    project_reference: str
    project_title: str
    unit_type: str
    units: int


@dataclass(frozen=True, kw_only=True)
class DirectCertified(DirectFacts):
    """A holder's own units are cancelled and certified; nothing that was typed is in it. Instants are UTC."""

    kind = MailKind.DIRECT_CERTIFIED

    number: str
    verify_url: str
    requested_at: datetime
    sent_at: datetime
    cancelled_at: datetime
    certified_at: datetime


@dataclass(frozen=True, kw_only=True)
class DirectRefused(DirectFacts):
    """None of the units were cancelled: the registry refused, or an operator did before it was asked."""

    kind = MailKind.DIRECT_REFUSED

    is_by_registry: bool


@dataclass(frozen=True, kw_only=True)
class AccountConfirm(Facts):
    """The link that makes an account, for 24 hours. Nothing that was typed is in it."""

    kind = MailKind.ACCOUNT_CONFIRM

    link_url: str


@dataclass(frozen=True, kw_only=True)
class AccountKnown(Facts):
    """Somebody asked for an account for an address that has one."""

    kind = MailKind.ACCOUNT_KNOWN

    sign_in_url: str
    recover_url: str


@dataclass(frozen=True, kw_only=True)
class AccountRecover(Facts):
    """The link that sets a password; it works for `hours`."""

    kind = MailKind.ACCOUNT_RECOVER

    link_url: str
    hours: int


@dataclass(frozen=True, kw_only=True)
class PasswordChanged(Facts):
    """The notice that the password is another one since `at`."""

    kind = MailKind.PASSWORD_CHANGED

    at: datetime
    recover_url: str


@dataclass(frozen=True, kw_only=True)
class EmailChange(Facts):
    """The link that makes this address the account's, for 24 hours."""

    kind = MailKind.EMAIL_CHANGE

    link_url: str


@dataclass(frozen=True, kw_only=True)
class EmailChanged(Facts):
    """The notice to the address that an account had until `at`; the new one is not in it."""

    kind = MailKind.EMAIL_CHANGED

    at: datetime
    contact_url: str


@dataclass(frozen=True, kw_only=True)
class FactorChanged(Facts):
    """The notice that a second factor, its codes or a passkey changed."""

    kind = MailKind.FACTOR_CHANGED

    at: datetime
    change: FactorChange
    security_url: str


@dataclass(frozen=True, kw_only=True)
class OrganisationInvitation(Facts):
    """An invitation to work for an organisation, for seven days. `role` is owner, seller or viewer."""

    kind = MailKind.ORGANISATION_INVITATION

    link_url: str
    organisation: str
    role: str
    invited_by: str


FACTS: dict[MailKind, type[Facts]] = {
    facts.kind: facts
    for facts in (
        OrderPaid,
        CertificatesReady,
        PaymentProcessing,
        PaymentFailed,
        RefundMade,
        OrderRefused,
        RemedyOffered,
        OrderLate,
        ComplaintReceived,
        ComplaintAnswered,
        ParticipantNews,
        AccountConfirm,
        AccountKnown,
        AccountRecover,
        PasswordChanged,
        EmailChange,
        EmailChanged,
        FactorChanged,
        OrganisationInvitation,
        DirectCertified,
        DirectRefused,
        OffersApproved,
        OfferReturned,
        OffersFrozen,
        OffersEnded,
        LowStock,
        SaleMade,
    )
}


def _encoded(value: object) -> object:
    if isinstance(value, date):  # an instant is one too
        return value.isoformat()
    if isinstance(value, tuple):
        return [_encoded(item) for item in value]
    if is_dataclass(value):
        return {part.name: _encoded(getattr(value, part.name)) for part in fields(value)}
    return value


@cache
def _hints(kind: type[Any]) -> dict[str, Any]:
    return get_type_hints(kind)


def _decoded(hint: Any, value: Any) -> Any:
    if value is None:
        return None
    if get_origin(hint) is types.UnionType:
        (hint,) = (option for option in get_args(hint) if option is not types.NoneType)
    if get_origin(hint) is tuple:
        return tuple(_decoded(get_args(hint)[0], item) for item in value)
    if isinstance(hint, type) and is_dataclass(hint):
        hints = _hints(hint)
        # What a mail of an earlier version did not know yet has its default.
        known = [part.name for part in fields(hint) if part.name in value or part.default is MISSING]
        return hint(**{name: _decoded(hints[name], value[name]) for name in known})
    if hint in {date, datetime}:
        return hint.fromisoformat(value)
    return hint(value)
