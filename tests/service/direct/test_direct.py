"""A holder cancels own units without a sale: once, certified, and never more than are free."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from sqlalchemy import select, update

from app.catalog.models import Issuance
from app.certificates.facts import from_json
from app.certificates.models import Certificate
from app.checkout.errors import IntentNotAllowed
from app.db import db, end_reading, transaction
from app.direct import queries, service
from app.direct.errors import MatchOpen, NotHeld, NotYourUnits, ParticipantCannotAct, WishUnfit
from app.direct.models import DirectCancellation
from app.direct.states import DirectState
from app.fulfilment.process import run_due
from app.kernel import checkpoints
from app.offers.errors import MoreThanHeld
from app.offers.pools import promised
from app.offers.states import OfferState
from app.providers.models import Provider
from app.providers.states import ProviderState
from app.registry import service as registry
from app.registry.ports import Holding, RefusalCode, Refused
from app.screening.service import decide
from app.screening.states import MatchState
from tests import builders, people
from tests.service.conftest import Shop
from tests.service.direct.asking import ACCOUNT, a_member, cancellation_of, certificate_of, placed, the_direct
from tests.service.screening import listing


def test_units_are_cancelled_and_certified_without_a_sale(shop: Shop) -> None:
    offer_id = shop.offer(units=100, held=1_000)
    with shop.inside() as world:
        direct_id = placed(world, offer_id, units=300)
        run_due(world)
        direct, cancellation, certificate = the_direct(direct_id), cancellation_of(direct_id), certificate_of(direct_id)
        assert direct.state is DirectState.FULFILLED
        assert cancellation is not None
        assert certificate is not None
        facts = from_json(certificate.facts)
        assert builders.ledger_effects() == facts.units == 300
        assert facts.order_reference == direct.reference
        assert facts.beneficiary_name == "Hanul Electric Co."
        assert (facts.purpose_category, facts.scheme_name) == ("compliance_scheme", "Korean offset scheme")
        assert (facts.paid_at, facts.placed_at) == (None, builders.NOW)
        assert facts.transactions[0].holder == "Demonstration seller 1"


def test_what_the_registry_did_before_we_remember_asking_is_certified_and_mailed_without_an_instant_of_sending(
    shop: Shop,
) -> None:
    offer_id = shop.offer(units=100, held=1_000)
    with shop.inside() as world:
        direct_id = placed(world, offer_id, units=300)
        service.begin(direct_id, world.registries, world.clock.now())
        forgotten = cancellation_of(direct_id)
        assert forgotten is not None
        request, forgotten_id = registry.request_of(forgotten), forgotten.id
        end_reading()
        world.registries.default.submit(request)
        registry.doubt_planned(forgotten_id, world.clock)

        run_due(world)

        certificate = certificate_of(direct_id)
        assert certificate is not None
        assert from_json(certificate.facts).sent_at is None
        (mail,) = builders.mailer_of(world).sent
        assert ("Sent to registry: not on record" in mail.text, "not on record" in mail.html) == (True, True)


def test_what_offers_promise_cannot_be_cancelled_directly(shop: Shop) -> None:
    offer_id = shop.offer(units=900, held=1_000)
    with shop.inside() as world:
        with pytest.raises(MoreThanHeld) as refused:
            placed(world, offer_id, units=101)
        assert refused.value.facts["free"] == 100
        placed(world, offer_id, units=100)
        with pytest.raises(MoreThanHeld):
            placed(world, offer_id, units=1, once="another")


def test_units_are_cancelled_for_nothing_that_their_host_party_rules_out(shop: Shop) -> None:
    offer_id = shop.offer(units=100, held=1_000)
    with shop.inside() as world:
        with transaction() as session:
            session.execute(update(Issuance).values(authorisation="for_nothing"))
        with pytest.raises(IntentNotAllowed):
            placed(world, offer_id)
        assert db.session.scalars(select(DirectCancellation)).all() == []


def test_the_same_form_sent_twice_is_one_cancellation_and_another_one_is_another(shop: Shop) -> None:
    offer_id = shop.offer(units=100, held=1_000)
    with shop.inside() as world:
        first = placed(world, offer_id, once="a")
        assert placed(world, offer_id, once="a") == first
        assert placed(world, offer_id, once="b") != first
        assert placed(world, offer_id, once="a", units=101) != first


def test_a_form_that_arrives_while_it_is_being_placed_is_the_same_cancellation(shop: Shop) -> None:
    offer_id = shop.offer(units=100, held=1_000)
    with shop.inside() as world:
        faster: list[int] = []

        def holdings(account: str) -> Sequence[Holding]:
            faster.append(placed(world, offer_id))
            return world.registries.holdings(account)

        assert [placed(world, offer_id, holdings=holdings)] == faster
        assert len(db.session.scalars(select(DirectCancellation)).all()) == 1


def test_of_many_at_once_no_more_are_placed_than_units_are_free(shop: Shop) -> None:
    offer_id = shop.offer(units=100, held=1_000)
    with shop.inside() as world:
        a_member()
        jobs = [lambda n=n: placed(world, offer_id, once=f"{n}", units=400) for n in range(4)]
        results = builders.all_at_once(shop.app, jobs)
        assert sorted(type(result).__name__ for result in results) == ["MoreThanHeld", "MoreThanHeld", "int", "int"]


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"units": 0}, "units"),
        ({"name": "\u202e"}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"purpose": "x" * 501}, "purpose"),
        ({"purpose_category": "nonsense"}, "purpose_category"),
        ({"scheme_name": ""}, "scheme_name"),
        ({"scheme_name": "Carbon neutral"}, "scheme_name"),
        ({"intent": "both"}, "intent"),
        ({"country": "XX"}, "country"),
    ],
)
def test_what_does_not_fit_is_refused_and_promises_nothing(shop: Shop, typed: dict[str, Any], field: str) -> None:
    offer_id = shop.offer(units=100, held=1_000)
    with shop.inside() as world:
        with pytest.raises(WishUnfit) as refused:
            placed(world, offer_id, **typed)
        assert refused.value.facts["field"] == field
        assert promised([(ACCOUNT, 1)]) == {(ACCOUNT, 1): 100}


def test_nobody_cancels_units_of_others_or_for_a_suspended_participant(shop: Shop) -> None:
    offer_id = shop.offer(units=100, held=1_000)
    with shop.inside() as world:
        with pytest.raises(NotYourUnits):
            placed(world, offer_id, account="CDM-230-1")
        with pytest.raises(NotYourUnits):
            placed(world, offer_id, issuance_id=77)
        with transaction() as session:
            provider = session.scalars(select(Provider)).one()
            provider.state = ProviderState.SUSPENDED
        with pytest.raises(ParticipantCannotAct):
            placed(world, offer_id)


def test_an_unknown_outcome_is_looked_up_and_never_sent_twice(shop: Shop) -> None:
    offer_id = shop.offer(units=100, held=1_000)
    with shop.inside() as world:
        shop.registry.submits = ["lose"]
        direct_id = placed(world, offer_id, units=300)
        run_due(world)
        builders.pass_time(world, minutes=5)
        run_due(world)
        assert the_direct(direct_id).state is DirectState.FULFILLED
        assert (builders.ledger_effects(), len(shop.registry.submitted)) == (300, 1)


def test_a_refusal_ends_it_takes_offers_of_the_same_units_off_sale_and_frees_what_was_promised(shop: Shop) -> None:
    offer_id = shop.offer(units=100, held=1_000)
    with shop.inside() as world:
        shop.registry.submits = [Refused(RefusalCode.SUSPENDED, "account suspended")]
        direct_id = placed(world, offer_id, units=300)
        run_due(world)
        direct = the_direct(direct_id)
        assert (direct.state, direct.state_reason) == (DirectState.REFUSED, "suspended")
        assert not service.finish(direct_id, world.registries, world.settings, builders.NOW)
        assert builders.the_offer(offer_id).state is OfferState.FROZEN
        assert builders.the_offer(offer_id).units_settled == 0
        assert certificate_of(direct_id) is None
        assert promised([(ACCOUNT, 1)]) == {(ACCOUNT, 1): 100}
        assert "The registry refused it" in shop.mailer.sent[-1].text


def test_many_workers_at_once_carry_it_out_once(shop: Shop) -> None:
    offer_id = shop.offer(units=100, held=1_000)
    with shop.inside() as world:
        direct_id = placed(world, offer_id, units=300)
        builders.all_at_once(shop.app, [lambda: run_due(world)] * 3)
        builders.pass_time(world, minutes=5)
        run_due(world)
        assert the_direct(direct_id).state is DirectState.FULFILLED
        assert builders.ledger_effects() == 300
        assert len(db.session.scalars(select(Certificate)).all()) == 1


@pytest.mark.parametrize(
    "point", ["job.claimed", "cancellation.intent_committed", "ledger.after_commit", "certificate.facts_frozen"]
)
def test_whoever_dies_on_the_way_is_followed_by_one_who_finishes_it_once(shop: Shop, point: str) -> None:
    offer_id = shop.offer(units=100, held=1_000)
    with shop.inside() as world:
        direct_id = placed(world, offer_id, units=300)
        checkpoints.observe(dies_once_at(point))
        try:
            with pytest.raises(Death):
                run_due(world)
        finally:
            checkpoints.forget_observers()
        db.session.rollback()
        builders.pass_time(world, minutes=2)
        run_due(world)
        builders.pass_time(world, minutes=2)
        run_due(world)
        assert the_direct(direct_id).state is DirectState.FULFILLED
        assert builders.ledger_effects() == 300
        assert len(db.session.scalars(select(Certificate)).all()) == 1


class Death(BaseException):
    """The process is killed; nothing catches it."""


def dies_once_at(point: str) -> Callable[[str], None]:
    def observer(reached: str) -> None:
        if reached == point:
            raise Death

    return observer


def test_a_held_one_is_let_go_only_when_its_likeness_is_cleared(shop: Shop) -> None:
    offer_id = shop.offer(units=100, held=1_000)
    with shop.inside() as world:
        listing.take()
        direct_id = placed(world, offer_id, name="Mustafa Rahim Darvani")
        run_due(world)
        assert the_direct(direct_id).state is DirectState.RISK_HOLD
        assert cancellation_of(direct_id) is None
        assert [subject.id for subject in service.open_subjects()] == [direct_id]
        eva = people.actor_of(people.an_operator())
        with pytest.raises(MatchOpen):
            service.let_go(direct_id, eva, "Looks well.", registries=world.registries, now=builders.NOW)
        for match in listing.matches():
            decide(match.id, MatchState.CLEARED, eva, reason="Another birth year.", now=builders.NOW)
        service.let_go(direct_id, eva, "Somebody else.", registries=world.registries, now=builders.NOW)
        with pytest.raises(NotHeld):
            service.let_go(direct_id, eva, "Again.", registries=world.registries, now=builders.NOW)
        assert not service.begin(direct_id, world.registries, builders.NOW)
        run_due(world)
        assert the_direct(direct_id).state is DirectState.FULFILLED
        assert not service.finish(direct_id, world.registries, world.settings, builders.NOW)


def test_of_more_held_ones_than_a_list_shows_those_that_wait_longest_stand_in_it(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer_id = shop.offer(units=100, held=1_000)
    monkeypatch.setattr(queries, "MOST_IN_A_LIST", 2)
    with shop.inside() as world:
        listing.take()
        waiting = [placed(world, offer_id, once=str(n), name="Mustafa Rahim Darvani") for n in range(3)]
        run_due(world)

        assert [line.id for line in queries.held_cancellations()] == waiting[:2]
        provider_id = db.session.scalars(select(Provider.id)).one()
        assert [line.id for line in queries.own_cancellations(provider_id)] == waiting[:0:-1]


def test_everybody_finds_it_in_the_register_and_a_hidden_name_stays_hidden(shop: Shop) -> None:
    offer_id = shop.offer(units=100, held=1_000)
    with shop.inside() as world:
        shown = placed(world, offer_id, once="a", name="Hanul Electric Co.", is_name_public=True)
        hidden = placed(
            world, offer_id, once="b", name="Quiet Holdings", scheme_name="Quiet scheme", is_name_public=False
        )
        run_due(world)
        certificates = [certificate_of(shown), certificate_of(hidden)]
        slugs = [certificate.number.replace("/", "-") for certificate in certificates if certificate]
        codes = [certificate.verification_code for certificate in certificates if certificate]
    visitor = shop.visitor()
    listed = visitor.get("/en/register")
    assert "2 cancellations, 200 units" in listed.words
    assert "Hanul Electric Co." in visitor.get("/en/register?q=hanul").words
    assert "Quiet" not in listed.words
    assert "No entry matches" in visitor.get("/en/register?q=quiet").words
    for path in (f"/en/verify/{slugs[1]}", f"/en/register/{slugs[1]}", "/en/register"):
        assert "Quiet" not in visitor.client.get(path).text
    for path in (f"/en/verify/{slugs[1]}.json", "/en/register.csv", "/en/register.json"):
        assert "Quiet" not in visitor.client.get(path).text
    newest, oldest = visitor.client.get("/en/register.json").json["cancellations"]
    assert (oldest["channel"], oldest["scheme_name"]) == ("direct", "Korean offset scheme")
    assert (newest["purpose_category"], "scheme_name" in newest) == ("compliance_scheme", False)
    entry = visitor.get(f"/en/register/{slugs[0]}").words
    assert "Direct: a holder cancelled own units without a sale" in entry
    assert "Requested" in entry
    whole = visitor.get(f"/en/verify/{slugs[1]}?code={codes[1]}").words
    assert "A national or other mandatory scheme: Quiet scheme" in whole
    assert "Quiet Holdings" in whole


def test_for_itself_means_the_legal_name_of_the_participant(shop: Shop) -> None:
    offer_id = shop.offer(units=100, held=1_000)
    with shop.inside() as world:
        direct_id = placed(
            world, offer_id, is_for_itself=True, name="ignored", purpose_category="own_emissions", scheme_name=""
        )
        run_due(world)
        certificate = certificate_of(direct_id)
        assert certificate is not None
        assert from_json(certificate.facts).beneficiary_name == "Demonstration seller 1"
