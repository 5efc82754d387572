"""Whoever asks about an address learns nothing: the same answer after the same work, whoever it belongs to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, update

from app.accounts.adapters import passwords
from app.accounts.models import Person
from app.db import db, transaction
from tests.attack.asking import Asked, pairs
from tests.attack.keeping import SqliteKeeper
from tests.attack.target import Target
from tests.builders import NOW

pytestmark = [pytest.mark.sweep, pytest.mark.xdist_group("attack")]

PASSWORD = "plum tractor seven oceans"
# Somebody with a password, without one, suspended, who has just guessed too often, and nobody.
WITH_PASSWORD, WITHOUT, SUSPENDED, NOBODY = (
    "viewer@example.org", "seller@example.org", "other.owner@example.org", "nobody@example.org",
)  # fmt: skip
ADDRESSES = (WITH_PASSWORD, WITHOUT, SUSPENDED, NOBODY)
# Statements that a mail more takes. What takes time that can be measured from outside is hashing and the commit.
STATEMENTS_OF_A_MAIL = 4


@dataclass
class Work:
    """What an answer cost: passwords hashed, transactions written, statements."""

    hashes: int = 0
    commits: int = 0
    statements: list[str] = field(default_factory=list)


@pytest.fixture
def people(target: Target, keeper: SqliteKeeper) -> Target:
    """The house with somebody of each kind."""
    settings = target.app.extensions["tonne.settings"]
    passwords.verify_nobody(PASSWORD, settings)  # the hash for nobody is made once in the life of a process
    with target.app.app_context():
        with transaction() as session:
            hashed = passwords.hash_password(PASSWORD, settings)
            session.execute(
                update(Person).where(Person.email.in_({WITH_PASSWORD, SUSPENDED})).values(password_hash=hashed)
            )
            session.execute(
                update(Person).where(Person.email == SUSPENDED).values(suspended_at=NOW - timedelta(days=1))
            )
        db.session.remove()
    return target


@contextmanager
def counted(target: Target, monkeypatch: pytest.MonkeyPatch) -> Iterator[Work]:
    """What is done while the block runs."""
    work = Work()
    real = passwords._hasher  # noqa: SLF001 - where every password is hashed, right, wrong or nobody's

    def watched(settings: Any) -> Any:
        work.hashes += 1
        return real(settings)

    def execute(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        work.statements.append(statement)
        work.commits += statement.startswith("BEGIN IMMEDIATE")

    with target.app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", execute)
    try:
        with monkeypatch.context() as patched:
            patched.setattr(passwords, "_hasher", watched)
            yield work
    finally:
        event.remove(engine, "before_cursor_execute", execute)


def plain(page: str, address: str) -> str:
    """A page without what is new in every one of them: the address typed, questions, references."""
    return re.sub(r"[A-Za-z0-9_-]{20,}", "…", page.replace(address, "ADDRESS"))


FORMS = {
    "sign in": ("/en/account/sign-in", "visitor", {"password": "a wrong password"}),
    "join": ("/en/account/join", "visitor", {}),
    "recover": ("/en/account/recover", "visitor", {}),
    "invite": ("/en/sell/salkhit1/people", "owner", {"role": "viewer"}),
    "take an address": ("/en/account/details/email", "owner", {}),
    "order": (
        "/en/checkout", "buyer", {"beneficiary": "Jo", "purpose": "Heat", "intent": "contribution", "country": "FR"},
    ),
    "complain": ("/en/complaint", "visitor", {"once": "1", "problem": "Nothing came", "wish": "My money"}),
}  # fmt: skip
# Forms of participants and operators, where an address is only written down.
WRITTEN_DOWN = frozenset({"applying.contact", "desk.correct_address"})


def test_every_form_that_takes_an_address_is_asked(target: Target) -> None:
    taking = {
        target.endpoint_of(form.action, form.method)
        for _role, form in target.forms
        if "email" in form.kinds.values() and form.method == "POST"
    }

    assert taking - WRITTEN_DOWN == {target.endpoint_of(path, "POST") for path, _role, _more in FORMS.values()}


@pytest.mark.parametrize("name", FORMS)
def test_an_answer_is_the_same_after_the_same_work_whoever_has_the_address(
    people: Target, keeper: SqliteKeeper, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, role, more = FORMS[name]
    asked_of = ADDRESSES if name != "invite" else ("other.owner@example.org", NOBODY)
    answers, works = {}, {}
    for address in asked_of:
        body = pairs([(key, value.encode()) for key, value in {"email": address, **more}.items()])
        with counted(people, monkeypatch) as work:
            answer = people.ask(Asked("POST", path.encode(), body=body, role=role))
        headers = sorted(key for key, _value in answer.headers if key != "X-Request-ID")
        answers[address] = answer.status_code, plain(answer.get_data(as_text=True), address), headers
        works[address] = work

    assert len({str(answer) for answer in answers.values()}) == 1, {who: answer[0] for who, answer in answers.items()}
    assert answers[NOBODY][0] == (422 if name == "sign in" else 303)
    assert len({work.hashes for work in works.values()}) == 1, {who: work.hashes for who, work in works.items()}
    assert {work.hashes for work in works.values()} == {1 if name == "sign in" else 0}
    counts = [len(work.statements) for work in works.values()]
    assert max(counts) - min(counts) <= STATEMENTS_OF_A_MAIL, dict(zip(works, counts, strict=True))
