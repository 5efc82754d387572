"""CSV importers: whole or nothing, every problem named, and a second time changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from app.catalog.importer import import_issuances, import_projects
from app.catalog.mechanisms import ensure_mechanisms
from app.catalog.models import Issuance, Mechanism, Project, UnitType
from app.db import StateEvent, db, transaction
from app.kernel.csvtable import ImportRefused, ImportReport
from app.offers.models import Offer, OfferPrice
from app.offers.states import OfferState
from app.providers.importer import import_providers
from app.providers.models import Provider
from app.providers.states import ProviderState
from app.registry.accounts import find_account_provider
from app.registry.ledger.importer import import_holdings
from app.registry.ledger.models import LedgerAccount, LedgerBlock
from app.registry.ports import CancellationRequest, Completed, current_registries
from tests.builders import no_mechanisms
from tests.service.worlds import (
    HOLDINGS,
    ISSUANCES,
    NOW,
    OFFERS,
    PROJECTS,
    PROVIDERS,
    load_small_world,
    offers,
)


@pytest.fixture
def small_world(context: Flask) -> None:
    load_small_world()


def problems(act: Callable[[], ImportReport]) -> list[tuple[int, str | None, str]]:
    with pytest.raises(ImportRefused) as refused:
        act()
    return [(error.row, error.column, error.code) for error in refused.value.errors]


def count(model: type) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def row_for(header_of: str, **values: object) -> str:
    """One CSV row under the header of a text: the first row of it with some values changed."""
    lines = header_of.splitlines()
    names, cells = lines[0].split(","), lines[1].split(",")
    changed = {name: str(values.get(name, cell)) for name, cell in zip(names, cells, strict=True)}
    assert not set(values) - set(names)
    return f"{lines[0]}\n{','.join(changed.values())}\n"


def cancel(reference: str, units: int, *, serials: tuple[int, int] = (1, 1000), period: int = 1) -> None:
    outcome = current_registries().default.submit(
        CancellationRequest(
            reference=reference,
            account="CDM-100-1",
            project_reference="MN-5977",
            unit_type="CER",
            commitment_period=period,
            space="MN",
            serial_first=serials[0],
            serial_last=serials[1],
            units=units,
            beneficiary_name="",
            purpose="",
        )
    )
    assert isinstance(outcome, Completed)


def test_mechanisms_are_written_once_with_their_kyoto_codes(context: Flask) -> None:
    no_mechanisms()
    assert ensure_mechanisms() is True
    assert ensure_mechanisms() is False
    codes = dict(db.session.execute(select(UnitType.code, UnitType.kyoto_code)).all())
    assert codes == {"CER": 5, "tCER": 6, "lCER": 7}
    assert db.session.get_one(Mechanism, "CDM").ends_at == datetime(2027, 1, 1, tzinfo=UTC)


def test_files_load_once_and_a_second_time_changes_nothing(context: Flask) -> None:
    assert [report.created for report in load_small_world()] == [2, 3, 4, 4, 3]
    events = count(StateEvent)
    assert load_small_world() == [ImportReport(0, 0, n) for n in (2, 3, 4, 4, 3)]
    assert count(StateEvent) == events
    assert count(OfferPrice) == 3


def test_a_project_participant_is_corrected_but_never_becomes_real(small_world: None) -> None:
    changed = PROVIDERS.replace("Stoves Ltd,MW", "Stoves International,ZM")
    assert import_providers(changed, now=NOW) == ImportReport(0, 1, 1)
    assert db.session.scalars(select(Provider.legal_name).where(Provider.code == "stoves")).one() == (
        "Stoves International"
    )

    real = PROVIDERS.replace("Stoves Ltd,MW,yes", "Real Ltd,MW,no")
    assert problems(lambda: import_providers(real, now=NOW)) == [(3, "is_demonstration", "cannot_change")]
    assert count(Provider) == 2


def test_one_bad_row_keeps_the_good_rows_out(context: Flask) -> None:
    assert problems(lambda: import_providers(PROVIDERS + "Bad Code,X,XX,maybe\nwind,W,MN,no\n", now=NOW)) == [
        (4, "code", "wrong_form"),
        (4, "country", "not_a_country"),
        (4, "is_demonstration", "not_a_choice"),
        (5, "code", "repeated"),
    ]
    assert count(Provider) == 0


def test_a_project_keeps_its_host_parties_in_order(small_world: None) -> None:
    assert db.session.scalars(select(Project).where(Project.reference == "GH-8438")).one().host_parties == ("GH", "KE")
    assert db.session.scalars(select(Project.reference_number).where(Project.reference == "GH-8438")).one() == 8438


def test_a_project_is_corrected_and_gains_and_loses_host_parties(small_world: None) -> None:
    changed = PROJECTS.replace("Salkhit Wind Farm", "Salkhit Wind Park").replace("GH;KE", "GH;UG;KE")
    assert import_projects(changed, now=NOW) == ImportReport(0, 2, 1)
    db.session.remove()
    assert db.session.scalars(select(Project).where(Project.reference == "GH-8438")).one().host_parties == (
        "GH", "UG", "KE",
    )  # fmt: skip
    assert import_projects(changed, now=NOW) == ImportReport(0, 0, 3)
    assert import_projects(PROJECTS, now=NOW) == ImportReport(0, 2, 1)


def test_what_decided_about_units_cannot_be_changed_in_a_project(small_world: None) -> None:
    changed = (
        PROJECTS.replace("MW,Africa,yes", "MW,Africa,no").replace("GH;KE", "GH").replace("PA,Wind,MN,", "PA,Wind,CN,")
    )
    assert problems(lambda: import_projects(changed, now=NOW)) == [
        (2, "host_parties", "party_in_use"),
        (2, "host_parties", "reference_party"),
        (3, "is_least_developed", "cannot_change"),
        (4, "host_parties", "party_in_use"),
    ]


def test_a_project_without_issuances_may_still_be_corrected(context: Flask) -> None:
    ensure_mechanisms()
    import_projects(PROJECTS, now=NOW)
    changed = PROJECTS.replace("MW,Africa,yes", "MW,Africa,no")
    assert import_projects(changed, now=NOW) == ImportReport(0, 1, 2)


def test_a_project_of_an_unknown_or_another_mechanism_is_refused(small_world: None) -> None:
    def text(code: str) -> str:
        lines = PROJECTS.splitlines()
        return f"{lines[0]},mechanism_code\n{lines[1]},{code}\n"

    assert problems(lambda: import_projects(text("PACM"), now=NOW)) == [
        (2, "mechanism_code", "cannot_change"),
        (2, "mechanism_code", "unknown_mechanism"),
    ]
    assert import_projects(text("CDM"), now=NOW).unchanged == 1


def test_a_crediting_period_cannot_end_before_it_starts(small_world: None) -> None:
    lines = PROJECTS.splitlines()
    text = f"{lines[0]},crediting_starts_on,crediting_ends_on\n{lines[1]},2013-06-24,2013-06-23\n"
    assert problems(lambda: import_projects(text, now=NOW)) == [(2, "crediting_ends_on", "ends_before_start")]


def test_an_issuance_never_changes(small_world: None) -> None:
    for column, value in (
        ("commitment_period", 2),
        ("monitoring_starts_on", "2012-06-25"),
        ("completed_at", "2014-07-18T06:30:45Z"),
    ):
        text = row_for(ISSUANCES, **{column: value})
        assert problems(lambda text=text: import_issuances(text, now=NOW)) == [(2, column, "cannot_change")]
    other = row_for(ISSUANCES, serial_last=999, units=999)
    assert problems(lambda: import_issuances(other, now=NOW)) == [
        (2, "serial_last", "cannot_change"),
        (2, "units", "cannot_change"),
    ]


def test_an_issuance_cannot_move_to_another_project(small_world: None) -> None:
    import_projects(row_for(PROJECTS, reference="MN-1", title="Another"), now=NOW)
    text = row_for(ISSUANCES, project="MN-1")
    assert problems(lambda: import_issuances(text, now=NOW)) == [(2, "project", "cannot_change")]


def test_every_contradiction_of_an_issuance_is_named(small_world: None) -> None:
    text = row_for(
        ISSUANCES,
        originating_party="KE",
        unit_type="ERU",
        serial_first=5001,
        serial_last=5100,
        units=99,
        completed_at="2026-11-22T12:00:01Z",
        monitoring_starts_on="2013-01-01",
    )
    assert problems(lambda: import_issuances(text, now=NOW)) == [
        (2, "completed_at", "in_the_future"),
        (2, "monitoring_ends_on", "ends_before_start"),
        (2, "originating_party", "not_a_host"),
        (2, "unit_type", "unknown_unit_type"),
        (2, "units", "wrong_length"),
    ]
    early = row_for(ISSUANCES, serial_first=5001, serial_last=6000, completed_at="2012-12-30T00:00:00Z")
    assert problems(lambda: import_issuances(early, now=NOW)) == [(2, "completed_at", "before_monitoring_ended")]
    assert problems(lambda: import_issuances(row_for(ISSUANCES, project="MN-9"), now=NOW)) == [
        (2, "project", "unknown_project")
    ]
    assert count(Issuance) == 4


def test_issuances_of_a_party_never_share_a_serial_number(small_world: None) -> None:
    assert problems(
        lambda: import_issuances(row_for(ISSUANCES, serial_first=3000, serial_last=3999, units=1000), now=NOW)
    ) == [(2, "serial_first", "overlap")]
    twice = (
        row_for(ISSUANCES, serial_first=5000, serial_last=5999)
        + row_for(ISSUANCES, serial_first=5999, serial_last=6998).splitlines()[1]
    )
    assert problems(lambda: import_issuances(twice, now=NOW)) == [(3, "serial_first", "overlap")]


def test_holdings_open_the_accounts_and_the_voluntary_cancellation_account(small_world: None) -> None:
    accounts = {
        account.identifier: (account.type_code, account.holder) for account in db.session.scalars(select(LedgerAccount))
    }
    assert accounts == {
        "CDM-100-1": (100, "Salkhit Wind LLC"),
        "CDM-100-2": (100, "Stoves Ltd"),
        "CDM-230-1": (230, "Voluntary cancellation account"),
    }
    assert find_account_provider("CDM-230-1") is None
    assert find_account_provider("CDM-100-9") is None
    assert sum(holding.available for holding in current_registries().holdings("CDM-100-1")) == 100 + 100 + 1960


def test_units_of_the_adaptation_share_cannot_be_held(small_world: None) -> None:
    text = row_for(HOLDINGS, serial_first=20, serial_last=20)
    with pytest.raises(ImportRefused) as refused:
        import_holdings(text, now=NOW)
    assert [(error.code, error.facts) for error in refused.value.errors] == [("adaptation_share", {"first": 21})]


def test_a_holding_lies_inside_one_issuance_of_its_project(small_world: None) -> None:
    for values in (
        {"serial_first": 990, "serial_last": 1010},
        {"project": "MW-9933"},
        {"originating_party": "CN"},
        {"serial_first": 9000, "serial_last": 9001},
    ):
        text = row_for(HOLDINGS, **values)
        assert problems(lambda text=text: import_holdings(text, now=NOW)) == [(2, "serial_first", "outside_issuance")]
    backwards = row_for(HOLDINGS, serial_first=130, serial_last=121)
    assert problems(lambda: import_holdings(backwards, now=NOW)) == [(2, "serial_last", "ends_before_start")]


def test_a_holding_has_the_unit_type_and_commitment_period_of_its_issuance(small_world: None) -> None:
    text = row_for(HOLDINGS, serial_first=401, serial_last=402, unit_type="tCER", commitment_period=2)
    assert problems(lambda: import_holdings(text, now=NOW)) == [
        (2, "commitment_period", "not_as_issued"),
        (2, "unit_type", "not_as_issued"),
    ]


def test_no_unit_is_entered_twice(small_world: None) -> None:
    for first, last in ((100, 140), (21, 120), (110, 115), (1, 0)):
        other = row_for(HOLDINGS, account="CDM-100-3", serial_first=max(first, 21), serial_last=max(last, 21))
        assert problems(lambda other=other: import_holdings(other, now=NOW)) == [(2, "serial_first", "overlap")]
    twice = (
        row_for(HOLDINGS, serial_first=401, serial_last=420)
        + row_for(HOLDINGS, serial_first=420, serial_last=430).splitlines()[1]
    )
    assert problems(lambda: import_holdings(twice, now=NOW)) == [(3, "serial_first", "overlap")]
    assert count(LedgerBlock) == 4


def test_an_account_has_one_owner(small_world: None) -> None:
    text = row_for(HOLDINGS, provider="stoves", serial_first=401, serial_last=402)
    assert problems(lambda: import_holdings(text, now=NOW)) == [(2, "provider", "other_owner")]
    new = (
        row_for(HOLDINGS, account="CDM-100-7", serial_first=401, serial_last=402)
        + row_for(HOLDINGS, account="CDM-100-7", provider="stoves", serial_first=403, serial_last=404).splitlines()[1]
    )
    assert problems(lambda: import_holdings(new, now=NOW)) == [(3, "provider", "other_owner")]
    nobody = row_for(HOLDINGS, account="CDM-100-7", provider="nobody", serial_first=401, serial_last=402)
    assert problems(lambda: import_holdings(nobody, now=NOW)) == [(2, "provider", "unknown_provider")]


def test_an_account_without_an_owner_takes_nobodys_units(small_world: None) -> None:
    with transaction() as session:
        session.add(LedgerAccount(identifier="CDM-100-8", type_code=100, holder="Registry"))
    text = row_for(HOLDINGS, account="CDM-100-8", serial_first=401, serial_last=402)
    assert problems(lambda: import_holdings(text, now=NOW)) == [(2, "provider", "other_owner")]


def test_holdings_whose_units_were_cancelled_since_are_not_entered_again(small_world: None) -> None:
    cancel("A", 130)

    assert import_holdings(HOLDINGS, now=NOW) == ImportReport(0, 0, 4)
    assert sum(holding.available for holding in current_registries().holdings("CDM-100-1")) == 70 + 1960


def test_an_owners_new_name_stands_in_the_registry_after_the_holdings_are_loaded_again(small_world: None) -> None:
    import_providers(PROVIDERS.replace("Salkhit Wind LLC", "Salkhit Energy"), now=NOW)
    more = HOLDINGS + "CDM-100-1,wind,MN-5977,CER,1,MN,401,402\n"

    assert import_holdings(more, now=NOW) == ImportReport(1, 3, 1)
    holders = db.session.scalars(select(LedgerAccount.holder).where(LedgerAccount.identifier == "CDM-100-1"))
    assert holders.one() == "Salkhit Energy"
    assert import_holdings(more, now=NOW) == ImportReport(0, 0, 5)


def test_an_offer_goes_live_through_every_state_with_its_price_in_the_history(small_world: None) -> None:
    offer = db.session.scalars(select(Offer).where(Offer.code == "MN-5977-1")).one()
    assert (offer.state, offer.unit_price, offer.currency, offer.units_left) == (OfferState.LIVE, 120, "USD", 150)

    events = db.session.execute(
        select(StateEvent.from_state, StateEvent.to_state, StateEvent.at)
        .where(StateEvent.machine == "offer", StateEvent.subject_id == offer.id)
        .order_by(StateEvent.id)
    ).all()
    assert [(event.from_state, event.to_state) for event in events] == [
        (None, "draft"), ("draft", "submitted"), ("submitted", "approved"), ("approved", "live"),
    ]  # fmt: skip
    assert {event.at for event in events} == {NOW}
    history = db.session.scalars(select(OfferPrice).where(OfferPrice.offer_id == offer.id)).one()
    assert (history.unit_price, history.currency, history.valid_from) == (120, "USD", NOW)


def test_offers_of_one_issuance_never_promise_more_than_the_account_holds(small_world: None) -> None:
    more = OFFERS + "MN-5977-3,wind,MN-5977,MN,1,CDM-100-1,51,2.00,USD\n"
    with pytest.raises(ImportRefused) as refused:
        offers(more)
    assert [(e.row, e.column, e.code, e.facts) for e in refused.value.errors] == [
        (5, "units", "more_than_held", {"offered": 201, "available": 200})
    ]
    assert count(Offer) == 3
    assert offers(more.replace(",51,", ",50,")) == ImportReport(1, 0, 3)


def test_an_offer_left_out_of_the_file_still_counts_against_the_account(small_world: None) -> None:
    alone = OFFERS.splitlines()[0] + "\nMN-5977-3,wind,MN-5977,MN,1,CDM-100-1,51,2.00,USD\n"
    assert problems(lambda: offers(alone)) == [(2, "units", "more_than_held")]


def test_a_withdrawn_offer_promises_only_what_it_sold(small_world: None) -> None:
    with transaction() as session:
        session.execute(
            update(Offer).where(Offer.code == "MN-5977-1").values(state=OfferState.WITHDRAWN, units_settled=10)
        )
    text = OFFERS.splitlines()[0] + "\nMN-5977-3,wind,MN-5977,MN,1,CDM-100-1,{},2.00,USD\n"

    assert problems(lambda: offers(text.format(191))) == [(2, "units", "more_than_held")]
    assert offers(text.format(190)).created == 1
    assert offers().unchanged == 3
    assert problems(lambda: offers(row_for(OFFERS, units=140))) == [(2, "code", "offer_closed")]


def test_units_cancelled_outside_the_shop_cannot_be_offered(small_world: None) -> None:
    cancel("direct", 60)

    more = OFFERS.replace(",150,", ",151,")
    with pytest.raises(ImportRefused) as refused:
        offers(more)
    assert refused.value.errors[0].facts == {"offered": 151, "available": 140}


def test_a_new_price_enters_the_history_and_the_offer(small_world: None) -> None:
    later = NOW + timedelta(days=1)
    assert offers(OFFERS.replace("1.20", "1.35"), later) == ImportReport(0, 1, 2)

    offer = db.session.scalars(select(Offer).where(Offer.code == "MN-5977-1")).one()
    assert offer.unit_price == 135
    history = db.session.execute(
        select(OfferPrice.unit_price, OfferPrice.valid_from)
        .where(OfferPrice.offer_id == offer.id)
        .order_by(OfferPrice.id)
    )
    assert [tuple(entry) for entry in history] == [(120, NOW), (135, later)]


def test_an_offer_never_shrinks_below_what_is_reserved_or_sold(small_world: None) -> None:
    with transaction() as session:
        session.execute(update(Offer).where(Offer.code == "MN-5977-1").values(units_reserved=30, units_settled=20))
    assert problems(lambda: offers(OFFERS.replace(",150,", ",49,"))) == [(2, "units", "below_taken")]


def test_an_offer_shrunk_to_what_is_sold_is_sold_out_and_comes_back_when_it_grows(small_world: None) -> None:
    with transaction() as session:
        session.execute(update(Offer).where(Offer.code == "MN-5977-1").values(units_settled=50))

    def state() -> OfferState:
        return db.session.scalars(select(Offer.state).where(Offer.code == "MN-5977-1")).one()

    assert offers(OFFERS.replace(",150,", ",50,")).updated == 1
    assert state() is OfferState.SOLD_OUT
    assert offers(OFFERS.replace(",150,", ",60,")).updated == 1
    assert state() is OfferState.LIVE


def test_what_an_offer_is_of_never_changes(small_world: None) -> None:
    other_issuance = row_for(OFFERS, serial_first=1001)
    assert problems(lambda: offers(other_issuance)) == [(2, "serial_first", "cannot_change")]
    import_holdings(row_for(HOLDINGS, account="CDM-100-4", serial_first=401, serial_last=600), now=NOW)
    assert problems(lambda: offers(row_for(OFFERS, account="CDM-100-4"))) == [(2, "account", "cannot_change")]
    with transaction() as session:
        session.execute(update(Offer).where(Offer.code == "MN-5977-1").values(currency="EUR"))
        stoves = session.scalars(select(Provider.id).where(Provider.code == "stoves")).one()
        session.execute(update(Offer).where(Offer.code == "MN-5977-2").values(provider_id=stoves))
    assert problems(offers) == [(2, "currency", "cannot_change"), (3, "provider", "cannot_change")]


def test_nobody_offers_what_is_not_theirs(small_world: None) -> None:
    assert problems(lambda: offers(row_for(OFFERS, code="X", provider="stoves"))) == [(2, "account", "other_owner")]
    assert problems(lambda: offers(row_for(OFFERS, code="X", account="CDM-230-1"))) == [(2, "account", "other_owner")]
    assert problems(lambda: offers(row_for(OFFERS, code="X", provider="nobody"))) == [
        (2, "provider", "unknown_provider")
    ]
    assert problems(lambda: offers(row_for(OFFERS, code="X", project="MW-9933"))) == [
        (2, "serial_first", "unknown_issuance")
    ]


@pytest.mark.parametrize(
    ("values", "column", "code"),
    [
        ({"unit_price": "0"}, "unit_price", "price_out_of_range"),
        ({"unit_price": "0.00"}, "unit_price", "price_out_of_range"),
        ({"unit_price": "21474836.48"}, "unit_price", "price_out_of_range"),
        ({"unit_price": "0.385"}, "unit_price", "too_precise"),
        ({"unit_price": "-1"}, "unit_price", "not_an_amount"),
        ({"currency": "EUR"}, "currency", "other_currency"),
        ({"units": "0"}, "units", "out_of_range"),
        ({"units": "1.5"}, "units", "not_a_whole_number"),
        ({"units": "1000000000"}, "units", "more_than_held"),
    ],
)
def test_an_offer_needs_a_price_in_the_one_currency_and_units_that_are_there(
    small_world: None, values: dict[str, str], column: str, code: str
) -> None:
    assert problems(lambda: offers(row_for(OFFERS, code="X", **values))) == [(2, column, code)]


def test_two_files_loaded_at_once_cannot_promise_the_same_units(small_world: None, context: Flask) -> None:
    start = Barrier(2)

    def load(code: str) -> str:
        with context.app_context():
            start.wait()
            try:
                offers(row_for(OFFERS, code=code, units=50))
            except ImportRefused as refused:
                return refused.errors[0].code
            finally:
                db.session.remove()
            return "created"

    with ThreadPoolExecutor(2) as pool:
        outcomes = sorted(pool.map(load, ["A", "B"]))

    assert outcomes == ["created", "more_than_held"]
    assert (
        db.session.scalar(select(func.sum(Offer.units_offered)).where(Offer.code.in_(["A", "B", "MN-5977-1"]))) == 200
    )


def test_a_suspended_participant_gets_no_new_offers_by_a_file(small_world: None) -> None:
    with transaction() as session:
        session.execute(update(Provider).where(Provider.code == "wind").values(state=ProviderState.SUSPENDED))
    more = OFFERS.splitlines()[0] + "\nMN-5977-3,wind,MN-5977,MN,1,CDM-100-1,10,2.00,USD\n"

    assert problems(lambda: offers(more)) == [(2, "code", "may_not_offer")]
    # What is there already may stay in the file.
    assert offers(OFFERS) == ImportReport(0, 0, 3)
