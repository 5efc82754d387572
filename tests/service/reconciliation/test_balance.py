"""The daily balance: an error of one cent or one unit, planted in any table, is found and shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import event, make_url, select

from app.audit.models import Proposal
from app.audit.service import agree
from app.audit.states import ProposalState
from app.checkout.service.review import propose_refund
from app.checkout.states import OrderState
from app.db import db, transaction
from app.fulfilment.process import Collaborators, run_due
from app.kernel.money import Money
from app.payments.models import Payout
from app.providers.models import Payee, Provider
from app.providers.states import PayeeState
from app.reconciliation import balance
from app.reconciliation.models import ClosedSum
from app.registry.models import CancelledBlock
from app.registry.ports import RefusalCode, Refused
from tests.attack.keeping import SqliteKeeper
from tests.builders import (
    NOW,
    a_finished_order,
    a_paid_order,
    a_payable_order,
    a_placed_order,
    an_offer,
    gateway_of,
    look_again,
    pass_time,
    refunds_of,
    registry_of,
    take_units_instead,
    the_order,
)
from tests.lasting import KeptRows
from tests.people import actor_of, an_operator
from tests.postgres import PrivateCluster
from tests.service.direct import asking

PRICE = 250


@pytest.fixture
def sold(world: Collaborators) -> None:
    """Everything that a balance has to bear: done, half done, refused, paid, unpaid, and money sent to the seller."""
    first, second = an_offer(units=1_000, price=PRICE), an_offer(number=2, units=500, price=110)
    a_finished_order(world, {first: 10, second: 3})
    registry_of(world).submits = [Refused(RefusalCode.RULES, "not today")]
    a_finished_order(world, {second: 7})
    run_due(world)
    asking.placed(world, an_offer(number=4, units=10, held=30), units=20)
    run_due(world)
    a_paid_order(world, {first: 4})
    a_placed_order(world.settings, {first: 2})
    a_payout(1_000)


def a_payout(amount: int) -> None:
    """Money sent to the seller, as two operators agreed."""
    eva, ole = an_operator("eva@tonne.example"), an_operator("ole@tonne.example")
    with transaction() as session:
        provider = session.scalars(select(Provider).where(Provider.code == "seller")).one()
        payee = Payee(
            provider_id=provider.id,
            state=PayeeState.CURRENT,
            holder="Seller",
            bank="Bank",
            account="sealed",
            requested_by=eva,
            requested_at=NOW,
        )
        session.add(payee)
        session.flush()
        facts = {"amount": amount, "currency": "USD", "reference": "BANK-1", "paid_on": "2026-11-22"}
        session.add(
            Proposal(
                kind="record_payout", subject_kind="provider", subject_id=provider.id, subject="Seller", facts=facts,
                state=ProposalState.CARRIED_OUT, proposed_by=eva, proposed_at=NOW, reason="Due.", decided_by=ole,
                decided_at=NOW, decision_reason="",
            )
        )  # fmt: skip
        session.add(
            Payout(
                provider_id=provider.id, payee_id=payee.id, amount=amount, currency="USD", reference="BANK-1",
                paid_on=date(2026, 11, 22), created_at=NOW,
            )
        )  # fmt: skip


def differing() -> list[str]:
    """What the balance says does not add up."""
    db.session.expire_all()
    return [difference.subject for difference in balance.check(NOW)[1]]


@pytest.fixture
def plant() -> Callable[[str], None]:
    """Change a table as nobody may."""

    def run(statement: str) -> None:
        with transaction() as session:
            session.connection().exec_driver_sql(statement)

    return run


def test_books_that_nobody_touched_balance(world: Collaborators, sold: None) -> None:
    assert differing() == []
    assert balance.check(NOW)[0] >= 40


@pytest.mark.parametrize(
    "question", ["sum(refund.amount)", "LEFT OUTER JOIN cancellation ON", "sum(register_total.units)"]
)
def test_what_is_sold_while_the_balance_is_drawn_is_no_difference(
    world: Collaborators, context: Flask, sold: None, question: str
) -> None:
    order_id = a_payable_order(world, {an_offer(number=3, units=100): 2})
    asked: list[str] = []

    def pay() -> None:
        with context.app_context():
            gateway_of(world).pay()
            look_again(world, order_id)
            run_due(world)

    def meanwhile(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if question in statement and not asked:
            asked.append(statement)
            with ThreadPoolExecutor(1) as another:
                another.submit(pay).result()

    event.listen(db.engine, "before_cursor_execute", meanwhile)
    try:
        assert differing() == []
    finally:
        event.remove(db.engine, "before_cursor_execute", meanwhile)
    assert the_order(order_id).state is OrderState.FULFILLED


# Errors of one, each with the question of the balance that finds it.
ERRORS = [
    ("UPDATE payment SET amount = amount + 1 WHERE id = 1", "payments"),
    ("UPDATE refund SET amount = amount - 1", "refunds"),
    ("UPDATE purchase_order SET total = total + 1 WHERE id = 1", "order lines"),
    ("UPDATE payment SET currency = 'EUR' WHERE id = 1", "currencies"),
    ("UPDATE refund SET currency = 'EUR'", "currencies"),
    ("UPDATE purchase_order SET currency = 'EUR' WHERE id = 1", "currencies"),
    ("UPDATE payout SET amount = amount + 1", "payouts"),
    ("UPDATE payout SET currency = 'EUR'", "payouts"),
    ("UPDATE payout SET amount = 99999999", "sellers"),
    ("UPDATE reservation SET units = units + 1 WHERE id = 1", "reservations"),
    ("UPDATE offer SET units_settled = units_settled + 1 WHERE id = 1", "offers"),
    ("UPDATE offer SET units_reserved = units_reserved + 1 WHERE id = 1", "offers"),
    ("UPDATE cancellation SET units = units + 1 WHERE id = 1", "cancellations"),
    ("UPDATE cancelled_block SET last = last + 1 WHERE id = 1", "serial numbers"),
    ("UPDATE ledger_transaction SET units = units + 1 WHERE id = 1", "ledger"),
    ("UPDATE ledger_transaction_block SET last = last + 1 WHERE id = 1", "ledger"),
    ("UPDATE register_entry SET units = units + 1 WHERE certificate_id = 1", "certificates"),
    ("UPDATE register_block SET last = last + 1 WHERE id = 1", "register serial numbers"),
    (
        "UPDATE register_block SET last = (SELECT max(first) FROM register_block) WHERE id = 1",
        "serial numbers once",
    ),
    ("UPDATE register_total SET units = units + 1", "register totals"),
    ("UPDATE certificate SET facts = replace(facts, '\"units\":10', '\"units\":11') WHERE id = 1", "frozen facts"),
    ("UPDATE certificate SET facts = replace(facts, 'Demonstration', 'demonstration')", "frozen facts"),
    ("UPDATE reservation SET state = 'released' WHERE id = 1", "payments"),
    ("UPDATE direct_cancellation SET units = units + 1", "cancellations"),
    ("DELETE FROM register_entry WHERE certificate_id = (SELECT max(id) FROM certificate)", "certificates"),
    ("UPDATE purchase_order SET state = 'fulfilled' WHERE state = 'paid'", "settled lines"),
    ("UPDATE purchase_order SET state = 'expired' WHERE state = 'paid'", "settled lines"),
]


@pytest.fixture
def undo(request: pytest.FixtureRequest, db_url: str, tmp_path: Path, sold: None) -> Iterator[Callable[[], None]]:
    """Put everything back as it was when all was sold: selling it anew for each error would take half a minute."""
    if db_url.startswith("sqlite"):
        with closing(SqliteKeeper(tmp_path / "tonne.sqlite")) as keeper:
            yield keeper.put_back
        return
    cluster: PrivateCluster = request.getfixturevalue("cluster")
    with cluster.connect(str(make_url(db_url).database)) as connection:
        yield KeptRows(connection).put_back


def test_an_error_of_one_in_any_table_is_found(
    world: Collaborators, plant: Callable[[str], None], undo: Callable[[], None]
) -> None:
    unseen = []
    for statement, check in ERRORS:
        plant(statement)
        if check not in {subject.partition(":")[0] for subject in differing()}:
            unseen.append(statement)
        db.session.remove()
        undo()

    assert unseen == []
    assert differing() == []


def test_money_that_came_in_another_currency_and_went_back_as_it_came_is_no_difference(world: Collaborators) -> None:
    order_id = a_payable_order(world, {an_offer(): 2})
    gateway = gateway_of(world)
    gateway.payments[gateway.pay()].amount = Money(500, "EUR")
    look_again(world, order_id)
    eva, ole = (actor_of(an_operator(f"{name}@tonne.example")) for name in ("eva", "ole"))
    agree(propose_refund(order_id, eva, reason="It came in euros.", now=NOW), ole, now=NOW)
    run_due(world)

    assert [refund.money for refund in refunds_of(order_id)] == [Money(500, "EUR")]
    assert differing() == []


def test_what_other_units_cost_less_goes_back_and_is_no_difference(
    world: Collaborators, plant: Callable[[str], None]
) -> None:
    registry_of(world).submits = [Refused(RefusalCode.RULES, "not today")]
    other, order_id = an_offer(number=2, price=200), a_finished_order(world, {an_offer(number=1, price=PRICE): 4})
    take_units_instead(world, order_id, other, 200)
    run_due(world)

    assert [(refund.cause, refund.amount) for refund in refunds_of(order_id)] == [("substituted", 200)]
    assert differing() == []
    plant("UPDATE refund SET amount = amount + 1")
    assert "refunds" in {subject.partition(":")[0] for subject in differing()}


def test_a_serial_number_that_two_blocks_have_is_found_should_the_database_ever_take_it(
    world: Collaborators, sold: None
) -> None:
    connection = db.session.connection()
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("ALTER TABLE cancelled_block DROP CONSTRAINT ex_cancelled_block_serials")
    else:
        connection.exec_driver_sql("DROP TRIGGER ex_cancelled_block_update")
    first, second = db.session.scalars(select(CancelledBlock).order_by(CancelledBlock.first)).all()[:2]
    check = balance.CHECKS["serial numbers once"]
    assert (first.space, 0, 0) in list(check())

    first.last = second.first
    db.session.flush()

    assert (first.space, 1, 0) in list(check())
    db.session.rollback()


def test_a_cent_moved_between_a_seller_and_us_is_found_once_it_was_closed(
    world: Collaborators, sold: None, plant: Callable[[str], None]
) -> None:
    assert balance.check(NOW)[1] == []
    assert balance.check(NOW + timedelta(hours=2))[1] == []
    plant("UPDATE order_line SET seller_share = seller_share - 1, platform_fee = platform_fee + 1 WHERE id = 1")

    (found,) = balance.check(NOW + timedelta(hours=3))[1]

    assert found.subject == "closed: seller seller USD"
    assert int(found.theirs) - int(found.ours) == 1
    (again,) = balance.check(NOW + timedelta(days=1))[1]
    assert again == found, "it stays until it is put right"
    plant("UPDATE order_line SET seller_share = seller_share + 1, platform_fee = platform_fee - 1 WHERE id = 1")
    assert balance.check(NOW + timedelta(days=1))[1] == []


def test_a_line_does_not_even_take_a_cent_that_does_not_add_up(sold: None, plant: Callable[[str], None]) -> None:
    for column in ("amount", "seller_share", "unit_price", "units", "tax"):
        with pytest.raises(Exception, match=r"(?i)check"):
            plant(f"UPDATE order_line SET {column} = {column} + 1 WHERE id = 1")  # noqa: S608 - names of ours


def test_what_is_sold_later_is_closed_later(world: Collaborators) -> None:
    offer = an_offer(units=100)
    a_finished_order(world, {offer: 10})
    _check_twice(world)
    first = db.session.scalars(select(ClosedSum.amount)).one()
    a_finished_order(world, {offer: 10})

    _check_twice(world)

    assert db.session.scalars(select(ClosedSum.amount)).one() == 2 * first > 0


def test_what_is_sold_once_a_clock_that_was_ahead_is_put_right_is_no_difference(world: Collaborators) -> None:
    offer = an_offer(units=100)
    a_finished_order(world, {offer: 10})
    for hours in (5, 10):
        balance.check(world.clock.now() + timedelta(hours=hours))
    a_finished_order(world, {offer: 10})

    _check_twice(world)


def _check_twice(world: Collaborators) -> None:
    for _check in range(2):
        pass_time(world, hours=2)
        assert balance.check(world.clock.now())[1] == []
    db.session.expire_all()
