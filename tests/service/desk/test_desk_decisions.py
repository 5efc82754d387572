"""Wordings, complaints, other operators' proposals, and cancellations without a final answer."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.audit.models import Act
from app.claims.states import WordingState
from app.db import db
from app.registry.ports import Ambiguous, Unavailable, Unknown
from app.registry.states import CancellationState
from tests.builders import a_finished_order, cancellations_of, certificates_of, the_order
from tests.service.complaints.complaining import a_complaint, the_complaint
from tests.service.conftest import Shop
from tests.service.desk.desking import WHY, acts, agree, do, finished, id_of, newest_proposal, operator, paid


def test_a_wording_is_released_by_a_person_whose_name_and_reason_stay(shop: Shop) -> None:
    finished(shop, purpose="Our climate neutral office", publish_name=True)
    eva = operator(shop)

    assert "speaks of being neutral" in eva.get("/en/desk/wordings").words
    page = eva.read(do(eva, "/en/desk/wordings/1", 422, decision="released", reason=" "), 422)
    assert page.error_at("reason")
    do(eva, "/en/desk/wordings/1", decision="released", reason=WHY)
    again = eva.read(do(eva, "/en/desk/wordings/1", 422, decision="released", reason=WHY), 422)
    assert "This was decided so before." in again.words
    do(eva, "/en/desk/wordings/1", decision=WordingState.WITHHELD.value, reason=WHY)

    assert [act[:2] for act in acts(shop)] == [
        ("wording_released", "eva@tonne.example"),
        ("wording_withheld", "eva@tonne.example"),
    ]
    assert "Withheld" in eva.get("/en/desk/wordings").words


def test_a_complaint_is_answered_once_and_mailed_word_for_word(shop: Shop) -> None:
    with shop.inside() as world:
        token = a_complaint(world.settings)
    eva = operator(shop)

    assert "C1/2026" in eva.get("/en/desk/complaints").words
    waiting = eva.get("/en/desk/complaints/C1-2026")
    assert "I paid twice." in waiting.words
    assert "/en/desk?q=T-7KMQ-2XHD" in waiting.links
    empty = eva.read(do(eva, "/en/desk/complaints/C1-2026", 422, reply=" "), 422)
    assert empty.error_at("reply") == "Write the answer."
    do(eva, "/en/desk/complaints/C1-2026", outcome="upheld", reply="You are right.")
    shop.work()

    assert "You are right." in shop.mailer.sent[-1].text
    token_of_form = waiting.form("/complaints/C1-2026").fields["csrf_token"]
    late = eva.client.post(
        "/en/desk/complaints/C1-2026",
        data={"csrf_token": token_of_form, "outcome": "rejected", "reply": "You are wrong."},
    )
    assert late.status_code == 303
    closed = eva.get("/en/desk/complaints/C1-2026")
    assert "This complaint was closed before. The first answer stands." in closed.words
    assert "It was closed on 22 November 2026." in closed.words
    assert "Upheld" in closed.words
    assert "You are wrong." not in closed.words
    with shop.inside():
        assert the_complaint(token).reply == "You are right."
        act = db.session.scalars(select(Act)).one()
        assert (act.what, act.facts, act.subject) == ("complaint_answered", {"outcome": "upheld"}, "C1/2026")


def test_whoever_declines_says_why_and_nothing_is_done(shop: Shop) -> None:
    reference = paid(shop)
    eva, otto = operator(shop), operator(shop, "otto@tonne.example")
    do(eva, f"/en/desk/orders/{reference}/beneficiary", name="Somebody else", reason=WHY)
    address = f"/en/desk/proposals/{newest_proposal(shop)}"

    assert "Choose whether you agree." in otto.read(do(otto, address, 422), 422).words
    silent = otto.read(do(otto, address, 422, decision="decline", reason=""), 422)
    assert silent.error_at("reason")
    do(otto, address, decision="decline", reason="It is another person.")
    again = otto.client.post(address, data=silent.form(address).fields | {"decision": "agree"})
    assert again.status_code == 303

    assert "This was decided or taken back meanwhile." in otto.get(address).words
    assert "Declined" in otto.get("/en/desk/proposals").words
    assert [act[0] for act in acts(shop)] == ["correct_beneficiary_proposed", "correct_beneficiary_declined"]
    with shop.inside():
        assert the_order(id_of(reference)).state == "paid"


@pytest.fixture
def stuck(shop: Shop) -> tuple[str, str]:
    """An order whose registry contradicts itself: its reference, and the cancellation's."""
    offer = shop.offer()
    shop.registry.submits = [Unknown("the line broke")]
    shop.registry.lookups = [Ambiguous("two answers under one name")]
    with shop.inside() as world:
        order_id = a_finished_order(world, {offer: 12})
        world.clock.advance(timedelta(seconds=30))  # type: ignore[attr-defined]  # the tests' clock
    shop.work()
    with shop.inside():
        cancellation = cancellations_of(order_id)[0]
        assert cancellation.state is CancellationState.MANUAL
        return the_order(order_id).reference, cancellation.reference


def test_a_cancellation_shows_the_registrys_words_and_is_looked_at_again(shop: Shop, stuck: tuple[str, str]) -> None:
    reference, cancellation = stuck
    eva = operator(shop)

    page = eva.get(f"/en/desk/cancellations/{cancellation}")
    for said in (
        "two answers under one name",
        "the line broke",
        "Contradicts itself",
        "Later than promised",
        reference,
    ):
        assert said in page.words, said
    assert cancellation in eva.get("/en/desk/cancellations").words
    shop.registry.lookups = [Unavailable("closed for lunch")]
    eva.send(page, "/again")

    assert "closed for lunch" in eva.get(f"/en/desk/cancellations/{cancellation}").words
    assert acts(shop) == [("cancellation_looked_up", "eva@tonne.example", cancellation, "")]


def test_two_people_state_what_the_registry_did_and_certificates_follow(shop: Shop, stuck: tuple[str, str]) -> None:
    reference, cancellation = stuck
    eva, otto = operator(shop), operator(shop, "otto@tonne.example")
    settle = f"/en/desk/cancellations/{cancellation}/settle"
    stated = {
        "outcome": "confirmed",
        "registry_transaction": "IN4711",
        "completed_at": "2026-11-22T10:00:05",
        "serials": "IN-5-1002000-2-2-0-1 IN-5-1002011-2-2-0-1",
        "evidence": "The administrator's letter of today.",
    }

    empty = eva.read(do(eva, settle, 422, outcome="confirmed"), 422)
    for name in ("registry_transaction", "completed_at", "serials", "evidence"):
        assert empty.error_at(name), name
    unfit = eva.read(do(eva, settle, 422, **stated | {"serials": "IN-5-1002000-2-2-0-1"}), 422)
    assert "does not add up" in unfit.words
    do(eva, settle, 303, **stated)
    assert "Waits for a second person" in eva.get(f"/en/desk/cancellations/{cancellation}").words
    agree(shop, otto)
    shop.work()

    with shop.inside():
        assert [certificate.number for certificate in certificates_of(id_of(reference))] == ["TN1/2026"]
    assert "IN4711" in eva.get(f"/en/desk/cancellations/{cancellation}").words


def test_two_people_state_that_nothing_was_cancelled_and_the_money_goes_back(
    shop: Shop, stuck: tuple[str, str]
) -> None:
    reference, cancellation = stuck
    eva, otto = operator(shop), operator(shop, "otto@tonne.example")
    do(eva, f"/en/desk/cancellations/{cancellation}/settle", outcome="refused", evidence="Their letter says so.")
    agree(shop, otto)
    shop.work()

    assert "Not carried out, refunded" in eva.get(f"/en/desk/orders/{reference}").words
