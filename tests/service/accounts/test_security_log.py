"""What concerns security is a line in the log: what, how it ended, whose account as a number; no address, no secret."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.kernel.clock import FixedClock
from app.kernel.security_log import LOGGER
from tests.conftest import AppMaker
from tests.pages import Visitor
from tests.service.accounts.authenticator import Authenticator
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
from tests.service.accounts.test_passkeys import add, show
from tests.service.conftest import Shop, with_fakes

ADDRESS = "ana@example.org"


class Log:
    """The lines of the security log since somebody looked last."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys
        self.raw = ""

    def lines(self) -> list[tuple[str, ...]]:
        """Event, outcome and the other facts in order, without person and endpoint."""
        told = [(line["message"], *_words(line["facts"])) for line in self.whole()]
        return [line for line in told if line[0] != "access"]

    def whole(self) -> list[dict[str, Any]]:
        self.raw = self.capsys.readouterr().err
        return [line for line in map(json.loads, self.raw.splitlines()) if line["logger"] == LOGGER]


def _words(facts: dict[str, Any]) -> list[str]:
    return [str(value) for key, value in facts.items() if key not in {"person", "endpoint"}]


@pytest.fixture
def log(capsys: pytest.CaptureFixture[str]) -> Log:
    return Log(capsys)


@pytest.fixture
def shop(make_app: AppMaker, clock: FixedClock) -> Shop:
    """A shop at an address that browsers have passkeys for."""
    return with_fakes(make_app(PUBLIC_BASE_URL="http://localhost:5000"), clock)


def test_every_sign_in_is_told_good_or_bad_with_its_kind_and_whose(shop: Shop, log: Log) -> None:
    joined(shop)
    assert log.lines() == [("sign-in", "good", "link of a new account")]
    with shop.inside():
        person = person_of(ADDRESS).id
    signed_in(shop)
    tries(shop.visitor(), ADDRESS, "wrong")
    tries(shop.visitor(), "nobody@example.org", "wrong")

    told = [(line["facts"]["outcome"], line["facts"]["kind"], line["facts"]["person"]) for line in log.whole()]

    assert told == [("good", "password", person), ("wrong", "password", person), ("wrong", "password", None)]
    for secret in (ADDRESS, "nobody@example.org", PASSWORD):
        assert secret not in log.raw


def test_a_lock_is_told_when_it_closes_and_when_it_stops_somebody(shop: Shop, log: Log) -> None:
    joined(shop)
    log.lines()
    for _ in range(5):
        tries(shop.visitor(), ADDRESS, "wrong")
    tries(shop.visitor(), ADDRESS, PASSWORD)

    assert log.lines() == [
        *[("sign-in", "wrong", "password")] * 4,
        ("lock", "locked", "street"),
        ("sign-in", "wrong", "password"),
        ("sign-in", "locked", "password"),
    ]


def test_second_factors_proofs_and_the_way_out_are_told(shop: Shop, log: Log) -> None:
    visitor = joined(shop)
    secret, codes = enrolled(shop, visitor)
    log.lines()
    half = signed_in(shop)
    half.send(half.get("/en/account/second-factor"), "/second-factor", 422, code="000000")
    half.send(half.get("/en/account/second-factor"), "/second-factor", code=code(shop, secret))
    half.send(half.get("/en/account/prove"), "/prove", 422, password="wrong", code="000000")
    half.send(half.get("/en/account/prove"), "/prove", password=PASSWORD, code=codes[0])
    half.send(half.get("/en/account/details"), "/sign-out")

    assert log.lines() == [
        ("sign-in", "half", "password"),
        ("second factor", "wrong", "code"),
        ("second factor", "good", "app"),
        ("proof", "wrong", "password"),
        ("proof", "good", "recovery code"),
        ("sign-out", "good"),
    ]
    for given in (secret, *codes):
        assert given not in log.raw


def test_passkeys_and_links_are_told(shop: Shop, log: Log) -> None:
    device, visitor = Authenticator(), joined(shop)
    add(visitor, device)
    log.lines()
    show(shop, device)
    show(shop, Authenticator(), 422)
    other = shop.visitor()
    other.send(other.get("/en/account/recover"), "/recover", email=ADDRESS)
    link = link_in(mails_to(shop, ADDRESS)[-1], "recover")
    other.send(other.get(link), link, password="seven green bicycles sing")
    page = other.get("/en/account/second-factor")
    other.send(page, "/second-factor/passkey", 422, fields={"passkey-credential": "{}"})
    page = other.get("/en/account/second-factor")
    other.send(page, "/second-factor/passkey", fields={"passkey-credential": device.get(page.html)})

    assert log.lines() == [
        ("sign-in", "good", "passkey"),
        ("sign-in", "wrong", "passkey"),
        ("sign-in", "half", "link of a new password"),
        ("second factor", "wrong", "passkey"),
        ("second factor", "good", "passkey"),
    ]
    assert link not in log.raw


def test_refused_access_is_told_with_the_page_and_what_was_missing(shop: Shop, log: Log) -> None:
    joined(shop)
    visitor = joined(shop, "eve@example.org", "Eve")
    log.whole()
    stranger = shop.visitor()
    stranger.get("/en/account", 303)
    visitor.get("/en/desk", 404)
    visitor.get("/en/sell/nobody99/people", 404)
    visitor.get("/en/account/security/recovery-codes", 303)

    told = [(line["facts"]["endpoint"], line["facts"]["reason"]) for line in log.whole() if line["message"] == "access"]

    assert told == [
        ("account.home", "nobody is signed in"),
        ("desk.start", "no operator"),
        ("account.people", "no member"),
        ("account.recovery_codes", "second factor missing"),
    ]


def test_attempts_on_other_controls_are_told(make_app: AppMaker, log: Log) -> None:
    visitor = Visitor(make_app(LIMIT_SIGN_IN="1/minute").test_client())
    page = visitor.get("/en/account/sign-in")
    visitor.send(page, "/sign-in", 422, email="nobody@example.org", password="wrong")
    visitor.send(page, "/sign-in", 429, email="nobody@example.org", password="wrong")
    visitor.client.post("/en/account/sign-out")
    visitor.client.get("/en/", headers={"Host": "evil.example"})
    visitor.client.post("/webhooks/testpay", data=b"{}")
    visitor.client.post("/en/account/sign-in", data={"email": "x" * 1_100_000})

    assert [line[:2] for line in log.lines() if line[0] != "sign-in"] == [
        ("limit", "refused"),
        ("form", "refused"),
        ("host", "refused"),
        ("notice", "refused"),
        ("size", "refused"),
    ]


def test_the_security_log_speaks_however_quiet_the_rest_is(make_app: AppMaker, log: Log) -> None:
    visitor = Visitor(make_app(LOG_LEVEL="ERROR").test_client())

    tries(visitor, "nobody@example.org", "wrong")

    assert log.lines() == [("sign-in", "wrong", "password")]
