"""The demonstration world in the database, and the commands that load it and other files."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.catalog.models import Issuance, Project
from app.checkout.models import Order
from app.checkout.states import OrderState
from app.current import now, settings
from app.db import StateEvent, db, transaction
from app.demo import world
from app.demo.world import DATA, DemoRefused, load
from app.kernel.csvtable import ImportRefused, ImportReport
from app.kernel.money import Money
from app.offers.listing import catalogue
from app.offers.models import Offer, OfferPrice
from app.offers.queries import project_page
from app.providers.models import Provider
from app.registry.ledger.models import LedgerBlock, LedgerIssuance
from app.registry.ledger.rules import share_of
from app.registry.ports import CancellationRequest, Completed, current_registries
from tests.service.worlds import PROVIDERS

AT = datetime(2026, 11, 22, 10, tzinfo=UTC)


def an_order(is_demonstration: bool) -> None:
    with transaction() as session:
        session.add(
            Order(
                reference="T-2222-2222",
                token="token",
                state=OrderState.PLACED,
                locale="en",
                email="buyer@example.org",
                currency="USD",
                total=100,
                is_demonstration=is_demonstration,
                consent_version="test",
                consent_text="I agree.",
                terms_version="2026-11-01",
                placed_at=AT,
                expires_at=AT + timedelta(minutes=41),
            )
        )


def test_the_demonstration_sells_1870000_units_of_48_projects_at_twenty_prices_or_more(context: Flask) -> None:
    load(now())
    listed = catalogue()

    assert len(listed.rows) == 48
    assert listed.units_on_offer == 1_870_000
    assert (listed.price_low, listed.price_high) == (Money(38, "USD"), Money(850, "USD"))
    assert len(set(db.session.scalars(select(Offer.unit_price)))) >= 20
    assert all(db.session.scalars(select(Provider.is_demonstration)))


def test_loading_the_demonstration_twice_changes_nothing(context: Flask) -> None:
    first = load(AT)
    before = [db.session.scalar(select(func.count()).select_from(t)) for t in (StateEvent, OfferPrice, LedgerBlock)]
    second = load(AT + timedelta(days=1))
    after = [db.session.scalar(select(func.count()).select_from(t)) for t in (StateEvent, OfferPrice, LedgerBlock)]

    assert {name: report.created for name, report in first.items()} == {
        "providers": 6, "projects": 48, "issuances": 298, "cancellations": 1044, "holdings": 166, "offers": 114,
    }  # fmt: skip
    assert second == {name: ImportReport(0, 0, report.created) for name, report in first.items()}
    assert before == after


def test_loading_again_after_sales_changes_nothing(context: Flask) -> None:
    load(AT)
    offer, issuance, project = db.session.execute(
        select(Offer, Issuance, Project)
        .join(Issuance, Issuance.id == Offer.issuance_id)
        .join(Project, Project.id == Issuance.project_id)
        .where(Offer.code == "KE-5336-2")
    ).one()
    request = CancellationRequest(
        reference="TONNE-TEST",
        account=offer.account,
        project_reference=project.reference,
        unit_type=issuance.unit_type,
        commitment_period=issuance.commitment_period,
        space=issuance.space,
        serial_first=issuance.serial_first,
        serial_last=issuance.serial_last,
        units=60,
        beneficiary_name="",
        purpose="",
    )
    outcome = current_registries().default.submit(request)
    assert isinstance(outcome, Completed)
    # Kenya's first issuance has three blocks left, of 10, 52 and 11 units: real holes, real serial numbers.
    assert [(block.first, block.last) for block in outcome.result.blocks] == [(199_786, 199_795), (210_683, 210_732)]

    assert all(not report.is_change for report in load(AT).values())


def test_every_holding_of_the_demonstration_lies_in_its_issuance_after_the_share(context: Flask) -> None:
    load(AT)
    blocks = db.session.execute(
        select(LedgerBlock, LedgerIssuance, Project.is_least_developed)
        .join(LedgerIssuance, LedgerIssuance.id == LedgerBlock.issuance_id)
        .join(Project, Project.reference == LedgerIssuance.project_reference)
    ).all()

    assert len(blocks) == 166
    for block, issuance, is_least_developed in blocks:
        start = issuance.first + (0 if is_least_developed else share_of(issuance.units, 200))
        assert block.space == issuance.party
        assert start <= block.first <= block.last <= issuance.last


def test_a_programme_in_two_countries_shows_both(context: Flask) -> None:
    load(AT)
    page = project_page("gh-8438", 50)

    assert page is not None
    assert page.project.host_parties == ("GH", "KE")
    assert len(page.offers) == 3


def test_a_database_with_a_real_order_refuses_the_demonstration(context: Flask) -> None:
    an_order(is_demonstration=False)

    with pytest.raises(DemoRefused) as refused:
        load(AT)
    assert refused.value.facts == {"reason": "real_orders"}
    assert catalogue().rows == ()


def test_demonstration_orders_do_not_keep_the_demonstration_out(context: Flask) -> None:
    an_order(is_demonstration=True)

    assert load(AT)["offers"].created == 114


def test_a_shop_with_real_money_and_a_real_registry_refuses_the_demonstration(make_app: Callable[..., Flask]) -> None:
    app = make_app(
        PAYMENT_GATEWAY="stripe",
        STRIPE_SECRET_KEY="sk_live_x",
        STRIPE_WEBHOOK_SECRETS="whsec_x",
        REGISTRY_OF_RECORD_NAME="Registry Ltd",
    )
    with app.app_context():
        assert not settings().is_demonstration
        with pytest.raises(DemoRefused) as refused:
            load(AT)
        assert refused.value.facts == {"reason": "real_settings"}
        answer = app.test_cli_runner().invoke(args=["demo", "load"])
    assert answer.exit_code == 1
    assert "Payment and registry are real here" in answer.output


def test_the_command_says_what_it_did_and_did_not(app: Flask) -> None:
    runner = app.test_cli_runner()

    first, second = (runner.invoke(args=["demo", "load"]) for _ in range(2))

    assert first.exit_code == second.exit_code == 0
    assert "offers: Rows: 114 new, 0 changed, 0 there already." in first.output
    assert "offers: Rows: 0 new, 0 changed, 114 there already." in second.output


def test_the_command_names_what_contradicts_the_files(app: Flask) -> None:
    runner = app.test_cli_runner()
    with app.app_context(), transaction() as session:
        session.add(Provider(code="demo-seller-1", legal_name="A real one", country="GH", is_demonstration=False))

    answer = runner.invoke(args=["demo", "load"])

    assert answer.exit_code == 1
    assert "Row 2, column is_demonstration: This is part of the history and cannot be changed." in answer.output


def test_an_operator_loads_the_same_files_by_command(app: Flask) -> None:
    runner = app.test_cli_runner()

    for name in ("providers", "projects", "issuances", "cancellations", "holdings", "offers"):
        answer = runner.invoke(args=["import", name, str(DATA / f"{name}.csv")])
        assert answer.exit_code == 0, answer.output
        assert "0 changed, 0 there already." in answer.output
    with app.app_context():
        assert catalogue().units_on_offer == 1_870_000
        assert all(not report.is_change for report in load(AT).values())


def test_the_import_command_names_every_problem_and_changes_nothing(app: Flask, tmp_path: Path) -> None:
    file = tmp_path / "providers.csv"
    file.write_bytes((PROVIDERS + "Bad,,XX,no\n").encode("utf-16"))

    answer = app.test_cli_runner().invoke(args=["import", "providers", str(file)])

    assert answer.exit_code == 1
    assert "Row 4, column code: Write it in the form acme-hydro." in answer.output
    assert "Row 4, column country: Write the two-letter ISO code of a country, such as IN." in answer.output
    assert "Row 4, column legal_name: The cell is empty." in answer.output
    assert "Nothing was changed." in answer.output
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(Provider)) == 0


def test_the_demonstration_is_refused_whole_when_a_file_of_it_is_damaged(
    context: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for file in DATA.glob("*.csv"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    holdings = (tmp_path / "holdings.csv").read_text(encoding="utf-8").replace(",CER,2,", ",CER,1,", 1)
    (tmp_path / "holdings.csv").write_text(holdings, encoding="utf-8")
    monkeypatch.setattr(world, "DATA", tmp_path)

    with pytest.raises(ImportRefused):
        load(AT)
    assert db.session.scalar(select(func.count()).select_from(LedgerBlock)) == 0
    assert catalogue().rows == ()
