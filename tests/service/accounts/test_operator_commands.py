"""`flask operator`: who operates this marketplace is named from the terminal."""

from __future__ import annotations

import re
from datetime import timedelta

from flask import Flask
from sqlalchemy import select

from app.accounts.models import SignIn
from app.audit.models import Act
from app.db import db
from tests.service.accounts.entering import PASSWORD, enrolled, joined, mails_to, person_of, signed_in
from tests.service.conftest import Shop


def run(app: Flask, *arguments: str) -> tuple[int, str]:
    result = app.test_cli_runner().invoke(args=["operator", *arguments])
    return result.exit_code, result.output


def test_a_new_operator_sets_a_password_by_the_printed_link_and_then_a_second_factor(shop: Shop) -> None:
    status, output = run(shop.app, "add", "Eva@tonne.example", "--language", "fr")
    assert status == 0
    found = re.search(r"http://127.0.0.1:5000(/fr/account/recover/\S+)", output)
    assert found
    assert found[1] in mails_to(shop, "eva@tonne.example")[-1]
    visitor = shop.visitor()
    shop.clock.advance(timedelta(hours=23))

    visitor.send(visitor.get(found[1]), found[1], password=PASSWORD)
    enrolled(shop, visitor)

    with shop.inside():
        assert person_of("eva@tonne.example").is_operator
        assert person_of("eva@tonne.example").verified_at is not None
        act = db.session.scalars(select(Act).where(Act.what == "operator_added")).one()
        assert (act.actor, act.person_id) == ("command", None)
    assert run(shop.app, "list") == (0, "eva@tonne.example\n")


def test_who_becomes_an_operator_or_stops_being_one_is_signed_out(shop: Shop) -> None:
    visitor = joined(shop)
    for _ in range(5):
        assert run(shop.app, "add", "ana@example.org")[0] == 0
    visitor.get("/en/account", 303)
    again = signed_in(shop)

    assert run(shop.app, "remove", "ana@example.org") == (0, "ana@example.org is no operator any more.\n")

    again.get("/en/account", 303)
    assert run(shop.app, "remove", "ana@example.org")[0] == 1
    assert "Nobody is an operator" in run(shop.app, "list")[1]
    with shop.inside():
        assert "operator_removed" in db.session.scalars(select(Act.what)).all()


def test_an_operators_sign_in_ends_after_twelve_hours(shop: Shop) -> None:
    joined(shop)
    run(shop.app, "add", "ana@example.org")
    visitor = signed_in(shop)
    visitor.get("/en/account")
    shop.clock.advance(timedelta(hours=12))

    visitor.get("/en/account", 303)
    with shop.inside():
        assert len(db.session.scalars(select(SignIn)).all()) == 2


def test_what_is_no_address_becomes_no_operator(shop: Shop) -> None:
    assert run(shop.app, "add", "nobody")[0] == 1
