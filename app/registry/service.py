"""Cancelling exactly once: the intent first, then one call, then what it answered.

A cancellation found in `sending` after its lease is an unknown outcome, never a "not sent". An
unknown outcome is looked up; only a registry that proves the reference absent is asked again. Whoever
writes to a registry holds the lease on the account (`app/registry/leases.py`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, String, and_, bindparam, func, or_, select, union_all, update

from app.catalog.models import Issuance, Mechanism, UnitType
from app.db import add_row, advance, db, end_reading, record, rows_changed, transaction
from app.jobs import hold
from app.kernel import checkpoints
from app.kernel.clock import Clock
from app.kernel.references import cancellation_reference, unguessable_token
from app.registry import leases
from app.registry.leases import Lease
from app.registry.models import Cancellation, CancelledBlock, RegistryAttempt, StrayBlock, StrayCancellation
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
    RefusalCode,
    Refused,
    Registries,
    Unavailable,
    Unknown,
)
from app.registry.promises import later_than_promised
from app.registry.states import CANCELLATION, CancellationState

log = logging.getLogger(__name__)

BACKOFF = (5, 15, 60, 300, 900, 3600)  # seconds
MANUAL_AFTER = timedelta(hours=24)

_S = CancellationState

Said = TypeVar("Said", bound=Outcome | Ambiguous)


@dataclass(frozen=True)
class Cause:
    """What units are cancelled for: a line of an order, or a direct cancellation.

    `key` is unguessable and the same for good, also in a database that came back from a backup; `at` (aware) is
    when it was asked for.
    """

    order_id: int | None = None
    order_line_id: int | None = None
    direct_cancellation_id: int | None = None
    key: str = field(default_factory=unguessable_token)
    at: datetime | None = None


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
    What a restored backup may have forgotten is not sent before it was looked up.
    """
    state = _S.UNKNOWN if cause.at is not None and hold.may_have_been_done(cause.at) else _S.PLANNED
    request = CancellationRequest(
        reference=cancellation_reference(cause.key),
        account=account,
        project_reference=project_reference,
        unit_type=issuance.unit_type,
        commitment_period=issuance.commitment_period,
        vintage_year=issuance.vintage_year,
        space=issuance.space,
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
        vintage_year=issuance.vintage_year,
        units=units,
        beneficiary_name=beneficiary_name,
        purpose=purpose,
        state=state,
        attempts=0 if state is _S.PLANNED else 1,
        next_action_at=now,
        created_at=now,
    )
    db.session.add(cancellation)
    db.session.flush()
    record(CANCELLATION.machine, cancellation.id, None, state, at=now)
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


def pursue(cancellation_id: int, state: CancellationState, registries: Registries, clock: Clock) -> bool:
    """Do the one next thing for a due cancellation, whatever state it was seen in.

    False if nothing could be done now, because another worker writes to the same account.
    """
    if state is _S.SENDING:
        doubt(cancellation_id, clock.now())
        return True
    if state is _S.PLANNED and send(cancellation_id, registries, clock):
        return True
    if state is not _S.PLANNED:
        look_up(cancellation_id, registries, clock)
    if _is_wanted_back(cancellation_id):
        withdraw(cancellation_id, "the buyer waited longer than was promised", registries, clock)
        return True
    return state is not _S.PLANNED


def send(cancellation_id: int, registries: Registries, clock: Clock) -> bool:
    """Ask the registry to cancel: commit the intent, make the call, record the outcome.

    False if somebody else was faster, or writes to the same account at the moment, or a restoration hold stands.
    """
    now = clock.now()
    with transaction():
        if hold.stands():
            return False
        question = _read(cancellation_id)
        lease = leases.take(question.registry_code, question.request.account, now)
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
            only_if=(Cancellation.attempts == question.fence,),
            attempts=question.fence + 1,
            first_sent_at=func.coalesce(Cancellation.first_sent_at, now),
            account_fence=lease.fence,
            lease_until=now + leases.LENGTH,
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
    else:
        outcome = _outcome_of(cancellation_id, lambda: registries.of(lease.registry_code).submit(question.request))
    ended_at = clock.now()
    with transaction():
        _note_attempt(cancellation_id, "submit", now, ended_at, outcome)
        outcome = _believed(outcome, leases.give_back(lease))
        # A sender that lost its claim may still report success, for that is a fact; anything else
        # it says is about a claim that belongs to somebody else by now.
        _apply(question, outcome, ended_at, Cancellation.attempts == question.fence + 1)
    return True


def _outcome_of(cancellation_id: int, write: Callable[[], Said]) -> Said | Unknown:
    try:
        return write()
    except Exception:
        # An adapter that raises has said nothing about the effect: that is the definition of unknown.
        log.exception("registry adapter raised", extra={"facts": {"cancellation": cancellation_id}})
        return Unknown("the adapter failed")


def _believed(outcome: Said, is_alone: bool) -> Said | Unknown:
    """What counts of an outcome: with another writer on the account in the meantime, only a completed one."""
    if is_alone or isinstance(outcome, Completed):
        return outcome
    return Unknown("another worker wrote to the account before the answer came")


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


def look_up(cancellation_id: int, registries: Registries, clock: Clock) -> None:
    """Ask the registry what became of a cancellation, and believe only what it proves.

    Where the registry waits for our own next step, that is taken.
    """
    now = clock.now()
    question = _read(cancellation_id)
    end_reading()
    answer = _answer_of(
        cancellation_id,
        lambda: registries.of(question.registry_code).lookup(question.request, question.transaction, question.since),
    )
    with transaction():
        _note_attempt(cancellation_id, "lookup", now, clock.now(), answer)
        _apply_lookup(question, answer, clock.now(), Cancellation.attempts == question.fence)
    can_advance = isinstance(answer, Found) and isinstance(answer.outcome, Pending) and answer.outcome.can_advance
    if can_advance and not question.is_closed(now):
        take_next_step(cancellation_id, registries, clock)


def take_next_step(cancellation_id: int, registries: Registries, clock: Clock) -> bool:
    """Take the step of a waiting cancellation that is ours. False if somebody else writes to the account."""
    now = clock.now()
    lease, question = _with_lease(cancellation_id, now, (_S.WAITING,))
    if lease is None:
        return False
    outcome = _outcome_of(
        cancellation_id, lambda: registries.of(lease.registry_code).advance(question.request, question.transaction)
    )
    ended_at = clock.now()
    with transaction():
        _note_attempt(cancellation_id, "advance", now, ended_at, outcome)
        outcome = _believed(outcome, leases.give_back(lease))
        fence = Cancellation.attempts == question.fence
        if isinstance(outcome, Ambiguous):
            _call_a_person(cancellation_id, outcome.message, ended_at, (_S.WAITING,), fence)
        elif isinstance(outcome, (NotSent, Unknown)):
            # The request is pending there, whatever became of this step: it is looked up, never sent again.
            _look_again_later(cancellation_id, Unavailable(outcome.message), ended_at)
        else:
            _apply(question, outcome, ended_at, fence)
    return True


def want_back(order_id: int, registries: Registries, now: datetime) -> int:
    """Note that a buyer who waited longer than promised wants their units back; gives how many cancellations that is.

    Nothing is promised by it: the worker tries to withdraw them, and only the registry's proof counts.
    Runs inside the caller's transaction.
    """
    wanted = db.session.execute(
        update(Cancellation)
        .where(
            Cancellation.order_id == order_id,
            Cancellation.state.in_([_S.PLANNED, _S.WAITING, _S.UNKNOWN]),
            Cancellation.withdrawal_wanted_at.is_(None),
            or_(*(later_than_promised(registry, now) for registry in registries)),
        )
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
    lease, question = _with_lease(cancellation_id, now, (_S.PLANNED, _S.WAITING, _S.UNKNOWN, _S.MANUAL))
    if lease is None:
        return False
    if question.fence == 0:
        answer: Lookup = Absent(proven=True, basis="it was never sent")
    else:
        answer = _answer_of(
            cancellation_id,
            lambda: registries.of(lease.registry_code).withdraw(question.request, question.transaction, reason),
        )
    ended_at = clock.now()
    with transaction() as session:
        _note_attempt(cancellation_id, "withdraw", now, ended_at, answer)
        is_done = isinstance(answer, Found) and isinstance(answer.outcome, Completed)
        if leases.give_back(lease) or is_done:
            _apply_withdrawal(question, answer, ended_at, Cancellation.attempts == question.fence)
        session.execute(
            update(Cancellation)
            .where(
                Cancellation.id == cancellation_id,
                Cancellation.state.in_([_S.PLANNED, _S.WAITING, _S.UNKNOWN]),
                Cancellation.next_action_at <= ended_at,
            )
            .values(next_action_at=ended_at + _pause(cancellation_id))
            .execution_options(synchronize_session=False)
        )
        code = session.scalar(
            select(Cancellation.refusal_code).where(
                Cancellation.id == cancellation_id, Cancellation.state == _S.REFUSED
            )
        )
    return code == RefusalCode.WITHDRAWN.value


def _is_wanted_back(cancellation_id: int) -> bool:
    wanted = db.session.scalar(
        select(Cancellation.withdrawal_wanted_at).where(
            Cancellation.id == cancellation_id, Cancellation.state.in_([_S.PLANNED, _S.WAITING, _S.UNKNOWN])
        )
    )
    end_reading()
    return wanted is not None


def _apply_withdrawal(question: _Question, answer: Lookup, now: datetime, fence: ColumnElement[bool]) -> None:
    if isinstance(answer, Absent) and answer.proven:
        # Nobody sends it again, so what is not there never will be.
        withdrawn = Refused(RefusalCode.WITHDRAWN, answer.basis)
        _refuse(question.cancellation_id, withdrawn, now, (_S.PLANNED, _S.UNKNOWN), fence)
    _apply_lookup(question, answer, now, fence)


def _refuse(
    cancellation_id: int,
    outcome: Refused,
    now: datetime,
    sources: tuple[CancellationState, ...],
    *fence: ColumnElement[bool],
) -> None:
    advance(
        Cancellation,
        cancellation_id,
        CANCELLATION,
        _S.REFUSED,
        at=now,
        sources=sources,
        only_if=fence,
        facts={"code": outcome.code.value, "message": outcome.message},
        refusal_code=outcome.code.value,
        last_message=outcome.message[:500],
    )


@dataclass(frozen=True)
class _Question:
    """What a registry is asked about one cancellation, and what is known of it.

    `since` is the instant of the last call that may have written; `fence` is how often it had been sent by then;
    `closes_at` is when its registry closes (aware UTC), where that is known.
    """

    cancellation_id: int
    request: CancellationRequest
    registry_code: str
    transaction: str | None
    since: datetime
    fence: int
    state: CancellationState
    is_wanted_back: bool
    closes_at: datetime | None

    def is_closed(self, now: datetime) -> bool:
        """Whether the registry is gone at `now` (aware)."""
        return self.closes_at is not None and self.closes_at <= now


_READ = (
    select(
        *(column for column in Cancellation.__table__.columns if column.name != "issuance_id"),
        *(Issuance.__table__.columns[name] for name in ("space", "serial_first", "serial_last")),
        Mechanism.__table__.columns["ends_at"],
    )
    .join(Issuance.__table__, Issuance.id == Cancellation.issuance_id)
    .join(UnitType.__table__, UnitType.code == Cancellation.unit_type)
    .join(Mechanism.__table__, Mechanism.code == UnitType.mechanism_code)
    .where(Cancellation.id == bindparam("cancellation_id"))
)


def _read(cancellation_id: int) -> _Question:
    """Everything in one query: this is read for each conversation."""
    row = db.session.execute(_READ, {"cancellation_id": cancellation_id}).one()
    return _Question(
        cancellation_id=cancellation_id,
        request=_request(row),
        registry_code=row.registry_code,
        transaction=row.registry_transaction,
        since=(row.lease_until or row.created_at + leases.LENGTH) - leases.LENGTH,
        fence=row.attempts,
        state=row.state,
        is_wanted_back=row.withdrawal_wanted_at is not None,
        closes_at=row.ends_at,
    )


def _with_lease(
    cancellation_id: int, now: datetime, states: tuple[CancellationState, ...]
) -> tuple[Lease | None, _Question]:
    """Take the lease on the account of a cancellation in one of `states`; no lease where that cannot be.

    A restoration hold lets nobody write to a registry.
    """
    with transaction() as session:
        question = _read(cancellation_id)
        may = question.state in states and not hold.stands()
        lease = leases.take(question.registry_code, question.request.account, now) if may else None
        if lease is not None:
            session.execute(
                update(Cancellation)
                .where(Cancellation.id == cancellation_id)
                .values(lease_until=now + leases.LENGTH, account_fence=lease.fence)
                .execution_options(synchronize_session=False)
            )
    return lease, question


def _answer_of(cancellation_id: int, ask: Callable[[], Lookup]) -> Lookup:
    try:
        return ask()
    except Exception:
        log.exception("registry look-up raised", extra={"facts": {"cancellation": cancellation_id}})
        return Unavailable("the adapter failed")


def _apply_lookup(question: _Question, answer: Lookup, now: datetime, fence: ColumnElement[bool]) -> None:
    cancellation_id = question.cancellation_id
    if isinstance(answer, Found):
        _apply(question, answer.outcome, now)
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


def _apply(question: _Question, outcome: Outcome, now: datetime, *fence: ColumnElement[bool]) -> None:
    cancellation_id = question.cancellation_id
    if isinstance(outcome, Completed):
        _confirm(question, outcome.result, now)
    elif isinstance(outcome, Refused) and outcome.code is RefusalCode.KEY_REUSED:
        # Something else stands under our reference: that is our mistake, and no proof that nothing happened.
        _call_a_person(cancellation_id, outcome.message, now, (_S.SENDING, _S.UNKNOWN, _S.WAITING), *fence)
    elif isinstance(outcome, Refused):
        _refuse(cancellation_id, outcome, now, (), *fence)
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


def _confirm(question: _Question, result: CancellationResult, now: datetime) -> None:
    """Final: the registry did it. What it says must add up to what was asked, or a person looks."""
    cancellation_id = question.cancellation_id
    problem = _what_is_wrong(question, result)
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
        # The likeliest first.
        sources=(_S.SENDING, _S.WAITING, _S.UNKNOWN, _S.PLANNED, _S.MANUAL),
        facts={"transaction": result.registry_transaction},
        registry_transaction=result.registry_transaction,
        completed_at=result.completed_at,
    )
    if confirmed:
        for block in result.blocks:
            add_row(CancelledBlock, cancellation_id=cancellation_id, **vars(block))


def what_is_wrong(cancellation_id: int, result: CancellationResult) -> str | None:
    """What does not add up between a result, what was asked for and what is on record; None when all of it does."""
    return _what_is_wrong(_read(cancellation_id), result)


def _what_is_wrong(question: _Question, result: CancellationResult) -> str | None:
    return result.contradiction(question.request) or _recorded_before(question, result)


def record_stated(cancellation_id: int, outcome: Completed | Refused, now: datetime) -> None:
    """Take what two operators state for the registry's answer, inside the caller's transaction."""
    _note_attempt(cancellation_id, "stated", now, now, outcome)
    _apply(_read(cancellation_id), outcome, now)


def _recorded_before(question: _Question, result: CancellationResult) -> str | None:
    """What is wrong when a serial number of the result belongs to another cancellation; None if none does."""
    for block in result.blocks:
        taken = db.session.scalar(
            _RECORDED,
            {
                "space": block.space,
                "first": block.first,
                "last": block.last,
                "cancellation_id": question.cancellation_id,
                "reference": question.request.reference,
            },
        )
        if taken is not None:
            return f"serial numbers from {taken} on are on record as cancelled before"
    return None


def _shares(block: type[CancelledBlock] | type[StrayBlock]) -> ColumnElement[bool]:
    within = (block.first <= bindparam("last"), block.last >= bindparam("first"))
    return and_(block.space == bindparam("space"), *within)


# Serial numbers of another cancellation, or of a stray one that nobody here asked for.
_RECORDED = union_all(
    select(CancelledBlock.text_first).where(
        _shares(CancelledBlock), CancelledBlock.cancellation_id != bindparam("cancellation_id")
    ),
    select(StrayBlock.text_first)
    .join(StrayCancellation, StrayCancellation.id == StrayBlock.stray_id)
    .where(_shares(StrayBlock), StrayCancellation.reference.is_distinct_from(bindparam("reference", type_=String))),
).limit(1)


def doubt_planned(cancellation_id: int, now: datetime) -> bool:
    """What a restored backup says is about to be sent may have been sent: it is looked up first.

    The lease tells from when on an effect may not show yet. False where it is not planned any more.
    """
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
            lease_until=now + leases.LENGTH,
            next_action_at=now,
            last_message="restored from a backup",
        )


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
    add_row(
        RegistryAttempt,
        cancellation_id=cancellation_id,
        kind=kind,
        started_at=started_at,
        ended_at=ended_at,
        outcome=type(answer).__name__.lower(),
        answer=_plain(asdict(answer)),
    )


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
    return _read(cancellation.id).request


def _request(row: Any) -> CancellationRequest:
    return CancellationRequest(
        reference=row.reference,
        account=row.account,
        project_reference=row.project_reference,
        unit_type=row.unit_type,
        commitment_period=row.commitment_period,
        vintage_year=row.vintage_year,
        space=row.space,
        serial_first=row.serial_first,
        serial_last=row.serial_last,
        units=row.units,
        beneficiary_name=row.beneficiary_name,
        purpose=row.purpose,
        channel="registry" if row.order_id is None else "platform",
    )
