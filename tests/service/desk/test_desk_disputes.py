"""Operators see which payments are disputed, until when to answer, and everything that an answer needs."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.checkout.states import OrderState
from app.db import db
from app.desk.orders import find_by_reference
from app.fulfilment import disputes
from app.fulfilment.process import run_due
from app.payments.models import Dispute
from app.payments.notices import store
from app.payments.ports import GatewayEvent, GatewayFault
from app.payments.states import DisputeState
from app.registry.ports import RefusalCode, Refused
from tests.builders import (
    NOW,
    a_finished_order,
    an_offer,
    certificates_of,
    pass_time,
    payments_of,
    registry_of,
    take_units_instead,
    the_order,
)
from tests.service.conftest import Shop
from tests.service.desk.desking import do, finished, id_of, operator, paid


def dispute(shop: Shop, reference: str, stage: DisputeState, **changes: object) -> int:
    """Let the gateway say it of the payment of an order, and hear it; gives the number of the dispute."""
    with shop.inside() as world:
        order = find_by_reference(reference)
        assert order
        payment = payments_of(order.id)[0]
        shop.gateway.dispute(str(payment.charge_reference), stage, NOW, **changes)
        payment_id = payment.id
        db.session.rollback()
        disputes.look_into(payment_id, world.gateway, world.clock)
        return db.session.scalars(select(Dispute.id).where(Dispute.payment_id == payment_id)).one()


def test_a_dispute_waits_on_the_first_page_until_it_is_answered(shop: Shop) -> None:
    eva = operator(shop)
    assert "No dispute waits for a decision." in eva.get("/en/desk/disputes").words
    reference = finished(shop)
    dispute(shop, reference, DisputeState.OPEN)

    assert "Disputes to answer 1" in eva.get("/en/desk").words
    listed = eva.get("/en/desk/disputes").words
    for said in (reference, "Evidence is wanted", "The cardholder did not buy this", "USD 30.00"):
        assert said in listed
    dispute(shop, reference, DisputeState.UNDER_REVIEW)
    assert "Disputes to answer" not in eva.get("/en/desk").words
    assert "The bank decides" in eva.get("/en/desk/disputes").words


def test_a_paid_order_whose_dispute_cannot_be_read_waits_on_the_first_page_until_somebody_decides(shop: Shop) -> None:
    reference = paid(shop)
    shop.gateway.problems["disputes"] = [GatewayFault("an answer of an unexpected shape") for _try in range(99)]
    with shop.inside():
        charge = str(payments_of(id_of(reference))[0].charge_reference)
        store("fake", GatewayEvent("evt", "charge.dispute.created", charge, None, False, NOW), NOW)
    shop.work()
    eva = operator(shop)
    assert "Nothing waits for an operator." in eva.get("/en/desk").words

    with shop.inside() as world:
        pass_time(world, hours=25)
    shop.work()
    eva = operator(shop)
    assert "that do not begin, or that cannot be closed 1 25 hours" in eva.get("/en/desk").words
    address = f"/en/desk/orders/{reference}"
    assert "The order does not begin before." in eva.get(address).words
    do(eva, f"{address}/hold", reason="The gateway’s own pages say that it was won.")
    assert "The order does not begin before." not in eva.get(address).words
    do(eva, f"{address}/let-go", reason="The gateway’s own pages say that it was won.")
    shop.work()

    assert "Nothing waits for an operator." in eva.get("/en/desk").words
    with shop.inside():
        assert the_order(id_of(reference)).state is OrderState.FULFILLED


def test_however_many_are_decided_those_that_wait_are_listed(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.desk.queries.MOST_ROWS", 1)
    decided, waiting = finished(shop), finished(shop, number=2)
    dispute(shop, decided, DisputeState.LOST, evidence_due_at=NOW)
    dispute(shop, waiting, DisputeState.OPEN)

    listed = operator(shop).get("/en/desk/disputes").words
    assert decided in listed
    assert waiting in listed


def test_what_an_answer_needs_stands_on_one_page(shop: Shop) -> None:
    reference = finished(shop)
    number = dispute(shop, reference, DisputeState.OPEN)
    with shop.inside():
        order = find_by_reference(reference)
        assert order
        certificate, consent = certificates_of(order.id)[0].number, order.consent_text
        versions, charge = (
            (order.consent_version, order.terms_version or "–"),
            payments_of(order.id)[0].charge_reference,
        )
    page = operator(shop).get(f"/en/desk/disputes/{number}")

    due = NOW + timedelta(days=7)
    for said in (
        reference,
        certificate,
        *versions,
        str(charge),
        "Receipt",
        "Registry transaction",
        f"{due.day} November",
    ):
        assert said in page.words, said
    assert " ".join(consent.split())[:60] in page.words
    assert f"/en/desk/orders/{reference}" in page.links


def test_what_was_cancelled_with_the_money_in_a_second_order_is_evidence_too(shop: Shop) -> None:
    with shop.inside() as world:
        refused, other = an_offer(number=1), an_offer(number=2)
        registry_of(world).submits = [Refused(RefusalCode.RULES, "no")]
        first = the_order(a_finished_order(world, {refused: 4})).reference
        order = find_by_reference(first)
        assert order
        instead = take_units_instead(world, order.id, other)
        run_due(world)
        second, certificate = the_order(instead).reference, certificates_of(instead)[0].number
    number = dispute(shop, first, DisputeState.OPEN)
    eva = operator(shop)

    page = eva.get(f"/en/desk/disputes/{number}")
    assert second in page.words
    assert certificate in page.words
    assert "Registry transaction" in page.words
    assert f"/en/desk/disputes/{number}" in eva.get(f"/en/desk/orders/{second}").links


def test_an_order_shows_its_dispute_and_what_the_bank_decided(shop: Shop) -> None:
    eva, reference = operator(shop), finished(shop)
    number = dispute(shop, reference, DisputeState.OPEN, evidence_due_at=None, reason="strange")
    assert "Without an answer it is lost." in eva.get(f"/en/desk/disputes/{number}").words
    assert "strange" in eva.get("/en/desk/disputes").words
    dispute(shop, reference, DisputeState.LOST)

    story = eva.get(f"/en/desk/orders/{reference}")
    for said in (
        "The buyer disputes the payment with their bank",
        "The bank decided for the buyer",
        "asked their bank",
    ):
        assert said in story.words
    assert f"/en/desk/disputes/{number}" in story.links
    assert "The house has borne USD 30.00." in eva.get("/en/desk/disputes").words


def test_an_order_that_is_held_for_a_dispute_says_so_and_cannot_be_let_go(shop: Shop) -> None:
    eva, reference = operator(shop), paid(shop)
    number = dispute(shop, reference, DisputeState.OPEN)

    assert "Its buyer disputes the payment with their bank" in eva.get(f"/en/desk/orders/{reference}").words
    assert "Nothing was sent to a registry." in eva.get(f"/en/desk/disputes/{number}").words
    path = f"/en/desk/orders/{reference}/let-go"
    refused = eva.read(do(eva, path, 422, reason="Why not."), 422)
    assert "asked their bank for the money back" in refused.words


def test_a_dispute_that_is_none_has_no_page(shop: Shop) -> None:
    assert operator(shop).client.get("/en/desk/disputes/7").status_code == 404
