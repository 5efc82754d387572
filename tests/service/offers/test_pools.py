"""Two sellers, the same last units: real sessions on both databases."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from threading import Barrier

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from app.audit.service import Actor
from app.db import db, end_reading, transaction
from app.fulfilment.process import Collaborators
from app.offers import pools
from app.offers.errors import MoreThanHeld
from app.offers.importer import import_offers
from app.offers.models import Offer
from app.offers.states import OfferState
from app.selling import service
from app.selling.terms import Terms
from tests.builders import NOW, all_at_once, an_offer, registry_of, the_offer

ACCOUNT = "CDM-100-1"
SELLERS = 6
ACTOR = Actor(None, "seller@a.example")


@pytest.fixture
def drafts(world: Collaborators) -> list[int]:
    """Drafts of 40 units each, of a pool in which 100 lie free."""
    first = the_offer(an_offer(units=100, held=200))
    facts = first.provider_id, first.issuance_id
    end_reading()
    return [service.draw_up(*facts, ACCOUNT, 40, Terms(250), ACTOR, NOW) for _seller in range(SELLERS)]


def _promised() -> int:
    found = db.session.scalar(select(func.sum(Offer.units_offered)).where(Offer.state != OfferState.DRAFT))
    end_reading()
    return int(found or 0)


def test_looking_at_what_is_free_and_then_promising_it_would_promise_units_twice(
    world: Collaborators, context: Flask, drafts: list[int]
) -> None:
    """The race is real: this is what the product must not do."""
    holdings = registry_of(world).holdings
    all_have_looked = Barrier(len(drafts))

    def submit_naively(offer_id: int) -> None:
        offer = the_offer(offer_id)
        free = pools.free_units(ACCOUNT, offer.issuance_id, holdings)
        all_have_looked.wait(30)
        if free >= 40:
            with transaction() as session:
                session.execute(update(Offer).where(Offer.id == offer_id).values(state=OfferState.SUBMITTED))

    all_at_once(context, [partial(submit_naively, offer_id) for offer_id in drafts])

    assert _promised() == 100 + SELLERS * 40


def test_of_many_sellers_only_as_many_submit_as_there_are_units_and_the_others_hear_what_is_free(
    world: Collaborators, context: Flask, drafts: list[int]
) -> None:
    holdings = registry_of(world).holdings

    outcomes = all_at_once(context, [partial(service.submit, offer_id, ACTOR, holdings, NOW) for offer_id in drafts])

    refusals = [outcome for outcome in outcomes if outcome is not None]
    assert [type(refusal) for refusal in refusals] == [MoreThanHeld] * (SELLERS - 2)
    assert {refusal.facts["free"] for refusal in refusals} == {20}
    assert _promised() == 180


def test_a_seller_and_a_file_at_the_same_time_promise_no_unit_twice(
    world: Collaborators, context: Flask, drafts: list[int]
) -> None:
    holdings = registry_of(world).holdings
    header = "code,provider,project,originating_party,serial_first,account,units,unit_price,currency\n"
    file = header + f"FILE-1,seller,IN-1,IN,1000000,{ACCOUNT},70,2.50,USD\n"
    jobs: list[Callable[[], object]] = [
        partial(service.submit, drafts[0], ACTOR, holdings, NOW),
        partial(import_offers, file, now=NOW, holdings=holdings, currency_code="USD"),
    ]

    outcomes = all_at_once(context, jobs)

    assert len([outcome for outcome in outcomes if isinstance(outcome, Exception)]) == 1
    assert _promised() in {140, 170}


def test_what_else_is_promised_counts(world: Collaborators, drafts: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    holdings = registry_of(world).holdings
    monkeypatch.setitem(pools._other_promises, "test", lambda wanted: dict.fromkeys(wanted, 61))  # noqa: SLF001 - another room's promises

    with pytest.raises(MoreThanHeld) as refusal:
        service.submit(drafts[0], ACTOR, holdings, NOW)

    assert refusal.value.facts == {"units": 40, "free": 39}
