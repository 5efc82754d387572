"""What the registry issues: the next numbers of the space, into the pending account, less the mechanism's shares."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.catalog.models import Issuance, LevyRule, Mechanism, Project, ProjectParty, UnitType
from app.db import db, transaction
from app.kernel.money import Money
from app.registry.ledger.errors import IssuanceUnfit
from app.registry.ledger.models import LedgerTransaction
from tests.builders import all_at_once
from tests.service.registry.registrar import (
    AT,
    FUND,
    HOLDER,
    PENDING,
    audit,
    issue,
    lying,
    open_registry,
    the_issuance,
    transactions,
)


@pytest.fixture(autouse=True)
def registry(context: Flask) -> Flask:
    open_registry()
    return context


def test_an_issuance_goes_into_the_pending_account_and_its_lowest_numbers_to_the_adaptation_fund() -> None:
    issued = issue(10_000)

    assert (lying(FUND), lying(PENDING), lying(HOLDER)) == ([("MN", 1, 200)], [("MN", 201, 10_000)], [])
    assert transactions() == [
        (1, None, PENDING, 10_000, ((1, 10_000),)),
        (10, PENDING, FUND, 200, ((1, 200),)),
    ]
    assert issued.levies.fee == Money(1_000_00, "USD")
    assert (the_issuance(issued).fee_due, the_issuance(issued).fee_paid) == (1_000_00, 0)
    assert (issued.entry.identifier, issued.span.first, issued.span.last) == ("TN00000001", 1, 10_000)
    audit()


def test_every_transaction_says_what_it_is_in_the_codes_of_the_standard() -> None:
    issue(1_000, commitment_period=1)

    db.session.expire_all()
    facts = [
        (entry.type_code, entry.supplementary_code, entry.state_code, entry.commitment_period, entry.mechanism_code)
        for entry in db.session.scalars(select(LedgerTransaction).order_by(LedgerTransaction.id))
    ]
    assert facts == [(1, 0, 4, 1, "CDM"), (10, 0, 4, 1, "CDM")]
    assert {(e.origin, e.channel) for e in db.session.scalars(select(LedgerTransaction))} == {("own", "registry")}


def test_one_counter_of_a_party_serves_projects_unit_types_and_periods() -> None:
    first = issue(1_000, commitment_period=1)
    second = issue(500, commitment_period=2)
    other = issue(100, unit_type="tCER")
    kenya = issue(50, project="GH-8438", party="KE")
    ghana = issue(60, project="GH-8438", party="GH")

    assert [(i.span.space, i.span.first, i.span.last) for i in (first, second, other, kenya, ghana)] == [
        ("MN", 1, 1_000),
        ("MN", 1_001, 1_500),
        ("MN", 1_501, 1_600),
        ("KE", 1, 50),
        ("GH", 1, 60),
    ]
    audit()


def test_numbers_that_the_registry_published_are_not_issued_again() -> None:
    with transaction() as session:
        project = session.scalars(select(Project).where(Project.reference == "MN-5977")).one()
        session.add(
            Issuance(
                project_id=project.id,
                unit_type="CER",
                commitment_period=1,
                originating_party="MN",
                space="MN",
                serial_first=1,
                serial_last=4_000,
                units=4_000,
                completed_at=AT,
                monitoring_starts_on=date(2012, 1, 1),
                monitoring_ends_on=date(2012, 12, 31),
            )
        )

    assert issue(10).span.first == 4_001


def test_issuing_at_once_never_gives_a_number_twice(registry: Flask) -> None:
    all_at_once(registry, [lambda: issue(1_000)] * 4)

    assert lying(PENDING) == [("MN", n * 1_000 + 21, (n + 1) * 1_000) for n in range(4)]
    audit()


def test_the_fee_grows_above_15_000_units_of_a_project_and_calendar_year() -> None:
    issue(12_000)
    same_year = issue(10_000)
    other_project = issue(10_000, project="GH-8438", party="KE")
    next_year = issue(10_000, at=datetime(2017, 1, 1, 0, 0, 1, tzinfo=UTC))

    assert same_year.levies.fee == Money(1_700_00, "USD")
    assert other_project.levies.fee == next_year.levies.fee == Money(1_000_00, "USD")


def test_a_least_developed_country_pays_no_fee_and_gives_no_share() -> None:
    issued = issue(54_266, project="MW-9933")

    assert (issued.levies.fee, issued.levies.shares) == (None, ())
    assert (lying(FUND), lying(PENDING)) == ([], [("MW", 1, 54_266)])
    assert the_issuance(issued).fee_due == 0


def test_temporary_units_are_issued_with_their_last_day() -> None:
    assert the_issuance(issue(10, unit_type="tCER", commitment_period=1)).expires_on == date(2020, 12, 31)
    assert the_issuance(issue(10)).expires_on is None


def test_the_smallest_issuance_gives_no_share() -> None:
    issued = issue(1)

    assert (issued.levies.shares, lying(PENDING), lying(FUND)) == ((), [("MN", 1, 1)], [])
    audit()


def test_a_mechanism_may_take_everything() -> None:
    with transaction() as session:
        session.execute(update(LevyRule).where(LevyRule.code == "adaptation").values(basis_points=10_000))
    issue(100)

    assert (lying(FUND), lying(PENDING)) == ([("MN", 1, 100)], [])
    audit()


UNFIT: dict[str, tuple[dict[str, Any], str]] = {
    "no such project": ({"project": "MN-1"}, "project"),
    "no such unit type": ({"unit_type": "XYZ"}, "unit_type"),
    "unit type of another mechanism": ({"unit_type": "A6"}, "unit_type"),
    "Party that is no host": ({"party": "KE"}, "party"),
    "no units": ({"units": 0}, "units"),
    "absurdly many": ({"units": 10**13}, "units"),
    "no period": ({"commitment_period": None}, "period"),
    "a period that never was": ({"commitment_period": 9}, "period"),
    "a vintage where there are periods": ({"vintage_year": 2016}, "period"),
}


def test_what_does_not_fit_the_catalogue_is_not_issued() -> None:
    another_mechanism()

    for case, (changes, field) in UNFIT.items():
        with pytest.raises(IssuanceUnfit) as refused:
            issue(**({"units": 100} | changes))
        assert refused.value.facts == {"field": field}, case
    assert transactions() == []


def another_mechanism() -> None:
    """A mechanism of vintages, with levies, a number space and a project of its own, made of rows alone."""
    with transaction() as session:
        session.add(
            Mechanism(
                code="A6",
                name="Another mechanism",
                registry_name="Another registry",
                period_kind="vintage_year",
                space_form="A6-{party}-{vintage}",
                serial_form="A6-{party}-{vintage}-{serial}",
                reference_form="A6-{project}",
            )
        )
        session.flush()
        session.add(UnitType(code="A6", mechanism_code="A6"))
        for code, basis_points, account_type in (("mitigation", 200, 920), ("adaptation", 500, 910)):
            session.add(
                LevyRule(
                    mechanism_code="A6",
                    code=code,
                    valid_from=date(2010, 1, 1),
                    basis_points=basis_points,
                    account_type=account_type,
                )
            )
        session.add(
            Project(
                mechanism_code="A6",
                reference="A6-7",
                reference_number=7,
                title="Stoves",
                kind="PA",
                project_type="EE households",
                region="Africa",
                parties=[ProjectParty(country="KE", position=0)],
            )
        )


def test_a_mechanism_of_vintages_issues_and_levies_by_its_rows_alone() -> None:
    another_mechanism()
    a6: dict[str, Any] = {"project": "A6-7", "party": "KE", "unit_type": "A6", "commitment_period": None}

    first = issue(1_000, vintage_year=2024, **a6)
    second = issue(1_000, vintage_year=2025, **a6)

    assert [(i.span.space, i.span.first, i.levies.fee) for i in (first, second)] == [
        ("A6-KE-2024", 1, None),
        ("A6-KE-2025", 1, None),
    ]
    assert transactions()[:3] == [
        (1, None, "A6-110-1", 1_000, ((1, 1_000),)),
        (10, "A6-110-1", "A6-910-1", 50, ((1, 50),)),
        (4, "A6-110-1", "A6-920-1", 20, ((51, 70),)),
    ]
    assert lying("A6-110-1") == [("A6-KE-2024", 71, 1_000), ("A6-KE-2025", 71, 1_000)]
    with pytest.raises(IssuanceUnfit) as refused:
        issue(10, vintage_year=2024, **(a6 | {"commitment_period": 2}))
    assert refused.value.facts == {"field": "period"}
    audit()
