"""Parameter pollution: fields of a form in the address, and names that come twice (ASVS 15.3.7)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.attack.asking import Asked, pairs
from tests.attack.filling import sent
from tests.attack.forms import Form
from tests.attack.judging import faults_of
from tests.attack.keeping import SqliteKeeper
from tests.attack.nasty import MARK
from tests.attack.target import Target

pytestmark = [pytest.mark.sweep, pytest.mark.xdist_group("attack")]

NUMBER = 987_654_321
# Who tried, and when anybody looked.
TRACES = ("rate_limit",)


def plain_forms(target: Target) -> list[tuple[Asked, Form]]:
    """Every form with fields that changes something, filled in, but for those that carry a file."""
    found = [(sent(role, form, []), form) for role, form in target.forms if form.method == "POST" and form.kinds]
    return [(filled, form) for filled, form in found if filled.content_type.startswith("application/x")]


def outcome(target: Target, keeper: SqliteKeeper, asked: Asked) -> tuple[int, frozenset[str]]:
    """The status of the answer, and the tables that changed; then everything is as it was."""
    status = target.ask(asked).status_code
    changed = frozenset(keeper.changed(TRACES))
    keeper.put_back()
    return status, changed


def test_fields_in_the_address_fill_in_no_form(target: Target, keeper: SqliteKeeper) -> None:
    wrong = {}
    for filled, form in plain_forms(target):
        empty = replace(filled, body=b"")
        expected = outcome(target, keeper, empty)
        found = outcome(target, keeper, replace(empty, query=filled.body))
        if found != expected:
            wrong[form.action] = expected, found

    assert wrong == {}


def test_of_a_name_that_comes_twice_the_second_reaches_no_table(target: Target, keeper: SqliteKeeper) -> None:
    wrong = {}
    for filled, form in plain_forms(target):
        for again in (MARK, str(NUMBER)):
            more = pairs([(name, again.encode()) for name in form.kinds])
            answer = target.ask(replace(filled, body=filled.body + b"&" + more))
            reached = {table for table in keeper.changed(TRACES) if keeper.holds(table, MARK, NUMBER)}
            if reached or faults_of(answer):
                wrong[form.action] = sorted(reached), faults_of(answer)
            keeper.put_back()

    assert wrong == {}
