"""A whole purchase paid through the Stripe adapter: hosted page, signed events over HTTP, refunds."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.serving import make_server

from app.certificates.models import Certificate
from app.checkout import service
from app.checkout.states import OrderState
from app.db import db, end_reading
from app.fulfilment.process import Collaborators, collaborators, run_due
from app.kernel.clock import FixedClock
from app.payments import service as payments
from app.payments.models import Dispute, Payment, Refund, WebhookDelivery
from app.payments.states import DisputeState, PaymentState, RefundState
from app.registry.ledger.models import LedgerTransaction
from tests.builders import a_placed_order, an_offer, the_order
from tests.conftest import AppMaker
from tests.fakes import FakeMailer, FakeRenderer
from tests.stripe_standin import StripeStandIn


@dataclass
class StripeShop:
    """The application, listening on loopback, with the stand-in where Stripe would be."""

    stripe: StripeStandIn
    world: Collaborators

    def order(self, wanted: dict[int, int]) -> tuple[int, str]:
        """Place an order and open its payment page; gives the order's id and the page's reference."""
        order_id = a_placed_order(self.world.settings, wanted, now=self.world.clock.now())
        url = service.start_payment(order_id, self.world.gateway, self.world.settings, self.world.clock)
        return order_id, url.rsplit("/", 1)[-1]

    def press(self, reference: str, action: str) -> None:
        """Press a button of the hosted page and wait until Stripe told us about it, twice and shuffled."""
        self.stripe.press(reference, action)
        self.stripe.wait_for_deliveries()

    def work(self) -> None:
        """Do what is due."""
        run_due(self.world)


@pytest.fixture
def stripe_shop(make_app: AppMaker, clock: FixedClock) -> Iterator[StripeShop]:
    """A shop that takes payments through Stripe."""
    with StripeStandIn(now=lambda: clock.now().timestamp()) as stripe:
        app: Flask = make_app(
            PAYMENT_GATEWAY="stripe",
            STRIPE_SECRET_KEY=stripe.api_key,
            STRIPE_WEBHOOK_SECRETS=stripe.webhook_secret,
            STRIPE_API_BASE=stripe.base,
            STRIPE_CHECKOUT_ORIGIN=stripe.base,
        )
        app.extensions["tonne.renderer"] = FakeRenderer()
        app.extensions["tonne.mailer"] = FakeMailer()
        server = make_server("127.0.0.1", 0, app, threaded=True)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        stripe.webhook_url = f"http://127.0.0.1:{server.server_port}/webhooks/stripe"
        with app.app_context():
            yield StripeShop(stripe, collaborators(app))
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_card_payment_ends_in_certificates_however_often_and_in_whatever_order_stripe_tells(
    stripe_shop: StripeShop,
) -> None:
    first, second = an_offer(number=1, price=38), an_offer(number=2, price=850)
    order_id, reference = stripe_shop.order({first: 10, second: 2})

    stripe_shop.press(reference, "pay")
    stripe_shop.work()

    assert the_order(order_id).state is OrderState.FULFILLED
    payment = db.session.scalars(select(Payment)).one()
    assert (payment.state, payment.amount, payment.currency) == (PaymentState.SUCCEEDED, 2_080, "USD")
    deliveries = db.session.scalars(select(WebhookDelivery)).all()
    assert len(deliveries) == len({d.event_id for d in deliveries})
    assert all(d.processed_at for d in deliveries)
    assert len(db.session.scalars(select(LedgerTransaction)).all()) == 2
    assert len(db.session.scalars(select(Certificate)).all()) == 2


def test_a_lost_notice_is_found_by_asking(stripe_shop: StripeShop, clock: FixedClock) -> None:
    order_id, reference = stripe_shop.order({an_offer(): 4})
    stripe_shop.stripe.webhook_url = None

    stripe_shop.stripe.account.pay(reference)
    stripe_shop.work()
    end_reading()
    assert the_order(order_id).state is OrderState.PAYMENT_PENDING

    clock.advance(payments.CHECK_EVERY)
    stripe_shop.work()
    assert the_order(order_id).state is OrderState.FULFILLED


def test_a_bank_payment_that_settles_days_later_is_waited_for(stripe_shop: StripeShop, clock: FixedClock) -> None:
    order_id, reference = stripe_shop.order({an_offer(): 4})

    stripe_shop.press(reference, "bank")
    stripe_shop.work()
    order = the_order(order_id)
    assert order.state is OrderState.PAYMENT_PENDING
    assert order.expires_at == clock.now() + payments.DELAYED_HOLD

    stripe_shop.stripe.account.settle_bank(reference)
    stripe_shop.stripe.deliver()
    stripe_shop.work()
    assert the_order(order_id).state is OrderState.FULFILLED


def test_a_refused_line_is_refunded_through_stripe_once_although_an_answer_is_lost(
    stripe_shop: StripeShop, clock: FixedClock
) -> None:
    good, bad = an_offer(number=1, price=800), an_offer(number=2, price=700, units=10, held=1)
    order_id, reference = stripe_shop.order({good: 2, bad: 3})
    stripe_shop.press(reference, "pay")
    stripe_shop.work()
    refund = db.session.scalars(select(Refund)).one()
    assert (refund.amount, refund.cause) == (2_100, "refused")

    for _try in range(5):
        clock.advance(payments.SESSION_LIFE)
        stripe_shop.work()

    assert the_order(order_id).state is OrderState.PARTLY_FULFILLED
    db.session.expire_all()
    assert db.session.scalars(select(Refund)).one().state is RefundState.SUCCEEDED
    assert [r["amount"] for r in stripe_shop.stripe.account.refunds.values()] == [2_100]


def test_a_payment_after_the_units_were_sold_to_somebody_else_is_given_back_whole(
    stripe_shop: StripeShop, clock: FixedClock
) -> None:
    offer = an_offer(units=4)
    order_id, reference = stripe_shop.order({offer: 4})
    clock.advance(payments.HOLD)
    stripe_shop.work()
    assert the_order(order_id).state is OrderState.EXPIRED
    a_placed_order(stripe_shop.world.settings, {offer: 4}, now=clock.now())

    # Stripe had closed the page too late: the money came in after all.
    session = stripe_shop.stripe.account.sessions[reference]
    session["status"] = "open"
    session["expires_at"] = int(clock.now().timestamp()) + 60
    stripe_shop.press(reference, "pay")
    stripe_shop.work()

    assert the_order(order_id).state is OrderState.REFUSED
    assert [r["amount"] for r in stripe_shop.stripe.account.refunds.values()] == [1_000]
    assert db.session.scalars(select(Certificate)).all() == []


def test_a_dispute_is_read_from_stripe_and_changes_nothing_that_was_cancelled(stripe_shop: StripeShop) -> None:
    order_id, reference = stripe_shop.order({an_offer(): 4})
    stripe_shop.press(reference, "pay")
    stripe_shop.work()
    account = stripe_shop.stripe.account

    dispute = account.open_dispute(reference)
    stripe_shop.stripe.deliver()
    stripe_shop.work()
    found = db.session.scalars(select(Dispute)).one()
    assert (found.order_id, found.state, found.taken, found.reason) == (
        order_id,
        DisputeState.OPEN,
        1_000,
        "fraudulent",
    )

    account.submit_evidence(dispute)
    account.win_dispute(dispute)
    stripe_shop.stripe.deliver()
    stripe_shop.work()
    db.session.expire_all()
    assert (found.state, found.taken, found.evidence_due_at) == (DisputeState.WON, 0, None)
    assert the_order(order_id).state is OrderState.FULFILLED
    assert len(db.session.scalars(select(LedgerTransaction)).all()) == 1
    assert all(delivery.processed_at for delivery in db.session.scalars(select(WebhookDelivery)))
