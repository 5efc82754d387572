"""Names compared with the lists, and what a person decides about each likeness."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app.audit.errors import ReasonMissing
from app.audit.models import Act
from app.checkout.models import Order
from app.db import StateEvent, db, transaction
from app.fulfilment.process import Collaborators
from app.providers.models import Provider
from app.reconciliation.service import compare_nightly
from app.screening import service
from app.screening.edition import Source
from app.screening.errors import MatchDecided, UnknownMatch
from app.screening.matching import NameIndex
from app.screening.service import ScreenedSubject, Standing
from app.screening.states import MatchState
from tests.builders import NOW, a_paid_order, an_offer, pass_time, the_offer, the_order
from tests.pages import Visitor
from tests.people import actor_of, an_operator, sign_in_as
from tests.service.conftest import Shop
from tests.service.screening.listing import COMMAND, matches, sample, screen, take

LISTED = (
    "GADDAFI, Muammar Muhammad Abu Minyar",
    "Muammar Gaddafi",
    "Li Wei",
    "SMITH, John Robert",
    "Abdulrahman Hassan",
    "Blue Harbour Trading LLC",
    "Maria Lopez",
    "Ivanov, Petr",
    "AQI",
    "Владимир Орлов",
)


@pytest.fixture(scope="module")
def index() -> NameIndex:
    return NameIndex(LISTED)


@pytest.mark.parametrize(
    ("name", "listed"),
    [
        ("muammar GADDAFI", "Muammar Gaddafi"),
        ("Qaddafi, Muammar", "Muammar Gaddafi"),
        ("Moammar al-Kadhafi", "Muammar Gaddafi"),
        ("Muammar Qaddafi", "GADDAFI, Muammar Muhammad Abu Minyar"),
        ("M. Gaddafi", "Muammar Gaddafi"),
        ("Wei Li", "Li Wei"),
        ("John Smith", "SMITH, John Robert"),
        ("J. R. Smith", "SMITH, John Robert"),
        ("Abd al-Rahman Hassan", "Abdulrahman Hassan"),
        ("Blue Harbour Trading Ltd.", "Blue Harbour Trading LLC"),
        ("BLUE HARBOR TRADING, S.A.", "Blue Harbour Trading LLC"),
        ("Blue Harbour Trading GmbH & Co. KG", "Blue Harbour Trading LLC"),
        ("María López", "Maria Lopez"),
        ("ivanov petr", "Ivanov, Petr"),
        ("aqi", "AQI"),
        ("Орлов Владимир", "Владимир Орлов"),
    ],
)
def test_a_listed_name_is_found_however_it_is_written(index: NameIndex, name: str, listed: str) -> None:
    assert listed in [LISTED[like.position] for like in index.find(name)]


@pytest.mark.parametrize(
    "name",
    ["", " ", "...", "\u200b", "LLC", "Ltd.", "Liu Wei", "Li Na", "Wei", "Mario Lopez", "Ana Lopez", "J. Smith",
     "Smith", "John", "Trading Company", "Blue Sea Shipping", "M. G.", "Petra Ivanova-Schmidt", "Hassan"],
)  # fmt: skip
def test_false_friends_are_not_found(index: NameIndex, name: str) -> None:
    assert index.find(name) == []


def test_a_name_without_dots_in_its_legal_form_is_the_same_name(index: NameIndex) -> None:
    assert index.find("Blue Harbour Trading L.L.C.")[0].score == 100
    assert index.find("M. Gaddafi")[0].score < index.find("Muammar Qaddafi")[0].score


def test_nobody_is_held_while_no_list_was_imported(app: Flask) -> None:
    with app.app_context():
        assert not screen("Mustafa Rahim Darvani")
        assert service.standing("order", 7) is Standing.CLEAR


def test_a_likeness_is_pending_once_and_says_what_the_list_knows(app: Flask) -> None:
    with app.app_context():
        take()
        assert screen("Ana Silva", "Mustafa Rahim Darvani", "")
        assert screen("Mustafa Rahim Darvani")

        (match,) = matches()
        assert (match.name, match.listed_name, match.score) == ("Mustafa Rahim Darvani", "MUSTAFA RAHIM DARVANI", 100)
        assert (match.source, match.reference, match.facts["programme"]) == ("un", "EXi.001", "Example")
        assert service.standing("order", 7) is Standing.PENDING
        assert service.standing("order", 8) is Standing.CLEAR
        assert service.standing("application", 7) is Standing.CLEAR
        events = db.session.scalars(select(StateEvent).where(StateEvent.machine == "screening_match")).all()
        assert [(event.from_state, event.to_state) for event in events] == [(None, "pending")]


def test_a_person_clears_a_likeness_with_a_reason_and_it_stays_cleared(app: Flask) -> None:
    with app.app_context():
        take()
        screen("Mustafa Rahim Darvani")
        eva = actor_of(an_operator())
        (match,) = matches()

        with pytest.raises(ReasonMissing):
            service.decide(match.id, MatchState.CLEARED, eva, reason=" ", now=NOW)
        service.decide(match.id, MatchState.CLEARED, eva, reason="Born 1999.", now=NOW)

        assert not screen("Mustafa Rahim Darvani")
        (match,) = matches()
        assert (match.state, match.reason, match.decided_by) == (MatchState.CLEARED, "Born 1999.", eva.person_id)
        assert match.decided_at == NOW
        act = db.session.scalars(select(Act).where(Act.what == "match_cleared")).one()
        assert (act.actor, act.reason, act.subject_kind, act.subject_id) == (eva.name, "Born 1999.", "order", 7)


def test_the_trail_keeps_the_order_that_was_looked_at_and_never_the_name(shop: Shop) -> None:
    offer = shop.offer()
    with shop.inside() as world:
        take()
        reference = the_order(a_paid_order(world, {offer: 12})).reference
        order_id = db.session.scalars(select(Order.id)).one()
        screen("Mustafa Rahim Darvani", subject_id=order_id)
        (match,) = matches()

        service.decide(match.id, MatchState.CLEARED, actor_of(an_operator()), reason="Born 1999.", now=NOW)

        act = db.session.scalars(select(Act).where(Act.what == "match_cleared")).one()
        assert act.subject == reference
        assert "Darvani" not in f"{act.subject} {act.facts}"


def test_a_confirmed_likeness_outweighs_everything_and_is_final(app: Flask) -> None:
    with app.app_context():
        take()
        screen("Mustafa Rahim Darvani", "Madeup Charity Fund")
        eva = actor_of(an_operator())
        first, second = matches()
        service.decide(first.id, MatchState.CONFIRMED, eva, reason="Same birth.", now=NOW)

        assert service.standing("order", 7) is Standing.CONFIRMED
        with pytest.raises(MatchDecided):
            service.decide(first.id, MatchState.CLEARED, eva, reason="No.", now=NOW)
        with pytest.raises(UnknownMatch):
            service.decide(second.id + 99, MatchState.CLEARED, eva, reason="No.", now=NOW)
        assert screen("Ana Silva")


def test_a_new_edition_compares_what_is_open_again(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    open_ones = [ScreenedSubject("application", 3, ("Qadir Zamani", "Ana Silva"))]
    with app.app_context():
        monkeypatch.setattr(service, "_open_subjects", {})
        monkeypatch.setattr(service, "_called", {})
        service.screen_again("application", lambda: open_ones, str)
        take()
        assert service.standing("application", 3) is Standing.CLEAR

        take(Source.EU, "eu.xml")

        assert service.standing("application", 3) is Standing.PENDING
        # The names of the edition before are no longer compared with.
        other = sample("un.xml").replace(b"DARVANI", b"OTHERWISE").replace(b"Darwani", b"Otherwise")
        service.import_list(Source.UN, other, b"", COMMAND, NOW)
        assert not screen("Mustafa Rahim Darvani", subject_id=9)


def test_in_the_night_names_are_compared_that_an_earlier_version_never_compared(world: Collaborators) -> None:
    provider_id = the_offer(an_offer()).provider_id
    take()
    with transaction() as session:
        session.get_one(Provider, provider_id).legal_name = "Madeup Charity Fund"
    assert matches() == []

    assert compare_nightly(world) == 1
    (match,) = matches()
    assert (match.subject_kind, match.subject_id, match.name) == ("provider", provider_id, "Madeup Charity Fund")

    pass_time(world, days=1)
    assert compare_nightly(world) == 1
    assert len(matches()) == 1


def test_the_desk_shows_a_likeness_and_keeps_the_decision(shop: Shop) -> None:
    with shop.inside():
        take()
        screen("Mustafa <b>Rahim</b> Darvani", kind="application", subject_id=12)
        match_id = matches()[0].id
        desk = Visitor(sign_in_as(shop.app, an_operator()))
    queue = desk.get("/en/desk/screening")
    assert "Mustafa <b>Rahim</b> Darvani" in queue.words
    assert "Application 12" in queue.words

    address = f"/en/desk/screening/{match_id}"
    page = desk.get(address)
    wrong = desk.read(desk.send(page, address, 422, outcome="cleared"), 422)
    assert wrong.error_at("reason").startswith("Give a reason")
    desk.send(page, address, outcome="cleared", reason="Another year of birth.")

    after = desk.get("/en/desk/screening").words
    assert "No likeness waits for a decision." in after
    assert "Another year of birth." in after
    assert "eva@tonne.example" in after
    desk.send(page, address, outcome="confirmed", reason="Too late.")
    assert "The first decision stands." in desk.get(address).words


def test_the_desk_says_whose_name_a_likeness_of_an_imported_participant_is(shop: Shop) -> None:
    shop.offer()
    with shop.inside():
        take()
        provider = db.session.scalars(select(Provider)).one()
        screen("Madeup Charity Fund", kind="provider", subject_id=provider.id)
        match_id = matches()[0].id
        desk = Visitor(sign_in_as(shop.app, an_operator()))

    assert "Participant seller" in desk.get("/en/desk/screening").words
    page = desk.get(f"/en/desk/screening/{match_id}")
    assert "A participant goes on selling until you suspend it." in page.words
    assert "/en/desk/sellers" in page.links


def test_there_is_no_likeness_with_another_number(shop: Shop) -> None:
    with shop.inside():
        desk = Visitor(sign_in_as(shop.app, an_operator()))
    page = desk.get("/en/desk/screening")
    token = page.form("/desk/screening").fields["csrf_token"]

    desk.get("/en/desk/screening/1", 404)
    desk.get("/en/desk/screening/99999999999999999999999", 404)
    answer = desk.client.post("/en/desk/screening/1", data={"csrf_token": token, "outcome": "cleared", "reason": "x"})
    assert answer.status_code == 404


def test_the_age_of_an_edition_counts_in_days(shop: Shop) -> None:
    with shop.inside():
        take()
    shop.clock.advance(timedelta(days=40))
    with shop.inside():
        desk = Visitor(sign_in_as(shop.app, an_operator(), at=shop.clock.now()))
    assert "40" in desk.get("/en/desk/screening").words
