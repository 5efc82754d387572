"""The registry administrator at the keyboard: issue, take the share of proceeds, forward, look."""

from __future__ import annotations

import pytest
from click.testing import Result
from flask import Flask

from app.db import db, end_reading
from app.registry.ledger.models import LedgerIssuance
from tests.service.registry.registrar import HOLDER, audit, open_registry


@pytest.fixture(autouse=True)
def registry(context: Flask) -> Flask:
    open_registry()
    return context


def run(app: Flask, *arguments: str) -> Result:
    """A command of `flask ledger`, and what it says."""
    return app.test_cli_runner().invoke(args=["ledger", *arguments])


def issued(app: Flask) -> None:
    """40,000 units of Mongolia's project."""
    assert run(app, "issue", "mn-5977", "40000", "--period", "2").exit_code == 0


def test_issue_pay_a_half_and_forward_it(registry: Flask) -> None:
    assert run(registry, "issue", "mn-5977", "40000", "--period", "2").output.splitlines() == [
        "Issuance 1: MN 1 to 40000, TN00000001.",
        "  adaptation: 800 units to account type 910",
        "  Share of proceeds due: USD 6500.00",
    ]
    paid = run(registry, "pay", "1", "3250.00", "--payer", "Salkhit Wind LLC", "--reference", "BANK-1")
    assert paid.output == "Paid USD 3250.00 of USD 6500.00; 19600 units may go.\n"
    assert run(registry, "forward", "1", HOLDER, "19600").output == (
        "TN00000003: 19600 units forwarded to CDM-100-1.\n"
    )
    assert run(registry, "accounts").output.splitlines() == [
        "CDM-100-1                 19600 units in 1 blocks  Party holding account; Salkhit Wind LLC",
        "CDM-110-1                 19600 units in 1 blocks  Pending account; Pending account of the registry",
        "CDM-910-1                   800 units in 1 blocks  Adaptation Fund account; "
        "Adaptation Fund: share of proceeds",
    ]
    audit()


def test_one_issuance_is_shown_whole(registry: Flask) -> None:
    issued(registry)
    run(registry, "pay", "1", "6500.00", "--payer", "Salkhit Wind LLC", "--reference", "BANK-1")
    run(registry, "forward", "1", HOLDER, "10")

    assert run(registry, "show", "mn-5977").output == "1: CER MN 1 to 40000, 40000 units\n"
    assert run(registry, "show", "1").output.splitlines() == [
        "MN-5977 CER MN 1 to 40000, 40000 units",
        "Paid USD 6500.00 of USD 6500.00; 39190 units may go.",
        "  1 to 800: 800 in CDM-910-1",
        "  801 to 810: 10 in CDM-100-1",
        "  811 to 40000: 39190 in CDM-110-1",
        "  TN00000003 2026-11-22T10:00:00+00:00 Internal transfer (10), Completed: 10 units, CDM-110-1 to CDM-100-1",
        "  TN00000002 2026-11-22T10:00:00+00:00 Internal transfer (10), Completed: 800 units, CDM-110-1 to CDM-910-1",
        "  TN00000001 2026-11-22T10:00:00+00:00 Issuance (1), Completed: 40000 units, outside to CDM-110-1",
    ]


def test_a_least_developed_country_owes_nothing(registry: Flask) -> None:
    assert run(registry, "issue", "MW-9933", "100", "--period", "2").output.splitlines() == [
        "Issuance 1: MW 1 to 100, TN00000001.",
        "  Share of proceeds due: none",
    ]
    assert "nothing is due" in run(registry, "pay", "1", "1.00", "--payer", "x", "--reference", "y").output


REFUSED = {
    "The party does not fit. Nothing was changed.": ("issue", "MN-5977", "5", "--period", "2", "--party", "KE"),
    "The project does not fit. Nothing was changed.": ("issue", "MN-1", "5", "--period", "2"),
    "The period does not fit. Nothing was changed.": ("issue", "MN-5977", "5"),
    "The ledger has no issuance 9.": ("forward", "9", HOLDER, "1"),
    "The ledger has no issuance of MN-1.": ("show", "mn-1"),
    "Nothing was changed, because not so many units are released: at most 0.": ("forward", "1", HOLDER, "1"),
    "Nothing was changed, because there is no such holding account.": ("forward", "1", "CDM-230-1", "1"),
    "Nothing was changed, because it is more than is due: at most 650000.": (
        "pay", "1", "6500.01", "--payer", "x", "--reference", "y",
    ),
    "many is no amount in USD. Nothing was changed.": ("pay", "1", "many", "--payer", "x", "--reference", "y"),
}  # fmt: skip


@pytest.mark.parametrize("said", REFUSED)
def test_what_cannot_be_done_says_why_and_changes_nothing(registry: Flask, said: str) -> None:
    issued(registry)

    result = run(registry, *REFUSED[said])

    assert (result.exit_code, result.output) == (1, f"Error: {said}\n")
    issuance = db.session.get_one(LedgerIssuance, 1)
    assert issuance.fee_paid == 0
    end_reading()


def test_the_codes_of_the_standard_can_be_looked_up(registry: Flask) -> None:
    lines = run(registry, "codes").output.splitlines()

    assert "  230  Voluntary cancellation account (cancellation)" in lines
    assert "    5  CER, certified emission reduction" in lines
    assert "    1  2008-01-01 to 2012-12-31" in lines
    assert "    5  Retirement (not carried out here)" in lines
    assert "        46  Ambition increase" in lines
    assert "    1  Proposed: 2, 3, 7" in lines
    assert "    4  Completed: final" in lines
    assert "   30  Delayed: 1 (local)" in lines
