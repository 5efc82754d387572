"""Our books against a registry's: every planted difference is found, told once, and stops what must not be sold."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from app.audit.errors import ReasonMissing
from app.audit.models import Act
from app.db import db, transaction
from app.fulfilment.process import Collaborators, run_due
from app.offers.states import OfferState
from app.reconciliation import queries, service
from app.reconciliation.errors import FindingClosed, NoSuchFinding
from app.reconciliation.models import ReconciledAccount, ReconciliationFinding, ReconciliationRun
from app.reconciliation.states import RunState
from app.registry.ledger.models import LedgerBlock, LedgerTransaction, LedgerTransactionBlock
from app.registry.models import Cancellation, CancelledBlock, RegistryAccount, StrayCancellation
from app.registry.ports import StatementLine, Unknown
from app.selling import service as selling
from tests.asked import statements
from tests.builders import (
    NOW,
    a_begun_order,
    a_finished_order,
    an_offer,
    cancellations_of,
    pass_time,
    registry_of,
    the_offer,
)
from tests.people import actor_of, an_operator
from tests.service.reconciliation.coming_back import findings


def differences(world: Collaborators, *, is_thorough: bool = True) -> list[tuple[str, str]]:
    """Compare, and give what is found."""
    service.compare_now(world, is_thorough=is_thorough)
    return findings()


def questions_of(world: Collaborators) -> int:
    """How many statements a thorough comparison says."""
    with statements() as asked:
        service.compare_now(world)
    return len(asked)


def change(statement: Any) -> None:
    """What somebody does to a table."""
    with transaction() as session:
        session.execute(statement.execution_options(synchronize_session=False))


def last_of(account: str = "CDM-100-1") -> ReconciledAccount:
    """What the last run saw of an account."""
    db.session.expire_all()
    return db.session.scalars(
        select(ReconciledAccount).where(ReconciledAccount.account == account).order_by(ReconciledAccount.id.desc())
    ).first()  # type: ignore[return-value]  # tests ask for one that is there


@pytest.fixture
def offer(world: Collaborators) -> int:
    """An offer of 100 units of which 10 were bought and cancelled, in a shop whose books agree."""
    offer_id = an_offer(units=100)
    a_finished_order(world, {offer_id: 10})
    assert differences(world) == []
    return offer_id


def the_cancellation() -> Cancellation:
    """The only one."""
    db.session.expire_all()
    return db.session.scalars(select(Cancellation)).one()


def test_books_that_agree_are_compared_by_their_totals_alone(world: Collaborators, offer: int) -> None:
    first = last_of()
    assert (first.opening, first.held, first.confirmed, first.level) == (100, 90, 10, 3)

    a_finished_order(world, {offer: 5})
    assert differences(world, is_thorough=False) == []

    seen = last_of()
    assert (seen.opening, seen.held, seen.confirmed, seen.level) == (100, 85, 15, 1)
    result = queries.last_public_result()
    assert result is not None
    assert (result.accounts, result.unread, result.cancellations, result.differences) == (1, 0, 2, 0)
    assert result.registries == ("Tonne embedded ledger",)
    assert result.sums > 20


def test_units_that_came_in_are_no_difference(world: Collaborators, offer: int) -> None:
    change(update(LedgerBlock).where(LedgerBlock.last == 1_002_099).values(last=1_002_149))

    assert differences(world) == []
    assert last_of().opening == 150
    assert the_offer(offer).state is OfferState.LIVE


def test_units_that_left_freeze_the_offers_that_promise_them(world: Collaborators, offer: int) -> None:
    change(update(LedgerBlock).where(LedgerBlock.last == 1_002_099).values(last=1_002_049))

    assert differences(world) == [("pool_short", "IN 1000000–1099999"), ("totals_differ", "")]
    frozen = the_offer(offer)
    assert (frozen.state, frozen.state_reason) == (OfferState.FROZEN, "books_differ")
    eva = actor_of(an_operator())
    with pytest.raises(Exception, match="more_than_held"):
        selling.thaw(offer, eva, world.registries.holdings, NOW)

    change(update(LedgerBlock).where(LedgerBlock.last == 1_002_049).values(last=1_002_099))
    service.compare_now(world)
    selling.thaw(offer, eva, world.registries.holdings, NOW)
    assert the_offer(offer).state is OfferState.LIVE
    service.compare_now(world)
    assert the_offer(offer).state is OfferState.LIVE


def test_what_an_operator_explained_is_taken_for_granted(world: Collaborators, offer: int) -> None:
    eva = actor_of(an_operator())
    with transaction() as session:
        session.execute(update(LedgerBlock).where(LedgerBlock.last == 1_002_099).values(last=1_002_049))
        session.get_one(type(the_offer(offer)), offer).units_offered = 50
    service.compare_now(world)
    (left,) = [row for row in queries.open_findings() if row.kind == "totals_differ"]
    assert (left.ours, left.theirs) == ("90", "40")

    with pytest.raises(ReasonMissing):
        service.acknowledge(left.id, eva, reason=" ", now=NOW)
    service.acknowledge(left.id, eva, reason="The seller moved 50 units to another account.", now=NOW)
    with pytest.raises(FindingClosed):
        service.acknowledge(left.id, eva, reason="Again.", now=NOW)
    with pytest.raises(NoSuchFinding):
        service.acknowledge(999, eva, reason="Nothing.", now=NOW)

    assert service.compare_now(world).differences == 0
    assert last_of().opening == 50
    assert [each.reason for each in queries.explained_findings()] == ["The seller moved 50 units to another account."]
    assert db.session.scalars(select(Act.what)).all() == ["finding_acknowledged"]


def test_a_cancellation_that_the_registry_does_not_have_is_found(world: Collaborators, offer: int) -> None:
    reference = the_cancellation().reference
    change(delete(LedgerTransactionBlock))
    change(delete(LedgerTransaction))

    found = differences(world)

    assert ("ours_not_theirs", reference) in found
    assert ("balance_differs", f"ledger: {reference}") in found
    assert the_offer(offer).state is OfferState.FROZEN


def test_a_block_that_is_cancelled_here_and_lies_there_is_found(world: Collaborators, offer: int) -> None:
    reference = the_cancellation().reference
    account = select(LedgerBlock.account_id).where(LedgerBlock.last == 1_002_099).scalar_subquery()
    change(update(LedgerBlock).where(LedgerBlock.last == 1_002_009).values(account_id=account))

    assert ("ours_not_theirs", reference) in differences(world)
    row = queries.open_findings()[0]
    assert row.ours == "IN-5-1002000-2-2-0-1 – IN-5-1002009-2-2-0-1"
    assert the_offer(offer).state is OfferState.FROZEN


@pytest.mark.parametrize("what", ["units", "serials"])
def test_a_cancellation_with_another_content_is_found(world: Collaborators, offer: int, what: str) -> None:
    reference = the_cancellation().reference
    if what == "units":
        change(update(LedgerTransaction).values(units=11))
    else:
        change(update(CancelledBlock).values(first=1_002_001, last=1_002_010))

    assert ("content_differs", reference) in differences(world)
    assert the_offer(offer).state is OfferState.FROZEN


def test_blocks_that_the_registry_splits_are_the_same_blocks(world: Collaborators, offer: int) -> None:
    with transaction() as session:
        block = session.scalars(select(CancelledBlock)).one()
        facts = {"cancellation_id": block.cancellation_id, "space": block.space, "text_first": "", "text_last": ""}
        block.last = 1_002_004
        session.flush()
        session.add(CancelledBlock(first=1_002_005, last=1_002_009, **facts))

    assert differences(world) == []


def stated_again(world: Collaborators, **changes: Any) -> None:
    """The registry states each cancellation twice, the second time with changes."""
    registry = registry_of(world)
    read = registry.statement

    def statement(account: str, since: Any) -> list[StatementLine]:
        lines = list(read(account, since))
        return [*lines, *(replace(line, **changes) for line in lines)]

    registry.statement = statement  # type: ignore[method-assign]  # another answer than it would give


def test_one_reference_twice_is_found(world: Collaborators, offer: int) -> None:
    stated_again(world)

    assert differences(world) == [("reference_twice", the_cancellation().reference)]
    assert the_offer(offer).state is OfferState.FROZEN


def test_what_was_cancelled_elsewhere_is_on_record_and_cannot_be_cancelled_here(
    world: Collaborators, offer: int
) -> None:
    request = service.registry_service.request_of(the_cancellation())
    elsewhere = replace(request, reference="SOMEBODY-ELSE", units=30)
    world.registries.default.submit(elsewhere)

    found = differences(world)

    assert found[0] == ("pool_short", "IN 1000000–1099999")
    assert ("theirs_not_ours", "SOMEBODY-ELSE") in found
    assert len(found) == 2, "the total is explained by it"
    assert db.session.scalar(select(StrayCancellation.units)) == 30
    assert last_of().strays == 30
    assert the_offer(offer).state is OfferState.FROZEN
    assert service.compare_now(world).differences == 1, "it is known, and the pool is still short"


def test_two_strays_with_the_same_serial_numbers_are_both_told(world: Collaborators, offer: int) -> None:
    stated_again(world, reference=None, result=a_result_named(world, "ELSE-1"))
    differences(world)
    registry_of(world).statement = lambda account, since: [  # type: ignore[method-assign]  # another answer than it would give
        StatementLine(None, a_result_named(world, name)) for name in ("ELSE-1", "ELSE-2")
    ]

    assert {("theirs_not_ours", "ELSE-1"), ("theirs_not_ours", "ELSE-2")} <= set(differences(world))


def a_result_named(world: Collaborators, name: str) -> Any:
    """The registry's answer about the only cancellation, under another name and with other serial numbers."""
    (line,) = list(world.registries.default.real.statement("CDM-100-1", NOW - timedelta(days=9)))  # type: ignore[attr-defined]  # the fake has a real one behind it
    blocks = tuple(replace(block, first=1_050_000, last=1_050_009) for block in line.result.blocks)
    return replace(line.result, registry_transaction=name, blocks=blocks)


def test_serial_numbers_of_a_stray_are_never_taken_for_ours(world: Collaborators) -> None:
    first = an_offer(units=100)
    a_finished_order(world, {first: 10})
    order = a_begun_order(world, {first: 5})
    request = service.registry_service.request_of(cancellations_of(order)[0])
    world.registries.default.submit(replace(request, reference="SOMEBODY-ELSE"))
    service.compare_now(world)
    registry = registry_of(world)
    found = registry.lookup(replace(request, reference="SOMEBODY-ELSE"), None, NOW)
    registry.submits = [found.outcome]  # type: ignore[union-attr]  # the registry names serials that are gone

    service.registry_service.send(cancellations_of(order)[0].id, world.registries, world.clock)

    stuck = cancellations_of(order)[0]
    assert stuck.state.value == "manual"
    assert "on record as cancelled before" in stuck.last_message


def test_a_refused_cancellation_that_was_carried_out_after_all_is_found(world: Collaborators, offer: int) -> None:
    reference = the_cancellation().reference
    with transaction() as session:
        session.execute(delete(CancelledBlock))
        session.execute(update(Cancellation).values(state="refused"))

    assert ("theirs_not_ours", reference) in differences(world)


def test_a_stray_is_kept_once_whoever_finds_it(world: Collaborators, offer: int) -> None:
    line = StatementLine(None, a_result_named(world, "ELSE-1"))
    for _n in range(2):
        with transaction():
            service._keep_stray("ledger", "CDM-100-1", line, NOW)  # noqa: SLF001 - two runs at once find the same

    assert db.session.scalars(select(StrayCancellation.registry_transaction)).all() == ["ELSE-1"]


def test_what_is_on_its_way_is_no_difference_and_what_takes_too_long_is(world: Collaborators) -> None:
    offer = an_offer(units=100)
    registry_of(world).submits = [Unknown("lost")]
    order = a_begun_order(world, {offer: 10})
    cancellation = cancellations_of(order)[0]
    service.registry_service.send(cancellation.id, world.registries, world.clock)
    assert differences(world) == []
    registry_of(world).real.submit(service.registry_service.request_of(cancellation))

    assert differences(world) == [], "the registry did it, and the worker will find out"
    assert last_of().pending == 10
    pass_time(world, minutes=6)
    assert differences(world) == [("pending_long", cancellation.reference)]


def test_what_a_person_was_to_look_at_is_asked_about_once_more(world: Collaborators) -> None:
    order = a_begun_order(world, {an_offer(): 10})
    cancellation = cancellations_of(order)[0]
    with transaction() as session:
        session.execute(update(Cancellation).values(state="manual"))
    registry_of(world).real.submit(service.registry_service.request_of(cancellation))

    assert differences(world) == []
    assert cancellations_of(order)[0].state.value == "confirmed"


def test_an_order_that_is_planned_while_books_are_compared_is_no_stray(world: Collaborators, offer: int) -> None:
    registry = registry_of(world)
    read = registry.statement

    def statement(account: str, since: Any) -> Any:
        registry.statement = read  # type: ignore[method-assign]  # another answer than it would give
        a_finished_order(world, {offer: 3})
        return read(account, since)

    registry.statement = statement  # type: ignore[method-assign]  # another answer than it would give

    assert differences(world) == []


def test_what_is_confirmed_while_the_registry_states_its_transactions_is_no_difference(
    world: Collaborators, offer: int
) -> None:
    a_begun_order(world, {offer: 6})
    registry = registry_of(world)
    read = registry.statement

    def statement(account: str, since: Any) -> Any:
        registry.statement = read  # type: ignore[method-assign]  # another answer than it would give
        lines = read(account, since)
        run_due(world)
        return lines

    registry.statement = statement  # type: ignore[method-assign]  # another answer than it would give

    assert differences(world) == []
    assert the_offer(offer).state is OfferState.LIVE


def test_a_registry_that_does_not_answer_keeps_nobody_from_the_rest(world: Collaborators, offer: int) -> None:
    registry_of(world).holdings = lambda account: (_ for _ in ()).throw(ConnectionError())  # type: ignore[method-assign]  # another answer than it would give

    result = service.compare_now(world)

    assert (result.accounts, result.unread, result.differences) == (0, 1, 1)
    assert findings() == [("not_read", f"{NOW:%Y-%m-%d}")]
    public = queries.last_public_result()
    assert public is not None
    assert public.unread == 1


def test_an_account_of_a_registry_that_is_not_connected_is_left_out(world: Collaborators, offer: int) -> None:
    with transaction() as session:
        provider = the_offer(offer).provider_id
        session.add(RegistryAccount(identifier="A64-1", registry_code="undp", provider_id=provider, holder="H"))

    assert service.accounts(world.registries) == [("ledger", "CDM-100-1")]


# --- when ------------------------------------------------------------------------------------------------


def test_books_are_compared_once_a_night(world: Collaborators, offer: int) -> None:
    assert NOW.hour == 10
    assert service.compare_nightly(world) == 1
    assert service.compare_nightly(world) == 0
    pass_time(world, hours=15)
    assert service.compare_nightly(world) == 0, "one o'clock"
    pass_time(world, hours=2)
    assert service.compare_nightly(world) == 1
    nights = db.session.scalars(select(ReconciliationRun.night).where(ReconciliationRun.night.is_not(None))).all()
    assert [str(night) for night in nights] == ["2026-11-22", "2026-11-23"]
    assert [run.is_thorough for run in queries.runs() if run.night] == [False, True], "all levels on a Sunday"


def test_a_night_whose_worker_died_is_done_by_another_one(world: Collaborators, offer: int) -> None:
    with transaction() as session:
        session.add(
            ReconciliationRun(
                cause="nightly", state=RunState.RUNNING, night=NOW.date(), is_thorough=False, started_at=NOW
            )
        )

    assert service.compare_nightly(world) == 0
    pass_time(world, hours=2)
    assert service.compare_nightly(world) == 1
    assert {run.state.value for run in queries.runs()} == {"finished", "abandoned"}


def test_a_comparison_by_one_worker_of_a_night_that_another_is_doing_waits(world: Collaborators) -> None:
    with transaction() as session:
        session.add(
            ReconciliationRun(
                cause="nightly", state=RunState.RUNNING, night=NOW.date(), is_thorough=False, started_at=NOW
            )
        )

    assert service.compare_nightly(world) == 0


def test_two_workers_compare_one_night_once(world: Collaborators, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "_is_due", lambda night, now: True)

    assert service.compare_nightly(world) == 1
    assert service.compare_nightly(world) == 0


def test_an_operator_asks_and_the_worker_compares(world: Collaborators, offer: int) -> None:
    eva = actor_of(an_operator())
    service.ask(eva, NOW)
    service.ask(eva, NOW)

    assert service.compare_wanted(world) == 1
    assert service.compare_wanted(world) == 0
    assert db.session.scalars(select(Act.what)).all() == ["books_compared"]


def test_two_workers_do_what_was_asked_for_once(world: Collaborators, offer: int) -> None:
    service.ask(actor_of(an_operator()), NOW)
    registry = registry_of(world)
    read, done = registry.holdings, []

    def holdings(account: str) -> Any:
        if not done:
            done.append(service.compare_wanted(world))
        return read(account)

    registry.holdings = holdings  # type: ignore[method-assign]  # another answer than it would give

    assert service.compare_wanted(world) == 1
    assert done == [0]


@pytest.mark.parametrize("is_asked_too_early", [True, False])
def test_what_is_sold_while_books_are_compared_is_no_difference(
    world: Collaborators, offer: int, is_asked_too_early: bool
) -> None:
    differences(world)
    a_begun_order(world, {offer: 6})
    registry = registry_of(world)
    read, done = registry.holdings, []

    def holdings(account: str) -> Any:
        before = read(account)
        if done:
            return before
        done.append(run_due(world))
        return before if is_asked_too_early else read(account)

    registry.holdings = holdings  # type: ignore[method-assign]  # another answer than it would give

    assert differences(world) == []
    assert the_offer(offer).state is OfferState.LIVE
    assert differences(world) == []


def test_units_that_come_with_their_offer_while_books_are_compared_are_no_difference(
    world: Collaborators, offer: int
) -> None:
    registry = registry_of(world)
    read, new = registry.holdings, []

    def holdings(account: str) -> Any:
        lay_there = read(account)
        if not new:
            new.append(an_offer(number=9, units=5))
        return lay_there

    registry.holdings = holdings  # type: ignore[method-assign]  # another answer than it would give

    assert differences(world) == []
    assert {the_offer(each).state for each in (offer, *new)} == {OfferState.LIVE}


def test_nothing_was_compared_yet(world: Collaborators) -> None:
    assert queries.last_public_result() is None
    assert queries.count_open() == 0
    assert db.session.scalars(select(ReconciliationFinding)).all() == []


def test_a_run_that_another_worker_took_is_not_carried_out_again(
    world: Collaborators, offer: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.ask(actor_of(an_operator()), world.clock.now())
    look = service.end_reading

    def somebody_is_faster() -> None:
        look()
        monkeypatch.setattr(service, "end_reading", look)
        assert service.compare_wanted(world) == 1

    monkeypatch.setattr(service, "end_reading", somebody_is_faster)
    assert service.compare_wanted(world) == 0


def test_years_of_cancellations_are_compared_in_as_many_questions_as_a_few(world: Collaborators) -> None:
    offer = an_offer()
    a_finished_order(world, {offer: 3})
    questions_of(world)
    few = questions_of(world)
    for _ in range(12):
        a_finished_order(world, {offer: 3})

    assert questions_of(world) == few
    assert findings() == []
