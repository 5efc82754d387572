"""Whatever is issued, paid, forwarded and cancelled, in whatever order: units are neither made nor lost."""

from __future__ import annotations

from contextlib import suppress
from itertools import count

from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.registry.ledger.errors import ForwardingUnfit, PaymentUnfit
from app.registry.ledger.pending import pending_of
from app.registry.ledger.service import Issued
from app.registry.ports import Completed
from tests.service.registry.asking import a_request
from tests.service.registry.books import the_ledger
from tests.service.registry.registrar import (
    CANCELLED,
    FUND,
    HOLDER,
    PENDING,
    audit,
    forward,
    issue,
    open_registry,
    pay,
    the_issuance,
    units_in,
)

NUMBERS = count(1)
PROJECTS = ("MN-5977", "MW-9933")

ACTS = st.one_of(
    st.tuples(st.just("issue"), st.integers(0, 1), st.integers(1, 300)),
    st.tuples(st.just("pay"), st.integers(0, 5), st.integers(1, 1_500)),
    st.tuples(st.just("forward"), st.integers(0, 5), st.integers(1, 120)),
    st.tuples(st.just("cancel"), st.integers(0, 5), st.integers(1, 60)),
)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=st.lists(ACTS, min_size=1, max_size=10))
def test_every_unit_issued_lies_in_exactly_one_account(context: Flask, acts: list[tuple[str, int, int]]) -> None:
    """The books of one registry go on from example to example: what came before must not matter."""
    if not units_in_books():
        open_registry()
    total = units_in_books()
    issued = [issue(10)]
    total += 10

    for act, which, size in acts:
        subject = issued[which % len(issued)]
        if act == "issue":
            issued.append(issue(size, project=PROJECTS[which]))
            total += size
        elif act == "pay":
            try_to_pay(subject, size)
        elif act == "forward":
            try_to_forward(subject, size)
        else:
            cancel(context, subject, size)
        fee = the_issuance(subject)
        assert 0 <= fee.fee_paid <= fee.fee_due
    audit()
    assert units_in_books() == total


def units_in_books() -> int:
    """The sum of all accounts."""
    return sum(units_in(account) for account in (PENDING, FUND, HOLDER, CANCELLED))


def try_to_pay(issued: Issued, cents: int) -> None:
    """A payment that may be too much."""
    problem: object = None
    try:
        pay(issued, cents, reference=f"BANK-{next(NUMBERS)}")
    except PaymentUnfit as refusal:
        problem = refusal.facts["problem"]
    assert problem in {None, "too_much", "nothing_due"}


def try_to_forward(issued: Issued, units: int) -> None:
    """A forwarding that goes through exactly when so many units are released."""
    before, released = units_in(HOLDER), pending_of(the_issuance(issued)).releasable
    with suppress(ForwardingUnfit):
        forward(issued, units)
    assert units_in(HOLDER) == before + (units if units <= released else 0)


def cancel(app: Flask, issued: Issued, units: int) -> None:
    """A cancellation that may find too few units."""
    issuance = the_issuance(issued)
    request = a_request(
        units,
        reference=f"TONNE-{next(NUMBERS)}",
        project_reference=issuance.project_reference,
        space=issuance.space,
        serial_first=issuance.first,
        serial_last=issuance.last,
    )
    before = units_in(CANCELLED)
    outcome = the_ledger(app).submit(request)
    assert units_in(CANCELLED) == before + (units if isinstance(outcome, Completed) else 0)
