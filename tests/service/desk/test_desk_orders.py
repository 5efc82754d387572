"""An order at the desk: everything that is known of it, and what an operator may do about it."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from sqlalchemy import select, update

from app.audit.models import Act, Proposal
from app.audit.service import agree as agree_to
from app.checkout.models import Beneficiary, Order
from app.checkout.service import correct
from app.checkout.states import OrderState
from app.db import db, transaction
from app.kernel.money import Money
from app.payments.models import Payment
from app.payments.ports import GatewayRefusal, RefundOutcome
from app.payments.states import RefundState
from app.registry.models import RegistryAccount
from app.screening.models import SanctionsList, ScreeningMatch
from app.screening.states import MatchState
from tests.builders import (
    a_payable_order,
    all_at_once,
    look_again,
    pass_time,
    refunds_of,
    the_offer,
    the_order,
)
from tests.people import a_person, actor_of, an_operator
from tests.service.conftest import Shop
from tests.service.desk.desking import (
    WHY,
    acts,
    agree,
    do,
    finished,
    id_of,
    newest_proposal,
    operator,
    paid,
    with_failed_refund,
)


def test_the_order_shows_who_got_what_and_everything_that_happened_to_the_second(shop: Shop) -> None:
    page = operator(shop).get(f"/en/desk/orders/{finished(shop)}")

    for said in (
        "buyer@example.org", "Amélie Nguyễn", "USD 30.00", "Demonstration seller 1", "CER", "TN1/2026", "Receipt",
        "Certificates ready",
    ):  # fmt: skip
        assert said in page.words, said
    story = page.words[page.words.index("Everything that happened") :]
    steps = [
        "The order waits for its payment", "A payment page was opened", "The payment succeeded", "The order is paid",
        "The order went to the registry", "Asked the registry to cancel: Done", "The registry cancelled the units",
        "The order is carried out", "A mail went out",
    ]  # fmt: skip
    assert [step for step in steps if step in story] == steps
    assert "22 November 2026, 10:00:00 UTC" in story
    assert "No refund can be decided here." in page.words


def test_a_payment_says_in_words_how_it_was_made(shop: Shop) -> None:
    reference = finished(shop)
    with shop.inside(), transaction() as session:
        session.execute(update(Payment).values(gateway="testpay"))
    eva = operator(shop)

    assert "Test payment page, Card" in eva.get(f"/en/desk/orders/{reference}").words
    assert "Page de paiement de test, Carte" in eva.get(f"/fr/desk/orders/{reference}").words

    with shop.inside(), transaction() as session:
        session.execute(update(Payment).values(gateway="stripe", method="bancontact"))
    assert "Stripe, bancontact" in eva.get(f"/es/desk/orders/{reference}").words


def test_orders_are_narrowed_by_state_day_and_address(shop: Shop) -> None:
    done, other = finished(shop), paid_second(shop)
    eva = operator(shop)

    def listed(query: str) -> list[str]:
        words = eva.get(f"/en/desk/orders?{query}").words
        return [reference for reference in (done, other) if reference in words]

    assert listed("") == [done, other]
    assert listed("state=fulfilled") == [done]
    assert listed("state=nonsense&before=nonsense") == [done, other]
    assert listed("day=2026-11-22") == [done, other]
    assert listed("day=2026-11-23") == []
    assert listed("email=OTHER@example.org") == [other]
    assert listed("before=1") == []


def test_a_day_that_is_none_lists_no_orders_and_is_explained_at_its_field(shop: Shop) -> None:
    done = finished(shop)

    page = operator(shop).get("/en/desk/orders?day=31/12/2026", 422)

    assert page.error_at("day") == "Write the day as in 2026-12-31."
    assert page.by_id["day"]["value"] == "31/12/2026"
    assert done not in page.words
    assert "No order is like this." not in page.words


def paid_second(shop: Shop) -> str:
    offer = shop.offer(number=2)
    with shop.inside() as world:
        return the_order(a_payable_order(world, {offer: 2}, email="other@example.org")).reference


def test_mails_are_sent_again_and_the_trail_says_by_whom(shop: Shop) -> None:
    reference = finished(shop)
    eva = operator(shop)
    before = len(shop.mailer.sent)

    eva.send(eva.get(f"/en/desk/orders/{reference}"), "/resend")
    shop.work()

    assert len(shop.mailer.sent) == before + 2
    assert acts(shop)[-1] == ("mails_resent", "eva@tonne.example", reference, "")


def test_after_a_correction_mails_go_to_the_new_address_and_the_trail_masks_both(shop: Shop) -> None:
    reference = finished(shop, email="typo@exmaple.org")
    eva = operator(shop)
    address = f"/en/desk/orders/{reference}/address"

    page = eva.read(do(eva, address, 422, email="right@example.org", reason=""), 422)
    assert page.error_at("reason").startswith("Give a reason.")
    assert page.form("/address").fields["email"] == "right@example.org"
    do(eva, address, email="right@example.org", reason=WHY)
    again = eva.read(do(eva, address, 422, email="right@example.org", reason=WHY), 422)
    assert "This is what stands there already." in again.words
    eva.send(eva.get(f"/en/desk/orders/{reference}"), "/resend")
    shop.work()

    assert shop.mailer.sent[-1].recipient == "right@example.org"
    with shop.inside():
        act = db.session.scalars(select(Act).where(Act.what == "order_email_corrected")).one()
        assert (act.facts, act.reason) == ({"before": "t…@exmaple.org", "after": "r…@example.org"}, WHY)


def test_a_wrong_address_takes_the_order_out_of_the_account_that_claimed_it(shop: Shop) -> None:
    reference = finished(shop, email="typo@exmaple.org")
    with shop.inside():
        stranger, order_id = a_person("typo@exmaple.org"), id_of(reference)
        with transaction() as session:
            session.get_one(Order, order_id).person_id = stranger
        correct.correct_email(order_id, "right@example.org", actor_of(an_operator()), reason=WHY, now=shop.clock.now())
        assert the_order(order_id).person_id is None


def test_two_people_correct_what_the_certificate_will_say_and_the_trail_holds_no_name(shop: Shop) -> None:
    reference = paid(shop)
    eva, otto = operator(shop), operator(shop, "otto@tonne.example")
    address = f"/en/desk/orders/{reference}/beneficiary"

    do(eva, address, name="Amélie Nguyen", reason=WHY)
    page = otto.get(f"/en/desk/proposals/{newest_proposal(shop)}")
    assert "“Amélie Nguyễn” becomes “Amélie Nguyen”" in page.words
    assert "Waits for a second person" in otto.get(f"/en/desk/orders/{reference}").words
    agree(shop, otto)
    shop.work()

    with shop.inside():
        assert db.session.scalars(select(Beneficiary.name)).one() == "Amélie Nguyen"
        assert not [act for act in db.session.scalars(select(Act)) if "Nguy" in str(act.facts)]
    assert "Amélie Nguyen" in otto.get(f"/en/desk/orders/{reference}").words
    assert [act[:2] for act in acts(shop)] == [
        ("correct_beneficiary_proposed", "eva@tonne.example"),
        ("correct_beneficiary_carried_out", "otto@tonne.example"),
    ]
    assert "cannot be changed" in eva.get(address).words


def test_a_correction_that_comes_after_the_units_were_sent_changes_nothing(shop: Shop) -> None:
    reference = paid(shop)
    eva, otto = operator(shop), operator(shop, "otto@tonne.example")
    do(eva, f"/en/desk/orders/{reference}/beneficiary", name="Amélie Nguyen", reason=WHY)
    shop.work()

    assert "This cannot be done any more" in otto.get(agree(shop, otto)).words
    with shop.inside():
        assert db.session.scalars(select(Beneficiary.name)).one() == "Amélie Nguyễn"
        assert db.session.scalars(select(Proposal.state)).one() == "proposed"


def test_nobody_agrees_to_their_own_proposal(shop: Shop) -> None:
    reference = paid(shop)
    eva = operator(shop)
    do(eva, f"/en/desk/orders/{reference}/beneficiary", name="Amélie Nguyen", reason=WHY)
    address = f"/en/desk/proposals/{newest_proposal(shop)}"
    page = eva.get(address)

    assert "You proposed this. Another operator has to decide about it." in page.words
    sent = page.form("/take-back").fields | {"decision": "agree", "reason": ""}
    eva.client.post(address, data=sent)
    assert "You proposed this." in eva.get(address).words
    eva.send(page, "/take-back")
    assert "Taken back" in eva.get(address).words
    assert acts(shop)[-1][0] == "correct_beneficiary_withdrawn"


def test_a_refund_that_failed_waits_on_the_desk_until_it_is_done(shop: Shop) -> None:
    reference, refund_id = with_failed_refund(shop)
    eva, otto = operator(shop), operator(shop, "otto@tonne.example")

    waiting = "Refunds that failed 1 0 minutes"
    assert waiting in eva.get("/en/desk").words
    page = eva.get("/en/desk/refunds")
    assert (reference in page.words, "30.00" in page.words) == (True, True)

    do(eva, f"/en/desk/refunds/{refund_id}/by-hand", reference="BANK-1", reason=WHY)
    agree(shop, otto)
    assert "No refund waits for a person." in eva.get("/en/desk/refunds").words
    assert waiting not in eva.get("/en/desk").words


def test_two_operators_who_agree_at_once_carry_out_once(shop: Shop) -> None:
    _reference, refund_id = with_failed_refund(shop)
    eva = operator(shop)
    do(eva, f"/en/desk/refunds/{refund_id}/retry", reason=WHY)
    proposal_id = newest_proposal(shop)
    with shop.inside():
        others = [actor_of(an_operator(f"{name}@tonne.example")) for name in ("otto", "ida", "max")]
        outcomes = all_at_once(
            shop.app, [partial(agree_to, proposal_id, actor, now=shop.clock.now()) for actor in others]
        )

    assert sum(outcome is None for outcome in outcomes) == 1
    assert [act[0] for act in acts(shop)].count("retry_refund_carried_out") == 1


def test_a_failed_refund_is_tried_again_once_and_never_twice(shop: Shop) -> None:
    reference, refund_id = with_failed_refund(shop)
    eva, otto = operator(shop), operator(shop, "otto@tonne.example")
    shop.gateway.refund_outcome = RefundOutcome.SUCCEEDED
    shop.gateway.payments[shop.gateway.newest()].refunded = 0  # what failed came back to the gateway

    assert "Try it again" in eva.get(f"/en/desk/orders/{reference}").words
    do(eva, f"/en/desk/refunds/{refund_id}/retry", reason=WHY)
    twice = eva.read(do(eva, f"/en/desk/refunds/{refund_id}/retry", 422, reason=WHY), 422)
    assert "The same waits for a second person already." in twice.words
    agree(shop, otto)
    shop.work()

    with shop.inside():
        refund = refunds_of(id_of(reference))[0]
        assert (refund.state, refund.key.endswith("~2")) == (RefundState.SUCCEEDED, True)
    assert len(shop.gateway.refund_calls) == 2
    eva.get(f"/en/desk/refunds/{refund_id}/retry", 404)


def test_a_failed_refund_that_was_paid_by_bank_is_noted_and_not_asked_for_again(shop: Shop) -> None:
    reference, refund_id = with_failed_refund(shop)
    eva, otto = operator(shop), operator(shop, "otto@tonne.example")
    do(eva, f"/en/desk/refunds/{refund_id}/retry", reason=WHY)
    retry = newest_proposal(shop)
    do(eva, f"/en/desk/refunds/{refund_id}/by-hand", reference="SWIFT 4711", reason=WHY)
    by_hand = newest_proposal(shop)

    assert "This cannot be done any more" in otto.get(agree(shop, otto, retry)).words
    agree(shop, otto, by_hand)
    assert "This cannot be done any more" in otto.get(agree(shop, otto, retry)).words
    shop.work()

    with shop.inside():
        refund = refunds_of(id_of(reference))[0]
        assert (refund.state, refund.gateway_reference) == (RefundState.SUCCEEDED, None)
    assert len(shop.gateway.refund_calls) == 1
    assert "SWIFT 4711" in otto.get(f"/en/desk/orders/{reference}").words


def test_an_order_whose_payment_page_nobody_can_ask_about_ends_when_two_people_say_so(shop: Shop) -> None:
    offer = shop.offer(units=12)
    with shop.inside() as world:
        order_id = a_payable_order(world, {offer: 12})
        reference = the_order(order_id).reference
        shop.gateway.problems["status"] = [GatewayRefusal(reason="unknown reference") for _ in range(99)]
        pass_time(world, hours=24)
    shop.work()
    eva, otto = operator(shop), operator(shop, "otto@tonne.example")
    address = f"/en/desk/orders/{reference}/end"
    assert address not in eva.get(f"/en/desk/orders/{reference}").links
    refused = eva.read(do(eva, address, 422, reason=WHY), 422)
    assert "This order ends by itself, or has ended." in refused.words

    with shop.inside() as world:
        pass_time(world, hours=1)
    shop.work()
    eva, otto = operator(shop), operator(shop, "otto@tonne.example")
    assert "or that cannot be closed 1" in eva.get("/en/desk").words
    assert address in eva.get(f"/en/desk/orders/{reference}").links
    do(eva, address, reason=WHY)
    agree(shop, otto)

    with shop.inside() as world:
        assert (the_order(order_id).state, the_offer(offer).units_left) == (OrderState.EXPIRED, 12)
        shop.gateway.problems.clear()
        shop.gateway.pay()
        look_again(world, order_id)
        assert the_order(order_id).state is OrderState.PAID, "money that we hear of later is never lost"
    page = eva.get(f"/en/desk/orders/{reference}")
    assert "Two operators said that nothing was paid" in page.words
    assert address not in page.links


def test_a_paid_order_whose_registry_is_not_connected_any_more_waits_for_people_and_can_be_refused(shop: Shop) -> None:
    reference = paid(shop)
    with shop.inside(), transaction() as session:
        session.execute(update(RegistryAccount).values(registry_code="closed"))
    shop.work()
    eva, otto = operator(shop), operator(shop, "otto@tonne.example")

    assert "Its registry is not connected any more" in eva.get(f"/en/desk/orders/{reference}").words
    let_go = do(eva, f"/en/desk/orders/{reference}/let-go", 422, reason=WHY)
    assert "The registry of its units is not connected" in eva.read(let_go, 422).words
    do(eva, f"/en/desk/orders/{reference}/refuse", reason=WHY)
    agree(shop, otto)

    with shop.inside():
        assert the_order(id_of(reference)).state is OrderState.REFUSED
        assert [refund.cause for refund in refunds_of(id_of(reference))] == ["held"]


def test_nobody_ends_an_order_that_was_paid_while_the_proposal_waited(shop: Shop) -> None:
    offer = shop.offer()
    with shop.inside() as world:
        order_id = a_payable_order(world, {offer: 12})
        reference = the_order(order_id).reference
        pass_time(world, hours=25)
    eva, otto = operator(shop), operator(shop, "otto@tonne.example")
    do(eva, f"/en/desk/orders/{reference}/end", reason=WHY)
    with shop.inside() as world:
        shop.gateway.pay()
        look_again(world, order_id)

    assert "This cannot be done any more" in otto.get(agree(shop, otto)).words
    with shop.inside():
        assert the_order(order_id).state is OrderState.PAID


def test_a_payment_that_differs_goes_back_whole_when_two_people_say_so(shop: Shop) -> None:
    offer = shop.offer()
    with shop.inside() as world:
        order_id = a_payable_order(world, {offer: 12})
        payment = world.gateway.payments[shop.gateway.pay()]  # type: ignore[attr-defined]  # the fake gateway's
        payment.amount = Money(2_000, "USD")
        look_again(world, order_id)
        reference = the_order(order_id).reference
    eva, otto = operator(shop), operator(shop, "otto@tonne.example")

    assert "USD 20.00 came for an order of USD 30.00." in eva.get(f"/en/desk/orders/{reference}").words
    do(eva, f"/en/desk/orders/{reference}/refund", reason=WHY)
    agree(shop, otto)
    shop.work()

    with shop.inside():
        refund = refunds_of(order_id)[0]
        assert (refund.amount, refund.cause, refund.state) == (2_000, "differs", RefundState.SUCCEEDED)
        assert the_order(order_id).state is OrderState.REFUSED
        assert the_offer(offer).units_reserved == 0
    assert "not the amount of this order" in shop.mailer.sent[-1].text
    page = eva.read(do(eva, f"/en/desk/orders/{reference}/refund", 422, reason=WHY), 422)
    assert "Money goes back only where the payment differs from the order." in page.words


def test_an_order_is_held_before_the_registry_and_refused_by_two_people(shop: Shop) -> None:
    reference = paid(shop)
    eva, otto = operator(shop), operator(shop, "otto@tonne.example")

    do(eva, f"/en/desk/orders/{reference}/hold", reason=WHY)
    shop.work()
    page = eva.get(f"/en/desk/orders/{reference}")
    assert "Held before the registry" in page.words
    assert WHY in page.words
    do(eva, f"/en/desk/orders/{reference}/refuse", reason=WHY)
    agree(shop, otto)
    shop.work()

    with shop.inside():
        order = the_order(id_of(reference))
        assert (order.state, refunds_of(order.id)[0].amount) == (OrderState.REFUSED, order.total)
    for address in (f"/en/desk/orders/{reference}", f"/en/desk/orders/{reference}/beneficiary"):
        assert "Nothing of this order goes to a registry" in eva.get(address).words, "nothing was sent"


def test_a_held_order_goes_on_when_an_operator_lets_it_go(shop: Shop) -> None:
    reference = paid(shop)
    eva = operator(shop)
    do(eva, f"/en/desk/orders/{reference}/hold", reason=WHY)
    do(eva, f"/en/desk/orders/{reference}/let-go", reason="It is all right.")
    shop.work()

    with shop.inside():
        assert the_order(id_of(reference)).state is OrderState.FULFILLED
    refused = eva.read(do(eva, f"/en/desk/orders/{reference}/let-go", 422, reason=WHY), 422)
    assert "This order is not held." in refused.words
    late = eva.read(do(eva, f"/en/desk/orders/{reference}/hold", 422, reason=WHY), 422)
    assert "It cannot be held any more." in late.words
    end = eva.read(do(eva, f"/en/desk/orders/{reference}/refuse", 422, reason=WHY), 422)
    assert "This order is not held." in end.words


def test_a_note_is_for_operators_only(shop: Shop) -> None:
    reference = finished(shop)
    eva = operator(shop)
    address = f"/en/desk/orders/{reference}"

    empty = eva.read(eva.send(eva.get(address), "/note", 422, text=" "), 422)
    assert empty.error_at("text") == "Write the note."
    eva.send(eva.get(address), "/note", text="She will call again.")

    assert "She will call again." in eva.get(address).words
    with shop.inside():
        token = the_order(id_of(reference)).token
    assert "She will call again." not in shop.visitor().get(f"/en/orders/{token}").words
    assert acts(shop)[-1] == ("note_written", "eva@tonne.example", reference, "")


def test_the_story_says_in_words_why_an_order_ended(shop: Shop) -> None:
    offer = shop.offer()
    with shop.inside() as world:
        order_id = a_payable_order(world, {offer: 12})
        reference = the_order(order_id).reference
        shop.clock.advance(timedelta(hours=1))
    shop.work()

    page = operator(shop).get(f"/en/desk/orders/{reference}")
    assert "Nobody paid in time" in page.words
    assert "unpaid" not in page.words


def test_an_order_and_the_likeness_that_holds_it_lead_to_each_other(shop: Shop) -> None:
    reference = paid(shop)
    with shop.inside():
        match = ScreeningMatch(
            subject_kind="order", subject_id=id_of(reference), name="Viktor Malinov", source="eu",
            reference="EU.99.12", listed_name="Viktor Petrovich Malinov", score=90, state=MatchState.PENDING,
            created_at=shop.clock.now(),
        )  # fmt: skip
        db.session.add(match)
        db.session.commit()
        match_id = match.id
    desk = operator(shop)

    page = desk.get(f"/en/desk/orders/{reference}")
    assert f"/en/desk/screening/{match_id}" in page.links
    likeness = desk.get(f"/en/desk/screening/{match_id}")
    assert f"/en/desk/orders/{reference}" in likeness.links
    assert f"Order {reference}" in likeness.words


def test_an_order_of_somebody_who_is_on_a_list_can_only_be_refused(shop: Shop) -> None:
    reference = paid(shop)
    eva, address = operator(shop), f"/en/desk/orders/{reference}"
    do(eva, f"{address}/hold", reason=WHY)
    assert f"{address}/let-go" in eva.get(address).links
    with shop.inside(), transaction() as session:
        session.add(ScreeningMatch(
            subject_kind="order", subject_id=id_of(reference), name="Viktor Malinov", source="eu",
            reference="EU.99.12", listed_name="Viktor Petrovich Malinov", score=90, state=MatchState.CONFIRMED,
            created_at=shop.clock.now(),
        ))  # fmt: skip

    assert f"{address}/let-go" not in eva.get(address).links
    assert f"{address}/refuse" in eva.get(address).links
    told = eva.read(do(eva, f"{address}/let-go", 422, reason=WHY), 422)
    assert "A name is the one on a sanctions list" in told.words
    assert "nobody has said that it is somebody else" not in told.words


def taken_in(shop: Shop, published: str) -> None:
    """A new edition of a list, a day after all that happened and a day before all that follows."""
    shop.clock.advance(timedelta(days=1))
    with shop.inside(), transaction() as session:
        session.execute(update(SanctionsList).values(is_current=False))
        session.add(
            SanctionsList(
                source="eu",
                published=published,
                sha256=published,
                entries=1,
                is_current=True,
                imported_at=shop.clock.now(),
            )
        )
    shop.clock.advance(timedelta(days=1))


def test_an_order_is_called_clear_only_where_there_is_a_list_that_it_was_compared_with(shop: Shop) -> None:
    desk, address = operator(shop), f"/en/desk/orders/{finished(shop)}"
    page = desk.get(address)
    assert "Not compared: no edition of a list was taken in" in page.words
    assert "No likeness with a sanctions list" not in page.words

    taken_in(shop, "2026-12-01")
    later = operator(shop).get(address)
    assert "Not compared: no edition of a list was taken in" in later.words, "it was sent before"

    address = f"/en/desk/orders/{finished(shop, 2)}"
    taken_in(shop, "2026-12-08")
    assert "No likeness with a sanctions list compared with EU 2026-12-01" in operator(shop).get(address).words


def test_an_order_nobody_paid_does_not_claim_to_be_compared_and_has_no_mail_to_send_again(shop: Shop) -> None:
    offer = shop.offer()
    with shop.inside() as world:
        reference = the_order(a_payable_order(world, {offer: 2})).reference
    desk = operator(shop)
    address = f"/en/desk/orders/{reference}"

    page = desk.get(address)
    assert "Compared when the order is paid" in page.words
    assert "No likeness with a sanctions list" not in page.words
    desk.send(page, f"{address}/resend")
    assert "There is no mail of this order to send again yet." in desk.get(address).words

    with shop.inside(), transaction() as session:
        session.execute(update(Order).values(state=OrderState.REFUSED, finished_at=shop.clock.now()))
    assert "Not compared: nothing of it was to be sent" in desk.get(address).words


def test_spanish_says_to_whom_a_mail_goes_and_not_until_when(shop: Shop) -> None:
    page = operator(shop).get(f"/es/desk/orders/{finished(shop)}")
    assert "EstadoParaEscrito" in page.words.replace(" ", "")


def test_french_and_spanish_name_a_paid_order_and_not_the_step_of_paying(shop: Shop) -> None:
    reference = paid(shop)
    desk = operator(shop)

    french, spanish = (desk.get(f"/{language}/desk/orders").words for language in ("fr", "es"))
    assert reference in french
    assert "Payée" in french
    assert "Ordre" not in french
    assert "Pagado" in spanish
    assert "Orden" not in spanish
