"""Making accounts and signing in as a visitor does it: pages, forms, mails."""

from __future__ import annotations

import re
from datetime import timedelta

from sqlalchemy import select

from app.accounts.adapters import totp
from app.accounts.models import Person
from app.db import db
from tests.pages import Page, Visitor
from tests.service.conftest import Shop

PASSWORD = "plum tractor seven oceans"


def mails_to(shop: Shop, address: str) -> list[str]:
    """Subjects and texts of the mails that went to an address, oldest first."""
    shop.work()
    return [f"{mail.subject}\n{mail.text}" for mail in shop.mailer.sent if mail.recipient == address]


def link_in(text: str, part: str) -> str:
    """The path of the mailed link with `part` in it."""
    found = re.search(rf"https?://[^/\s]+(/\S*/{part}/\S+)", text)
    assert found, text
    return found[1]


def joined(shop: Shop, address: str = "ana@example.org", name: str = "Ana") -> Visitor:
    """Somebody who made an account and is signed in."""
    visitor = shop.visitor()
    visitor.send(visitor.get("/en/account/join"), "/account/join", email=address)
    link = link_in(mails_to(shop, address)[-1], "join")
    visitor.send(visitor.get(link), link, name=name, password=PASSWORD)
    return visitor


def tries(visitor: Visitor, address: str, password: str, status: int = 422, **query: str) -> Page | str:
    """Try to sign in; gives the page with the error, or where it led."""
    form = visitor.get("/en/account/sign-in" + (f"?next={query['next']}" if query else ""))
    answer = visitor.send(form, "/sign-in", status, email=address, password=password)
    return Page(answer.get_data(as_text=True)) if status == 422 else answer.headers["Location"]


def signed_in(shop: Shop, address: str = "ana@example.org", password: str = PASSWORD) -> Visitor:
    """Another browser in which somebody signs in with a password."""
    visitor = shop.visitor()
    tries(visitor, address, password, 303)
    return visitor


def enrolled(shop: Shop, visitor: Visitor) -> tuple[str, list[str]]:
    """Set an authenticator app up; gives its secret and the recovery codes. The clock moves to the next code."""
    page = visitor.get("/en/account/second-factor")
    found = re.search(r"secret=([A-Z2-7]{32})", page.html)
    assert found
    answer = visitor.send(page, "/second-factor", code=code(shop, found[1]))
    codes = re.findall(r"\b[2-9A-Z]{4}(?:-[2-9A-Z]{4}){6}\b", visitor.get(answer.headers["Location"]).words)
    shop.clock.advance(timedelta(seconds=60))
    return found[1], codes


def code(shop: Shop, secret: str) -> str:
    """What the app shows now."""
    return totp.code_at(secret, shop.clock.now())


def person_of(address: str) -> Person:
    """The person with an address, inside the application's context."""
    return db.session.scalars(select(Person).where(Person.email == address)).one()
