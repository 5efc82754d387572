"""Guessing is slowed down, and nobody who belongs here is locked out by whoever guesses."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.accounts.models import SignIn
from app.accounts.service.sessions import KNOWN_FOR
from app.db import db
from app.kernel.clock import FixedClock
from tests.conftest import AppMaker
from tests.pages import Visitor
from tests.service.accounts.entering import (
    PASSWORD,
    code,
    enrolled,
    joined,
    link_in,
    mails_to,
    person_of,
    signed_in,
    tries,
)
from tests.service.conftest import Shop, with_fakes

ADDRESS = "ana@example.org"
NEW_PASSWORD = "seven green bicycles sing"


def attack(shop: Shop, times: int = 5) -> None:
    """Somebody who knows the address and nothing else guesses until the street is locked."""
    for _ in range(times):
        tries(shop.visitor(), ADDRESS, "wrong")
    tries(shop.visitor(), ADDRESS, PASSWORD)


def leave(visitor: Visitor) -> Visitor:
    visitor.send(visitor.get("/en/account/details"), "/sign-out")
    return visitor


def test_a_browser_that_was_signed_in_before_is_let_in_while_a_stranger_guesses(shop: Shop) -> None:
    own = leave(joined(shop))
    attack(shop)

    tries(own, ADDRESS, PASSWORD, 303)

    own.get("/en/account")


def test_with_a_second_factor_both_halves_work_while_a_stranger_guesses(shop: Shop) -> None:
    own = joined(shop)
    secret, _codes = enrolled(shop, own)
    leave(own)
    attack(shop)

    tries(own, ADDRESS, PASSWORD, 303)
    own.send(own.get("/en/account/second-factor"), "/second-factor", code=code(shop, secret))

    own.get("/en/account")


def test_a_new_browser_is_let_in_by_mail_while_a_stranger_guesses_and_then_shows_its_code(shop: Shop) -> None:
    secret, _codes = enrolled(shop, joined(shop))
    attack(shop)
    own = shop.visitor()
    own.send(own.get("/en/account/recover"), "/recover", email=ADDRESS)
    link = link_in(mails_to(shop, ADDRESS)[-1], "recover")
    own.send(own.get(link), link, password=NEW_PASSWORD)
    attack(shop)

    own.send(own.get("/en/account/second-factor"), "/second-factor", code=code(shop, secret))

    own.get("/en/account")


def test_links_that_a_stranger_asks_for_do_not_keep_the_owner_from_one(shop: Shop) -> None:
    joined(shop)
    stranger = shop.visitor()
    for _ in range(6):
        stranger.send(stranger.get("/en/account/recover"), "/recover", email=ADDRESS)
    shop.clock.advance(timedelta(minutes=59))

    own = shop.visitor()
    link = link_in(mails_to(shop, ADDRESS)[-1], "recover")
    own.send(own.get(link), link, password=NEW_PASSWORD)

    own.get("/en/account")


def test_whoever_is_signed_in_changes_the_password_while_a_stranger_guesses(shop: Shop) -> None:
    own = joined(shop)
    attack(shop)

    own.send(own.get("/en/account/security/password"), "/password", present=PASSWORD, password=NEW_PASSWORD)


def test_a_known_browser_may_not_guess_for_ever_either(shop: Shop) -> None:
    own = leave(joined(shop))
    for _ in range(5):
        tries(own, ADDRESS, "wrong")

    tries(own, ADDRESS, PASSWORD)
    # The street is open all the same: the two count apart.
    signed_in(shop)
    tries(own, ADDRESS, PASSWORD, 303)


def test_a_browser_is_known_for_its_own_person_only(shop: Shop) -> None:
    eve = leave(joined(shop, "eve@example.org", "Eve"))
    joined(shop)
    attack(shop)

    tries(eve, ADDRESS, PASSWORD)


def test_a_right_password_alone_does_not_make_a_browser_known(shop: Shop) -> None:
    enrolled(shop, joined(shop))
    half = signed_in(shop)
    half.send(half.get("/en/account/second-factor"), "/sign-out")
    attack(shop)

    tries(half, ADDRESS, PASSWORD)


@pytest.mark.parametrize("way", ["recovered", "changed", "signed out by name", "all others signed out", "old"])
def test_a_browser_in_other_hands_is_forgotten(shop: Shop, way: str) -> None:
    lost, own = joined(shop), signed_in(shop)
    password = PASSWORD
    if way == "recovered":
        own.send(own.get("/en/account/recover"), "/recover", email=ADDRESS)
        link = link_in(mails_to(shop, ADDRESS)[-1], "recover")
        own.send(own.get(link), link, password=NEW_PASSWORD)
        password = NEW_PASSWORD
    elif way == "changed":
        own.send(own.get("/en/account/security/password"), "/password", present=PASSWORD, password=NEW_PASSWORD)
        password = NEW_PASSWORD
    elif way == "signed out by name":
        with shop.inside():
            first = db.session.scalars(select(SignIn.id).order_by(SignIn.id)).first()
        own.send(own.get("/en/account/security"), f"/browsers/{first}/end")
    elif way == "all others signed out":
        own.send(own.get("/en/account/security"), "/end-others")
    else:
        shop.clock.advance(KNOWN_FOR)
    for _ in range(5):
        tries(shop.visitor(), ADDRESS, "wrong")

    tries(lost, ADDRESS, password)


def test_what_a_browser_keeps_opens_nothing_and_is_no_script_s(shop: Shop) -> None:
    own = leave(joined(shop))
    own.get("/en/account", 303)
    cookie = own.client.get_cookie("known_5000")

    assert cookie is not None
    assert cookie.http_only
    assert cookie.max_age == int(KNOWN_FOR.total_seconds())
    with shop.inside():
        assert cookie.value not in db.session.scalars(select(SignIn.known_hash)).all()


def test_on_https_the_cookie_belongs_to_this_host_alone(make_app: AppMaker, clock: FixedClock) -> None:
    shop = with_fakes(make_app(PUBLIC_BASE_URL="https://tonne.example"), clock)
    visitor = shop.visitor()
    visitor.client.environ_base.update({"wsgi.url_scheme": "https", "HTTP_HOST": "tonne.example"})
    visitor.send(visitor.get("/en/account/join"), "/account/join", email=ADDRESS)
    link = link_in(mails_to(shop, ADDRESS)[-1], "join")
    answer = visitor.send(visitor.get(link), link, name="Ana", password=PASSWORD)

    known = next(text for text in answer.headers.getlist("Set-Cookie") if text.startswith("__Host-known="))
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(known.split("; "))


def test_a_new_password_by_mail_opens_both_locks(shop: Shop) -> None:
    own = joined(shop)
    form = own.get("/en/account/security/password")
    for _ in range(5):
        own.send(form, "/password", 422, present="wrong", password=NEW_PASSWORD)
    attack(shop)
    own.send(own.get("/en/account/recover"), "/recover", email=ADDRESS)
    link = link_in(mails_to(shop, ADDRESS)[-1], "recover")
    own.send(own.get(link), link, password=NEW_PASSWORD)

    with shop.inside():
        person = person_of(ADDRESS)
        assert (person.failed_sign_ins, person.failed_proofs) == (0, 0)
        assert (person.locked_until, person.proofs_locked_until) == (None, None)
    signed_in(shop, password=NEW_PASSWORD)
