"""Writing down acts, and decisions that take two people.

A decision about money, identity or a registry's outcome is a proposal: it is carried out in the very
transaction in which a second person agrees, by the handler that its room registered for its kind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from app.audit.errors import AlreadyProposed, NoLongerPossible, ProposalClosed, ReasonMissing, SamePerson
from app.audit.models import Act, Note, Proposal
from app.audit.states import PROPOSAL, ProposalState
from app.db import advance, db, insert_once, record, transaction
from app.kernel.text import clean_line, clean_lines

LONGEST_REASON = 1_000  # characters
# Facts of a proposal whose names begin so are kept with it alone, not in the trail of acts.
PRIVATE = "private_"

_S = ProposalState


@dataclass(frozen=True)
class Actor:
    """Who acts: a person with the e-mail address of now, or a command or sweeper, which has no id."""

    person_id: int | None
    name: str


@dataclass(frozen=True)
class Subject:
    """The thing that an act or a proposal is about; `name` is what people call it."""

    kind: str
    id: int
    name: str


Handler = Callable[[Proposal, datetime], None]
_handlers: dict[str, Handler] = {}


def on_agreement(kind: str, handler: Handler) -> None:
    """Say what carries out proposals of a kind. Called once for each kind when the application is made.

    The handler runs inside the deciding transaction, opens none, and raises NoLongerPossible (or
    another Refusal) when the thing has moved on; then nothing changes.
    """
    _handlers[kind] = handler


def kinds() -> frozenset[str]:
    """The kinds of proposals that can be carried out."""
    return frozenset(_handlers)


def note_act(
    actor: Actor,
    what: str,
    subject: Subject,
    *,
    at: datetime,
    reason: str = "",
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Append one act inside the caller's transaction. `what` is a code such as `offer_approved`; `at` is aware."""
    db.session.add(
        Act(
            at=at,
            person_id=actor.person_id,
            actor=actor.name[:254],
            what=what,
            subject_kind=subject.kind,
            subject_id=subject.id,
            subject=clean_line(subject.name)[:200],
            reason=cleaned_reason(reason),
            facts=dict(facts or {}),
        )
    )


def cleaned_reason(reason: str) -> str:
    """A reason as it is kept: harmless lines, at most LONGEST_REASON characters."""
    return clean_lines(reason)[:LONGEST_REASON]


def required_reason(reason: str) -> str:
    """A reason that must be there. Raises ReasonMissing for an empty one."""
    kept = cleaned_reason(reason)
    if not kept:
        raise ReasonMissing
    return kept


def propose(
    actor: Actor, kind: str, subject: Subject, *, reason: str, facts: Mapping[str, Any] | None = None, now: datetime
) -> int:
    """Propose a decision in a transaction of its own; gives the proposal's id.

    Raises ReasonMissing, AlreadyProposed, and KeyError for a kind that nobody can carry out.
    """
    _handlers[kind]
    kept = required_reason(reason)
    with transaction() as session:
        is_new = insert_once(
            Proposal,
            kind=kind,
            subject_kind=subject.kind,
            subject_id=subject.id,
            subject=clean_line(subject.name)[:200],
            facts=dict(facts or {}),
            state=_S.PROPOSED,
            proposed_by=actor.person_id,
            proposed_at=now,
            reason=kept,
            decision_reason="",
        )
        proposal_id = session.scalars(
            select(Proposal.id).where(
                Proposal.kind == kind,
                Proposal.subject_kind == subject.kind,
                Proposal.subject_id == subject.id,
                Proposal.state == _S.PROPOSED,
            )
        ).one()
        if not is_new:
            raise AlreadyProposed(proposal=proposal_id)
        record(PROPOSAL.machine, proposal_id, None, _S.PROPOSED, at=now)
        note_act(actor, f"{kind}_proposed", subject, at=now, reason=kept, facts=_without_private(facts or {}))
    return proposal_id


def agree(proposal_id: int, actor: Actor, *, reason: str = "", now: datetime) -> None:
    """Carry a proposal out: the second person's word and its effect are one transaction.

    Raises SamePerson, ProposalClosed, NoLongerPossible, or what its handler raises; nothing is changed then.
    """
    with transaction():
        proposal = _decide(proposal_id, _S.CARRIED_OUT, actor, cleaned_reason(reason), now)
        _handlers[proposal.kind](proposal, now)


def decline(proposal_id: int, actor: Actor, *, reason: str, now: datetime) -> None:
    """Say no to somebody else's proposal. Raises ReasonMissing, SamePerson or ProposalClosed."""
    kept = required_reason(reason)
    with transaction():
        _decide(proposal_id, _S.DECLINED, actor, kept, now)


def take_back(proposal_id: int, actor: Actor, *, now: datetime) -> None:
    """Withdraw one's own proposal. Raises ProposalClosed, also for somebody else's."""
    with transaction() as session:
        proposal = session.get(Proposal, proposal_id)
        if proposal is None or proposal.proposed_by != actor.person_id:
            raise ProposalClosed(state="withdrawn")
        _move(proposal, _S.WITHDRAWN, actor, "", now)


def _decide(proposal_id: int, to: ProposalState, actor: Actor, reason: str, now: datetime) -> Proposal:
    proposal = db.session.get(Proposal, proposal_id)
    if proposal is None:
        raise NoLongerPossible
    if proposal.proposed_by == actor.person_id:
        raise SamePerson
    _move(proposal, to, actor, reason, now)
    return proposal


def _move(proposal: Proposal, to: ProposalState, actor: Actor, reason: str, now: datetime) -> None:
    moved = advance(
        Proposal,
        proposal.id,
        PROPOSAL,
        to,
        at=now,
        decided_by=actor.person_id,
        decided_at=now,
        decision_reason=reason,
    )
    if not moved:
        db.session.refresh(proposal)
        raise ProposalClosed(state=proposal.state.value)
    subject = Subject(proposal.subject_kind, proposal.subject_id, proposal.subject)
    facts = _without_private(proposal.facts)
    note_act(actor, f"{proposal.kind}_{to}", subject, at=now, reason=reason, facts=facts)


def _without_private(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What the trail keeps of a proposal: it is never erased, so what people's names are stays out of it."""
    return {key: value for key, value in facts.items() if not key.startswith(PRIVATE)}


def write_note(actor: Actor, subject: Subject, text: str, now: datetime) -> None:
    """Keep a note about a thing, for operators only. Raises ReasonMissing for an empty one."""
    kept = clean_lines(text)
    if not kept:
        raise ReasonMissing
    with transaction() as session:
        session.add(
            Note(subject_kind=subject.kind, subject_id=subject.id, text=kept, person_id=actor.person_id, at=now)
        )
        note_act(actor, "note_written", subject, at=now)
