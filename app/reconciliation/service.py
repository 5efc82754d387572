"""Comparing all books, keeping what was found, freezing what must not be sold, and what operators say about it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import bindparam, func, select, union, update

from app.audit.service import Actor, Subject, note_act, required_reason
from app.db import advance, db, end_reading, insert_once, read_ids, record, transaction, write
from app.direct.models import DirectCancellation
from app.fulfilment import disputes
from app.fulfilment.process import Collaborators
from app.offers.models import Offer
from app.reconciliation import balance
from app.reconciliation.errors import FindingClosed, NoSuchFinding
from app.reconciliation.levels import Difference, Seen, compare_account
from app.reconciliation.models import ReconciledAccount, ReconciliationFinding, ReconciliationRun
from app.reconciliation.states import FINDING, RUN, FindingKind, FindingState, RunCause, RunState
from app.registry import service as registry_service
from app.registry.models import Cancellation, RegistryAccount, StrayBlock, StrayCancellation
from app.registry.ports import Registries, StatementLine
from app.registry.states import CancellationState
from app.screening.service import screen_open
from app.selling import service as selling

log = logging.getLogger(__name__)

NIGHT = 2  # o’clock, UTC: the nightly run begins after it
THOROUGH_WEEKDAY = 6  # Sunday: all levels, whatever the totals say
ABANDONED_AFTER = timedelta(hours=2)

_K, _R = FindingKind, RunState

# Said once: the worker asks after every round.
_WANTED = select(ReconciliationRun.id).where(ReconciliationRun.state == _R.WANTED).order_by(ReconciliationRun.id)
_OF_NIGHT = select(ReconciliationRun.id, ReconciliationRun.state, ReconciliationRun.started_at).where(
    ReconciliationRun.night == bindparam("night")
)


@dataclass(frozen=True)
class Result:
    """What one run saw: its number, accounts compared and not answered for, and the differences found."""

    run_id: int
    accounts: int
    unread: int
    differences: int


def compare_nightly(world: Collaborators) -> int:
    """Compare books, then names, once in each night (UTC); gives 1 if this call did, 0 if another worker does."""
    now = world.clock.now()
    if now.hour < NIGHT or not _is_due(now.date(), now):
        return 0
    run_id = _take_night(now, is_thorough=now.weekday() == THOROUGH_WEEKDAY)
    if run_id is None:
        return 0
    disputes.look_for_unheard(world.gateway, world.clock)
    _carry_out(run_id, world, forgotten_since=None)
    screen_open(now)
    return 1


def compare_now(world: Collaborators, *, is_thorough: bool = True) -> Result:
    """Compare on demand, all levels unless told otherwise."""
    run_id = _write(RunCause.DEMAND, _R.RUNNING, world.clock.now(), is_thorough=is_thorough)
    return _carry_out(run_id, world, forgotten_since=None)


def ask(actor: Actor, now: datetime) -> None:
    """Let the worker compare on all levels as soon as it can; asked twice, it is one comparison."""
    waiting = read_ids(_WANTED)
    end_reading()
    if not waiting:
        _write(RunCause.DEMAND, _R.WANTED, now, is_thorough=True, actor=actor)


def compare_wanted(world: Collaborators) -> int:
    """Do what somebody asked for; gives how many comparisons that were."""
    wanted = read_ids(_WANTED)
    if wanted:
        end_reading()
    done = 0
    for run_id in wanted:
        now = world.clock.now()
        with transaction():
            is_ours = advance(ReconciliationRun, run_id, RUN, _R.RUNNING, at=now, started_at=now)
        if is_ours:
            _carry_out(run_id, world, forgotten_since=None)
            done += 1
    return done


def compare_restored(world: Collaborators, forgotten_since: datetime) -> Result:
    """Compare on all levels what a restored database forgot since an instant (aware)."""
    run_id = _write(RunCause.RESTORED, _R.RUNNING, world.clock.now(), is_thorough=True)
    return _carry_out(run_id, world, forgotten_since=forgotten_since)


def acknowledge(finding_id: int, actor: Actor, *, reason: str, now: datetime) -> None:
    """Say what a difference is. It is not told again, and nothing else changes.

    Raises ReasonMissing, NoSuchFinding or FindingClosed.
    """
    kept = required_reason(reason)
    with transaction() as session:
        finding = session.get(ReconciliationFinding, finding_id)
        if finding is None:
            raise NoSuchFinding
        subject = Subject("finding", finding_id, finding.subject or finding.account)
        kind = finding.kind.value
        if not advance(ReconciliationFinding, finding_id, FINDING, FindingState.ACKNOWLEDGED, at=now, reason=kept):
            raise FindingClosed
        note_act(actor, "finding_acknowledged", subject, at=now, reason=kept, facts={"what": kind})


# --- a run ---------------------------------------------------------------------------------------------


def _is_due(night: date, now: datetime) -> bool:
    """Whether a night has no run that counts; one that nobody finishes is abandoned."""
    run = write(_OF_NIGHT, {"night": night}).one_or_none()
    if run is None:
        return True
    is_stuck = run.state is _R.RUNNING and now - run.started_at >= ABANDONED_AFTER
    if is_stuck:
        with transaction():
            advance(ReconciliationRun, run.id, RUN, _R.ABANDONED, at=now, night=None)
    return is_stuck


def _take_night(now: datetime, *, is_thorough: bool) -> int | None:
    """Write the run of a night down before it begins; None where another worker took it."""
    with transaction() as session:
        is_ours = insert_once(
            ReconciliationRun, cause=RunCause.NIGHTLY, state=_R.RUNNING, night=now.date(), is_thorough=is_thorough,
            started_at=now, registries="", accounts=0, unread=0, cancellations=0, sums=0, differences=0,
        )  # fmt: skip
        if not is_ours:
            return None
        run_id = session.scalars(select(ReconciliationRun.id).where(ReconciliationRun.night == now.date())).one()
        record(RUN.machine, run_id, None, _R.RUNNING, at=now)
    return run_id


def _write(cause: RunCause, state: RunState, now: datetime, *, is_thorough: bool, actor: Actor | None = None) -> int:
    with transaction() as session:
        run = ReconciliationRun(cause=cause, state=state, is_thorough=is_thorough, started_at=now)
        session.add(run)
        session.flush()
        record(RUN.machine, run.id, None, state, at=now)
        if actor is not None:
            note_act(actor, "books_compared", Subject("reconciliation_run", run.id, f"{now:%Y-%m-%d}"), at=now)
        return run.id


def _carry_out(run_id: int, world: Collaborators, *, forgotten_since: datetime | None) -> Result:
    now, run = world.clock.now(), db.session.get_one(ReconciliationRun, run_id)
    is_thorough = run.is_thorough
    end_reading()
    _look_for_the_lost(world)
    seen = [
        _compare(world.registries, code, account, is_thorough=is_thorough, since=forgotten_since, now=now)
        for code, account in accounts(world.registries)
    ]
    sums, money = balance.check(now)
    differences = [difference for each in seen for difference in each.differences] + money
    unread = sum(each.level == 0 for each in seen)
    names = [world.registries.of(code).display_name for code in dict.fromkeys(each.registry for each in seen)]
    at = world.clock.now()
    with transaction() as session:
        session.add_all(_row(run_id, each) for each in seen if each.level)
        new = sum(_keep(run_id, each, at) for each in differences)
        advance(
            ReconciliationRun, run_id, RUN, _R.FINISHED, at=at, finished_at=at, registries=", ".join(names)[:200],
            accounts=len(seen) - unread, unread=unread, cancellations=sum(each.compared for each in seen),
            sums=sums, differences=len(differences),
        )  # fmt: skip
    _freeze(differences, at)
    facts = {"run": run_id, "accounts": len(seen), "unread": unread, "differences": len(differences), "new": new}
    log.log(logging.ERROR if new else logging.INFO, "books compared", extra={"facts": facts})
    return Result(run_id, len(seen) - unread, unread, len(differences))


def accounts(registries: Registries) -> list[tuple[str, str]]:
    """Every account that we sell from or cancelled from, with the code of its registry."""
    named = db.session.scalars(
        union(
            select(Offer.account),
            select(Cancellation.account),
            select(DirectCancellation.account),
            select(RegistryAccount.identifier),
        )
    ).all()
    configured = {registry.name for registry in registries}
    found = {(registries.of_account(account).name, account) for account in named if registries.is_connected(account)}
    # A cancellation stays with the registry that it was asked from.
    found |= set(db.session.execute(select(Cancellation.registry_code, Cancellation.account).distinct()))
    end_reading()
    return sorted((code, account) for code, account in found if code in configured)


def _look_for_the_lost(world: Collaborators) -> None:
    """Ask once more about what a person was to look at: a registry may be able to say by now."""
    ids = db.session.scalars(
        select(Cancellation.id).where(Cancellation.state == CancellationState.MANUAL).order_by(Cancellation.id)
    ).all()
    end_reading()
    for cancellation_id in ids:
        registry_service.look_up(cancellation_id, world.registries, world.clock)


def _compare(
    registries: Registries, code: str, account: str, *, is_thorough: bool, since: datetime | None, now: datetime
) -> Seen:
    try:
        return compare_account(registries.of(code), account, is_thorough=is_thorough, forgotten_since=since, now=now)
    except Exception as problem:
        # One registry that does not answer, or answers nonsense, keeps nobody from comparing the others.
        log.warning("account not compared", exc_info=True, extra={"facts": {"registry": code}})
        end_reading()
        difference = Difference(_K.NOT_READ, code, account, subject=f"{now:%Y-%m-%d}", theirs=type(problem).__name__)
        return Seen(code, account, differences=[difference])


def _row(run_id: int, seen: Seen) -> ReconciledAccount:
    return ReconciledAccount(
        run_id=run_id,
        registry_code=seen.registry,
        account=seen.account,
        opening=seen.opening,
        held=seen.held,
        confirmed=seen.confirmed,
        strays=seen.strays,
        pending=seen.pending,
        level=seen.level,
    )


# --- what was found ------------------------------------------------------------------------------------


def _keep(run_id: int, difference: Difference, now: datetime) -> bool:
    """Write a difference down, or that it was seen again; True for one that nobody saw before."""
    if difference.stray is not None:
        _keep_stray(difference.registry, difference.account, difference.stray, now)
    is_new = insert_once(
        ReconciliationFinding,
        key=difference.key,
        kind=difference.kind,
        state=FindingState.OPEN,
        registry_code=difference.registry,
        account=difference.account,
        subject=difference.subject,
        ours=difference.ours,
        theirs=difference.theirs,
        first_run_id=run_id,
        last_run_id=run_id,
        found_at=now,
        reason="",
    )
    db.session.execute(
        update(ReconciliationFinding).where(ReconciliationFinding.key == difference.key).values(last_run_id=run_id)
    )
    if is_new:
        finding_id = db.session.scalars(
            select(ReconciliationFinding.id).where(ReconciliationFinding.key == difference.key)
        ).one()
        record(FINDING.machine, finding_id, None, FindingState.OPEN, at=now)
    return is_new


def _keep_stray(registry: str, account: str, line: StatementLine, now: datetime) -> None:
    """Its serial numbers are on record from now on: nobody sells or cancels them again."""
    result = line.result
    is_new = insert_once(
        StrayCancellation,
        registry_code=registry,
        account=account,
        reference=line.reference,
        registry_transaction=result.registry_transaction,
        units=result.units,
        completed_at=result.completed_at,
        found_at=now,
    )
    if not is_new:
        return
    stray_id = db.session.scalars(
        select(StrayCancellation.id).where(
            StrayCancellation.registry_code == registry,
            StrayCancellation.registry_transaction == result.registry_transaction,
        )
    ).one()
    for block in result.blocks:
        taken = select(func.count()).where(
            StrayBlock.space == block.space, StrayBlock.first <= block.last, StrayBlock.last >= block.first
        )
        if not db.session.scalar(taken):
            db.session.add(
                StrayBlock(
                    stray_id=stray_id,
                    space=block.space,
                    first=block.first,
                    last=block.last,
                    text_first=block.text_first,
                    text_last=block.text_last,
                )
            )
            db.session.flush()


def _freeze(differences: Sequence[Difference], now: datetime) -> None:
    """Nobody buys of a pool on which the books differ, before a person looked. Said once, a difference freezes once.

    A pool that is short stays so until less is offered of it, whatever anybody said.
    """
    acknowledged = _acknowledged(each.key for each in differences)
    pools = {
        each.pool
        for each in differences
        if each.pool is not None and (each.kind is _K.POOL_SHORT or each.key not in acknowledged)
    }
    for account, issuance_id in sorted(pools):
        with transaction():
            selling.freeze_units([(account, issuance_id)], "books compared", now)


def _acknowledged(keys: Iterable[str]) -> set[str]:
    found = db.session.scalars(
        select(ReconciliationFinding.key).where(
            ReconciliationFinding.key.in_(list(keys)), ReconciliationFinding.state == FindingState.ACKNOWLEDGED
        )
    ).all()
    end_reading()
    return set(found)
