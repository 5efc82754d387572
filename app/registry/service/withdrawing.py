"""Taking back what a registry has not carried out: only proof counts."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, update

from app.db import db, end_reading, rows_changed, transaction
from app.kernel.clock import Clock
from app.registry import leases
from app.registry.models import Cancellation
from app.registry.ports import (
    Absent,
    Completed,
    Found,
    Lookup,
    RefusalCode,
    Refused,
    Registries,
)
from app.registry.promises import waits_too_long
from app.registry.service.attempts import note_attempt, pause
from app.registry.service.conversation import answer_of, with_lease
from app.registry.service.outcomes import apply_lookup, refuse
from app.registry.service.question import Fence, Question
from app.registry.states import CancellationState

_S = CancellationState


def want_back(order_id: int, registries: Registries, now: datetime) -> int:
    """Note that a buyer who waited longer than promised wants their units back; gives how many cancellations that is.

    Nothing is promised by it: the worker tries to withdraw them, and only the registry's proof counts.
    Runs inside the caller's transaction.
    """
    wanted = db.session.execute(
        update(Cancellation)
        .where(waits_too_long(order_id, registries, now))
        .values(withdrawal_wanted_at=now, next_action_at=now)
        .execution_options(synchronize_session=False)
    )
    return rows_changed(wanted)


def withdraw(cancellation_id: int, reason: str, registries: Registries, clock: Clock) -> bool:
    """Try to take a cancellation back that the registry has not carried out; True if that is proven.

    `reason` is told to the registry, in English. Only proof counts: that it was never sent, that the registry
    gave it up, or that the registry never had it. Then the cancellation is `refused` with the code `withdrawn`,
    and its money may go back. Anything else leaves it as it is, or shows that it is done. False also where
    another worker writes to the account at the moment.
    """
    now = clock.now()
    lease, question = with_lease(cancellation_id, clock, (_S.PLANNED, _S.WAITING, _S.UNKNOWN, _S.MANUAL))
    if lease is None:
        return False
    if question.attempts == 0:
        answer: Lookup = Absent(proven=True, basis="it was never sent")
    else:
        answer = answer_of(
            cancellation_id,
            lambda: registries.of(lease.registry_code).withdraw(question.request, question.transaction, reason),
        )
        if isinstance(answer, Absent) and not answer.proven:
            # What is not there cannot be taken back. That it never arrived can be proven by when it was sent.
            answer = answer_of(
                cancellation_id,
                lambda: registries.of(lease.registry_code).lookup(
                    question.request, question.transaction, question.since
                ),
            )
    ended_at = clock.now()
    with transaction() as session:
        note_attempt(cancellation_id, "withdraw", now, ended_at, answer)
        is_done = isinstance(answer, Found) and isinstance(answer.outcome, Completed)
        if leases.give_back(lease) or is_done:
            _apply_withdrawal(question, answer, ended_at, question.fence)
        session.execute(
            update(Cancellation)
            .where(
                Cancellation.id == cancellation_id,
                Cancellation.state.in_([_S.PLANNED, _S.WAITING, _S.UNKNOWN]),
                Cancellation.next_action_at <= ended_at,
            )
            .values(next_action_at=ended_at + pause(cancellation_id))
            .execution_options(synchronize_session=False)
        )
        code = session.scalar(
            select(Cancellation.refusal_code).where(
                Cancellation.id == cancellation_id, Cancellation.state == _S.REFUSED
            )
        )
    return code == RefusalCode.WITHDRAWN.value


def is_wanted_back(cancellation_id: int) -> bool:
    """Whether a buyer wants units back that are not cancelled yet."""
    wanted = db.session.scalar(
        select(Cancellation.withdrawal_wanted_at).where(
            Cancellation.id == cancellation_id, Cancellation.state.in_([_S.PLANNED, _S.WAITING, _S.UNKNOWN])
        )
    )
    end_reading()
    return wanted is not None


def _apply_withdrawal(question: Question, answer: Lookup, now: datetime, fence: Fence) -> None:
    if isinstance(answer, Absent) and answer.proven:
        # Nobody sends it again, so what is not there never will be.
        withdrawn = Refused(RefusalCode.WITHDRAWN, answer.basis)
        refuse(question.cancellation_id, withdrawn, now, (_S.PLANNED, _S.UNKNOWN), fence)
    apply_lookup(question, answer, now, fence)
