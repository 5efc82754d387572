"""What a mail says, before anybody chose words for it.

A mail is kept as its kind and language-neutral facts: codes, numbers, money, instants, and text
that a person typed. Words are chosen when it is sent, in the mail's language. Facts hold no secret
but the links of the order they belong to.
"""

from __future__ import annotations

from app.notifications.messages.accounts import (
    AccountConfirm,
    AccountKnown,
    AccountRecover,
    EmailChange,
    EmailChanged,
    FactorChanged,
    OrganisationInvitation,
    PasswordChanged,
)
from app.notifications.messages.complaints import ComplaintAnswered, ComplaintReceived
from app.notifications.messages.direct import DirectCertified, DirectRefused
from app.notifications.messages.facts import Facts
from app.notifications.messages.kinds import MailKind
from app.notifications.messages.orders import (
    CertificatesReady,
    OrderLate,
    OrderPaid,
    OrderRefused,
    PaymentFailed,
    PaymentProcessing,
    RefundMade,
    RemedyOffered,
)
from app.notifications.messages.sellers import (
    LowStock,
    OfferReturned,
    OffersApproved,
    OffersEnded,
    OffersFrozen,
    ParticipantNews,
    SaleMade,
)

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
