"""A purchase from basket to certificate, through the services, on both databases."""

from __future__ import annotations

import json
from collections.abc import Callable

from sqlalchemy import select

from app.certificates.models import Certificate, Document
from app.checkout import service
from app.checkout.states import OrderState
from app.db import db
from app.fulfilment.process import Collaborators
from app.offers.models import Offer
from app.registry.models import Cancellation, CancelledBlock
from app.registry.states import CancellationState
from tests.builders import (
    NOW,
    a_placed_order,
    an_offer,
    gateway_of,
    mailer_of,
    pass_time,
    the_order,
)


def test_a_guest_buys_units_of_three_projects_and_gets_three_certificates_and_a_summary(
    world: Collaborators, work: Callable[[], int]
) -> None:
    offers = [an_offer(number=n, price=100 + n) for n in (1, 2, 3)]
    order_id = a_placed_order(world.settings, {offers[0]: 3, offers[1]: 4, offers[2]: 5})
    service.start_payment(order_id, world.gateway, world.settings, world.clock)
    gateway_of(world).pay()
    pass_time(world, minutes=10)

    work()

    order = the_order(order_id)
    assert order.state is OrderState.FULFILLED
    cancellations = db.session.scalars(select(Cancellation).order_by(Cancellation.id)).all()
    assert [c.state for c in cancellations] == [CancellationState.CONFIRMED] * 3
    blocks = db.session.scalars(select(CancelledBlock).order_by(CancelledBlock.id)).all()
    assert [(b.first, b.last) for b in blocks] == [
        (1_002_000, 1_002_002),
        (2_002_000, 2_002_003),
        (3_002_000, 3_002_004),
    ]
    certificates = db.session.scalars(select(Certificate).order_by(Certificate.id)).all()
    assert [c.number for c in certificates] == ["TN1/2026", "TN2/2026", "TN3/2026"]
    assert [json.loads(c.facts)["units"] for c in certificates] == [3, 4, 5]
    assert {d.subject for d in db.session.scalars(select(Document))} == {
        "TN1/2026",
        "TN2/2026",
        "TN3/2026",
        order.reference,
    }
    assert {m.recipient for m in mailer_of(world).sent} == {"buyer@example.org"}
    assert len(mailer_of(world).sent) == 2
    assert [o.units_settled for o in db.session.scalars(select(Offer).order_by(Offer.id))] == [3, 4, 5]
    assert order.paid_at is not None
    assert order.paid_at > NOW
