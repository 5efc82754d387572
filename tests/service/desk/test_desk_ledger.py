"""The ledger at the desk: two operators book a payment and forward what it released."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update

from app.accounts.models import Person
from app.db import db, transaction
from app.kernel.serials import Span
from app.registry.ledger import codes
from app.registry.ledger.books import Entry
from app.registry.ledger.levies import Levies
from app.registry.ledger.models import LedgerAccount, LedgerIssuance, LedgerPayment, LedgerTransaction
from app.registry.ledger.service import Issued
from tests.pages import Visitor
from tests.people import a_participant, an_organisation
from tests.service.conftest import Shop
from tests.service.desk.desking import acts, agree, do, newest_proposal, operator
from tests.service.registry.registrar import HOLDER, PENDING, issue, lying, open_registry, pay

ISSUANCE = "/en/desk/ledger/issuances/1"


@pytest.fixture
def eva(shop: Shop) -> Visitor:
    """An operator, and 40,000 units of which nothing is paid."""
    with shop.inside():
        open_registry()
        issue(40_000)
    return operator(shop)


def test_the_books_of_a_new_registry_are_empty(shop: Shop) -> None:
    words = operator(shop).get("/en/desk/ledger").words

    assert "There is no account yet." in words
    assert "No issuance waits for its share of proceeds." in words
    assert "There is no transaction here." in words


def test_accounts_and_transactions_are_told_in_words_with_their_codes(eva: Visitor) -> None:
    words = eva.get("/en/desk/ledger").words

    assert "CDM-110-1 Pending account: issued, and not forwarded yet (110)" in words
    assert "CDM-910-1 Adaptation Fund: share of proceeds (910)" in words
    assert "Issuance (1)" in words
    assert "Transfer within the registry (10)" in words
    assert "Completed (4)" in words
    assert "MN 1 – 40000" in words


def test_what_a_registry_published_was_not_sold_here(shop: Shop, eva: Visitor) -> None:
    cancelled = {"type_code": codes.CANCELLATION, "channel": "platform"}
    ways = {"own": "Sold on this marketplace", "imported": "On the platform of the United Nations"}
    for origin, way in ways.items():
        with shop.inside(), transaction() as session:
            session.execute(update(LedgerTransaction).values(cancelled | {"origin": origin}))

        words = eva.get("/en/desk/ledger").words

        assert [told for told in ways.values() if told in words] == [way]


def test_issuances_are_found_by_their_project(eva: Visitor) -> None:
    assert "MN 1 – 40000" in eva.get("/en/desk/ledger?project=mn-5977").words
    assert "The ledger has no issuance of MN-1." in eva.get("/en/desk/ledger?project=MN-1").words


def test_long_books_are_turned_page_by_page(shop: Shop, eva: Visitor) -> None:
    with shop.inside():
        for _ in range(25):
            issue(100)

    first, second = eva.get("/en/desk/ledger").words, eva.get("/en/desk/ledger?page=2").words

    assert "Older ones" in first
    assert "Newer ones" not in first
    assert "TN00000001" in second
    assert "Newer ones" in second
    assert eva.get("/en/desk/ledger?page=-3").words.count("TN") == first.count("TN")


def test_two_operators_book_a_half_payment_and_forward_half_of_the_units(shop: Shop, eva: Visitor) -> None:
    do(eva, f"{ISSUANCE}/pay", amount="3250.00", payer="Salkhit Wind LLC", reference="BANK-1", reason="Statement 7")
    proposal = newest_proposal(shop)
    with shop.inside():
        assert db.session.get_one(LedgerIssuance, 1).fee_paid == 0
    ben = operator(shop, "ben@tonne.example")
    seen = ben.get(f"/en/desk/proposals/{proposal}").words
    assert "Salkhit Wind LLC" in seen
    assert "USD 3,250.00" in seen
    agree(shop, ben, proposal)

    page = eva.get(ISSUANCE).words
    assert "Share of proceeds dueUSD 6,500.00" in page
    assert "Paid of itUSD 3,250.00" in page
    assert "Released and not forwarded19,600" in page
    do(eva, f"{ISSUANCE}/forward", account=HOLDER, units="19600", reason="F-CDM-FWD of 1 May")
    agree(shop, ben)

    with shop.inside():
        assert (lying(HOLDER), lying(PENDING)) == ([("MN", 801, 20_400)], [("MN", 20_401, 40_000)])
    assert [what for what, *_rest in acts(shop)] == [
        "pay_share_of_proceeds_proposed",
        "pay_share_of_proceeds_carried_out",
        "forward_units_proposed",
        "forward_units_carried_out",
    ]
    assert "801 – 20400" in eva.get(ISSUANCE).words


def test_the_trail_that_is_never_erased_does_not_say_who_paid(shop: Shop, eva: Visitor) -> None:
    do(eva, f"{ISSUANCE}/pay", amount="1.00", payer="Amélie Nguyễn", reference="BANK-1", reason="Statement 7")

    assert "Amélie" not in eva.client.get("/en/desk/acts").text


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"amount": "", "payer": "x", "reference": "B", "reason": "r"}, "Enter the amount that came."),
        ({"amount": "much", "payer": "x", "reference": "B", "reason": "r"}, "Enter an amount of money, such as 12.50."),
        ({"amount": "1.00", "payer": "", "reference": "B", "reason": "r"}, "Enter who paid."),
        ({"amount": "1.00", "payer": " ", "reference": "B", "reason": "r"}, "Enter who paid."),
        ({"amount": "1.00", "payer": "x", "reference": "", "reason": "r"}, "Give the bank’s reference."),
        ({"amount": "0.00", "payer": "x", "reference": "B", "reason": "r"}, "This payment cannot be booked."),
    ],
)
def test_a_payment_that_says_too_little_is_not_proposed(eva: Visitor, typed: dict[str, str], said: str) -> None:
    page = eva.read(do(eva, f"{ISSUANCE}/pay", 422, **typed), 422)

    assert said in page.words


@pytest.mark.parametrize(
    ("units", "said"),
    [("many", "Enter a whole number."), ("", "Enter a whole number."), ("1", "These units cannot be forwarded")],
)
def test_units_that_are_not_released_are_not_proposed(eva: Visitor, units: str, said: str) -> None:
    page = eva.read(do(eva, f"{ISSUANCE}/forward", 422, account=HOLDER, units=units, reason="r"), 422)

    assert said in page.words


def test_what_was_overtaken_while_a_proposal_waited_is_not_carried_out(shop: Shop, eva: Visitor) -> None:
    do(eva, f"{ISSUANCE}/pay", amount="6500.00", payer="Salkhit Wind LLC", reference="BANK-1", reason="Statement 7")
    with shop.inside():
        pay(issue_one(), 1_00, reference="BANK-2")
    ben = operator(shop, "ben@tonne.example")

    agree(shop, ben)

    with shop.inside():
        assert db.session.get_one(LedgerIssuance, 1).fee_paid == 1_00
        assert db.session.query(LedgerPayment).count() == 1


def issue_one() -> Issued:
    """The issuance of the fixture, as what issued it would name it."""
    return Issued(1, Span("MN", 1, 40_000), Levies((), None), Entry(1, "TN00000001"))


def test_nobody_forwards_units_to_an_organisation_of_their_own(shop: Shop, eva: Visitor) -> None:
    with shop.inside():
        pay(issue_one(), 6_500_00)
        person_id = db.session.scalars(select(Person.id).where(Person.email == "eva@tonne.example")).one()
        a_participant(an_organisation(owner=person_id), "wind")

    page = eva.read(do(eva, f"{ISSUANCE}/forward", 422, account=HOLDER, units="1", reason="r"), 422)

    assert "organisation" in page.words


def test_units_may_go_to_an_account_that_no_participant_here_owns(shop: Shop, eva: Visitor) -> None:
    with shop.inside():
        pay(issue_one(), 6_500_00)
        with transaction() as session:
            session.add(LedgerAccount(identifier="CDM-121-7", type_code=121, holder="Somebody"))
    do(eva, f"{ISSUANCE}/forward", account="CDM-121-7", units="39200", reason="F-CDM-FWD of 1 May")

    agree(shop, operator(shop, "ben@tonne.example"))

    with shop.inside():
        assert lying("CDM-121-7") == [("MN", 801, 40_000)]
    assert "Person holding account (121)" in eva.get("/en/desk/ledger").words


def test_an_opening_balance_and_another_marketplace_are_called_so(shop: Shop, eva: Visitor) -> None:
    with shop.inside(), transaction() as session:
        session.execute(
            update(LedgerTransaction).where(LedgerTransaction.id == 1).values(origin="opening", type_code=10)
        )
        session.execute(update(LedgerTransaction).where(LedgerTransaction.id == 2).values(channel="ctx", type_code=4))

    words = eva.get("/en/desk/ledger").words

    assert "Opening balance (10)" in words
    assert "ctx" in words


def test_an_issuance_that_is_not_there_is_not_found(eva: Visitor) -> None:
    for address in ("/en/desk/ledger/issuances/99", "/en/desk/ledger/issuances/99/pay"):
        assert eva.client.get(address).status_code == 404
