"""What search engines are told of: pages that are there, each in every language."""

from __future__ import annotations

from xml.etree import ElementTree

from app.kernel.languages import LANGUAGES
from tests.service.conftest import Shop

SITE = "http://127.0.0.1:5000"
NAMES = {"s": "http://www.sitemaps.org/schemas/sitemap/0.9", "x": "http://www.w3.org/1999/xhtml"}


def test_the_map_of_the_site_lists_every_public_page_in_every_language(shop: Shop) -> None:
    shop.offer()
    visitor = shop.visitor()

    answer = visitor.client.get("/sitemap.xml")

    assert (answer.status_code, answer.mimetype) == (200, "application/xml")
    urls = ElementTree.fromstring(answer.data).findall("s:url", NAMES)  # noqa: S314 - our own answer
    places = [url.findtext("s:loc", "", NAMES) for url in urls]
    assert len(places) == len(set(places))
    assert {f"{SITE}/{lang}/projects/IN-1" for lang in LANGUAGES} < set(places)
    assert {f"{SITE}/{lang}/about/refunds" for lang in LANGUAGES} < set(places)
    for url, place in zip(urls, places, strict=True):
        others = {link.get("hreflang"): link.get("href", "") for link in url.findall("x:link", NAMES)}
        assert set(others) == {*LANGUAGES, "x-default"}
        assert place in others.values()
    for place in places:
        assert visitor.client.get(place.removeprefix(SITE)).status_code == 200, place
    without = next(
        link.get("href", "") for link in urls[0].findall("x:link", NAMES) if link.get("hreflang") == "x-default"
    )
    assert visitor.client.get(without.removeprefix(SITE)).status_code == 302


def test_robots_are_told_where_the_map_is(shop: Shop) -> None:
    assert f"\nSitemap: {SITE}/sitemap.xml\n" in shop.visitor().client.get("/robots.txt").text + "\n"
