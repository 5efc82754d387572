"""Direct cancellations when the registry of their units closes, or is taken out of the settings."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import update

from app.db import transaction
from app.direct.errors import RegistryClosed
from app.direct.states import DirectState
from app.fulfilment.process import Collaborators, run_due
from app.offers.states import OfferState
from app.registry.models import RegistryAccount
from tests.builders import an_offer, ledger_effects, the_offer
from tests.pages import Visitor
from tests.people import an_operator, sign_in_as
from tests.service.conftest import Shop
from tests.service.direct.asking import placed, the_direct

CLOSED = datetime(2027, 1, 2, tzinfo=UTC)


def close(world: Collaborators) -> None:
    """Let it be the second of January."""
    world.clock.advance(CLOSED - world.clock.now())  # type: ignore[attr-defined]  # the tests' clock


def test_nothing_is_asked_of_a_registry_that_has_closed(world: Collaborators) -> None:
    offer_id = an_offer(units=10, held=1_000)
    close(world)

    with pytest.raises(RegistryClosed):
        placed(world, offer_id)


def test_what_was_asked_before_is_refused_and_freezes_no_offer(world: Collaborators) -> None:
    offer_id = an_offer(units=10, held=1_000)
    direct_id = placed(world, offer_id)
    close(world)
    run_due(world)

    assert the_direct(direct_id).state is DirectState.REFUSED
    assert the_offer(offer_id).state is not OfferState.FROZEN


def keep_accounts_in(registry_code: str) -> None:
    """Let every account be kept in a registry: one that the settings know, or one that was taken out of them."""
    with transaction() as session:
        session.execute(update(RegistryAccount).values(registry_code=registry_code))


@pytest.mark.parametrize("decision", ["refuse", "let_go"])
def test_what_lies_in_a_registry_that_was_taken_out_waits_for_a_person(shop: Shop, decision: str) -> None:
    offer_id = shop.offer(units=10, held=1_000)
    with shop.inside() as world:
        direct_id = placed(world, offer_id)
        keep_accounts_in("gone")
    shop.work()
    with shop.inside():
        direct, desk = the_direct(direct_id), Visitor(sign_in_as(shop.app, an_operator()))
        reference, state = direct.reference, direct.state
    assert state is DirectState.RISK_HOLD

    waiting = "/en/desk/direct-cancellations"
    said = {"reason": "The registry left us.", "decision": "let_go"}
    assert "Its registry is not connected any more" in desk.get(waiting).words
    page = desk.read(desk.send(desk.get(waiting), reference, 422, fields=said), 422)
    assert "The registry of its units is not connected any more." in page.words
    if decision == "let_go":
        with shop.inside():
            keep_accounts_in("ledger")
    desk.send(page, reference, fields=said | {"decision": decision})
    shop.work()

    with shop.inside():
        ends = {"refuse": (DirectState.REFUSED, 0), "let_go": (DirectState.FULFILLED, 100)}
        assert (the_direct(direct_id).state, ledger_effects()) == ends[decision]
