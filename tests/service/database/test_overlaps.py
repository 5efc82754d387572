"""No serial number twice: neither database lets anybody write it, into whichever table and by whichever statement."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Executable, Table, insert, select, update

from app.db import db
from app.fulfilment.process import Collaborators
from app.registry.ledger.models import LedgerBlock, LedgerIssuance
from app.registry.models import CancelledBlock
from tests.builders import a_finished_order, an_offer
from tests.service.database.test_checks import refused

TABLES: tuple[type[Any], ...] = (LedgerIssuance, LedgerBlock, CancelledBlock)


@pytest.fixture
def blocks(world: Collaborators) -> None:
    """In each table the numbers 3,000,100 to 3,000,199 and 3,000,300 to 3,000,399 of one space."""
    offer_id = an_offer()
    a_finished_order(world, {offer_id: 5})
    for model in TABLES:
        for start in (3_000_100, 3_000_300):
            assert not refused(another(model, start, start + 99))


def another(model: type[Any], first: int, last: int, **changes: Any) -> Executable:
    """A row like the first one of a table, with other numbers of the space of its other rows."""
    table: Table = model.__table__
    row = dict(db.session.execute(select(table).order_by(table.c.id).limit(1)).mappings().one())
    db.session.rollback()
    del row["id"]
    return insert(model).values(**(row | {"first": first, "last": last} | changes))


OVERLAPPING = {
    "the same": (3_000_100, 3_000_199),
    "its first number": (3_000_050, 3_000_100),
    "its last number": (3_000_199, 3_000_250),
    "inside": (3_000_150, 3_000_160),
    "around": (3_000_050, 3_000_250),
    "the gap and both ends": (3_000_199, 3_000_300),
}


@pytest.mark.parametrize("model", TABLES, ids=lambda model: model.__tablename__)
def test_no_number_is_written_twice(blocks: None, model: type[Any]) -> None:
    answers = {case: refused(another(model, *span)) for case, span in OVERLAPPING.items()}

    assert answers == dict.fromkeys(OVERLAPPING, True)


@pytest.mark.parametrize("model", TABLES, ids=lambda model: model.__tablename__)
def test_no_block_grows_or_moves_over_another(blocks: None, model: type[Any]) -> None:
    def change(**values: Any) -> bool:
        return refused(update(model).where(model.first == 3_000_300).values(**values))

    assert change(first=3_000_199)
    assert change(first=3_000_000, last=3_000_500)
    assert change(first=3_000_120, last=3_000_130)
    assert not change(last=3_000_500)
    assert not change(first=3_000_200)


@pytest.mark.parametrize("model", TABLES, ids=lambda model: model.__tablename__)
def test_a_gap_may_be_filled_and_another_space_has_numbers_of_its_own(blocks: None, model: type[Any]) -> None:
    assert not refused(another(model, 3_000_200, 3_000_299))
    assert not refused(another(model, 3_000_100, 3_000_199, space="KE"))


@pytest.mark.parametrize("model", TABLES, ids=lambda model: model.__tablename__)
def test_no_block_moves_into_a_space_where_its_numbers_are_taken(blocks: None, model: type[Any]) -> None:
    space = db.session.scalars(select(model.space).where(model.first == 3_000_300)).one()
    assert not refused(another(model, 3_000_150, 3_000_160, space="KE"))

    assert refused(update(model).where(model.space == "KE").values(space=space))


@pytest.mark.parametrize("model", TABLES, ids=lambda model: model.__tablename__)
def test_no_block_ends_before_it_begins(blocks: None, model: type[Any]) -> None:
    assert refused(another(model, 3_000_600, 3_000_599))
