"""The operators' queue of offers: what they see of each, and what becomes of it."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, select, update

from app.audit.models import Act
from app.db import db, transaction
from app.offers.states import OfferState
from app.providers.models import Provider
from app.providers.states import ProviderState
from app.registry.ledger.models import LedgerBlock
from app.registry.models import RegistryAccount
from app.registry.ports import RefusalCode, Refused
from app.selling import notices, service
from tests.builders import NOW, a_finished_order, a_placed_order, change_offer
from tests.people import a_person, actor_of, an_operator, an_organisation
from tests.service.selling.conftest import House

DESK = "/en/desk/offers"


def test_the_queue_shows_oldest_first_with_prices_beside_it_and_the_holding(house: House) -> None:
    codes = [house.drawn_up(unit_price=price) for price in ("2.00", "3.00")]
    page = house.operator().get(DESK)

    assert page.words.index(codes[0]) < page.words.index(codes[1])
    assert "on sale of this project: USD 2.50 to USD 2.50" in page.words
    assert "The registry holds what is promised" in page.words
    assert "Demonstration seller 1" in page.words


def test_prices_in_a_currency_that_the_house_gave_up_are_not_counted_as_its_own(house: House) -> None:
    house.drawn_up(unit_price="2.00")
    with house.shop.inside():
        change_offer(house.offer_id, currency="JPY", unit_price=375)

    words = house.operator().get(DESK).words
    assert "3.75" not in words
    assert "nothing else of this project is on sale" in words


def test_an_empty_queue_says_so(house: House) -> None:
    assert "No offer waits." in house.operator().get(DESK).words


def test_what_is_promised_beyond_the_holding_is_marked_and_cannot_be_approved(house: House) -> None:
    code = house.drawn_up(units="4000")
    with house.shop.inside():
        db.session.execute(delete(LedgerBlock))
        db.session.commit()
    desk = house.operator()
    page = desk.get(DESK)
    assert "5,000 units more are promised than the registry holds" in page.words
    assert "nothing else" not in page.words

    client = desk.client
    client.post(f"{DESK}/approve", data={"csrf_token": page.forms[0].fields["csrf_token"], "code": code})
    told = desk.get(DESK)
    assert f"Offer {code}: No unit of this issuance is free" in told.words
    assert house.state(code) is OfferState.SUBMITTED


def test_where_no_registry_is_connected_nothing_lies_and_nothing_more_is_promised(house: House) -> None:
    submitted, draft = house.drawn_up(), house.drawn_up(submit=False)
    with house.shop.inside(), transaction() as session:
        session.execute(update(RegistryAccount).values(registry_code="closed"))
    seller, desk = house.browser(), house.operator()

    assert submitted in seller.get(house.room).words
    seller.send(seller.get(f"{house.room}/{draft}"), "/submit")
    assert "No unit of this issuance is free in this account" in seller.get(f"{house.room}/{draft}").words
    assert submitted in desk.get(DESK).words
    desk.send(desk.get(f"{DESK}/{submitted}"), "/approve")
    assert "No unit of this issuance is free in this account" in desk.get(f"{DESK}/{submitted}").words
    assert (house.state(submitted), house.state(draft)) == (OfferState.SUBMITTED, OfferState.DRAFT)


def test_several_are_approved_at_once_and_those_that_cannot_be_are_told(house: House) -> None:
    codes = [house.drawn_up() for _number in range(2)]
    desk = house.operator()
    page = desk.get(DESK)
    token = next(form for form in page.forms if form.action.endswith("/approve")).fields["csrf_token"]

    desk.client.post(f"{DESK}/approve", data={"csrf_token": token, "code": [*codes, "offer-1", "NO-1\0"]})

    assert [house.state(code) for code in codes] == [OfferState.LIVE] * 2
    told = desk.get(DESK).words
    assert "2 offers are approved." in told
    assert "Offer offer-1: This cannot be done now: the offer is in the state “On sale”." in told
    assert "Offer NO-1: There is no such offer any more." in told


def test_nothing_ticked_is_told(house: House) -> None:
    house.drawn_up()
    desk = house.operator()
    desk.send(desk.get(DESK), "/approve")
    assert "Tick the offers that you want to approve." in desk.get(DESK).words


def test_an_offer_is_sent_back_with_a_reason_that_its_seller_reads(house: House) -> None:
    code = house.drawn_up()
    desk = house.operator()
    ask = desk.get(f"{DESK}/{code}/send-back")
    wrong = desk.read(desk.send(ask, "/send-back", 422), 422)
    assert "Give a reason" in wrong.error_at("reason")
    assert house.state(code) is OfferState.SUBMITTED

    desk.send(ask, "/send-back", fields={"reason": "Say what the project does."})
    assert house.state(code) is OfferState.DRAFT
    assert "Say what the project does." in house.browser().get(f"{house.room}/{code}").words
    assert len(house.mails("offer_returned")) == 2
    with house.shop.inside():
        act = db.session.scalars(select(Act).where(Act.what == "offer_sent_back")).one()
        assert (act.actor, act.reason) == ("eva@tonne.example", "Say what the project does.")
    again = desk.read(desk.send(ask, "/send-back", 422, fields={"reason": "Twice."}), 422)
    assert "cannot be done now" in again.words


def test_an_offer_is_frozen_thawed_and_withdrawn_with_reasons(house: House) -> None:
    desk = house.operator()
    desk.send(desk.get(f"{DESK}/offer-1/freeze"), "/freeze", fields={"reason": "We look into a complaint."})
    assert house.state() is OfferState.FROZEN
    assert house.mails("offers_frozen") == [("owner@salkhit.example", "fr"), ("seller@salkhit.example", "en")]
    assert "We look into a complaint." in house.browser().get(house.room).words

    page = desk.get(f"{DESK}/offer-1")
    desk.send(page, "/thaw")
    assert house.state() is OfferState.LIVE
    desk.send(page, "/thaw")
    assert "cannot be done now" in desk.get(f"{DESK}/offer-1").words

    desk.send(desk.get(f"{DESK}/offer-1/withdraw"), "/withdraw", fields={"reason": "The seller asked us by letter."})
    assert house.state() is OfferState.WITHDRAWN
    assert "The seller asked us by letter." in desk.get(f"{DESK}/all?state=withdrawn").words


def test_all_offers_are_listed_and_narrowed_by_state(house: House) -> None:
    code = house.drawn_up()
    desk = house.operator()
    assert code in desk.get(f"{DESK}/all").words
    assert code not in desk.get(f"{DESK}/all?state=live").words
    assert "No offer is in this state." in desk.get(f"{DESK}/all?state=frozen&page=1").words
    desk.get(f"{DESK}/all?state=%FF&page={'9' * 18}")


def test_an_operator_sees_the_card_and_the_whole_story(house: House) -> None:
    code = house.on_sale()
    page = house.operator().get(f"{DESK}/{code}")
    for words in ("Draft", "Waiting for the operator", "On sale", "As buyers see it", "Add to basket", "CDM-100-1"):
        assert words in page.words
    house.operator().get(f"{DESK}/NO-1", 404)


@pytest.mark.parametrize("address", ["", "/all", "/offer-1", "/offer-1/send-back", "/offer-1/freeze"])
def test_nobody_else_finds_the_desk(house: House, address: str) -> None:
    assert house.browser("owner").client.get(DESK + address).status_code == 404
    assert house.shop.visitor().client.get(DESK + address).status_code == 303


def test_the_desk_approves_nothing_of_a_suspended_participant(house: House) -> None:
    code = house.drawn_up()
    with house.shop.inside():
        db.session.get_one(Provider, house.provider_id).state = ProviderState.SUSPENDED
        db.session.commit()
    desk = house.operator()
    desk.send(desk.get(f"{DESK}/{code}"), "/approve")
    assert "suspended" in desk.get(f"{DESK}/{code}").words
    assert "You are suspended" in house.browser().get(house.room).words
    assert house.state(code) is OfferState.SUBMITTED


def test_few_units_left_are_told_once_for_each_quantity(house: House) -> None:
    with house.shop.inside() as world:
        a_placed_order(world.settings, {house.offer_id: 500})
        tell(house)
    assert house.mails("low_stock") == []

    with house.shop.inside() as world:
        a_placed_order(world.settings, {house.offer_id: 450})
        tell(house)
        tell(house)
    assert house.mails("low_stock") == [("owner@salkhit.example", "fr"), ("seller@salkhit.example", "en")]

    with house.shop.inside():
        change_offer(house.offer_id, units_offered=1_020)
        tell(house)
    assert len(house.mails("low_stock")) == 4


def tell(house: House) -> None:
    with transaction():
        notices.low_stock([house.offer_id], NOW)


def test_many_frozen_offers_are_one_mail(house: House) -> None:
    house.on_sale()
    with house.shop.inside(), transaction():
        service.freeze_all(house.provider_id, "seller_suspended", None, NOW)
    assert len(house.mails("offers_frozen")) == 2


def test_who_has_no_verified_address_or_is_suspended_gets_no_mail(house: House) -> None:
    with house.shop.inside():
        db.session.execute(db.text("UPDATE person SET verified_at = NULL WHERE email = 'owner@salkhit.example'"))
        db.session.commit()
        seller = a_person("seller@salkhit.example")
        service.freeze(house.offer_id, actor_of(seller), "A reason.", NOW)
    assert house.mails("offers_frozen") == [("seller@salkhit.example", "en")]


def test_an_operator_who_works_for_the_seller_decides_nothing_about_its_offers(house: House) -> None:
    code = house.drawn_up()
    desk = house.operator()
    with house.shop.inside():
        an_organisation(viewer=an_operator())

    desk.send(desk.get(f"/en/desk/offers/{code}"), "/approve")

    assert "You work for this organisation." in desk.get(f"/en/desk/offers/{code}").words
    assert house.state(code) is OfferState.SUBMITTED


def test_no_offer_of_units_that_the_registry_refused_is_approved_before_somebody_has_found_out_why(
    house: House,
) -> None:
    code = house.drawn_up()
    house.shop.registry.submits = [Refused(RefusalCode.RULES, "not today")]
    with house.shop.inside() as world:
        a_finished_order(world, {house.offer_id: 12})
    desk = house.operator()

    desk.send(desk.get(f"{DESK}/{code}"), "/approve")
    assert "Offer offer-1 of the same units is frozen" in desk.get(f"{DESK}/{code}").words
    assert house.state(code) is OfferState.SUBMITTED

    desk.send(desk.get(f"{DESK}/offer-1"), "/thaw")
    desk.send(desk.get(f"{DESK}/{code}"), "/approve")
    assert (house.state(), house.state(code)) == (OfferState.LIVE, OfferState.LIVE)


def test_sellers_hear_when_the_registrys_books_take_their_offer_off_sale(house: House) -> None:
    house.shop.registry.submits = [Refused(RefusalCode.RULES, "not today")]
    with house.shop.inside() as world:
        a_finished_order(world, {house.offer_id: 12})

    assert house.state() is OfferState.FROZEN
    assert ("seller@salkhit.example", "en") in house.mails("offers_frozen")
