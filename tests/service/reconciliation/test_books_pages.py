"""What everybody, operators, the doctor and machines see of comparisons and of a hold."""

from __future__ import annotations

import json

from sqlalchemy import update

from app.db import transaction
from app.jobs.models import RestorationHold
from app.operations.doctor import CHECKS
from app.operations.patient import Patient
from app.reconciliation import restored, service
from app.registry.models import CancelledBlock
from tests.builders import NOW, a_finished_order
from tests.service.conftest import Shop
from tests.service.desk.desking import acts, agree, do, operator

HOME = "/en/desk/reconciliation"


def compared(shop: Shop, *, is_wrong: bool = False) -> None:
    """A shop that sold something and compared its books; one unit is wrong if asked for."""
    offer = shop.offer()
    with shop.inside() as world:
        a_finished_order(world, {offer: 12})
        if is_wrong:
            with transaction() as session:
                session.execute(update(CancelledBlock).values(last=CancelledBlock.last - 1))
        service.compare_now(world)


def hold_up(shop: Shop, *, is_journal_kept: bool = True, is_compared: bool = True) -> None:
    """The shop came back from a backup."""
    with shop.inside() as world:
        with transaction() as session:
            session.add(RestorationHold(backup_made_at=NOW, restored_at=NOW, is_journal_kept=is_journal_kept))
        if is_compared:
            restored.compare(world)


def test_everybody_sees_when_books_were_compared_and_with_what_result(shop: Shop) -> None:
    visitor = shop.visitor()
    assert "Nothing was compared yet." in visitor.get("/en/reconciliation").words
    assert json.loads(visitor.client.get("/en/reconciliation/last.json").data)["comparison"] is None
    compared(shop)

    page = visitor.get("/en/reconciliation")
    assert "DifferencesNone" in page.words
    assert "Tonne embedded ledger" in page.words
    found = json.loads(visitor.client.get("/en/reconciliation/last.json").data)
    assert found["demonstration"]
    assert found["comparison"]["compared_at"] == "2026-11-22T10:00:00Z"
    assert found["comparison"]["differences"] == 0
    assert found["comparison"]["registries"] == ["Tonne embedded ledger"]
    assert any(link == "/en/reconciliation" for link in visitor.get("/en/").links)


def test_an_operator_reads_a_difference_in_words_and_explains_it_once(shop: Shop) -> None:
    compared(shop, is_wrong=True)
    eva = operator(shop)
    page = eva.get(HOME)
    assert "Quantity or serial numbers differ" in page.words
    assert "Two sums of ours differ" in page.words
    one = next(link for link in page.links if "/findings/" in link)

    refused = do(eva, one, 422, reason=" ")
    assert "Give a reason" in eva.read(refused, 422).error_at("reason")
    do(eva, one, reason="A test took a unit away.")

    assert ("finding_acknowledged", "eva@tonne.example") in {act[:2] for act in acts(shop)}
    assert "A test took a unit away." in eva.get(HOME).words
    assert not eva.get(one).forms or all("/findings/" not in form.action for form in eva.get(one).forms)
    eva.get(f"{HOME}/findings/999", 404)


def test_the_second_of_two_who_explain_is_told(shop: Shop) -> None:
    compared(shop, is_wrong=True)
    eva, ole = operator(shop), operator(shop, "ole@tonne.example")
    one = next(link for link in eva.get(HOME).links if "/findings/" in link)
    page = ole.get(one)
    do(eva, one, reason="First.")

    answer = ole.read(ole.send(page, one, 422, reason="Second."), 422)

    assert "Somebody has explained this difference before." in answer.words


def test_an_operator_lets_the_worker_compare(shop: Shop) -> None:
    compared(shop)
    eva = operator(shop)

    eva.send(eva.get(HOME), "/now")

    assert "Waits for the worker" in eva.get(HOME).words
    with shop.inside() as world:
        assert service.compare_wanted(world) == 1


def test_a_planted_cent_stands_at_the_desk_with_the_doctor_and_in_the_metrics(shop: Shop) -> None:
    compared(shop)
    with shop.inside() as world:
        with transaction() as session:
            session.connection().exec_driver_sql("UPDATE payment SET amount = amount + 1")
        service.compare_now(world)
        found = list(CHECKS["books"](Patient(world.settings, world)))
    eva = operator(shop)

    page = eva.get(HOME)
    assert "Two sums of ours differ" in page.words
    one = next(link for link in page.links if "/findings/" in link)
    assert "What was paid less what went back, and what was ordered" in eva.get(one).words
    assert "Differences between books" in eva.get("/en/desk").words
    assert [finding.level.value for finding in found] == ["ok", "problem"]
    assert "Differences that nobody has explained: 1" in found[1].words
    text = shop.app.test_client().get("/metrics").get_data(as_text=True)
    assert "tonne_reconciliation_open_findings 1.0" in text
    assert "tonne_restoration_hold 0.0" in text


def test_the_doctor_says_what_a_comparison_lacks(shop: Shop) -> None:
    with shop.inside() as world:
        patient = Patient(world.settings, world)
        assert "Nothing was ever compared" in next(iter(CHECKS["books"](patient))).words
        assert "There is no journal" in next(iter(CHECKS["journal"](patient))).words
        shop.registry.holdings = lambda account: (_ for _ in ()).throw(ConnectionError())  # type: ignore[method-assign]  # another answer than it would give
    offer = shop.offer()
    assert offer
    with shop.inside() as world:
        service.compare_now(world)
        words = [finding.words for finding in CHECKS["books"](Patient(world.settings, world))]
    assert "Accounts whose registry did not answer then: 1." in words


def test_orders_say_calmly_that_they_wait_and_two_operators_lift_the_hold(shop: Shop) -> None:
    token = shop.finished_order({shop.offer(): 3})
    hold_up(shop)
    visitor = shop.visitor()
    calm = "Orders wait for a moment."
    assert calm in visitor.get(f"/en/orders/{token}").words
    page = shop.at_review(visitor, {shop.offer(number=2): 1})
    assert calm in page.words
    eva, ole = operator(shop), operator(shop, "ole@tonne.example")
    assert "This copy came back from a backup" in eva.get(HOME).words
    with shop.inside() as world:
        assert "two operators lift it" in list(CHECKS["books"](Patient(world.settings, world)))[-1].words
    assert "tonne_restoration_hold 1.0" in shop.app.test_client().get("/metrics").get_data(as_text=True)

    do(eva, f"{HOME}/hold", reason="All statements were compared.")
    again = eva.read(do(eva, f"{HOME}/hold", 422, reason="Twice."), 422)
    assert "waits for a second person already" in again.words
    agree(shop, ole)

    assert calm not in visitor.get(f"/en/orders/{token}").words
    assert eva.client.get(f"{HOME}/hold").headers["Location"] == HOME
    assert "lift_restoration_hold_carried_out" in {act[0] for act in acts(shop)}


def test_a_hold_is_not_lifted_before_it_is_compared_nor_without_the_last_number(shop: Shop) -> None:
    compared(shop)
    hold_up(shop, is_journal_kept=False, is_compared=False)
    eva = operator(shop)
    page = eva.read(do(eva, f"{HOME}/hold", 422, reason="Quick.", last_number="5", last_complaint="0"), 422)
    assert "Not every registry has been compared yet" in page.words
    with shop.inside() as world:
        restored.compare(world)

    page = eva.read(do(eva, f"{HOME}/hold", 422, reason="Quick."), 422)
    assert page.error_at("last_number") == "Enter a number of at least 1."
    page = eva.read(do(eva, f"{HOME}/hold", 422, reason="Quick.", last_number="many"), 422)
    assert page.error_at("last_number")
    page = eva.read(do(eva, f"{HOME}/hold", 422, reason="Quick.", last_number="9"), 422)
    assert page.error_at("last_complaint") == "Enter a number of at least 0."
    do(eva, f"{HOME}/hold", reason="From the sent mails.", last_number="9", last_complaint="0")
    assert "Lost" in eva.get(HOME).words
