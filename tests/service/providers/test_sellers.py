"""A participant after its approval: its standing, its payee and its public card."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import text

from app.audit.errors import ReasonMissing
from app.audit.models import Act
from app.audit.service import Actor
from app.claims.checker import find_claims
from app.current import settings
from app.db import db, transaction
from app.kernel.csvtable import ImportRefused, ImportReport
from app.notifications.models import Mail
from app.offers.models import Offer
from app.offers.states import OfferState
from app.providers.errors import MovedOn, NoSuchThing, NotClear, OwnOrganisation, OwnRequest, WordingUnfit
from app.providers.importer import import_providers
from app.providers.models import Application, Payee, Provider
from app.providers.queries import may_offer
from app.providers.service import selling, standing
from app.providers.states import PayeeState, ProviderState
from app.screening import service as screening
from app.screening.models import ScreeningMatch
from app.screening.states import MatchState
from tests.builders import NOW
from tests.people import a_participant, actor_of, an_operator, an_organisation
from tests.service.providers.applying import (
    a_submitted,
    acts,
    all_of,
    an_owner,
    approved,
    news,
    organisation_id,
)
from tests.service.screening.listing import take

OTHER_ACCOUNT = "GB33BUKB20201555555555"
LATER = NOW + timedelta(minutes=1)


@pytest.fixture(autouse=True)
def inside(app: Flask, project_id: int) -> Iterator[None]:
    """Every test here is about services."""
    with app.app_context():
        yield


@pytest.fixture
def owner() -> Actor:
    """The owner of the participant."""
    return an_owner()


@pytest.fixture
def provider_id(owner: Actor, project_id: int) -> int:
    """A participant that took over the imported one, with its offer on sale."""
    return int(approved(a_submitted(owner, project_id, organisation_id()), "seller").id)


def no_claim(_text: str) -> str:
    return ""


def a_claim(words: str) -> str:
    return next((finding.quote for finding in find_claims(words)), "")


def test_a_suspension_stops_every_offer_in_the_same_moment_and_tells_the_owner(provider_id: int) -> None:
    eva = actor_of(an_operator())

    with pytest.raises(ReasonMissing):
        standing.suspend(provider_id, eva, reason="", settings=settings(), now=NOW)
    standing.suspend(provider_id, eva, reason="The holding is disputed.", settings=settings(), now=NOW)

    provider = db.session.get_one(Provider, provider_id)
    assert (provider.state, provider.state_reason) == (ProviderState.SUSPENDED, "The holding is disputed.")
    assert [offer.state for offer in all_of(Offer)] == [OfferState.FROZEN]
    assert not may_offer(provider, 1)
    assert news()[-1] == ("ana@example.org", "fr", "suspended")
    assert "seller_suspended" in acts()
    with pytest.raises(MovedOn):
        standing.suspend(provider_id, eva, reason="Again.", settings=settings(), now=NOW)


def test_what_else_a_suspension_does_fails_with_it(provider_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_facts: object) -> None:
        raise MovedOn

    monkeypatch.setattr(standing, "_handlers", {})
    standing.on_suspension(fail)

    with pytest.raises(MovedOn):
        standing.suspend(provider_id, actor_of(an_operator()), reason="x", settings=settings(), now=NOW)
    assert db.session.get_one(Provider, provider_id).state is ProviderState.APPROVED


def test_a_participant_is_reinstated_with_a_reason(provider_id: int) -> None:
    eva = actor_of(an_operator())
    standing.suspend(provider_id, eva, reason="Disputed.", settings=settings(), now=NOW)

    standing.reinstate(provider_id, eva, reason="Settled.", settings=settings(), now=NOW)

    provider = db.session.get_one(Provider, provider_id)
    assert (provider.state, provider.state_reason) == (ProviderState.APPROVED, "")
    assert news()[-1] == ("ana@example.org", "fr", "reinstated")
    assert all_of(Mail)[-1].facts["room_url"].endswith("/offers"), "where one goes on who may sell"
    with pytest.raises(MovedOn):
        standing.reinstate(provider_id, eva, reason="Again.", settings=settings(), now=NOW)
    with pytest.raises(NoSuchThing):
        standing.reinstate(provider_id + 99, eva, reason="x", settings=settings(), now=NOW)


def test_an_imported_participant_without_people_is_suspended_too() -> None:
    (provider,) = all_of(Provider)

    standing.suspend(provider.id, actor_of(an_operator()), reason="Disputed.", settings=settings(), now=NOW)

    assert all_of(Provider)[0].state is ProviderState.SUSPENDED
    assert news() == []


def test_money_goes_to_the_old_account_until_a_second_person_agreed(provider_id: int, owner: Actor) -> None:
    house, later = settings(), NOW + timedelta(days=1)
    selling.request_payee(organisation_id(), "Salkhit Wind LLC", "Barclays", OTHER_ACCOUNT, owner, house, later)
    old, new = all_of(Payee)
    assert (old.state, new.state) == (PayeeState.CURRENT, PayeeState.REQUESTED)
    assert OTHER_ACCOUNT not in db.session.execute(text("SELECT account FROM payee ORDER BY id DESC")).scalars().first()

    with pytest.raises(OwnRequest):
        selling.decide_payee(new.id, accept=True, actor=owner, reason="Mine.", settings=house, now=later)
    eva = actor_of(an_operator())
    with pytest.raises(ReasonMissing):
        selling.decide_payee(new.id, accept=True, actor=eva, reason="", settings=house, now=later)
    assert selling.look_at_payee(new.id, eva, house, later) == OTHER_ACCOUNT
    selling.decide_payee(new.id, accept=True, actor=eva, reason="Called back.", settings=house, now=later)

    assert [payee.state for payee in all_of(Payee)] == [PayeeState.REPLACED, PayeeState.CURRENT]
    assert news()[-1] == ("ana@example.org", "fr", "payee_changed")
    assert all_of(Mail)[-1].facts["room_url"].endswith("/seller"), "where the new account stands"
    assert acts()[-3:] == ["payee_requested", "payee_seen", "payee_accepted"]
    with pytest.raises(MovedOn):
        selling.decide_payee(new.id, accept=False, actor=eva, reason="No.", settings=house, now=later)


def test_a_newer_request_replaces_the_one_that_waits_and_a_refusal_changes_nothing(
    provider_id: int, owner: Actor
) -> None:
    house = settings()
    for days in (1, 2):
        selling.request_payee(
            organisation_id(), "Salkhit", "Barclays", OTHER_ACCOUNT, owner, house, NOW + timedelta(days=days)
        )
    eva = actor_of(an_operator())
    last = all_of(Payee)[-1]

    selling.decide_payee(last.id, accept=False, actor=eva, reason="Not theirs.", settings=house, now=NOW)

    assert [payee.state for payee in all_of(Payee)] == [PayeeState.CURRENT, PayeeState.REFUSED, PayeeState.REFUSED]
    assert acts()[-1] == "payee_refused"
    assert provider_id == last.provider_id


def test_another_payee_is_compared_with_the_lists_and_not_accepted_while_it_is_like_a_listed_one(
    provider_id: int, owner: Actor
) -> None:
    take()
    house, eva = settings(), actor_of(an_operator())
    selling.request_payee(organisation_id(), "Madeup Charity Fund", "Barclays", OTHER_ACCOUNT, owner, house, LATER)
    (match,), asked = all_of(ScreeningMatch), all_of(Payee)[-1]
    assert (match.name, match.subject_id) == ("Madeup Charity Fund", all_of(Application)[0].id)

    for state in (MatchState.PENDING, MatchState.CONFIRMED):
        with pytest.raises(NotClear) as refused:
            selling.decide_payee(asked.id, accept=True, actor=eva, reason="Called.", settings=house, now=NOW)
        assert refused.value.facts["standing"] == state.value
        if state is MatchState.PENDING:
            screening.decide(match.id, MatchState.CONFIRMED, eva, reason="It is.", now=NOW)
    selling.decide_payee(asked.id, accept=False, actor=eva, reason="Listed.", settings=house, now=NOW)

    assert [payee.state for payee in all_of(Payee)] == [PayeeState.CURRENT, PayeeState.REFUSED]


def test_a_new_list_is_compared_with_the_name_that_buyers_see(provider_id: int) -> None:
    """An operator may have given it by a file before the application came."""
    with transaction() as session:
        session.get_one(Provider, provider_id).legal_name = "Madeup Charity Fund"

    take()

    (match,) = all_of(ScreeningMatch)
    assert (match.name, match.subject_id) == ("Madeup Charity Fund", all_of(Application)[0].id)


def test_a_new_list_is_compared_with_a_participant_that_nobody_applied_for() -> None:
    (provider,) = all_of(Provider)
    with transaction():
        provider.legal_name = "Madeup Charity Fund"
    eva = actor_of(an_operator())

    take()

    (match,) = all_of(ScreeningMatch)
    assert (match.name, match.subject_kind, match.subject_id) == ("Madeup Charity Fund", "provider", provider.id)
    assert screening.standing("provider", provider.id) is screening.Standing.PENDING
    screening.decide(match.id, MatchState.CLEARED, eva, reason="Of another country.", now=NOW)
    assert all_of(Act)[-1].subject == "seller"


def test_a_file_of_participants_is_compared_with_the_lists_when_it_is_loaded() -> None:
    take()
    header = "code,legal_name,country,is_demonstration\n"
    import_providers(f"{header}fund,Madeup Charity Fund,CH,no\nother,Somebody Else,CH,no\n", now=NOW)
    import_providers(f"{header}other,Mustafa Rahim Darvani,CH,no\n", now=NOW)

    found = [(match.subject_kind, match.name) for match in all_of(ScreeningMatch)]
    assert found == [("provider", "Madeup Charity Fund"), ("provider", "Mustafa Rahim Darvani")]
    import_providers(f"{header}other,Mustafa Rahim Darvani,CH,no\n", now=NOW)
    assert len(all_of(ScreeningMatch)) == 2


def test_a_payee_of_a_participant_that_nobody_applied_for_is_compared_like_any_other(owner: Actor) -> None:
    provider_id, house, eva = a_participant(organisation_id()), settings(), actor_of(an_operator())
    selling.request_payee(organisation_id(), "Madeup Charity Fund", "Barclays", OTHER_ACCOUNT, owner, house, NOW)
    take()
    selling.request_payee(organisation_id(), "Mustafa Rahim Darvani", "Barclays", OTHER_ACCOUNT, owner, house, LATER)
    found, asked = all_of(ScreeningMatch), all_of(Payee)[-1]
    assert {(match.subject_kind, match.subject_id) for match in found} == {("provider", provider_id)}
    assert {match.name for match in found} == {"Madeup Charity Fund", "Mustafa Rahim Darvani"}

    with pytest.raises(NotClear):
        selling.decide_payee(asked.id, accept=True, actor=eva, reason="Called.", settings=house, now=NOW)
    for match in found:
        screening.decide(match.id, MatchState.CLEARED, eva, reason="Of another country.", now=NOW)
    selling.decide_payee(asked.id, accept=True, actor=eva, reason="Called.", settings=house, now=NOW)
    assert all_of(Payee)[-1].state is PayeeState.CURRENT


@pytest.mark.parametrize("changed", ["Madeup Charity Fund,CH", "Demonstration seller 1,MN"])
def test_a_file_of_one_operator_changes_nothing_that_two_have_approved(provider_id: int, changed: str) -> None:
    header = "code,legal_name,country,is_demonstration\n"
    with pytest.raises(ImportRefused) as refused:
        import_providers(f"{header}other,Somebody Else,CH,no\nseller,{changed},yes\n", now=NOW)

    (problem,) = refused.value.errors
    assert (problem.row, problem.code) == (3, "approved_so")
    provider = db.session.get_one(Provider, provider_id)
    assert (provider.legal_name, provider.country) == ("Demonstration seller 1", "CH")
    assert len(all_of(Provider)) == 1, "the whole file or nothing"
    as_it_is = f"{header}other,Somebody Else,CH,no\nseller,Demonstration seller 1,CH,yes\n"
    assert import_providers(as_it_is, now=NOW) == ImportReport(1, 0, 1)


def test_a_new_list_is_compared_with_participants_and_their_payees(provider_id: int, owner: Actor) -> None:
    house, eva = settings(), actor_of(an_operator())
    selling.request_payee(organisation_id(), "Madeup Charity Fund", "Barclays", OTHER_ACCOUNT, owner, house, LATER)
    selling.decide_payee(all_of(Payee)[-1].id, accept=True, actor=eva, reason="Called.", settings=house, now=NOW)

    take()

    assert [match.name for match in all_of(ScreeningMatch)] == ["Madeup Charity Fund"]


def test_there_is_no_payee_and_no_card_without_a_participant(owner: Actor) -> None:
    eva = actor_of(an_operator())

    with pytest.raises(NoSuchThing):
        selling.request_payee(organisation_id(), "a", "b", OTHER_ACCOUNT, owner, settings(), NOW)
    with pytest.raises(NoSuchThing):
        selling.change_card(organisation_id(), "", {}, no_claim, owner, NOW)
    with pytest.raises(NoSuchThing):
        selling.decide_payee(1, accept=True, actor=eva, reason="x", settings=settings(), now=NOW)
    with pytest.raises(NoSuchThing):
        selling.look_at_payee(1, eva, settings(), NOW)


def test_a_first_payee_of_a_participant_without_one_comes_into_force(provider_id: int, owner: Actor) -> None:
    db.session.execute(text("UPDATE payee SET state = 'refused'"))
    db.session.commit()
    selling.request_payee(organisation_id(), "a", "b", OTHER_ACCOUNT, owner, settings(), NOW + timedelta(days=1))
    last = all_of(Payee)[-1]

    selling.decide_payee(
        last.id, accept=True, actor=actor_of(an_operator()), reason="Fits.", settings=settings(), now=NOW
    )

    assert all_of(Payee)[-1].state is PayeeState.CURRENT
    assert provider_id == last.provider_id


def test_the_public_card_says_nothing_that_nobody_may_say_of_units(provider_id: int, owner: Actor) -> None:
    about = {"en": "Wind power since 2013.", "fr": "", "es": "Energía eólica desde 2013."}
    selling.change_card(organisation_id(), "https://example.org", about, a_claim, owner, NOW)

    provider = db.session.get_one(Provider, provider_id)
    assert provider.about == {"en": "Wind power since 2013.", "es": "Energía eólica desde 2013."}
    with pytest.raises(WordingUnfit) as refused:
        selling.change_card(organisation_id(), "", {"en": "Buy and be carbon neutral."}, a_claim, owner, NOW)
    assert refused.value.facts == {"quote": "carbon neutral", "language": "en"}
    assert acts()[-1] == "seller_card_changed"


def test_an_operator_who_works_for_a_participant_decides_nothing_about_it(provider_id: int, owner: Actor) -> None:
    eva = actor_of(an_operator())
    selling.request_payee(
        organisation_id(), "Salkhit", "Barclays", OTHER_ACCOUNT, owner, settings(), NOW + timedelta(hours=1)
    )
    an_organisation(seller=eva.person_id or 0)
    waiting = all_of(Payee)[-1]

    with pytest.raises(OwnOrganisation):
        selling.decide_payee(waiting.id, accept=True, actor=eva, reason="Mine.", settings=settings(), now=NOW)
    with pytest.raises(OwnOrganisation):
        standing.suspend(provider_id, eva, reason="x", settings=settings(), now=NOW)
    assert all_of(Payee)[-1].state is PayeeState.REQUESTED
