"""A seller's own pages: draw up, see it as buyers will, submit, change, price, pause, withdraw."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import Update, select, update

from app.db import db, transaction
from app.offers.models import Offer, PriceChange
from app.offers.states import OfferState, PriceChangeState
from app.providers.models import Provider
from app.providers.states import AuthorityState, ProviderState
from app.registry.models import RegistryAccount
from tests.builders import a_placed_order
from tests.people import a_person
from tests.service.selling.conftest import House, claim_project


def test_offers_and_holdings_are_listed_with_states_and_free_units(house: House) -> None:
    page = house.browser("viewer").get(house.room)

    assert "offer-1" in page.words
    assert "On sale" in page.words
    assert "4,000" in page.words, "free: 5,000 held less 1,000 on sale"
    assert "New offer" not in page.words, "a viewer only reads"


NOT_CONNECTED = update(RegistryAccount).values(registry_code="closed")
OTHER_CURRENCY = update(Offer).values(currency="EUR")


@pytest.mark.parametrize(
    ("happened", "said"),
    [
        (NOT_CONNECTED, "This site is not connected to the registry of these units, so nobody can buy them."),
        (OTHER_CURRENCY, "Its price is in EUR, and this site sells in USD."),
    ],
    ids=["its registry was taken out", "its currency was given up"],
)
def test_an_offer_that_nobody_can_buy_is_not_called_on_sale(house: House, happened: Update, said: str) -> None:
    seller, operator = house.browser(), house.operator()
    with house.shop.inside(), transaction() as session:
        session.execute(happened)

    for page in (
        seller.get(f"{house.room}/offer-1"),
        seller.get(house.room),
        seller.get("/en/sell/salkhit1"),
        operator.get("/en/desk/offers/all"),
        operator.get("/en/desk/offers/offer-1"),
    ):
        assert "Not for sale" in page.words
        assert said in page.words
        assert "Buyers can buy it" not in page.words
    assert "Units on offer0" in seller.get("/en/sell/salkhit1").words


def test_nothing_goes_on_with_an_offer_in_a_currency_that_the_house_gave_up_but_its_end(house: House) -> None:
    draft, waiting = house.drawn_up(submit=False), house.drawn_up()
    seller, operator = house.browser(), house.operator()
    pages = {code: seller.get(f"{house.room}/{code}") for code in ("offer-1", draft)}
    edit, approval = seller.get(f"{house.room}/offer-1/edit"), operator.get(f"/en/desk/offers/{waiting}")
    with house.shop.inside(), transaction() as session:
        session.execute(OTHER_CURRENCY)

    for code, act in (("offer-1", "/copy"), (draft, "/submit")):
        answer = seller.send(pages[code], act)
        assert "Its price is in EUR" in seller.get(answer.headers["Location"]).words
    planned = {"unit_price": "4.00", "due_at": "2027-01-01T00:00"}
    for page, act, fields in ((edit, "/edit", {"unit_price": "4.00"}), (pages["offer-1"], "/price", planned)):
        assert "Its price is in EUR" in seller.send(page, act, 422, fields=fields).text
    operator.send(approval, "/approve")

    assert house.offer().unit_price == 250
    assert [house.state(draft), house.state(waiting)] == [OfferState.DRAFT, OfferState.SUBMITTED]
    seller.send(seller.get(f"{house.room}/offer-1/withdraw"), "/withdraw")
    assert house.state() is OfferState.WITHDRAWN
    over = seller.get(f"{house.room}/offer-1")
    assert "its price is in EUR, which is used here no more" in over.words
    assert "Copy" not in over.words


def test_a_page_without_offers_explains_itself(house: House) -> None:
    seller = house.browser()
    page = seller.get(f"{house.room}?state=draft")
    assert "Buyers can buy it" in seller.get(f"{house.room}/offer-1").words
    assert "No offer of yours is in this state." in page.words

    with house.shop.inside():
        db.session.execute(db.text("DELETE FROM registry_account"))
        db.session.execute(db.text("DELETE FROM offer_price"))
        db.session.execute(db.text("DELETE FROM offer"))
        db.session.commit()
    page = seller.get(house.room)
    assert "Nothing on offer yet" in page.words
    assert "Ask the operator to enter it" in page.words


def test_before_the_application_is_approved_the_page_says_so(house: House) -> None:
    stranger = house.stranger()

    assert "as soon as your application is approved" in stranger.get("/en/sell/others12/offers").words
    stranger.get("/en/sell/others12/offers/new", 404)


def test_from_a_holding_to_a_live_offer_by_forms_alone(house: House) -> None:
    seller = house.browser()
    choose = seller.get(f"{house.room}/new")
    link = next(link for link in choose.links if "issuance=" in link)
    form = seller.get(link)
    assert "4,000 free of 5,000" in form.words
    assert form.by_id["units"]["value"] == "4000"

    answer = seller.send(
        form,
        link,
        button="Save and submit",
        fields={
            "units": "1 500",
            "unit_price": "2,40",
            "minimum_units": "10",
            "tier1_units": "100",
            "tier1_price": "2.10",
            "text_en": "Wind from the hills.",
        },
    )
    code = answer.headers["Location"].rpartition("/")[2]
    assert code == "IN-1-1"
    assert house.state(code) is OfferState.SUBMITTED
    page = seller.get(answer.headers["Location"])
    assert "Waiting for the operator" in page.words
    assert "USD 2.10" in page.words

    desk = house.operator()
    desk.send(desk.get("/en/desk/offers"), "/approve", fields={"code": code})
    offer = house.offer(code)
    assert offer.state is OfferState.LIVE
    assert (offer.unit_price, offer.minimum_units, offer.tiers) == (240, 10, [[100, 210]])
    assert house.mails("offers_approved") == [
        ("owner@salkhit.example", "fr"),
        ("seller@salkhit.example", "en"),
    ], "the viewer decides nothing and gets no mail"


def test_what_the_form_refuses_stands_beside_its_field_with_the_numbers(house: House) -> None:
    seller = house.browser()
    page = seller.get(house.new_address)
    typed = {
        "units": "4.001",
        "unit_price": "9.00",
        "minimum_units": "0",
        "opens_at": "tomorrow",
        "tier1_units": "100",
        "tier1_price": "cheap",
    }
    wrong = seller.read(seller.send(page, house.new_address, 422, button="Save and submit", fields=typed), 422)

    assert "digits" in wrong.error_at("units")
    assert "between 1 and 1,000,000,000,000." in wrong.error_at("minimum_units")
    assert "2026-12-01 09:00" in wrong.error_at("opens_at")
    assert "such as 2.50" in wrong.error_at("tier1_price")
    assert wrong.by_id["units"]["value"] == "4.001", "nothing typed is lost"

    dear = seller.read(
        seller.send(wrong, house.new_address, 422, button="Save as a draft", fields={
            "units": "10", "unit_price": "9.00", "minimum_units": "20", "opens_at": "2027-01-02 09:00",
            "expires_at": "2027-01-01 09:00", "tier1_units": "", "tier1_price": "",
            "text_fr": "Compense vos vols : neutre en carbone.",
        }), 422,
    )  # fmt: skip
    assert dear.error_at("unit_price") == "A price must be between USD 0.38 and USD 8.50 here."
    assert "larger than the offer" in dear.error_at("minimum_units")
    assert "after the opening" in dear.error_at("expires_at")
    assert "claim" in dear.error_at("text_fr")
    assert house.browser().get(f"{house.room}?state=draft").words.count("IN-1-1") == 0


def test_a_refusal_writes_numbers_prices_and_quotes_as_the_language_of_the_page_does(house: House) -> None:
    seller, address = house.browser(), house.new_address.replace("/en/", "/fr/")
    typed = {"units": "0", "unit_price": "cher", "text_fr": "Neutre en carbone."}
    wrong = seller.read(seller.send(seller.get(address), address, 422, fields=typed), 422)
    assert "1 000 000 000 000" in wrong.error_at("units")
    assert "2,50" in wrong.error_at("unit_price")

    two_numbers = seller.read(
        seller.send(wrong, address, 422, fields=typed | {"units": "5 6", "unit_price": "2 5"}), 422
    )
    assert two_numbers.error_at("units")
    assert "2,50" in two_numbers.error_at("unit_price")

    claim = seller.read(seller.send(wrong, address, 422, fields=typed | {"units": "10", "unit_price": "2,50"}), 422)
    assert "« Neutre en carbone »" in claim.error_at("text_fr")


def test_more_than_is_free_is_refused_at_the_units_and_the_draft_is_kept(house: House) -> None:
    seller = house.browser()
    page = seller.get(house.new_address)
    answer = seller.send(
        page, house.new_address, 422, button="Save and submit", fields={"units": "4001", "unit_price": "2.50"}
    )
    wrong = seller.read(answer, 422)
    assert "Only 4,000 units" in wrong.error_at("units")
    assert house.state("IN-1-1") is OfferState.DRAFT

    seller.send(wrong, "/IN-1-1/edit", button="Save and submit", fields={"units": "4000"})
    assert house.state("IN-1-1") is OfferState.SUBMITTED


@pytest.mark.parametrize("state", [None, AuthorityState.CLAIMED, AuthorityState.REFUSED])
def test_units_of_a_project_without_accepted_authority_cannot_be_chosen(
    house: House, state: AuthorityState | None
) -> None:
    house.shop.offer(number=2, units=10, held=100)
    if state is not None:
        with house.shop.inside():
            claim_project(house.organisation_id, "IN-2", a_person("owner@salkhit.example"), state)
    seller = house.browser()
    page = seller.get(f"{house.room}/new")

    words = {
        None: "Show first that you may offer",
        AuthorityState.CLAIMED: "An operator is looking",
        AuthorityState.REFUSED: "was not accepted",
    }
    assert words[state] in page.words
    assert sum("issuance=" in link for link in page.links) == 1


def test_the_preview_is_the_very_card_of_the_public_page(house: House) -> None:
    code = house.drawn_up(
        minimum_units="10", tier1_units="100", tier1_price="2.10", text_en="Wind from the hills.",
        expires_at="2027-06-01T12:00",
    )  # fmt: skip
    seller = house.browser()
    before = card(seller.get(f"{house.room}/{code}/preview").html, house.offer(code).id)
    assert "Wind from the hills." in before

    desk = house.operator()
    desk.send(desk.get(f"/en/desk/offers/{code}"), "/approve")
    public = card(house.shop.visitor().get("/en/projects/IN-1").html, house.offer(code).id)

    assert before == public
    assert card(seller.get(f"{house.room}/{code}/preview").html, house.offer(code).id) == public


def card(html: str, offer_id: int) -> str:
    """The part of a page that is an offer's card."""
    cards = re.findall(r'<li class="offer.*?\n</li>', html, re.DOTALL)
    (found,) = (part for part in cards if f'"offer-{offer_id}"' in part)
    return str(found)


def test_a_price_stands_in_its_field_as_the_page_writes_prices_and_can_be_sent_as_it_stands(house: House) -> None:
    seller = house.browser()
    page = seller.get(f"{house.room.replace('/en/', '/es/')}/offer-1/edit")
    assert page.form("/edit").fields["unit_price"] == "2,50"

    seller.send(page, "/edit", fields={"tier1_units": "100", "tier1_price": "2,25"})

    assert house.offer().unit_price == 250
    again = seller.get(f"{house.room.replace('/en/', '/fr/')}/offer-1/edit").form("/edit").fields
    assert (again["unit_price"], again["tier1_price"]) == ("2,50", "2,25")


def test_the_summary_of_errors_names_the_fields_of_which_it_says_the_same(house: House) -> None:
    seller = house.browser()
    page = seller.get(f"{house.room}/offer-1/edit")

    told = seller.read(seller.send(page, "/edit", 422, fields={"units": "-5", "minimum_units": "0.5"}), 422)

    for label in ("Units on offer", "Smallest purchase, in units"):
        assert f"{label}: Enter a whole number in digits, such as 12." in told.words


def test_changes_hold_at_once_and_keep_what_was_ordered(house: House) -> None:
    with house.shop.inside() as world:
        order_id = a_placed_order(world.settings, {house.offer_id: 100})
    seller = house.browser()
    page = seller.get(f"{house.room}/offer-1/edit")
    assert page.form("/edit").fields["units"] == "1000"
    refused = seller.read(
        seller.send(page, "/edit", 422, fields={"units": "99", "unit_price": "3.00", "minimum_units": "1"}), 422
    )
    assert "100 units of this offer are held or sold" in refused.error_at("units")

    seller.send(page, "/edit", fields={"units": "2000", "unit_price": "3.00", "minimum_units": "5"})
    offer = house.offer()
    assert (offer.units_offered, offer.unit_price, offer.minimum_units) == (2_000, 300, 5)
    with house.shop.inside():
        paid = db.session.execute(db.text("SELECT unit_price FROM order_line WHERE order_id = :id"), {"id": order_id})
        assert paid.scalar_one() == 250
    assert "USD 3.00" in seller.get(f"{house.room}/offer-1").words


def test_the_second_of_two_tabs_is_told_and_changes_nothing(house: House) -> None:
    seller = house.browser()
    first, second = (seller.get(f"{house.room}/offer-1/edit") for _tab in range(2))
    seller.send(first, "/edit", fields={"unit_price": "3.00"})

    told = seller.read(seller.send(second, "/edit", 422, fields={"unit_price": "2.00"}), 422)

    assert "Somebody changed this offer while you were here" in told.words
    assert told.form("/edit").fields["unit_price"] == "2.00"
    assert house.offer().unit_price == 300


def test_a_price_is_planned_shown_applied_or_taken_back(house: House) -> None:
    seller = house.browser()
    page = seller.get(f"{house.room}/offer-1")
    wrong = seller.read(
        seller.send(page, "/price", 422, fields={"unit_price": "2.00", "due_at": "2026-11-01 09:00"}), 422
    )
    assert "still to come" in wrong.error_at("due_at")
    assert "From when on" in wrong.words
    missing = seller.read(seller.send(page, "/price", 422, fields={"unit_price": "2.00", "due_at": ""}), 422)
    assert "Enter from when on" in missing.error_at("due_at")

    seller.send(page, "/price", fields={"unit_price": "2.00", "due_at": "2026-12-01 09:00"})
    page = seller.get(f"{house.room}/offer-1")
    assert "Planned: USD 2.00 from 1 December 2026, 09:00:00 UTC on" in page.words

    seller.send(page, "/price/drop")
    assert "Planned:" not in seller.get(f"{house.room}/offer-1").words
    seller.send(page, "/price/drop")
    assert "no longer planned" in seller.get(f"{house.room}/offer-1").words
    with house.shop.inside():
        assert db.session.scalars(select(PriceChange.state)).all() == [PriceChangeState.WITHDRAWN]


def test_somebody_elses_plan_cannot_be_dropped(house: House) -> None:
    seller = house.browser()
    page = seller.get(f"{house.room}/offer-1")
    seller.send(page, "/price", fields={"unit_price": "2.00", "due_at": "2026-12-01 09:00"})
    planned = seller.get(f"{house.room}/offer-1")
    other = house.drawn_up()
    page = seller.get(f"{house.room}/{other}")
    token = page.form("/submit") if "/submit" in page.html else page.form("/copy")

    for plan in (planned.form("/price/drop").fields["plan"], "999999", "9" * 40, "x"):
        answer = seller.client.post(
            f"{house.room}/{other}/price/drop", data={"csrf_token": token.fields["csrf_token"], "plan": plan}
        )
        assert answer.status_code == 404


def test_pausing_and_resuming_one_offer_and_pausing_all(house: House) -> None:
    seller = house.browser()
    seller.send(seller.get(f"{house.room}/offer-1"), "/offer-1/pause")
    assert house.state() is OfferState.PAUSED
    paused = seller.get(f"{house.room}/offer-1")
    assert "Nobody can buy it. Resume it" in paused.words
    seller.send(paused, "/offer-1/resume")
    assert house.state() is OfferState.LIVE

    ask = seller.get(f"{house.room}/pause-all")
    assert "1 offer goes off sale at once" in ask.words
    seller.send(ask, "/pause-all")
    assert house.state() is OfferState.PAUSED


def test_withdrawing_says_first_what_happens_and_then_does_it(house: House) -> None:
    with house.shop.inside() as world:
        a_placed_order(world.settings, {house.offer_id: 100})
    seller = house.browser()
    ask = seller.get(f"{house.room}/offer-1/withdraw")
    assert "cannot be undone" in ask.words
    assert "100 units are held for orders. Their buyers can still pay" in ask.words
    assert "900 units are left" in ask.words

    seller.send(ask, "/offer-1/withdraw")
    assert house.state() is OfferState.WITHDRAWN
    assert "4,900" in seller.get(house.room).words, "all but the held units are free again"
    seller.send(ask, "/offer-1/withdraw")
    assert "cannot be done now" in seller.get(f"{house.room}/offer-1").words


def test_a_copy_is_a_draft_at_the_same_terms(house: House) -> None:
    seller = house.browser()
    answer = seller.send(seller.get(f"{house.room}/offer-1"), "/copy")

    assert answer.headers["Location"].endswith("/IN-1-1/edit")
    copied = house.offer("IN-1-1")
    assert copied.state is OfferState.DRAFT
    assert (copied.unit_price, copied.units_offered) == (250, 1_000)


def test_a_draft_is_submitted_from_its_page(house: House) -> None:
    code = house.drawn_up(submit=False)
    seller = house.browser()
    assert house.state(code) is OfferState.DRAFT
    seller.send(seller.get(f"{house.room}/{code}"), "/submit")
    assert house.state(code) is OfferState.SUBMITTED


ADDRESSES = ("", "/new", "/offer-1", "/offer-1/edit", "/offer-1/preview", "/offer-1/withdraw", "/pause-all",
             "/offers.csv", "/template.csv", "/import")  # fmt: skip


@pytest.mark.parametrize("address", ADDRESSES)
def test_others_do_not_find_the_room_and_viewers_only_read(house: House, address: str) -> None:
    seller_only = address in {"/new", "/offer-1/edit", "/offer-1/withdraw", "/pause-all", "/import"}

    assert house.browser("viewer").client.get(house.room + address).status_code == (403 if seller_only else 200)
    assert house.stranger().client.get(house.room + address).status_code == 404
    assert house.shop.visitor().client.get(house.room + address).status_code == 303


def test_offers_of_others_are_not_found_under_the_own_address(house: House) -> None:
    house.shop.offer(number=2, units=10)
    with house.shop.inside():
        other = Provider(code="other", legal_name="Other", country="CH")
        db.session.add(other)
        db.session.flush()
        db.session.scalars(select(Offer).where(Offer.code == "offer-2")).one().provider_id = other.id
        db.session.commit()
    seller = house.browser()

    for ending in ("", "/edit", "/preview", "/withdraw"):
        assert seller.client.get(f"{house.room}/offer-2{ending}").status_code == 404
    assert seller.client.get(f"{house.room}/{'9' * 400}").status_code == 404
    for page in ("9" * 40, "9" * 18, "-1", "²"):
        assert seller.client.get(f"{house.room}?page={page}&state=%FF").status_code == 200


@pytest.mark.parametrize(
    ("price", "words"),
    [("", "Enter a price"), ("0", "above zero"), ("99999999999", "absurdly high"), ("1.234", "2 decimals")],
)
def test_a_price_that_is_none_is_explained(house: House, price: str, words: str) -> None:
    seller = house.browser()
    answer = seller.send(
        seller.get(house.new_address), house.new_address, 422, button="Save as a draft", fields={"unit_price": price}
    )
    assert words in seller.read(answer, 422).error_at("unit_price")


def test_the_oldest_opening_that_can_be_typed_goes_out_and_comes_in_again(house: House) -> None:
    code = house.drawn_up(opens_at="0001-01-01 00:00")
    assert ",0001-01-01T00:00:00Z," in house.browser().client.get(f"{house.room}/offers.csv").text
    assert house.browser().get(f"{house.room}/{code}/edit").by_id["opens_at"]["value"] == "0001-01-01T00:00"


def test_a_suspended_participant_draws_up_and_copies_nothing(house: House) -> None:
    seller = house.browser()
    form = seller.get(house.new_address)
    page = seller.get(f"{house.room}/offer-1")
    with house.shop.inside():
        db.session.get_one(Provider, house.provider_id).state = ProviderState.SUSPENDED
        db.session.commit()

    answer = seller.client.post(form.form(house.new_address).action, data=form.form(house.new_address).fields)
    assert answer.status_code == 200
    assert "You are suspended and cannot offer units." in answer.text
    seller.send(page, "/copy")
    assert "You may not offer units of this project" in seller.get(f"{house.room}/offer-1").words


@pytest.mark.parametrize("language", ["fr", "es"])
def test_the_pages_stand_in_each_language(house: House, language: str) -> None:
    seller = house.browser()
    for address in ("", "/new", "/offer-1", "/offer-1/edit", "/offer-1/preview", "/import"):
        page = seller.get(house.room.replace("/en/", f"/{language}/") + address)
        assert page.words
