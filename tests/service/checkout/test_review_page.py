"""The review and the last button: what the buyer sees, agrees to, and is told when it cannot be."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask import url_for
from sqlalchemy import func, select, update

from app.certificates.facts import from_json
from app.certificates.models import Certificate
from app.checkout import consent, service
from app.checkout.facts import preview
from app.checkout.models import Beneficiary, Order
from app.checkout.queries import find_details
from app.checkout.states import OrderState
from app.db import db, transaction
from app.kernel import checkpoints
from app.offers.models import Offer
from app.offers.states import OfferState
from app.payments.ports import GatewayOutcomeUnknown, GatewayRefusal, GatewayState, GatewayUnavailable
from app.registry.models import RegistryAccount
from tests.builders import (
    DETAILS,
    a_basket,
    certificates_of,
    change_offer,
    look_again,
    payments_of,
    place,
    refunds_of,
    the_offer,
)
from tests.pages import Page, Visitor
from tests.service.checkout.orders import TYPED, orders
from tests.service.conftest import Shop


def order_it(visitor: Visitor, page: Page) -> str:
    """Press the last button, and be led somewhere."""
    return str(visitor.send(page, "/checkout/review", consent="y").headers["Location"])


def try_to_order(visitor: Visitor, page: Page, status: int) -> Page:
    """Press the last button, and be told why not."""
    return visitor.read(visitor.send(page, "/checkout/review", status, consent="y"), status)


def test_the_last_button_obliges_to_pay_the_amount_it_says_and_leads_to_the_payment(shop: Shop) -> None:
    offer_id, visitor = shop.offer(price=250), shop.visitor()
    page = shop.at_review(visitor, {offer_id: 4}, **TYPED)
    (button,) = page.form("/checkout/review").buttons
    assert button.replace("\xa0", " ") == "Order with obligation to pay USD 10.00"
    assert "cannot be undone" in page.words

    url = order_it(visitor, page)

    page_of_gateway = shop.gateway.newest()
    assert url == f"http://127.0.0.1/pay/{page_of_gateway}"
    assert shop.gateway.payments[page_of_gateway].request.amount.minor == 1_000
    with shop.inside():
        order = db.session.scalars(select(Order)).one()
        beneficiary = db.session.scalars(select(Beneficiary)).one()
        assert (order.email, order.locale, order.placed_at) == ("amelie@example.org", "en", shop.clock.now())
        assert order.consent_version == consent.VERSION
        assert order.consent_text.count("\n") == 3
        assert "nobody can undo it" in order.consent_text
        assert (beneficiary.name, beneficiary.intent, beneficiary.country, beneficiary.is_name_public) == (
            TYPED["beneficiary"], "compensation", "KE", True,
        )  # fmt: skip


def test_without_consent_nothing_is_ordered_and_the_box_says_so(shop: Shop) -> None:
    offer_id, visitor = shop.offer(), shop.visitor()
    page = shop.at_review(visitor, {offer_id: 4})
    assert "checked" not in page.by_id["consent"]

    page = visitor.read(visitor.send(page, "/checkout/review", 422), 422)

    assert page.error_at("consent").startswith("Tick the box to agree.")
    assert orders(shop) == []
    order_it(visitor, page)
    assert len(orders(shop)) == 1


def test_what_the_buyer_sees_before_paying_is_what_will_be_issued(shop: Shop) -> None:
    one, two, visitor = shop.offer(number=1), shop.offer(number=2), shop.visitor()
    page = shop.at_review(visitor, {one: 3, two: 4}, **TYPED)
    assert "The 2 certificates you will get" in page.words
    assert page.words.count("Wind power project number 2") >= 2
    with shop.inside():
        token = a_basket({one: 3, two: 4})
        shown = preview(token, DETAILS, shop.world.settings, shop.world.registries, shop.clock.now())
        order_id = place(shop.world.settings, token)
        a_basket_is_paid(shop, order_id)
        issued = [from_json(certificate.facts) for certificate in certificates_of(order_id)]

        for before, after in zip(shown, issued, strict=True):
            filled_in = {name for name, value in vars(after).items() if value != vars(before)[name]}
            assert filled_in == {
                "number", "verification_code", "verify_url", "order_reference", "transactions",
                "paid_at", "sent_at", "cancelled_at", "issued_at",
            }  # fmt: skip
            assert all(not vars(before)[name] for name in filled_in - {"transactions"})
            (seen,), (done,) = before.transactions, after.transactions
            filled_in = {name for name, value in vars(done).items() if value != vars(seen)[name]}
            assert filled_in == {"identifier", "ranges", "completed_at", "reference"}
            assert not any(vars(seen)[name] for name in filled_in)


def a_basket_is_paid(shop: Shop, order_id: int) -> None:
    world = shop.world
    service.start_payment(order_id, world.gateway, world.settings, world.clock)
    shop.gateway.pay()
    look_again(world, order_id)
    shop.work()


def test_a_preview_proves_nothing_and_says_so(shop: Shop) -> None:
    offer_id, visitor = shop.offer(), shop.visitor()
    page = shop.at_review(visitor, {offer_id: 3})

    assert "preview" in page.words.lower()
    assert "TN1" not in page.words
    with shop.inside():
        assert db.session.scalar(select(func.count()).select_from(Certificate)) == 0


def test_a_price_that_changed_meanwhile_is_told_and_not_charged(shop: Shop) -> None:
    offer_id, visitor = shop.offer(price=250), shop.visitor()
    page = shop.at_review(visitor, {offer_id: 4})
    with shop.inside():
        change_offer(offer_id, unit_price=300)

    page = try_to_order(visitor, page, 409)
    assert "The total is no longer the one you saw." in page.words
    assert "USD 12.00" in page.words.replace("\xa0", " ")
    assert orders(shop) == []
    assert shop.gateway.payments == {}

    order_it(visitor, page)
    assert orders(shop) == [(OrderState.PAYMENT_PENDING, 1_200)]


def test_parts_of_the_price_that_changed_meanwhile_are_shown_again_before_anything_is_ordered(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer_id, visitor = shop.offer(price=250), shop.visitor()
    page = shop.at_review(visitor, {offer_id: 4})
    other_rates = replace(shop.world.settings, platform_fee_rate=1_000, tax_rate=2_000)
    monkeypatch.setitem(shop.app.extensions, "tonne.settings", other_rates)

    page = try_to_order(visitor, page, 409)

    assert "Who gets what of your money changed while you were here." in page.words
    assert "USD 1.67" in page.words.replace("\xa0", " ")
    assert orders(shop) == []
    order_it(visitor, page)
    with shop.inside():
        (line,) = db.session.scalars(select(Order)).one().lines
        assert (line.amount, line.tax, line.platform_fee) == (1_000, 167, 100)


@pytest.mark.parametrize("forged", ["", "x", "1 2 3", "0 0 0 1000", "9" * 5_000])
def test_parts_that_were_tampered_with_order_nothing(shop: Shop, forged: str) -> None:
    offer_id, visitor = shop.offer(price=250), shop.visitor()
    page = shop.at_review(visitor, {offer_id: 4})

    visitor.send(page, "/checkout/review", 409, consent="y", shown_parts=forged)

    assert orders(shop) == []


def test_a_press_that_another_one_overtook_leads_to_the_order_that_counts(shop: Shop) -> None:
    offer_id, visitor = shop.offer(), shop.visitor()
    page = shop.at_review(visitor, {offer_id: 4})
    faster: list[str] = []

    def press_again(_point: str) -> None:
        checkpoints.forget_observers()
        faster.append(order_it(visitor, page))

    checkpoints.observe(press_again)
    try:
        led_to = order_it(visitor, page)
    finally:
        checkpoints.forget_observers()

    assert faster == [f"http://127.0.0.1/pay/{shop.gateway.newest()}"]
    assert orders(shop) == [(OrderState.EXPIRED, 1_000), (OrderState.PAYMENT_PENDING, 1_000)]
    assert [form for form in visitor.get(led_to).forms if form.action == f"{led_to}/pay"]


@pytest.mark.parametrize("forged", ["", "x", "1", "-1000", "9" * 5_000])
def test_a_total_that_was_tampered_with_orders_nothing(shop: Shop, forged: str) -> None:
    offer_id, visitor = shop.offer(price=250), shop.visitor()
    page = shop.at_review(visitor, {offer_id: 4})

    visitor.send(page, "/checkout/review", 409, consent="y", expected_total=forged)

    assert orders(shop) == []


def test_of_two_buyers_of_the_last_unit_the_second_is_told_in_the_basket_and_not_charged(shop: Shop) -> None:
    offer_id, first, second = shop.offer(units=1), shop.visitor(), shop.visitor()
    pages = [shop.at_review(visitor, {offer_id: 1}) for visitor in (first, second)]

    order_it(first, pages[0])
    assert order_it(second, pages[1]) == "/en/basket"

    page = second.get("/en/basket")
    assert page.error_at(f"units-{offer_id}") == (
        "All units of this offer are held for other buyers at the moment. They come back if those do not pay. "
        "Remove it, or choose another one."
    )
    assert len(orders(shop)) == len(shop.gateway.payments) == 1


def test_units_that_go_off_sale_in_the_very_moment_of_ordering_are_told_in_the_basket(
    shop: Shop,
) -> None:
    offer_id, visitor = shop.offer(units=5), shop.visitor()
    page = shop.at_review(visitor, {offer_id: 5})
    order_it(visitor, page)  # an earlier try, whose page has to be closed first
    page = visitor.get("/en/checkout/review")

    def somebody_is_faster() -> None:
        with shop.app.app_context():
            change_offer(offer_id, state=OfferState.PAUSED)

    shop.gateway.before["expire_checkout"] = somebody_is_faster
    page = try_to_order(visitor, page, 409)

    assert "not on sale now" in page.error_at(f"units-{offer_id}")
    assert [state for state, _total in orders(shop)] == [OrderState.EXPIRED]


@pytest.mark.parametrize(
    "problem", [GatewayUnavailable(), GatewayOutcomeUnknown(), GatewayRefusal(reason="amount")], ids=lambda p: p.code
)
def test_a_payment_page_that_cannot_be_opened_is_told_and_pressing_again_works_even_for_the_last_units(
    shop: Shop, problem: Exception
) -> None:
    offer_id, visitor = shop.offer(units=4), shop.visitor()
    page = shop.at_review(visitor, {offer_id: 4}, **TYPED)
    shop.gateway.problems["start_checkout"] = [problem]

    page = try_to_order(visitor, page, 503)
    assert "You were not charged." in page.words
    assert TYPED["beneficiary"] in page.words

    assert order_it(visitor, page).startswith("http://127.0.0.1/pay/")
    assert [state for state, _total in orders(shop)] == [OrderState.EXPIRED, OrderState.PAYMENT_PENDING]
    with shop.inside():
        assert the_offer(offer_id).units_reserved == 4


def test_going_back_from_the_payment_page_leads_to_the_review_with_everything_in_place(shop: Shop) -> None:
    offer_id, visitor = shop.offer(units=4), shop.visitor()
    page = shop.at_review(visitor, {offer_id: 4}, **TYPED)
    order_it(visitor, page)
    request = shop.gateway.payments[shop.gateway.newest()].request

    page = visitor.get(request.back_url.removeprefix("http://127.0.0.1:5000"))
    assert TYPED["beneficiary"] in page.words
    assert page.form("/checkout/review").fields["expected_total"] == "1000"


def test_ordering_again_after_paying_in_another_tab_leads_to_the_paid_order(shop: Shop) -> None:
    offer_id, visitor = shop.offer(), shop.visitor()
    page = shop.at_review(visitor, {offer_id: 4})
    order_it(visitor, page)
    shop.gateway.pay()
    again = visitor.get("/en/checkout/review")

    location = order_it(visitor, again)

    with shop.inside():
        order = db.session.scalars(select(Order)).one()
        assert location == f"/en/orders/{order.token}"
        assert order.state is OrderState.PAID
        assert len(payments_of(order.id)) == 1
        assert not refunds_of(order.id)


def test_a_card_that_was_declined_in_one_tab_can_be_followed_by_another_order(shop: Shop) -> None:
    offer_id, visitor = shop.offer(units=4), shop.visitor()
    page = shop.at_review(visitor, {offer_id: 4})
    order_it(visitor, page)
    shop.gateway.payments[shop.gateway.newest()].state = GatewayState.FAILED

    order_it(visitor, visitor.get("/en/checkout/review"))

    assert [state for state, _total in orders(shop)] == [OrderState.EXPIRED, OrderState.PAYMENT_PENDING]


@pytest.mark.parametrize("lang", ["en", "fr", "es"])
def test_an_order_speaks_the_language_in_which_it_was_placed(shop: Shop, lang: str) -> None:
    offer_id, visitor = shop.offer(), shop.visitor()
    shop.fill_basket(visitor, {offer_id: 4})
    visitor.send(visitor.get(f"/{lang}/checkout"), "/checkout", email="a@example.org")
    order_it(visitor, visitor.get(f"/{lang}/checkout/review"))

    request = shop.gateway.payments[shop.gateway.newest()].request
    assert (request.locale, request.back_url) == (lang, f"http://127.0.0.1:5000/{lang}/checkout/review")
    with shop.inside():
        assert db.session.scalars(select(Order.locale)).one() == lang


def test_a_basket_of_somebody_else_cannot_be_opened_by_guessing(shop: Shop) -> None:
    shop.offer()
    stranger = shop.visitor()
    stranger.client.set_cookie("basket_5000", "guess")

    assert "Your basket is empty" in stranger.get("/en/basket").words
    with shop.app.test_request_context():
        assert find_details("guess") is None
        assert url_for("checkout.basket", lang="en") == "/en/basket"


def test_units_whose_registry_is_not_connected_any_more_are_named_in_the_basket_and_the_rest_can_be_ordered(
    shop: Shop,
) -> None:
    lost, kept, visitor = shop.offer(), shop.offer(number=2), shop.visitor()
    shop.at_review(visitor, {lost: 2, kept: 2}, **TYPED)
    with shop.inside(), transaction() as session:
        provider_id = session.scalars(select(RegistryAccount.provider_id)).first()
        session.add(RegistryAccount(identifier="C-1", registry_code="closed", provider_id=provider_id, holder="Seller"))
        session.execute(update(Offer).where(Offer.id == lost).values(account="C-1"))

    assert visitor.client.get("/en/checkout/review").location == "/en/basket"
    page = visitor.get("/en/basket")

    assert page.error_at(f"units-{lost}").startswith("We are not connected to the registry of these units")
    assert not page.error_at(f"units-{kept}")
    visitor.send(page, "/basket", 422, action="checkout")
    visitor.send(page, "/basket", action=f"remove-{lost}")
    order_it(visitor, visitor.get("/en/checkout/review"))
    assert [total for _state, total in orders(shop)] == [500]
