"""The embedded registry as a registry: whose accounts it keeps, and under whose name."""

from __future__ import annotations

from dataclasses import replace

from flask import Flask
from sqlalchemy import update

from app.catalog.models import UnitType
from app.db import transaction
from app.registry.accounts import find_account_provider
from app.registry.adapters import make_registries
from app.registry.ports import Completed
from tests.builders import an_offer, the_offer
from tests.service.registry.asking import a_request
from tests.service.registry.books import the_ledger


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
