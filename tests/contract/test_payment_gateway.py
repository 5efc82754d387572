"""What the product expects of a payment gateway, asked of both of them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from threading import Thread

import pytest
from flask import Flask

from app.kernel.clock import FixedClock
from app.kernel.money import Money
from app.payments.ports import (
    BadNotice,
    GatewayFault,
    GatewayRefusal,
    GatewayState,
    PaymentLine,
    RefundOutcome,
)
from app.payments.states import DisputeState
from tests.contract.gateways import StripeWorld, TestpayWorld, World, dollars, payment_request, signed
from tests.stripe_standin import StripeStandIn

pytestmark = pytest.mark.parametrize(
    ("db_url", "world"),
    [("sqlite", "testpay"), ("postgresql", "testpay"), ("sqlite", "stripe")],
    indirect=True,
    ids=["testpay-sqlite", "testpay-postgresql", "stripe"],
)


@pytest.fixture
def world(request: pytest.FixtureRequest, context: Flask, clock: FixedClock) -> Iterator[World]:
    if request.param == "testpay":
        yield TestpayWorld(context, clock)
    else:
        with StripeStandIn(lambda: clock.now().timestamp()) as standin:
            yield StripeWorld(context.extensions["tonne.settings"], standin, clock)


def opened(world: World, **changes: object) -> str:
    return world.gateway.start_checkout(payment_request(world.clock.now(), **changes)).gateway_reference


def paid(world: World, **changes: object) -> str:
    reference = opened(world, **changes)
    assert world.pay(reference)
    return reference


def state_of(world: World, reference: str) -> GatewayState:
    return world.gateway.status(reference).state


# --- opening a page --------------------------------------------------------------------------------


def test_a_page_opens_for_the_amount_asked_and_nothing_is_paid_yet(world: World) -> None:
    request = payment_request(world.clock.now())
    start = world.gateway.start_checkout(request)
    assert start.url.startswith(world.gateway.hosted_page_origins())
    assert start.expires_at == request.expires_at
    status = world.gateway.status(start.gateway_reference)
    assert (status.gateway_reference, status.order_reference) == (start.gateway_reference, "T-7KMQ-2XHD")
    assert (status.state, status.amount) == (GatewayState.OPEN, dollars(2080))
    assert (status.is_live, status.charge_reference, status.method) == (False, None, None)


def test_asking_again_with_the_same_key_gives_the_same_page(world: World) -> None:
    request = payment_request(world.clock.now())
    first = world.gateway.start_checkout(request)
    world.clock.advance(timedelta(minutes=5))
    assert world.gateway.start_checkout(request) == first


def test_the_same_key_is_refused_for_another_request(world: World) -> None:
    opened(world)
    with pytest.raises(GatewayRefusal) as refusal:
        opened(world, email="somebody-else@example.org")
    assert refusal.value.facts["reason"] == "key"


def test_a_second_attempt_has_a_page_of_its_own(world: World) -> None:
    assert opened(world) != opened(world, attempt=2, key="checkout:T-7KMQ-2XHD:2")


@pytest.mark.parametrize("minor", [50, 99_999_999])
def test_the_smallest_and_the_largest_amount_can_be_paid(world: World, minor: int) -> None:
    reference = opened(world, lines=(PaymentLine("Units", 1, dollars(minor)),))
    assert world.gateway.status(reference).amount == dollars(minor)


@pytest.mark.parametrize("minor", [49, 100_000_000])
def test_an_amount_outside_the_limits_is_refused_with_the_limits(world: World, minor: int) -> None:
    with pytest.raises(GatewayRefusal) as refusal:
        opened(world, lines=(PaymentLine("Units", 1, dollars(minor)),))
    facts = refusal.value.facts
    assert (facts["smallest"], facts["largest"]) == world.gateway.limits() == (dollars(50), dollars(99_999_999))


def test_a_basket_of_117_647_units_at_8_50_fits(world: World) -> None:
    reference = opened(world, lines=(PaymentLine("Units", 117_647, dollars(850)),))
    assert world.gateway.status(reference).amount == dollars(99_999_950)


def test_more_than_a_million_units_at_once_cost_exactly_their_sum(world: World) -> None:
    reference = opened(world, lines=(PaymentLine("Units", 1_870_000, dollars(38)),))
    assert world.gateway.status(reference).amount == dollars(71_060_000)


@pytest.mark.parametrize("count", [100, 101])
def test_an_order_of_very_many_lines_costs_exactly_their_sum(world: World, count: int) -> None:
    lines = tuple(PaymentLine(f"Project {n}", n + 1, dollars(38 + n)) for n in range(count))
    expected = sum((n + 1) * (38 + n) for n in range(count))
    assert world.gateway.status(opened(world, lines=lines)).amount == dollars(expected)


def test_a_page_that_would_charge_something_else_than_its_lines_is_never_opened(world: World) -> None:
    with pytest.raises(GatewayFault):
        opened(world, amount=dollars(2081))


def test_a_page_in_another_currency_is_never_opened(world: World) -> None:

    with pytest.raises(GatewayFault):
        opened(world, lines=(PaymentLine("Units", 1, Money(500, "EUR")),), amount=Money(500, "EUR"))


@pytest.mark.parametrize("life", [timedelta(minutes=29), timedelta(hours=25)])
def test_a_page_lives_between_thirty_minutes_and_a_day(world: World, life: timedelta) -> None:
    with pytest.raises(GatewayRefusal) as refusal:
        opened(world, expires_at=world.clock.now() + life)
    assert refusal.value.facts["reason"] == "expires_at"


@pytest.mark.parametrize("locale", ["en", "fr", "es", "pt"])
def test_a_page_opens_whatever_the_language(world: World, locale: str) -> None:
    assert state_of(world, opened(world, locale=locale)) is GatewayState.OPEN


# --- paying ----------------------------------------------------------------------------------------


def test_a_paid_page_says_so_with_the_amount_the_charge_and_the_method(world: World) -> None:
    status = world.gateway.status(paid(world))
    assert (status.state, status.amount, status.method) == (GatewayState.SUCCEEDED, dollars(2080), "card")
    assert status.charge_reference


def test_a_page_cannot_be_paid_twice(world: World) -> None:
    reference = paid(world)
    assert not world.pay(reference)
    assert not world.pay_by_bank(reference)


def test_a_bank_payment_is_processing_until_the_money_is_there(world: World) -> None:
    reference = opened(world)
    assert world.pay_by_bank(reference)
    assert state_of(world, reference) is GatewayState.PROCESSING
    world.settle_bank(reference)
    assert state_of(world, reference) is GatewayState.SUCCEEDED


def test_a_bank_payment_that_never_arrives_has_failed(world: World) -> None:
    reference = opened(world)
    world.pay_by_bank(reference)
    world.fail_bank(reference)
    assert state_of(world, reference) is GatewayState.FAILED


# --- expiring ----------------------------------------------------------------------------------------


def test_an_expired_page_stays_expired_and_cannot_be_paid(world: World) -> None:
    reference = opened(world)
    assert world.gateway.expire_checkout(reference).state is GatewayState.EXPIRED
    assert world.gateway.expire_checkout(reference).state is GatewayState.EXPIRED
    assert not world.pay(reference)
    assert state_of(world, reference) is GatewayState.EXPIRED


def test_expiring_a_page_that_was_paid_in_that_second_says_that_it_is_paid(world: World) -> None:
    reference = paid(world)
    status = world.gateway.expire_checkout(reference)
    assert status.state is GatewayState.SUCCEEDED
    assert status.charge_reference


def test_expiring_a_page_that_waits_for_the_bank_changes_nothing(world: World) -> None:
    reference = opened(world)
    world.pay_by_bank(reference)
    assert world.gateway.expire_checkout(reference).state is GatewayState.PROCESSING


def test_a_page_whose_time_is_over_is_expired_though_nobody_closed_it(world: World) -> None:
    reference = opened(world)
    world.clock.advance(timedelta(minutes=31))
    assert state_of(world, reference) is GatewayState.EXPIRED
    assert not world.pay(reference)


def test_nothing_is_known_about_a_page_of_another_account(world: World) -> None:
    for ask in (world.gateway.status, world.gateway.expire_checkout, world.gateway.refund_status):
        with pytest.raises(GatewayRefusal):
            ask("nobody-knows-this-one")


# --- giving back -------------------------------------------------------------------------------------


def test_a_whole_payment_is_given_back_once_however_often_it_is_asked(world: World) -> None:
    reference = paid(world)
    charge = world.gateway.status(reference).charge_reference
    first = world.gateway.refund(reference, charge, dollars(2080), "refund:T-7KMQ-2XHD:1:1")
    assert (first.outcome, first.amount) == (RefundOutcome.SUCCEEDED, dollars(2080))
    assert world.gateway.refund(reference, charge, dollars(2080), "refund:T-7KMQ-2XHD:1:1") == first
    assert world.gateway.refund_status(first.gateway_reference) == first
    assert [json.loads(body)["type"] for body in world.told()].count("refund.created") == 1


def test_two_equal_parts_with_two_keys_are_two_refunds(world: World) -> None:
    reference = paid(world)
    first = world.gateway.refund(reference, None, dollars(380), "refund:1")
    second = world.gateway.refund(reference, None, dollars(380), "refund:2")
    assert first.gateway_reference != second.gateway_reference
    status = world.gateway.status(reference)
    assert (status.refunded, status.kept) == (760, dollars(2080 - 760))


def test_no_more_is_given_back_than_was_paid(world: World) -> None:
    reference = paid(world)
    world.gateway.refund(reference, None, dollars(2000), "refund:1")
    with pytest.raises(GatewayRefusal):
        world.gateway.refund(reference, None, dollars(81), "refund:2")
    assert world.gateway.refund(reference, None, dollars(80), "refund:3").amount == dollars(80)
    with pytest.raises(GatewayRefusal):
        world.gateway.refund(reference, None, dollars(1), "refund:4")


def test_what_was_refused_is_made_under_its_own_key_once_nothing_is_in_the_way_any_more(world: World) -> None:
    reference = paid(world)
    in_the_way = world.gateway.refund(reference, None, dollars(2000), "refund:1")
    for _try in range(3):
        with pytest.raises(GatewayRefusal):
            world.gateway.refund(reference, None, dollars(81), "refund:2")

    world.fail_refund(in_the_way.gateway_reference)

    made = [world.gateway.refund(reference, None, dollars(81), "refund:2") for _try in range(3)]
    assert {refund.gateway_reference for refund in made} == {made[0].gateway_reference}
    assert world.gateway.status(reference).refunded == 81


def test_the_same_refund_key_is_refused_for_another_amount(world: World) -> None:
    reference = paid(world)
    world.gateway.refund(reference, None, dollars(380), "refund:1")
    with pytest.raises(GatewayRefusal) as refusal:
        world.gateway.refund(reference, None, dollars(381), "refund:1")
    assert refusal.value.facts["reason"] == "key"


def test_nothing_is_given_back_of_what_was_not_paid(world: World) -> None:
    waiting = opened(world)
    with pytest.raises(GatewayRefusal):
        world.gateway.refund(waiting, None, dollars(100), "refund:1")
    world.pay_by_bank(waiting)
    with pytest.raises(GatewayRefusal):
        world.gateway.refund(waiting, None, dollars(100), "refund:2")
    with pytest.raises(GatewayRefusal):
        world.gateway.refund("nobody-knows-this-one", None, dollars(100), "refund:3")


@pytest.mark.parametrize("amount", [dollars(0), dollars(-1), Money(100, "EUR")])
def test_only_a_part_of_what_was_paid_can_be_given_back(world: World, amount: Money) -> None:
    reference = paid(world)
    with pytest.raises(GatewayFault):
        world.gateway.refund(reference, None, amount, "refund:1")


def test_a_refund_by_bank_is_pending_until_it_arrives(world: World) -> None:
    reference = opened(world)
    world.pay_by_bank(reference)
    world.settle_bank(reference)
    refund = world.gateway.refund(reference, None, dollars(2080), "refund:1")
    assert refund.outcome is RefundOutcome.PENDING
    world.settle_refund(refund.gateway_reference)
    assert world.gateway.refund_status(refund.gateway_reference).outcome is RefundOutcome.SUCCEEDED


def test_a_refund_that_comes_back_has_failed_and_the_money_can_be_given_back_again(world: World) -> None:
    reference = paid(world)
    refund = world.gateway.refund(reference, None, dollars(2080), "refund:1")
    world.fail_refund(refund.gateway_reference)
    assert world.gateway.refund_status(refund.gateway_reference).outcome is RefundOutcome.FAILED
    assert world.gateway.refund(reference, None, dollars(2080), "refund:2").outcome is RefundOutcome.SUCCEEDED


# --- disputes ----------------------------------------------------------------------------------------


def disputes_of(world: World, reference: str) -> list[tuple[DisputeState, int]]:
    charge = world.gateway.status(reference).charge_reference
    assert charge
    return [(dispute.state, dispute.taken) for dispute in world.gateway.disputes(charge)]


def test_a_payment_that_nobody_disputes_has_no_disputes(world: World) -> None:
    assert disputes_of(world, paid(world)) == []
    assert world.gateway.disputed_since(world.clock.now() - timedelta(days=1)) == ()


def test_a_dispute_says_what_the_bank_took_why_and_until_when_evidence_is_wanted(world: World) -> None:
    reference = paid(world)
    charge = world.gateway.status(reference).charge_reference or ""
    world.open_dispute(reference)
    (dispute,) = world.gateway.disputes(charge)
    assert (dispute.state, dispute.amount, dispute.taken) == (DisputeState.OPEN, dollars(2080), 2080)
    assert (dispute.reason, dispute.opened_at) == ("fraudulent", world.clock.now().replace(microsecond=0))
    assert dispute.evidence_due_at == dispute.opened_at + timedelta(days=7)
    assert state_of(world, reference) is GatewayState.SUCCEEDED


def test_a_dispute_goes_from_us_to_the_bank_and_ends_either_way(world: World) -> None:
    won, lost = paid(world), paid(world, key="another")
    for reference in (won, lost):
        world.open_dispute(reference)
        world.send_evidence(reference)
        assert disputes_of(world, reference) == [(DisputeState.UNDER_REVIEW, 2080)]
    world.win_dispute(won)
    world.lose_dispute(lost)
    assert disputes_of(world, won) == [(DisputeState.WON, 0)]
    assert disputes_of(world, lost) == [(DisputeState.LOST, 2080)]


def test_new_disputes_are_found_though_nobody_told_us(world: World) -> None:
    before, after = paid(world), paid(world, key="another")
    world.open_dispute(before)
    world.clock.advance(timedelta(days=2))
    world.open_dispute(after)
    charges = [world.gateway.status(reference).charge_reference for reference in (before, after)]
    assert set(world.gateway.disputed_since(world.clock.now() - timedelta(days=3))) == set(charges)
    assert world.gateway.disputed_since(world.clock.now() - timedelta(days=1)) == (charges[1],)


def test_what_the_bank_has_taken_is_not_given_back_as_well(world: World) -> None:
    reference = paid(world)
    world.open_dispute(reference)
    with pytest.raises(GatewayRefusal) as refusal:
        world.gateway.refund(reference, None, dollars(380), "refund:1")
    assert refusal.value.facts["reason"] == "charge_disputed"
    assert world.gateway.status(reference).refunded == 0


def test_everything_about_a_dispute_is_told_by_the_charge_that_it_is_about(world: World) -> None:
    reference = paid(world)
    charge = world.gateway.status(reference).charge_reference
    world.open_dispute(reference)
    world.send_evidence(reference)
    world.win_dispute(reference)
    events = [world.gateway.parse_event(body.encode(), signed(body, world.secret)) for body in world.told()[1:]]
    assert [(event.type, event.object_reference) for event in events if event] == [
        ("charge.dispute.created", charge),
        ("charge.dispute.funds_withdrawn", charge),
        ("charge.dispute.updated", charge),
        ("charge.dispute.closed", charge),
        ("charge.dispute.funds_reinstated", charge),
    ]


# --- notices -----------------------------------------------------------------------------------------


def notice(world: World, **changes: object) -> str:
    paid(world)
    return json.dumps(json.loads(world.told()[-1]) | changes)


def test_everything_that_happens_is_told_with_the_order_it_belongs_to(world: World) -> None:
    reference = opened(world)
    world.pay_by_bank(reference)
    world.settle_bank(reference)
    refund = world.gateway.refund(reference, None, dollars(380), "refund:1").gateway_reference
    world.settle_refund(refund)
    failing = opened(world, key="another")
    world.pay_by_bank(failing)
    world.fail_bank(failing)
    world.gateway.expire_checkout(expired := opened(world, key="a third"))
    events = [world.gateway.parse_event(body.encode(), signed(body, world.secret)) for body in world.told()]
    assert [(event.type, event.object_reference) for event in events if event] == [
        ("checkout.session.completed", reference),
        ("checkout.session.async_payment_succeeded", reference),
        ("refund.created", refund),
        ("refund.updated", refund),
        ("checkout.session.completed", failing),
        ("checkout.session.async_payment_failed", failing),
        ("checkout.session.expired", expired),
    ]
    assert {event.order_hint for event in events if event} == {"T-7KMQ-2XHD"}
    assert {event.is_live for event in events if event} == {False}
    assert {event.created_at for event in events if event} == {world.clock.now()}
    assert len({event.id for event in events if event}) == len(events)


def test_a_notice_is_read_whatever_the_case_of_its_header(world: World) -> None:
    body = notice(world)
    signature = signed(body, world.secret)["Stripe-Signature"]
    assert world.gateway.parse_event(body.encode(), {"stripe-signature": signature})


def test_a_notice_with_two_signatures_is_read_when_one_is_ours(world: World) -> None:
    body = notice(world)
    ours = signed(body, world.secret)["Stripe-Signature"]
    assert world.gateway.parse_event(body.encode(), {"Stripe-Signature": f"{ours},v1={'0' * 64}"})


def test_a_verified_notice_of_no_interest_is_none(world: World) -> None:
    body = notice(world, type="charge.updated")
    assert world.gateway.parse_event(body.encode(), signed(body, world.secret)) is None


def test_a_notice_changed_on_its_way_is_bad(world: World) -> None:
    body = notice(world)
    with pytest.raises(BadNotice):
        world.gateway.parse_event(body.replace("2080", "1").encode(), signed(body, world.secret))


def test_a_notice_signed_with_another_secret_is_bad(world: World) -> None:
    body = notice(world)
    for secret in ("whsec_somebody_else", " "):
        with pytest.raises(BadNotice):
            world.gateway.parse_event(body.encode(), signed(body, secret))


def test_a_notice_without_a_proper_signature_is_bad(world: World) -> None:
    body = notice(world)
    with pytest.raises(BadNotice):
        world.gateway.parse_event(body.encode(), {})
    for header in ("", "nonsense", "t=1", "t=soon,v1=abc", "v1=abc", "t=1,v1=é"):
        with pytest.raises(BadNotice):
            world.gateway.parse_event(body.encode(), {"Stripe-Signature": header})


def test_a_notice_signed_long_ago_or_in_the_future_is_bad(world: World) -> None:
    body = notice(world)
    for seconds in (-301, 310, 3600):
        with pytest.raises(BadNotice):
            world.gateway.parse_event(body.encode(), signed(body, world.secret, int(time.time()) + seconds))


def test_clocks_may_differ_by_almost_five_minutes(world: World) -> None:
    body = notice(world)
    for seconds in (-290, 290):
        assert world.gateway.parse_event(body.encode(), signed(body, world.secret, int(time.time()) + seconds))


def test_a_repeated_notice_with_a_mangled_time_is_bad_or_the_same(world: World) -> None:
    body = notice(world)
    signature = signed(body, world.secret)["Stripe-Signature"].replace(",", "=7,", 1)
    event = world.gateway.parse_event(body.encode(), {"Stripe-Signature": signature})
    assert event
    assert event.id == json.loads(body)["id"]


NO_EVENTS = (
    "not JSON",
    "[]",
    "7",
    "null",
    "{}",
    '{"object": "v2.core.event"}',
    '{"object": "event", "type": "checkout.session.completed"}',
    '{"object": "event", "type": "x", "id": "evt", "livemode": false, "created": 1, "data": {"object": 7}}',
    '{"object": "event", "type": "x", "id": "evt", "livemode": false, "created": 1e99, "data": {"object": {}}}',
)


def test_a_signed_body_that_is_no_event_is_bad(world: World) -> None:
    for body in NO_EVENTS:
        with pytest.raises(BadNotice):
            world.gateway.parse_event(body.encode(), signed(body, world.secret))


def test_a_body_that_is_no_text_is_bad(world: World) -> None:
    with pytest.raises(BadNotice):
        world.gateway.parse_event(b"\xff\xfe", signed("x", world.secret))


def test_a_notice_about_real_money_is_not_ours_in_a_test(world: World) -> None:
    body = notice(world, livemode=True)
    with pytest.raises(BadNotice):
        world.gateway.parse_event(body.encode(), signed(body, world.secret))


# --- at the same time --------------------------------------------------------------------------------


def test_ten_impatient_callers_open_one_page(world: World, app: Flask) -> None:
    request = payment_request(world.clock.now())
    references: list[str] = []

    def call() -> None:
        with app.app_context():
            references.append(world.gateway.start_checkout(request).gateway_reference)

    together([call] * 10)
    assert len(references) == 10
    assert len(set(references)) == 1


def test_ten_impatient_callers_give_back_once(world: World, app: Flask) -> None:
    reference = paid(world)
    refunds: list[str] = []

    def call() -> None:
        with app.app_context():
            refunds.append(world.gateway.refund(reference, None, dollars(380), "refund:1").gateway_reference)

    together([call] * 10)
    assert len(refunds) == 10
    assert len(set(refunds)) == 1


def test_ten_different_refunds_at_once_never_exceed_the_payment(world: World, app: Flask) -> None:
    reference = paid(world)
    given: list[int] = []

    def call(key: str) -> None:
        with app.app_context():
            try:
                given.append(world.gateway.refund(reference, None, dollars(500), key).amount.minor)
            except GatewayRefusal:
                return

    together([lambda key=f"refund:{n}": call(key) for n in range(10)])
    assert given == [500] * 4


def together(calls: list[Callable[[], None]]) -> None:
    threads = [Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
