"""Units that were paid and not cancelled: the buyer chooses between the money and other units, and it adds up (F37)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import event, func, select, update

from app.catalog.models import Issuance
from app.checkout import service
from app.checkout.errors import NotLate, RemedyDecided, SubstituteUnfit
from app.checkout.models import Order, OrderLine, Remedy
from app.checkout.remedies import can_be_taken_back, find_substitute, substitutes
from app.checkout.service.remedy import TIME_TO_DECIDE
from app.checkout.states import OrderState, RemedyState
from app.db import db, transaction
from app.desk.queries import today
from app.fulfilment.process import Collaborators, run_due
from app.kernel.money import Money
from app.offers.models import Offer
from app.offers.states import OfferState
from app.payments.models import Payment, Refund
from app.registry import leases
from app.registry import service as registry
from app.registry.models import Cancellation
from app.registry.ports import Absent, Found, NotSent, Pending, RefusalCode, Refused, Unknown
from app.registry.states import CancellationState
from tests import builders
from tests.builders import (
    a_finished_order,
    an_offer,
    cancellations_of,
    ledger_effects,
    pass_time,
    registry_of,
    take_units_instead,
)
from tests.service.conftest import Shop

REFUSAL = Refused(RefusalCode.RULES, "the project is under review")
LATER = timedelta(minutes=1)
S = CancellationState


def a_refused_order(world: Collaborators, *, price: int = 300, other: int = 250) -> tuple[int, int]:
    """An order of 10 units that the registry refused while another offer is on sale; gives it and the other offer."""
    other_offer = an_offer(number=2, price=other)
    registry_of(world).submits = [REFUSAL]
    return a_finished_order(world, {an_offer(number=1, price=price): 10}), other_offer


def the_remedy(order_id: int) -> Remedy:
    db.session.expire_all()
    return db.session.scalars(select(Remedy).where(Remedy.order_id == order_id)).one()


def refunds() -> list[tuple[str, int, str]]:
    db.session.expire_all()
    return [(r.cause, r.amount, r.state.value) for r in db.session.scalars(select(Refund).order_by(Refund.id))]


def mails(world: Collaborators) -> list[str]:
    return [mail.subject for mail in world.mailer.sent]  # type: ignore[attr-defined]  # the tests' mailer


def test_nothing_goes_back_before_the_buyer_or_the_time_has_chosen(world: Collaborators) -> None:
    order_id, _other = a_refused_order(world)

    remedy = the_remedy(order_id)
    assert (remedy.state, remedy.decide_by) == (RemedyState.OFFERED, builders.NOW + TIME_TO_DECIDE)
    assert refunds() == []
    assert any("choose your money or other units" in subject for subject in mails(world))

    pass_time(world, seconds=TIME_TO_DECIDE.total_seconds() - 1)
    run_due(world)
    assert refunds() == []
    pass_time(world, seconds=1)
    run_due(world)
    run_due(world)
    assert refunds() == [("refused", 3_000, "succeeded")]
    assert the_remedy(order_id).state is RemedyState.REFUNDED
    assert ledger_effects() == 0


def test_where_nothing_of_that_price_is_on_sale_the_money_goes_back_at_once(world: Collaborators) -> None:
    _order_id, _other = a_refused_order(world, price=249)

    assert refunds() == [("refused", 2_490, "succeeded")]
    assert db.session.scalar(select(func.count()).select_from(Remedy)) == 0


@pytest.mark.parametrize(
    "changes",
    [{"state": OfferState.PAUSED}, {"units_offered": 9}, {"minimum_units": 11}, {"expires_at": builders.NOW},
     {"opens_at": builders.NOW + timedelta(days=1)}],
)  # fmt: skip
def test_only_what_could_be_bought_now_is_a_substitute(world: Collaborators, changes: dict[str, object]) -> None:
    other = an_offer(number=2, price=250)
    with transaction() as session:
        session.execute(update(Offer).where(Offer.id == other).values(**changes))
    registry_of(world).submits = [REFUSAL]
    a_finished_order(world, {an_offer(number=1, price=300): 10})

    assert refunds() == [("refused", 3_000, "succeeded")]


def test_units_that_may_not_be_cancelled_for_what_the_buyer_said_are_no_substitute(
    world: Collaborators,
) -> None:
    order_id, other = a_refused_order(world)
    with transaction() as session:
        session.execute(update(Issuance).where(Issuance.serial_first == 2_000_000).values(authorisation="unauthorised"))
    line = db.session.get_one(Order, order_id).lines[0]
    assert [offer.id for offer in substitutes(line, world.clock.now())] == []
    assert find_substitute(line, other, world.clock.now()) is None
    with pytest.raises(SubstituteUnfit):
        take_units_instead(world, order_id, other)


def the_same_units_as(offer_id: int, code: str) -> int:
    """Another offer of the units of one; gives its id."""
    with transaction() as session:
        offer = session.get_one(Offer, offer_id)
        facts = {name: getattr(offer, name) for name in ("provider_id", "issuance_id", "account", "state", "currency")}
        other = Offer(code=code, unit_price=290, units_offered=100, units_reserved=0, units_settled=0, **facts)
        session.add(other)
        session.flush()
        return other.id


def test_units_that_the_registry_has_just_refused_are_not_sold_on_under_another_offer(world: Collaborators) -> None:
    first, other = an_offer(number=1, price=300, units=100, held=500), an_offer(number=2, price=200)
    the_same_units_as(first, "same-units")
    registry_of(world).submits = [REFUSAL]
    order_id = a_finished_order(world, {first: 10})

    line = db.session.get_one(Order, order_id).lines[0]
    assert [found.id for found in substitutes(line, world.clock.now())] == [other]
    states = dict(db.session.execute(select(Offer.code, Offer.state)).all())
    assert states == {"offer-1": OfferState.FROZEN, "same-units": OfferState.FROZEN, "offer-2": OfferState.LIVE}


@pytest.mark.parametrize("code", [RefusalCode.INVALID, RefusalCode.BENEFICIARY])
def test_what_a_buyer_wrote_takes_no_units_off_sale(world: Collaborators, code: RefusalCode) -> None:
    offer_id = an_offer(units=100, held=500)
    registry_of(world).submits = [Refused(code, "the name of the beneficiary is not accepted")]
    order_id = a_finished_order(world, {offer_id: 10})

    assert builders.the_order(order_id).state is OrderState.REFUSED
    assert refunds() == [("refused", 2500, "succeeded")]
    offer = builders.the_offer(offer_id)
    assert (offer.state, offer.units_settled) == (OfferState.LIVE, 0)


def test_a_registry_that_takes_nobodys_request_any_more_takes_the_units_off_sale(world: Collaborators) -> None:
    offer_id = an_offer(units=100, held=500)
    unfit = Refused(RefusalCode.INVALID, "the purpose has no known code")

    def state_after(*answers: Refused | None) -> OfferState:
        for answer in answers:
            registry_of(world).submits = [answer] if answer else []
            a_finished_order(world, {offer_id: 1})
        return builders.the_offer(offer_id).state

    assert state_after(unfit, unfit, None, unfit, unfit) is OfferState.LIVE
    assert state_after(unfit) is OfferState.FROZEN


def test_one_buyer_who_wants_the_same_units_three_times_takes_none_off_sale(world: Collaborators) -> None:
    first = an_offer(units=100, held=500)
    wanted = [first, the_same_units_as(first, "second"), the_same_units_as(first, "third")]
    registry_of(world).submits = [Refused(RefusalCode.INVALID, "too long a name")] * 3
    a_finished_order(world, dict.fromkeys(wanted, 1))

    assert {builders.the_offer(each).state for each in wanted} == {OfferState.LIVE}


def test_a_basket_of_which_one_name_and_other_units_are_refused_takes_only_those_units_off_sale(
    world: Collaborators,
) -> None:
    unfit, gone = an_offer(number=1), an_offer(number=2)
    registry_of(world).submits = [
        Refused(RefusalCode.INVALID, "too long a name"), Refused(RefusalCode.BLOCK_GONE, "no such block"),
    ]  # fmt: skip
    a_finished_order(world, {unfit: 10, gone: 10})

    assert [builders.the_offer(each).state for each in (unfit, gone)] == [OfferState.LIVE, OfferState.FROZEN]


def test_the_buyer_takes_the_money(world: Collaborators) -> None:
    order_id, other = a_refused_order(world)

    service.take_money(the_remedy(order_id).id, world.settings, world.clock.now())
    run_due(world)

    assert refunds() == [("refused", 3_000, "succeeded")]
    with pytest.raises(RemedyDecided):
        service.take_money(the_remedy(order_id).id, world.settings, world.clock.now())
    with pytest.raises(RemedyDecided):
        take_units_instead(world, order_id, other)
    pass_time(world, seconds=TIME_TO_DECIDE.total_seconds())
    assert service.due_remedies(world.clock.now()) == []
    assert service.lapse(the_remedy(order_id).id, world.settings, world.clock.now()) is False
    assert len(refunds()) == 1


def test_other_units_are_bought_with_the_money_that_is_here_and_the_rest_goes_back(world: Collaborators) -> None:
    order_id, other = a_refused_order(world)

    second = take_units_instead(world, order_id, other)
    run_due(world)

    order = db.session.get_one(Order, second)
    assert (order.state, order.total, order.email) == (OrderState.FULFILLED, 2_500, builders.DETAILS["email"])
    assert ledger_effects() == 10
    assert refunds() == [("substituted", 500, "succeeded")]
    paid, drawn = db.session.scalars(select(Payment).order_by(Payment.id)).all()
    assert (drawn.drawn_from_id, drawn.amount, drawn.gateway_reference) == (paid.id, 2_500, None)
    # What was paid is what the units cost that were cancelled, and what went back.
    assert paid.amount == order.total + 500
    (line,) = order.lines
    assert line.seller_share + line.payment_cost + line.tax + line.platform_fee == 2_500
    assert the_remedy(order_id).substitute_order_id == second
    with pytest.raises(RemedyDecided):
        service.take_money(the_remedy(order_id).id, world.settings, world.clock.now())


def test_units_of_the_same_price_send_nothing_back(world: Collaborators) -> None:
    order_id, other = a_refused_order(world, price=250)

    take_units_instead(world, order_id, other)
    run_due(world)

    assert (refunds(), ledger_effects()) == ([], 10)


def test_a_substitute_that_is_refused_too_gives_the_money_back_by_the_first_payment(world: Collaborators) -> None:
    order_id, other = a_refused_order(world)
    an_offer(number=3, price=100)

    second = take_units_instead(world, order_id, other)
    registry_of(world).submits = [REFUSAL]
    run_due(world)

    assert refunds() == [("substituted", 500, "succeeded"), ("refused", 2_500, "succeeded")]
    first_payment = db.session.scalars(select(Payment.id).order_by(Payment.id)).first()
    assert set(db.session.scalars(select(Refund.payment_id))) == {first_payment}
    assert db.session.get_one(Order, second).state is OrderState.REFUSED
    assert db.session.scalar(select(func.count()).select_from(Remedy)) == 1


@pytest.mark.parametrize("case", ["price", "gone", "dearer"])
def test_what_changed_since_it_was_shown_is_not_bought(world: Collaborators, case: str) -> None:
    order_id, other = a_refused_order(world)
    dear = an_offer(number=4, price=301)
    if case == "gone":
        with transaction() as session:
            session.get_one(Offer, other).state = OfferState.PAUSED

    with pytest.raises(SubstituteUnfit):
        take_units_instead(world, order_id, dear if case == "dearer" else other, price=249 if case == "price" else 250)

    assert the_remedy(order_id).state is RemedyState.OFFERED
    assert db.session.scalar(select(func.count()).select_from(Order)) == 1
    assert db.session.get_one(Offer, other).units_settled == 0


def test_of_two_who_choose_at_once_one_is_heard(world: Collaborators, context: object) -> None:
    order_id, other = a_refused_order(world)
    remedy_id = the_remedy(order_id).id
    db.session.rollback()

    def money() -> str:
        try:
            service.take_money(remedy_id, world.settings, world.clock.now())
        except RemedyDecided:
            return "late"
        return "money"

    def units() -> str:
        try:
            take_units_instead(world, order_id, other)
        except RemedyDecided:
            return "late"
        return "units"

    answers = builders.all_at_once(context, [money, units, money, units])  # type: ignore[arg-type]  # they give different things
    run_due(world)

    assert sorted(answers).count("late") == 3
    amount = sum(refund[1] for refund in refunds())
    spent = sum(line.amount for line in db.session.scalars(select(OrderLine).where(OrderLine.order_id != order_id)))
    assert amount + spent == 3_000


# --- past the promised time ---------------------------------------------------------------------------


def a_waiting_order(world: Collaborators, first: object = None) -> int:
    """A paid order whose registry accepted and does not answer, while another offer is on sale."""
    an_offer(number=2, price=250)
    registry_of(world).submits = [first or Pending("R-1", LATER)]  # type: ignore[list-item]  # an outcome or a fault
    registry_of(world).lookups = [Found(Pending("R-1", LATER))] * 200
    return a_finished_order(world, {an_offer(number=1, price=300): 10})


def state_of(order_id: int) -> CancellationState:
    db.session.expire_all()
    (cancellation,) = cancellations_of(order_id)
    return cancellation.state


def test_within_the_promised_time_there_is_nothing_to_take_back(world: Collaborators) -> None:
    order_id = a_waiting_order(world)
    with pytest.raises(NotLate):
        service.take_back(order_id, world.registries, world.clock.now())


def test_money_that_bought_other_units_came_once(world: Collaborators) -> None:
    order_id, other = a_refused_order(world)
    take_units_instead(world, order_id, other)

    assert today(world.clock.now(), "USD").money == Money(3_000, "USD")
    assert today(world.clock.now(), "EUR").money == Money(0, "EUR")


def test_of_an_order_that_is_over_nobody_asks_what_could_be_taken_back(world: Collaborators) -> None:
    order_id, _other = a_refused_order(world)
    order = db.session.get_one(Order, order_id)
    asked: list[str] = []

    def ask(*said: str) -> None:
        asked.append(said[2])

    event.listen(db.engine, "before_cursor_execute", ask)
    assert not can_be_taken_back(order, world.registries, world.clock.now())
    event.remove(db.engine, "before_cursor_execute", ask)
    assert asked == []


def test_what_the_registry_gives_up_is_made_good_and_what_it_keeps_is_not(world: Collaborators) -> None:
    order_id = a_waiting_order(world)
    pass_time(world, minutes=6)
    run_due(world)
    registry_of(world).withdrawals = [Found(Pending("R-1", LATER)), Found(Refused(RefusalCode.WITHDRAWN, "taken back"))]

    service.take_back(order_id, world.registries, world.clock.now())
    with pytest.raises(NotLate):
        service.take_back(order_id, world.registries, world.clock.now())
    run_due(world)
    assert state_of(order_id) is S.WAITING
    assert refunds() == []

    pass_time(world, minutes=30)
    run_due(world)
    assert state_of(order_id) is S.REFUSED
    assert the_remedy(order_id).state is RemedyState.OFFERED
    offer = db.session.scalars(select(Offer).where(Offer.code == "offer-1")).one()
    assert offer.state is OfferState.LIVE, "nobody's books differ"


def test_what_was_cancelled_meanwhile_is_certified_and_never_made_good(world: Collaborators) -> None:
    order_id = a_waiting_order(world, first="lose")
    registry_of(world).lookups = [Absent(proven=False, basis="slow")] * 30
    pass_time(world, minutes=6)
    run_due(world)

    service.take_back(order_id, world.registries, world.clock.now())
    registry_of(world).lookups = []
    pass_time(world, minutes=90)
    run_due(world)

    assert state_of(order_id) is S.CONFIRMED
    assert (refunds(), ledger_effects()) == ([], 10)


def test_what_was_never_sent_is_taken_back_without_asking(world: Collaborators) -> None:
    an_offer(number=2, price=250)
    order_id = builders.a_begun_order(world, {an_offer(number=1, price=300): 10})
    pass_time(world, minutes=6)

    service.take_back(order_id, world.registries, world.clock.now())
    run_due(world)

    assert state_of(order_id) is S.REFUSED
    assert registry_of(world).submitted == []
    (cancellation,) = cancellations_of(order_id)
    assert (cancellation.refusal_code, cancellation.first_sent_at) == ("withdrawn", None)
    assert the_remedy(order_id).state is RemedyState.OFFERED


@pytest.mark.parametrize("answer", [NotSent("down", LATER), Unknown("silence")])
def test_what_was_asked_once_is_withdrawn_at_the_registry_and_never_sent_again(
    world: Collaborators, answer: NotSent | Unknown
) -> None:
    an_offer(number=2, price=250)
    registry_of(world).submits = [answer]
    registry_of(world).lookups = [Absent(proven=False, basis="slow")] * 30
    order_id = a_finished_order(world, {an_offer(number=1, price=300): 10})
    with transaction() as session:
        session.execute(update(Cancellation).values(created_at=world.clock.now() - timedelta(hours=1)))
    registry_of(world).withdrawals = [Absent(proven=True, basis="not there")]

    service.take_back(order_id, world.registries, world.clock.now())
    run_due(world)

    assert state_of(order_id) is S.REFUSED
    assert len(registry_of(world).submitted) == 1
    assert ledger_effects() == 0


def test_what_a_withdrawal_says_that_another_writer_overtook_does_not_count(
    world: Collaborators, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id = a_waiting_order(world)
    pass_time(world, minutes=6)
    (cancellation,) = cancellations_of(order_id)
    cancellation_id, code, account = cancellation.id, cancellation.registry_code, cancellation.account

    def slow(*_arguments: object) -> Found:
        pass_time(world, seconds=61)
        with transaction():
            assert leases.take(code, account, world.clock.now()) is not None
        return Found(Refused(RefusalCode.WITHDRAWN, "taken back"))

    monkeypatch.setattr(world.registries.default, "withdraw", slow)
    assert not registry.withdraw(cancellation_id, "late", world.registries, world.clock)
    assert state_of(order_id) is S.WAITING


# --- pages --------------------------------------------------------------------------------------------


def a_refused_purchase(shop: Shop) -> str:
    """The address of the page of an order of 10 units that was refused while other units are on sale."""
    with shop.inside():
        order_id, _other = a_refused_order(shop.world)
        return f"/en/orders/{db.session.get_one(Order, order_id).token}"


def test_the_order_page_leads_to_the_choice_and_the_choice_to_the_new_order(shop: Shop) -> None:
    address = a_refused_purchase(shop)
    visitor = shop.visitor()
    assert "Choose: your money or other units" in visitor.get(address).words
    choice = visitor.get(f"{address}/instead/0")
    assert "My money: USD 30.00 goes back to me" in choice.words
    assert "USD 25.00, and USD 5.00 goes back to you" in choice.words
    with shop.inside():
        offer_id = db.session.scalars(select(Offer.id).where(Offer.code == "offer-2")).one()

    nothing = visitor.read(visitor.send(choice, "/instead/0", 422), 422)
    assert "Choose your money or other units." in nothing.words
    unticked = visitor.read(visitor.send(choice, "/instead/0", 422, choice=f"{offer_id}-250"), 422)
    assert unticked.error_at("consent").startswith("Tick the box to agree")
    agreed = {"consent": "y"}
    changed = visitor.send(choice, "/instead/0", 409, fields=agreed, choice=f"{offer_id}-249")
    assert "Choose again from what is shown now" in visitor.read(changed, 409).words
    old = visitor.send(choice, "/instead/0", 409, fields=agreed, choice=f"{offer_id}-250", terms="2020-01-01")
    assert "New terms of sale" in visitor.read(old, 409).words

    done = visitor.send(choice, "/instead/0", fields=agreed, choice=f"{offer_id}-250")
    assert done.location not in (address, None)
    assert "See the order for them" in visitor.get(address).words
    visitor.get(f"{address}/instead/0", 303)


def test_the_money_is_one_press_away(shop: Shop) -> None:
    address = a_refused_purchase(shop)
    visitor = shop.visitor()
    choice = visitor.get(f"{address}/instead/0")

    visitor.send(choice, "/instead/0", choice="money")
    with shop.inside():
        run_due(shop.world)
        assert refunds() == [("refused", 3_000, "succeeded")]
    # The same button in another tab changes nothing.
    visitor.send(choice, "/instead/0", choice="money")
    for wrong in (f"{address}/instead/7", "/en/orders/nobody/instead/0", "/en/orders/nobody/stop-waiting"):
        visitor.get(wrong, 404)


def test_a_choice_that_another_one_overtakes_leads_to_the_order(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    address = a_refused_purchase(shop)
    visitor = shop.visitor()
    choice = visitor.get(f"{address}/instead/0")

    def too_late(*_arguments: object) -> None:
        raise RemedyDecided

    monkeypatch.setattr(service, "take_money", too_late)
    assert visitor.send(choice, "/instead/0", choice="money").location == address


def test_who_waited_too_long_may_stop_waiting(shop: Shop) -> None:
    with shop.inside():
        order_id = a_waiting_order(shop.world)
        address = f"/en/orders/{db.session.get_one(Order, order_id).token}"
    visitor = shop.visitor()
    assert "You need not wait any longer" not in visitor.get(address).words
    assert "nothing to ask back" in visitor.get(f"{address}/stop-waiting").words

    with shop.inside():
        pass_time(shop.world, minutes=6)
    assert "You need not wait any longer" in visitor.get(address).words
    page = visitor.get(f"{address}/stop-waiting")
    assert "we ask it to give back" in page.words
    visitor.send(page, "/stop-waiting")
    with shop.inside():
        (cancellation,) = cancellations_of(order_id)
        assert cancellation.withdrawal_wanted_at is not None
    # The same button in another tab changes nothing.
    again = visitor.send(page, "/stop-waiting", 409)
    assert "Nothing was changed" in visitor.read(again, 409).words
