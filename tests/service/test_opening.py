"""A web server shows the list at once and loads the other rooms meanwhile; nobody can tell which of the two answers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from flask import Flask
from werkzeug.test import Client, TestResponse

from app.front import make_front
from app.opening import AT_THE_FRONT, LINKS, Opening
from tests.conftest import ROOT
from tests.people import a_person, an_operator, an_organisation, sign_in_as
from tests.service.conftest import Shop
from tests.sharing import COMPILED_TEMPLATES

NEVER = 3600.0  # seconds
A_MOMENT = 20.0  # seconds that a test waits at most

# A web server whose other rooms are not loaded before somebody says so; prints what it has loaded for the list.
LOADED_FOR_THE_LIST = """
import sys
from threading import Event
from app import opening
make_whole_at = Event()
wait, opening.Opening.whole = opening.Opening.whole, lambda self: make_whole_at.wait()
import wsgi
from werkzeug.test import Client
assert Client(wsgi.app).get("/en/").status_code == 200
print(*sorted(name for name in sys.modules if name.startswith("app.")))
"""

# Eight visitors at once while everything is loaded: some on the list, some beyond it, two with a basket.
EIGHT_AT_ONCE = """
from concurrent.futures import ThreadPoolExecutor
import wsgi
from werkzeug.test import Client

def visit(number):
    client = Client(wsgi.app)
    if number % 4 == 0:
        client.set_cookie("basket_5000", "a-basket-that-nobody-has")
    client.get("/en/")
    first = "/en/" if number % 2 else ["/en/verify", "/en/basket", "/en/register", "/en/account/sign-in"][number // 2]
    return {client.get(path).status_code for _ in range(4) for path in ("/fr/", "/en/?q=wind", first)}

with ThreadPoolExecutor(8) as pool:
    print(*set().union(*pool.map(visit, range(8))))
print(wsgi.app.whole() is wsgi.app.whole())
"""

# What else the whole house has loaded.
LOADED_BY_ALL = """
import sys
import wsgi
wsgi.app.whole()
print(*(name for name, module in sys.modules.items() if module is not None))
"""

# What a query of the front does at any moment of the loading: configure the tables that are mapped so far.
CONFIGURED_AT_EVERY_MOMENT = """
from sqlalchemy import event
from sqlalchemy.orm import Mapper, configure_mappers

@event.listens_for(Mapper, "after_mapper_constructed")
def configure(mapper, _class):
    configure_mappers()

import app.models
from app.kernel.columns import Base
print(len(Base.registry.mappers))
"""


@pytest.fixture
def front(app: Flask) -> Flask:
    """The front of a house, over the same database as the whole of it."""
    front = make_front(app.extensions["tonne.settings"], app.extensions["tonne.clock"], keeps_connections=False)
    front.testing = True
    front.jinja_env.bytecode_cache = COMPILED_TEMPLATES
    return front


@pytest.fixture
def open_with() -> Iterator[Callable[..., Opening]]:
    """Open with a front and a house, which is there when `ready` is set."""
    events: list[Event] = []

    def open_with(
        front: Flask,
        house: Flask,
        ready: Event | None = None,
        seconds_alone: float = NEVER,
        when_open: Callable[[], object] = bool,
    ) -> Opening:
        events.extend([ready] if ready else [])

        def make() -> Flask:
            if ready is not None:
                ready.wait(A_MOMENT)
            return house

        return Opening(front, make, when_open, seconds_alone)

    yield open_with
    for event in events:
        event.set()


def in_a_fresh_process(program: str, shop: Shop, db_url: str) -> list[str]:
    """What a program prints in a process that has loaded nothing yet."""
    settings = shop.app.extensions["tonne.settings"]
    environment = {
        "PATH": os.environ["PATH"],
        "ENVIRONMENT": "development",
        "INSTANCE_PATH": str(settings.instance_path),
        "DATABASE_URL": db_url,
        "SECRET_KEY": settings.secret_key,
        "TESTPAY_SECRET": settings.secret_key[::-1],
        "PUBLIC_BASE_URL": "http://localhost:5000",
        "LOG_LEVEL": "ERROR",
    }
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        check=False,
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


def told(answer: TestResponse) -> tuple[int, bytes, list[tuple[str, str]]]:
    """An answer without what names this one request."""
    own = {"X-Request-ID", "Date"}
    return answer.status_code, answer.data, sorted((n, v) for n, v in answer.headers if n not in own)


def until(is_so: Callable[[], object]) -> None:
    """Wait for what another thread does."""
    ends_at = time.monotonic() + A_MOMENT
    while not is_so():
        assert time.monotonic() < ends_at
        time.sleep(0.01)


@pytest.mark.parametrize("db_url", ["sqlite"], indirect=True)
def test_the_list_is_shown_before_any_other_room_is_loaded(shop: Shop, db_url: str) -> None:
    loaded = in_a_fresh_process(LOADED_FOR_THE_LIST, shop, db_url)

    rooms = {name.split(".")[1] for name in loaded}
    assert rooms <= {
        "accounts", "audit", "catalog", "checkout", "config", "current", "db", "dialects", "front", "kernel", "offers",
        "opening", "version", "web",
    }  # fmt: skip
    assert not {"app.checkout.models", "app.offers.queries", "app.accounts.views", "app.accounts.service"} & {*loaded}


@pytest.mark.parametrize("db_url", ["sqlite"], indirect=True)
def test_eight_visitors_at_once_are_all_answered_while_the_rooms_are_loaded(shop: Shop, db_url: str) -> None:
    shop.offer()
    assert in_a_fresh_process(EIGHT_AT_ONCE, shop, db_url) == ["200", "True"]


def test_a_web_server_has_no_other_driver_and_holds_nothing_for_what_nobody_asked_for(shop: Shop, db_url: str) -> None:
    own, other = ("sqlite3", "psycopg") if db_url.startswith("sqlite") else ("psycopg", "sqlite3")
    loaded = set(in_a_fresh_process(LOADED_BY_ALL, shop, db_url))
    assert own in loaded
    # QR codes, and lists of names in XML.
    assert loaded.isdisjoint({other, "segno", "xml.etree.ElementTree"})


@pytest.mark.parametrize("db_url", ["sqlite"], indirect=True)
def test_a_query_at_any_moment_of_the_loading_finds_tables_that_are_complete(shop: Shop, db_url: str) -> None:
    (mapped,) = in_a_fresh_process(CONFIGURED_AT_EVERY_MOMENT, shop, db_url)
    assert int(mapped) > 80


@pytest.mark.parametrize("who", ["guest", "guest with a basket", "seller", "operator"])
def test_front_and_house_say_the_same_to_everybody(
    shop: Shop, front: Flask, open_with: Callable[..., Opening], who: str
) -> None:
    offer_id, visitor = shop.offer(), shop.visitor()
    browser = visitor.client
    if who == "guest with a basket":
        shop.fill_basket(visitor, {offer_id: 27})
    with shop.inside():
        if who == "seller":
            ana = a_person("ana@salkhit.example")
            an_organisation(owner=ana)
            browser = sign_in_as(shop.app, ana)
        elif who == "operator":
            browser = sign_in_as(shop.app, an_operator())
    opening = open_with(front, Flask("a house that has no page"), Event())

    for path in (
        "/en/", "/fr/", "/es/", "/en/?switch=en", "/en/?q=wind", "/en/?q=nothing+has+this", "/en/?price_to=x",
        "/en/?page=7", "/xx/", "/static/css/tonne.css", "/static/none",
    ):  # fmt: skip
        asked = browser.get(path, buffered=True)
        cookies = {"Cookie": asked.request.headers.get("Cookie", "")}
        again = Client(opening, use_cookies=False).get(
            path, base_url=asked.request.root_url, headers=cookies, buffered=True
        )
        assert told(again) == told(asked), path


def test_the_front_links_to_where_the_rooms_are(app: Flask) -> None:
    for endpoint, rule in LINKS.items():
        assert rule in {one.rule for one in app.url_map.iter_rules(endpoint)}, endpoint
    assert set(app.view_functions) >= AT_THE_FRONT


def test_whoever_goes_further_than_the_list_waits_for_the_house_which_is_made_once(
    app: Flask, front: Flask, open_with: Callable[..., Opening]
) -> None:
    ready = Event()
    opening = open_with(front, app, ready)

    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(Client(opening).get, "/en/verify") for _ in range(7)]
        posted = pool.submit(Client(opening).post, "/en/", base_url="http://127.0.0.1:5000")
        assert Client(opening).get("/en/").status_code == 200
        assert not any(answer.done() for answer in waiting)
        ready.set()
        assert {answer.result().status_code for answer in waiting} == {200}
        assert posted.result().status_code == 405
    assert opening.whole() is app


def test_after_the_first_answer_the_house_is_made_and_takes_over_the_list(
    app: Flask, front: Flask, open_with: Callable[..., Opening]
) -> None:
    house = Flask("house")
    house.add_url_rule("/en/", view_func=lambda: "the house")
    opening = open_with(front, house)
    assert b"</html>" in Client(opening).get("/en/", buffered=True).data

    until(lambda: Client(opening).get("/en/", buffered=True).data == b"the house")


def test_where_nobody_asks_the_house_is_made_all_the_same(
    app: Flask, front: Flask, open_with: Callable[..., Opening]
) -> None:
    opened = Event()
    opening = open_with(front, app, seconds_alone=0.01, when_open=opened.set)
    assert opened.wait(A_MOMENT)
    assert opening.whole() is app


def test_a_house_that_cannot_be_made_ends_the_process_and_says_why(
    front: Flask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    killed: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda *arguments: killed.append(arguments))

    def fail() -> Flask:
        raise ValueError("LEGAL_TEXTS is no directory")

    opening = Opening(front, fail, pytest.fail, seconds_alone=0.01)
    with pytest.raises(ValueError, match="LEGAL_TEXTS"):
        Client(opening).get("/en/verify")

    until(lambda: killed)
    assert killed == [(os.getpid(), signal.SIGTERM)]
    assert "the rooms behind the list cannot be opened: LEGAL_TEXTS is no directory" in caplog.messages
