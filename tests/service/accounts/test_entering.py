"""Signing in: what is the same for everybody, what takes longer and longer, and where one is led."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from argon2 import PasswordHasher

from app.accounts.access import SESSION_KEY
from app.accounts.adapters import passwords
from app.accounts.destinations import own_path
from app.config import Settings
from app.db import db
from tests.conftest import AppMaker
from tests.pages import Page, Visitor
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
from tests.service.conftest import Shop


def refused(page: Page | str) -> str:
    assert isinstance(page, Page)
    return page.words


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(shop: Shop) -> None:
    joined(shop)
    known = refused(tries(shop.visitor(), "ana@example.org", "wrong"))

    assert known == refused(tries(shop.visitor(), "nobody@example.org", "wrong"))
    assert "do not belong together, or too many were tried" in known


def test_an_unknown_address_takes_the_same_work(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    joined(shop)
    asked: list[str] = []
    real = passwords.verify_password

    def watched(password: str, kept: str, settings: Settings) -> bool:
        asked.append(kept.split("$")[3])
        return real(password, kept, settings)

    monkeypatch.setattr(passwords, "verify_password", watched)
    tries(shop.visitor(), "ana@example.org", "wrong")
    tries(shop.visitor(), "nobody@example.org", "wrong")

    assert len(asked) == 2
    assert asked[0] == asked[1], "the hash for nobody has other parameters"


def test_after_five_wrong_passwords_the_right_one_waits_and_longer_each_time(shop: Shop) -> None:
    joined(shop)
    for _ in range(5):
        wrong = refused(tries(shop.visitor(), "ana@example.org", "wrong"))

    assert refused(tries(shop.visitor(), "ana@example.org", PASSWORD)) == wrong
    shop.clock.advance(timedelta(minutes=1))
    tries(shop.visitor(), "ana@example.org", "wrong")
    shop.clock.advance(timedelta(minutes=1))
    assert refused(tries(shop.visitor(), "ana@example.org", PASSWORD)) == wrong
    shop.clock.advance(timedelta(minutes=1))
    signed_in(shop)
    with shop.inside():
        assert person_of("ana@example.org").failed_sign_ins == 0


def test_the_wait_ends_after_an_hour_at_most(shop: Shop) -> None:
    joined(shop)
    with shop.inside():
        person_of("ana@example.org").failed_sign_ins = 500
        db.session.commit()
    tries(shop.visitor(), "ana@example.org", "wrong")
    shop.clock.advance(timedelta(hours=1))

    signed_in(shop)


def test_tries_of_one_network_address_are_limited(make_app: AppMaker) -> None:
    visitor = Visitor(make_app(LIMIT_SIGN_IN="2/minute").test_client())
    for _ in range(2):
        tries(visitor, "nobody@example.org", "wrong")

    page = visitor.get("/en/account/sign-in")
    visitor.send(page, "/sign-in", 429, email="nobody@example.org", password="wrong")


def test_the_second_factor_changes_the_token_and_the_old_one_opens_nothing(shop: Shop) -> None:
    secret, _codes = enrolled(shop, joined(shop))
    visitor = signed_in(shop)
    with visitor.client.session_transaction() as session:
        before = session[SESSION_KEY]

    visitor.send(visitor.get("/en/account/second-factor"), "/second-factor", code=code(shop, secret))

    visitor.get("/en/account")
    thief = shop.visitor()
    with thief.client.session_transaction() as session:
        session[SESSION_KEY] = before
    thief.get("/en/account", 303)


@pytest.mark.parametrize(
    "address",
    [
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https://evil.example/",
        "javascript:alert(1)",
        "/\t/evil.example",
        "evil",
        "/" + "a" * 600,
    ],
)
def test_a_sign_in_never_leads_elsewhere(address: str) -> None:
    assert own_path(address) == ""


def test_a_sign_in_leads_back_to_the_page_that_asked_for_it(shop: Shop) -> None:
    joined(shop)
    asked = shop.visitor().client.get("/en/account/security?x=1")
    assert asked.headers["Location"].endswith("/en/account/sign-in?next=/en/account/security?x%3D1")

    assert tries(shop.visitor(), "ana@example.org", PASSWORD, 303, next="/en/account/security?x=1") == (
        "/en/account/security?x=1"
    )
    assert tries(shop.visitor(), "ana@example.org", PASSWORD, 303, next="//evil.example") == "/en/account"
    visitor = shop.visitor()
    form = visitor.get("/en/account/sign-in")
    posted = visitor.send(form, "/sign-in", email="ana@example.org", password=PASSWORD, next="//evil.example")
    assert posted.headers["Location"] == "/en/account"


def test_who_is_signed_in_already_is_led_on(shop: Shop) -> None:
    assert joined(shop).client.get("/en/account/sign-in").headers["Location"] == "/en/account"


def test_signing_out_ends_the_sign_in_and_not_only_the_cookie(shop: Shop) -> None:
    visitor = joined(shop)
    with visitor.client.session_transaction() as session:
        token = session[SESSION_KEY]
    answer = visitor.send(visitor.get("/en/account/details"), "/sign-out")

    # The browser throws away what it kept of our pages; the basket's cookie stays.
    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
    visitor.get("/en/account", 303)
    thief = shop.visitor()
    with thief.client.session_transaction() as session:
        session[SESSION_KEY] = token
    thief.get("/en/account", 303)


def test_a_password_that_was_hashed_with_older_parameters_is_hashed_again(shop: Shop) -> None:
    joined(shop)
    older = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1).hash(PASSWORD)
    with shop.inside():
        person_of("ana@example.org").password_hash = older
        db.session.commit()

    signed_in(shop)

    with shop.inside():
        assert person_of("ana@example.org").password_hash != older
    signed_in(shop)


def test_passwords_are_hashed_with_strong_parameters_outside_of_tests(make_app: AppMaker) -> None:
    settings: Settings = make_app(ENVIRONMENT="development").extensions["tonne.settings"]
    kept = passwords.hash_password(PASSWORD, settings)

    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert passwords.verify_password(PASSWORD, kept, settings)
    assert not passwords.verify_password(PASSWORD, "no hash", settings)


def test_the_cookie_is_for_this_site_only_and_not_for_scripts(shop: Shop) -> None:
    joined(shop)
    visitor = shop.visitor()
    page = visitor.get("/en/account/sign-in")
    answer = visitor.send(page, "/sign-in", email="ana@example.org", password=PASSWORD)

    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_pages_without_a_form_set_no_cookie_and_only_passkey_pages_may_ask_for_passkeys(shop: Shop) -> None:
    client = shop.visitor().client

    assert "Set-Cookie" not in client.get("/en/account/mail-sent").headers
    assert "publickey-credentials-get=()" in client.get("/en/account/mail-sent").headers["Permissions-Policy"]
    allowed = client.get("/en/account/sign-in").headers["Permissions-Policy"]
    assert "publickey-credentials-get=(self)" in allowed
    assert "publickey-credentials-create=(self)" in allowed


def test_bad_input_is_refused_and_never_breaks_the_page(shop: Shop) -> None:
    visitor = joined(shop)
    bad: list[tuple[str, dict[str, Any]]] = [
        ("/en/account/sign-in", {"email": "a\x00b@example.org", "password": "\x00" * 20, "next": "\x00"}),
        ("/en/account/details", {"name": "x" * 5_000, "locale": "xx"}),
        ("/en/account/security/password", {"present": "\x00", "password": "x" * 1_001}),
        ("/en/account/organisations", {"name": "\x00"}),
        ("/en/account/second-factor", {"code": "\x00" * 50, "secret": "x" * 1_000}),
    ]
    for address, fields in bad:
        page = visitor if "sign-in" not in address else shop.visitor()
        form = page.get(address)
        page.send(form, address.removeprefix("/en"), 422, fields=fields)
    for address in ("/account/security/passkeys/999999999/remove", "/account/security/passkeys/99999999999999/remove"):
        visitor.get(f"/en{address}", 404)


def test_a_new_password_needs_the_present_one_and_ends_other_browsers(shop: Shop) -> None:
    visitor, other = joined(shop), signed_in(shop)
    form = visitor.get("/en/account/security/password")
    page = visitor.read(
        visitor.send(form, "/password", 422, present="wrong", password="seven green bicycles sing"), 422
    )
    assert "not your present password" in page.error_at("present")
    page = visitor.read(visitor.send(page, "/password", 422, present=PASSWORD, password="short"), 422)
    assert page.error_at("password")

    visitor.send(page, "/password", present=PASSWORD, password="seven green bicycles sing")

    visitor.get("/en/account")
    other.get("/en/account", 303)
    assert "Your password was changed" in mails_to(shop, "ana@example.org")[-1]


def test_guessing_the_present_password_locks_too(shop: Shop) -> None:
    visitor = joined(shop)
    form = visitor.get("/en/account/security/password")
    for _ in range(5):
        visitor.send(form, "/password", 422, present="wrong", password="seven green bicycles sing")

    visitor.send(form, "/password", 422, present=PASSWORD, password="seven green bicycles sing")


def test_a_new_address_counts_once_its_link_is_opened_and_the_old_one_is_told(shop: Shop) -> None:
    visitor = joined(shop)
    form = visitor.get("/en/account/details/email")
    visitor.send(form, "/email", email="New@example.org")
    link = link_in_last(shop, "new@example.org")
    joined(shop, "other@example.org").get(link, 410)
    assert "new@example.org" in visitor.get(link).words
    with shop.inside():
        person_of("ana@example.org")

    visitor.send(visitor.get(link), link)

    with shop.inside():
        person_of("new@example.org")
    assert "another e-mail address" in mails_to(shop, "ana@example.org")[-1]
    visitor.get(link, 410)
    signed_in(shop, "new@example.org")


def test_an_address_of_somebody_else_is_not_taken_and_its_owner_is_told(shop: Shop) -> None:
    visitor = joined(shop)
    visitor.send(visitor.get("/en/account/details/email"), "/email", email="bo@example.org")
    link = link_in_last(shop, "bo@example.org")
    joined(shop, "bo@example.org")

    visitor.send(visitor.get(link), link, 410)
    before = len(mails_to(shop, "bo@example.org"))
    visitor.send(visitor.get("/en/account/details/email"), "/email", email="bo@example.org")
    assert "You have an account already" in mails_to(shop, "bo@example.org")[before]


def test_name_and_language_of_mails_are_kept(shop: Shop) -> None:
    visitor = joined(shop)
    visitor.send(visitor.get("/en/account/details"), "/details", name="Ana Lima", locale="es")
    visitor.send(visitor.get("/en/account/details"), "/details", name="Ana Lima", locale="es")

    assert visitor.get("/en/account/details").by_id["name"]["value"] == "Ana Lima"
    with shop.inside():
        assert person_of("ana@example.org").locale == "es"


def link_in_last(shop: Shop, address: str) -> str:
    return link_in(mails_to(shop, address)[-1], "email")
