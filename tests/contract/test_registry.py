"""What the product expects of a registry, asked of all three: cancel exactly once, whatever happens on the way.

After each case the books are compared: for every reference at most one live effect, confirmed if and only if
exactly one, no refund with an effect.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from types import ModuleType

import pytest
from flask import Flask

from app.db import db, transaction
from app.kernel import checkpoints
from app.kernel.csvtable import ImportRefused
from app.registry import leases, service
from app.registry.adapters import ledger
from app.registry.batch import service as batch
from app.registry.models import Cancellation, CancelledBlock
from app.registry.ports import Absent, CancellationRequest, Found
from app.registry.service import attempts, contradictions, conversation, outcomes, pursuing, question, withdrawing
from app.registry.states import CancellationState
from tests.batch_world import SECRET, read_lines
from tests.builders import a_begun_order, all_at_once, cancellations_of, refunds_of, registry_of
from tests.contract.lines import PowerCut, dying_at
from tests.contract.registries import (
    BatchWorld,
    Effects,
    InThread,
    LedgerWorld,
    RegistryWorld,
    UndpWorld,
    a_world,
    check_books,
    owed,
    settle,
    wait_until,
)
from tests.contract.registry_cases import CASES, IMPOSSIBLE, REGISTRIES, case, played
from tests.service.registry.asking import attempts_of, history_of, state_of, the_cancellation

S = CancellationState
NOTHING, ONCE = Effects(0, 0, 0), Effects(1, 10, 10)
# Whose lines a worker may die at; of the registry over HTTP only ours, for its own are torn by the wire.
WORKER: tuple[ModuleType, ...] = (
    attempts, contradictions, conversation, leases, outcomes, pursuing, question, withdrawing
)  # fmt: skip
LINES: dict[str, tuple[ModuleType, ...]] = {
    "ledger": (*WORKER, ledger),
    "undp": WORKER,
    "batch": (*WORKER, batch),
}
# `make chaos` dies at every line, `make test` at so many of them.
DEATHS = 12 if "CHAOS_CANCELLATIONS" not in os.environ else 10_000


@pytest.fixture
def app(request: pytest.FixtureRequest, make_app: object) -> Flask:
    return make_app(REGISTRIES="ledger,batch", BATCH_SHARED_SECRET=SECRET)  # type: ignore[operator]  # a fixture's function


@pytest.fixture
def far(request: pytest.FixtureRequest, context: Flask) -> Iterator[RegistryWorld]:
    """The world of one registry. However a test ends well, the books agree."""
    with a_world(request.param, context) as world:
        yield world
        check_books(world)


def planned(far: RegistryWorld, units: int = 10, offer_id: int | None = None) -> int:
    """A paid cancellation that nothing was sent of; gives its id."""
    order_id = a_begun_order(far.shop, {offer_id or far.an_offer(): units})
    (cancellation,) = cancellations_of(order_id)
    return cancellation.id


def send(far: RegistryWorld, cancellation_id: int) -> bool:
    return service.send(cancellation_id, far.shop.registries, far.shop.clock)


def effects_of(far: RegistryWorld, cancellation_id: int) -> Effects:
    return far.effects(the_cancellation(cancellation_id).reference)


def request_of(cancellation_id: int) -> CancellationRequest:
    request = service.request_of(the_cancellation(cancellation_id))
    db.session.rollback()
    return request


def assert_done_once(far: RegistryWorld, cancellation_id: int) -> None:
    assert state_of(cancellation_id) is S.CONFIRMED
    assert effects_of(far, cancellation_id) == ONCE
    assert sum(block.last - block.first + 1 for block in the_cancellation(cancellation_id).blocks) == 10


def assert_for_a_person(far: RegistryWorld, cancellation_id: int) -> None:
    """It stays where it is, whatever time passes, and no money moves."""
    far.clock.advance(timedelta(days=3))
    settle(far)
    cancellation = the_cancellation(cancellation_id)
    assert cancellation.state is S.MANUAL
    assert refunds_of(cancellation.order_id or 0) == []


def test_every_case_of_the_list_is_played_or_has_a_reason_why_it_cannot_be() -> None:
    both = {(code, name) for code in REGISTRIES for name in CASES}
    assert played | set(IMPOSSIBLE) == both
    assert not played & set(IMPOSSIBLE)
    assert all(IMPOSSIBLE.values())


# --- an answer is lost -------------------------------------------------------------------------------------


@case("answer lost after effect")
def test_an_answer_lost_after_the_effect_is_found_by_looking(far: RegistryWorld) -> None:
    cancellation_id = planned(far)
    far.breaks("lost after effect")
    assert send(far, cancellation_id)
    assert state_of(cancellation_id) is S.UNKNOWN
    settle(far)
    assert_done_once(far, cancellation_id)
    assert [kind for kind, _ in attempts_of(cancellation_id)].count("submit") == 1


@case("lost before effect")
def test_a_request_lost_before_the_effect_is_sent_again_when_its_absence_is_proven(far: RegistryWorld) -> None:
    cancellation_id = planned(far)
    far.breaks("lost before effect")
    assert send(far, cancellation_id)
    assert state_of(cancellation_id) is S.UNKNOWN
    assert effects_of(far, cancellation_id) == NOTHING
    settle(far)
    assert_done_once(far, cancellation_id)
    assert [kind for kind, _ in attempts_of(cancellation_id)].count("submit") == 2


@pytest.mark.parametrize("fault", ["500 after effect", "unlisted 400 after effect", "truncated JSON"])
@pytest.mark.parametrize("far", ["undp"], indirect=True)
def test_an_answer_that_says_nothing_is_no_answer(far: RegistryWorld, fault: str) -> None:
    cancellation_id = planned(far)
    far.breaks(fault)
    assert send(far, cancellation_id)
    assert state_of(cancellation_id) is S.UNKNOWN
    settle(far)
    assert_done_once(far, cancellation_id)
    assert [kind for kind, _ in attempts_of(cancellation_id)].count("submit") == 1


for _fault in ("500 after effect", "unlisted 400 after effect", "truncated JSON"):
    case(_fault)


@case("slow: visible only after settle")
def test_what_takes_long_to_show_is_waited_for(far: RegistryWorld) -> None:
    cancellation_id = planned(far)
    far.hides()
    send(far, cancellation_id)
    far.other_side()
    far.clock.advance(far.another_worker().capabilities.settle + timedelta(seconds=1))
    service.look_up(cancellation_id, far.shop.registries, far.shop.clock)
    assert state_of(cancellation_id) is S.WAITING
    far.shows()
    settle(far)
    assert_done_once(far, cancellation_id)


@case("never visible, then visible")
def test_what_does_not_show_for_a_day_is_neither_sent_again_nor_refunded(far: RegistryWorld) -> None:
    cancellation_id = planned(far)
    far.hides()
    if isinstance(far, UndpWorld):
        far.far.faults.script("odd_400_unlogged")  # not even their log has it
    send(far, cancellation_id)
    far.other_side()
    for _hour in range(23):
        far.clock.advance(timedelta(hours=1))
        service.look_up(cancellation_id, far.shop.registries, far.shop.clock)
        assert state_of(cancellation_id) in {S.WAITING, S.UNKNOWN}
    assert [kind for kind, _ in attempts_of(cancellation_id)].count("submit") == 1
    far.shows()
    settle(far)
    assert_done_once(far, cancellation_id)


# --- twice, and at once ------------------------------------------------------------------------------------


@case("duplicate delivery")
def test_a_request_that_is_made_twice_takes_effect_once(far: RegistryWorld) -> None:
    cancellation_id = planned(far)
    send(far, cancellation_id)
    worker = far.another_worker()
    for _repeat in range(2):
        worker.submit(request_of(cancellation_id))
        far.clock.advance(timedelta(seconds=2))
    settle(far)
    worker.submit(request_of(cancellation_id))
    assert_done_once(far, cancellation_id)


@pytest.mark.parametrize("far", ["undp"], indirect=True)
def test_a_request_that_the_wire_delivers_twice_goes_to_a_person_before_anything_is_final(far: UndpWorld) -> None:
    cancellation_id = planned(far)
    send(far, cancellation_id)
    request = request_of(cancellation_id)
    (retirement,) = far.far.requests(request.reference)
    far.far.ask_by_hand(request, retirement.block_id, str(retirement.remarks))
    assert_for_a_person(far, cancellation_id)
    far.far.decide("REJECT", request.reference)  # what the person asks the authority for; the rest is theirs


@case("two workers at once")
def test_two_workers_that_take_the_same_cancellation_send_it_once(far: RegistryWorld, context: Flask) -> None:
    cancellation_id = planned(far)
    results = all_at_once(context, [lambda: send(far, cancellation_id)] * 3)
    assert sorted(results) == [False, False, True]
    settle(far)
    assert_done_once(far, cancellation_id)


@pytest.mark.parametrize("far", REGISTRIES, indirect=True)
def test_while_one_worker_writes_to_an_account_another_one_lets_it_be(far: RegistryWorld, context: Flask) -> None:
    offer_id = far.an_offer()
    first, second = planned(far, offer_id=offer_id), planned(far, offer_id=offer_id)
    refused: list[object] = []
    registry_of(far.shop).before_submit.append(lambda: refused.append(InThread.of(context, lambda: send(far, second))))
    assert send(far, first)
    assert refused == [False]
    assert [request.reference for request in registry_of(far.shop).submitted] == [the_cancellation(first).reference]
    settle(far)
    assert_done_once(far, first)
    assert_done_once(far, second)


@pytest.mark.parametrize("db_url", ["sqlite"], indirect=True)
def test_without_the_lease_the_undp_registry_loses_updates(
    context: Flask, monkeypatch: pytest.MonkeyPatch, db_url: str
) -> None:
    """Why there is a lease at all: two requests at the same instant, two receipts, one cancellation."""
    with a_world("undp", context) as far:
        assert isinstance(far, UndpWorld)
        offer_id = far.an_offer()
        both = [planned(far, offer_id=offer_id) for _ in range(2)]
        monkeypatch.setattr(leases, "take", lambda code, account, _now: leases.Lease(code, account, 1))
        monkeypatch.setattr(leases, "give_back", lambda _lease: True)
        far.far.server.together, far.far.rules.fates = 2, ["good", "orphan"]
        all_at_once(context, [lambda one=one: send(far, one) for one in both])
        assert [state_of(one) for one in both] == [S.WAITING, S.WAITING]
        assert sorted(effects_of(far, one).live for one in both) == [0, 1]


# --- a worker dies -----------------------------------------------------------------------------------------


@pytest.mark.chaos
@pytest.mark.timeout(900)
@case("crash at each line of the worker")
def test_a_worker_that_dies_at_any_line_leaves_nothing_undone_and_nothing_done_twice(far: RegistryWorld) -> None:
    offer_id = far.an_offer(units=20_000)
    whole = planned(far, offer_id=offer_id)
    with dying_at(0, LINES[far.code]) as lines_run:
        settle(far)
    assert_done_once(far, whole)
    assert lines_run() > 40
    deaths = range(1, lines_run() + 1, max(1, lines_run() // DEATHS))
    dead = [planned(far, offer_id=offer_id) for _death in deaths]
    for cancellation_id, line in zip(dead, deaths, strict=True):
        _die(far, cancellation_id, line)
        far.clock.advance(leases.LENGTH)
    settle(far, most=1_000)
    for cancellation_id in dead:
        assert_done_once(far, cancellation_id)


def _die(far: RegistryWorld, cancellation_id: int, line: int) -> None:
    """Pursue one cancellation until the worker is dead, or has nothing left to do."""
    try:
        with dying_at(line, LINES[far.code]):
            for _turn in range(20):
                cancellation = the_cancellation(cancellation_id)
                if cancellation.state in {S.CONFIRMED, S.REFUSED, S.MANUAL}:
                    return
                wait_until(far.clock, cancellation.next_action_at)
                db.session.rollback()
                service.pursue(cancellation_id, cancellation.state, far.shop.registries, far.shop.clock)
                far.other_side()
    except PowerCut:
        # What a dead process leaves to the database: an open transaction that is rolled back.
        db.session.remove()


# --- the registry and we do not mean the same --------------------------------------------------------------


@pytest.mark.parametrize("when", ["before it is sent", "after its answer was lost"])
@case("same reference with other quantity")
def test_a_reference_that_stands_for_another_quantity_goes_to_a_person_and_is_never_refunded(
    far: RegistryWorld, when: str
) -> None:
    cancellation_id = planned(far)
    other = replace(request_of(cancellation_id), units=7)
    if when == "after its answer was lost":
        far.breaks("lost before effect")
        send(far, cancellation_id)
    far.another_worker().submit(other)
    far.other_side()
    far.clock.advance(timedelta(seconds=30))
    settle(far)
    assert_for_a_person(far, cancellation_id)
    assert effects_of(far, cancellation_id).units in {0, 7}


@case("block split between plan and submit")
def test_a_block_that_was_split_since_it_was_planned_gives_what_is_left_of_it(far: RegistryWorld) -> None:
    cancellation_id = planned(far)
    if isinstance(far, UndpWorld):
        (block,) = far.far.rules.blocks
        far.far.split(block, 400)
        far.clock.advance(timedelta(seconds=2))
    else:
        assert isinstance(far, LedgerWorld)
        far.take_away(400)
    settle(far)
    assert_done_once(far, cancellation_id)


@pytest.mark.parametrize("far", ["ledger", "undp"], indirect=True)
def test_a_block_that_is_too_small_by_now_refuses_and_the_money_goes_back(far: RegistryWorld) -> None:
    cancellation_id = planned(far, offer_id=far.an_offer(held=5))
    settle(far)
    cancellation = the_cancellation(cancellation_id)
    assert (cancellation.state, cancellation.refusal_code) == (S.REFUSED, "insufficient")
    assert owed(cancellation.order_id or 0) == 10 * 250
    assert effects_of(far, cancellation_id) == NOTHING


@pytest.mark.parametrize("far", REGISTRIES, indirect=True)
def test_a_registry_that_decides_against_it_has_no_effect_and_the_money_goes_back_once(far: RegistryWorld) -> None:
    cancellation_id = planned(far)
    far.refuses_next()
    if isinstance(far, UndpWorld):
        send(far, cancellation_id)
        far.clock.advance(timedelta(seconds=2))
        far.other_side()
    settle(far)
    settle(far)
    cancellation = the_cancellation(cancellation_id)
    assert cancellation.state is S.REFUSED
    assert owed(cancellation.order_id or 0) == 10 * 250
    assert effects_of(far, cancellation_id) == NOTHING


@case("accept twice")
def test_an_acceptance_that_comes_twice_accepts_once(far: UndpWorld) -> None:
    cancellation_id = planned(far)
    send(far, cancellation_id)
    far.clock.advance(timedelta(seconds=2))
    far.far.double_accept(the_cancellation(cancellation_id).reference)
    worker = far.another_worker()
    for _repeat in range(2):
        worker.advance(request_of(cancellation_id), None)
    settle(far)
    assert_done_once(far, cancellation_id)


@case("serial overlap")
def test_serial_numbers_that_are_on_record_already_are_never_certified_twice(far: RegistryWorld) -> None:
    offer_id = far.an_offer()
    earlier, cancellation_id = planned(far, offer_id=offer_id), planned(far, offer_id=offer_id)
    carry_out(far, earlier)
    issuance = request_of(cancellation_id)
    with transaction() as session:
        (block,) = the_cancellation(earlier).blocks
        # All that is left of the issuance is said to be gone.
        for first, last in _left(issuance, block):
            session.add(
                CancelledBlock(
                    cancellation_id=earlier, space=block.space, first=first, last=last, text_first="-", text_last="-"
                )
            )
    if isinstance(far, BatchWorld):
        with pytest.raises(ImportRefused):
            settle(far)
        assert state_of(cancellation_id) is S.WAITING
    else:
        settle(far)
        assert state_of(cancellation_id) is S.MANUAL
    assert refunds_of(the_cancellation(cancellation_id).order_id or 0) == []
    with transaction() as session:
        session.query(CancelledBlock).filter(CancelledBlock.text_first == "-").delete()


# --- a notice, or a file -----------------------------------------------------------------------------------


@case("notice before answer")
def test_a_notice_that_is_faster_than_the_answer_is_believed_once(far: RegistryWorld, context: Flask) -> None:
    cancellation_id = planned(far)

    def notice() -> None:
        far.other_side()
        far.clock.advance(timedelta(seconds=2))
        InThread.of(context, lambda: service.look_up(cancellation_id, far.shop.registries, far.shop.clock))

    registry_of(far.shop).after_submit.append(notice)  # type: ignore[attr-defined]  # the fake registry's
    send(far, cancellation_id)
    settle(far)
    assert_done_once(far, cancellation_id)
    assert history_of(cancellation_id).count("confirmed") == 1


@pytest.mark.parametrize("ending", ["confirmed", "refused"])
@case("notice for a final line")
def test_a_notice_about_something_final_changes_nothing(far: RegistryWorld, ending: str) -> None:
    cancellation_id = planned(far)
    if ending == "refused":
        far.refuses_next()
        if isinstance(far, UndpWorld):
            send(far, cancellation_id)
            far.clock.advance(timedelta(seconds=2))
            far.other_side()
    settle(far)
    before = history_of(cancellation_id)
    assert before[-1] == ending
    for _repeat in range(2):
        service.look_up(cancellation_id, far.shop.registries, far.shop.clock)
        service.withdraw(cancellation_id, "too late", far.shop.registries, far.shop.clock)
        service.take_next_step(cancellation_id, far.shop.registries, far.shop.clock)
        far.clock.advance(timedelta(days=1))
        settle(far)
    assert history_of(cancellation_id) == before


@case("response file twice")
def test_a_response_file_that_comes_twice_counts_once(far: BatchWorld) -> None:
    cancellation_id = planned(far)
    settle(far)
    (raw,) = far.office.files
    far.office.deliver(raw)
    settle(far)
    assert_done_once(far, cancellation_id)


def two_in_a_package(far: BatchWorld) -> tuple[list[int], bytes]:
    """Two cancellations of one offer that were handed to the registry together."""
    offer_id = far.an_offer()
    both = [planned(far, offer_id=offer_id) for _ in range(2)]
    for cancellation_id in both:
        send(far, cancellation_id)
    package = far.office.hand_over()
    assert package is not None
    return both, package


@case("response file out of order")
def test_response_files_in_the_wrong_order_say_the_same(far: BatchWorld) -> None:
    both, package = two_in_a_package(far)
    part = far.office.answer(package, only=[the_cancellation(both[0]).reference])
    whole = far.office.answer(package, reverse=True)
    far.office.deliver(whole)
    far.office.deliver(part)
    settle(far)
    for cancellation_id in both:
        assert_done_once(far, cancellation_id)


@case("response file with one bad line")
def test_a_response_file_with_one_bad_line_changes_nothing_at_all(far: BatchWorld) -> None:
    both, package = two_in_a_package(far)
    assert len(read_lines(package)) == 2
    with pytest.raises(ImportRefused):
        far.office.deliver(far.office.answer(package, bad_line=True))
    for cancellation_id in both:
        service.look_up(cancellation_id, far.shop.registries, far.shop.clock)
        assert state_of(cancellation_id) is S.WAITING
    far.office.deliver(far.office.answer(package))
    settle(far)
    for cancellation_id in both:
        assert_done_once(far, cancellation_id)


# --- taking it back ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("far", ["undp", "batch"], indirect=True)
def test_what_is_pending_can_be_taken_back_and_only_then_is_the_money_given_back(far: RegistryWorld) -> None:
    cancellation_id = planned(far)
    send(far, cancellation_id)
    far.clock.advance(timedelta(seconds=2))
    withdrawn = [
        service.withdraw(cancellation_id, "too late", far.shop.registries, far.shop.clock)
        for _try in range(3)
        if not far.clock.advance(timedelta(seconds=2))
    ]
    assert any(withdrawn)
    settle(far)
    cancellation = the_cancellation(cancellation_id)
    assert (cancellation.state, cancellation.refusal_code) == (S.REFUSED, "withdrawn")
    assert owed(cancellation.order_id or 0) == 10 * 250
    assert effects_of(far, cancellation_id) == NOTHING


@pytest.mark.parametrize("far", REGISTRIES, indirect=True)
def test_what_is_done_cannot_be_taken_back(far: RegistryWorld) -> None:
    cancellation_id = planned(far)
    far.breaks("lost after effect")
    send(far, cancellation_id)
    if isinstance(far, UndpWorld):
        far.clock.advance(timedelta(seconds=2))
        far.far.decide("ACCEPT", the_cancellation(cancellation_id).reference)
        far.clock.advance(timedelta(seconds=2))
    else:
        far.other_side()
    assert not service.withdraw(cancellation_id, "too late", far.shop.registries, far.shop.clock)
    settle(far)
    assert_done_once(far, cancellation_id)


@pytest.mark.parametrize("far", REGISTRIES, indirect=True)
def test_what_never_arrived_can_be_taken_back_and_the_money_goes_back_once(far: RegistryWorld) -> None:
    cancellation_id = planned(far)
    far.breaks("lost before effect")
    send(far, cancellation_id)
    taken_back(far, cancellation_id)
    cancellation = the_cancellation(cancellation_id)
    assert (cancellation.state, cancellation.refusal_code) == (S.REFUSED, "withdrawn")
    assert owed(cancellation.order_id or 0) == 10 * 250


@pytest.mark.parametrize("far", REGISTRIES, indirect=True)
def test_a_worker_that_slept_before_its_call_does_not_cancel_what_was_paid_back_meanwhile(far: RegistryWorld) -> None:
    cancellation_id = planned(far)

    def sleep(point: str) -> None:
        if point == "cancellation.intent_committed":
            checkpoints.forget_observers()
            far.clock.advance(leases.LENGTH)
            service.doubt(cancellation_id, far.shop.clock)
            taken_back(far, cancellation_id)

    checkpoints.observe(sleep)
    try:
        send(far, cancellation_id)
    finally:
        checkpoints.forget_observers()
    settle(far)
    for _day in range(2):
        far.clock.advance(timedelta(days=1))
        far.other_side()
    assert state_of(cancellation_id) is S.REFUSED
    assert effects_of(far, cancellation_id) == NOTHING


def taken_back(far: RegistryWorld, cancellation_id: int) -> None:
    """Its buyer waits longer than promised, wants the units back, and gets the money."""
    order_id = the_cancellation(cancellation_id).order_id or 0
    # Later than any registry promises.
    with transaction() as session:
        session.get_one(Cancellation, cancellation_id).created_at -= timedelta(days=60)
    with transaction():
        assert service.want_back(order_id, far.shop.registries, far.clock.now()) == 1
    settle(far)


@pytest.mark.parametrize("far", REGISTRIES, indirect=True)
def test_the_statement_has_every_cancellation_once_under_our_reference(far: RegistryWorld) -> None:
    offer_id = far.an_offer()
    begun_at = far.clock.now()
    done = [planned(far, offer_id=offer_id) for _ in range(3)]
    settle(far)
    account = the_cancellation(done[0]).account
    lines = far.another_worker().statement(account, begun_at)
    assert sorted(line.reference or "" for line in lines) == sorted(the_cancellation(one).reference for one in done)
    assert {line.result.units for line in lines} == {10}


@pytest.mark.parametrize("far", REGISTRIES, indirect=True)
def test_what_nobody_asked_for_is_absent_and_never_found(far: RegistryWorld) -> None:
    cancellation_id = planned(far)
    answer = far.another_worker().lookup(request_of(cancellation_id), None, far.clock.now())
    assert isinstance(answer, Absent)
    send(far, cancellation_id)
    far.clock.advance(timedelta(seconds=2))
    answer = far.another_worker().lookup(request_of(cancellation_id), None, far.clock.now())
    assert isinstance(answer, Found)
    settle(far)


def carry_out(far: RegistryWorld, cancellation_id: int) -> None:
    """Have one cancellation done, and leave the others as they are."""
    for _turn in range(30):
        state = state_of(cancellation_id)
        if state is S.CONFIRMED:
            return
        service.pursue(cancellation_id, state, far.shop.registries, far.shop.clock)
        far.other_side()
        far.clock.advance(timedelta(seconds=2))
    raise AssertionError(state_of(cancellation_id))


def _left(request: CancellationRequest, block: CancelledBlock) -> list[tuple[int, int]]:
    """What of an issuance lies before and after a block."""
    spans = [(request.serial_first, block.first - 1), (block.last + 1, request.serial_last)]
    return [(first, last) for first, last in spans if first <= last]
