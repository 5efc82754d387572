"""What newcomers share, and what is never shared."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from app.db import db
from app.offers.models import Offer
from app.web import shared_pages
from tests.conftest import AppMaker
from tests.service.conftest import Shop, with_fakes


def a_sharing_shop(make_app: AppMaker, clock: Any) -> Shop:
    return with_fakes(make_app(PAGE_CACHE_MILLISECONDS="900"), clock)


def test_newcomers_share_list_and_project_page_and_get_no_cookie_for_it(make_app: AppMaker, clock: Any) -> None:
    shop = a_sharing_shop(make_app, clock)
    shop.offer()

    for path in ("/en/", "/fr/", "/en/projects/IN-1"):
        first = shop.app.test_client().get(path)
        second = shop.app.test_client().get(path)
        assert first.data == second.data, path
        assert "X-Request-ID" in first.headers
        assert "X-Request-ID" not in second.headers, f"{path} was drawn twice"
        assert "Set-Cookie" not in first.headers
        assert second.headers["Content-Security-Policy"] == first.headers["Content-Security-Policy"]


def test_whoever_has_a_basket_sees_it_on_every_page(make_app: AppMaker, clock: Any) -> None:
    shop = a_sharing_shop(make_app, clock)
    offer = shop.offer()
    visitor, other = shop.visitor(), shop.visitor()
    other.get("/en/")
    shop.fill_basket(visitor, {offer: 7})

    assert "7 units" in visitor.get("/en/").words
    assert "7 units" not in other.get("/en/").words


def sell(shop: Shop, offer_id: int, units: int) -> None:
    """Let others have bought so many units of an offer."""
    with shop.inside():
        db.session.execute(update(Offer).where(Offer.id == offer_id).values(units_settled=units))
        db.session.commit()


@pytest.mark.parametrize("path", ["/en/projects/IN-1", "/en/"])
def test_whoever_has_a_basket_gets_the_page_of_the_moment_with_the_own_basket_in_it(
    make_app: AppMaker, clock: Any, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    shop = a_sharing_shop(make_app, clock)
    time = [100.0]
    monkeypatch.setattr(shop.app.extensions["tonne.drawn_pages"], "now", lambda: time[0])
    offer = shop.offer(units=5000)
    visitors = {7: shop.visitor(), 8: shop.visitor()}
    for units, visitor in visitors.items():
        shop.fill_basket(visitor, {offer: units})
    time[0] += 1

    pages = []
    for units, visitor in visitors.items():
        pages.append(visitor.get(path))
        assert f"Basket{units}{units} units" in pages[-1].words
        sell(shop, offer, units=679)
    assert "5,000" in pages[1].words, "it was drawn anew"
    assert pages[0].html.replace(">7<", ">8<").replace("7 units", "8 units") == pages[1].html
    time[0] += 0.9
    if path != "/en/":  # whose figures are kept for a moment of their own
        assert "4,321 units" in visitors[7].get(path).words


def test_every_address_is_drawn_on_its_own_for_whoever_has_a_basket(make_app: AppMaker, clock: Any) -> None:
    shop = a_sharing_shop(make_app, clock)
    visitor = shop.visitor()
    shop.fill_basket(visitor, {shop.offer(): 7})

    assert 'value="23"' in visitor.get("/en/projects/IN-1?units=23").html
    assert 'value="23"' not in visitor.get("/en/projects/IN-1").html
    assert 'lang="fr"' in visitor.get("/fr/projects/IN-1").html
    for other, status in (("/en/?price_from=x", 422), ("/en/projects/IN-404", 404)):
        assert "7 units" in visitor.get(other, status).words, other
    assert visitor.client.get("/en/projects/in-1").status_code == 301


def test_a_page_that_is_too_large_to_be_kept_is_drawn_for_each(
    make_app: AppMaker, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_pages, "MOST_BYTES", 1000)
    shop = a_sharing_shop(make_app, clock)
    visitor = shop.visitor()
    offer = shop.offer(units=5000)
    shop.fill_basket(visitor, {offer: 7})
    visitor.get("/en/projects/IN-1")
    sell(shop, offer, units=679)

    assert "4,321 units" in visitor.get("/en/projects/IN-1").words


def test_a_form_sent_from_another_site_fills_no_basket(shop: Shop) -> None:
    offer = shop.offer()
    client = shop.app.test_client()
    wanted = {"offer_id": str(offer), "units": "2"}

    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://elsewhere.example"}, {"Origin": "null"}):
        assert client.post("/en/basket/add", data=wanted, headers=headers).status_code == 400
    assert client.get_cookie("basket_5000") is None
    assert client.post("/en/basket/add", data=wanted, headers={"Origin": "http://localhost"}).status_code == 303
    assert client.get_cookie("basket_5000") is not None
