"""What was found, in words: a name for each kind, what it means, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import lazy_gettext as _
from flask_babel import lazy_pgettext

from app.reconciliation.states import FindingKind, RunCause

_K = FindingKind

KINDS: Mapping[FindingKind, Any] = {
    _K.OURS_NOT_THEIRS: _("Cancelled by us, not by the registry"),
    _K.THEIRS_NOT_OURS: _("Cancelled by the registry, not by us"),
    _K.REFERENCE_TWICE: _("One reference was cancelled twice"),
    _K.CONTENT_DIFFERS: _("Quantity or serial numbers differ"),
    _K.TOTALS_DIFFER: _("Units have left the account"),
    _K.PENDING_LONG: _("Without an answer for too long"),
    _K.POOL_SHORT: _("More is promised than lies there"),
    _K.BALANCE_DIFFERS: _("Two sums of ours differ"),
    _K.NOT_READ: _("The registry did not answer"),
}
MEANINGS: Mapping[FindingKind, Any] = {
    _K.OURS_NOT_THEIRS: _(
        "Our books say that these units are cancelled; the registry’s do not, or still hold them. "
        "A certificate may state what did not happen. Ask the registry before anything else. Offers of these units "
        "are frozen."
    ),
    _K.THEIRS_NOT_OURS: _(
        "The registry cancelled these units from an account that we sell from, and nobody here asked for it, or we "
        "think that it was refused. Their serial numbers are on record and are never sold or cancelled again. "
        "Ask the holder of the account."
    ),
    _K.REFERENCE_TWICE: _(
        "The registry has two cancellations under one of our references. Only one of them was wanted. Ask the registry "
        "to undo the other one."
    ),
    _K.CONTENT_DIFFERS: _(
        "Both books have this cancellation, with other units or serial numbers. Offers of the same units are frozen."
    ),
    _K.TOTALS_DIFFER: _(
        "Fewer units lie in the account than should, and no cancellation explains it. They may have been transferred. "
        "Ask the holder; what you explain is taken for granted from then on."
    ),
    _K.PENDING_LONG: _(
        "It has had no final answer for longer than this registry ever takes. Look at the cancellation’s own page."
    ),
    _K.POOL_SHORT: _(
        "Offers and orders promise more units of this issuance than the registry holds and has cancelled for us. "
        "Its offers are frozen until less is offered or more lies there."
    ),
    _K.BALANCE_DIFFERS: _(
        "Two of our own tables say the same thing and do not agree. Nothing by itself does that: look who changed "
        "what, and put the wrong one right."
    ),
    _K.NOT_READ: _("The account was not compared. It will be with the next run."),
}
CAUSES: Mapping[RunCause, Any] = {
    RunCause.NIGHTLY: _("Nightly"),
    RunCause.DEMAND: _("Asked for"),
    RunCause.RESTORED: _("After a restore"),
}
# What of our books was compared with what, by the first word of a finding about sums.
CHECKS: Mapping[str, Any] = {
    "order lines": _("What an order costs, and its lines"),
    "payments": _("What was paid less what went back, and what was ordered"),
    "refunds": _("What went back for a line, and its price"),
    "currencies": _("Payments or refunds in another currency than what they are for"),
    "payouts": _("What was sent to a participant, and what two operators agreed on"),
    "sellers": _("What a participant earned, and what was sent to it"),
    "disputes": _("What went back twice: by the bank and by a refund"),
    "closed": _("Sellers’ shares then, and the same shares now"),
    "reservations": _("Units of a line, and units taken out of the offer"),
    "offers": _("Units that an offer says are held and sold, and its orders"),
    "settled lines": _("Units that were sold, and units cancelled for them"),
    "cancellations": _("Units of a line, and units cancelled for it"),
    "serial numbers": _("Units cancelled, and their serial numbers counted"),
    "ledger": _("Units cancelled, and units in the ledger"),
    "certificates": _("Units cancelled for an order, and units on its certificates"),
    "frozen facts": _("Units in the register, and in the certificate’s frozen facts"),
    "register serial numbers": _("Units in the register, and the serial numbers it is searched by"),
    "register totals": _("Units in the register, and the sums on its pages"),
}
STATES: Mapping[str, Any] = {
    "wanted": lazy_pgettext("comparison", "Waits for the worker"),
    "running": lazy_pgettext("comparison", "Running"),
    "finished": lazy_pgettext("comparison", "Finished"),
    "abandoned": lazy_pgettext("comparison", "Abandoned"),
}


def check_words(subject: str) -> str:
    """What of our books a finding about sums compared."""
    return str(CHECKS.get(subject.partition(":")[0], subject.partition(":")[0]))
