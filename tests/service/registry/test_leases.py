"""One writer for each registry account: who holds the lease, for how long, and what counts of whoever lost it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app.db import db, transaction
from app.fulfilment.process import Collaborators
from app.registry import leases, service
from app.registry.leases import Lease
from app.registry.models import RegistryLease
from app.registry.ports import NotSent, Outcome, Pending, RefusalCode, Refused
from app.registry.states import CancellationState
from tests.builders import NOW, all_at_once, ledger_effects, pass_time, registry_of
from tests.service.registry.asking import UNITS, a_planned_cancellation, ask, state_of, the_cancellation

S = CancellationState
ACCOUNT = "CDM-100-1"


def take(account: str = ACCOUNT, *, code: str = "ledger", later: timedelta = timedelta(0)) -> Lease | None:
    with transaction():
        return leases.take(code, account, NOW + later)


def give_back(lease: Lease | None) -> bool:
    assert lease is not None
    with transaction():
        return leases.give_back(lease)


def test_an_account_is_written_to_by_one_worker_and_another_account_by_another(context: Flask) -> None:
    assert take() == Lease("ledger", ACCOUNT, 1)
    assert take() is None
    assert take("CDM-100-2") == Lease("ledger", "CDM-100-2", 1)
    assert take(code="batch") == Lease("batch", ACCOUNT, 1)


def test_a_lease_that_was_given_back_is_taken_with_the_next_number(context: Flask) -> None:
    assert give_back(take())
    assert take() == Lease("ledger", ACCOUNT, 2)


def test_a_lease_ends_by_itself_and_whoever_had_it_learns_that_another_worker_took_over(context: Flask) -> None:
    first = take()
    assert take(later=leases.LENGTH - timedelta(seconds=1)) is None
    second = take(later=leases.LENGTH)
    assert second == Lease("ledger", ACCOUNT, 2)
    assert not give_back(first)
    assert give_back(second)


@pytest.fixture
def pass_real_time(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Let time pass for this process, whatever the clocks say."""
    passed = 0.0

    def pass_by(by: timedelta) -> None:
        nonlocal passed
        passed += by.total_seconds()

    monkeypatch.setattr(leases, "monotonic", lambda: passed)
    return pass_by


def test_a_lease_taken_with_a_clock_that_was_hours_ahead_stops_the_account_no_longer_than_another(
    context: Flask, pass_real_time: Callable[[timedelta], None]
) -> None:
    lost = take(later=timedelta(hours=3))
    assert take() is None
    pass_real_time(leases.LENGTH - timedelta(seconds=1))
    assert take() is None
    pass_real_time(timedelta(seconds=1))
    assert take() == Lease("ledger", ACCOUNT, 2)
    assert not give_back(lost)


def test_a_clock_that_is_hours_behind_takes_the_account_from_nobody_who_works(
    context: Flask, pass_real_time: Callable[[timedelta], None]
) -> None:
    behind = -timedelta(hours=3)
    for _order in range(4):
        lease = take()
        pass_real_time(leases.LENGTH / 2)
        assert take(later=behind) is None
        assert give_back(lease)


def test_of_many_workers_that_want_an_account_at_once_one_gets_it_also_the_first_time(context: Flask) -> None:
    for wanted in (ACCOUNT, "CDM-100-3"):
        taken = [lease for lease in all_at_once(context, [lambda wanted=wanted: take(wanted)] * 6) if lease is not None]
        assert taken == [Lease("ledger", wanted, 1)]


def test_a_sender_that_finds_the_account_taken_changes_nothing(world: Collaborators) -> None:
    cancellation_id = a_planned_cancellation(world)
    lease = take()
    assert not service.send(cancellation_id, world.registries, world.clock)
    assert (state_of(cancellation_id), the_cancellation(cancellation_id).attempts) == (S.PLANNED, 0)
    assert give_back(lease)
    assert ask(world, cancellation_id) is S.CONFIRMED


def test_a_sender_that_finds_its_cancellation_sent_already_leaves_the_account_to_others(world: Collaborators) -> None:
    cancellation_id = a_planned_cancellation(world)
    assert ask(world, cancellation_id) is S.CONFIRMED
    assert not service.send(cancellation_id, world.registries, world.clock)
    assert db.session.scalars(select(RegistryLease.holder)).all() == [None]


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (None, S.CONFIRMED),
        (Refused(RefusalCode.RULES, "not eligible"), S.UNKNOWN),
        (NotSent("no connection", timedelta(0)), S.UNKNOWN),
        (Pending("R-1", timedelta(minutes=1)), S.UNKNOWN),
    ],
    ids=["completed", "refused", "not sent", "pending"],
)
def test_of_what_a_sender_says_whose_account_another_worker_took_only_success_is_believed(
    world: Collaborators, answer: Outcome | None, state: CancellationState
) -> None:
    cancellation_id = a_planned_cancellation(world)

    def taken_over() -> None:
        pass_time(world, seconds=leases.LENGTH.total_seconds())
        assert take(later=leases.LENGTH) is not None

    registry_of(world).before_submit = [taken_over]
    registry_of(world).submits = [] if answer is None else [answer]
    assert ask(world, cancellation_id) is state
    assert ledger_effects() == (UNITS if answer is None else 0)
