"""Words for the codes that operators meet: states, events, acts, proposals. One table for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import lazy_gettext as _
from flask_babel import lazy_pgettext

Words = Mapping[str, Any]

QUEUES: Words = {
    "orders": _("Orders that are held, whose payment differs, that do not begin, or that cannot be closed"),
    "refunds": _("Refunds that failed"),
    "disputes": _("Disputes to answer"),
    "cancellations": _("Cancellations that are late or need a person"),
    "proposals": _("Decisions that wait for a second person"),
    "applications": _("Applications of participants"),
    "offers": _("Offers to approve"),
    "matches": _("Likenesses with sanctions lists"),
    "wordings": _("Wordings to look at"),
    "complaints": _("Complaints without an answer"),
    "findings": _("Differences between books"),
}

# What a gateway and a way to pay are called; others stand there under the name that the gateway gives them.
GATEWAYS: Words = {"testpay": _("Test payment page"), "stripe": "Stripe"}
METHODS: Words = {"card": _("Card"), "bank": _("Bank transfer"), "customer_balance": _("Bank transfer")}

KINDS: Words = {
    "order": lazy_pgettext("purchase", "Order"),
    "cancellation": _("Cancellation"),
    "certificate": _("Certificate"),
    "complaint": _("Complaint"),
    "person": _("Account"),
    "participant": _("Project participant"),
    "project": _("Project"),
    "offer": _("Offer"),
}

ORDER: Words = {
    "placed": _("Placed, not paid"),
    "payment_pending": _("Payment page open"),
    "paid": lazy_pgettext("purchase", "Paid"),
    "fulfilling": _("At the registry"),
    "fulfilled": lazy_pgettext("purchase", "Carried out"),
    "partly_fulfilled": _("Partly carried out, the rest refunded"),
    "refused": _("Not carried out, refunded"),
    "expired": lazy_pgettext("purchase", "Expired"),
    "payment_review": _("Payment differs"),
    "risk_hold": _("Held before the registry"),
}
CANCELLATION: Words = {
    "planned": _("About to be sent"),
    "sending": _("Being sent"),
    "waiting": _("Accepted, not done yet"),
    "unknown": _("Outcome unknown"),
    "manual": _("Needs a person"),
    "confirmed": lazy_pgettext("units", "Cancelled"),
    "refused": _("Refused by the registry"),
}
BATCH: Words = {
    "open": _("Open"),
    "closed": _("Closed, the package is being made"),
    "exported": _("Ready to hand over"),
    "acknowledged": _("Acknowledged"),
    "answered": lazy_pgettext("batch", "Answered"),
    "settled": _("Settled"),
}
BATCH_LINE: Words = {
    "pending": _("Not answered yet"),
    "processed": _("Processed"),
    "not_processed": _("Not processed"),
    "withdrawn": _("Taken out"),
}
REGISTRY_FILES: Words = {
    "lines": _("Lines of the batch"),
    "package": _("Package for the administrator"),
    "response": _("Response of the administrator"),
    "attestation": _("Attestation of the registry"),
    "statement": _("Statement of holdings"),
}
PAYMENT: Words = {
    "created": _("Written down"),
    "open": _("Page open"),
    "processing": _("With the bank"),
    "succeeded": lazy_pgettext("payment", "Paid"),
    "failed": _("Failed"),
    "expired": _("Expired"),
}
REFUND: Words = {
    "due": _("To be asked for"),
    "requested": _("Asked for"),
    "succeeded": _("Refunded"),
    "failed": _("Failed"),
}
DISPUTE: Words = {
    "open": _("Evidence is wanted"),
    "under_review": _("The bank decides"),
    "won": lazy_pgettext("dispute", "Won"),
    "lost": lazy_pgettext("dispute", "Lost"),
}
# What a buyer told their bank, by the gateway's code; others stand there as the gateway has them.
DISPUTE_REASONS: Words = {
    "credit_not_processed": _("A refund that was promised did not come"),
    "duplicate": _("Charged twice"),
    "fraudulent": _("The cardholder did not buy this"),
    "general": _("No particular reason"),
    "product_not_received": _("Not received"),
    "product_unacceptable": _("Not as described"),
    "unrecognized": _("The cardholder does not recognise the payment"),
}
MAIL: Words = {"due": _("On its way"), "sent": _("Sent"), "failed": _("Failed")}
SCREENING: Words = {
    "clear": _("No likeness with a sanctions list"),
    "pending": _("A likeness with a sanctions list waits for a person"),
    "confirmed": _("Confirmed as listed"),
}
PROPOSAL: Words = {
    "proposed": _("Waits for a second person"),
    "carried_out": _("Carried out"),
    "declined": _("Declined"),
    "withdrawn": _("Taken back"),
}
STATES: Mapping[str, Words] = {
    "order": ORDER,
    "cancellation": CANCELLATION,
    "batch": BATCH,
    "batch_line": BATCH_LINE,
    "payment": PAYMENT,
    "refund": REFUND,
    "dispute": DISPUTE,
    "mail": MAIL,
    "screening": SCREENING,
    "proposal": PROPOSAL,
}

MAILS: Words = {
    "order_paid": _("Receipt"),
    "certificates_ready": _("Certificates ready"),
    "payment_processing": _("Waiting for the bank"),
    "payment_failed": _("Payment failed"),
    "refund_made": _("Refund made"),
    "order_refused": _("Order refused"),
    "order_late": _("Order late"),
    "remedy_offered": _("Choice between money and other units"),
}

# What one change of state means, by machine and new state.
EVENTS: Mapping[str, Words] = {
    "order": {
        "placed": _("The order waits for its payment"),
        "payment_pending": _("A payment page was opened"),
        "paid": _("The order is paid"),
        "fulfilling": _("The order went to the registry"),
        "fulfilled": _("The order is carried out"),
        "partly_fulfilled": _("The order is partly carried out"),
        "refused": _("The order ended without effect"),
        "expired": _("The order expired and its units were given back"),
        "payment_review": _("The payment differs from the order"),
        "risk_hold": _("The order was held before the registry"),
    },
    "payment": {
        "created": _("A payment was written down"),
        "open": _("The gateway opened a payment page"),
        "processing": _("The bank is working on the payment"),
        "succeeded": _("The payment succeeded"),
        "failed": _("The payment failed"),
        "expired": _("The payment page expired"),
    },
    "refund": {
        "due": _("A refund was decided"),
        "requested": _("The gateway was asked for the refund"),
        "succeeded": _("The refund succeeded"),
        "failed": _("The refund failed"),
    },
    "dispute": {
        "open": _("The buyer disputes the payment with their bank"),
        "under_review": _("The bank looks at our evidence"),
        "won": _("The bank decided for us"),
        "lost": _("The bank decided for the buyer"),
    },
    "remedy": {
        "offered": _("The buyer may choose between the money and other units"),
        "refunded": _("The money goes back instead of the units"),
        "substituted": _("The buyer chose other units instead"),
    },
    "cancellation": {
        "planned": _("The cancellation is to be sent"),
        "sending": _("The cancellation was sent to the registry"),
        "waiting": _("The registry accepted the cancellation"),
        "unknown": _("The outcome at the registry is unknown"),
        "manual": _("The cancellation needs a person"),
        "confirmed": _("The registry cancelled the units"),
        "refused": _("The registry refused the cancellation"),
    },
    "reservation": {
        "held": _("Units are held"),
        "settled": _("Units are taken for good"),
        "released": _("Units were given back to their offer"),
    },
    "mail": {
        "due": _("A mail was written"),
        "sent": _("A mail went out"),
        "failed": _("A mail could not be delivered"),
    },
    "certificate": {
        "issued": _("A certificate was issued"),
        "superseded": _("A certificate was replaced"),
    },
    "screening_match": {
        "pending": _("A name is like a name on a sanctions list"),
        "cleared": _("The likeness is somebody else"),
        "confirmed": _("The name is the one on the list"),
    },
    "wording_review": {
        "pending": _("The wording was held back from public pages"),
        "released": _("The wording was released"),
        "withheld": _("The wording stays off public pages"),
    },
}

# Reasons that the house itself writes; what a person wrote is shown as it is.
REASONS: Words = {
    "unpaid": _("Nobody paid in time"),
    "withdrawn": _("The buyer withdrew"),
    "orders_closed": _("Its money came after the last order of its mechanism"),
    "currency_changed": _("The house gave up its currency before it was paid"),
    "ended_by_people": _("Two operators said that nothing was paid"),
    "registry_lost": _("Its registry is not connected any more"),
    "like_a_listed_name": _("A name behind it is like a name on a sanctions list"),
    "payment_disputed": _("Its buyer disputes the payment with their bank"),
    "money_went_back": _("The gateway says that its money went back, and the backup has forgotten it"),
}


def gateway_words(message: str) -> str:
    """What a refund was told: a reason of ours by its code, or what the gateway said; a dash for nothing."""
    return str(REASONS.get(message, message)) or "–"


NOTICE = _("The gateway sent a notice")

# What a registry answered to one question, by kind of question and of answer.
ATTEMPTS: Words = {
    "submit": _("Asked the registry to cancel"),
    "lookup": _("Asked the registry what became of it"),
}
OUTCOMES: Words = {
    "completed": _("Done"),
    "pending": _("Accepted, not done yet"),
    "refused": _("Refused"),
    "notsent": _("Certainly not sent"),
    "unknown": _("No clear answer"),
    "found": _("Found"),
    "absent": _("Not found"),
    "ambiguous": _("Contradicts itself"),
    "unavailable": _("Not reachable"),
}

PROPOSALS: Words = {
    "correct_beneficiary": _("Correct what a certificate will say"),
    "refund_reviewed": _("Give back a payment that differs"),
    "end_unpaid_order": _("End an order that cannot be closed"),
    "retry_refund": _("Try a failed refund again"),
    "refund_by_hand": _("Note a refund that was paid by bank"),
    "record_payout": _("Record a payout"),
    "refuse_order": _("Refuse a held order and refund it"),
    "settle_cancellation": _("Record an outcome at the registry by hand"),
    "approve_application": _("Approve an application"),
    "rename_participant": _("Rename a participant"),
    "apply_batch_response": _("Take in an unsigned response of a registry"),
    "pay_share_of_proceeds": _("Book a payment of the share of proceeds"),
    "forward_units": _("Forward units to a participant"),
    "lift_restoration_hold": _("Lift the hold after a restore"),
}

# Names of facts of acts and proposals. What has no name here is not shown: it may be private.
FACTS: Words = {
    "code": _("Code of the participant"),
    "takes_over": _("Takes over a participant that was imported"),
    "shown_as": _("Name and country that buyers will see"),
    "amount": _("Amount"),
    "reference": _("Reference"),
    "paid_on": _("Day of the transfer"),
    "changed": _("Changed"),
    "before": _("Before"),
    "after": _("After"),
    "outcome": _("Outcome"),
    "evidence": _("Evidence"),
    "registry_transaction": _("Registry transaction"),
    "transaction": _("Registry transaction"),
    "blocks": _("Serial numbers"),
    "serials": _("Serial numbers"),
    "completed_at": _("Time in the registry"),
    "units": _("Units"),
    "file": _("File"),
    "what": _("What was loaded"),
    "sha256": _("SHA-256 of the file"),
    "created": _("New rows"),
    "updated": _("Changed rows"),
    "unchanged": _("Rows that were there"),
    "mails": _("Mails"),
    "state": _("State"),
    "role": _("Role"),
    "holder": _("Account holder"),
    "last_four": _("Account ends in"),
    "account": _("Account"),
    "price": _("Price"),
    "entries": _("Entries"),
    "published": _("Published"),
    "source": _("Source"),
    "count": _("Number"),
    "batch": _("Batch"),
    "processed": _("Processed"),
    "not_processed": _("Not processed"),
    "tickets": _("Sign-ins ended"),
    "last_number": _("Last certificate number of this year"),
    "last_complaint": _("Last complaint number of this year"),
}
OUTCOME_WORDS: Words = {
    "confirmed": _("The registry cancelled the units"),
    "refused": _("The registry did not cancel and never will"),
    "upheld": _("Upheld"),
    "answered": _("Answered"),
    "rejected": _("Not upheld"),
}
FIELDS: Words = {
    "name": _("Beneficiary"),
    "purpose": _("Purpose"),
    "intent": _("Intent"),
    "country": _("Country"),
}

IMPORTS: Words = {
    "providers": _("Project participants"),
    "projects": _("Projects"),
    "issuances": _("Issuances"),
    "cancellations": _("Published cancellations"),
    "holdings": _("Holdings"),
    "statements": _("Statements of holdings"),
    "offers": _("Offers"),
}

RULES: Words = {
    "price_lowest": _("Lowest price of a unit"),
    "price_highest": _("Highest price of a unit"),
    "low_stock": _("Units left at which a seller is warned"),
    "payout_day": _("Day of the month on which money is sent"),
}

WORDINGS: Words = {
    "neutral": _("speaks of being neutral"),
    "zero": _("speaks of zero"),
    "positive": _("speaks of a positive effect"),
    "free": _("speaks of being without emissions"),
    "offset": _("speaks of making up for emissions"),
    "endorsed": _("speaks of approval by the United Nations"),
}
