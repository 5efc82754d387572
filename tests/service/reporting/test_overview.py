"""The first page of a participant: before the approval where it stands, afterwards numbers, reasons and what to do."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.db import transaction
from app.offers.models import OfferInterest, PriceChange
from app.offers.states import OfferState, PriceChangeState
from app.providers.models import Application, Provider
from app.providers.states import ApplicationState, ProviderState
from tests import builders
from tests.builders import NOW
from tests.people import a_person, an_organisation
from tests.service.conftest import Shop
from tests.service.reporting.participants import (
    OURS,
    a_payout,
    every_fate,
    provider_id_of,
    signed_in,
    two_participants,
)


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (None, "Apply to sell first"),
        (ApplicationState.DRAFT, "Your application is begun and not sent yet."),
        (ApplicationState.SUBMITTED, "Your application is with us since 22 November 2026."),
        (ApplicationState.RETURNED, "We need something more before we can decide on your application."),
        (ApplicationState.REFUSED, "Your application was refused."),
        (ApplicationState.WITHDRAWN, "You took your application back."),
    ],
)
def test_before_the_approval_the_overview_leads_to_the_application(
    shop: Shop, state: ApplicationState | None, said: str
) -> None:
    with shop.inside():
        organisation = an_organisation(viewer=a_person("viewer@salkhit.example"))
        if state is not None:
            with transaction() as session:
                session.add(
                    Application(
                        organisation_id=organisation,
                        state=state,
                        locale="en",
                        created_at=NOW,
                        submitted_at=NOW,
                        reason="The scan is blurred.",
                    )
                )
    visitor = signed_in(shop, "viewer@salkhit.example")

    page = visitor.get(f"/en{OURS}")

    assert said in page.words
    has_reason = state in (ApplicationState.RETURNED, ApplicationState.REFUSED)
    assert ("The scan is blurred." in page.words) == has_reason
    for later in ("orders", "earnings"):
        answer = visitor.client.get(f"/en{OURS}/{later}")
        assert (answer.status_code, answer.location) == (303, f"/en{OURS}")
    for file in ("orders.csv", "orders.json", "earnings/2026-11.csv"):
        visitor.get(f"/en{OURS}/{file}", 404)


def test_each_offer_shows_its_state_with_the_reason_its_numbers_and_what_to_do(shop: Shop) -> None:
    offers = two_participants(shop)
    every_fate(shop, offers)
    with shop.inside():
        builders.change_offer(offers.ours, state=OfferState.FROZEN, state_reason="The registry shows 3 units less.")
        with transaction() as session:
            session.add_all(
                [
                    OfferInterest(offer_id=offers.ours, on=NOW.date(), views=1_234, baskets=56),
                    OfferInterest(offer_id=offers.ours, on=NOW.date() - timedelta(days=1), views=1, baskets=0),
                    OfferInterest(offer_id=offers.theirs, on=NOW.date(), views=9_999, baskets=99),
                ]
            )
        sold = builders.the_offer(offers.ours).units_settled

    page = signed_in(shop).get(f"/en{OURS}")

    for said in (
        "Frozen",
        "The registry shows 3 units less.",
        "Only an operator can put it back on sale.",
        "1,235",
        "56",
        str(sold),
    ):
        assert said in page.words
    assert "9,999" not in page.words
    assert "next payout day: 5 December 2026" in page.words
    assert "Views and baskets are counted without cookies" in page.words


def test_what_needs_attention_is_said_first_and_the_serious_before_the_rest(shop: Shop) -> None:
    offers = two_participants(shop)
    with shop.inside():
        builders.change_offer(offers.ours, state=OfferState.FROZEN, state_reason="books_differ")
        builders.change_offer(offers.second, units_offered=12)
        with transaction() as session:
            session.add(
                PriceChange(
                    offer_id=offers.second,
                    state=PriceChangeState.PLANNED,
                    unit_price=333,
                    tiers=[],
                    due_at=NOW + timedelta(days=2),
                    created_at=NOW,
                )
            )
            provider = session.get_one(Provider, provider_id_of())
            provider.state, provider.state_reason = ProviderState.SUSPENDED, "Papers have expired."
    owner = signed_in(shop)

    words = owner.get(f"/en{OURS}").words.replace("\xa0", " ")

    expected = (
        "Your offers are stopped: you are suspended as a seller. Papers have expired.",
        "Offer offer-1 is frozen. The registry’s books differ",
        "Offer offer-2 has only 12 units left.",
        "We do not know where to send your money.",
        "Offer offer-2 will cost USD 3.33 for each unit from 24 November 2026",
    )
    places = [words.find(said) for said in expected]
    assert -1 not in places
    assert places == sorted(places)
    with shop.inside():
        a_payout(1)
        builders.change_offer(offers.ours, state=OfferState.DRAFT, state_reason="Say more about the stoves.")
        builders.change_offer(offers.second, units_offered=1, units_settled=1, state=OfferState.SOLD_OUT)
    words = owner.get(f"/en{OURS}").words
    assert "Offer offer-1 was sent back to you. Say more about the stoves." in words
    assert "Offer offer-2 has no unit left." in words
    assert "where to send your money" not in words


def test_the_charts_say_what_they_show_and_have_the_same_as_a_table(shop: Shop) -> None:
    every_fate(shop, two_participants(shop))

    page = signed_in(shop).get(f"/en{OURS}")

    assert "Units sold in each month from December 2025 to November 2026" in page.words
    assert "Earned in each month from December 2025 to November 2026, in USD" in page.words
    assert page.html.count('role="img"') == 3
    assert "url(#sold-hatch)" in page.html  # what is on its way differs in grey, not in colour only
    assert "Source: our own books" in page.words
    # 7, 3, 1 and 2 units are cancelled, 13 are on their way.
    assert "November 2026 13 13 USD" in page.words.replace("\xa0", " ")


@pytest.mark.parametrize("state", list(OfferState))
def test_every_state_of_an_offer_has_words(shop: Shop, state: OfferState) -> None:
    offers = two_participants(shop)
    with shop.inside():
        builders.change_offer(offers.ours, state=state, opens_at=NOW, expires_at=NOW)
        builders.change_offer(offers.second, state=state)

    page = signed_in(shop).get(f"/en{OURS}")

    assert "offer-1" in page.words


def test_a_new_participant_sees_an_empty_house_and_no_chart(shop: Shop) -> None:
    with shop.inside():
        organisation = an_organisation(owner=a_person("owner@salkhit.example"))
        with transaction() as session:
            session.add(Provider(code="new", legal_name="New", country="MN", organisation_id=organisation))

    page = signed_in(shop).get(f"/en{OURS}")

    assert "You have no offer yet." in page.words
    assert "Nothing was sold in these months." in page.words
    assert "Nothing earned yet" in signed_in(shop).get(f"/en{OURS}/earnings").words
