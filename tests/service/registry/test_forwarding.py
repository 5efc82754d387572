"""From the pending account to a participant: only what the share of proceeds has released."""

from __future__ import annotations

from datetime import date

import pytest
from flask import Flask
from sqlalchemy import func, select, update
from sqlalchemy.exc import NoResultFound

from app.db import db, transaction
from app.kernel.money import Money
from app.registry.ledger import service
from app.registry.ledger.errors import ForwardingUnfit, PaymentUnfit
from app.registry.ledger.models import LedgerBlock, LedgerIssuance, LedgerPayment
from app.registry.ledger.pending import pending_of
from app.registry.ports import Completed, RefusalCode, Refused
from tests.builders import all_at_once
from tests.service.registry.asking import a_request
from tests.service.registry.books import the_ledger
from tests.service.registry.registrar import (
    AT,
    CANCELLED,
    HOLDER,
    PENDING,
    audit,
    forward,
    issue,
    lying,
    open_registry,
    pay,
    the_issuance,
    transactions,
    units_in,
)


@pytest.fixture(autouse=True)
def registry(context: Flask) -> Flask:
    open_registry()
    return context


def test_unpaid_units_cannot_reach_a_holding_account() -> None:
    issued = issue(10_000)

    with pytest.raises(ForwardingUnfit) as refused:
        forward(issued, 1)

    assert refused.value.facts == {"problem": "not_released", "units": 0}
    assert lying(HOLDER) == []


def test_half_of_the_fee_releases_half_of_the_units_and_the_rest_waits() -> None:
    issued = issue(40_000)
    pay(issued, 3_250_00)

    pending = pending_of(the_issuance(issued))
    assert (pending.available, pending.released, pending.releasable) == (39_200, 19_600, 19_600)
    with pytest.raises(ForwardingUnfit) as refused:
        forward(issued, 19_601)
    assert refused.value.facts == {"problem": "not_released", "units": 19_600}

    forward(issued, 19_600)
    assert lying(HOLDER) == [("MN", 801, 20_400)]
    assert pending_of(the_issuance(issued)).releasable == 0
    pay(issued, 3_250_00, reference="BANK-2")
    forward(issued, 19_600)
    assert (lying(HOLDER), lying(PENDING)) == ([("MN", 801, 20_400), ("MN", 20_401, 40_000)], [])
    audit()


def test_a_forwarding_takes_exactly_the_lowest_numbers_and_is_an_internal_transfer() -> None:
    issued = issue(1_000)
    pay(issued, 100_00)

    assert forward(issued, 10) == "TN00000003"
    forward(issued, 5)

    assert transactions()[2:] == [(10, PENDING, HOLDER, 10, ((21, 30),)), (10, PENDING, HOLDER, 5, ((31, 35),))]
    assert lying(PENDING) == [("MN", 36, 1_000)]


def test_forwarded_units_can_be_cancelled_and_stay_where_they_went(registry: Flask) -> None:
    issued = issue(1_000)
    pay(issued, 100_00)
    forward(issued, 100)
    request = {
        "project_reference": "MN-5977", "space": "MN", "serial_first": 1, "serial_last": 1_000,
    }  # fmt: skip

    done = the_ledger(registry).submit(a_request(60, **request))
    refused = the_ledger(registry).submit(a_request(41, reference="TONNE-B", **request))

    assert isinstance(done, Completed)
    assert [(block.first, block.last) for block in done.result.blocks] == [(21, 80)]
    assert isinstance(refused, Refused)
    assert refused.code is RefusalCode.INSUFFICIENT
    assert (lying(CANCELLED), lying(HOLDER)) == ([("MN", 21, 80)], [("MN", 81, 120)])
    audit()


def test_the_same_payment_told_twice_is_booked_once() -> None:
    issued = issue(1_000)

    assert pay(issued, 40_00) == pay(issued, 40_00)

    assert the_issuance(issued).fee_paid == 40_00
    assert db.session.scalar(select(func.count()).select_from(LedgerPayment)) == 1


def test_a_bank_reference_stands_for_one_payment_only() -> None:
    issued, other = issue(1_000), issue(1_000)
    pay(issued, 40_00)

    for again in (
        lambda: pay(issued, 41_00),
        lambda: pay(issued, 40_00, payer="Somebody else"),
        lambda: pay(other, 40_00),
    ):
        with pytest.raises(PaymentUnfit) as refused:
            again()
        assert refused.value.facts == {"problem": "reused"}
    assert (the_issuance(issued).fee_paid, the_issuance(other).fee_paid) == (40_00, 0)


def test_nobody_pays_more_than_is_due_and_nothing_of_such_a_payment_is_kept() -> None:
    issued = issue(1_000)
    pay(issued, 40_00)

    with pytest.raises(PaymentUnfit) as refused:
        pay(issued, 60_01, reference="BANK-2")

    assert refused.value.facts == {"problem": "too_much", "open": 60_00}
    assert the_issuance(issued).fee_paid == 40_00
    assert db.session.scalar(select(func.count()).select_from(LedgerPayment)) == 1


def test_payments_at_once_never_add_up_to_more_than_is_due(registry: Flask) -> None:
    issued = issue(1_000)

    def one(number: int) -> object:
        try:
            return pay(issued, 30_00, reference=f"BANK-{number}")
        except PaymentUnfit as refusal:
            return refusal.facts["problem"]

    answers = all_at_once(registry, [lambda n=n: one(n) for n in range(5)])  # type: ignore[misc]  # mypy does not see a default's type

    assert sorted(str(answer) for answer in answers).count("too_much") == 2
    assert the_issuance(issued).fee_paid == 90_00


@pytest.mark.parametrize(
    ("cents", "currency", "payer", "reference", "problem"),
    [
        (1, "EUR", "Wind Ltd", "BANK-1", "currency"),
        (0, "USD", "Wind Ltd", "BANK-1", "amount"),
        (-5, "USD", "Wind Ltd", "BANK-1", "amount"),
        (1, "USD", "  ", "BANK-1", "payer"),
        (1, "USD", "Wind Ltd", "", "reference"),
        (1, "USD", "Wind Ltd", "B" * 81, "reference"),
    ],
)
def test_a_payment_says_who_paid_what_under_which_reference(
    cents: int, currency: str, payer: str, reference: str, problem: str
) -> None:
    issued = issue(1_000)

    with pytest.raises(PaymentUnfit) as refused:
        service.pay_share_of_proceeds(
            issued.issuance_id, Money(cents, currency), payer=payer, reference=reference, now=AT
        )
    assert refused.value.facts == {"problem": problem}


def test_where_nothing_is_due_nothing_is_paid_and_everything_is_released() -> None:
    issued = issue(100, project="MW-9933")

    with pytest.raises(PaymentUnfit) as refused:
        pay(issued, 1)
    assert refused.value.facts == {"problem": "nothing_due"}
    forward(issued, 100)
    assert lying(HOLDER) == [("MW", 1, 100)]


@pytest.mark.parametrize(
    ("account", "units", "problem"),
    [("CDM-100-9", 1, "account"), (PENDING, 1, "account"), (HOLDER, 0, "units"), (HOLDER, -3, "units")],
)
def test_units_go_to_holding_accounts_only(account: str, units: int, problem: str) -> None:
    issued = issue(100, project="MW-9933")

    with pytest.raises(ForwardingUnfit) as refused:
        forward(issued, units, account=account)
    assert refused.value.facts == {"problem": problem}


def test_forwarding_at_once_never_forwards_a_unit_twice(registry: Flask) -> None:
    issued = issue(1_000)
    pay(issued, 50_00)

    def one() -> bool:
        try:
            forward(issued, 200)
        except ForwardingUnfit:
            return False
        return True

    assert sorted(all_at_once(registry, [one] * 4)) == [False, False, True, True]
    assert (units_in(HOLDER), units_in(PENDING)) == (400, 580)
    audit()


def test_what_nobody_issued_can_neither_be_paid_for_nor_forwarded() -> None:
    with pytest.raises(NoResultFound):
        service.forward(99, HOLDER, 1, now=AT)
    with pytest.raises(NoResultFound):
        service.pay_share_of_proceeds(99, Money(1, "USD"), payer="x", reference="y", now=AT)


def test_units_of_which_the_books_do_not_know_the_issue_do_not_wait_for_anything() -> None:
    issued = issue(1_000)
    with transaction() as session:
        session.execute(update(LedgerIssuance).values(issued_in_id=None, fee_due=0))

    assert pending_of(the_issuance(issued)).available == 1_000


def test_temporary_units_after_their_last_day_are_neither_held_nor_cancelled(registry: Flask) -> None:
    issued = issue(100, project="MW-9933", unit_type="tCER", commitment_period=1)
    forward(issued, 100)
    ledger = the_ledger(registry)
    request = {
        "project_reference": "MW-9933", "space": "MW", "serial_first": 1, "serial_last": 100,
        "unit_type": "tCER", "commitment_period": 1,
    }  # fmt: skip

    refused = ledger.submit(a_request(1, **request))

    assert ledger.holdings(HOLDER) == []
    assert isinstance(refused, Refused)
    assert "0 units" in refused.message
    with transaction() as session:
        session.execute(update(LedgerIssuance).values(expires_on=date(2026, 11, 22)))
    assert [holding.available for holding in ledger.holdings(HOLDER)] == [100]
    assert isinstance(ledger.submit(a_request(1, reference="TONNE-B", **request)), Completed)
    assert db.session.scalar(select(func.count()).select_from(LedgerBlock)) == 2
