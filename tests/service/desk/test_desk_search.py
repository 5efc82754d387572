"""One box finds everything that an operator is asked about, and what waits stands below it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import event

from app.db import db
from app.desk.search import search
from app.desk.waiting import queues
from app.registry.ports import Unknown
from tests.builders import cancellations_of, certificates_of, payments_of, refunds_of
from tests.people import a_person
from tests.service.complaints.complaining import a_complaint
from tests.service.conftest import Shop
from tests.service.desk.desking import finished, id_of, operator, with_failed_refund


@pytest.fixture
def everything(shop: Shop) -> dict[str, str]:
    """An order with all its things, by the names that people ask for them."""
    reference = finished(shop)
    with shop.inside() as world:
        a_person("ana@example.org")
        a_complaint(world.settings)
        order_id = id_of(reference)
        cancellation, payment = cancellations_of(order_id)[0], payments_of(order_id)[0]
        block = cancellation.blocks[0]
        return {
            "order": reference,
            "reference": cancellation.reference,
            "transaction": cancellation.registry_transaction or "",
            "payment": payment.gateway_reference or "",
            "charge": payment.charge_reference or "",
            "certificate": certificates_of(order_id)[0].number,
            "code": certificates_of(order_id)[0].verification_code,
            "serial": f"IN {block.first + 3}",
            "number": str(block.last),
            "full": block.text_first,
        }


@pytest.mark.parametrize(
    ("what", "kind"),
    [
        ("order", "order"), ("payment", "order"), ("charge", "order"), ("certificate", "certificate"),
        ("reference", "cancellation"), ("transaction", "cancellation"), ("serial", "cancellation"),
        ("number", "cancellation"), ("full", "cancellation"),
    ],
)  # fmt: skip
def test_an_exact_name_leads_straight_to_the_one_thing(
    shop: Shop, everything: dict[str, str], what: str, kind: str
) -> None:
    with shop.inside():
        assert [hit.kind for hit in search(everything[what])] == [kind]
    answer = operator(shop).client.get("/en/desk", query_string={"q": everything[what]})
    assert answer.status_code == 303


@pytest.mark.parametrize(
    ("typed", "kinds"),
    [
        ("buyer@example.org", ["order"]),
        ("ana@example.org", ["person"]),
        ("amelie@example.org", ["complaint"]),
        ("c1/2026", ["complaint"]),
        ("IN-1", ["project"]),
        ("wind power project", ["project"]),
        ("nguyễn", ["order"]),
        ("demonstration seller", ["participant"]),
        ("seller", ["participant"]),
        ("offer-1", ["offer"]),
        ("9", []),
        ("%", []),
        ("", []),
        ("99999999999999999999999999", []),
        ("T-2222-2222", []),
    ],
)
def test_people_projects_participants_and_complaints_are_found(
    shop: Shop, everything: dict[str, str], typed: str, kinds: list[str]
) -> None:
    assert everything
    with shop.inside():
        assert [hit.kind for hit in search(typed)] == kinds


def test_a_refund_is_found_by_its_reference(shop: Shop) -> None:
    reference, _refund = with_failed_refund(shop)
    with shop.inside():
        refund = refunds_of(id_of(reference))[0]
        assert [hit.name for hit in search(refund.gateway_reference or "")] == [reference]
        assert [hit.name for hit in search(refund.key)] == [reference]


def test_several_hits_are_listed_by_kind_and_a_verification_code_finds_nothing(
    shop: Shop, everything: dict[str, str]
) -> None:
    finished(shop, number=2)
    eva = operator(shop)

    page = eva.get("/en/desk?q=buyer@example.org")
    assert page.words.count("T-") >= 2
    assert "Nothing goes by this." in eva.get(f"/en/desk?q={everything['code']}").words


def test_what_waits_stands_there_with_its_age_and_in_the_navigation(shop: Shop) -> None:
    offer = shop.offer()
    shop.registry.submits = [Unknown("silence")]
    shop.registry.lookups = ["raise"] * 5
    finished_order = shop.finished_order({offer: 12})
    assert finished_order
    with shop.inside() as world:
        a_complaint(world.settings, now=shop.clock.now())
    shop.clock.advance(timedelta(hours=3))

    page = operator(shop).get("/en/desk")

    assert "Cancellations that are late or need a person" in page.words
    assert "Complaints without an answer" in page.words
    assert "3 hours" in page.words
    assert "Complaints1 (1 waiting)" in page.words


def test_one_query_counts_every_queue(shop: Shop) -> None:
    counted: list[str] = []
    with shop.app.test_request_context("/en/desk"):

        @event.listens_for(db.engine, "before_cursor_execute")
        def _count(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
            counted.extend([statement] if statement.startswith("SELECT") else [])

        assert {queue.number for queue in queues().values()} == {0}
        queues()
        event.remove(db.engine, "before_cursor_execute", _count)
    assert len(counted) == 1
