"""Restoring yesterday's backup never cancels twice, certifies nothing twice and gives no number again."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, select

from app.audit.errors import NoLongerPossible
from app.audit.service import Subject, agree, decline, propose
from app.certificates.models import CertificateCounter
from app.checkout import service as checkout
from app.checkout.errors import SubstituteUnfit
from app.checkout.models import Remedy
from app.complaints.models import ComplaintCounter
from app.db import db, transaction
from app.fulfilment import risk
from app.fulfilment.process import Collaborators, run_due
from app.jobs import hold
from app.jobs.models import RestorationHold
from app.kernel.money import Money
from app.offers.states import OfferState
from app.payments import payouts
from app.payments.errors import PayoutUnfit
from app.payments.ports import GatewayFault, GatewayUnavailable
from app.payments.states import RefundState
from app.providers.models import Payee
from app.providers.states import PayeeState
from app.reconciliation import balance, journalling, restored
from app.reconciliation.errors import DeclarationMissing, NoHold, NotCompared
from app.reconciliation.restored import compare
from app.registry import service as registry_service
from app.registry import settlement
from app.registry.ledger.models import LedgerBlock, LedgerTransaction, LedgerTransactionBlock
from app.registry.models import StrayBlock, StrayCancellation
from app.registry.ports import RefusalCode, Refused, Unknown
from tests.builders import (
    a_begun_order,
    a_finished_order,
    a_paid_order,
    a_payable_order,
    an_offer,
    cancellations_of,
    certificates_of,
    gateway_of,
    ledger_effects,
    look_again,
    pass_time,
    refunds_of,
    registry_of,
    take_units_instead,
    the_offer,
    the_order,
)
from tests.people import actor_of, an_operator
from tests.service.complaints.complaining import a_complaint, the_complaint
from tests.service.reconciliation.coming_back import (
    come_back,
    effects,
    findings,
    journal_of,
    keep,
    lift,
    states,
    work,
)


def without_hold() -> None:
    with transaction() as session:
        session.execute(delete(RestorationHold))


def test_without_the_hold_and_the_journal_a_restored_copy_would_cancel_twice(world: Collaborators) -> None:
    order = a_paid_order(world, {an_offer(): 10})
    backup = keep(world)
    work(world)
    assert the_order(order).state.value == "fulfilled"
    known = effects()
    world.settings.journal_path.unlink()

    come_back(world, backup)
    without_hold()
    assert effects() == {}, "the embedded ledger forgets with the database"
    pass_time(world, minutes=10)
    run_due(world)

    assert effects() == known, "cancelled a second time, as if nothing had been"
    assert certificates_of(order)[0].number == "TN1/2026", "and the number of the first certificate given again"


def test_what_was_cancelled_after_the_backup_is_adopted_and_never_cancelled_again(world: Collaborators) -> None:
    offers = [an_offer(number=n) for n in (1, 2, 3, 4)]
    registry = registry_of(world)
    paid = a_paid_order(world, {offers[0]: 10})
    planned = a_begun_order(world, {offers[1]: 20})
    registry.submits = [Unknown("lost"), Unknown("lost")]
    unknown = a_begun_order(world, {offers[2]: 30})
    run_due_only_sends(world, unknown)
    payable = a_payable_order(world, {offers[3]: 40})
    page = gateway_of(world).newest()
    journalling.catch_up(journal_of(world), world.clock.now())
    backup = keep(world)

    registry.submits = []
    gateway_of(world).pay(page)
    pass_time(world, minutes=10)
    work(world)
    orders = (paid, planned, unknown, payable)
    assert [the_order(order).state.value for order in orders] == ["fulfilled"] * 4
    known, units = effects(), ledger_effects()
    assert units == 100

    come_back(world, backup)
    assert effects() == known, "the journal told the ledger"
    assert hold.stands()
    pass_time(world, minutes=10)
    run_due(world)
    assert all(not certificates_of(order) for order in orders), "nothing is certified while the hold stands"
    compare(world)
    assert set(states()) == {"confirmed"}
    sent = len(registry.submitted)
    lift(world)
    run_due(world)

    assert [the_order(order).state.value for order in orders] == ["fulfilled"] * 4
    assert len(registry.submitted) == sent, "nobody asked the registry to cancel anything again"
    assert effects() == known
    assert ledger_effects() == 100
    assert [certificates_of(order)[0].number for order in orders] == [f"TN{n}/2026" for n in (5, 6, 7, 8)]
    assert findings() == []


def run_due_only_sends(world: Collaborators, order_id: int) -> None:
    """Send the cancellations of one order, whose answer is lost."""
    for cancellation in cancellations_of(order_id):
        registry_service.send(cancellation.id, world.registries, world.clock)


@pytest.mark.parametrize("state", ["planned", "sending", "unknown", "waiting", "manual"])
def test_a_cancellation_in_any_state_at_the_backup_has_one_effect(world: Collaborators, state: str) -> None:
    order = a_begun_order(world, {an_offer(): 10})
    cancellation = cancellations_of(order)[0]
    if state != "planned":
        values: dict[str, Any] = {"state": state, "attempts": 1, "lease_until": world.clock.now()}
        with transaction() as session:
            for name, value in values.items():
                setattr(session.get_one(type(cancellation), cancellation.id), name, value)
    journalling.catch_up(journal_of(world), world.clock.now())
    backup = keep(world)
    registry_service.look_up(cancellation.id, world.registries, world.clock)
    world.registries.default.submit(registry_service.request_of(cancellation))
    journalling.catch_up(journal_of(world), world.clock.now())
    known = effects()
    assert list(known.values()) == [10]

    come_back(world, backup)
    pass_time(world, minutes=5)
    compare(world)
    lift(world)
    for _round in range(3):
        run_due(world)
        pass_time(world, minutes=30)

    assert states() == ["confirmed"]
    assert effects() == known
    assert the_order(order).state.value == "fulfilled"


def test_nothing_irreversible_is_done_while_the_hold_stands(world: Collaborators) -> None:
    begun = a_begun_order(world, {an_offer(): 10})
    assert journalling.catch_up(journal_of(world), world.clock.now()) == 1, "that there is a journal"
    backup = keep(world)
    come_back(world, backup)
    unpaid = the_order(begun)

    assert registry_service.send(cancellations_of(begun)[0].id, world.registries, world.clock) is False
    assert registry_service.withdraw(cancellations_of(begun)[0].id, "late", world.registries, world.clock) is False
    with pytest.raises(GatewayUnavailable):
        a_payable_order(world, {an_offer(number=2): 1})
    run_due(world)
    assert registry_of(world).submitted == []
    assert unpaid.state.value == "fulfilling"

    compare(world)
    assert states() == ["planned"], "the ledger proves that it was never sent"
    assert registry_of(world).submitted == []
    lift(world)
    run_due(world)
    assert states() == ["confirmed"]


def test_a_refund_made_after_the_backup_is_recognised_by_its_key_and_not_made_again(world: Collaborators) -> None:
    order = a_paid_order(world, {an_offer(): 10})
    backup = keep(world)
    registry_of(world).submits = [Refused(RefusalCode.SUSPENDED, "not now")]
    work(world)
    (made,) = refunds_of(order)
    assert (made.state, len(gateway_of(world).refunds)) == (RefundState.SUCCEEDED, 1)

    come_back(world, backup)
    assert refunds_of(order) == [], "the backup knows of none"
    compare(world)
    assert states() == ["manual"], "no unit is cancelled for money that went back"
    lift(world)
    pass_time(world, minutes=10)
    work(world)
    assert (states(), effects()) == (["manual"], {})
    eva, ole = (actor_of(an_operator(f"{name}@tonne.example")) for name in ("eva", "ole"))
    now = world.clock.now()
    stated = settlement.propose_refused(cancellations_of(order)[0].id, eva, evidence="It said so.", now=now)
    agree(stated, ole, now=now)
    work(world)

    assert refunds_of(order)[0].state is RefundState.SUCCEEDED
    assert len(gateway_of(world).refunds) == 1, "the payment service found the key of the first"


def test_a_held_order_whose_money_went_back_after_the_backup_says_so(world: Collaborators) -> None:
    order = a_paid_order(world, {an_offer(): 10})
    eva, ole = (actor_of(an_operator(f"{name}@tonne.example")) for name in ("eva", "ole"))
    now = world.clock.now()
    risk.hold(order, eva, "Who is it?", now)
    work(world)
    backup = keep(world)
    agree(risk.propose_refusal(order, eva, reason="Nobody.", now=now), ole, now=now)
    work(world)

    come_back(world, backup)
    gateway_of(world).problems["status"] = [GatewayUnavailable(), GatewayFault("wrong key")]
    for is_compared in (False, True):
        assert compare(world).unread == 0
        assert (find_standing_hold().compared_at is not None) is is_compared
    assert the_order(order).hold_reason == "Who is it?", "the gateway could not say"
    compare(world)

    assert the_order(order).hold_reason == restored.WENT_BACK


def find_standing_hold() -> RestorationHold:
    db.session.expire_all()
    standing = hold.find_standing()
    assert standing is not None
    return standing


def test_money_that_went_back_after_the_backup_buys_nothing_when_we_hear_of_it_again(world: Collaborators) -> None:
    order = a_payable_order(world, {an_offer(): 10})
    work(world)
    backup = keep(world)
    checkout.withdraw(order, world.gateway, world.registries, world.settings, world.clock)
    gateway_of(world).pay()
    look_again(world, order)
    work(world)
    assert [(each.cause, each.state) for each in refunds_of(order)] == [("withdrawn", RefundState.SUCCEEDED)]

    come_back(world, backup)
    pass_time(world, minutes=10)
    compare(world)
    lift(world)
    pass_time(world, minutes=10)
    work(world)

    assert (the_order(order).state.value, cancellations_of(order)) == ("payment_review", [])
    assert effects() == {}


def test_money_that_may_have_gone_back_after_the_backup_buys_no_other_units(world: Collaborators) -> None:
    other = an_offer(number=2, price=250)
    registry_of(world).submits = [Refused(RefusalCode.RULES, "not today")]
    order = a_finished_order(world, {an_offer(number=1, price=300): 10})
    work(world)
    backup = keep(world)
    remedy_id = db.session.scalars(select(Remedy.id)).one()
    checkout.take_money(remedy_id, world.settings, world.clock.now())
    work(world)

    come_back(world, backup)
    compare(world)
    lift(world)
    with pytest.raises(SubstituteUnfit):
        take_units_instead(world, order, other)
    pass_time(world, days=4)
    work(world)

    assert [(each.cause, each.state) for each in refunds_of(order)] == [("refused", RefundState.SUCCEEDED)]
    assert len(gateway_of(world).refunds) == 1
    assert effects() == {}


def test_what_was_sent_for_sales_that_the_backup_forgot_is_written_down_and_not_sent_again(
    world: Collaborators,
) -> None:
    offer = an_offer(units=50)
    seller, today = the_offer(offer).provider_id, world.clock.now().date()
    eva = an_operator("eva@tonne.example")
    with transaction() as session:
        session.add(
            Payee(
                provider_id=seller, state=PayeeState.CURRENT, holder="Seller", bank="Bank", account="sealed",
                requested_by=eva, requested_at=world.clock.now(),
            )
        )  # fmt: skip
    work(world)
    backup = keep(world)
    a_finished_order(world, {offer: 10})
    earned = payouts.balance(seller, "USD").due
    record_payout(world, seller, earned, today)
    assert payouts.balance(seller, "USD").due == 0 < earned

    come_back(world, backup)
    compare(world)
    lift(world)
    pass_time(world, days=1)
    with pytest.raises(PayoutUnfit):
        record_payout(world, seller, earned, today + timedelta(days=1))
    record_payout(world, seller, earned, today)

    assert payouts.balances("USD") == {seller: payouts.Balance(0, earned)}
    assert "sellers: seller USD" in [each.subject for each in balance.check(world.clock.now())[1]]


def record_payout(world: Collaborators, seller: int, minor: int, paid_on: date) -> None:
    """Two operators write down that money was sent to a participant."""
    eva, ole = (actor_of(an_operator(f"{name}@tonne.example")) for name in ("eva", "ole"))
    proposal = payouts.propose_payout(
        seller, Money(minor, "USD"), "BANK-1", paid_on, eva, reason="Sent.", now=world.clock.now()
    )
    agree(proposal, ole, now=world.clock.now())


def test_what_this_copy_never_knew_is_a_stray_whose_units_are_gone_for_good(world: Collaborators) -> None:
    offer = an_offer(units=50)
    work(world)
    backup = keep(world)
    lost = a_finished_order(world, {offer: 45})
    reference = cancellations_of(lost)[0].reference
    journalling.catch_up(journal_of(world), world.clock.now())

    come_back(world, backup)
    compare(world)

    assert ("theirs_not_ours", reference) in findings()
    assert db.session.scalars(select(StrayCancellation.units)).all() == [45]
    assert db.session.scalars(select(StrayBlock.first)).all() == [1_002_000]
    assert "pool_short" in {kind for kind, _subject in findings()}
    assert the_offer(offer).state is OfferState.FROZEN
    assert the_offer(offer).state_reason == "books_differ"
    assert len(findings()) == 2
    compare(world)
    assert len(findings()) == 2, "what is known is not told again"
    lift(world)
    run_due(world)
    assert ledger_effects() == 45


def test_a_database_older_than_its_journal_puts_the_hold_up_by_itself(world: Collaborators) -> None:
    order = a_paid_order(world, {an_offer(): 10})
    journalling.catch_up(journal_of(world), world.clock.now())
    backup = keep(world)
    work(world)
    known = effects()
    come_back(world, backup)
    without_hold()
    with transaction() as session:
        forget_the_ledger(session)

    assert journalling.catch_up(journal_of(world), world.clock.now()) == 0
    assert hold.stands()
    compare(world)
    lift(world)
    run_due(world)
    assert effects() == known
    assert the_order(order).state.value == "fulfilled"


def forget_the_ledger(session: Any) -> None:
    """As `pg_restore` by hand would leave it."""
    session.execute(delete(LedgerTransactionBlock))
    session.execute(delete(LedgerTransaction))
    moved = session.scalars(select(LedgerBlock).order_by(LedgerBlock.first)).all()
    rest = moved[-1]
    first = moved[0].first
    for block in moved[:-1]:
        session.delete(block)
    session.flush()
    rest.first = first


def test_a_number_of_a_complaint_that_the_backup_forgot_is_not_given_again(world: Collaborators) -> None:
    a_complaint(world.settings, once="1")
    work(world)
    backup = keep(world)
    a_complaint(world.settings, once="2")
    a_complaint(world.settings, once="3")
    work(world)
    assert journalling.catch_up(journal_of(world), world.clock.now()) == 0, "each is written once"

    come_back(world, backup)

    assert the_complaint(a_complaint(world.settings, once="4")).number == "C4/2026"


def test_a_database_that_forgot_nothing_but_a_complaint_puts_the_hold_up_by_itself(world: Collaborators) -> None:
    work(world)
    backup = keep(world)
    a_complaint(world.settings)
    work(world)
    come_back(world, backup)
    without_hold()
    with transaction() as session:
        session.execute(delete(ComplaintCounter))

    work(world)

    assert hold.stands()
    compare(world)
    assert the_complaint(a_complaint(world.settings)).number == "C2/2026"


def test_a_proposal_of_before_that_declares_no_complaint_lifts_no_hold_of_a_lost_journal(world: Collaborators) -> None:
    a_finished_order(world, {an_offer(): 10})
    backup = keep(world)
    work(world)
    world.settings.journal_path.unlink()
    come_back(world, backup)
    compare(world)
    eva, ole, now = actor_of(an_operator()), actor_of(an_operator("ole@tonne.example")), world.clock.now()
    standing = hold.find_standing()
    assert standing is not None
    subject, facts = Subject("restoration_hold", standing.id, "backup"), {"last_number": 7, "year": now.year}
    of_before = propose(eva, restored.LIFT_HOLD, subject, reason="Compared.", facts=facts, now=now)

    with pytest.raises(NoLongerPossible):
        agree(of_before, ole, now=now)

    assert hold.stands()
    decline(of_before, ole, reason="It says nothing of complaints.", now=now)
    lift(world, last_number=7, last_complaint=0)
    assert not hold.stands()


def test_a_lost_journal_needs_an_operators_word_about_the_last_number(world: Collaborators) -> None:
    a_finished_order(world, {an_offer(): 10})
    a_complaint(world.settings)
    backup = keep(world)
    work(world)
    world.settings.journal_path.unlink()
    come_back(world, backup)
    eva = actor_of(an_operator("mia@tonne.example"))
    now = world.clock.now()

    with pytest.raises(NotCompared):
        restored.propose_lift(eva, reason="Done.", last_number=None, now=now)
    compare(world)
    for number in (None, 0):
        with pytest.raises(DeclarationMissing) as missing:
            restored.propose_lift(eva, reason="Done.", last_number=number, last_complaint=5, now=now)
        assert missing.value.facts == {"field": "last_number", "least": 1}
        with pytest.raises(DeclarationMissing) as missing:
            restored.propose_lift(eva, reason="Done.", last_number=7, last_complaint=number, now=now)
        assert missing.value.facts == {"field": "last_complaint", "least": 1}
    lift(world, last_number=7, last_complaint=5)

    assert db.session.scalar(select(CertificateCounter.last)) == 7
    assert the_complaint(a_complaint(world.settings, once="2")).number == "C6/2026"
    assert not hold.stands()
    with pytest.raises(NoHold):
        restored.propose_lift(eva, reason="Again.", last_number=None, now=now)
    with pytest.raises(NoHold):
        compare(world)


def test_a_hold_that_was_put_up_anew_is_not_lifted_by_an_old_proposal(world: Collaborators) -> None:
    a_finished_order(world, {an_offer(): 10})
    work(world)
    backup = keep(world)
    come_back(world, backup)
    compare(world)
    eva, ole = (actor_of(an_operator(f"{name}@tonne.example")) for name in ("eva", "ole"))
    proposal = restored.propose_lift(eva, reason="Compared.", last_number=None, now=world.clock.now())
    with transaction() as session:
        now = world.clock.now()
        session.add(RestorationHold(backup_made_at=now, restored_at=now, is_journal_kept=True))

    with pytest.raises(NoLongerPossible):
        agree(proposal, ole, now=world.clock.now())
    assert journalling.catch_up(journal_of(world), world.clock.now()) == 0, "not before it has learned from it"
    assert hold.stands()


def test_the_worker_compares_until_every_registry_has_answered(world: Collaborators) -> None:
    a_finished_order(world, {an_offer(): 10})
    work(world)
    assert restored.catch_up(world) == 0, "nothing was restored"
    backup = keep(world)
    come_back(world, backup)
    registry = registry_of(world)
    statement = registry.statement
    registry.statement = lambda account, since: (_ for _ in ()).throw(ConnectionError())  # type: ignore[method-assign]  # another answer than it would give

    assert restored.catch_up(world) == 1
    standing = hold.find_standing()
    assert standing is not None
    assert standing.compared_at is None
    assert restored.catch_up(world) == 0, "it has just tried"
    pass_time(world, minutes=11)
    registry.statement = statement  # type: ignore[method-assign]  # another answer than it would give
    assert restored.catch_up(world) == 1
    standing = hold.find_standing()
    assert standing is not None
    assert standing.compared_at is not None
    assert restored.catch_up(world) == 0


def test_a_worker_looks_at_the_journal_before_it_does_anything(world: Collaborators, context: Flask) -> None:
    order = a_paid_order(world, {an_offer(): 10})
    journalling.catch_up(journal_of(world), world.clock.now())
    backup = keep(world)
    work(world)
    known = effects()
    come_back(world, backup)
    without_hold()
    with transaction() as session:
        forget_the_ledger(session)

    result = context.test_cli_runner().invoke(args=["work", "once"])

    assert result.exit_code == 0, result.output
    db.session.rollback()
    assert hold.stands()
    assert effects() == known, "the same round learned from the journal"
    assert the_order(order).state.value != "fulfilled"
