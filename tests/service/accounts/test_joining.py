"""Making an account and getting back into one: the mailbox decides, and nobody else learns anything."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from sqlalchemy import select

from app.accounts.models import Person, SignIn
from app.accounts.service.suspension import reinstate, suspend
from app.audit.models import Act
from app.audit.service import Actor
from app.db import db
from app.notifications.models import Mail
from tests.conftest import AppMaker
from tests.pages import Page, Visitor
from tests.service.accounts.entering import PASSWORD, joined, link_in, mails_to, person_of, signed_in, tries
from tests.service.conftest import Shop


def answer_to(shop: Shop, page: str, address: str) -> tuple[int, str, str]:
    visitor = shop.visitor()
    response = visitor.send(visitor.get(f"/en/account/{page}"), f"/account/{page}", email=address)
    return response.status_code, response.headers["Location"], visitor.get(response.headers["Location"]).words


@pytest.mark.parametrize("page", ["join", "recover"])
def test_nobody_learns_from_the_answer_whether_an_address_has_an_account(shop: Shop, page: str) -> None:
    joined(shop)

    assert answer_to(shop, page, "ana@example.org") == answer_to(shop, page, "nobody@example.org")


def test_an_address_that_has_an_account_is_told_so_in_its_mailbox(shop: Shop) -> None:
    joined(shop)

    answer_to(shop, "join", "Ana@Example.org")

    mail = mails_to(shop, "ana@example.org")[-1]
    assert "You have an account already" in mail
    assert "/account/sign-in" in mail
    assert "/account/recover" in mail
    assert "/join/" not in mail


def test_a_mailed_link_makes_an_account_once_and_signs_in(shop: Shop) -> None:
    visitor = joined(shop)

    assert visitor.get("/en/account").texts["orders-title"] == "Your orders"
    with shop.inside():
        person = person_of("ana@example.org")
        assert person.verified_at == shop.clock.now()
        assert person.password_hash is not None
        assert person.password_hash.startswith("$argon2id$")
        assert db.session.scalars(select(Act.what)).all() == ["account_made"]
    link = link_in(mails_to(shop, "ana@example.org")[0], "join")
    assert "no longer works" in shop.visitor().get(link, 410).words


def test_a_link_of_yesterday_does_not_work(shop: Shop) -> None:
    answer_to(shop, "join", "late@example.org")
    link = link_in(mails_to(shop, "late@example.org")[0], "join")
    visitor = shop.visitor()
    page = visitor.get(link)
    shop.clock.advance(timedelta(hours=24))

    shop.visitor().get(link, 410)
    visitor.send(page, link, 410, name="Late", password=PASSWORD)


def test_two_links_to_one_address_make_one_account(shop: Shop) -> None:
    for _ in range(2):
        answer_to(shop, "join", "twice@example.org")
    first, second = (link_in(text, "join") for text in mails_to(shop, "twice@example.org"))
    visitor, other = shop.visitor(), shop.visitor()
    visitor.send(visitor.get(first), first, name="One", password=PASSWORD)

    page = other.read(other.send(other.get(second), second, 410, name="Two", password=PASSWORD), 410)

    assert "There is an account already" in page.words


def test_nobody_has_a_mailbox_filled_by_asking_again_and_again(shop: Shop) -> None:
    for _ in range(7):
        answer_to(shop, "join", "full@example.org")

    assert len(mails_to(shop, "full@example.org")) == 4


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("k7#Qz9!", "at least 10 characters"),
        ("x" * 201, "at most 200"),
        ("anamaria1990", "your name or address"),
        ("password1234", "common words"),
        ("aaaaaaaaaaaaaaaa", "follows a pattern"),
    ],
)
def test_a_password_that_is_easy_to_guess_is_refused_with_the_reason(shop: Shop, password: str, reason: str) -> None:
    answer_to(shop, "join", "anamaria@example.org")
    link = link_in(mails_to(shop, "anamaria@example.org")[0], "join")
    visitor = shop.visitor()

    page = visitor.read(visitor.send(visitor.get(link), link, 422, name="Ana Maria", password=password), 422)

    assert reason in page.error_at("password")
    assert page.by_id["name"]["value"] == "Ana Maria"
    assert password not in page.html


def test_the_reason_is_told_in_the_readers_language(shop: Shop) -> None:
    answer_to(shop, "join", "ana@example.org")
    link = link_in(mails_to(shop, "ana@example.org")[0], "join").replace("/en/", "/fr/")
    visitor = shop.visitor()

    page = visitor.read(visitor.send(visitor.get(link), link, 422, name="Ana", password="short"), 422)

    assert "10 caractères" in page.html


def test_a_forgotten_password_is_replaced_and_every_other_browser_is_signed_out(shop: Shop) -> None:
    elsewhere = joined(shop)
    answer_to(shop, "recover", "ana@example.org")
    link = link_in(mails_to(shop, "ana@example.org")[-1], "recover")
    visitor = shop.visitor()

    page = visitor.read(visitor.send(visitor.get(link), link, 422, password="short"), 422)
    assert page.error_at("password")
    visitor.send(page, link, password="seven green bicycles sing")

    visitor.get("/en/account")
    elsewhere.get("/en/account", 303)
    assert "Your password was changed" in mails_to(shop, "ana@example.org")[-1]
    assert "do not belong together" in str(tries(shop.visitor(), "ana@example.org", PASSWORD).html)  # type: ignore[union-attr]  # a page of words
    signed_in(shop, password="seven green bicycles sing")
    shop.visitor().get(link, 410)


def test_a_recovery_link_works_for_one_hour(shop: Shop) -> None:
    joined(shop)
    answer_to(shop, "recover", "ana@example.org")
    link = link_in(mails_to(shop, "ana@example.org")[-1], "recover")
    visitor = shop.visitor()
    page = visitor.get(link)
    shop.clock.advance(timedelta(hours=1))

    visitor.send(page, link, 410, password="seven green bicycles sing")


def test_a_link_opens_only_what_it_was_mailed_for(shop: Shop) -> None:
    answer_to(shop, "join", "ana@example.org")
    link = link_in(mails_to(shop, "ana@example.org")[0], "join")

    shop.visitor().get(link.replace("/join/", "/recover/"), 410)


def test_a_link_that_was_mailed_before_a_suspension_is_no_way_back_either(shop: Shop) -> None:
    joined(shop)
    answer_to(shop, "recover", "ana@example.org")
    link = link_in(mails_to(shop, "ana@example.org")[-1], "recover")
    visitor = shop.visitor()
    page = visitor.get(link)
    with shop.inside():
        ana = db.session.scalars(select(Person.id).where(Person.email == "ana@example.org")).one()
        suspend(ana, Actor(None, "Eva"), reason="Taken over.", now=shop.clock.now())

    visitor.send(page, link, 410, password="seven green bicycles sing")
    with shop.inside():
        reinstate(ana, Actor(None, "Eva"), reason="Hers again.", now=shop.clock.now())
    signed_in(shop)


def test_who_is_suspended_gets_no_way_back(shop: Shop) -> None:
    joined(shop)
    with shop.inside():
        person_of("ana@example.org").suspended_at = shop.clock.now()
        db.session.commit()
    before = len(mails_to(shop, "ana@example.org"))

    answer_to(shop, "recover", "ana@example.org")

    assert len(mails_to(shop, "ana@example.org")) == before
    tries(shop.visitor(), "ana@example.org", PASSWORD)


def test_an_address_must_look_like_one(shop: Shop) -> None:
    visitor = shop.visitor()
    for page in ("join", "recover"):
        answer = visitor.send(visitor.get(f"/en/account/{page}"), f"/account/{page}", 422, email="nobody")
        assert "name@example.org" in Page(answer.get_data(as_text=True)).error_at("email")
    with shop.inside():
        assert db.session.scalars(select(Person)).all() == []


def test_mails_that_one_address_asks_for_are_limited(make_app: AppMaker) -> None:
    client = make_app(LIMIT_ACCOUNT_MAIL="2/hour").test_client()
    visitor = Visitor(client)
    page = visitor.get("/en/account/join")
    for number in range(2):
        visitor.send(page, "/account/join", email=f"one{number}@example.org")

    visitor.send(page, "/account/join", 429, email="three@example.org")


def test_a_form_from_elsewhere_makes_nothing(shop: Shop) -> None:
    visitor = shop.visitor()
    answer = visitor.client.post("/en/account/join", data={"email": "ana@example.org"})

    assert answer.status_code == 422
    assert mails_to(shop, "ana@example.org") == []


def test_a_sign_in_of_thirty_days_ends(shop: Shop) -> None:
    visitor = joined(shop)
    shop.clock.advance(timedelta(days=13))
    visitor.get("/en/account")
    shop.clock.advance(timedelta(days=13))
    visitor.get("/en/account")
    shop.clock.advance(timedelta(days=4))

    visitor.get("/en/account", 303)
    with shop.inside():
        assert len(db.session.scalars(select(SignIn)).all()) == 1


def test_a_browser_that_nobody_used_for_two_weeks_is_signed_out(shop: Shop) -> None:
    visitor = joined(shop)
    shop.clock.advance(timedelta(days=14))

    visitor.get("/en/account", 303)


def test_whoever_reads_the_table_of_mails_finds_no_link_that_works(shop: Shop) -> None:
    visitor = shop.visitor()
    visitor.send(visitor.get("/en/account/join"), "/account/join", email="ana@example.org")

    token = link_in(mails_to(shop, "ana@example.org")[-1], "join").rpartition("/")[2]

    with shop.inside():
        (mail,) = db.session.scalars(select(Mail)).all()
        assert len(token) > 20
        assert token not in json.dumps(mail.facts)
