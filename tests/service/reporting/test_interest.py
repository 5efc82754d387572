"""Views and baskets: every person's look counts once, machines and own people do not, and no page pays for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import event, select

from app.db import db
from app.kernel.clock import FixedClock
from app.offers.models import OfferInterest
from app.reporting.interest import Interest
from tests import builders
from tests.conftest import AppMaker
from tests.pages import Visitor
from tests.service.conftest import Shop, with_fakes
from tests.service.reporting.participants import signed_in, two_participants

PERSON = {
    "Accept-Language": "fr",
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
}


def interest_of(app: Flask) -> Interest:
    found: Interest = app.extensions["tonne.interest"]
    return found


@pytest.fixture(autouse=True)
def nothing_is_left(app: Flask) -> Iterator[None]:
    yield
    interest_of(app).write()


def counted(shop: Shop) -> dict[int, tuple[int, int]]:
    """Views and baskets by offer, after the numbers were written."""
    interest_of(shop.app).write()
    with shop.inside():
        rows = db.session.scalars(select(OfferInterest)).all()
        return {row.offer_id: (row.views, row.baskets) for row in rows}


def look(shop: Shop, reference: str = "IN-1", **headers: str) -> int:
    """Somebody opens a project's page; gives the status."""
    given = PERSON | {name.replace("_", "-"): value for name, value in headers.items()}
    return shop.app.test_client().get(f"/en/projects/{reference}", headers=given).status_code


def test_every_look_of_a_person_counts_once_for_each_visible_offer(shop: Shop) -> None:
    first, second = shop.offer(number=1), shop.offer(number=2)

    assert [look(shop), look(shop), look(shop, "IN-2")] == [200, 200, 200]
    assert look(shop, "IN-9") == 404
    assert look(shop, "in-1") == 301
    shop.app.test_client().get("/en/projects/IN-1/prices.csv", headers=PERSON)
    shop.app.test_client().head("/en/projects/IN-1", headers=PERSON)

    assert counted(shop) == {first: (2, 0), second: (1, 0)}
    look(shop)
    assert counted(shop) == {first: (3, 0), second: (1, 0)}


@pytest.mark.parametrize(
    "headers",
    [
        {"Accept_Language": ""},
        {"User_Agent": ""},
        {"User_Agent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"},
        {"User_Agent": "curl/8.5.0"},
        {"User_Agent": "Mozilla/5.0 HeadlessChrome/141.0"},
        {"Sec_Purpose": "prefetch;prerender"},
    ],
)
def test_machines_do_not_count(shop: Shop, headers: dict[str, str]) -> None:
    shop.offer()

    assert look(shop, **headers) == 200

    assert counted(shop) == {}


def test_pages_answered_from_memory_are_counted_too(make_app: AppMaker, clock: FixedClock) -> None:
    shop = with_fakes(make_app(PAGE_CACHE_MILLISECONDS="900"), clock)
    offer = shop.offer()
    look(shop)
    statements: list[str] = []
    with shop.app.app_context():
        engine = db.engine

    def note(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    for _look in range(20):
        look(shop)
    event.remove(engine, "before_cursor_execute", note)

    # However slow the machine is: most came from memory, and none wrote anything.
    assert not [statement for statement in statements if "offer_interest" in statement]
    assert counted(shop) == {offer: (21, 0)}


def test_members_of_the_own_organisation_do_not_count_and_others_do(shop: Shop) -> None:
    offers = two_participants(shop)
    for who in ("owner@salkhit.example", "owner@stoves.example"):
        for reference in ("IN-1", "IN-3"):
            signed_in(shop, who).client.get(f"/en/projects/{reference}", headers=PERSON)

    assert counted(shop) == {offers.ours: (1, 0), offers.theirs: (1, 0)}


def test_units_put_into_a_basket_count_and_refused_ones_do_not(shop: Shop) -> None:
    offers = two_participants(shop)

    def put(visitor: Visitor, offer_id: object, units: str = "3") -> None:
        form = {"offer_id": str(offer_id), "units": units}
        visitor.client.post("/en/basket/add", data=form, headers=PERSON)

    put(shop.visitor(), offers.ours)
    put(shop.visitor(), offers.ours, "0")
    put(shop.visitor(), offers.ours, "99999999")
    put(shop.visitor(), 999_999)
    put(shop.visitor(), "nonsense")
    put(signed_in(shop), offers.ours)
    put(signed_in(shop), offers.theirs)
    shop.visitor().client.post("/en/basket/add", data={"offer_id": str(offers.ours), "units": "1"})

    assert counted(shop) == {offers.ours: (0, 1), offers.theirs: (0, 1)}


def test_no_cookie_is_set_for_counting(shop: Shop) -> None:
    shop.offer()

    answer = shop.app.test_client().get("/en/projects/IN-1", headers=PERSON)

    assert "Set-Cookie" not in answer.headers


def test_days_are_counted_apart(shop: Shop) -> None:
    offer = shop.offer()
    look(shop)
    with shop.inside() as world:
        builders.pass_time(world, days=1)
    look(shop)
    interest_of(shop.app).write()

    with shop.inside():
        found = [(row.on.isoformat(), row.views) for row in db.session.scalars(select(OfferInterest))]

    assert sorted(found) == [("2026-11-22", 1), ("2026-11-23", 1)]
    assert offer


def test_numbers_wait_in_memory_until_a_minute_is_over(shop: Shop) -> None:
    shop.offer()
    look(shop)
    interest = interest_of(shop.app)
    timer = interest._timer  # noqa: SLF001 - what runs when the minute is over
    look(shop)

    assert timer is not None
    assert (timer.interval, timer.daemon, interest._timer) == (60.0, True, timer)  # noqa: SLF001 - there is no other way to see it
    with shop.inside():
        assert db.session.scalars(select(OfferInterest)).all() == []
    timer.function()
    with shop.inside():
        assert [row.views for row in db.session.scalars(select(OfferInterest))] == [2]
    assert interest.write() == 0


def test_a_database_that_is_away_breaks_no_page_and_loses_no_view(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    offer = shop.offer()
    assert look(shop) == 200

    def broken(_counts: object) -> int:
        raise OSError("the disk is away")

    with monkeypatch.context() as patched:
        patched.setattr("app.reporting.interest._store", broken)
        assert interest_of(shop.app).write() == 0
        assert look(shop) == 200
    assert "interest not written" in capsys.readouterr().err

    assert counted(shop) == {offer: (2, 0)}


def test_a_fault_in_counting_is_logged_and_the_page_is_shown(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    offer = shop.offer()

    def broken(*_given: object) -> None:
        raise RuntimeError("out of order")

    with monkeypatch.context() as patched:
        patched.setattr(Interest, "_add", broken)
        assert look(shop) == 200
        form = {"offer_id": str(offer), "units": "3"}
        assert shop.app.test_client().post("/en/basket/add", data=form, headers=PERSON).status_code == 303

    said = capsys.readouterr().err
    assert "view not counted" in said
    assert "interest not counted" in said
    assert counted(shop) == {}


def test_too_many_numbers_are_given_up_rather_than_kept_for_ever(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.offer()
    look(shop)

    def broken(_counts: object) -> int:
        raise OSError("the disk is away")

    with monkeypatch.context() as patched:
        patched.setattr("app.reporting.interest._store", broken)
        patched.setattr("app.reporting.interest.MOST_KEYS", 0)
        interest_of(shop.app).write()

    assert counted(shop) == {}
