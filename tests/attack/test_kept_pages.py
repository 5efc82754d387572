"""Pages that are kept for all who come in the same moment hold nothing of whoever came first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask import request

from app.web import shared_pages
from app.web.shared_pages import Kept, SharedPages, may_be_shared
from tests.attack.asking import Asked, ask, path_of
from tests.attack.judging import faults_of
from tests.attack.nasty import ELSEWHERE, HEADERS, MARK
from tests.attack.target import Target

pytestmark = [pytest.mark.sweep, pytest.mark.xdist_group("attack")]

# What a stranger may say beside what is in nasty.HEADERS, to get an answer that others would not want.
MORE: dict[str, tuple[str, ...]] = {
    "X-Forwarded-Scheme": ("http",),
    "X-Forwarded-Port": ("1",),
    "X-Forwarded-Server": (ELSEWHERE,),
    "Forwarded": (f"host={ELSEWHERE}",),
    "Accept-Encoding": ("br", "identity;q=0"),
    "Sec-Fetch-Site": ("cross-site",),
    "X-Requested-With": ("XMLHttpRequest",),
    "Save-Data": ("on",),
    "Purpose": ("prefetch",),
}


@pytest.fixture
def kept(target: Target, monkeypatch: pytest.MonkeyPatch) -> Callable[[], SharedPages]:
    """Put an empty store of pages, each kept for ever, in front of the application."""
    plain = target.app.wsgi_app

    def empty() -> SharedPages:
        store = SharedPages(plain, 1_000.0, monotonic=lambda: 0.0)
        monkeypatch.setattr(target.app, "wsgi_app", store)
        return store

    return empty


def shared(target: Target, store: SharedPages) -> list[Asked]:
    """Every page that is kept, found by asking for each as a visitor."""
    found = []
    for rule in target.house.rules():
        if "GET" in (rule.methods or ()) and not getattr(target.app.view_functions[rule.endpoint], "access", None):
            before = len(store._pages)  # noqa: SLF001 - the only way to see what is kept
            asked = Asked("GET", path_of(rule, target.good(rule)))
            ask(target.app, asked)
            if len(store._pages) > before:  # noqa: SLF001 - as above
                found.append(asked)
    return found


def test_no_header_of_a_first_visitor_is_in_what_the_second_gets(
    target: Target, kept: Callable[[], SharedPages]
) -> None:
    pages = shared(target, kept())
    assert len(pages) >= 4
    wrong: dict[str, Any] = {}
    for page in pages:
        kept()
        honest = ask(target.app, page).get_data()
        for name, values in {**HEADERS, **MORE}.items():
            for value in values:
                kept()
                ask(target.app, replace(page, headers={name: value}))
                second = ask(target.app, page)
                if second.get_data() != honest or MARK in str(second.headers) or faults_of(second):
                    wrong[f"{page.path!r} after {name}: {value[:60]}"] = second.status_code

    assert wrong == {}


def test_every_query_has_a_page_of_its_own_and_what_is_in_it_is_shown_to_nobody_else(
    target: Target, kept: Callable[[], SharedPages]
) -> None:
    store = kept()
    for page in shared(target, store):
        honest = ask(target.app, page).get_data()
        for query in (f"q={MARK}", f"utm_source={MARK}", f"switch={MARK}", f"%71={MARK}", f";q={MARK}", "?", "&"):
            ask(target.app, replace(page, query=query.encode()))
        assert ask(target.app, page).get_data() == honest


def test_whoever_is_signed_in_leaves_no_page_behind(target: Target, kept: Callable[[], SharedPages]) -> None:
    pages = shared(target, kept())
    store = kept()
    for page in pages:
        for role, cookies in target.cookies.items():
            if cookies:
                ask(target.app, replace(page, role=role), cookies)

    assert not store._pages  # noqa: SLF001 - the only way to see what is kept


def drawn(target: Target, monkeypatch: pytest.MonkeyPatch) -> Kept[Any]:
    """An empty store of drawn pages, each kept for ever, for readers who carry a cookie."""
    store = Kept[Any](1_000.0, now=lambda: 0.0)
    monkeypatch.setitem(target.app.extensions, shared_pages._DRAWN, store)  # noqa: SLF001 - the house has none
    return store


def test_a_page_that_was_drawn_for_somebody_else_is_the_one_that_would_be_drawn_for_oneself(
    target: Target, kept: Callable[[], SharedPages], monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong: dict[str, Any] = {}
    found = 0
    for page in shared(target, kept()):
        alone = {role: target.ask(replace(page, role=role)).get_data() for role in target.cookies}
        for first in target.cookies:
            kept()
            store = drawn(target, monkeypatch)
            target.ask(replace(page, role=first))
            found += len(store)
            for second, honest in alone.items():
                if target.ask(replace(page, role=second)).get_data() != honest:
                    wrong[f"{page.path!r} of {first}"] = second
        for name, values in {**HEADERS, **MORE}.items():
            drawn(target, monkeypatch)
            target.ask(replace(page, role="buyer", headers={name: values[-1]}))
            if target.ask(replace(page, role="owner")).get_data() != alone["owner"]:
                wrong[f"{page.path!r} after {name}"] = "owner"
        monkeypatch.delitem(target.app.extensions, shared_pages._DRAWN)  # noqa: SLF001 - as above

    assert wrong == {}
    assert found >= 2 * len(target.cookies)
    assert len(set(alone.values())) > 1, "everybody's page is the same: nothing was compared"


def test_a_page_that_shows_a_header_and_is_kept_would_be_found(
    target: Target, kept: Callable[[], SharedPages], monkeypatch: pytest.MonkeyPatch
) -> None:
    def says_who_sent_me() -> str:
        may_be_shared()
        return request.headers.get("Referer", "nobody")

    monkeypatch.setitem(target.app.view_functions, "catalog.projects", says_who_sent_me)
    kept()
    page = Asked("GET", b"/en/")
    ask(target.app, replace(page, headers={"Referer": MARK}))

    assert ask(target.app, page).get_data(as_text=True) == MARK
