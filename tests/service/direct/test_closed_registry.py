"""Direct cancellations when the registry of their units closes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from app.direct.errors import RegistryClosed
from app.direct.states import DirectState
from app.fulfilment.process import Collaborators, run_due
from app.offers.states import OfferState
from tests.builders import an_offer, the_offer
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
