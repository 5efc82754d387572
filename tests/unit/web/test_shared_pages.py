"""One drawing of a page serves everybody who comes in the same moment and carries nothing of their own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from werkzeug.test import Client

from app.web import shared_pages
from app.web.shared_pages import SharedPages

Headers = list[tuple[str, str]]


class Shop:
    """A WSGI application that counts its drawings and may be shared, unless told otherwise."""

    def __init__(self) -> None:
        self.drawn = 0
        self.shared = True
        self.read_at: float | None = None
        self.status = "200 OK"
        self.headers: Headers = [("Content-Type", "text/html"), ("X-Request-ID", "1"), ("Date", "now")]
        self.body = b"page"
        self.closed = 0

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        self.drawn += 1
        if self.shared:
            environ[shared_pages._MARK] = True  # noqa: SLF001 - what `may_be_shared` sets in a request
        if self.read_at is not None:
            environ[shared_pages._READ_AT] = self.read_at  # noqa: SLF001 - as above
        start_response(self.status, self.headers)
        return Answer(self, [self.body, b" %d" % self.drawn])


class Answer:
    """The body of an answer, which wants to be closed."""

    def __init__(self, shop: Shop, parts: list[bytes]) -> None:
        self._shop, self._parts = shop, parts

    def __iter__(self) -> Any:
        return iter(self._parts)

    def close(self) -> None:
        self._shop.closed += 1


class Time:
    """Seconds that pass when told."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def visitor(shop: Shop, time: Time) -> Client:
    return Client(SharedPages(shop, 0.9, time), use_cookies=False)


def test_a_page_is_drawn_once_for_all_who_come_within_its_life(visitor: Client, shop: Shop, time: Time) -> None:
    first = visitor.get("/en/")
    time.now += 0.89
    second = visitor.get("/en/")

    assert first.data == second.data == b"page 1"
    assert second.status_code == 200
    assert second.headers["Content-Type"] == "text/html"
    assert "X-Request-ID" in first.headers
    assert "X-Request-ID" not in second.headers
    assert shop.closed == 1


def test_a_page_is_never_older_than_its_life_counted_from_before_it_was_drawn(
    visitor: Client, shop: Shop, time: Time
) -> None:
    visitor.get("/en/")
    time.now += 0.9

    assert visitor.get("/en/").data == b"page 2"


def test_the_life_of_a_page_counts_from_when_its_figures_were_read(visitor: Client, shop: Shop, time: Time) -> None:
    shop.read_at = time.now - 0.5
    visitor.get("/en/")
    time.now += 0.39
    assert visitor.get("/en/").data == b"page 1"
    time.now += 0.01
    assert visitor.get("/en/").data == b"page 2"


def test_every_address_and_every_host_has_pages_of_its_own(visitor: Client, shop: Shop) -> None:
    addresses = [("/en/", "", "a"), ("/fr/", "", "a"), ("/en/", "sort=price", "a"), ("/en/", "", "b")]

    seen = {
        visitor.get(path, query_string=query, headers={"Host": host}).data
        for _round in range(2)
        for path, query, host in addresses
    }

    assert shop.drawn == len(seen) == 4


def test_whoever_carries_a_cookie_or_sends_something_gets_an_answer_of_their_own(visitor: Client, shop: Shop) -> None:
    visitor.get("/en/")

    assert visitor.get("/en/", headers={"Cookie": "basket=1"}).data == b"page 2"
    assert visitor.post("/en/").data == b"page 3"
    assert visitor.get("/en/").data == b"page 1"


@pytest.mark.parametrize(
    "change",
    [
        {"shared": False},
        {"status": "422 UNPROCESSABLE"},
        {"headers": [("Set-Cookie", "session=1")]},
        {"body": b"x" * (shared_pages.MOST_BYTES + 1)},
    ],
    ids=["not marked", "no success", "sets a cookie", "too large"],
)
def test_what_is_not_for_everybody_is_not_kept(visitor: Client, shop: Shop, change: dict[str, Any]) -> None:
    vars(shop).update(change)
    visitor.get("/en/")
    visitor.get("/en/")

    assert shop.drawn == 2


def test_only_so_many_pages_are_kept_the_oldest_goes_first(
    visitor: Client, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_pages, "MOST_PAGES", 2)
    for path in ("/1", "/2", "/3"):
        visitor.get(path)

    assert visitor.get("/3").data == b"page 3"
    assert visitor.get("/1").data == b"page 4"


def test_an_answer_that_needs_no_closing_is_fine(time: Time) -> None:
    def plain(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        environ[shared_pages._MARK] = True  # noqa: SLF001 - as above
        start_response("200 OK", [])
        return [b"plain"]

    assert Client(SharedPages(plain, 0.9, time)).get("/").data == b"plain"
