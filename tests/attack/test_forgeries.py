"""Requests that pretend: another method, another site, another name of the host, fields that no form has."""

from __future__ import annotations

import os
from dataclasses import replace
from itertools import cycle
from typing import Any

import pytest
from sqlalchemy import Boolean, select

from app.accounts.models import Person
from app.db import db
from tests.attack.asking import Asked, pairs, path_of
from tests.attack.filling import sent
from tests.attack.forms import Form
from tests.attack.judging import faults_of
from tests.attack.keeping import SqliteKeeper
from tests.attack.nasty import ELSEWHERE, MARK, PLACES
from tests.attack.target import Target

pytestmark = [pytest.mark.sweep, pytest.mark.xdist_group("attack")]

NUMBER = 987_654_321
# Names under which programs of the world look for where to lead somebody.
LEADING = ("next", "return", "return_to", "back", "url", "redirect", "redirect_uri", "continue", "goto", "r", "u", "to")
ELSEWHERES = tuple(place for place in PLACES if ELSEWHERE in place)
PRETENCES = {
    "X-Forwarded-Host": ELSEWHERE,
    "X-Forwarded-Server": ELSEWHERE,
    "X-Forwarded-Prefix": f"//{ELSEWHERE}",
    "X-Host": ELSEWHERE,
    "X-Original-URL": f"//{ELSEWHERE}/",
    "X-Rewrite-URL": f"//{ELSEWHERE}/",
    "Forwarded": f"host={ELSEWHERE};proto=https",
    "Referer": f"https://{ELSEWHERE}/",
    "Origin": f"https://{ELSEWHERE}",
}
OTHER_METHODS = ("PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "PROPFIND")
# `make sweep` asks each address with each method, `make test` with one of so many in turn.
EACH = 1 if os.environ.get("SWEEP") else 3
# Forms on pages that visitors share carry no token of one of them; what they do, a stranger without cookies may do.
WITHOUT_A_TOKEN = frozenset({"checkout.add", "catalog.projects"})


def posted(target: Target) -> list[tuple[str, Form]]:
    """Every form that changes something, as whom."""
    return [(role, form) for role, form in target.forms if form.method == "POST"]


def looked_at(target: Target) -> list[Asked]:
    """Every page, as somebody who gets in."""
    return [
        Asked("GET", path_of(rule, target.good(rule)), role=target.roles_for(rule)[0])
        for rule in target.house.rules()
        if "GET" in (rule.methods or ())
    ]


def test_an_address_answers_only_to_its_own_methods_whatever_a_header_says(
    target: Target, keeper: SqliteKeeper
) -> None:
    override = {"X-HTTP-Method-Override": "POST", "X-HTTP-Method": "POST", "X-Method-Override": "POST"}
    wrong = {}
    for turn, rule in enumerate(target.house.rules()):
        path, role = path_of(rule, target.good(rule)), target.roles_for(rule)[0]
        for method in OTHER_METHODS[turn % EACH :: EACH]:
            answer = target.ask(Asked(method, path, role=role, headers=override))
            if answer.status_code not in {404, 405} or faults_of(answer):
                wrong[f"{method} {rule}"] = answer.status_code, faults_of(answer)
        if "GET" not in (rule.methods or ()):
            answer = target.ask(Asked("GET", path, b"_method=POST", role=role, headers=override))
            if faults_of(answer):
                wrong[f"GET as POST {rule}"] = answer.status_code, faults_of(answer)

    assert wrong == {}
    assert keeper.changed(("rate_limit",)) == set()


def test_a_form_that_another_site_sends_changes_nothing(target: Target, keeper: SqliteKeeper) -> None:
    answers = {}
    for role, form in posted(target):
        forged = replace(
            sent(role, form, []), headers={"Sec-Fetch-Site": "cross-site", "Origin": f"https://{ELSEWHERE}"}
        )
        answers[form.action] = target.ask(forged).status_code

    assert {where: status for where, status in answers.items() if status != 400} == {}
    assert keeper.changed(("rate_limit",)) == set()


def test_a_form_without_its_token_changes_nothing_even_from_a_browser_that_says_no_site(
    target: Target, keeper: SqliteKeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(target.app.config, "WTF_CSRF_ENABLED", True)
    taken = {}
    for role, form in posted(target):
        endpoint = target.endpoint_of(form.action, "POST")
        if endpoint not in WITHOUT_A_TOKEN:
            answer = target.ask(sent(role, form, []))
            changed = keeper.changed(("rate_limit",))
            if changed:
                taken[endpoint] = answer.status_code, sorted(changed)
            keeper.put_back()

    assert taken == {}


def test_the_same_forms_with_nothing_in_their_way_do_change_something(target: Target, keeper: SqliteKeeper) -> None:
    """The control of the two above: without a guard, forms as they are sent here are taken."""
    taken = 0
    for role, form in posted(target):
        target.ask(sent(role, form, []))
        taken += bool(keeper.changed(("rate_limit",)))
        keeper.put_back()

    assert taken > len(posted(target)) / 3


def columns() -> dict[str, Any]:
    """Every column of every table that a stranger could wish to set, with what they would set it to."""
    wanted = {}
    for table in db.metadata.tables.values():
        for column in table.columns:
            kind = column.type
            is_text = kind.python_type is str if not isinstance(kind, Boolean) else False
            wanted[column.name] = MARK if is_text else "1" if isinstance(kind, Boolean) else str(NUMBER)
    return wanted


def test_a_field_that_no_form_has_never_reaches_a_column(target: Target, keeper: SqliteKeeper) -> None:
    wanted = columns()
    operators = _operators(target)
    reached = {}
    for role, form in posted(target):
        known = {*form.kinds, *target.names.get(target.endpoint_of(form.action, "POST"), [])}
        more = [(name, value) for name, value in wanted.items() if name not in known]
        filled = sent(role, form, [])
        is_plain = filled.content_type.startswith("application/x")
        extra = pairs([(name, value.encode()) for name, value in more])
        target.ask(replace(filled, body=filled.body + b"&" + extra) if is_plain else replace(filled, query=extra))
        tables = {table for table in keeper.changed(("rate_limit",)) if keeper.holds(table, MARK, NUMBER)}
        if tables or _operators(target) != operators:
            reached[form.action] = sorted(tables)
        keeper.put_back()

    assert reached == {}


def _operators(target: Target) -> list[int]:
    with target.app.app_context():
        found = list(db.session.scalars(select(Person.id).where(Person.is_operator).order_by(Person.id)))
        db.session.remove()
    return found


def test_no_page_leads_elsewhere_whatever_it_is_asked_to(target: Target) -> None:
    wrong = {}
    # Each page is asked with one of the ways to write a place elsewhere, and with all names for it.
    for asked, place in zip(looked_at(target), cycle(ELSEWHERES), strict=False):
        query = pairs([(name, place.encode()) for name in LEADING])
        faults = [fault for fault in faults_of(target.ask(replace(asked, query=query))) if "status" not in fault]
        if faults:
            wrong[str(asked)] = faults

    assert wrong == {}


def test_no_page_takes_its_own_name_from_what_a_stranger_says_it_is(target: Target) -> None:
    wrong = {}
    for asked in looked_at(target):
        answer = target.ask(replace(asked, headers=PRETENCES))
        if ELSEWHERE in answer.get_data().decode("utf-8", "replace") or ELSEWHERE in str(answer.headers):
            wrong[str(asked.path)] = answer.status_code

    assert wrong == {}


def test_under_another_name_there_is_no_page_at_all_and_no_mail(target: Target, keeper: SqliteKeeper) -> None:
    strangers = {"Host": ELSEWHERE}
    pages = {asked.path: target.ask(replace(asked, headers=strangers)).status_code for asked in looked_at(target)}
    forms = {form.action: target.ask(replace(sent(role, form, []), headers=strangers)) for role, form in posted(target)}

    # What watches over the machine calls it by any name; its answers hold no link.
    assert {path for path, status in pages.items() if status not in {400, 404}} <= {
        b"/health", b"/health/live", b"/health/ready", b"/metrics",
    }  # fmt: skip
    assert {action: answer.status_code for action, answer in forms.items() if answer.status_code != 400} == {}
    assert keeper.changed(("rate_limit",)) == set()


def test_links_in_mails_lead_to_the_public_address_whatever_a_header_says(target: Target, keeper: SqliteKeeper) -> None:
    for role, form in posted(target):
        target.ask(replace(sent(role, form, []), headers=PRETENCES | {"Origin": "null"}))
        if {"mail"} & keeper.changed(()):
            assert not keeper.holds("mail", ELSEWHERE, NUMBER), form.action
        keeper.put_back()
