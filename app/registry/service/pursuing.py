"""The one next thing for a cancellation: send it, doubt it, look it up, or take the next step."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import update

from app.db import advance, common_now, db, end_reading, transaction
from app.kernel import checkpoints
from app.kernel.clock import Clock
from app.registry import leases
from app.registry.models import Cancellation
from app.registry.ports import (
    Ambiguous,
    Found,
    NotSent,
    Outcome,
    Pending,
    RefusalCode,
    Refused,
    Registries,
    Unavailable,
    Unknown,
)
from app.registry.service.attempts import note_attempt
from app.registry.service.conversation import answer_of, believed, outcome_of, with_lease
from app.registry.service.outcomes import apply, apply_lookup, call_a_person, look_again_later
from app.registry.service.question import read_question
from app.registry.service.withdrawing import is_wanted_back, withdraw
from app.registry.states import CANCELLATION, CancellationState

_S = CancellationState

# How soon to look again whether a registry is connected.
NOT_CONNECTED = timedelta(minutes=15)


def pursue(cancellation_id: int, state: CancellationState, registries: Registries, clock: Clock) -> bool:
    """Do the one next thing for a due cancellation, whatever state it was seen in.

    False if nothing could be done now, because another worker writes to the same account, or may still do so.
    """
    if state is _S.SENDING:
        return doubt(cancellation_id, clock)
    if state is _S.PLANNED and send(cancellation_id, registries, clock):
        return True
    if state is not _S.PLANNED:
        look_up(cancellation_id, registries, clock)
    if is_wanted_back(cancellation_id):
        withdraw(cancellation_id, "the buyer waited longer than was promised", registries, clock)
        return True
    return state is not _S.PLANNED


def send(cancellation_id: int, registries: Registries, clock: Clock) -> bool:
    """Ask the registry to cancel: commit the intent, make the call, record the outcome.

    False if somebody else was faster, or writes to the same account at the moment, a restoration hold stands, or the
    registry is not connected.
    """
    now = clock.now()
    with transaction():
        begins = common_now(clock)
        question = read_question(cancellation_id)
        if question.is_held:
            return False
        if not (registries.has(question.registry_code) or question.is_closed(now)):
            _wait_for_connection(cancellation_id, now)
            return False
        lease = leases.take(question.registry_code, question.request.account, begins)
        if lease is None:
            return False
        claimed = not question.is_wanted_back and advance(
            Cancellation,
            cancellation_id,
            CANCELLATION,
            _S.SENDING,
            at=now,
            sources=(_S.PLANNED,),
            # Whoever sent it since this was read has another number.
            unchanged=question.fence,
            attempts=question.attempts + 1,
            first_sent_at=question.first_sent_at or now,
            lease_until=begins + leases.LENGTH,
            next_action_at=now + leases.LENGTH,
        )
        if not claimed:
            leases.give_back(lease)
            return False
    checkpoints.reached("cancellation.intent_committed")
    if question.is_closed(now):
        # Nothing is sent to a registry that is gone, so nothing can have happened there.
        outcome: Outcome = Refused(
            RefusalCode.CLOSED, f"the registry closed on {question.closes_at:%Y-%m-%d %H:%M} UTC"
        )
    elif not _is_in_time(begins, clock):
        outcome = NotSent("the worker slept until its turn was over", timedelta(0))
    else:
        outcome = outcome_of(cancellation_id, lambda: registries.of(lease.registry_code).submit(question.request))
    ended_at = clock.now()
    with transaction():
        note_attempt(cancellation_id, "submit", now, ended_at, outcome)
        outcome = believed(outcome, leases.give_back(lease))
        # A sender that lost its claim may still report success, for that is a fact; anything else
        # it says is about a claim that belongs to somebody else by now.
        apply(question, outcome, ended_at, question.fence_after_sending)
    return True


def _is_in_time(begins: datetime, clock: Clock) -> bool:
    """Whether a call that begins now ends while the lease taken at `begins` (aware) lasts.

    Who slept may have been given up meanwhile, the request proven absent, and its money given back.
    """
    now = common_now(clock)
    end_reading()
    return now < begins + leases.LATEST_CALL


def _wait_for_connection(cancellation_id: int, now: datetime) -> None:
    """Nothing is sent to a registry that this copy is not connected to any more, so nothing can have happened there."""
    db.session.execute(
        update(Cancellation)
        .where(Cancellation.id == cancellation_id, Cancellation.state == _S.PLANNED)
        .values(next_action_at=now + NOT_CONNECTED, last_message="the registry is not connected")
        .execution_options(synchronize_session=False)
    )


def doubt(cancellation_id: int, clock: Clock) -> bool:
    """A cancellation whose sender died in the middle has an unknown outcome, once its lease ran out.

    False while it has not, or where somebody was faster.
    """
    now = clock.now()
    with transaction():
        return advance(
            Cancellation,
            cancellation_id,
            CANCELLATION,
            _S.UNKNOWN,
            at=now,
            sources=(_S.SENDING,),
            # Somebody else may have asked again since this one was seen in `sending`.
            only_if=(Cancellation.lease_until <= common_now(clock),),
            facts={"message": "the lease ran out"},
            next_action_at=now,
            last_message="the lease ran out",
        )


def look_up(cancellation_id: int, registries: Registries, clock: Clock) -> None:
    """Ask the registry what became of a cancellation, and believe only what it proves.

    Where the registry waits for our own next step, that is taken.
    """
    now = clock.now()
    question = read_question(cancellation_id)
    end_reading()
    answer = answer_of(
        cancellation_id,
        lambda: registries.of(question.registry_code).lookup(question.request, question.transaction, question.since),
    )
    with transaction():
        note_attempt(cancellation_id, "lookup", now, clock.now(), answer)
        apply_lookup(question, answer, clock.now(), question.fence)
    can_advance = isinstance(answer, Found) and isinstance(answer.outcome, Pending) and answer.outcome.can_advance
    if can_advance and not question.is_closed(now):
        take_next_step(cancellation_id, registries, clock)


def take_next_step(cancellation_id: int, registries: Registries, clock: Clock) -> bool:
    """Take the step of a waiting cancellation that is ours. False if somebody else writes to the account."""
    now = clock.now()
    lease, question = with_lease(cancellation_id, clock, (_S.WAITING,))
    if lease is None:
        return False
    outcome = outcome_of(
        cancellation_id, lambda: registries.of(lease.registry_code).advance(question.request, question.transaction)
    )
    ended_at = clock.now()
    with transaction():
        note_attempt(cancellation_id, "advance", now, ended_at, outcome)
        outcome = believed(outcome, leases.give_back(lease))
        if isinstance(outcome, Ambiguous):
            call_a_person(cancellation_id, outcome.message, ended_at, (_S.WAITING,), question.fence)
        elif isinstance(outcome, (NotSent, Unknown)):
            # The request is pending there, whatever became of this step: it is looked up, never sent again.
            look_again_later(cancellation_id, Unavailable(outcome.message), ended_at)
        else:
            apply(question, outcome, ended_at, question.fence)
    return True


def doubt_planned(cancellation_id: int, clock: Clock) -> bool:
    """What a restored backup says is about to be sent may have been sent: it is looked up first.

    The lease tells from when on an effect may not show yet. False where it is not planned any more.
    """
    now = clock.now()
    with transaction():
        return advance(
            Cancellation,
            cancellation_id,
            CANCELLATION,
            _S.UNKNOWN,
            at=now,
            sources=(_S.PLANNED,),
            facts={"message": "restored from a backup"},
            # As if it had been sent: nobody may take it for something that never was.
            attempts=Cancellation.attempts + 1,
            lease_until=common_now(clock) + leases.LENGTH,
            next_action_at=now,
            last_message="restored from a backup",
        )
