"""Words for every act that the trail can hold. A test fails for a code of the product that has none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import lazy_gettext as _

from app.desk.words import PROPOSALS

ACTS: Mapping[str, Any] = {
    # Orders
    "order_email_corrected": _("Corrected an order’s e-mail address"),
    "order_held": _("Held an order"),
    "order_let_go": _("Let a held order go on"),
    "mails_resent": _("Sent an order’s mails again"),
    "note_written": _("Wrote a note"),
    "cancellation_looked_up": _("Asked the registry again"),
    "batch_closed": _("Closed a batch"),
    "batch_acknowledged": _("Noted that a batch was acknowledged"),
    "batch_response_applied": _("Took in a signed response of a registry"),
    "attestation_archived": _("Archived an attestation"),
    "registry_file_taken": _("Downloaded a file of a registry"),
    "direct_cancellation_placed": _("Asked for a direct cancellation"),
    "direct_cancellation_let_go": _("Let a held direct cancellation go on"),
    "direct_cancellation_refused": _("Refused a direct cancellation"),
    # The desk
    "wording_released": _("Released a wording"),
    "wording_withheld": _("Withheld a wording"),
    "complaint_answered": _("Answered a complaint"),
    "file_imported": _("Loaded a file"),
    "mechanism_loaded": _("Changed a mechanism"),
    "books_compared": _("Had all books compared"),
    "finding_acknowledged": _("Explained a difference between books"),
    "rule_changed": _("Changed a rule of the house"),
    "person_suspended": _("Suspended an account"),
    "person_reinstated": _("Reinstated an account"),
    # Accounts
    "account_made": _("Opened an account"),
    "details_changed": _("Changed name or language"),
    "email_changed": _("Changed an e-mail address"),
    "password_changed": _("Changed a password"),
    "password_recovered": _("Recovered a password"),
    "passkey_added": _("Added a passkey"),
    "passkey_removed": _("Removed a passkey"),
    "second_factor_set": _("Set a second factor"),
    "second_factor_removed": _("Removed a second factor"),
    "recovery_codes_renewed": _("Made new recovery codes"),
    "factors_reset": _("Took every second factor away from somebody who lost them"),
    "operator_added": _("Made somebody an operator"),
    "operator_removed": _("Took an operator’s rights away"),
    "organisation_made": _("Made an organisation"),
    "member_invited": _("Invited somebody"),
    "invitation_sent_again": _("Sent an invitation again"),
    "invitation_withdrawn": _("Took an invitation back"),
    "invitation_accepted": _("Accepted an invitation"),
    "member_role_changed": _("Changed a role"),
    "member_removed": _("Removed somebody from an organisation"),
    # Participants
    "application_begun": _("Began an application"),
    "application_saved": _("Filled in an application"),
    "application_certified": _("Certified an application"),
    "application_submitted": _("Submitted an application"),
    "application_withdrawn": _("Withdrew an application"),
    "application_returned": _("Sent an application back"),
    "application_refused": _("Refused an application"),
    "application_approved": _("Approved an application"),
    "document_seen": _("Opened a document"),
    "project_claimed": _("Claimed a project"),
    "claim_dropped": _("Dropped the claim to a project"),
    "authority_approved": _("Accepted the authority for a project"),
    "authority_refused": _("Refused the authority for a project"),
    "payee_requested": _("Asked for another payee"),
    "payee_accepted": _("Accepted a payee"),
    "payee_refused": _("Refused a payee"),
    "payee_seen": _("Looked at an account number"),
    "seller_card_changed": _("Changed a public card"),
    "seller_suspended": _("Suspended a participant"),
    "seller_reinstated": _("Reinstated a participant"),
    # Sanctions lists
    "sanctions_imported": _("Loaded a sanctions list"),
    "match_cleared": _("Said that a likeness is somebody else"),
    "match_confirmed": _("Said that a name is the one on a sanctions list"),
    # Offers
    "offer_drawn_up": _("Drew up an offer"),
    "offer_changed": _("Changed an offer"),
    "offer_submitted": _("Submitted an offer"),
    "offer_approved": _("Approved an offer"),
    "offer_sent_back": _("Sent an offer back"),
    "offer_paused": _("Paused an offer"),
    "offer_resumed": _("Put an offer on sale again"),
    "offer_withdrawn": _("Withdrew an offer"),
    "offer_frozen": _("Froze an offer"),
    "offer_thawed": _("Thawed an offer"),
    "offers_frozen": _("Froze offers"),
    "offer_copied": _("Copied an offer"),
    "price_planned": _("Planned a price"),
    "planned_price_dropped": _("Took a planned price back"),
}

_STEPS: Mapping[str, Any] = {
    "proposed": _("Proposed: %(decision)s"),
    "carried_out": _("Agreed and carried out: %(decision)s"),
    "declined": _("Declined: %(decision)s"),
    "withdrawn": _("Took back: %(decision)s"),
}


def act_words(code: str) -> str:
    """What somebody did, in the reader's language."""
    if code in ACTS:
        return str(ACTS[code])
    for step, sentence in _STEPS.items():
        kind = code.removesuffix(f"_{step}")
        if kind != code and kind in PROPOSALS:
            return str(sentence) % {"decision": PROPOSALS[kind]}
    # Of a later version of the product: the trail is older and younger than its words.
    return code.replace("_", " ")


def has_words(code: str) -> bool:
    """Whether the table knows an act."""
    return act_words(code) != code.replace("_", " ")
