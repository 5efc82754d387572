"""What can be had from an order's page: certificates and the summary as PDF, and all facts as data."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import select

from app.certificates.models import DocumentRequest
from app.certificates.ports import SummaryFacts
from app.checkout import facts
from app.checkout.models import Order
from app.checkout.order_queries import find_order
from app.db import db, transaction
from app.payments.states import RefundState
from app.registry.ports import RefusalCode, Refused
from tests.builders import certificates_of, choose_nothing, refunds_of
from tests.service.conftest import Shop

REFUSAL = Refused(RefusalCode.RULES, "no")


@pytest.mark.parametrize("lang", ["en", "fr", "es"])
def test_a_paper_that_is_not_drawn_yet_is_promised_and_then_there_in_every_language(shop: Shop, lang: str) -> None:
    token, visitor = shop.finished_order({shop.offer(number=1): 2, shop.offer(number=2): 3}), shop.visitor()

    for paper, name in (("certificates/TN1-2026.pdf", "TN1-2026.pdf"), ("summary.pdf", None)):
        address = f"/{lang}/orders/{token}/{paper}"
        answer = visitor.client.get(address)
        if lang != "en":
            assert answer.status_code == 202
            assert (answer.headers["Refresh"], answer.headers["Retry-After"]) == ("2", "2")
            assert visitor.client.get(address).status_code == 202
            with shop.inside():
                assert len(db.session.scalars(select(DocumentRequest)).all()) == 1
            shop.work()
            answer = visitor.client.get(address)
        assert answer.status_code == 200
        assert answer.mimetype == "application/pdf"
        assert answer.data.startswith(f"%PDF-fake {lang}".encode())
        assert name is None or f'filename="{name}"' in answer.headers["Content-Disposition"]
        again = visitor.client.get(address, headers={"If-None-Match": answer.headers["ETag"]})
        assert again.headers["ETag"] == answer.headers["ETag"]


def test_a_certificate_of_another_order_cannot_be_had_through_ones_own_link(shop: Shop) -> None:
    offer_id, visitor = shop.offer(), shop.visitor()
    mine, other = shop.finished_order({offer_id: 2}), shop.finished_order({offer_id: 3})

    assert visitor.client.get(f"/en/orders/{mine}/certificates/TN1-2026.pdf").status_code == 200
    assert visitor.client.get(f"/en/orders/{mine}/certificates/TN2-2026.pdf").status_code == 404
    assert visitor.client.get(f"/en/orders/{other}/certificates/TN2-2026.pdf").status_code == 200
    for slug in ("TN99-2026", "TN1", "..", "TN1-2026x"):
        assert visitor.client.get(f"/en/orders/{mine}/certificates/{slug}.pdf").status_code == 404


def test_all_facts_of_an_order_can_be_taken_along_with_the_word_that_it_is_a_demonstration(shop: Shop) -> None:
    token, visitor = shop.finished_order({shop.offer(number=1): 2, shop.offer(number=2): 3}), shop.visitor()

    answer = visitor.client.get(f"/en/orders/{token}/data.json")
    data = json.loads(answer.data)

    with shop.inside():
        order = find_order(token)
        assert order is not None
        assert (data["order"], data["state"]) == (order.reference, "fulfilled")
        assert data["certificates"] == [json.loads(c.facts) for c in certificates_of(order.id)]
        assert answer.headers["Content-Disposition"] == f'attachment; filename="{order.reference}.json"'
    assert "no unit was cancelled in any United Nations registry" in data["demonstration"]
    assert "Nguyễn" in answer.get_data(as_text=True)


def test_the_data_of_an_order_hold_its_money_to_the_cent_and_what_was_agreed_to(shop: Shop) -> None:
    token = shop.finished_order({shop.offer(number=1): 2, shop.offer(number=2): 3})

    data = json.loads(shop.visitor().client.get(f"/en/orders/{token}/data.json").data)

    with shop.inside():
        order = find_order(token)
        assert order is not None
        assert (data["total"], data["currency"]) == (order.money.minor, order.money.currency)
    assert sum(line["amount"] for line in data["lines"]) == data["total"]
    for line in data["lines"]:
        assert line["unit_price"] * line["units"] == line["amount"]
        assert line["amount"] == sum(line[part] for part in ("seller_share", "payment_cost", "tax", "platform_fee"))
        assert line["seller"]
        assert line["monitoring_starts_on"] < line["monitoring_ends_on"]
        assert line["cancellation"] == "confirmed"
    assert data["terms_version"] == "2026-11-01"
    assert data["consent"] == {"version": "test", "text": "I agree.", "given_at": data["placed_at"]}
    assert data["placed_at"].endswith("Z")


def test_the_data_of_an_order_hold_what_was_given_back(shop: Shop) -> None:
    shop.registry.submits = [REFUSAL]
    token = shop.finished_order({shop.offer(): 2})

    data = json.loads(shop.visitor().client.get(f"/en/orders/{token}/data.json").data)

    assert [(r["amount"], r["cause"], r["state"]) for r in data["refunds"]] == [(data["total"], "refused", "succeeded")]


def test_facts_of_the_real_thing_carry_no_word_of_a_demonstration(shop: Shop) -> None:
    token = shop.finished_order({shop.offer(): 2})
    with shop.inside(), transaction() as session:
        session.scalars(select(Order)).one().is_demonstration = False

    assert json.loads(shop.visitor().client.get(f"/en/orders/{token}/data.json").data)["demonstration"] is None


def test_a_summary_counts_what_was_refunded_and_not_certified(shop: Shop) -> None:
    offers = [shop.offer(number=n) for n in (1, 2, 3)]
    shop.registry.submits = ["ask", REFUSAL]
    token = shop.finished_order({offers[0]: 2, offers[1]: 3, offers[2]: 5})

    with shop.inside() as world:
        choose_nothing(world)
        order = find_order(token)
        assert order is not None
        summary = facts.summary(order.id, world.settings)
        assert isinstance(summary, SummaryFacts)
        assert [f.units for f in summary.certificates] == [2, 5]
        assert (summary.refunded_units, summary.is_demonstration) == (3, True)
        assert [r.state for r in refunds_of(order.id)] == [RefundState.SUCCEEDED]
