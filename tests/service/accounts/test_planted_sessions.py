"""Session fixation: whoever gave a browser its session beforehand holds nothing once somebody signs in with it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app.accounts.access import SESSION_KEY
from app.kernel.clock import FixedClock
from tests.conftest import AppMaker
from tests.pages import Visitor
from tests.service.accounts.authenticator import Authenticator
from tests.service.accounts.entering import PASSWORD, joined, link_in, mails_to
from tests.service.accounts.test_organisations import invite, owner_of_one
from tests.service.accounts.test_passkeys import add
from tests.service.conftest import Shop, with_fakes

ANOTHER = "nine yellow lanterns float"
Way = Callable[[Shop, Visitor], None]


@pytest.fixture
def shop(make_app: AppMaker, clock: FixedClock) -> Shop:
    """A shop at an address that browsers have passkeys for."""
    return with_fakes(make_app(PUBLIC_BASE_URL="http://localhost:5000"), clock)


def by_password(shop: Shop, visitor: Visitor) -> None:
    joined(shop)
    visitor.send(visitor.get("/en/account/sign-in"), "/sign-in", email="ana@example.org", password=PASSWORD)


def by_passkey(shop: Shop, visitor: Visitor) -> None:
    device = Authenticator()
    add(joined(shop), device)
    page = visitor.get("/en/account/sign-in")
    visitor.send(page, "/sign-in/passkey", fields={"passkey-credential": device.get(page.html)})


def by_joining(shop: Shop, visitor: Visitor) -> None:
    link = _mailed(shop, "join", "ana@example.org")
    visitor.send(visitor.get(link), link, name="Ana", password=PASSWORD)


def by_joining_with_a_passkey(shop: Shop, visitor: Visitor) -> None:
    page = visitor.get(_mailed(shop, "join", "ana@example.org"))
    fields = {"passkey-name": "Ana", "passkey-credential": Authenticator().create(page.html)}
    visitor.send(page, "/passkey", fields=fields)


def by_recovering(shop: Shop, visitor: Visitor) -> None:
    joined(shop)
    link = _mailed(shop, "recover", "ana@example.org")
    visitor.send(visitor.get(link), link, password=ANOTHER)


def by_an_invitation(shop: Shop, visitor: Visitor) -> None:
    link = invite(shop, *owner_of_one(shop), "bo@example.org")
    visitor.send(visitor.get(link), "/join", name="Bo", password=PASSWORD)


def _mailed(shop: Shop, page: str, address: str) -> str:
    asking = shop.visitor()
    asking.send(asking.get(f"/en/account/{page}"), f"/account/{page}", email=address)
    return link_in(mails_to(shop, address)[-1], page)


@pytest.mark.parametrize(
    "way",
    [by_password, by_passkey, by_joining, by_joining_with_a_passkey, by_recovering, by_an_invitation],
    ids=lambda way: way.__name__,
)
def test_a_sign_in_starts_a_new_session(shop: Shop, way: Way) -> None:
    visitor = shop.visitor()
    with visitor.client.session_transaction() as session:
        session["planted"] = "by somebody else"
        session[SESSION_KEY] = "known to somebody else"

    way(shop, visitor)

    with visitor.client.session_transaction() as session:
        assert "planted" not in session
        assert session[SESSION_KEY] != "known to somebody else"
    visitor.get("/en/account")
