"""What an account holds is what the registry stated, less what it says it cancelled since."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from app.catalog.models import Issuance
from app.db import db, transaction
from app.kernel.csvtable import ImportRefused, ImportReport
from app.offers.pools import free_units
from app.providers.models import Provider
from app.registry.accounts import find_account_provider, find_registry_code
from app.registry.batch.models import AccountStatement, RegistryMessage
from app.registry.batch.statements import import_statements
from app.registry.models import RegistryAccount
from tests.batch_world import BatchWorld
from tests.builders import NOW, an_offer
from tests.service.registry.asking import a_request

ACCOUNT = "CDM-100-1"
HEADER = "account,provider,as_of,project,serial_first,serial_last"
WHOLE = ("IN-1", 1_002_000, 1_002_999)


def _held(world: BatchWorld) -> list[tuple[int, int]]:
    return [(holding.serial_first, holding.serial_last) for holding in world.adapter.holdings(ACCOUNT)]


def _import(*rows: str, now: datetime = NOW) -> ImportReport:
    return import_statements("\n".join((HEADER, *rows)), now=now, registry_code="batch")


def _problems(*rows: str) -> list[tuple[int, str | None, str]]:
    with pytest.raises(ImportRefused) as refused:
        _import(*rows)
    return [(error.row, error.column, error.code) for error in refused.value.errors]


def test_nothing_is_held_before_anybody_stated_it(world: BatchWorld) -> None:
    assert world.adapter.holdings(ACCOUNT) == []


def test_holdings_are_what_was_stated_with_the_time_it_was_true(world: BatchWorld) -> None:
    world.clock.advance(timedelta(hours=3))
    world.states(ACCOUNT, WHOLE)

    (holding,) = world.adapter.holdings(ACCOUNT)

    assert (holding.account, holding.project_reference, holding.unit_type) == (ACCOUNT, "IN-1", "CER")
    assert (holding.commitment_period, holding.vintage_year, holding.space) == (2, None, "IN")
    assert (holding.serial_first, holding.serial_last, holding.available) == (1_002_000, 1_002_999, 1_000)
    assert holding.as_of == NOW + timedelta(hours=3)


def test_what_was_cancelled_since_lies_there_no_more(world: BatchWorld) -> None:
    world.states(ACCOUNT, WHOLE)
    world.taken["IN 1000000"] = 1_002_100
    world.adapter.submit(a_request(10))
    assert _held(world) == [(1_002_000, 1_002_999)], "a line that waits is a promise of ours, not the registry's"

    world.round()

    assert _held(world) == [(1_002_000, 1_002_099), (1_002_110, 1_002_999)]


def test_units_cancelled_at_the_edges_leave_one_piece_and_units_of_others_none_less(world: BatchWorld) -> None:
    an_offer(number=2)
    world.states(ACCOUNT, WHOLE)
    for reference, first, number in (("A", 1_002_000, 1), ("B", 1_002_990, 1), ("C", 2_002_000, 2)):
        world.taken[f"IN {number * 1_000_000}"] = first
        world.adapter.submit(a_request(10, reference=f"TONNE-{reference}", number=number))
        world.round()

    assert _held(world) == [(1_002_010, 1_002_989)]


def test_a_statement_that_knows_of_a_cancellation_is_not_reduced_again(world: BatchWorld) -> None:
    world.states(ACCOUNT, WHOLE)
    world.adapter.submit(a_request(10))
    world.round()
    world.clock.advance(timedelta(days=1))

    world.states(ACCOUNT, ("IN-1", 1_002_010, 1_002_999))

    assert _held(world) == [(1_002_010, 1_002_999)]


def test_units_cancelled_to_the_last_are_gone(world: BatchWorld) -> None:
    world.states(ACCOUNT, ("IN-1", 1_002_000, 1_002_009))
    world.adapter.submit(a_request(10))
    world.round()

    assert _held(world) == []


def test_offers_stand_on_what_the_registry_stated(world: BatchWorld) -> None:
    world.states(ACCOUNT, WHOLE)
    issuance_id = db.session.scalars(select(Issuance.id)).one()

    # The builders' offer promises all 1,000 of them.
    assert free_units(ACCOUNT, issuance_id, world.adapter.holdings) == 0
    world.clock.advance(timedelta(days=1))
    world.states(ACCOUNT, ("IN-1", 1_002_000, 1_003_999))
    assert free_units(ACCOUNT, issuance_id, world.adapter.holdings) == 1_000


def test_a_newer_statement_replaces_the_older_one_and_an_empty_one_all_of_it(world: BatchWorld) -> None:
    world.states(ACCOUNT, WHOLE)
    world.clock.advance(timedelta(days=1))
    world.states(ACCOUNT)

    assert world.adapter.holdings(ACCOUNT) == []


def test_the_same_statement_again_is_unchanged_and_every_file_is_kept(world: BatchWorld) -> None:
    row = f"{ACCOUNT},seller,2026-11-22T08:00:00Z,IN-1,1002000,1002999"

    assert (_import(row), _import(row)) == (ImportReport(1, 0, 0), ImportReport(0, 0, 1))
    assert len(db.session.scalars(select(AccountStatement)).all()) == 1
    message = db.session.scalars(select(RegistryMessage).where(RegistryMessage.kind == "statement")).one()
    assert message.body == "\n".join((HEADER, row)).encode()


def test_what_does_not_fit_is_named_row_by_row(world: BatchWorld) -> None:
    with transaction() as session:
        session.add(Provider(code="second", legal_name="Second Ltd", country="CH", is_demonstration=True))
        seller = session.scalars(select(Provider).where(Provider.code == "seller")).one()
        session.add(RegistryAccount(identifier="CDM-100-77", registry_code="ledger", provider_id=seller.id, holder="S"))
    at = "2026-11-22T08:00:00Z"
    assert _problems(
        f"{ACCOUNT},seller,{at},IN-1,1002000,1002999",
        f"{ACCOUNT},seller,2026-11-22T08:00:01Z,IN-1,1003500,1003999",
        f"{ACCOUNT},seller,{at},IN-1,1002999,1003000",
        f"{ACCOUNT},seller,{at},IN-1,1099999,1100000",
        f"{ACCOUNT},seller,{at},IN-1,1004001,1004000",
        f"{ACCOUNT},seller,{at},IN-9,1004000,1004001",
        f"{ACCOUNT},seller,{at},IN-1,,",
        f"CDM-100-77,seller,{at},IN-1,1005000,1005000",
        f"{ACCOUNT},seller,2026-11-22T10:00:01Z,IN-1,1006000,1006000",
        f"{ACCOUNT},seller,yesterday,IN-1,1007000,1007000",
        f"CDM-100-9,nobody,{at},IN-1,1008000,1008000",
        f"{ACCOUNT},second,{at},IN-1,1009000,1009000",
    ) == [
        (3, "as_of", "another_instant"),
        (4, "serial_first", "overlap"),
        (5, "serial_first", "outside_issuance"),
        (6, "serial_first", "outside_issuance"),
        (7, "serial_first", "outside_issuance"),
        (8, "serial_first", "required"),
        (8, "serial_last", "required"),
        (9, "account", "not_of_this_registry"),
        (10, "as_of", "another_instant"),
        (10, "as_of", "in_the_future"),
        (11, "as_of", "not_an_instant"),
        (12, "provider", "unknown_provider"),
        (13, "provider", "other_owner"),
    ]
    assert world.adapter.holdings(ACCOUNT) == []


def test_an_older_statement_never_replaces_a_newer_one(world: BatchWorld) -> None:
    world.states(ACCOUNT, WHOLE)

    assert _problems(f"{ACCOUNT},seller,2026-11-22T09:59:59Z,IN-1,1002000,1002000") == [(2, "as_of", "newer_statement")]
    assert _held(world) == [(1_002_000, 1_002_999)]


def test_a_statement_opens_an_account_that_nobody_knew_for_its_participant(world: BatchWorld) -> None:
    _import("CDM-100-9,seller,2026-11-22T08:00:00Z,IN-1,1002000,1002009")

    provider_id = db.session.scalars(select(Provider.id).where(Provider.code == "seller")).one()
    assert (find_registry_code("CDM-100-9"), find_account_provider("CDM-100-9")) == ("batch", provider_id)
    assert [holding.available for holding in world.adapter.holdings("CDM-100-9")] == [10]


def test_a_vintage_is_held_as_one(world: BatchWorld) -> None:
    with transaction() as session:
        session.execute(update(Issuance).values(commitment_period=None, vintage_year=2023))
    world.states(ACCOUNT, WHOLE)

    (holding,) = world.adapter.holdings(ACCOUNT)

    assert (holding.commitment_period, holding.vintage_year) == (None, 2023)


def test_the_registrys_statement_lists_what_it_processed_since(world: BatchWorld) -> None:
    for reference in ("TONNE-A", "TONNE-B"):
        world.adapter.submit(a_request(10, reference=reference))
        world.round()
        world.clock.advance(timedelta(days=1))

    both = world.adapter.statement(ACCOUNT, datetime(2026, 1, 1, tzinfo=UTC))
    later = world.adapter.statement(ACCOUNT, NOW + timedelta(seconds=1))

    assert [line.reference for line in both] == ["TONNE-A", "TONNE-B"]
    assert [line.reference for line in later] == ["TONNE-B"]
    assert all(line.result.contradiction(a_request(10)) is None for line in both)
    assert world.adapter.statement("CDM-100-2", datetime(2026, 1, 1, tzinfo=UTC)) == []
