"""Companies change their names: two operators rename a participant, and buyers see nothing of it before."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event

import pytest
from flask import Flask

from app.audit import service as audit
from app.audit.errors import AlreadyProposed, NoLongerPossible, SamePerson
from app.audit.models import Proposal
from app.audit.service import Actor
from app.catalog import search
from app.db import db
from app.kernel.csvtable import ImportRefused, ImportReport
from app.providers.errors import NoSuchThing, NotClear, OwnOrganisation
from app.providers.importer import import_providers
from app.providers.models import Application, Provider
from app.providers.service import imported, renaming
from app.screening import service as screening
from app.screening.models import ScreeningMatch
from app.screening.states import MatchState
from tests.builders import NOW, all_at_once
from tests.people import actor_of, an_operator
from tests.service.conftest import Shop
from tests.service.desk.desking import agree, do, newest_proposal, operator
from tests.service.providers.applying import a_submitted, acts, all_of, an_owner, approved, organisation_id
from tests.service.screening.listing import take

HEADER = "code,legal_name,country,is_demonstration\n"
BEFORE = "Demonstration seller 1"


@pytest.fixture
def inside(app: Flask) -> Iterator[None]:
    """For tests about services."""
    with app.app_context():
        yield


@pytest.fixture
def provider_id(inside: None, project_id: int) -> int:
    """A participant that took over the imported one, with its offer on sale."""
    return int(approved(a_submitted(an_owner(), project_id, organisation_id()), "seller").id)


def actors() -> tuple[Actor, Actor]:
    eva, finn = (actor_of(an_operator(f"{name}@tonne.example")) for name in ("eva", "finn"))
    return eva, finn


def propose(provider_id: int, actor: Actor, name: str = "Gobi Energy LLC", country: str = "MN") -> int:
    return renaming.propose_renaming(provider_id, name, country, actor, reason="The register says so.", now=NOW)


def shown(provider_id: int) -> tuple[str, str]:
    db.session.expire_all()
    provider = db.session.get_one(Provider, provider_id)
    return provider.legal_name, provider.country


def test_two_operators_rename_a_participant_and_buyers_see_and_find_it_only_then(provider_id: int) -> None:
    eva, finn = actors()
    proposal = propose(provider_id, eva)
    with pytest.raises(SamePerson):
        audit.agree(proposal, eva, now=NOW)
    assert (shown(provider_id), search.find("Gobi Energy")) == ((BEFORE, "CH"), set())
    with pytest.raises(AlreadyProposed):
        propose(provider_id, finn, "Another LLC")

    audit.agree(proposal, finn, now=NOW)

    assert shown(provider_id) == ("Gobi Energy LLC", "MN")
    assert len(search.find("Gobi Energy") or ()) == 1
    assert acts()[-2:] == ["rename_participant_proposed", "rename_participant_carried_out"]
    with pytest.raises(ImportRefused):
        import_providers(f"{HEADER}seller,{BEFORE},CH,yes\n", now=NOW)
    assert import_providers(f"{HEADER}seller,Gobi Energy LLC,MN,yes\n", now=NOW) == ImportReport(0, 0, 1)


def test_whoever_works_for_a_participant_neither_proposes_its_name_nor_agrees_to_it(provider_id: int) -> None:
    eva, _finn = actors()
    owner = an_owner()
    with pytest.raises(OwnOrganisation):
        propose(provider_id, owner)
    with pytest.raises(OwnOrganisation):
        audit.agree(propose(provider_id, eva), owner, now=NOW)
    with pytest.raises(NoSuchThing):
        propose(provider_id + 99, eva)
    assert shown(provider_id) == (BEFORE, "CH")


def test_a_name_that_is_like_a_listed_one_waits_for_its_decision(provider_id: int) -> None:
    take()
    eva, finn = actors()
    with pytest.raises(NotClear):
        propose(provider_id, eva, "Madeup Charity Fund")
    (match,) = all_of(ScreeningMatch)
    assert (match.subject_kind, match.subject_id) == ("application", all_of(Application)[0].id)
    assert all_of(Proposal)[1:] == [], "only that of the approval"

    screening.decide(match.id, MatchState.CLEARED, eva, reason="Of another country.", now=NOW)
    audit.agree(propose(provider_id, eva, "Madeup Charity Fund"), finn, now=NOW)
    assert shown(provider_id) == ("Madeup Charity Fund", "MN")


def test_a_list_that_came_after_the_proposal_is_compared_with_the_new_name_as_well(provider_id: int) -> None:
    eva, finn = actors()
    proposal = propose(provider_id, eva, "Madeup Charity Fund")
    take()

    with pytest.raises(NoLongerPossible):
        audit.agree(proposal, finn, now=NOW)

    assert shown(provider_id) == (BEFORE, "CH")
    audit.decline(proposal, finn, reason="A new list has it.", now=NOW)
    with pytest.raises(NotClear):
        propose(provider_id, eva, "Madeup Charity Fund")
    assert [match.name for match in all_of(ScreeningMatch)] == ["Madeup Charity Fund"]


@pytest.mark.usefixtures("inside", "project_id")
def test_an_imported_participant_that_a_file_renames_in_the_moment_of_the_agreement_keeps_that_name(
    app: Flask,
) -> None:
    provider_id, (eva, finn) = all_of(Provider)[0].id, actors()
    proposal = propose(provider_id, eva)
    is_renamed, is_agreed = Event(), Event()

    def load() -> ImportReport:
        def wait(_report: ImportReport) -> None:
            is_renamed.set()
            is_agreed.wait(1)

        return import_providers(f"{HEADER}seller,By File LLC,CH,yes\n", now=NOW, then=wait)

    def agree() -> None:
        is_renamed.wait(5)
        audit.agree(proposal, finn, now=NOW)
        is_agreed.set()

    loaded, agreed = all_at_once(app, [load, agree])
    assert (loaded, type(agreed)) == (ImportReport(0, 1, 0), NoLongerPossible)
    assert shown(provider_id) == ("By File LLC", "CH")
    assert imported.open_subjects()[0].names == ("By File LLC",)


def test_two_operators_rename_in_the_browser(shop: Shop, project_id: int) -> None:
    with shop.inside():
        provider_id = approved(a_submitted(an_owner(), project_id, organisation_id()), "seller").id
    eva = operator(shop)
    address = f"/en/desk/sellers/{provider_id}/rename"
    assert address in eva.get("/en/desk/sellers").links
    assert eva.get(address).form("/rename").fields["legal_name"] == BEFORE
    assert eva.read(do(eva, address, 422, legal_name="", country="MN", reason="New."), 422).error_at("legal_name")
    do(eva, address, legal_name="Gobi Energy LLC", country="MN", reason="The register says so.")
    again = eva.read(do(eva, address, 422, legal_name="Gobi", country="MN", reason="Again."), 422)
    assert again.error_at("reason") == "This waits for a second operator already."
    eva.get("/en/desk/sellers/99/rename", 404)

    finn = operator(shop, "finn@tonne.example")
    waiting = finn.get(f"/en/desk/proposals/{newest_proposal(shop)}")
    assert "Rename a participant" in waiting.words
    assert f"Before{BEFORE}, CH" in waiting.words
    assert "AfterGobi Energy LLC, MN" in waiting.words
    assert BEFORE in shop.visitor().get("/en/sellers/seller").words
    agree(shop, finn)
    assert "Gobi Energy LLC" in shop.visitor().get("/en/sellers/seller").words
