"""The desk does not exist for anybody but operators, and every page of it says its heading."""

from __future__ import annotations

import pytest

from tests.builders import NOW
from tests.pages import Visitor
from tests.people import an_operator, sign_in_as
from tests.service.conftest import Shop
from tests.service.desk.desking import a_payee, finished, operator, somebody, with_failed_refund

PAGES = {
    "": "Search and what waits",
    "/orders": "Orders",
    "/cancellations": "Cancellations without a final answer",
    "/proposals": "Second signatures",
    "/wordings": "Wordings",
    "/complaints": "Complaints",
    "/imports": "Imports",
    "/rules": "Settings",
    "/acts": "Trail of acts",
    "/payouts": "Payouts",
    "/payouts/seller": "Demonstration seller 1",
    "/payouts/seller/record": "Record a payout to Demonstration seller 1",
    "/people": "Accounts",
}


def test_every_page_is_there_for_operators_and_for_nobody_else(shop: Shop) -> None:
    reference = finished(shop)
    a_payee(shop)
    eva, ana, guest = operator(shop), somebody(shop), shop.visitor()
    pages = PAGES | {
        f"/orders/{reference}": f"Order {reference}",
        f"/orders/{reference}/address": f"Correct the e-mail address of order {reference}",
        f"/orders/{reference}/beneficiary": "This cannot be changed",
        f"/orders/{reference}/hold": f"Hold order {reference}",
        f"/orders/{reference}/let-go": f"Let order {reference} go",
        f"/orders/{reference}/refuse": f"Refuse order {reference}",
        f"/orders/{reference}/end": f"End order {reference}",
        f"/orders/{reference}/refund": f"Give the payment of order {reference} back",
    }

    for path, heading in pages.items():
        assert f"<h1>{heading}</h1>" in eva.get(f"/en/desk{path}").html.replace("<bdi>", "").replace("</bdi>", ""), path
        ana.get(f"/en/desk{path}", 404)
        assert guest.client.get(f"/en/desk{path}").status_code == 303


@pytest.mark.parametrize(
    "path",
    [
        "orders/T-2222-2222", "orders/T-2222-2222/address", "orders/%00", "cancellations/TONNE-NOBODY", "proposals/9",
        "proposals/9223372036854775808", "wordings/9", "complaints/C9-2026", "payouts/nobody", "payouts/nobody/record",
        "people/9", "people/9/suspend", "refunds/9/retry", "refunds/9/by-hand",
    ],
)  # fmt: skip
def test_what_does_not_exist_is_not_found(shop: Shop, path: str) -> None:
    operator(shop).get(f"/en/desk/{path}", 404)


def test_an_operator_without_the_second_factor_is_asked_for_it(shop: Shop) -> None:
    with shop.inside():
        weak = Visitor(sign_in_as(shop.app, an_operator(), strong=False, at=NOW))
    answer = weak.client.get("/en/desk")

    assert answer.status_code == 303
    assert "second-factor" in answer.headers["Location"]


def test_only_a_refund_that_failed_has_pages_to_mend_it(shop: Shop) -> None:
    reference, refund_id = with_failed_refund(shop)
    eva = operator(shop)

    assert reference in eva.get(f"/en/desk/refunds/{refund_id}/retry").words
    assert reference in eva.get(f"/en/desk/refunds/{refund_id}/by-hand").words
    assert "Only after the money was sent." in eva.get(f"/en/desk/refunds/{refund_id}/by-hand").words


@pytest.mark.parametrize("language", ["fr", "es"])
def test_the_desk_speaks_every_language(shop: Shop, language: str) -> None:
    reference = finished(shop)
    eva = operator(shop)
    for path in ("", "/orders", f"/orders/{reference}", "/rules", "/acts", "/payouts"):
        assert f'lang="{language}"' in eva.get(f"/{language}/desk{path}").html
