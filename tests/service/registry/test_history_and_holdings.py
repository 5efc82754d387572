"""Published ledgers and holdings in either order: the books are the same."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from app.catalog.importer import import_issuances, import_projects
from app.catalog.mechanisms import ensure_mechanisms
from app.db import db
from app.providers.importer import import_providers
from app.registry.ledger.importer import import_holdings
from app.registry.ledger.models import LedgerAccount, LedgerBlock, LedgerIssuance
from tests.service.registry.published import load
from tests.service.worlds import HOLDINGS, ISSUANCES, NOW, PROJECTS, PROVIDERS

# A programme in Ghana and Kenya, whose units of Kenya the registry prints under another letter.
KENYA = "CDM-100-2,stoves,GH-8438,CER,2,KE,7021,7999\n"
PUBLISHED = (
    "2014-07-18T06:30:44,MN-5977,CER,1,1,1000,1000",
    "2014-07-18T06:30:50,MN-5977,CER,2,1001,3000,2000",
    "2017-01-30T10:00:00,MW-9933,CER,2,500,599,100",
    "2020-08-05T09:50:43,KE-8438,CER,2,7000,7999,1000",
)
CANCELLED = (
    "2015-03-01T09:00:00,registry,MN-5977,CER,1,121,130,10",
    "2017-03-01T09:00:00,platform,MN-5977,CER,1,131,150,20",
)
Books = list[tuple[str, str, int, int, str, bool]]


def catalogue() -> None:
    import_providers(PROVIDERS, now=NOW)
    import_projects(PROJECTS, now=NOW)
    import_issuances(ISSUANCES, now=NOW)


def holdings() -> None:
    import_holdings(HOLDINGS + KENYA, now=NOW)


def history() -> None:
    load(PUBLISHED, CANCELLED)


def all_books() -> Books:
    """Every block with its account, and its issuance's project and whether it is known when it was issued."""
    rows = db.session.execute(
        select(
            LedgerAccount.identifier,
            LedgerBlock.space,
            LedgerBlock.first,
            LedgerBlock.last,
            LedgerIssuance.project_reference,
            LedgerIssuance.issued_in_id.is_not(None),
        )
        .join(LedgerAccount, LedgerAccount.id == LedgerBlock.account_id)
        .join(LedgerIssuance, LedgerIssuance.id == LedgerBlock.issuance_id)
        .order_by(LedgerBlock.space, LedgerBlock.first)
    )
    return [(row[0], row[1], row[2], row[3], row[4], bool(row[5])) for row in rows]


@pytest.mark.parametrize(
    "steps",
    [
        (catalogue, holdings, history),
        (catalogue, history, holdings),
        (history, catalogue, holdings),
        (history, catalogue, holdings, history, holdings),
    ],
    ids=["holdings first", "history between", "history first", "both twice"],
)
def test_the_order_of_imports_does_not_matter(context: Flask, steps: tuple[Callable[[], None], ...]) -> None:
    ensure_mechanisms()
    for step in steps:
        step()

    assert all_books() == [
        ("CDM-110-1", "KE", 7000, 7020, "GH-8438", True),
        ("CDM-100-2", "KE", 7021, 7999, "GH-8438", True),
        ("CDM-110-1", "MN", 1, 20, "MN-5977", True),
        ("CDM-100-1", "MN", 21, 120, "MN-5977", True),
        ("CDM-230-1", "MN", 121, 130, "MN-5977", True),
        ("CDM-230-1", "MN", 131, 150, "MN-5977", True),
        ("CDM-110-1", "MN", 151, 200, "MN-5977", True),
        ("CDM-100-1", "MN", 201, 300, "MN-5977", True),
        ("CDM-110-1", "MN", 301, 1000, "MN-5977", True),
        ("CDM-110-1", "MN", 1001, 1040, "MN-5977", True),
        ("CDM-100-1", "MN", 1041, 3000, "MN-5977", True),
        ("CDM-100-2", "MW", 500, 599, "MW-9933", True),
    ]
