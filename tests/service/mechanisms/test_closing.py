"""The shop on 30 and 31 December 2026 and on 2 January 2027: the first mechanism closes, and its proof stays."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Barrier, BrokenBarrierError
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.audit.service import Actor
from app.catalog.models import Issuance, Mechanism, Project, UnitType
from app.checkout import baskets, service
from app.checkout.errors import OrderNotOverdue
from app.checkout.models import Order
from app.checkout.service import overdue
from app.checkout.states import OrderState
from app.db import db, transaction
from app.fulfilment.process import Collaborators
from app.kernel.clock import FixedClock
from app.notifications.messages.kinds import MailKind
from app.notifications.models import Mail
from app.offers import service as offers
from app.offers.errors import OrdersClosed, SaleClosed
from app.offers.reasons import MECHANISM_CLOSED
from app.offers.states import OfferState
from app.payments.ports import GatewayState
from app.registry.ledger.models import LedgerIssuance
from app.registry.models import RegistryAttempt
from app.registry.ports import RefusalCode
from app.registry.states import CancellationState
from app.selling import service as selling
from tests.builders import (
    a_basket,
    a_begun_order,
    a_finished_order,
    a_payable_order,
    a_placed_order,
    all_at_once,
    an_offer,
    cancellations_of,
    certificates_of,
    gateway_of,
    ledger_effects,
    look_again,
    mailer_of,
    payments_of,
    place,
    refunds_of,
    registry_of,
    the_offer,
    the_order,
)
from tests.service.conftest import Shop

LAST_MORNING = datetime(2026, 12, 30, 10, tzinfo=UTC)
SALE_CLOSED = datetime(2026, 12, 30, 20, tzinfo=UTC)
LAST_ORDERS = datetime(2026, 12, 31, 10, tzinfo=UTC)
TOO_SHORT = datetime(2026, 12, 31, 11, 35, tzinfo=UTC)
ORDERS_CLOSED = datetime(2026, 12, 31, 13, tzinfo=UTC)
AFTER = datetime(2027, 1, 2, 10, tzinfo=UTC)
LAST_ORDER_AT = datetime(2026, 12, 31, 12, tzinfo=UTC)

SELLER = Actor(None, "seller")


def set_clock(world: Collaborators, at: datetime) -> None:
    """Let it be another time."""
    clock = world.clock
    assert isinstance(clock, FixedClock)
    clock.advance(at - clock.now())


def mails(kind: MailKind) -> int:
    """How many mails of a kind were written."""
    return len(db.session.scalars(select(Mail.id).where(Mail.kind == kind)).all())


# --- 30 December -------------------------------------------------------------------------------------


def test_before_the_sale_closes_pages_say_until_when_and_everything_sells(shop: Shop) -> None:
    offer_id, visitor = shop.offer(), shop.visitor()
    set_clock(shop.world, LAST_MORNING)

    for page in (visitor.get("/en/"), shop.project_page(visitor, offer_id)):
        assert "CERs can be put into a basket until 30 December 2026" in page.words
        assert "Their registry closes on 1 January 2027" in page.words
    assert "ordered and paid until 31 December 2026" in shop.at_review(visitor, {offer_id: 4}).words


def test_nothing_is_said_while_the_closing_is_more_than_sixty_days_away(shop: Shop) -> None:
    offer_id, visitor = shop.offer(), shop.visitor()
    set_clock(shop.world, datetime(2026, 10, 1, tzinfo=UTC))

    assert "Their registry closes" not in shop.project_page(visitor, offer_id).words


def test_after_the_sale_has_closed_nothing_is_put_into_a_basket(shop: Shop) -> None:
    offer_id, visitor = shop.offer(), shop.visitor()
    page = shop.project_page(visitor, offer_id)
    set_clock(shop.world, SALE_CLOSED)

    form = next(f for f in page.forms if f.fields.get("offer_id") == str(offer_id))
    refused = visitor.read(visitor.client.post(form.action, data=form.fields | {"units": "3"}), 422)

    assert "CERs are no longer sold here since 30 December 2026" in refused.words
    assert "No longer sold" in refused.words
    listed = visitor.get("/en/").words
    assert "The sale of CERs has closed." in listed
    assert "No longer sold" in listed


def test_what_lies_in_a_basket_can_be_ordered_until_the_last_order_and_not_grow(
    world: Collaborators, work: Callable[[], int]
) -> None:
    offer_id = an_offer()
    token = a_basket({offer_id: 4}, now=LAST_MORNING)
    set_clock(world, SALE_CLOSED)
    work()

    refusals = baskets.set_units(token=token, quantities={offer_id: 5}, now=SALE_CLOSED)
    assert isinstance(refusals[offer_id], SaleClosed)
    assert baskets.set_units(token=token, quantities={offer_id: 3}, now=SALE_CLOSED) == {}
    order_id = place(world.settings, token, now=SALE_CLOSED)
    service.start_payment(order_id, world.gateway, world.settings, world.clock)
    gateway_of(world).pay()
    look_again(world, order_id)
    work()

    assert the_order(order_id).state is OrderState.FULFILLED


def test_nothing_is_newly_offered_after_the_sale_has_closed(world: Collaborators) -> None:
    offer_id = an_offer()
    selling.pause(offer_id, SELLER, LAST_MORNING)

    with pytest.raises(SaleClosed):
        selling.resume(offer_id, SELLER, SALE_CLOSED)
    with pytest.raises(SaleClosed):
        selling.copy(offer_id, SELLER, SALE_CLOSED)


# --- 31 December -------------------------------------------------------------------------------------


def test_a_payment_page_never_outlives_the_last_order(world: Collaborators) -> None:
    late = LAST_ORDER_AT - timedelta(minutes=30, seconds=45)
    set_clock(world, late)

    order_id = _order_of(world, an_offer(), late)

    (payment,) = payments_of(order_id)
    assert payment.expires_at == LAST_ORDER_AT


def test_nothing_says_that_units_are_held_longer_than_the_last_order(shop: Shop) -> None:
    offer_id, visitor = shop.offer(), shop.visitor()
    soon = LAST_ORDER_AT - timedelta(minutes=35)
    set_clock(shop.world, LAST_MORNING)
    with shop.inside() as world:
        by_bank = a_payable_order(world, {offer_id: 4})
        page = gateway_of(world).newest()
        gateway_of(world).payments[page].state = GatewayState.PROCESSING
        look_again(world, by_bank)
        token = the_order(by_bank).token
    assert "Your units are held until 31 December 2026" in visitor.get(f"/en/orders/{token}").words

    with shop.inside() as world:
        gateway_of(world).payments[page].state = GatewayState.FAILED
        look_again(world, by_bank)
        told = db.session.scalars(select(Mail).where(Mail.kind == MailKind.PAYMENT_FAILED)).one()
        assert told.facts["pay_until"] == LAST_ORDER_AT.isoformat()
    assert "Your units are held for you until 31 December 2026" in visitor.get(f"/en/orders/{token}").words

    set_clock(shop.world, soon)
    with shop.inside() as world:
        in_time = place(world.settings, a_basket({offer_id: 4}, now=LAST_MORNING), now=soon)
        assert the_order(in_time).expires_at == LAST_ORDER_AT
        service.start_payment(in_time, world.gateway, world.settings, world.clock)
        assert the_order(in_time).expires_at == LAST_ORDER_AT
        set_clock(world, LAST_ORDER_AT)
    shop.work()
    with shop.inside():
        assert {the_order(each).state for each in (by_bank, in_time)} == {OrderState.EXPIRED}
        assert the_offer(offer_id).units_reserved == 0


@pytest.mark.parametrize("refused_at", [TOO_SHORT, ORDERS_CLOSED])
def test_whose_bank_refuses_when_nothing_can_be_paid_any_more_is_not_asked_to_pay_in_another_way(
    world: Collaborators, work: Callable[[], int], refused_at: datetime
) -> None:
    set_clock(world, LAST_MORNING)
    order_id = a_payable_order(world, {an_offer(): 4})
    page = gateway_of(world).payments[gateway_of(world).newest()]
    page.state = GatewayState.PROCESSING
    look_again(world, order_id)
    set_clock(world, refused_at)
    page.state = GatewayState.FAILED
    look_again(world, order_id)
    work()

    told = mailer_of(world).sent[-1]
    for part in (told.text, told.html):
        words = " ".join(part.split())
        assert "You were not charged" in words
        assert "pay in another way" not in words
        assert "no longer be paid" in words


@pytest.mark.parametrize("is_refused", [True, False])
def test_the_page_of_an_order_offers_no_payment_for_which_no_time_is_left(shop: Shop, *, is_refused: bool) -> None:
    offer_id, visitor = shop.offer(), shop.visitor()
    set_clock(shop.world, LAST_MORNING)
    with shop.inside() as world:
        order_id = a_payable_order(world, {offer_id: 4})
        page, token = gateway_of(world).payments[gateway_of(world).newest()], the_order(order_id).token
        for state in (GatewayState.PROCESSING, GatewayState.FAILED) if is_refused else ():
            page.state = state
            look_again(world, order_id)
    assert [form for form in visitor.get(f"/en/orders/{token}").forms if form.action.endswith("/pay")]

    set_clock(shop.world, TOO_SHORT)
    with shop.inside() as world:
        if not is_refused:
            page.state = GatewayState.EXPIRED
            look_again(world, order_id)
    shown = visitor.get(f"/en/orders/{token}")
    assert [form for form in shown.forms if form.action.endswith("/pay")] == []
    assert "can no longer be paid for in time" in shown.words
    for offered in ("pay in another way", "waits for your payment", "held for you until"):
        assert offered not in shown.words


def test_a_transfer_at_the_bank_has_its_two_weeks_also_after_the_last_order_before_people_may_end_it(
    world: Collaborators, work: Callable[[], int]
) -> None:
    set_clock(world, LAST_MORNING)
    order_id = a_payable_order(world, {an_offer(): 4})
    gateway_of(world).payments[gateway_of(world).newest()].state = GatewayState.PROCESSING
    look_again(world, order_id)
    set_clock(world, AFTER)
    work()

    order, eva = the_order(order_id), Actor(None, "eva")
    assert order.expires_at == LAST_ORDER_AT
    assert not overdue.is_overdue(order, AFTER)
    with pytest.raises(OrderNotOverdue):
        overdue.propose_end(order_id, eva, reason="It took too long.", now=AFTER)
    assert overdue.is_overdue(order, LAST_MORNING + timedelta(days=15))


def _order_of(world: Collaborators, offer_id: int, at: datetime) -> int:
    """An order of units that lay in a basket before the sale closed, whose payment page is open."""
    order_id = place(world.settings, a_basket({offer_id: 4}, now=LAST_MORNING), now=at)
    service.start_payment(order_id, world.gateway, world.settings, world.clock)
    return order_id


def test_an_order_that_could_not_be_paid_in_time_is_refused_before_the_payment(shop: Shop) -> None:
    offer_id, visitor = shop.offer(), shop.visitor()
    review = shop.at_review(visitor, {offer_id: 4})
    set_clock(shop.world, TOO_SHORT)

    refused = visitor.read(visitor.send(review, "/checkout/review", 409, consent="y"), 409)

    assert "CERs are ordered and paid until 31 December 2026" in refused.words
    assert "Nothing was ordered and nothing is charged." in refused.words
    with shop.inside():
        assert db.session.scalars(select(Order)).all() == []
    assert shop.gateway.payments == {}


def test_after_the_last_order_the_basket_says_so_and_leads_nowhere(shop: Shop) -> None:
    offer_id, visitor = shop.offer(), shop.visitor()
    review = shop.at_review(visitor, {offer_id: 4})
    set_clock(shop.world, ORDERS_CLOSED)

    answer = visitor.send(review, "/checkout/review", consent="y")

    assert answer.headers["Location"] == "/en/basket"
    basket = visitor.get("/en/basket")
    assert "Remove these units from your basket." in basket.error_at(f"units-{offer_id}")
    assert "CERs are not sold any more." in basket.words
    assert shop.gateway.payments == {}


def test_an_order_placed_in_time_is_not_paid_when_no_time_is_left(world: Collaborators) -> None:
    token = a_basket({an_offer(): 4}, now=LAST_MORNING)
    order_id = place(world.settings, token, now=TOO_SHORT - timedelta(minutes=15))
    set_clock(world, TOO_SHORT)

    with pytest.raises(OrdersClosed):
        service.start_payment(order_id, world.gateway, world.settings, world.clock)
    assert payments_of(order_id) == []


def test_what_is_paid_in_the_last_minute_is_cancelled_before_the_registry_closes(
    world: Collaborators, work: Callable[[], int]
) -> None:
    set_clock(world, LAST_ORDERS)
    order_id = _order_of(world, an_offer(), LAST_ORDERS)
    gateway_of(world).pay()
    look_again(world, order_id)
    work()

    assert the_order(order_id).state is OrderState.FULFILLED
    assert [c.number for c in certificates_of(order_id)] == ["TN1/2026"]


@pytest.mark.parametrize("arrives_at", [ORDERS_CLOSED, AFTER])
def test_a_bank_transfer_that_arrives_too_late_is_refunded_whole_and_never_cancelled(
    world: Collaborators, work: Callable[[], int], arrives_at: datetime
) -> None:
    set_clock(world, LAST_MORNING)
    order_id = a_payable_order(world, {an_offer(): 4})
    gateway_of(world).payments[gateway_of(world).newest()].state = GatewayState.PROCESSING
    look_again(world, order_id)
    told = db.session.scalars(select(Mail).where(Mail.kind == MailKind.PAYMENT_PROCESSING)).one()
    assert told.facts["held_until"] == LAST_ORDER_AT.isoformat()
    set_clock(world, arrives_at)
    work()
    gateway_of(world).pay()
    look_again(world, order_id)
    work()

    order = the_order(order_id)
    (refund,) = refunds_of(order_id)
    assert order.state is OrderState.REFUSED
    assert (refund.cause, refund.amount) == ("closed", order.total)
    assert cancellations_of(order_id) == []
    assert ledger_effects() == 0
    assert mails(MailKind.REFUND_MADE) == 1
    assert "too late to have them cancelled" in mailer_of(world).sent[-1].text


@pytest.mark.parametrize("is_paused", [False, True])
def test_of_two_mechanisms_in_one_order_the_one_that_goes_on_is_cancelled(
    world: Collaborators, work: Callable[[], int], is_paused: bool
) -> None:
    going_on, closing = an_offer(number=1, price=300), an_offer(number=2, price=200)
    let_it_be_of_another_mechanism(going_on)
    set_clock(world, LAST_MORNING)
    order_id = a_payable_order(world, {going_on: 2, closing: 3})
    gateway_of(world).payments[gateway_of(world).newest()].state = GatewayState.PROCESSING
    look_again(world, order_id)
    if is_paused:
        # What is held can still be paid: the page on which a seller pauses an offer says so.
        selling.pause(going_on, SELLER, LAST_MORNING)
    set_clock(world, ORDERS_CLOSED)
    gateway_of(world).pay()
    look_again(world, order_id)
    work()

    assert the_order(order_id).state is OrderState.PARTLY_FULFILLED
    assert [(refund.cause, refund.amount) for refund in refunds_of(order_id)] == [("closed", 600)]
    assert [(c.units, c.state) for c in cancellations_of(order_id)] == [(2, CancellationState.CONFIRMED)]
    assert [(the_offer(each).units_reserved, the_offer(each).units_settled) for each in (going_on, closing)] == [
        (0, 2), (0, 0),
    ]  # fmt: skip


def test_late_money_of_two_mechanisms_and_an_order_that_ends_take_offers_in_the_same_order(
    world: Collaborators, context: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    closing, going_on = an_offer(number=1, price=200), an_offer(number=2, price=300)
    let_it_be_of_another_mechanism(going_on)
    set_clock(world, LAST_MORNING)
    wanted = {closing: 3, going_on: 2}
    order_id, unpaid = a_payable_order(world, wanted), a_placed_order(world.settings, wanted, now=LAST_MORNING)
    set_clock(world, ORDERS_CLOSED)
    gateway_of(world).pay()
    both_took_one = Barrier(2)

    def slowly(take: Callable[..., Any]) -> Callable[..., Any]:
        def take_slowly(*wanted: Any) -> Any:
            taken = take(*wanted)
            with suppress(BrokenBarrierError):
                both_took_one.wait(1)
            return taken

        return take_slowly

    monkeypatch.setattr(offers, "settle", slowly(offers.settle))
    monkeypatch.setattr(offers, "release", slowly(offers.release))
    end = partial(service.close_unpaid, unpaid, world.gateway, world.registries, world.settings, world.clock)

    assert all_at_once(context, [partial(look_again, world, order_id), end]) == [None, True]
    assert (the_order(order_id).state, the_order(unpaid).state) == (OrderState.PAID, OrderState.EXPIRED)


def let_it_be_of_another_mechanism(offer_id: int) -> None:
    """The units of an offer are of a mechanism whose end nobody knows."""
    languages = ("en", "fr", "es")
    named = {"name": "Going on", "short": "GO", "registry": "GO", "source": "GO"}
    with transaction() as session:
        session.add(
            Mechanism(
                code="GO", name="Going on", registry_name="Going on", period_kind="commitment_period",
                space_form="{party}", serial_form="{party}-{serial}", reference_form="{party}-{project}",
                words=dict.fromkeys(languages, named),
            )
        )  # fmt: skip
        session.flush()
        words = {"one": "GOU", "many": "GOUs", "one_in_full": "GOU", "many_in_full": "GOUs"}
        session.add(UnitType(code="GOU", mechanism_code="GO", words=dict.fromkeys(languages, words)))
        session.flush()
        issuance = session.get_one(Issuance, the_offer(offer_id).issuance_id)
        issuance.unit_type = "GOU"
        session.get_one(Project, issuance.project_id).mechanism_code = "GO"
        entered = session.scalars(select(LedgerIssuance).where(LedgerIssuance.first == issuance.serial_first)).one()
        entered.unit_type, entered.mechanism_code = "GOU", "GO"


def test_offers_end_after_the_last_order(world: Collaborators, work: Callable[[], int]) -> None:
    offer_id = an_offer()
    set_clock(world, ORDERS_CLOSED)
    work()

    offer = the_offer(offer_id)
    assert (offer.state, offer.state_reason) == (OfferState.EXPIRED, MECHANISM_CLOSED)


# --- 2 January ---------------------------------------------------------------------------------------


def test_what_was_planned_is_not_sent_to_a_closed_registry_and_its_money_goes_back(
    world: Collaborators, work: Callable[[], int]
) -> None:
    set_clock(world, LAST_MORNING)
    order_id = a_begun_order(world, {an_offer(): 4})
    set_clock(world, AFTER)
    work()

    (cancellation,) = cancellations_of(order_id)
    assert (cancellation.state, cancellation.refusal_code) == (CancellationState.REFUSED, RefusalCode.CLOSED)
    assert registry_of(world).submitted == []
    assert [refund.cause for refund in refunds_of(order_id)] == ["closed"]
    assert the_order(order_id).state is OrderState.REFUSED
    assert (mails(MailKind.ORDER_REFUSED), mails(MailKind.REFUND_MADE)) == (0, 1)
    assert the_offer(1).state is OfferState.EXPIRED


def test_what_is_unknown_when_the_registry_closes_is_still_looked_up(
    world: Collaborators, work: Callable[[], int]
) -> None:
    set_clock(world, LAST_MORNING)
    order_id = a_begun_order(world, {an_offer(): 4})
    set_clock(world, datetime(2026, 12, 31, 23, 59, 50, tzinfo=UTC))
    registry_of(world).submits.append("lose")
    work()
    assert cancellations_of(order_id)[0].state is CancellationState.UNKNOWN
    set_clock(world, datetime(2027, 1, 1, 0, 5, tzinfo=UTC))
    work()

    assert cancellations_of(order_id)[0].state is CancellationState.CONFIRMED
    kinds = db.session.scalars(select(RegistryAttempt.kind).order_by(RegistryAttempt.id)).all()
    assert kinds == ["submit", "lookup"]
    assert len(certificates_of(order_id)) == 1


def test_certificates_of_a_closed_registry_verify_for_ever(shop: Shop) -> None:
    with shop.inside():
        order_id = a_finished_order(shop.world, {an_offer(): 4})
        (certificate,) = certificates_of(order_id)
        slug, code = "TN1-2026", certificate.verification_code
    set_clock(shop.world, AFTER)
    visitor = shop.visitor()

    page = visitor.get(f"/en/verify/{slug}?code={code}")
    assert "IN-5-1002000-2-2-0-1" in page.words
    assert "IN-5-1002000-2-2-0-1" in visitor.get(f"/en/register/{slug}").words


def test_links_to_a_closed_registry_are_archived_facts(shop: Shop) -> None:
    offer_id, visitor = shop.offer(), shop.visitor()
    with shop.inside(), transaction() as session:
        project = session.scalars(select(Project)).one()
        project.facts_on = datetime(2026, 11, 1, tzinfo=UTC).date()
    before = shop.project_page(visitor, offer_id)
    set_clock(shop.world, AFTER)
    shop.work()
    after = shop.project_page(visitor, offer_id)

    assert "https://cdm.unfccc.int/" in before.links
    assert not [link for link in after.links if "cdm.unfccc.int" in link]
    assert "Archived: as the UNFCCC CDM registry showed it on 1 November 2026" in after.words
    assert "CERs are not sold any more: their registry closed on 1 January 2027" in after.words
    assert "CERs are not sold any more" in visitor.get("/en/").words
