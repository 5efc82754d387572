"""Payments and forwardings that one operator proposes and another agrees to."""

from __future__ import annotations

from datetime import datetime

from app.audit.models import Proposal
from app.audit.service import Actor, Subject, on_agreement, propose
from app.db import db
from app.kernel.money import Money
from app.kernel.text import clean_line
from app.providers.independence import require_outsider_of
from app.registry.accounts import find_account_provider
from app.registry.ledger.models import LedgerIssuance
from app.registry.ledger.service import book_forwarding, book_payment, require_forwarding, require_payment

PAY = "pay_share_of_proceeds"
FORWARD = "forward_units"


def init_app() -> None:
    """Say what carries out the proposals of this room."""
    on_agreement(PAY, _pay)
    on_agreement(FORWARD, _forward)


def propose_payment(
    issuance_id: int, actor: Actor, amount: Money, *, payer: str, reference: str, reason: str, now: datetime
) -> int:
    """Propose to book a payment of the share of proceeds; gives the proposal's id.

    Raises PaymentUnfit, and what `propose` raises.
    """
    issuance = db.session.get_one(LedgerIssuance, issuance_id)
    payer, reference = clean_line(payer), clean_line(reference)
    require_payment(issuance, amount, payer=payer, reference=reference)
    facts = {
        "amount": amount.minor,
        "currency": amount.currency,
        "private_payer": payer,
        "reference": reference,
    }
    return propose(actor, PAY, subject_of(issuance), reason=reason, facts=facts, now=now)


def propose_forwarding(issuance_id: int, actor: Actor, account: str, units: int, *, reason: str, now: datetime) -> int:
    """Propose to forward `units` (tonnes) to a participant's account; gives the proposal's id.

    Raises ForwardingUnfit, OwnOrganisation, and what `propose` raises.
    """
    issuance = db.session.get_one(LedgerIssuance, issuance_id)
    require_forwarding(issuance, account, units)
    _require_outsider(account, actor.person_id)
    facts = {"account": account, "units": units}
    return propose(actor, FORWARD, subject_of(issuance), reason=reason, facts=facts, now=now)


def subject_of(issuance: LedgerIssuance) -> Subject:
    """An issuance as the trail names it."""
    name = f"{issuance.project_reference}, {issuance.space} {issuance.first}–{issuance.last}"
    return Subject("ledger_issuance", issuance.id, name)


def _require_outsider(account: str, person_id: int | None) -> None:
    provider_id = find_account_provider(account)
    if provider_id is not None:
        require_outsider_of(provider_id, person_id)


def _pay(proposal: Proposal, now: datetime) -> None:
    """Both operators say that the money came."""
    book_payment(
        proposal.subject_id,
        Money(int(proposal.facts["amount"]), str(proposal.facts["currency"])),
        payer=str(proposal.facts["private_payer"]),
        reference=str(proposal.facts["reference"]),
        now=now,
    )


def _forward(proposal: Proposal, now: datetime) -> None:
    """Both operators say that the participant asked for it."""
    account = str(proposal.facts["account"])
    _require_outsider(account, proposal.decided_by)
    book_forwarding(proposal.subject_id, account, int(proposal.facts["units"]), now=now)
