"""What a registry said, written down and believed as far as it is proven."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import Table, bindparam, exists, func, select, update

from app.db import StateEvent, add_rows, advance, advance_all, db, transaction, write
from app.kernel.serials import Span, overlaps
from app.registry.models import Cancellation, CancelledBlock
from app.registry.ports import (
    Absent,
    Ambiguous,
    CancellationResult,
    Completed,
    Found,
    Lookup,
    NotSent,
    Outcome,
    Pending,
    RefusalCode,
    Refused,
    Unavailable,
)
from app.registry.service.attempts import BACKOFF, note_attempt, pause
from app.registry.service.contradictions import contradiction
from app.registry.service.question import Fence, Question, read_question
from app.registry.states import CANCELLATION, CancellationState

log = logging.getLogger(__name__)

_S = CancellationState

MANUAL_AFTER = timedelta(hours=24)


def apply_lookup(question: Question, answer: Lookup, now: datetime, fence: Fence) -> None:
    """Believe what a look-up proves, inside the caller's transaction; `fence` holds while nobody has sent it since."""
    cancellation_id = question.cancellation_id
    if isinstance(answer, Found):
        apply(question, answer.outcome, now)
    elif isinstance(answer, Absent) and answer.proven:
        # An absence seen before somebody sent again says nothing about what was sent since.
        planned = advance(
            Cancellation,
            cancellation_id,
            CANCELLATION,
            _S.PLANNED,
            at=now,
            sources=(_S.UNKNOWN,),
            unchanged=fence,
            facts={"basis": answer.basis},
            next_action_at=now,
        )
        if not planned:
            call_a_person(cancellation_id, f"accepted, then absent: {answer.basis}", now, (_S.WAITING,), fence)
    elif isinstance(answer, Ambiguous):
        call_a_person(cancellation_id, answer.message, now, (_S.UNKNOWN, _S.WAITING), fence)
    else:
        look_again_later(cancellation_id, answer, now)


def look_again_later(cancellation_id: int, answer: Absent | Unavailable, now: datetime) -> None:
    """Ask again after a pause, or call a person where that has gone on for too long."""
    cancellation = db.session.get_one(Cancellation, cancellation_id)
    message = answer.basis if isinstance(answer, Absent) else answer.message
    if cancellation.state is _S.UNKNOWN and not _was_known(cancellation_id, now - MANUAL_AFTER):
        call_a_person(cancellation_id, message, now, (_S.UNKNOWN,))
        return
    db.session.execute(
        update(Cancellation)
        .where(Cancellation.id == cancellation_id, Cancellation.state.in_([_S.UNKNOWN, _S.WAITING]))
        .values(next_action_at=now + pause(cancellation_id), last_message=message[:500])
    )


def _was_known(cancellation_id: int, at: datetime) -> bool:
    """Whether an outcome has become unknown since an instant (aware), however long its registry was closed before."""
    became_unknown = exists().where(
        StateEvent.machine == CANCELLATION.machine,
        StateEvent.subject_id == cancellation_id,
        StateEvent.to_state == _S.UNKNOWN.value,
        StateEvent.at >= at,
    )
    return bool(db.session.scalar(select(became_unknown)))


def apply(question: Question, outcome: Outcome, now: datetime, fence: Fence | None = None) -> None:
    """Move a cancellation to where an outcome puts it, inside the caller's transaction."""
    cancellation_id = question.cancellation_id
    if isinstance(outcome, Completed):
        _confirm(question, outcome.result, now)
    elif isinstance(outcome, Refused) and outcome.code is RefusalCode.KEY_REUSED:
        # Something else stands under our reference: that is our mistake, and no proof that nothing happened.
        call_a_person(cancellation_id, outcome.message, now, (_S.SENDING, _S.UNKNOWN, _S.WAITING), fence)
    elif isinstance(outcome, Refused):
        refuse(cancellation_id, outcome, now, (), fence)
    elif isinstance(outcome, Pending):
        moved = advance(
            Cancellation,
            cancellation_id,
            CANCELLATION,
            _S.WAITING,
            at=now,
            unchanged=fence,
            registry_transaction=outcome.registry_transaction,
            next_action_at=now + outcome.poll_after,
            last_message=outcome.message[:500],
        )
        if not moved:
            db.session.execute(
                update(Cancellation)
                .where(Cancellation.id == cancellation_id, Cancellation.state == _S.WAITING)
                .values(
                    next_action_at=now + outcome.poll_after,
                    registry_transaction=func.coalesce(outcome.registry_transaction, Cancellation.registry_transaction),
                    last_message=outcome.message[:500],
                )
            )
    elif isinstance(outcome, NotSent):
        advance(
            Cancellation,
            cancellation_id,
            CANCELLATION,
            _S.PLANNED,
            at=now,
            sources=(_S.SENDING,),
            unchanged=fence,
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
            unchanged=fence,
            facts={"message": outcome.message},
            next_action_at=now + timedelta(seconds=BACKOFF[0]),
            last_message=outcome.message[:500],
        )


def confirm_together(answers: Iterable[tuple[Question, Outcome]], now: datetime) -> frozenset[int]:
    """Confirm what was sent and certainly done, in one statement for each thing to be written; gives the ids.

    Inside the caller's transaction. All others are left to `apply`, each for itself.
    """
    results = {
        question.cancellation_id: outcome.result
        for question, outcome in answers
        if isinstance(outcome, Completed) and not contradiction(question, outcome.result)
    }
    spans = [
        (Span(block.space, block.first, block.last), id_) for id_, result in results.items() for block in result.blocks
    ]
    if not results or overlaps((), spans):
        return frozenset()
    facts = {id_: {"transaction": result.registry_transaction} for id_, result in results.items()}
    confirmed = advance_all(
        Cancellation, list(results), CANCELLATION, _S.SENDING, _S.CONFIRMED, at=now, facts=facts
    )  # fmt: skip
    if confirmed:
        write(_COMPLETED, [{"the_id": id_, **_completion(results[id_])} for id_ in confirmed])
    add_rows(
        CancelledBlock, [{"cancellation_id": id_, **vars(block)} for id_ in confirmed for block in results[id_].blocks]
    )
    return frozenset(confirmed)


_COMPLETED = (
    update(cast(Table, Cancellation.__table__))
    .where(Cancellation.id == bindparam("the_id"))
    .values({name: bindparam(name) for name in ("registry_transaction", "completed_at")})
)


def _completion(result: CancellationResult) -> dict[str, Any]:
    return {"registry_transaction": result.registry_transaction, "completed_at": result.completed_at}


def _confirm(question: Question, result: CancellationResult, now: datetime) -> None:
    """Final: the registry did it. What it says must add up to what was asked, or a person looks."""
    cancellation_id = question.cancellation_id
    problem = contradiction(question, result)
    if problem:
        advance(Cancellation, cancellation_id, CANCELLATION, _S.UNKNOWN, at=now, sources=(_S.SENDING,))
        call_a_person(cancellation_id, problem, now, (_S.UNKNOWN, _S.WAITING, _S.PLANNED))
        return
    confirmed = advance(
        Cancellation,
        cancellation_id,
        CANCELLATION,
        _S.CONFIRMED,
        at=now,
        # The likeliest first.
        sources=(_S.SENDING, _S.WAITING, _S.UNKNOWN, _S.PLANNED, _S.MANUAL),
        facts={"transaction": result.registry_transaction},
        **_completion(result),
    )
    if confirmed:
        add_rows(CancelledBlock, [{"cancellation_id": cancellation_id, **vars(block)} for block in result.blocks])


def refuse(
    cancellation_id: int,
    outcome: Refused,
    now: datetime,
    sources: tuple[CancellationState, ...],
    fence: Fence | None = None,
) -> None:
    """Certainly no effect, and there never will be: from one of `sources`, or from any state that allows it."""
    advance(
        Cancellation,
        cancellation_id,
        CANCELLATION,
        _S.REFUSED,
        at=now,
        sources=sources,
        unchanged=fence,
        facts={"code": outcome.code.value, "message": outcome.message},
        refusal_code=outcome.code.value,
        last_message=outcome.message[:500],
    )


def record_stated(cancellation_id: int, outcome: Completed | Refused, now: datetime) -> None:
    """Take what two operators state for the registry's answer, inside the caller's transaction."""
    note_attempt(cancellation_id, "stated", now, now, outcome)
    apply(read_question(cancellation_id), outcome, now)


def stop(cancellation_id: int, message: str, now: datetime) -> None:
    """Leave to people what is not sent, or not known to be: in a transaction of its own."""
    with transaction():
        call_a_person(cancellation_id, message, now, (_S.PLANNED, _S.UNKNOWN))


def call_a_person(
    cancellation_id: int,
    message: str,
    now: datetime,
    sources: tuple[CancellationState, ...],
    fence: Fence | None = None,
) -> None:
    """Stop doing anything about a cancellation: what the registry says cannot be acted on by rule."""
    moved = advance(
        Cancellation,
        cancellation_id,
        CANCELLATION,
        _S.MANUAL,
        at=now,
        sources=sources,
        unchanged=fence,
        facts={"message": message},
        last_message=message[:500],
    )
    if moved:
        log.error("cancellation needs a person", extra={"facts": {"cancellation": cancellation_id}})
