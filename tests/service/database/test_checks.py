"""The database's own last word: what no code of ours, right or wrong, can write."""

from __future__ import annotations

from typing import Any, cast

import pytest
from sqlalchemy import CursorResult, Executable, column, insert, literal, select, table, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from app.certificates.models import Certificate
from app.db import db, transaction
from app.fulfilment.process import Collaborators
from app.registry.ledger.models import LedgerBlock
from app.registry.models import Cancellation, CancelledBlock
from app.registry.ports import RefusalCode, Refused
from tests.builders import (
    a_finished_order,
    an_offer,
    cancellations_of,
    change_offer,
    choose_nothing,
    refunds_of,
    registry_of,
)

STATES = (
    "offer", "reservation", "purchase_order", "payment", "refund", "cancellation", "certificate", "mail",
)  # fmt: skip


def refused(statement: str | Executable, **values: Any) -> bool:
    """Whether the database refuses a statement of somebody who goes around the product."""
    try:
        with transaction() as session:
            wanted = text(statement) if isinstance(statement, str) else statement
            assert cast(CursorResult[Any], session.execute(wanted, values)).rowcount
    except DBAPIError:
        return True
    return False


def copied(model: type[Any], **changes: Any) -> Executable:
    """The rows of a table once more, under new keys and with changes."""
    columns = [c for c in model.__table__.c if c.name != "id"]
    values = [literal(changes[c.name]) if c.name in changes else c for c in columns]
    return insert(model).from_select([c.name for c in columns], select(*values))


@pytest.fixture
def full_world(world: Collaborators) -> int:
    """One order with a certificate and a refund, so that every table with a state has a row."""
    offers = [an_offer(number=1), an_offer(number=2)]
    registry_of(world).submits = [Refused(RefusalCode.RULES, "no")]
    order_id = a_finished_order(world, {offers[0]: 5, offers[1]: 5})
    choose_nothing(world)
    assert refunds_of(order_id)
    return order_id


def test_no_row_can_be_in_a_state_that_its_table_of_moves_does_not_have(full_world: int) -> None:
    unknown = [update(table(name, column("state"))).values(state="cancelled") for name in STATES]

    assert [refused(statement) for statement in unknown] == [True] * len(STATES)


def test_an_offer_cannot_be_oversold_even_by_code_that_forgot_to_ask(full_world: int) -> None:
    assert refused("UPDATE offer SET units_reserved = units_reserved + units_offered + 1")
    assert refused("UPDATE offer SET units_settled = -1")
    assert refused("UPDATE offer SET unit_price = 0")


def test_what_a_line_costs_is_its_listed_price_and_its_parts_add_up(full_world: int) -> None:
    assert refused("UPDATE order_line SET amount = amount + 1, seller_share = seller_share + 1")
    assert refused("UPDATE order_line SET platform_fee = platform_fee + 1")
    assert refused("UPDATE order_line SET units = 0, amount = 0, seller_share = 0, payment_cost = 0")
    assert refused("UPDATE purchase_order SET total = 0")
    assert refused("UPDATE payment SET amount = 0")
    assert refused("UPDATE refund SET amount = -1")


def test_one_line_is_held_once_and_cancelled_once(full_world: int) -> None:
    assert refused(
        "INSERT INTO reservation (offer_id, order_line_id, units, state) "
        "SELECT offer_id, order_line_id, units, 'held' FROM reservation WHERE state = 'settled'"
    )
    assert refused(copied(Cancellation, reference="OTHER"))


def test_a_serial_number_that_was_cancelled_can_never_be_recorded_again(full_world: int) -> None:
    block = db.session.scalars(select(CancelledBlock)).one()
    other, begin = {"id": block.cancellation_id, "space": block.space}, block.first
    insert_it = (
        "INSERT INTO cancelled_block (cancellation_id, space, first, last, text_first, text_last) "
        "VALUES (:id, :space, :first, :last, 'a', 'b')"
    )
    move_it = "UPDATE cancelled_block SET first = :first, last = :last WHERE first = :old"
    assert not refused(insert_it, **other, first=begin + 500, last=begin + 509)

    # The cancelled block has five units: its edges, its inside, and everything around it.
    for first, last in [(0, 0), (4, 4), (-3, 0), (4, 9), (-3, 9), (1, 3), (0, 4)]:
        assert refused(insert_it, **other, first=begin + first, last=begin + last)
        assert refused(move_it, first=begin + first, last=begin + last, old=begin + 500)
    for first, last in [(-3, -1), (5, 9)]:
        assert not refused(insert_it, **other, first=begin + first, last=begin + last)


def test_two_blocks_of_one_party_never_share_a_serial_number_but_two_parties_count_for_themselves(
    full_world: int,
) -> None:
    block = db.session.scalars(select(LedgerBlock).order_by(LedgerBlock.first)).first()
    assert block is not None
    values = {"account": block.account_id, "issuance": block.issuance_id, "first": block.first, "last": block.last}
    insert = (
        "INSERT INTO ledger_block (account_id, issuance_id, space, first, last) "
        "VALUES (:account, :issuance, :space, :first, :last)"
    )

    assert refused(insert, **values, space="IN")
    assert refused(insert, **(values | {"last": block.first}), space="IN")
    assert not refused(insert, **values, space="KE")
    assert refused("UPDATE ledger_block SET last = first - 1 WHERE space = 'KE'")
    assert refused("UPDATE ledger_block SET space = 'IN' WHERE space = 'KE'")


def test_a_certificate_number_is_given_once_and_one_certificate_is_made_for_a_project(full_world: int) -> None:
    assert refused(copied(Certificate, sequence=9, number="TN9/2026"))
    assert refused(copied(Certificate, order_id=full_world, project_id=1))
    assert refused("UPDATE certificate_counter SET year = NULL")
    assert [c.state.value for c in cancellations_of(full_world)] == ["refused", "confirmed"]


def test_a_price_that_nobody_checked_is_refused_as_an_integrity_error_and_not_rounded(world: Collaborators) -> None:
    offer_id = an_offer()
    with pytest.raises(IntegrityError):
        change_offer(offer_id, unit_price=-1)
