"""Holdings and history in either order: what waits in the pending account is forwarded, the rest opens the books."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
from flask import Flask
from sqlalchemy import select

from app.catalog.importer import import_issuances, import_projects
from app.catalog.mechanisms import ensure_mechanisms
from app.db import db, transaction
from app.kernel.csvtable import ImportRefused, ImportReport
from app.kernel.serials import Span
from app.providers.importer import import_providers
from app.registry.ledger import books, codes
from app.registry.ledger.books import Moved, Period
from app.registry.ledger.importer import import_holdings
from app.registry.ledger.models import LedgerIssuance, LedgerTransaction
from tests.builders import NOW
from tests.service.registry.registrar import (
    HOLDER,
    PENDING,
    audit,
    forward,
    issue,
    lying,
    pay,
    transactions,
)
from tests.service.worlds import HOLDINGS, ISSUANCES, PROJECTS, PROVIDERS, load_small_world

HEADER = HOLDINGS.splitlines()[0]


@pytest.fixture(autouse=True)
def catalogue(context: Flask) -> None:
    ensure_mechanisms()
    import_providers(PROVIDERS, now=NOW)
    import_projects(PROJECTS, now=NOW)


def holdings(*rows: str) -> ImportReport:
    """Load some rows."""
    return import_holdings("\n".join([HEADER, *rows]) + "\n", now=NOW)


def problems(act: Callable[[], object]) -> list[tuple[int, str | None, str, dict[str, object]]]:
    """What is wrong with a file."""
    with pytest.raises(ImportRefused) as refused:
        act()
    return [(error.row, error.column, error.code, dict(error.facts)) for error in refused.value.errors]


def published(units: int) -> str:
    """The first issuance of MN-5977 in the catalogue, as the registry itself would publish what `issue` made."""
    return (
        ISSUANCES.splitlines()[0] + f"\nMN-5977,CER,2,MN,1,{units},{units},2016-07-18T06:30:44Z,2014-06-24,2014-12-31\n"
    )


def history(reference: str = "MN-5977", first: int = 1, last: int = 1_000) -> None:
    """An issuance of the published ledger, as its import enters it: all of it pending, nothing due."""
    period = Period("CDM", 1, None)
    with transaction() as session:
        issuance = LedgerIssuance(
            mechanism_code="CDM", project_reference=reference, unit_type="CER", commitment_period=1,
            party="MN", space="MN", first=first, last=last,
        )  # fmt: skip
        session.add(issuance)
        session.flush()
        pending = books.system_account("CDM", codes.PENDING_ACCOUNT)
        span = Span("MN", first, last)
        entry = books.enter(
            codes.ISSUANCE, None, pending, period, [Moved(issuance.id, span)], at=NOW, origin="imported"
        )
        books.put(issuance.id, span, pending.id)
        issuance.issued_in_id = entry.id


def test_units_that_nobody_issued_here_open_the_books_with_a_transaction_of_each_period(context: Flask) -> None:
    import_issuances(ISSUANCES, now=NOW)
    holdings(
        "CDM-100-1,wind,MN-5977,CER,1,MN,21,120",
        "CDM-100-1,wind,MN-5977,CER,2,MN,1041,3000",
        "CDM-100-1,wind,MN-5977,CER,1,MN,201,300",
    )

    assert transactions() == [
        (10, None, HOLDER, 200, ((21, 120), (201, 300))),
        (10, None, HOLDER, 1_960, ((1_041, 3_000),)),
    ]
    opened = db.session.execute(
        select(LedgerTransaction.origin, LedgerTransaction.commitment_period, LedgerTransaction.completed_at)
    ).all()
    assert [tuple(row) for row in opened] == [("opening", 1, NOW), ("opening", 2, NOW)]


def test_units_of_the_published_history_are_forwarded_out_of_the_pending_account() -> None:
    import_issuances(ISSUANCES, now=NOW)
    history()
    rows = ("CDM-100-1,wind,MN-5977,CER,1,MN,21,120", "CDM-100-1,wind,MN-5977,CER,1,MN,201,300",
            "CDM-100-1,wind,MN-5977,CER,1,MN,981,1000")  # fmt: skip

    assert holdings(*rows) == ImportReport(3, 0, 0)
    assert holdings(*rows) == ImportReport(0, 0, 3)

    assert lying(HOLDER) == [("MN", 21, 120), ("MN", 201, 300), ("MN", 981, 1_000)]
    assert lying(PENDING) == [("MN", 1, 20), ("MN", 121, 200), ("MN", 301, 980)]
    assert transactions()[1:] == [(10, PENDING, HOLDER, 220, ((21, 120), (201, 300), (981, 1_000)))]
    audit()


def test_the_catalogue_decides_how_a_project_of_the_history_is_called() -> None:
    import_issuances(ISSUANCES, now=NOW)
    history("XX-5977")
    holdings("CDM-100-1,wind,MN-5977,CER,1,MN,21,120")

    assert db.session.scalars(select(LedgerIssuance.project_reference)).all() == ["MN-5977"]


def test_units_in_somebody_elses_account_are_not_forwarded_again() -> None:
    import_issuances(ISSUANCES, now=NOW)
    history()
    holdings("CDM-100-1,wind,MN-5977,CER,1,MN,21,120")

    assert problems(lambda: holdings("CDM-100-9,stoves,MN-5977,CER,1,MN,100,200")) == [
        (2, "serial_first", "overlap", {"party": "MN", "first": 21, "last": 120})
    ]


def test_units_whose_share_of_proceeds_is_not_paid_are_not_entered() -> None:
    issued = issue(1_000)
    import_issuances(published(1_000), now=NOW)
    row = "CDM-100-1,wind,MN-5977,CER,2,MN,21,510"

    assert problems(lambda: holdings(row)) == [(2, "serial_first", "fee_outstanding", {"released": 0})]
    pay(issued, 49_99)
    assert problems(lambda: holdings(row)) == [(2, "serial_first", "fee_outstanding", {"released": 489})]
    pay(issued, 1, reference="BANK-2")
    assert holdings(row) == ImportReport(1, 0, 0)
    assert problems(lambda: holdings("CDM-100-1,wind,MN-5977,CER,2,MN,511,511")) == [
        (2, "serial_first", "fee_outstanding", {"released": 0})
    ]
    pay(issued, 50_00, reference="BANK-3")
    holdings("CDM-100-1,wind,MN-5977,CER,2,MN,511,1000")
    assert lying(PENDING) == []
    audit()


def test_what_the_ledger_forwarded_is_there_already_when_the_file_names_it() -> None:
    issued = issue(1_000)
    import_issuances(published(1_000), now=NOW)
    pay(issued, 100_00)
    holdings("CDM-100-1,wind,MN-5977,CER,2,MN,21,100")
    forward(issued, 20)

    assert holdings("CDM-100-1,wind,MN-5977,CER,2,MN,21,120") == ImportReport(0, 0, 1)


def test_long_term_units_are_entered_with_the_last_day_of_the_crediting_period() -> None:
    lines = PROJECTS.splitlines()
    import_projects(f"{lines[0]},crediting_starts_on,crediting_ends_on\n{lines[1]},2012-01-01,2026-12-01\n", now=NOW)
    import_issuances(ISSUANCES.replace("MN-5977,CER,1", "MN-5977,lCER,1"), now=NOW)
    holdings("CDM-100-1,wind,MN-5977,lCER,1,MN,21,120")

    assert db.session.scalars(select(LedgerIssuance.expires_on)).all() == [date(2026, 12, 1)]


def test_the_small_world_balances_as_every_ledger_does(context: Flask) -> None:
    load_small_world()

    moved = [(kind, source, target, units) for kind, source, target, units, _blocks in transactions()]
    assert moved == [
        (10, None, "CDM-100-1", 200),
        (10, None, "CDM-100-1", 1_960),
        (10, None, "CDM-100-2", 100),
    ]
