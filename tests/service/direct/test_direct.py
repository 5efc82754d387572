"""A holder cancels own units without a sale: once, certified, and never more than are free."""

from __future__ import annotations

import pytest

from app.certificates.facts import from_json
from app.direct.states import DirectState
from app.fulfilment.process import run_due
from app.offers.errors import MoreThanHeld
from tests import builders
from tests.service.conftest import Shop
from tests.service.direct.asking import cancellation_of, certificate_of, placed, the_direct


def test_units_are_cancelled_and_certified_without_a_sale(shop: Shop) -> None:
    offer_id = shop.offer(units=100, held=1_000)
    with shop.inside() as world:
        direct_id = placed(world, offer_id, units=300)
        run_due(world)
        direct, cancellation, certificate = the_direct(direct_id), cancellation_of(direct_id), certificate_of(direct_id)
        assert direct.state is DirectState.FULFILLED
        assert cancellation is not None
        assert certificate is not None
        facts = from_json(certificate.facts)
        assert builders.ledger_effects() == facts.units == 300
        assert facts.order_reference == direct.reference
        assert facts.beneficiary_name == "Hanul Electric Co."
        assert (facts.purpose_category, facts.scheme_name) == ("compliance_scheme", "Korean offset scheme")
        assert (facts.paid_at, facts.placed_at) == (None, builders.NOW)
        assert facts.transactions[0].holder == "Demonstration seller 1"


def test_what_offers_promise_cannot_be_cancelled_directly(shop: Shop) -> None:
    offer_id = shop.offer(units=900, held=1_000)
    with shop.inside() as world:
        with pytest.raises(MoreThanHeld) as refused:
            placed(world, offer_id, units=101)
        assert refused.value.facts["free"] == 100
        placed(world, offer_id, units=100)
        with pytest.raises(MoreThanHeld):
            placed(world, offer_id, units=1, once="another")
