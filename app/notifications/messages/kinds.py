"""Every mail that Tonne writes."""

from __future__ import annotations

from enum import StrEnum


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
