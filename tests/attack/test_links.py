"""Links that open something by a secret in them: who has one letter wrong learns nothing and changes nothing.

Every address with such a secret is asked, those of mails and of forms too; a new one is in it without a word here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import unquote_to_bytes, urlsplit

import pytest
from werkzeug.routing import Rule

from tests.attack.asking import Asked
from tests.attack.judging import OWN, faults_of
from tests.attack.keeping import SqliteKeeper
from tests.attack.target import Target

pytestmark = [pytest.mark.sweep, pytest.mark.xdist_group("attack")]

SECRET = "token"
NOT_THERE = frozenset({404, 410})


@dataclass(frozen=True)
class Link:
    """An address, the secret in it, and how it may be asked."""

    rule: Rule
    asked: Asked
    secret: bytes

    def with_another(self, secret: bytes) -> Asked:
        """The same address with another secret."""
        return replace(self.asked, path=self.asked.path.replace(self.secret, secret))


def links(target: Target) -> Iterator[Link]:
    """Every address with a secret in it, by every method that it takes, as somebody who gets in."""
    adapter = target.app.url_map.bind(urlsplit(OWN).netloc)
    places = {(role, urlsplit(form.action).path) for role, form in target.forms}
    places |= {("owner", address) for address in target.mailed}
    rules = [rule for rule in target.house.rules() if SECRET in rule.arguments]
    places |= {(target.roles_for(rule)[0], urlsplit(target.house.address(rule)).path) for rule in rules}
    for role, place in sorted(places):
        path = unquote_to_bytes(place)
        for method in ("GET", "POST"):
            if target.endpoint_of(place, method):
                rule, values = adapter.match(path.decode(), method, return_rule=True)
                if SECRET in values:
                    yield Link(rule, Asked(method, path, role=role), values[SECRET].encode())


def others(secret: bytes) -> dict[str, bytes]:
    """Secrets that are almost the right one."""
    return {
        "another last letter": secret[:-1] + (b"A" if secret[-1:] != b"A" else b"B"),
        "another first letter": (b"A" if secret[:1] != b"A" else b"B") + secret[1:],
        "the other case": secret.swapcase(),
        "a letter less": secret[:-1],
        "a letter more": secret + b"A",
        "a space behind it": secret + b" ",
        "any letter": b"%" * len(secret),
    }


def plain(page: str) -> str:
    """A page without secrets and numbers of questions."""
    return re.sub(r"[A-Za-z0-9_%-]{14,} ?", "…", page)


def test_a_secret_that_is_almost_right_is_like_one_that_nobody_ever_made(target: Target, keeper: SqliteKeeper) -> None:
    wrong, asked = {}, set()
    for link in links(target):
        asked.add(link.rule.endpoint)
        nobodys = target.ask(link.with_another(b"Q" * len(link.secret)))
        assert nobodys.status_code in NOT_THERE, link.asked
        for what, secret in others(link.secret).items():
            answer = target.ask(link.with_another(secret))
            is_alike = (answer.status_code, plain(answer.text)) == (nobodys.status_code, plain(nobodys.text))
            if not is_alike or faults_of(answer):
                wrong[f"{link.asked.method} {link.rule}: {what}"] = answer.status_code, faults_of(answer)

    assert wrong == {}
    assert keeper.changed(("rate_limit",)) == set()
    assert {rule.endpoint for rule in target.house.rules() if SECRET in rule.arguments} <= asked


def test_the_same_links_with_their_own_secrets_are_there(target: Target) -> None:
    """The control of the above: nothing of it was asked of addresses that are not there in any case."""
    opened = set()
    for link in links(target):
        if target.ask(link.asked).status_code not in NOT_THERE:
            opened.add(link.rule.endpoint)
        target.keeper.put_back()

    assert {rule.endpoint for rule in target.house.rules() if SECRET in rule.arguments} - opened == set()
