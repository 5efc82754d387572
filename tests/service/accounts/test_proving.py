"""Ways to sign in change only for whoever showed everything a moment ago: a browser found open is not enough."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.accounts.access import FRESH
from app.accounts.models import Passkey
from app.db import db
from app.kernel.clock import FixedClock
from tests.conftest import AppMaker
from tests.pages import Visitor
from tests.service.accounts.authenticator import Authenticator
from tests.service.accounts.entering import PASSWORD, code, enrolled, joined, person_of, signed_in
from tests.service.accounts.test_passkeys import add, show
from tests.service.conftest import Shop, with_fakes

ROOM = "/en/account/security"


@pytest.fixture
def shop(make_app: AppMaker, clock: FixedClock) -> Shop:
    """A shop at an address that browsers have passkeys for."""
    return with_fakes(make_app(PUBLIC_BASE_URL="http://localhost:5000"), clock)


def later(shop: Shop) -> None:
    shop.clock.advance(FRESH)


def asked(visitor: Visitor, address: str) -> str:
    """Where somebody is led who wants a page."""
    return visitor.client.get(address).headers.get("Location", "")


def prove(visitor: Visitor, status: int = 303, onwards: str = "", **typed: str) -> str:
    page = visitor.get("/en/account/prove" + (f"?next={onwards}" if onwards else ""))
    answer = visitor.send(page, "/prove", status, fields=typed)
    return answer.headers["Location"] if status == 303 else visitor.read(answer, status).words


@pytest.mark.parametrize(
    "address",
    [f"{ROOM}/passkeys", f"{ROOM}/password", "/en/account/details/email", "/en/account/second-factor"],
)
def test_a_while_after_the_sign_in_everything_is_asked_for_again(shop: Shop, address: str) -> None:
    visitor = joined(shop)
    visitor.get(address)
    later(shop)

    assert asked(visitor, address) == f"/en/account/prove?next={address}"
    token = visitor.get("/en/account/details").form("/sign-out").fields
    assert "/account/prove" in visitor.client.post(address, data=token).headers["Location"]
    assert prove(visitor, onwards=address, password=PASSWORD) == address
    visitor.get(address)


def test_a_wrong_password_proves_nothing_and_counts(shop: Shop) -> None:
    visitor = joined(shop)
    later(shop)
    for _ in range(5):
        assert "not your present password" in prove(visitor, 422, password="wrong")

    prove(visitor, 422, password=PASSWORD)
    assert "/prove" in asked(visitor, f"{ROOM}/passkeys")


def test_with_an_app_the_password_and_a_code_are_needed(shop: Shop) -> None:
    visitor = joined(shop)
    secret, codes = enrolled(shop, visitor)
    later(shop)
    assert "/prove" in asked(visitor, f"{ROOM}/second-factor/remove")
    for form in ("/recovery-codes", "/second-factor/remove"):
        token = visitor.get("/en/account/details").form("/sign-out").fields
        assert "/prove" in visitor.client.post(f"{ROOM}{form}", data=token).headers["Location"]
    assert "not right" in prove(visitor, 422, password=PASSWORD, code="000000")
    assert "not your present password" in prove(visitor, 422, password="wrong", code=code(shop, secret))
    prove(visitor, 422, password=PASSWORD, code="")

    assert prove(visitor, password=PASSWORD, code=code(shop, secret)) == ROOM

    visitor.send(visitor.get(f"{ROOM}/recovery-codes"), "/recovery-codes")
    later(shop)
    assert len(codes) == 10


def test_a_recovery_code_proves_it_too(shop: Shop) -> None:
    visitor = joined(shop)
    _secret, codes = enrolled(shop, visitor)
    later(shop)

    prove(visitor, password=PASSWORD, code=codes[0])
    visitor.get(f"{ROOM}/password")


def test_with_a_passkey_and_no_app_the_passkey_is_needed_and_the_password_is_not_enough(shop: Shop) -> None:
    visitor, device = joined(shop), Authenticator()
    add(visitor, device)
    later(shop)
    page = visitor.get(f"/en/account/prove?next={ROOM}/passkeys")
    assert "password" not in page.by_id
    fields = page.form("/prove/passkey").fields
    half = visitor.client.post(
        "/en/account/prove", data={"csrf_token": fields["passkey-csrf_token"], "password": PASSWORD}
    )
    assert half.status_code == 422
    visitor.send(visitor.get("/en/account/prove"), "/prove/passkey", 422, fields={"passkey-credential": "{}"})
    assert visitor.client.post("/en/account/prove/passkey", data={"passkey-credential": "{}"}).status_code == 422
    page = visitor.get(f"/en/account/prove?next={ROOM}/passkeys")

    answer = visitor.send(page, "/prove/passkey", fields={"passkey-credential": device.get(page.html)})

    assert answer.headers["Location"] == f"{ROOM}/passkeys"
    visitor.get(f"{ROOM}/passkeys")


def test_without_a_password_a_passkey_is_all_that_is_asked_for(shop: Shop) -> None:
    visitor, device = joined(shop), Authenticator()
    add(visitor, device)
    with shop.inside():
        person_of("ana@example.org").password_hash = None
        db.session.commit()
    later(shop)

    page = visitor.get("/en/account/prove")

    assert "password" not in page.by_id
    assert device.get(page.html)


def test_other_browsers_are_signed_out_and_passkeys_taken_away_only_after_a_proof(shop: Shop) -> None:
    visitor, device = joined(shop), Authenticator()
    other = signed_in(shop)
    add(visitor, device)
    with shop.inside():
        passkey = db.session.scalars(select(Passkey.id)).one()
    later(shop)
    page = visitor.get(ROOM)
    for form in ("/end-others", "/end"):
        assert visitor.send(page, form).headers["Location"] == "/en/account/prove"
    assert "/prove" in asked(visitor, f"{ROOM}/passkeys/{passkey}/remove")
    other.client.get("/en/account")

    fresh = show(shop, device)
    fresh.send(fresh.get(ROOM), "/end-others")

    assert "/sign-in" in asked(visitor, "/en/account")


def test_a_proof_changes_the_token(shop: Shop) -> None:
    visitor = joined(shop)
    with visitor.client.session_transaction() as session:
        before = dict(session)
    later(shop)
    prove(visitor, password=PASSWORD)

    with visitor.client.session_transaction() as session:
        session.update(before)
    assert "/sign-in" in asked(visitor, "/en/account")


def test_after_a_password_alone_nobody_sets_another_factor_up(shop: Shop) -> None:
    enrolled(shop, joined(shop))
    half = signed_in(shop)

    assert "/second-factor" in asked(half, "/en/account/prove")
    assert "otpauth" not in half.get("/en/account/second-factor").html


def test_a_proof_never_leads_elsewhere(shop: Shop) -> None:
    visitor = joined(shop)
    later(shop)

    assert prove(visitor, onwards="//evil.example", password=PASSWORD) == ROOM
    assert timedelta(minutes=5) <= FRESH <= timedelta(minutes=15)
