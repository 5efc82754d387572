"""The basket as visitors meet it: every mistake is explained beside its field, and nothing typed is lost."""

from __future__ import annotations

import pytest
from flask import render_template_string
from sqlalchemy import text

from app.db import transaction
from app.offers.states import OfferState
from tests.builders import change_offer
from tests.conftest import AppMaker
from tests.pages import Page
from tests.service.conftest import Shop

MISTAKES = {
    "": "Enter how many units you want.",
    "0": "Enter a whole number of 1 or more.",
    "-1": "Enter a number of 1 or more, without a sign.",
    "1.5": "Enter a whole number. Units cannot be divided",
    "1,5": "Enter a whole number. Units cannot be divided",
    "1000000000": "Only 1,000 units are left. Enter 1,000 or fewer.",
    "10^9": "Enter a whole number in digits, such as 12.",
    "1e9": "Enter a whole number in digits, such as 12.",
    "abc": "Enter a whole number in digits, such as 12.",
    "9999999999999": "This is more than all the units ever issued.",
    '"><script>alert(1)</script>': "Enter a whole number in digits, such as 12.",
}


def test_a_wrong_quantity_on_the_project_page_is_explained_at_its_field_and_stays_as_typed(shop: Shop) -> None:
    offer_id, visitor = shop.offer(units=1_000), shop.visitor()
    page = shop.project_page(visitor, offer_id)

    for typed, message in MISTAKES.items():
        page = visitor.read(visitor.send(page, "/basket/add", 422, units=typed), 422)

        assert page.error_at(f"units-{offer_id}").startswith(message), typed
        assert page.form("/basket/add").fields["units"] == typed
        assert page.html.count("<script>alert") == 0
        assert "Error:" in page.html.split("</title>")[0]

    assert not visitor.get("/en/basket").by_id.get(f"units-{offer_id}")
    visitor.send(page, "/basket/add", units="١٢")
    assert visitor.get("/en/basket").form("/basket").fields[f"units-{offer_id}"] == "12"


def test_quantities_that_were_typed_in_an_earlier_visit_come_back_and_change_nothing_yet(shop: Shop) -> None:
    offer_id, visitor = shop.offer(), shop.visitor()
    shop.fill_basket(visitor, {offer_id: 3})
    page, field = visitor.get("/en/basket"), f"units-{offer_id}"

    for token in ("of an earlier visit", None):
        again = visitor.read(visitor.send(page, "/basket", 422, fields={field: "7"}, csrf_token=token), 422)
        assert "Nothing was sent yet: this page belongs to an earlier visit." in again.words
        assert again.form("/basket").fields[field] == "7"
        assert visitor.get("/en/basket").form("/basket").fields[field] == "3"

    visitor.send(again, "/basket")
    assert visitor.get("/en/basket").form("/basket").fields[field] == "7"


def test_units_of_an_offer_that_visitors_do_not_know_come_into_no_basket(shop: Shop) -> None:
    hidden = shop.offer(units=1_000)
    with shop.inside():
        change_offer(hidden, state=OfferState.DRAFT)
    client = shop.app.test_client()

    for offer_id, units in ((hidden, "1"), (hidden, "no number"), (hidden + 1, "1"), ("", "1")):
        answer = client.post("/en/basket/add", data={"offer_id": offer_id, "units": units})
        assert answer.status_code == 422, (offer_id, units)
        assert "This offer is not on sale any more." in answer.text
    with shop.inside(), transaction() as session:
        assert session.scalar(text("SELECT count(*) FROM basket")) == 0


def test_a_number_can_be_typed_as_the_page_prints_it_and_the_mistake_is_named(shop: Shop) -> None:
    offer_id, visitor = shop.offer(units=20_000), shop.visitor()
    page = shop.project_page(visitor, offer_id)

    wrong = visitor.read(visitor.send(page, "/basket/add", 422, units="12.000"), 422)
    visitor.send(page, "/basket/add", units="12,000")

    assert wrong.error_at(f"units-{offer_id}") == (
        "We cannot tell whether you mean thousands or a fraction. Write thousands as in 12,000, or digits only."
    )
    basket = visitor.get("/es/basket")
    assert basket.form("/basket").fields[f"units-{offer_id}"] == "12000"
    visitor.send(basket, "/basket", fields={f"units-{offer_id}": "11.000"})
    assert visitor.get("/fr/basket").form("/basket").fields[f"units-{offer_id}"] == "11000"


def test_a_wrong_quantity_in_the_basket_is_explained_at_its_line_and_the_right_ones_are_kept(shop: Shop) -> None:
    right, wrong, visitor = shop.offer(number=1), shop.offer(number=2), shop.visitor()
    shop.fill_basket(visitor, {right: 2, wrong: 3})
    page = visitor.get("/en/basket")

    for typed, message in MISTAKES.items():
        fields = {f"units-{right}": "7", f"units-{wrong}": typed}
        page = visitor.read(visitor.send(page, "/basket", 422, fields=fields), 422)

        assert page.error_at(f"units-{wrong}").startswith(message), typed
        assert page.error_at(f"units-{right}") == ""
        assert page.form("/basket").fields == page.form("/basket").fields | fields

    page = visitor.get("/en/basket")
    shown = page.form("/basket").fields
    # What can be had is kept; the rest stays as it was.
    assert shown[f"units-{right}"] == "7"


def test_units_of_several_projects_are_added_up_with_who_gets_what(shop: Shop) -> None:
    one, two, visitor = shop.offer(number=1, price=38), shop.offer(number=2, price=850), shop.visitor()
    shop.fill_basket(visitor, {one: 10, two: 2})

    page = visitor.get("/en/basket")

    for said in ("USD 3.80", "USD 17.00", "USD 20.80", "USD 19.90", "USD 0.90", "USD 0.00"):
        assert said in page.words.replace("\xa0", " "), said
    assert "Demonstration seller 1" in page.words


def test_the_enter_key_updates_the_basket_and_only_the_button_leads_on(shop: Shop) -> None:
    offer_id, visitor = shop.offer(), shop.visitor()
    shop.fill_basket(visitor, {offer_id: 2})
    page = visitor.get("/en/basket")
    assert next(iter(page.form("/basket").buttons.values())) == ("action", "update")

    answer = visitor.send(page, "/basket", fields={f"units-{offer_id}": "5"})
    assert answer.headers["Location"] == "/en/basket"
    answer = visitor.send(visitor.get("/en/basket"), "/basket", button="Continue to your details")
    assert answer.headers["Location"] == "/en/checkout"


def test_a_line_is_taken_out_with_whatever_was_typed_in_it(shop: Shop) -> None:
    one, two, visitor = shop.offer(number=1), shop.offer(number=2), shop.visitor()
    shop.fill_basket(visitor, {one: 2, two: 3})
    page = visitor.get("/en/basket")

    fields = {f"units-{one}": "nonsense", f"units-{two}": "4"}
    visitor.send(page, "/basket", button="Remove Wind power project number 1", fields=fields)

    fields = visitor.get("/en/basket").form("/basket").fields
    assert f"units-{one}" not in fields
    assert fields[f"units-{two}"] == "4"


def test_an_empty_basket_says_so_and_leads_to_the_projects(shop: Shop) -> None:
    offer_id, visitor = shop.offer(), shop.visitor()
    assert "Your basket is empty" in visitor.get("/en/basket").words
    shop.fill_basket(visitor, {offer_id: 2})
    page = visitor.get("/en/basket")
    visitor.send(page, "/basket", button="Remove Wind power project number 1")

    page = visitor.get("/en/basket")
    assert "Your basket is empty" in page.words
    assert "/en/" in page.links
    for address in ("/en/checkout", "/en/checkout/review"):
        for reader in (visitor, shop.visitor()):
            assert reader.client.get(address).headers["Location"] == "/en/basket"


@pytest.mark.parametrize("forged", ["", "abc", "-1", "0", "999", "9" * 30, "9" * 5_000, "1.5", "\x00"])
def test_an_offer_that_is_none_or_no_longer_sold_is_told_and_leads_to_the_projects(shop: Shop, forged: str) -> None:
    offer_id, visitor = shop.offer(), shop.visitor()
    page = shop.project_page(visitor, offer_id)

    for is_empty in (True, False):
        told = visitor.read(visitor.send(page, "/basket/add", 422, offer_id=forged, units="1"), 422)
        assert "This offer is not on sale any more. Nothing was added to your basket." in told.words
        assert ("Your basket is empty" in told.words) is is_empty
        assert {"/en/", "/fr/basket?switch=fr"} <= set(told.links)
        visitor.send(page, "/basket/add", units="1")


def test_forged_fields_of_the_basket_change_nothing(shop: Shop) -> None:
    offer_id, visitor = shop.offer(), shop.visitor()
    shop.fill_basket(visitor, {offer_id: 2})
    page = visitor.get("/en/basket")

    for name in ("units-999", "units-", "units-x", "units-" + "9" * 5_000, "units-\x00"):
        visitor.send(page, "/basket", fields={name: "5"})
    for action in ("remove-", "remove-x", "remove-" + "9" * 5_000, "dance"):
        visitor.send(page, "/basket", action=action)

    assert visitor.get("/en/basket").form("/basket").fields[f"units-{offer_id}"] == "2"


def test_one_unit_at_thirty_eight_cents_is_explained_with_the_number_that_works(shop: Shop) -> None:
    offer_id, visitor = shop.offer(price=38), shop.visitor()
    shop.fill_basket(visitor, {offer_id: 1})
    page = visitor.get("/en/basket")

    said = "The smallest payment is USD 0.50. Take at least 2 units here, or add another project."
    assert page.error_at(f"units-{offer_id}").replace("\xa0", " ") == said
    page = visitor.read(visitor.send(page, "/basket", 422, button="Continue to your details"), 422)
    visitor.send(page, "/basket", button="Continue to your details", fields={f"units-{offer_id}": "2"})


def test_a_total_above_what_a_card_can_pay_is_explained_with_the_number_that_works(shop: Shop) -> None:
    offer_id, visitor = shop.offer(price=850, units=200_000, held=0), shop.visitor()
    shop.fill_basket(visitor, {offer_id: 117_648})
    page = visitor.get("/en/basket")

    said = "The largest payment is USD 999,999.99. Take 117,647 units or fewer here"
    assert page.error_at(f"units-{offer_id}").replace("\xa0", " ").startswith(said)
    visitor.send(page, "/basket", button="Continue to your details", fields={f"units-{offer_id}": "117647"})


def test_a_line_that_can_never_fit_is_to_be_ordered_by_itself(shop: Shop) -> None:
    one, two, visitor = shop.offer(number=1, price=60_000_000), shop.offer(number=2, price=60_000_001), shop.visitor()
    shop.fill_basket(visitor, {one: 1, two: 1})

    page = visitor.get("/en/basket")
    assert "Remove this line" in page.error_at(f"units-{two}")
    assert page.error_at(f"units-{one}") == ""


@pytest.mark.parametrize("state", [OfferState.PAUSED, OfferState.FROZEN, OfferState.WITHDRAWN])
def test_an_offer_that_was_taken_off_sale_meanwhile_is_explained_in_the_basket(shop: Shop, state: OfferState) -> None:
    offer_id, visitor = shop.offer(), shop.visitor()
    shop.fill_basket(visitor, {offer_id: 2})
    with shop.inside():
        change_offer(offer_id, state=state)

    page = visitor.get("/en/basket")

    assert page.error_at(f"units-{offer_id}") == "This offer is not on sale now. Remove it, or choose another one."
    assert "0 left" not in page.words
    assert page.form("/basket").fields[f"units-{offer_id}"] == "2"


def test_one_unit_that_is_left_is_one_unit(shop: Shop) -> None:
    offer_id, visitor = shop.offer(units=1), shop.visitor()
    page = shop.project_page(visitor, offer_id)

    page = visitor.read(visitor.send(page, "/basket/add", 422, units="2"), 422)

    assert page.error_at(f"units-{offer_id}") == "Only 1 unit is left. Enter 1."


def test_messages_are_in_the_language_of_the_page_with_its_own_numbers(shop: Shop) -> None:
    offer_id, visitor = shop.offer(units=1_500), shop.visitor()
    page = visitor.get("/fr/projects/IN-1")

    page = visitor.read(visitor.send(page, "/basket/add", 422, units="1501"), 422)

    assert "1 500" in page.error_at(f"units-{offer_id}").replace("\u202f", " ").replace("\xa0", " ")


def test_every_page_counts_the_units_in_the_basket_and_stands_when_they_cannot_be_counted(shop: Shop) -> None:
    offer_id, visitor = shop.offer(), shop.visitor()
    shop.fill_basket(visitor, {offer_id: 27})
    assert "27" in visitor.get("/en/verify").words

    with shop.inside(), transaction() as session:
        session.execute(text("ALTER TABLE basket_line RENAME TO gone"))
    page = visitor.get("/en/verify")
    assert "27" not in page.words
    assert "Verify a certificate" in page.words

    with shop.inside():
        assert render_template_string("{{ basket_units() }}") == "0"  # a mail has no visitor


def test_the_basket_cookie_is_a_secret_that_no_script_and_no_other_site_gets(shop: Shop, make_app: AppMaker) -> None:
    shop.offer()
    for base, name, secure in (
        ("http://127.0.0.1:5000", "basket_5000", False),
        ("http://localhost", "basket_80", False),
        ("https://tonne.example", "__Host-basket", True),
    ):
        app = make_app(PUBLIC_BASE_URL=base)
        client = app.test_client()
        page = Page(client.get("/en/projects/IN-1", base_url=base).get_data(as_text=True))
        form = page.form("/basket/add")
        answer = client.post(form.action, data=form.fields | {"units": "1"}, base_url=base)

        cookie = next(c for c in answer.headers.getlist("Set-Cookie") if "basket" in c)
        assert cookie.startswith(f"{name}=")
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
        assert "Path=/" in cookie
        assert ("Secure" in cookie) is secure
        assert len(cookie.split(";")[0].split("=")[1]) >= 27


@pytest.mark.parametrize("is_alone", [True, False])
def test_a_price_in_a_currency_that_the_house_gave_up_is_not_added_up_as_its_own(shop: Shop, is_alone: bool) -> None:
    past, other, visitor = shop.offer(number=1, price=250), shop.offer(number=2, price=300), shop.visitor()
    shop.fill_basket(visitor, {past: 4} if is_alone else {past: 4, other: 2})
    with shop.inside():
        change_offer(past, currency="JPY", unit_price=375)

    basket = visitor.get("/en/basket")

    assert "not on sale now" in basket.error_at(f"units-{past}")
    assert "JPY 1,500" in basket.words
    assert "USD 15.00" not in basket.words
    assert "USD 21.00" not in basket.words
    assert ("USD 6.00" in basket.words) is not is_alone
