"""The embedded registry: every unit is in one account, and a request has one answer for ever."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.catalog.models import Issuance
from app.db import db, transaction
from app.kernel.references import cancellation_reference
from app.registry.adapters import make_registry
from app.registry.adapters.ledger import LedgerRegistry
from app.registry.ledger import codes
from app.registry.ledger.models import LedgerAccount, LedgerBlock, LedgerTransaction
from app.registry.ledger.queries import find_account_provider
from app.registry.ports import Absent, CancellationRequest, Completed, Found, RefusalCode, Refused
from tests.builders import NOW, all_at_once, an_offer, ledger_effects, the_offer

IN_1 = CancellationRequest(
    reference="", account="CDM-100-1", project_reference="IN-1", unit_type="CER", commitment_period=2,
    originating_party="IN", serial_first=1_000_000, serial_last=1_099_999, units=5, beneficiary_name="A", purpose="B",
)  # fmt: skip


@pytest.fixture
def ledger(context: Flask) -> LedgerRegistry:
    registry = context.extensions["tonne.registry"]
    assert isinstance(registry, LedgerRegistry)
    return registry


def asking(**changes: object) -> CancellationRequest:
    return replace(IN_1, **({"reference": cancellation_reference()} | changes))  # type: ignore[arg-type]


def blocks_of(account: str = "CDM-100-1") -> list[tuple[str, int, int]]:
    db.session.expire_all()
    rows = db.session.scalars(
        select(LedgerBlock)
        .join(LedgerAccount, LedgerAccount.id == LedgerBlock.account_id)
        .where(LedgerAccount.identifier == account)
        .order_by(LedgerBlock.space, LedgerBlock.first)
    )
    return [(block.space, block.first, block.last) for block in rows]


def add_block(first: int, last: int, *, number: int = 1, account: str = "CDM-100-1", space: str = "IN") -> None:
    with transaction() as session:
        issuance = session.scalars(select(Issuance).where(Issuance.serial_first == number * 1_000_000)).one()
        holder = session.scalars(select(LedgerAccount).where(LedgerAccount.identifier == account)).one()
        session.add(LedgerBlock(account_id=holder.id, issuance_id=issuance.id, space=space, first=first, last=last))


def ranges(outcome: object) -> list[tuple[int, int]]:
    assert isinstance(outcome, Completed)
    return [(block.first, block.last) for block in outcome.result.blocks]


def test_the_lowest_serial_numbers_that_are_left_are_cancelled_first(ledger: LedgerRegistry) -> None:
    an_offer(units=100)

    assert ranges(ledger.submit(asking(units=5))) == [(1_002_000, 1_002_004)]
    assert ranges(ledger.submit(asking(units=90))) == [(1_002_005, 1_002_094)]
    assert ranges(ledger.submit(asking(units=5))) == [(1_002_095, 1_002_099)]

    assert blocks_of() == []
    assert blocks_of("CDM-230-1") == [("IN", 1_002_000, 1_002_004), ("IN", 1_002_005, 1_002_094),
                                      ("IN", 1_002_095, 1_002_099)]  # fmt: skip
    assert ledger_effects() == 100


def test_a_cancellation_takes_as_many_blocks_as_it_needs_and_splits_the_last_one(ledger: LedgerRegistry) -> None:
    an_offer(units=3)
    add_block(1_050_000, 1_050_001)
    add_block(1_060_000, 1_060_099)

    outcome = ledger.submit(asking(units=10))

    assert ranges(outcome) == [(1_002_000, 1_002_002), (1_050_000, 1_050_001), (1_060_000, 1_060_004)]
    assert isinstance(outcome, Completed)
    assert outcome.result.units == sum(block.units for block in outcome.result.blocks) == 10
    assert blocks_of() == [("IN", 1_060_005, 1_060_099)]


def test_a_result_prints_the_serial_numbers_as_certificates_do_and_says_when(ledger: LedgerRegistry) -> None:
    an_offer(units=10)
    outcome = ledger.submit(asking(units=2))

    assert isinstance(outcome, Completed)
    (block,) = outcome.result.blocks
    assert (block.text_first, block.text_last) == ("IN-5-1002000-2-2-0-1", "IN-5-1002001-2-2-0-1")
    assert block.space == "ledger:IN"
    assert outcome.result.registry_transaction == "TN00000001"
    assert outcome.result.completed_at == NOW


def test_units_of_afforestation_are_marked_in_their_serial_numbers() -> None:
    facts = {"party": "MD", "kyoto_code": 6, "serial": 7, "commitment_period": 1, "project_number": 1948}

    assert codes.serial_text(unit_type="tCER", **facts) == "MD-6-7-1-1-1-1948"  # type: ignore[arg-type]
    assert codes.serial_text(unit_type="CER", **facts) == "MD-6-7-1-1-0-1948"  # type: ignore[arg-type]


def test_one_transaction_never_mixes_commitment_periods_issuances_projects_or_owners(ledger: LedgerRegistry) -> None:
    an_offer(number=1, units=3, commitment_period=2)
    an_offer(number=2, units=100, commitment_period=1)

    for wrong in (
        {"units": 4},
        {"commitment_period": 1},
        {"project_reference": "IN-2"},
        {"serial_first": 2_000_000, "serial_last": 2_099_999},
        {"serial_last": 1_050_000},
        {"unit_type": "ERU"},
        {"originating_party": "KE"},
    ):
        outcome = ledger.submit(asking(**wrong))
        assert isinstance(outcome, Refused), wrong
        assert outcome.code is RefusalCode.INSUFFICIENT

    assert ledger_effects() == 0
    assert ranges(ledger.submit(asking(units=3))) == [(1_002_000, 1_002_002)]


def test_nothing_is_cancelled_out_of_an_account_that_is_not_a_holding_account(ledger: LedgerRegistry) -> None:
    an_offer(units=10)

    for account in ("CDM-100-99", "CDM-230-1"):
        outcome = ledger.submit(asking(account=account))
        assert isinstance(outcome, Refused)
        assert outcome.code is RefusalCode.NOT_OWNER
    outcome = ledger.submit(asking(units=0))
    assert isinstance(outcome, Refused)
    assert outcome.code is RefusalCode.INVALID


def test_a_repeated_request_gets_the_same_answer_and_has_no_second_effect(ledger: LedgerRegistry) -> None:
    an_offer(units=10)
    request = asking(units=4)

    first = ledger.submit(request)

    assert ledger.submit(request) == first
    assert ledger.lookup(request) == Found(first)  # type: ignore[arg-type]
    assert ledger_effects() == 4


def test_two_workers_with_one_request_cancel_once(ledger: LedgerRegistry, context: Flask) -> None:
    an_offer(units=100)
    request = asking(units=4)

    outcomes = all_at_once(context, [partial(ledger.submit, request)] * 5)

    assert len({str(ranges(outcome)) for outcome in outcomes}) == 1
    assert ledger_effects() == 4


def test_many_requests_at_once_never_share_a_serial_number(ledger: LedgerRegistry, context: Flask) -> None:
    an_offer(units=20)
    add_block(1_050_000, 1_050_004)

    outcomes = all_at_once(context, [partial(ledger.submit, asking(units=7)) for _ in range(5)])

    done = [outcome for outcome in outcomes if isinstance(outcome, Completed)]
    refused = [outcome for outcome in outcomes if isinstance(outcome, Refused)]
    assert (len(done), len(refused)) == (3, 2)
    serials = [n for outcome in done for first, last in ranges(outcome) for n in range(first, last + 1)]
    assert len(serials) == len(set(serials)) == 21 == ledger_effects()


def test_a_reference_that_was_used_for_another_request_is_refused_and_the_first_effect_stands(
    ledger: LedgerRegistry,
) -> None:
    an_offer(units=10)
    request = asking(units=4)
    ledger.submit(request)
    changed = replace(request, units=5)

    for answer in (ledger.submit(changed), ledger.lookup(changed)):
        outcome = answer.outcome if isinstance(answer, Found) else answer
        assert isinstance(outcome, Refused)
        assert outcome.code is RefusalCode.KEY_REUSED
    assert ledger_effects() == 4


def test_a_refusal_is_remembered_for_ever_even_when_units_have_come_since(ledger: LedgerRegistry) -> None:
    an_offer(units=3)
    request = asking(units=4)
    refused = ledger.submit(request)
    assert isinstance(refused, Refused)
    add_block(1_050_000, 1_050_099)

    # The money went back after the refusal: a late repeat must never take effect.
    assert ledger.submit(request) == refused
    assert ledger.lookup(request) == Found(refused)
    assert ledger_effects() == 0
    assert ranges(ledger.submit(asking(units=4))) == [(1_002_000, 1_002_002), (1_050_000, 1_050_000)]
    entry = db.session.scalars(select(LedgerTransaction).order_by(LedgerTransaction.id)).first()
    assert entry is not None
    assert (entry.state_code, entry.refusal_code, entry.from_account_id) == (codes.TERMINATED, "insufficient", None)


def test_what_was_never_asked_is_proven_absent(ledger: LedgerRegistry) -> None:
    an_offer()
    answer = ledger.lookup(asking())

    assert isinstance(answer, Absent)
    assert answer.proven


def test_holdings_are_what_lies_in_an_account_and_shrink_with_every_cancellation(ledger: LedgerRegistry) -> None:
    an_offer(units=10)
    an_offer(number=2, held=0)
    add_block(5, 9, number=2, space="AA")
    ledger.submit(asking(units=4))

    held = ledger.holdings("CDM-100-1")

    assert [(h.originating_party, h.serial_first, h.serial_last, h.available) for h in held] == [
        ("AA", 5, 9, 5), ("IN", 1_002_004, 1_002_009, 6),
    ]  # fmt: skip
    assert (held[1].account, held[1].project_reference, held[1].unit_type, held[1].commitment_period) == (
        "CDM-100-1", "IN-1", "CER", 2,
    )  # fmt: skip
    assert held[1].as_of == NOW
    assert not ledger.holdings("CDM-100-99")


def test_an_account_belongs_to_the_seller_of_its_offers(ledger: LedgerRegistry) -> None:
    offer_id = an_offer()

    assert find_account_provider("CDM-100-1") == the_offer(offer_id).provider_id
    assert find_account_provider("CDM-230-1") is None
    assert find_account_provider("CDM-100-99") is None


def test_a_unit_type_without_a_kyoto_code_prints_a_zero_instead_of_failing_after_the_effect(
    ledger: LedgerRegistry,
) -> None:
    an_offer(units=10)
    with transaction() as session:
        session.execute(update(db.metadata.tables["unit_type"]).values(kyoto_code=None))

    outcome = ledger.submit(asking(units=1))

    assert isinstance(outcome, Completed)
    assert outcome.result.blocks[0].text_first == "IN-0-1002000-2-2-0-1"


def test_the_ledger_is_of_record_only_under_the_name_of_whoever_declared_it(context: Flask) -> None:
    settings, clock = context.extensions["tonne.settings"], context.extensions["tonne.clock"]

    plain = make_registry(settings, clock)
    declared = make_registry(replace(settings, registry_of_record_name="Registry Ltd"), clock)

    assert (plain.is_registry_of_record, declared.is_registry_of_record) == (False, True)
    assert declared.display_name == "Registry Ltd"
