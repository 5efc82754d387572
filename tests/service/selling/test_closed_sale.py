"""What a seller sees and hears when the sale of a mechanism closes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from app.db import db
from app.kernel.csvtable import ImportRefused
from app.offers.errors import SaleClosed
from app.offers.reasons import MECHANISM_CLOSED
from app.offers.states import OfferState
from app.providers.models import Provider
from app.selling import service
from app.selling.importer import plan_file
from app.selling.service.schedule import end_closed
from app.selling.words import describe, of_row
from tests.service.selling.conftest import House
from tests.service.selling.test_offer_files import export

SALE_CLOSED = datetime(2026, 12, 30, 20, tzinfo=UTC)
ORDERS_CLOSED = datetime(2026, 12, 31, 13, tzinfo=UTC)


def set_clock(house: House, at: datetime) -> None:
    """Let it be another time."""
    house.shop.clock.advance(at - house.shop.clock.now())


def test_sellers_read_until_when_their_units_sell(house: House) -> None:
    assert "CERs can be put into a basket until 30 December 2026" in house.browser().get(house.room).words


def test_a_draft_is_not_handed_in_after_the_sale_has_closed(house: House) -> None:
    code = house.drawn_up(submit=False)
    set_clock(house, SALE_CLOSED)

    with house.shop.inside() as world, pytest.raises(SaleClosed) as refused:
        service.submit(house.offer(code).id, service.SWEEPER, world.registries.holdings, SALE_CLOSED)

    with house.shop.app.test_request_context("/en/"):
        assert describe(refused.value).startswith("CERs are no longer offered here since 30 December 2026")
    assert house.state(code) is OfferState.DRAFT


def test_a_file_that_offers_more_after_the_sale_has_closed_is_refused_with_the_reason(house: House) -> None:
    code = house.on_sale()
    header, *rows = export(house.browser(), house).splitlines()
    more = "\n".join([header, *(row.replace(",500,", ",501,") for row in rows if row.startswith(code))])
    set_clock(house, SALE_CLOSED)

    with house.shop.inside() as world:
        provider = db.session.get_one(Provider, house.provider_id)
        with pytest.raises(ImportRefused) as refused:
            plan_file(more, provider, world.registries.holdings, SALE_CLOSED, "USD")

    [error] = refused.value.errors
    with house.shop.app.test_request_context("/en/"):
        row, column, words = of_row(error)
    assert (row, column) == (2, "units")
    assert words.startswith("CERs are no longer offered here since 30 December 2026")


def test_when_offers_end_everybody_who_may_sell_hears_of_it_once(house: House) -> None:
    set_clock(house, ORDERS_CLOSED)
    house.shop.work()
    house.shop.work()

    offer = house.offer()
    assert (offer.state, offer.state_reason) == (OfferState.EXPIRED, MECHANISM_CLOSED)
    assert house.mails("offers_ended") == [("owner@salkhit.example", "fr"), ("seller@salkhit.example", "en")]
    written = {mail.locale: mail for mail in house.shop.mailer.sent}
    assert "Your offer offer-1 has ended" in written["en"].text
    assert "Votre offre offer-1 a pris fin" in written["fr"].text


def test_an_offer_that_its_seller_ended_in_the_same_moment_is_not_ended_again(house: House) -> None:
    with house.shop.inside():
        offer_id = house.offer().id
        service.withdraw(offer_id, service.SWEEPER, house.shop.clock.now())
        assert end_closed([offer_id], ORDERS_CLOSED) == 0
    assert house.offer().state is OfferState.WITHDRAWN
