"""Every route, every form and every field with what nobody should send: no fault, no leak, no change by looking.

The suite asks each a few things, always the same ones. `make fuzz FUZZ=500 SEED=7` asks each five hundred, and
others with every seed; a failure says what was asked, made as short as it can be. A new route or form is in it
without a word here.
"""

from __future__ import annotations

import os
from zlib import crc32

import pytest
from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis import strategies as st

from tests.attack.asking import Asked, of_rule
from tests.attack.filling import of_field, of_nonsense, with_a_megabyte
from tests.attack.keeping import SqliteKeeper
from tests.attack.target import Target
from tests.house import ROLES

FUZZ = int(os.environ.get("FUZZ") or 0)
SEED = int(os.environ.get("SEED") or 2026)
# In the suite one form of so many gets a megabyte.
ONE_OF = 1 if FUZZ else 8

# What looking may leave behind: how often somebody tried or looked at an offer, the wish to have a paper drawn, that
# an operator has seen what is sealed, and when to ask the gateway about somebody who comes back from it.
TRACES = ("rate_limit", "offer_interest", "document_request", "act", "payment")

pytestmark = [pytest.mark.sweep, pytest.mark.xdist_group("attack")]


def fault_in(target: Target, asked: Asked) -> str | None:
    """What is wrong with the answer to a question, if anything; a look that changed something is."""
    keeper = target.keeper
    faults = target.faults(asked)
    # Who wrote into one file is quickly seen; on PostgreSQL only answers are looked at.
    changed = keeper.changed(TRACES) if asked.method == "GET" and isinstance(keeper, SqliteKeeper) else set()
    keeper.put_back()
    faults += [f"looking changed {sorted(changed)}"] if changed else []
    return f"{asked}: {faults}" if faults else None


def first_fault(target: Target, where: str, questions: st.SearchStrategy[Asked], few: int) -> str | None:
    """Ask `few` questions, or FUZZ of them in a long run; the first fault, made as short as it can be."""

    @seed(_turn(where))
    @settings(
        max_examples=FUZZ or few, deadline=None, database=None, verbosity=Verbosity.quiet, report_multiple_bugs=False,
        phases=(Phase.generate, Phase.shrink) if FUZZ else (Phase.generate,), suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(asked=questions)
    def ask(asked: Asked) -> None:
        fault = fault_in(target, asked)
        if fault:
            pytest.fail(fault, pytrace=False)

    try:
        ask()
    except pytest.fail.Exception as found:
        return str(found)
    return None


@pytest.fixture(autouse=True, scope="module")
def say_the_seed(request: pytest.FixtureRequest) -> None:
    """So that a long run can be had again."""
    reporter = request.config.pluginmanager.get_plugin("terminalreporter")
    if FUZZ and reporter is not None:
        reporter.write_line(f"FUZZ={FUZZ} SEED={SEED}")


def _turn(where: str) -> int:
    """A number of this seed and this place: what is asked first differs from place to place."""
    return crc32(f"{SEED} {where}".encode())


def tell(found: dict[str, str | None]) -> None:
    """Fail with everything that was found, and how to find it again."""
    faults = [f"{where}\n    {fault}" for where, fault in found.items() if fault]
    if faults:
        pytest.fail("\n".join([f"SEED={SEED} FUZZ={FUZZ}", *faults]), pytrace=False)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_address_whatever_stands_in_it_finds_a_fault(target: Target, method: str) -> None:
    found = {}
    for rule in target.house.rules():
        if method in (rule.methods or ()):
            roles = [*target.roles_for(rule)[:1] * len(ROLES), *ROLES]
            questions = of_rule(rule, method, target.good(rule), target.names_for(rule), roles)
            found[f"{method} {rule}"] = first_fault(target, str(rule), questions, few=2)

    tell(found)


def test_no_field_of_any_form_finds_a_fault_whatever_is_typed(target: Target) -> None:
    found = {}
    for role, form in target.forms:
        for name in form.kinds:
            where = f"{target.endpoint_of(form.action, form.method)}: {name}"
            found[f"{form.action}: {name}"] = first_fault(
                target, where, of_field(role, form, name, _turn(where)), few=1
            )

    tell(found)


def test_no_form_filled_with_nothing_but_nonsense_finds_a_fault(target: Target) -> None:
    found = {}
    for role, form in target.forms:
        if form.kinds:
            where = target.endpoint_of(form.action, form.method)
            found[form.action] = first_fault(target, where, of_nonsense(role, form, _turn(where)), few=1)

    tell(found)


def test_a_megabyte_in_one_field_is_refused_and_breaks_nothing(target: Target) -> None:
    long = {"text", "textarea", "hidden", "search", "email", "password"}
    found = {}
    for role, form in target.forms[::ONE_OF]:
        names = [name for name, kind in form.kinds.items() if kind in long]
        if form.method == "POST" and names:
            found[f"{form.action}: {names[-1]}"] = fault_in(target, with_a_megabyte(role, form, names[-1]))

    tell(found)


def test_the_sweep_meets_the_form_of_every_action(target: Target) -> None:
    actions = {rule.endpoint for rule in target.house.rules() if "POST" in (rule.methods or ())}
    met = {target.endpoint_of(form.action, "POST") for _role, form in target.forms if form.method == "POST"}

    # Notices are signed and have no form: test_a_signed_notice_with_nonsense_is_answered.
    assert actions - met == {"webhooks.receive"}, "show a page with this form, or name it in OTHER_FORMS"
