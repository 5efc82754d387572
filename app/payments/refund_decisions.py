"""Refunds that failed: tried again, or paid by hand. Each is decided by two operators."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from app.audit.errors import NoLongerPossible
from app.audit.models import Proposal
from app.audit.service import Actor, Subject, on_agreement, propose
from app.db import advance, db
from app.kernel.text import clean_line
from app.payments.errors import RefundNotFailed
from app.payments.models import Refund
from app.payments.states import REFUND, RefundState

RETRY_REFUND = "retry_refund"
REFUND_BY_HAND = "refund_by_hand"
REFERENCE_LENGTH = 80

_S = RefundState


def init_app() -> None:
    """Say what carries out the proposals of this room; a retry is the checkout's, which writes to the buyer."""
    on_agreement(REFUND_BY_HAND, _paid_by_hand)


def propose_retry(refund_id: int, order_reference: str, actor: Actor, *, reason: str, now: datetime) -> int:
    """Propose to ask the gateway again for a refund that failed; gives the proposal's id.

    Raises RefundNotFailed, and what `propose` raises.
    """
    facts = _facts_of_failed(refund_id)
    return propose(
        actor, RETRY_REFUND, Subject("refund", refund_id, order_reference), reason=reason, facts=facts, now=now
    )


def propose_by_hand(
    refund_id: int, order_reference: str, bank_reference: str, actor: Actor, *, reason: str, now: datetime
) -> int:
    """Propose to note that a refund that failed was paid by bank; gives the proposal's id.

    Raises RefundNotFailed, and what `propose` raises.
    """
    facts = _facts_of_failed(refund_id) | {"reference": clean_line(bank_reference)[:REFERENCE_LENGTH]}
    return propose(
        actor, REFUND_BY_HAND, Subject("refund", refund_id, order_reference), reason=reason, facts=facts, now=now
    )


def _facts_of_failed(refund_id: int) -> dict[str, object]:
    refund = db.session.get_one(Refund, refund_id)
    if refund.state is not _S.FAILED:
        raise RefundNotFailed(state=refund.state.value)
    return {"amount": refund.amount, "currency": refund.currency}


def retry(proposal: Proposal, now: datetime) -> Refund:
    """Let the gateway be asked again, as two operators say; gives the refund, with what was said of it before.

    One that a gateway took and failed needs a new key; one it never took keeps its own. Raises NoLongerPossible.
    """
    refund = db.session.scalars(select(Refund).where(Refund.id == proposal.subject_id).with_for_update()).one()
    _stay_free_of(REFUND_BY_HAND, proposal)
    key = refund.key if refund.gateway_reference is None else _next_key(refund.key)
    moved = advance(
        Refund,
        refund.id,
        REFUND,
        _S.REQUESTED,
        at=now,
        sources=(_S.FAILED,),
        facts={"retried": True},
        key=key,
        gateway_reference=None,
        attempts=0,
        next_action_at=now,
    )
    if not moved:
        raise NoLongerPossible
    return refund


def _paid_by_hand(proposal: Proposal, now: datetime) -> None:
    # Without its reference no late notice of the gateway can say again that it failed.
    moved = advance(
        Refund,
        proposal.subject_id,
        REFUND,
        _S.SUCCEEDED,
        at=now,
        sources=(_S.FAILED,),
        facts={"by_hand": proposal.facts["reference"]},
        gateway_reference=None,
        last_message="",
    )
    if not moved:
        raise NoLongerPossible


def _stay_free_of(kind: str, proposal: Proposal) -> None:
    """While somebody says that a refund was paid by hand, nobody asks the gateway for it as well."""
    other = select(Proposal.id).where(
        Proposal.kind == kind,
        Proposal.subject_kind == proposal.subject_kind,
        Proposal.subject_id == proposal.subject_id,
        Proposal.state == "proposed",
    )
    if db.session.scalar(other) is not None:
        raise NoLongerPossible(reason="by_hand")


def _next_key(key: str) -> str:
    first, _again, number = key.partition("~")
    return f"{first}~{int(number or 1) + 1}"
