"""What sellers and operators do with offers: never more than is held, never behind a buyer's back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.accounts.models import Organisation
from app.audit.errors import ReasonMissing
from app.audit.models import Act, HouseRule
from app.checkout import service as checkout
from app.db import db, end_reading, transaction
from app.fulfilment.process import Collaborators, run_due
from app.offers import pools, reasons
from app.offers.errors import MoreThanHeld, PriceChanged, UnitsUnavailable
from app.offers.models import OfferPrice, PriceChange
from app.offers.service import freeze
from app.offers.states import OfferState, PriceChangeState
from app.providers.models import Provider
from app.providers.states import ProviderState
from app.registry.ledger.models import LedgerBlock
from app.selling import service
from app.selling.errors import (
    CodeUnfit,
    MayNotOffer,
    NoSuchOffer,
    OfferMoved,
    OtherOwner,
    PlanOver,
    TermsUnfit,
    UnknownIssuance,
)
from app.selling.service import schedule
from app.selling.terms import Terms, terms_of
from tests import people
from tests.builders import (
    NOW,
    a_basket,
    a_paid_order,
    a_placed_order,
    an_offer,
    change_offer,
    gateway_of,
    look_again,
    pass_time,
    place,
    registry_of,
    the_offer,
    the_order,
)

ACCOUNT = "CDM-100-1"
HOUR = timedelta(hours=1)
SELLER, OPERATOR = people.Actor(None, "seller@a.example"), people.Actor(None, "eva@tonne.example")


@dataclass
class Desk:
    """A pool of 100 units of which 40 are on offer already, and what is done with the rest."""

    world: Collaborators
    first_id: int
    provider_id: int
    issuance_id: int

    @property
    def holdings(self) -> pools.Holdings:
        return registry_of(self.world).holdings

    @property
    def now(self) -> datetime:
        return self.world.clock.now()

    def draft(self, units: int = 60, **terms: Any) -> int:
        wanted = Terms(**{"unit_price": 250} | terms)
        return service.draw_up(self.provider_id, self.issuance_id, ACCOUNT, units, wanted, SELLER, self.now)

    def submitted(self, units: int = 60, **terms: Any) -> int:
        offer_id = self.draft(units, **terms)
        service.submit(offer_id, SELLER, self.holdings, self.now)
        return offer_id

    def live(self, units: int = 60, **terms: Any) -> int:
        offer_id = self.submitted(units, **terms)
        service.approve(offer_id, OPERATOR, self.holdings, self.now)
        return offer_id

    def change(self, offer_id: int, units: int, **terms: Any) -> bool:
        wanted = Terms(**{"unit_price": 250} | terms)
        return service.change(offer_id, units, wanted, SELLER, self.holdings, self.now)

    def free(self) -> int:
        return pools.free_units(ACCOUNT, self.issuance_id, self.holdings)


@pytest.fixture
def desk(world: Collaborators) -> Desk:
    first = the_offer(an_offer(units=40, held=100))
    found = Desk(world, first.id, first.provider_id, first.issuance_id)
    end_reading()
    return found


def state_of(offer_id: int) -> OfferState:
    state = the_offer(offer_id).state
    end_reading()
    return state


def acts() -> list[str]:
    found = list(db.session.scalars(select(Act.what).order_by(Act.id)))
    end_reading()
    return found


def prices_of(offer_id: int) -> list[tuple[int, list[list[int]]]]:
    rows = db.session.scalars(select(OfferPrice).where(OfferPrice.offer_id == offer_id).order_by(OfferPrice.id))
    found = [(price.unit_price, price.tiers) for price in rows]
    end_reading()
    return found


# --- only what the registry shows, and locked (F65) ---


def test_an_offer_of_more_than_is_held_is_refused_with_how_much_is_free(desk: Desk) -> None:
    offer_id = desk.draft(61)

    with pytest.raises(MoreThanHeld) as refusal:
        service.submit(offer_id, SELLER, desk.holdings, NOW)

    assert refusal.value.facts == {"units": 61, "free": 60}
    assert state_of(offer_id) is OfferState.DRAFT


def test_units_are_locked_from_the_moment_an_offer_is_submitted_and_not_before(desk: Desk) -> None:
    first, second = desk.draft(50), desk.draft(50)
    assert desk.free() == 60

    service.submit(first, SELLER, desk.holdings, NOW)

    assert desk.free() == 10
    with pytest.raises(MoreThanHeld):
        service.submit(second, SELLER, desk.holdings, NOW)


def test_cancelled_units_are_not_promised_twice_and_not_lost(desk: Desk) -> None:
    offer_id = desk.live(60)
    a_paid_order(desk.world, {offer_id: 25})
    run_due(desk.world)
    assert desk.free() == 0

    service.withdraw(offer_id, SELLER, NOW)

    assert desk.free() == 35


def test_what_left_the_account_meanwhile_stops_approval_and_thawing(desk: Desk) -> None:
    submitted, live = desk.submitted(20), desk.live(40)
    with transaction() as session:
        freeze(live, NOW, reasons.BOOKS_DIFFER)
        block = session.scalars(select(LedgerBlock)).one()
        block.last -= 10

    for attempt in (service.approve, service.thaw):
        with pytest.raises(MoreThanHeld):
            attempt(submitted if attempt is service.approve else live, OPERATOR, desk.holdings, NOW)

    assert (state_of(submitted), state_of(live)) == (OfferState.SUBMITTED, OfferState.FROZEN)


# --- drawing up, deciding ---


def test_who_offers_what_from_which_account_is_checked(desk: Desk) -> None:
    with pytest.raises(UnknownIssuance):
        service.draw_up(desk.provider_id, 99, ACCOUNT, 1, Terms(250), SELLER, NOW)
    with pytest.raises(OtherOwner):
        service.draw_up(desk.provider_id, desk.issuance_id, "CDM-9", 1, Terms(250), SELLER, NOW)
    other = an_offer(number=2)
    with transaction() as session:
        session.get_one(Provider, desk.provider_id).organisation_id = _organisation()
    with pytest.raises(MayNotOffer):
        desk.draft()
    with pytest.raises(MayNotOffer):
        service.copy(other, SELLER, NOW)
    with pytest.raises(NoSuchOffer):
        service.withdraw(99, SELLER, NOW)
    with pytest.raises(NoSuchOffer):
        service.submit(99, SELLER, desk.holdings, NOW)


def _organisation() -> int:
    organisation = Organisation(code="other", name="Other", created_at=NOW)
    db.session.add(organisation)
    db.session.flush()
    return organisation.id


def test_an_account_that_changed_hands_cannot_be_offered_from(desk: Desk) -> None:
    offer_id = desk.draft()
    change_offer(offer_id, account="CDM-9")

    with pytest.raises(OtherOwner):
        service.submit(offer_id, SELLER, lambda _account: [], NOW)


def test_an_offer_has_a_name_of_its_own(desk: Desk) -> None:
    def named(code: str) -> int:
        return service.draw_up(desk.provider_id, desk.issuance_id, ACCOUNT, 1, Terms(250), SELLER, NOW, code)

    assert the_offer(named("MY-OFFER")).code == "MY-OFFER"
    for code, reason in (("MY-OFFER", "taken"), ("my offer", "form"), ("A" * 61, "form")):
        with pytest.raises(CodeUnfit) as refusal:
            named(code)
        assert refusal.value.facts["reason"] == reason
    assert the_offer(named("")).code == "IN-1-1"
    assert the_offer(named("")).code == "IN-1-2"
    assert the_offer(service.copy(desk.first_id, SELLER, NOW)).code == "IN-1-3"


def test_an_approved_offer_is_on_sale_with_its_first_public_price(desk: Desk) -> None:
    offer_id = desk.submitted(tiers=((10, 200),))
    assert prices_of(offer_id) == []

    service.approve(offer_id, OPERATOR, desk.holdings, NOW)

    assert state_of(offer_id) is OfferState.LIVE
    assert prices_of(offer_id) == [(250, [[10, 200]])]
    assert acts() == ["offer_drawn_up", "offer_submitted", "offer_approved"]
    with pytest.raises(OfferMoved):
        service.approve(offer_id, OPERATOR, desk.holdings, NOW)


def test_an_offer_that_is_sent_back_says_why_and_frees_its_units(desk: Desk) -> None:
    offer_id = desk.submitted(60)
    with pytest.raises(ReasonMissing):
        service.send_back(offer_id, OPERATOR, " ", NOW)

    service.send_back(offer_id, OPERATOR, "Say what the project does.", NOW)

    assert (state_of(offer_id), desk.free()) == (OfferState.DRAFT, 60)
    assert reasons.describe(the_offer(offer_id).state_reason) == "Say what the project does."
    service.submit(offer_id, SELLER, desk.holdings, NOW)
    assert the_offer(offer_id).state_reason == ""


def test_a_suspended_seller_can_neither_submit_nor_be_approved_nor_resume_nor_be_thawed(desk: Desk) -> None:
    draft, submitted, paused, live = desk.draft(1), desk.submitted(1), desk.live(1), desk.live(1)
    service.pause(paused, SELLER, NOW)
    with transaction() as session:
        session.get_one(Provider, desk.provider_id).state = ProviderState.SUSPENDED
        assert service.freeze_all(desk.provider_id, reasons.SELLER_SUSPENDED, None, NOW) == 3
    change_offer(paused, state=OfferState.PAUSED)

    for attempt in (
        lambda: service.submit(draft, SELLER, desk.holdings, NOW),
        lambda: service.approve(submitted, OPERATOR, desk.holdings, NOW),
        lambda: service.resume(paused, SELLER, NOW),
        lambda: service.thaw(live, OPERATOR, desk.holdings, NOW),
    ):
        with pytest.raises(MayNotOffer):
            attempt()
    assert the_offer(live).state_reason == reasons.SELLER_SUSPENDED


# --- what the house allows ---

UNFIT: list[tuple[dict[str, Any], str, str]] = [
    ({"unit_price": 37}, "unit_price", "bounds"),
    ({"unit_price": 851}, "unit_price", "bounds"),
    ({"units": 0}, "units", "not_positive"),
    ({"units": 10**12 + 1}, "units", "not_positive"),
    ({"minimum_units": 0}, "minimum_units", "not_positive"),
    ({"minimum_units": 61}, "minimum_units", "above_units"),
    ({"tiers": tuple((n, 250 - n) for n in range(2, 8))}, "tiers", "too_many"),
    ({"tiers": ((1, 200),)}, "tiers", "not_rising"),
    ({"tiers": ((10, 200), (10, 190))}, "tiers", "not_rising"),
    ({"tiers": ((10, 250),)}, "tiers", "not_falling"),
    ({"tiers": ((10, 37),)}, "tiers", "bounds"),
    ({"expires_at": NOW}, "expires_at", "past"),
    ({"opens_at": NOW + HOUR, "expires_at": NOW + HOUR}, "expires_at", "before_opening"),
    ({"texts": {"de": "Windkraft"}}, "texts", "language"),
    ({"texts": {"en": "x" * 1001}}, "texts", "too_long"),
    ({"texts": {"en": "Make your flight carbon neutral."}}, "texts", "claims"),
]


@pytest.mark.parametrize(("wrong", "field", "reason"), UNFIT)
def test_terms_that_the_house_does_not_allow_are_refused_by_field(
    desk: Desk, wrong: dict[str, Any], field: str, reason: str
) -> None:
    with pytest.raises(TermsUnfit) as refusal:
        desk.draft(**wrong)

    assert (refusal.value.facts["field"], refusal.value.facts["reason"]) == (field, reason)


def test_the_lowest_and_the_highest_price_of_the_house_are_allowed_and_texts_are_cleaned(desk: Desk) -> None:
    lowest = desk.draft(unit_price=850, tiers=((2, 38),), texts={"en": "Wind\u202e power\n\n\n\nfor all", "fr": " "})

    offer = the_offer(lowest)
    assert (offer.unit_price, offer.tiers) == (850, [[2, 38]])
    assert offer.texts == {"en": "Wind power\n\nfor all"}


def test_bounds_that_the_house_changes_hold_for_what_is_submitted_later(desk: Desk) -> None:
    offer_id = desk.draft(unit_price=40)
    with transaction() as session:
        session.add(HouseRule(key="price_lowest", value=50, changed_at=NOW))

    with pytest.raises(TermsUnfit) as refusal:
        service.submit(offer_id, SELLER, desk.holdings, NOW)

    assert (refusal.value.facts["lowest"], refusal.value.facts["highest"]) == (50, 850)


# --- changes at once (F66) ---


def test_a_new_price_holds_at_once_is_kept_in_the_history_and_touches_no_order(desk: Desk) -> None:
    offer_id = desk.live(60)
    order_id = a_placed_order(desk.world.settings, {offer_id: 2})

    assert desk.change(offer_id, 60, unit_price=300, tiers=((10, 280),), minimum_units=2)

    assert [(line.unit_price, line.amount) for line in the_order(order_id).lines] == [(250, 500)]
    assert prices_of(offer_id) == [(250, []), (300, [[10, 280]])]
    assert (the_offer(offer_id).price_version, the_offer(offer_id).price_for(10).minor) == (2, 280)
    assert desk.change(offer_id, 60, unit_price=300, tiers=((10, 280),), minimum_units=3)
    assert (the_offer(offer_id).price_version, len(prices_of(offer_id))) == (3, 2)
    assert not desk.change(offer_id, 60, unit_price=300, tiers=((10, 280),), minimum_units=3)


def test_a_price_that_changes_while_the_page_is_open_is_told_and_not_charged(desk: Desk) -> None:
    one, two = desk.live(20), desk.live(20)
    token = a_basket({one: 1, two: 1})
    shown = {(one, 1, 250), (two, 1, 250)}
    desk.change(one, 20, unit_price=240)
    desk.change(two, 20, unit_price=260)

    with pytest.raises(PriceChanged):
        place(desk.world.settings, token, shown=shown)

    assert place(desk.world.settings, token, shown={(one, 1, 240), (two, 1, 260)})


def test_a_quantity_is_never_below_what_is_taken_nor_above_what_is_held(desk: Desk) -> None:
    offer_id = desk.live(30)
    a_placed_order(desk.world.settings, {offer_id: 7})

    with pytest.raises(TermsUnfit) as refusal:
        desk.change(offer_id, 6)
    assert refusal.value.facts == {"field": "units", "reason": "below_taken", "taken": 7}
    with pytest.raises(MoreThanHeld) as too_many:
        desk.change(offer_id, 61)
    assert too_many.value.facts == {"units": 61, "free": 60}
    assert desk.change(offer_id, 7)
    assert state_of(offer_id) is OfferState.SOLD_OUT
    assert desk.change(offer_id, 60)
    assert state_of(offer_id) is OfferState.LIVE


def test_an_opening_that_is_over_and_an_offer_that_is_over_cannot_be_changed(desk: Desk) -> None:
    offer_id = desk.live(30)
    with pytest.raises(TermsUnfit) as refusal:
        desk.change(offer_id, 30, opens_at=NOW + HOUR)
    assert refusal.value.facts["reason"] == "opened"

    service.withdraw(offer_id, SELLER, NOW)

    with pytest.raises(OfferMoved):
        desk.change(offer_id, 20)


# --- changes on a date (F66) ---


def test_a_planned_price_holds_from_its_date_and_not_before(desk: Desk) -> None:
    offer_id = desk.live()
    service.plan_price(offer_id, 300, [(10, 280)], NOW + HOUR, SELLER, NOW)
    assert run_due(desk.world) == 0

    pass_time(desk.world, hours=1)
    run_due(desk.world)

    assert (the_offer(offer_id).unit_price, the_offer(offer_id).price_version) == (300, 2)
    assert prices_of(offer_id) == [(250, []), (300, [[10, 280]])]
    assert service.run_schedule(desk.now) == 0


def test_a_plan_must_be_possible_and_can_be_taken_back(desk: Desk) -> None:
    offer_id = desk.live(expires_at=NOW + 2 * HOUR)
    for price, due_at, field in (
        (900, NOW + HOUR, "unit_price"),
        (300, NOW, "due_at"),
        (300, NOW + 2 * HOUR, "due_at"),
    ):
        with pytest.raises(TermsUnfit) as refusal:
            service.plan_price(offer_id, price, [], due_at, SELLER, NOW)
        assert refusal.value.facts["field"] == field

    change_id = service.plan_price(offer_id, 300, [], NOW + HOUR, SELLER, NOW)
    service.drop_planned_price(change_id, SELLER, NOW)

    assert service.run_schedule(NOW + HOUR) == 0
    with pytest.raises(PlanOver):
        service.drop_planned_price(change_id, SELLER, NOW)
    with pytest.raises(NoSuchOffer):
        service.drop_planned_price(99, SELLER, NOW)


def test_a_plan_that_the_house_no_longer_allows_is_withdrawn_with_a_note(desk: Desk) -> None:
    offer_id = desk.live()
    change_id = service.plan_price(offer_id, 40, [], NOW + HOUR, SELLER, NOW)
    same_id = service.plan_price(offer_id, 250, [], NOW + HOUR, SELLER, NOW)
    with transaction() as session:
        session.add(HouseRule(key="price_lowest", value=50, changed_at=NOW))

    assert service.run_schedule(NOW + HOUR) == 2

    assert the_offer(offer_id).unit_price == 250
    assert db.session.get_one(PriceChange, change_id).state is PriceChangeState.WITHDRAWN
    assert db.session.get_one(PriceChange, same_id).state is PriceChangeState.APPLIED
    dropped = db.session.scalars(select(Act).where(Act.what == "planned_price_dropped")).one()
    assert (dropped.actor, dropped.reason) == ("sweeper", "unit_price: bounds")
    end_reading()


def test_an_offer_opens_and_expires_by_itself_and_its_plans_end_with_it(desk: Desk) -> None:
    offer_id = desk.live(opens_at=NOW + HOUR, expires_at=NOW + 3 * HOUR)
    change_id = service.plan_price(offer_id, 300, [], NOW + 2.5 * HOUR, SELLER, NOW)
    assert (state_of(offer_id), prices_of(offer_id)) == (OfferState.APPROVED, [])
    token = a_basket({desk.first_id: 1})

    assert service.run_schedule(NOW + HOUR) == 1
    assert (state_of(offer_id), prices_of(offer_id)) == (OfferState.LIVE, [(250, [])])

    service.pause(offer_id, SELLER, NOW + HOUR)
    assert service.run_schedule(NOW + 3 * HOUR) == 1
    assert state_of(offer_id) is OfferState.EXPIRED
    assert db.session.get_one(PriceChange, change_id).state is PriceChangeState.WITHDRAWN
    end_reading()
    assert place(desk.world.settings, token)


def test_nothing_is_sold_outside_the_time_of_an_offer_even_before_the_sweeper_came(desk: Desk) -> None:
    token = a_basket({desk.first_id: 1})
    for times in ({"expires_at": NOW}, {"expires_at": None, "opens_at": NOW + HOUR}):
        change_offer(desk.first_id, **times)
        with pytest.raises(UnitsUnavailable) as refusal:
            place(desk.world.settings, token)
        assert refusal.value.facts["units_left"] == 0


def test_units_that_come_back_do_not_reopen_an_offer_that_has_expired(desk: Desk) -> None:
    offer_id = desk.live(20, expires_at=NOW + timedelta(minutes=30))
    order_id = a_placed_order(desk.world.settings, {offer_id: 20})
    assert state_of(offer_id) is OfferState.SOLD_OUT

    pass_time(desk.world, hours=2)
    run_due(desk.world)

    assert the_order(order_id).state == "expired"
    assert state_of(offer_id) is OfferState.EXPIRED
    assert desk.free() == 60


# --- taken off sale (F67) ---


def test_withdrawing_honours_holds_frees_the_rest_and_sells_nothing_more(desk: Desk) -> None:
    offer_id = desk.live(60)
    paid = a_placed_order(desk.world.settings, {offer_id: 10})
    token = a_basket({offer_id: 5})
    service.plan_price(offer_id, 300, [], NOW + HOUR, SELLER, NOW)

    service.withdraw(offer_id, SELLER, NOW)

    assert desk.free() == 50
    assert reasons.describe(the_offer(offer_id).state_reason) == "The seller did this."
    with pytest.raises(UnitsUnavailable):
        place(desk.world.settings, token)
    checkout.start_payment(paid, desk.world.gateway, desk.world.settings, desk.world.clock)
    _pay(desk.world, paid)
    assert the_order(paid).state == "paid"
    assert service.run_schedule(NOW + HOUR) == 0
    with pytest.raises(OfferMoved):
        service.withdraw(offer_id, SELLER, NOW)


def _pay(world: Collaborators, order_id: int) -> None:
    gateway_of(world).pay()
    look_again(world, order_id)


def test_held_units_of_a_withdrawn_offer_that_are_not_paid_are_free_and_not_on_sale(desk: Desk) -> None:
    offer_id = desk.live(60)
    a_placed_order(desk.world.settings, {offer_id: 60})
    service.withdraw(offer_id, OPERATOR, NOW, "The seller asked us to.")
    assert desk.free() == 0

    pass_time(desk.world, hours=2)
    run_due(desk.world)

    assert (desk.free(), state_of(offer_id)) == (60, OfferState.WITHDRAWN)
    assert reasons.describe(the_offer(offer_id).state_reason) == "The seller asked us to."


@pytest.mark.parametrize(
    ("meanwhile", "outcome"),
    [
        ({"unit_price": 300, "price_version": 2, "minimum_units": 50}, "paid"),
        ({"expires_at": NOW + HOUR}, "refused"),
        ({"state": OfferState.FROZEN}, "refused"),
        ({"state": OfferState.WITHDRAWN}, "refused"),
    ],
)
def test_money_that_comes_late_buys_at_the_old_price_and_only_what_is_still_on_sale(
    desk: Desk, meanwhile: dict[str, Any], outcome: str
) -> None:
    order_id = a_placed_order(desk.world.settings, {desk.first_id: 2})
    checkout.start_payment(order_id, desk.world.gateway, desk.world.settings, desk.world.clock)
    pass_time(desk.world, hours=2)
    run_due(desk.world)
    assert the_order(order_id).state == "expired"
    change_offer(desk.first_id, **meanwhile)

    _pay(desk.world, order_id)

    assert (the_order(order_id).state, the_order(order_id).total) == (outcome, 500)
    assert the_offer(desk.first_id).units_settled == (2 if outcome == "paid" else 0)


@pytest.mark.parametrize("state", ["draft", "submitted", "approved", "live", "paused", "sold_out", "frozen"])
def test_an_offer_can_be_withdrawn_from_every_open_state(desk: Desk, state: str) -> None:
    offer_id = desk.draft()
    change_offer(offer_id, state=OfferState(state))

    service.withdraw(offer_id, SELLER, NOW)

    assert state_of(offer_id) is OfferState.WITHDRAWN


def test_pausing_all_takes_everything_off_sale_and_each_comes_back_alone(desk: Desk) -> None:
    offer_id = desk.live(5)
    a_placed_order(desk.world.settings, {offer_id: 5})

    assert service.pause_all(desk.provider_id, SELLER, NOW) == 2
    assert service.pause_all(desk.provider_id, SELLER, NOW) == 0

    service.resume(offer_id, SELLER, NOW)
    assert state_of(offer_id) is OfferState.SOLD_OUT
    service.resume(desk.first_id, SELLER, NOW)
    assert (state_of(desk.first_id), the_offer(desk.first_id).state_reason) == (OfferState.LIVE, "")
    with pytest.raises(OfferMoved):
        service.resume(desk.first_id, SELLER, NOW)


def test_an_offer_that_rests_already_is_not_paused_again_and_the_trail_says_nothing(desk: Desk) -> None:
    service.pause(desk.first_id, SELLER, NOW)

    with pytest.raises(OfferMoved):
        service.pause(desk.first_id, SELLER, NOW)

    assert state_of(desk.first_id) is OfferState.PAUSED
    assert acts().count("offer_paused") == 1


@pytest.mark.parametrize("before", ["approved", "live", "paused", "sold_out"])
def test_a_thawed_offer_is_what_it_was_before(desk: Desk, before: str) -> None:
    later = {"opens_at": NOW + HOUR} if before == "approved" else {}
    offer_id = desk.live(10, **later)
    if before == "sold_out":
        a_placed_order(desk.world.settings, {offer_id: 10})
    if before == "paused":
        service.pause(offer_id, SELLER, NOW)
    with transaction():
        service.freeze_all(desk.provider_id, reasons.SELLER_SUSPENDED, OPERATOR, NOW)
    assert state_of(offer_id) is OfferState.FROZEN

    service.thaw(offer_id, OPERATOR, desk.holdings, NOW)

    assert state_of(offer_id) == before


def test_an_offer_whose_time_ran_out_is_neither_resumed_nor_thawed(desk: Desk) -> None:
    offer_id = desk.live(10)
    frozen: Callable[[], None] = lambda: service.thaw(offer_id, OPERATOR, desk.holdings, NOW)  # noqa: E731 - one line each
    paused: Callable[[], None] = lambda: service.resume(offer_id, SELLER, NOW)  # noqa: E731 - one line each
    for state, attempt in ((OfferState.FROZEN, frozen), (OfferState.PAUSED, paused)):
        change_offer(offer_id, state=state, expires_at=NOW)
        with pytest.raises(TermsUnfit):
            attempt()


def test_a_copy_has_the_same_terms_without_dates_that_are_over(desk: Desk) -> None:
    offer_id = desk.draft(opens_at=NOW + HOUR, expires_at=NOW + 2 * HOUR, texts={"en": "Wind"}, tiers=((5, 200),))

    early = the_offer(service.copy(offer_id, SELLER, NOW))
    assert terms_of(early) == terms_of(the_offer(offer_id))
    late = the_offer(service.copy(offer_id, SELLER, NOW + 3 * HOUR))
    assert (late.opens_at, late.expires_at, late.state) == (None, None, OfferState.DRAFT)


@pytest.mark.parametrize("hours", [1, 3])
def test_two_sweepers_do_everything_once(desk: Desk, monkeypatch: pytest.MonkeyPatch, hours: int) -> None:
    offer_id = desk.live(10, opens_at=NOW + HOUR, expires_at=NOW + 2 * HOUR)
    service.plan_price(offer_id, 300, [], NOW + HOUR, SELLER, NOW)
    at, faster = NOW + hours * HOUR, []

    def the_other_is_faster() -> None:
        monkeypatch.undo()
        end_reading()
        faster.append(service.run_schedule(at))

    monkeypatch.setattr(schedule, "end_reading", the_other_is_faster)

    assert service.run_schedule(at) == 0
    assert faster == [2 if hours == 1 else 1]
