"""Why something cannot be done at the desk, by the code of the refusal."""

from __future__ import annotations

from flask_babel import lazy_gettext as _

from app.desk.words import Words
from app.providers.messages import OWN_ORGANISATION

REFUSALS: Words = {
    "reason_missing": _("Give a reason. Others must be able to understand this later."),
    "same_person": _("You proposed this. Another operator has to decide about it."),
    "already_proposed": _("The same waits for a second person already."),
    "proposal_closed": _("This was decided or taken back meanwhile."),
    "no_longer_possible": _("This cannot be done any more, because things have moved on. Nothing was changed."),
    "rule_unfit": _("This value is outside its bounds, or the lowest price is above the highest."),
    "nothing_changed": _("This is what stands there already. Nothing was changed."),
    "too_late_to_change": _(
        "The units were sent to the registry. What the order says stands in its books and cannot be changed."
    ),
    "intent_not_allowed": _(
        "Units of this order may not be cancelled for this: their host Party has not authorised it. Nothing was "
        "changed."
    ),
    "refund_not_failed": _("Only a refund that failed can be tried again or paid by hand."),
    "order_not_overdue": _("This order ends by itself, or has ended. Nothing was changed."),
    "order_not_payable": _("Money goes back only where the payment differs from the order."),
    "already_decided": _("This was decided so before. Nothing was changed."),
    "complaint_closed": _("This complaint was closed before. The first answer stands."),
    "reply_unfit": _("Write an answer of at most 10,000 characters."),
    "payout_unfit": _("This payout cannot be recorded. Look at the amount, the reference, the day and the payee."),
    "own_organisation": OWN_ORGANISATION,
    "own_account": _("You cannot suspend your own account."),
    "order_not_held": _("This order is not held."),
    "payment_disputed": _(
        "Its buyer has asked their bank for the money back. Until the bank has given it back to us, the order waits."
    ),
    "registry_lost": _(
        "The registry of its units is not connected any more. Connect it again first, or refuse the order."
    ),
    "order_begun": _("The order went to the registry. It cannot be held any more."),
    "match_open": _("A name is like a name on a sanctions list, and nobody has said that it is somebody else."),
    "match_confirmed": _("A name is the one on a sanctions list, as an operator decided. Refuse the order instead."),
    "cancellation_not_stuck": _(
        "This cancellation has its outcome, or the registry may still tell it. Nothing was changed."
    ),
    "batch_empty": _("There is no line in this batch, so there is nothing to hand over."),
    "batch_held_back": _(
        "This copy came back from a backup. Nothing is handed over until the books were compared and the hold is "
        "lifted: it may have been handed over before."
    ),
    "batch_moved_on": _("This batch has moved on. Nothing was changed."),
    "no_such_line": _("Choose lines of this batch that the registry has processed."),
    "not_a_pdf": _("The file must be a PDF of at most 10 megabytes."),
    "signature_wrong": _("The signature does not belong to this file. Nothing was changed; ask the administrator."),
    "acknowledgement_missing": _("Enter the administrator’s reference."),
    "import_refused": _("The file does not fit what is on record by now. Nothing was changed."),
    "ledger_payment_unfit": _(
        "This payment cannot be booked. It must be at most what is due, in the same currency, and its reference new."
    ),
    "ledger_forwarding_unfit": _("These units cannot be forwarded: not so many are released, or the account is none."),
    "outcome_unfit": _("What was stated does not add up with what the registry was asked to cancel."),
}
PAYOUT_REFUSALS: Words = {
    "amount": _("The amount must be above zero and at most what is due."),
    "reference": _("Give the bank’s reference; each one can be recorded once."),
    "payee": _("This participant has no payee that two people agreed on. Money cannot be sent."),
    "day": _("The day of the transfer has not come yet."),
}
OTHER_REFUSAL = _("This cannot be done now. Nothing was changed.")
