"""What newcomers share, and what is never shared."""

from __future__ import annotations

from typing import Any

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


def test_a_form_sent_from_another_site_fills_no_basket(shop: Shop) -> None:
    offer = shop.offer()
    client = shop.app.test_client()
    wanted = {"offer_id": str(offer), "units": "2"}

    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://elsewhere.example"}, {"Origin": "null"}):
        assert client.post("/en/basket/add", data=wanted, headers=headers).status_code == 400
    assert client.get_cookie("basket_5000") is None
    assert client.post("/en/basket/add", data=wanted, headers={"Origin": "http://localhost"}).status_code == 303
    assert client.get_cookie("basket_5000") is not None
