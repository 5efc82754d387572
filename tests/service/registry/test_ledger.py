"""The embedded registry as a registry: whose accounts it keeps, and under whose name."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from flask import Flask
from sqlalchemy import delete, update

from app.catalog.models import UnitType
from app.db import transaction
from app.registry.accounts import find_account_provider
from app.registry.adapters import make_registries
from app.registry.ledger import codes
from app.registry.ledger.models import LedgerAccount
from app.registry.ports import Completed, Found, RefusalCode, Refused, StatementLine, Unknown
from tests.builders import NOW, an_offer, the_offer
from tests.service.registry.asking import a_request
from tests.service.registry.books import cancelled, entries, the_ledger


def test_an_account_belongs_to_the_seller_of_its_offers(context: Flask) -> None:
    offer_id = an_offer()

    assert find_account_provider("CDM-100-1") == the_offer(offer_id).provider_id
    assert find_account_provider("CDM-230-1") is None
    assert find_account_provider("CDM-100-99") is None


def test_a_unit_type_without_a_kyoto_code_prints_a_zero_instead_of_failing_after_the_effect(context: Flask) -> None:
    an_offer(units=10)
    with transaction() as session:
        session.execute(update(UnitType).values(kyoto_code=None))

    outcome = the_ledger(context).submit(a_request(1))

    assert isinstance(outcome, Completed)
    assert outcome.result.blocks[0].text_first == "IN-0-1002000-2-2-0-1"


def test_the_ledger_is_of_record_only_under_the_name_of_whoever_declared_it(context: Flask) -> None:
    settings, clock = context.extensions["tonne.settings"], context.extensions["tonne.clock"]

    plain = make_registries(settings, clock).default
    declared = make_registries(replace(settings, registry_of_record_name="Registry Ltd"), clock).default

    assert (plain.is_registry_of_record, declared.is_registry_of_record) == (False, True)
    assert (plain.display_name, declared.display_name) == ("Tonne embedded ledger", "Registry Ltd")


def test_what_stands_in_the_ledger_is_final_and_what_is_not_there_can_be_kept_from_ever_coming(context: Flask) -> None:
    an_offer(units=10)
    ledger, request = the_ledger(context), a_request(1)
    done = ledger.submit(request)
    unknown = a_request(1, reference="TONNE-B")

    assert ledger.advance(request, None) == done
    assert ledger.withdraw(request, None, "late") == Found(done)  # type: ignore[arg-type]  # it is not looked at
    assert isinstance(ledger.advance(unknown, None), Unknown)
    assert len(entries()) == 1

    withdrawn = Refused(RefusalCode.WITHDRAWN, "late")
    assert ledger.withdraw(unknown, None, "late") == Found(withdrawn)
    # Whoever still carries the request comes too late.
    assert ledger.submit(unknown) == withdrawn
    assert ledger.withdraw(unknown, None, "later") == Found(withdrawn)
    assert [entry.state_code for entry in entries()] == [codes.COMPLETED, codes.TERMINATED]


def test_the_statement_of_an_account_has_what_was_carried_out_since_oldest_first(context: Flask) -> None:
    an_offer(units=10)
    ledger, clock = the_ledger(context), context.extensions["tonne.clock"]
    first = ledger.submit(a_request(1, reference="TONNE-1"))
    clock.advance(timedelta(hours=1))
    second = ledger.submit(a_request(2, reference="TONNE-2"))
    ledger.submit(a_request(99, reference="TONNE-3"))
    assert isinstance(first, Completed)
    assert isinstance(second, Completed)

    assert ledger.statement("CDM-100-1", NOW) == [
        StatementLine("TONNE-1", first.result),
        StatementLine("TONNE-2", second.result),
    ]
    assert ledger.statement("CDM-100-1", NOW + timedelta(minutes=1)) == [StatementLine("TONNE-2", second.result)]
    assert ledger.statement("CDM-100-9", NOW) == []


def test_the_books_tell_what_was_sold_from_what_a_holder_asked_for(context: Flask) -> None:
    an_offer(units=10)
    ledger = the_ledger(context)
    ledger.submit(a_request(1, reference="TONNE-1"))
    ledger.submit(a_request(1, reference="TONNE-2", channel="registry"))
    ledger.submit(a_request(99, reference="TONNE-3", channel="registry"))

    assert [entry.channel for entry in entries()] == ["platform", "registry", "registry"]


def test_the_channel_is_no_part_of_what_a_reference_stands_for(context: Flask) -> None:
    an_offer(units=10)

    assert the_ledger(context).submit(a_request(1)) == the_ledger(context).submit(a_request(1, channel="registry"))
    assert len(entries()) == 1


def test_each_mechanism_has_a_cancellation_account_of_its_own_opened_when_it_is_needed(context: Flask) -> None:
    an_offer(units=10)
    with transaction() as session:
        session.execute(delete(LedgerAccount).where(LedgerAccount.identifier == "CDM-230-1"))

    assert isinstance(the_ledger(context).submit(a_request(1)), Completed)
    assert cancelled() == [(2_000, 2_000)]
