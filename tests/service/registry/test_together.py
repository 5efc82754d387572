"""Several cancellations in one conversation: each has its own outcome, and one that fails keeps no other waiting."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, select, update

from app.catalog.models import Mechanism
from app.db import db, transaction
from app.fulfilment.process import Collaborators, cancel_units, run_due
from app.jobs.models import RestorationHold
from app.kernel import checkpoints
from app.registry import leases, service
from app.registry.accounts import find_registry_code
from app.registry.models import Cancellation, RegistryLease
from app.registry.ports import (
    CancellationRequest,
    Completed,
    NotSent,
    Outcome,
    Pending,
    RefusalCode,
    Refused,
    Registries,
    RegistryAdapter,
    TakesMany,
)
from app.registry.states import CancellationState
from tests.builders import (
    NOW,
    a_begun_order,
    all_at_once,
    an_offer,
    cancellations_of,
    ledger_effects,
    pass_time,
    registry_of,
)
from tests.fakes import ScriptedRegistry
from tests.service.registry.asking import (
    a_block,
    a_request,
    attempts_of,
    done,
    history_of,
    ledger_entries,
    state_of,
    the_cancellation,
)
from tests.service.registry.books import an_issuance, cancelled, entries, held, the_ledger

S = CancellationState


class Together(ScriptedRegistry):
    """The embedded registry, whose first call about several requests goes by a script."""

    def __init__(self, real: RegistryAdapter) -> None:
        super().__init__(real)
        self.meanwhile: Callable[[], None] = lambda: None
        self.answers: Sequence[Outcome] | None = None
        self.calls: list[int] = []

    def submit_all(self, requests: Sequence[CancellationRequest]) -> Sequence[Outcome]:
        self.calls.append(len(requests))
        self.meanwhile()
        assert isinstance(self.real, TakesMany)
        return self.real.submit_all(requests) if self.answers is None else self.answers


@contextmanager
def counted_commits() -> Iterator[Callable[[], int]]:
    """What is committed in here; call what it gives for the number."""
    seen: list[object] = []
    note = seen.append
    event.listen(db.session, "after_commit", note)
    yield lambda: len(seen)
    event.remove(db.session, "after_commit", note)


@pytest.fixture
def shop(world: Collaborators) -> Collaborators:
    """A shop whose registry takes several requests at once."""
    return replace(world, registries=Registries([Together(registry_of(world).real)], find_registry_code))


def registry(shop: Collaborators) -> Together:
    found = shop.registries.default
    assert isinstance(found, Together)
    return found


def planned(shop: Collaborators, *numbers: int) -> list[int]:
    """Cancellations of one order, 10 units of each project; gives their ids."""
    order_id = a_begun_order(shop, {an_offer(number=number): 10 for number in numbers})
    return [cancellation.id for cancellation in cancellations_of(order_id)]


def send(shop: Collaborators, ids: Sequence[int]) -> list[int]:
    return sorted(service.send_together(ids, shop.registries, shop.clock))


def test_the_lines_of_an_order_are_cancelled_in_one_conversation(shop: Collaborators) -> None:
    ids = planned(shop, 1, 2, 3)

    assert send(shop, ids) == ids

    assert registry(shop).calls == [3]
    assert [history_of(id_) for id_ in ids] == [["planned", "sending", "confirmed"]] * 3
    assert [attempts_of(id_) for id_ in ids] == [[("submit", "completed")]] * 3
    firsts = [[block.first for block in the_cancellation(id_).blocks] for id_ in ids]
    assert firsts == [[1_002_000], [2_002_000], [3_002_000]]
    assert (ledger_entries(), ledger_effects()) == (3, 30)
    assert {lease.holder for lease in db.session.scalars(select(RegistryLease))} == {None}
    assert send(shop, ids) == []


def test_more_than_fit_into_one_go_in_several(shop: Collaborators, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "AT_ONCE", 2)
    ids = planned(shop, 1, 2, 3)
    run_due(shop)
    assert registry(shop).calls == [2, 1]
    assert {state_of(id_) for id_ in ids} == {S.CONFIRMED}


def test_what_a_registry_takes_alone_costs_no_more_beside_one_that_takes_several(shop: Collaborators) -> None:
    alone = ScriptedRegistry(registry(shop).real)
    alone.name = "alone"
    commits: list[int] = []
    for number, others in enumerate(([], [], [registry(shop)]), start=1):
        planned(shop, number)
        _set(registry_code="alone")()
        with counted_commits() as counted:
            assert cancel_units(replace(shop, registries=Registries([alone, *others]))) == 1
        commits.append(counted())

    # The first one of all is not compared: more is written for it.
    assert commits[1] == commits[2]
    assert (len(alone.submitted), registry(shop).calls) == (3, [])


def test_what_a_registry_takes_alone_is_left_to_be_sent_alone(shop: Collaborators) -> None:
    alone = ScriptedRegistry(registry(shop).real)
    alone.name = "alone"
    left = planned(shop, 1)
    _set(registry_code="alone")()
    sent = planned(shop, 2)

    both = replace(shop, registries=Registries([alone, registry(shop)]))

    assert send(both, [*left, *sent]) == sent
    assert (alone.submitted, registry(shop).calls) == ([], [1])


def test_each_of_them_has_its_own_outcome(shop: Collaborators) -> None:
    ids = planned(shop, 1, 2, 3)
    registry(shop).answers = [
        Refused(RefusalCode.RULES, "not eligible"),
        Pending("R-1", timedelta(minutes=1)),
        NotSent("busy", timedelta(seconds=5)),
    ]
    assert send(shop, ids) == ids
    assert [state_of(id_) for id_ in ids] == [S.REFUSED, S.WAITING, S.PLANNED]


def test_where_the_call_fails_each_is_looked_up_and_sent_alone(shop: Collaborators) -> None:
    ids = planned(shop, 1, 2)

    def fail() -> None:
        raise ConnectionError

    registry(shop).meanwhile = fail
    assert send(shop, ids) == ids
    assert [state_of(id_) for id_ in ids] == [S.UNKNOWN, S.UNKNOWN]

    pass_time(shop, minutes=1)
    run_due(shop)

    assert registry(shop).calls == [2]
    assert [history_of(id_)[2:] for id_ in ids] == [["unknown", "planned", "sending", "confirmed"]] * 2
    assert ledger_effects() == 20


def test_where_the_worker_dies_after_the_call_nothing_is_cancelled_twice(shop: Collaborators) -> None:
    ids = planned(shop, 1, 2)

    def die(point: str) -> None:
        if point == "ledger.after_commit":
            raise KeyboardInterrupt

    checkpoints.observe(die)
    with pytest.raises(KeyboardInterrupt):
        send(shop, ids)
    checkpoints.forget_observers()
    db.session.rollback()
    assert [state_of(id_) for id_ in ids] == [S.SENDING, S.SENDING]

    pass_time(shop, seconds=leases.LENGTH.total_seconds())
    run_due(shop)

    assert [history_of(id_)[2:] for id_ in ids] == [["unknown", "confirmed"]] * 2
    assert (ledger_entries(), ledger_effects()) == (2, 20)


def test_two_workers_at_once_send_each_of_them_once(shop: Collaborators, context: Flask) -> None:
    ids = planned(shop, 1, 2, 3)
    results = all_at_once(context, [lambda: send(shop, ids)] * 3)
    assert sorted(results) == [[], [], ids]
    assert (ledger_entries(), ledger_effects()) == (3, 30)


def test_of_what_is_said_while_another_worker_took_the_account_only_success_is_believed(shop: Collaborators) -> None:
    ids = planned(shop, 1, 2)

    def take_over() -> None:
        pass_time(shop, seconds=leases.LENGTH.total_seconds())
        with transaction():
            assert leases.take("ledger", "CDM-100-1", shop.clock.now())

    registry(shop).meanwhile = take_over
    assert send(shop, ids[:1]) == ids[:1]
    assert state_of(ids[0]) is S.CONFIRMED

    pass_time(shop, seconds=leases.LENGTH.total_seconds())
    registry(shop).answers = [Refused(RefusalCode.RULES, "not eligible")]
    assert send(shop, ids[1:]) == ids[1:]
    assert state_of(ids[1]) is S.UNKNOWN


def _hold() -> None:
    with transaction() as session:
        session.add(RestorationHold(backup_made_at=NOW, restored_at=NOW, is_journal_kept=True))


def _close() -> None:
    with transaction() as session:
        session.execute(update(Mechanism).values(ends_at=NOW))


def _write_to_the_account() -> None:
    with transaction():
        assert leases.take("ledger", "CDM-100-1", NOW)


def _set(**values: Any) -> Callable[[], None]:
    def change() -> None:
        with transaction() as session:
            session.execute(update(Cancellation).values(**values))

    return change


@pytest.mark.parametrize(
    "happens",
    [
        pytest.param(_hold, id="a restoration hold stands"),
        pytest.param(_close, id="its registry is closed"),
        pytest.param(_write_to_the_account, id="somebody else writes to the account"),
        pytest.param(_set(attempts=1), id="it was sent before"),
        pytest.param(_set(withdrawal_wanted_at=NOW), id="its buyer wants it back"),
        pytest.param(_set(registry_code="another"), id="it belongs to another registry"),
        pytest.param(_set(state=S.UNKNOWN), id="its outcome is unknown"),
    ],
)
def test_what_has_to_be_looked_at_alone_is_not_sent_with_others(
    shop: Collaborators, happens: Callable[[], None]
) -> None:
    ids = planned(shop, 1)
    happens()
    assert send(shop, ids) == []
    assert (registry(shop).calls, ledger_entries()) == ([], 0)


def test_the_ledger_answers_each_request_and_gives_no_unit_twice(context: Flask) -> None:
    an_issuance((2_000, 2_009))
    requests = [a_request(6, reference="A"), a_request(3, reference="B"), a_request(3, reference="C")]

    answers = the_ledger(context).submit_all(requests)

    assert [type(answer).__name__ for answer in answers] == ["Completed", "Completed", "Refused"]
    assert (cancelled(), held(), len(entries())) == ([(2_000, 2_005), (2_006, 2_008)], [(2_009, 2_009)], 3)
    assert the_ledger(context).submit_all(requests) == answers
    assert isinstance(the_ledger(context).submit(requests[1]), Completed)


def test_of_several_requests_that_are_torn_off_in_the_middle_none_happened(context: Flask) -> None:
    an_issuance((2_000, 2_009))
    requests = [a_request(6, reference="A"), a_request(3, reference="B")]

    def fail(point: str) -> None:
        if point == "ledger.inside_commit":
            raise ConnectionError(point)

    checkpoints.observe(fail)
    with pytest.raises(ConnectionError):
        the_ledger(context).submit_all(requests)
    checkpoints.forget_observers()

    assert (entries(), cancelled(), held()) == ([], [], [(2_000, 2_009)])


def test_several_requests_use_up_a_block_and_begin_the_next_one(context: Flask) -> None:
    an_issuance((2_000, 2_004), (3_000, 3_004))
    requests = [a_request(3, reference="A"), a_request(2, reference="B"), a_request(3, reference="C")]

    the_ledger(context).submit_all(requests)

    assert cancelled() == [(2_000, 2_002), (2_003, 2_004), (3_000, 3_002)]
    assert held() == [(3_003, 3_004)]


def test_what_was_entered_before_stands_and_only_the_new_requests_are_carried_out(context: Flask) -> None:
    an_issuance((2_000, 2_009))
    old, new = a_request(3, reference="A"), a_request(2, reference="B")
    ledger = the_ledger(context)
    before = ledger.submit(old)

    first, second, repeated = ledger.submit_all([old, new, new])

    assert first == before
    assert isinstance(second, Completed)
    assert repeated == second
    assert (cancelled(), len(entries())) == ([(2_000, 2_002), (2_003, 2_004)], 2)


def test_of_two_that_are_said_to_have_the_same_units_one_is_left_to_a_person(shop: Collaborators) -> None:
    ids = planned(shop, 1, 2)
    registry(shop).answers = [done(a_block(1_002_000, 1_002_009))] * 2

    assert send(shop, ids) == ids

    assert [state_of(id_) for id_ in ids] == [S.CONFIRMED, S.MANUAL]


def test_what_was_thought_unknown_meanwhile_is_confirmed_all_the_same(shop: Collaborators) -> None:
    ids = planned(shop, 1)
    registry(shop).meanwhile = _set(state=S.UNKNOWN)
    assert send(shop, ids) == ids
    assert state_of(ids[0]) is S.CONFIRMED
    assert [block.first for block in the_cancellation(ids[0]).blocks] == [1_002_000]
