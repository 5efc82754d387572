"""Files, rules, money for participants, accounts and the trail: each act says who, when and why."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import func, select, update

from app.accounts.models import SignIn
from app.audit.errors import RuleUnfit
from app.audit.rules import LOW_STOCK, PAYOUT_DAY, PRICE_HIGHEST, PRICE_LOWEST, change_rules, rule
from app.audit.service import Actor
from app.audit.service import agree as agree_to
from app.checkout.models import Order
from app.db import db, transaction
from app.payments.models import Payout
from app.payments.payouts import Balance, balance, balances
from app.providers.models import Provider
from tests.builders import NOW, all_at_once
from tests.pages import Visitor
from tests.people import a_participant, a_person, actor_of, an_operator, an_organisation, sign_in_as
from tests.service.conftest import Shop
from tests.service.desk.desking import (
    WHY,
    a_payee,
    acts,
    agree,
    do,
    finished,
    newest_proposal,
    operator,
    paid,
)
from tests.service.worlds import PROVIDERS

EARNED = 2_883  # 12 units at USD 2.50, less the payment's cost


def upload(who: Visitor, what: str, text: str, status: int) -> Any:
    page = who.get("/en/desk/imports")
    sent: dict[str, Any] = dict(page.form("/imports").fields) | {"what": what}
    sent["file"] = (io.BytesIO(text.encode()), "providers.csv")
    return who.read(who.client.post("/en/desk/imports", data=sent), status)


def providers(shop: Shop) -> int:
    with shop.inside():
        return db.session.scalar(select(func.count(Provider.id))) or 0


def test_a_file_is_counted_first_and_loaded_when_confirmed_with_name_and_hash_in_the_trail(shop: Shop) -> None:
    eva = operator(shop)
    page = upload(eva, "providers", PROVIDERS, 200)

    assert "Nothing was changed yet." in page.words
    assert providers(shop) == 0
    eva.send(page, "/apply")

    loaded = providers(shop)
    assert loaded > 0
    what, who, subject, _why = acts(shop)[-1]
    assert (what, who, subject) == ("file_imported", "eva@tonne.example", "providers.csv")
    assert "SHA-256 of the file" in eva.get("/en/desk/imports").words
    eva.send(upload(eva, "providers", PROVIDERS, 200), "/apply")
    assert providers(shop) == loaded


def test_a_file_with_problems_changes_nothing_and_names_every_row(shop: Shop) -> None:
    lines = PROVIDERS.splitlines()
    page = upload(operator(shop), "providers", "\n".join([*lines, lines[1], "x"]), 422)

    assert "Nothing was changed. The problems of the file stand below." in page.error_at("file")
    assert "Row " in page.texts["main"]
    assert providers(shop) == 0
    assert acts(shop) == []


def test_a_file_that_became_wrong_before_it_was_confirmed_changes_nothing(shop: Shop) -> None:
    eva = operator(shop)
    page = upload(eva, "providers", PROVIDERS, 200)
    form = page.form("/apply")

    assert eva.client.post(form.action, data=form.fields | {"content": "%%%"}).status_code == 400
    assert eva.client.post(form.action, data=form.fields | {"what": "nothing"}).status_code == 400
    again = eva.read(eva.client.post(form.action, data=form.fields | {"what": "projects"}), 422)
    assert "The problems of the file stand below." in again.words
    assert eva.read(eva.client.post("/en/desk/imports", data={}), 422).error_at("file") == "Choose a file."
    assert providers(shop) == 0


def test_rules_change_within_their_bounds_and_with_a_reason(shop: Shop) -> None:
    eva = operator(shop)
    page = eva.get("/en/desk/rules")
    assert "tests-that-is-long-enough" not in page.html
    assert "Secret" in page.words
    assert "CLOCK_START – " in page.words

    for typed, where in (
        ({"price_lowest": "0", "reason": WHY}, "price_lowest"),
        ({"price_lowest": "one", "reason": WHY}, "price_lowest"),
        ({"price_lowest": "9" * 30, "reason": WHY}, "price_lowest"),
        ({"price_highest": "0.30", "reason": WHY}, "price_highest"),
        ({"price_lowest": "0.50", "reason": " "}, "reason"),
    ):
        wrong = eva.read(do(eva, "/en/desk/rules", 422, **typed), 422)
        assert wrong.error_at(where)
    do(eva, "/en/desk/rules", price_lowest="0.50", reason=WHY)

    with shop.inside():
        assert rule(PRICE_LOWEST) == 50
    assert acts(shop) == [("rule_changed", "eva@tonne.example", "price_lowest", WHY)]
    assert "Lowest price of a unit" in eva.get("/en/desk/rules").words


def test_prices_of_rules_are_written_as_prices_in_the_language_of_the_page(shop: Shop) -> None:
    eva = operator(shop)
    page = eva.get("/es/desk/rules")
    assert page.form("/rules").fields["price_highest"] == "8,50"
    assert "Un importe de 0,01 USD a 21.474.836,47 USD." in page.words

    eva.send(page, "/rules", fields={"price_highest": "1.250,75", "low_stock": "1.000", "reason": WHY})

    with shop.inside():
        assert (rule(PRICE_HIGHEST), rule(LOW_STOCK)) == (125_075, 1_000)
    history = eva.get("/en/desk/rules").words
    assert "USD 8.50 USD 1,250.75" in history
    assert "100 1,000" in history


def test_each_rule_that_cannot_be_read_is_told_at_once(shop: Shop) -> None:
    typed = {"price_lowest": "1,234,5", "payout_day": "first", "reason": WHY}

    wrong = operator(shop)
    told = wrong.read(do(wrong, "/en/desk/rules", 422, **typed), 422)

    assert told.error_at("price_lowest") == "Enter an amount of money, such as 12.50."
    assert told.error_at("payout_day") == "Enter a whole number."
    typed = {"price_highest": "0", "payout_day": "32", "reason": WHY}
    told = wrong.read(do(wrong, "/en/desk/rules", 422, **typed), 422)
    assert told.error_at("price_highest") == "An amount from USD 0.01 to USD 21,474,836.47."
    assert told.error_at("payout_day") == "A whole number from 1 to 28."


def test_bounds_of_rules_hold_without_the_form_too(shop: Shop) -> None:
    with shop.inside():
        with pytest.raises(RuleUnfit) as refused:
            change_rules({PAYOUT_DAY.key: 29}, Actor(None, "a command"), reason=WHY, now=NOW)
        assert refused.value.facts == {"key": "payout_day"}
        assert rule(PAYOUT_DAY) == 5


def test_a_participant_earns_when_the_registry_has_cancelled_and_not_before(shop: Shop) -> None:
    paid(shop)
    with shop.inside():
        provider_id = db.session.scalars(select(Provider.id)).one()
        assert (balance(provider_id, "USD"), balances("USD")) == (Balance(), {})
    shop.work()
    with shop.inside():
        assert balance(provider_id, "USD") == balances("USD")[provider_id]
        assert balance(provider_id, "USD").due == balance(provider_id, "USD").earned == EARNED


def test_what_was_earned_in_a_currency_of_before_is_not_sent_as_so_much_of_another(shop: Shop) -> None:
    finished(shop)
    a_payee(shop)
    typed = {"amount": "20.00", "reference": "SWIFT 1", "paid_on": "2026-11-22", "reason": WHY}
    with shop.inside(), transaction() as session:
        session.execute(update(Order).values(currency="JPY"))

    eva = operator(shop)
    page = eva.read(do(eva, "/en/desk/payouts/seller/record", 422, **typed), 422)

    assert "at most what is due" in page.words
    with shop.inside():
        provider_id = db.session.scalars(select(Provider.id)).one()
        assert balance(provider_id, "USD") == Balance()
        assert balance(provider_id, "JPY").due == EARNED


def test_what_was_earned_in_a_currency_of_before_is_sent_in_it_and_is_on_the_desk_until_then(shop: Shop) -> None:
    finished(shop)
    a_payee(shop)
    with shop.inside(), transaction() as session:
        session.execute(update(Order).values(currency="EUR"))
    eva, otto = operator(shop), operator(shop, "otto@tonne.example")
    seller, record = "/en/desk/payouts/seller", "/en/desk/payouts/seller/record/EUR"

    assert "EUR 28.83" in eva.get("/en/desk/payouts").words
    file = eva.client.get("/en/desk/payouts.csv").get_data(as_text=True)
    assert [(row["currency"], row["due"]) for row in csv.DictReader(io.StringIO(file))] == [
        ("USD", "0"), ("EUR", str(EARNED)),
    ]  # fmt: skip
    page = eva.get(seller)
    assert record in page.links
    assert "a currency that this site had before" in page.words
    assert "EUR 28.83" in eva.get(record).words
    eva.get("/en/desk/payouts/seller/record/JPY", 404)

    do(eva, record, 303, amount="28.83", reference="SEPA 1", paid_on="2026-11-22", reason=WHY)
    agree(shop, otto)

    with shop.inside():
        provider_id = db.session.scalars(select(Provider.id)).one()
        assert (balance(provider_id, "EUR").paid_out, balance(provider_id, "USD")) == (EARNED, Balance())
    assert "EUR 28.83" not in eva.get("/en/desk/payouts").words
    assert record not in eva.get(seller).links
    assert "SEPA 1" in eva.get(seller).words


def test_a_payout_is_recorded_once_by_two_people_and_never_above_what_is_due(shop: Shop) -> None:
    finished(shop)
    eva, otto = operator(shop), operator(shop, "otto@tonne.example")
    record = "/en/desk/payouts/seller/record"
    typed = {"amount": "20.00", "reference": "SWIFT 1", "paid_on": "2026-11-22", "reason": WHY}

    without = eva.read(do(eva, record, 422, **typed), 422)
    assert "has no payee that two people agreed on" in without.words
    a_payee(shop)
    for change, said in (
        ({"amount": "28.84"}, "at most what is due"), ({"amount": "0"}, "above zero"),
        ({"amount": "x"}, "Enter an amount"),
        ({"paid_on": "2026-11-23"}, "has not come yet"), ({"reference": " "}, "Use 1 to 80 characters"),
        ({"paid_on": "23/11/2026"}, "Write the day as in 2026-12-31."),
    ):  # fmt: skip
        field = next(iter(change))
        assert said in eva.read(do(eva, record, 422, **typed | change), 422).error_at(field), change
    do(eva, record, 303, **typed)
    waiting = otto.get(f"/en/desk/proposals/{newest_proposal(shop)}")
    assert "/en/desk/payouts/seller" in waiting.links
    assert "Day of the transfer22 November 2026" in waiting.words
    agree(shop, otto)

    assert "USD 8.83" in eva.get("/en/desk/payouts/seller").words
    assert "…2957" in eva.get("/en/desk/payouts").words
    assert "CH9300762011623852957" not in eva.get("/en/desk/payouts/seller").html
    twice = eva.read(do(eva, record, 422, **typed | {"amount": "5.00"}), 422)
    assert "each one can be recorded once" in twice.words
    row = next(csv.DictReader(io.StringIO(eva.client.get("/en/desk/payouts.csv").get_data(as_text=True))))
    assert (row["earned"], row["paid_out"], row["due"]) == (str(EARNED), "2000", "883")
    assert [act[:2] for act in acts(shop)] == [
        ("record_payout_proposed", "eva@tonne.example"),
        ("record_payout_carried_out", "otto@tonne.example"),
    ]


def test_a_payout_is_typed_as_the_page_prints_amounts(shop: Shop) -> None:
    finished(shop)
    a_payee(shop)
    eva = operator(shop)
    typed = {"reference": "SWIFT 1", "paid_on": "2026-11-22", "reason": WHY}

    for language, amount, said in (
        ("en", "1,000.00", "at most what is due"),
        ("fr", "1\u202f000,00", "ne pas dépasser ce qui est dû"),
        ("es", "1.000,00", "no superar lo debido"),
        ("es", "1,000.00", "Escriba un importe de dinero, por ejemplo 12,50."),
    ):
        page = eva.read(do(eva, f"/{language}/desk/payouts/seller/record", 422, amount=amount, **typed), 422)
        assert said in page.error_at("amount"), (language, amount)


def test_a_payout_that_two_operators_agree_to_at_once_is_written_once(shop: Shop) -> None:
    finished(shop)
    a_payee(shop)
    do(
        operator(shop), "/en/desk/payouts/seller/record",
        amount="20.00", reference="SWIFT 1", paid_on="2026-11-22", reason=WHY,
    )  # fmt: skip
    proposal = newest_proposal(shop)
    with shop.inside():
        others = [actor_of(an_operator(f"{name}@tonne.example")) for name in ("otto", "ida")]
        all_at_once(shop.app, [partial(agree_to, proposal, actor, now=shop.clock.now()) for actor in others])
        assert db.session.scalars(select(Payout.amount)).all() == [2_000]


def test_a_suspended_account_is_signed_out_at_once_and_let_in_again(shop: Shop) -> None:
    eva = operator(shop)
    with shop.inside():
        ana_id = a_person("ana@example.org")
        an_organisation(owner=ana_id)
        ana = Visitor(sign_in_as(shop.app, ana_id))
        me = an_operator()
    person = f"/en/desk/people/{ana_id}"

    assert "Salkhit Wind LLC: may do everything" in eva.get(person).words
    assert "ana@example.org" in eva.get("/en/desk/people?q=ana").words
    assert "eva@tonne.example" in eva.get("/en/desk/people").words
    do(eva, f"{person}/suspend", reason=WHY)
    with shop.inside():
        assert db.session.scalar(select(func.count(SignIn.id)).where(SignIn.ended_at.is_(None))) == 1
    assert "Suspended" in eva.get(person).words
    assert ana.client.get("/en/desk").status_code == 303
    assert do(eva, f"{person}/suspend", 422, reason=WHY).status_code == 422
    do(eva, f"{person}/reinstate", reason=WHY)
    assert do(eva, f"{person}/reinstate", 422, reason=WHY).status_code == 422
    own = eva.read(do(eva, f"/en/desk/people/{me}/suspend", 422, reason=WHY), 422)

    assert "You cannot suspend your own account." in own.words
    assert [act[0] for act in acts(shop)] == ["person_suspended", "person_reinstated"]


def test_the_trail_is_narrowed_and_downloaded_with_words_for_every_act(shop: Shop) -> None:
    eva, otto = operator(shop), operator(shop, "otto@tonne.example")
    do(eva, "/en/desk/rules", price_lowest="0.50", reason="=1+1")
    shop.clock.advance(timedelta(days=1))
    do(otto, "/en/desk/rules", low_stock="7", reason=WHY)

    def listed(query: str) -> list[str]:
        text = eva.client.get(f"/en/desk/acts.csv?{query}").get_data(as_text=True)
        return [row["subject"] for row in csv.DictReader(io.StringIO(text))]

    assert listed("") == ["low_stock", "price_lowest"]
    assert listed("who=otto") == ["low_stock"]
    assert listed("what=rule_changed&subject=price") == ["price_lowest"]
    assert listed("first=2026-11-23") == ["low_stock"]
    assert listed("last=2026-11-22&before=99999999999999999999") == ["price_lowest"]
    assert listed("last=2999-12-31") == ["low_stock", "price_lowest"]
    assert "'=1+1" in eva.client.get("/en/desk/acts.csv").get_data(as_text=True)
    page = eva.get("/en/desk/acts?who=otto&before=99")
    assert "Changed a rule of the house" in page.words
    assert "Nothing here is ever changed or removed." in page.words


@pytest.mark.parametrize("field", ["first", "last"])
def test_a_day_that_is_none_lists_no_acts_and_is_explained_at_its_field(shop: Shop, field: str) -> None:
    eva = operator(shop)
    do(eva, "/en/desk/rules", price_lowest="0.50", reason=WHY)

    page = eva.get(f"/en/desk/acts?who=eva&{field}=30.2.2026", 422)

    assert page.error_at(field) == "Write the day as in 2026-12-31."
    assert (page.by_id[field]["value"], page.by_id["who"]["value"]) == ("30.2.2026", "eva")
    assert "price_lowest" not in page.words
    assert "No act is like this." not in page.words
    assert eva.client.get(f"/en/desk/acts.csv?{field}=30.2.2026").status_code == 400


def test_nobody_records_a_payout_to_an_organisation_of_their_own(shop: Shop) -> None:
    finished(shop)
    a_payee(shop)
    eva, otto = operator(shop), operator(shop, "otto@tonne.example")
    record = "/en/desk/payouts/seller/record"
    typed = {"amount": "20.00", "reference": "SWIFT 1", "paid_on": "2026-11-22", "reason": WHY}
    do(otto, record, 303, **typed)
    with shop.inside():
        a_participant(an_organisation(viewer=an_operator()))

    agree(shop, eva)
    assert "You work for this organisation." in eva.get("/en/desk/proposals").words
    with shop.inside():
        assert db.session.scalar(select(Payout.id)) is None
    assert "You work for this organisation." in eva.read(do(eva, record, 422, **typed), 422).words
