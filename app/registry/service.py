"""Cancelling exactly once: the intent first, then one call, then what it answered.

A cancellation found in `sending` after its lease is an unknown outcome, never a "not sent". An
unknown outcome is looked up; only a registry that proves the reference absent is asked again.
"""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, select, update

from app.catalog.models import Issuance
from app.db import advance, db, end_reading, record, transaction
from app.kernel import checkpoints
from app.kernel.clock import Clock
from app.kernel.references import cancellation_reference
from app.registry.models import Cancellation, CancelledBlock, RegistryAttempt
from app.registry.ports import (
    Absent,
    Ambiguous,
    CancellationRequest,
    CancellationResult,
    Completed,
    Found,
    Lookup,
    NotSent,
    Outcome,
    Pending,
    Refused,
    RegistryAdapter,
    Unavailable,
    Unknown,
)
from app.registry.states import CANCELLATION, CancellationState

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
BACKOFF = (5, 15, 60, 300, 900, 3600)  # seconds
MANUAL_AFTER = timedelta(hours=24)

_S = CancellationState


@dataclass(frozen=True)
class Cause:
    """What units are cancelled for: a line of an order, or a direct cancellation."""

    order_id: int | None = None
    order_line_id: int | None = None
    direct_cancellation_id: int | None = None


def plan_cancellation(
    *,
    cause: Cause,
    registry: str,
    account: str,
    project_reference: str,
    issuance: Issuance,
    units: int,
    beneficiary_name: str,
    purpose: str,
    now: datetime,
) -> Cancellation:
    """Write the intent to cancel `units` (tonnes) for one cause.

    Runs inside the transaction that begins the order or the direct cancellation: begun and planned are one fact.
    """
    request = CancellationRequest(
        reference=cancellation_reference(),
        account=account,
        project_reference=project_reference,
        unit_type=issuance.unit_type,
        commitment_period=issuance.commitment_period,
        originating_party=issuance.originating_party,
        serial_first=issuance.serial_first,
        serial_last=issuance.serial_last,
        units=units,
        beneficiary_name=beneficiary_name,
        purpose=purpose,
    )
    cancellation = Cancellation(
        order_id=cause.order_id,
        order_line_id=cause.order_line_id,
        direct_cancellation_id=cause.direct_cancellation_id,
        issuance_id=issuance.id,
        registry_code=registry,
        account=account,
        reference=request.reference,
        fingerprint=request.fingerprint,
        project_reference=project_reference,
        unit_type=issuance.unit_type,
        commitment_period=issuance.commitment_period,
        units=units,
        beneficiary_name=beneficiary_name,
        purpose=purpose,
        state=_S.PLANNED,
        next_action_at=now,
        created_at=now,
    )
    db.session.add(cancellation)
    db.session.flush()
    record(CANCELLATION.machine, cancellation.id, None, _S.PLANNED, at=now)
    return cancellation


def due_cancellations(now: datetime, limit: int = 100) -> list[tuple[int, CancellationState]]:
    """Cancellations that something has to be done about, oldest first."""
    rows = db.session.execute(
        select(Cancellation.id, Cancellation.state)
        .where(
            Cancellation.state.in_([_S.PLANNED, _S.UNKNOWN, _S.WAITING, _S.SENDING]),
            Cancellation.next_action_at <= now,
        )
        .order_by(Cancellation.next_action_at, Cancellation.id)
        .limit(limit)
    ).all()
    end_reading()
    return [(row.id, row.state) for row in rows]


def pursue(cancellation_id: int, state: CancellationState, registry: RegistryAdapter, clock: Clock) -> None:
    """Do the one next thing for a due cancellation, whatever state it was seen in."""
    if state is _S.PLANNED:
        send(cancellation_id, registry, clock)
    elif state is _S.SENDING:
        doubt(cancellation_id, clock.now())
    else:
        look_up(cancellation_id, registry, clock)


def send(cancellation_id: int, registry: RegistryAdapter, clock: Clock) -> None:
    """Ask the registry to cancel: commit the intent, make the call, record the outcome."""
    now = clock.now()
    with transaction():
        claimed = advance(
            Cancellation,
            cancellation_id,
            CANCELLATION,
            _S.SENDING,
            at=now,
            sources=(_S.PLANNED,),
            attempts=Cancellation.attempts + 1,
            lease_until=now + LEASE,
            next_action_at=now + LEASE,
        )
        if not claimed:
            return
        cancellation = db.session.get_one(Cancellation, cancellation_id)
        cancellation.first_sent_at = cancellation.first_sent_at or now
        request, fence = request_of(cancellation), cancellation.attempts
    checkpoints.reached("cancellation.intent_committed")
    try:
        outcome: Outcome = registry.submit(request)
    except Exception:
        # An adapter that raises has said nothing about the effect: that is the definition of unknown.
        log.exception("registry adapter raised", extra={"facts": {"cancellation": cancellation_id}})
        outcome = Unknown("the adapter failed")
    ended_at = clock.now()
    with transaction():
        _note_attempt(cancellation_id, "submit", now, ended_at, outcome)
        # A sender that lost its lease may still report success, for that is a fact; anything else
        # it says is about a claim that belongs to somebody else by now.
        _apply(cancellation_id, outcome, ended_at, Cancellation.attempts == fence)


def doubt(cancellation_id: int, now: datetime) -> None:
    """A cancellation whose sender died in the middle has an unknown outcome, once its lease ran out."""
    with transaction():
        advance(
            Cancellation,
            cancellation_id,
            CANCELLATION,
            _S.UNKNOWN,
            at=now,
            sources=(_S.SENDING,),
            # Somebody else may have asked again since this one was seen in `sending`.
            only_if=(Cancellation.lease_until <= now,),
            facts={"message": "the lease ran out"},
            next_action_at=now,
            last_message="the lease ran out",
        )


def look_up(cancellation_id: int, registry: RegistryAdapter, clock: Clock) -> None:
    """Ask the registry what became of a cancellation, and believe only what it proves."""
    now = clock.now()
    cancellation = db.session.get_one(Cancellation, cancellation_id)
    request, fence = request_of(cancellation), cancellation.attempts
    end_reading()
    try:
        answer: Lookup = registry.lookup(request)
    except Exception:
        log.exception("registry look-up raised", extra={"facts": {"cancellation": cancellation_id}})
        answer = Unavailable("the adapter failed")
    with transaction():
        _note_attempt(cancellation_id, "lookup", now, clock.now(), answer)
        _apply_lookup(cancellation_id, answer, clock.now(), Cancellation.attempts == fence)


def _apply_lookup(cancellation_id: int, answer: Lookup, now: datetime, fence: ColumnElement[bool]) -> None:
    if isinstance(answer, Found):
        _apply(cancellation_id, answer.outcome, now)
    elif isinstance(answer, Absent) and answer.proven:
        # An absence seen before somebody sent again says nothing about what was sent since.
        planned = advance(
            Cancellation,
            cancellation_id,
            CANCELLATION,
            _S.PLANNED,
            at=now,
            sources=(_S.UNKNOWN,),
            only_if=(fence,),
            facts={"basis": answer.basis},
            next_action_at=now,
        )
        if not planned:
            _call_a_person(cancellation_id, f"accepted, then absent: {answer.basis}", now, (_S.WAITING,), fence)
    elif isinstance(answer, Ambiguous):
        _call_a_person(cancellation_id, answer.message, now, (_S.UNKNOWN, _S.WAITING), fence)
    else:
        _look_again_later(cancellation_id, answer, now)


def _look_again_later(cancellation_id: int, answer: Absent | Unavailable, now: datetime) -> None:
    cancellation = db.session.get_one(Cancellation, cancellation_id)
    message = answer.basis if isinstance(answer, Absent) else answer.message
    sent_at = cancellation.first_sent_at or cancellation.created_at
    if cancellation.state is _S.UNKNOWN and now - sent_at > MANUAL_AFTER:
        _call_a_person(cancellation_id, message, now, (_S.UNKNOWN,))
        return
    db.session.execute(
        update(Cancellation)
        .where(Cancellation.id == cancellation_id, Cancellation.state.in_([_S.UNKNOWN, _S.WAITING]))
        .values(next_action_at=now + _pause(cancellation_id), last_message=message[:500])
    )


def _apply(cancellation_id: int, outcome: Outcome, now: datetime, *fence: ColumnElement[bool]) -> None:
    if isinstance(outcome, Completed):
        _confirm(cancellation_id, outcome.result, now)
    elif isinstance(outcome, Refused):
        advance(
            Cancellation,
            cancellation_id,
            CANCELLATION,
            _S.REFUSED,
            at=now,
            only_if=fence,
            facts={"code": outcome.code.value, "message": outcome.message},
            refusal_code=outcome.code.value,
            last_message=outcome.message[:500],
        )
    elif isinstance(outcome, Pending):
        moved = advance(
            Cancellation,
            cancellation_id,
            CANCELLATION,
            _S.WAITING,
            at=now,
            only_if=fence,
            registry_transaction=outcome.registry_transaction,
            next_action_at=now + outcome.poll_after,
        )
        if not moved:
            db.session.execute(
                update(Cancellation)
                .where(Cancellation.id == cancellation_id, Cancellation.state == _S.WAITING)
                .values(next_action_at=now + outcome.poll_after)
            )
    elif isinstance(outcome, NotSent):
        advance(
            Cancellation,
            cancellation_id,
            CANCELLATION,
            _S.PLANNED,
            at=now,
            sources=(_S.SENDING,),
            only_if=fence,
            facts={"message": outcome.message},
            next_action_at=now + outcome.retry_after,
            last_message=outcome.message[:500],
        )
    else:
        advance(
            Cancellation,
            cancellation_id,
            CANCELLATION,
            _S.UNKNOWN,
            at=now,
            sources=(_S.SENDING,),
            only_if=fence,
            facts={"message": outcome.message},
            next_action_at=now + timedelta(seconds=BACKOFF[0]),
            last_message=outcome.message[:500],
        )


def _confirm(cancellation_id: int, result: CancellationResult, now: datetime) -> None:
    """Final: the registry did it. What it says must add up to what was asked, or a person looks."""
    problem = what_is_wrong(cancellation_id, result)
    if problem:
        advance(Cancellation, cancellation_id, CANCELLATION, _S.UNKNOWN, at=now, sources=(_S.SENDING,))
        _call_a_person(cancellation_id, problem, now, (_S.UNKNOWN, _S.WAITING, _S.PLANNED))
        return
    confirmed = advance(
        Cancellation,
        cancellation_id,
        CANCELLATION,
        _S.CONFIRMED,
        at=now,
        facts={"transaction": result.registry_transaction},
        registry_transaction=result.registry_transaction,
        completed_at=result.completed_at,
    )
    if confirmed:
        db.session.add_all(
            CancelledBlock(
                cancellation_id=cancellation_id,
                space=block.space,
                first=block.first,
                last=block.last,
                text_first=block.text_first,
                text_last=block.text_last,
            )
            for block in result.blocks
        )


def what_is_wrong(cancellation_id: int, result: CancellationResult) -> str | None:
    """What does not add up between a result, what was asked for and what is on record; None when all of it does."""
    cancellation = db.session.get_one(Cancellation, cancellation_id)
    return result.contradiction(request_of(cancellation)) or _recorded_before(cancellation_id, result)


def record_stated(cancellation_id: int, outcome: Completed | Refused, now: datetime) -> None:
    """Take what two operators state for the registry's answer, inside the caller's transaction."""
    _note_attempt(cancellation_id, "stated", now, now, outcome)
    _apply(cancellation_id, outcome, now)


def _recorded_before(cancellation_id: int, result: CancellationResult) -> str | None:
    """What is wrong when a serial number of the result belongs to another cancellation; None if none does."""
    for block in result.blocks:
        taken = db.session.scalar(
            select(CancelledBlock.text_first)
            .where(
                CancelledBlock.space == block.space,
                CancelledBlock.first <= block.last,
                CancelledBlock.last >= block.first,
                CancelledBlock.cancellation_id != cancellation_id,
            )
            .limit(1)
        )
        if taken is not None:
            return f"serial numbers from {taken} on are on record as cancelled before"
    return None


def _call_a_person(
    cancellation_id: int,
    message: str,
    now: datetime,
    sources: tuple[CancellationState, ...],
    *fence: ColumnElement[bool],
) -> None:
    """Stop doing anything about a cancellation: what the registry says cannot be acted on by rule."""
    moved = advance(
        Cancellation,
        cancellation_id,
        CANCELLATION,
        _S.MANUAL,
        at=now,
        sources=sources,
        only_if=fence,
        facts={"message": message},
        last_message=message[:500],
    )
    if moved:
        log.error("cancellation needs a person", extra={"facts": {"cancellation": cancellation_id}})


def _note_attempt(
    cancellation_id: int, kind: str, started_at: datetime, ended_at: datetime, answer: Outcome | Lookup
) -> None:
    db.session.add(
        RegistryAttempt(
            cancellation_id=cancellation_id,
            kind=kind,
            started_at=started_at,
            ended_at=ended_at,
            outcome=type(answer).__name__.lower(),
            answer=_plain(asdict(answer)),
        )
    )
    db.session.flush()


def _plain(value: Any) -> Any:
    """A value that JSON can hold, for the record of what a registry said."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value if isinstance(value, (int, str, bool, type(None))) else str(value)


def _pause(cancellation_id: int) -> timedelta:
    tries = db.session.scalar(
        select(db.func.count()).select_from(RegistryAttempt).where(RegistryAttempt.cancellation_id == cancellation_id)
    )
    return timedelta(seconds=BACKOFF[min(tries or 0, len(BACKOFF) - 1)])


def request_of(cancellation: Cancellation) -> CancellationRequest:
    """What the registry is asked for, the same in every attempt."""
    issuance = db.session.get_one(Issuance, cancellation.issuance_id)
    return CancellationRequest(
        reference=cancellation.reference,
        account=cancellation.account,
        project_reference=cancellation.project_reference,
        unit_type=cancellation.unit_type,
        commitment_period=cancellation.commitment_period,
        originating_party=issuance.originating_party,
        serial_first=issuance.serial_first,
        serial_last=issuance.serial_last,
        units=cancellation.units,
        beneficiary_name=cancellation.beneficiary_name,
        purpose=cancellation.purpose,
    )
