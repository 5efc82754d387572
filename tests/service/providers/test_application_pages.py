"""Applying as an owner does it in the browser, and deciding as operators do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete

from app.audit import service as audit
from app.audit.models import Act, Proposal
from app.catalog.queries import find_project
from app.db import transaction
from app.providers import uploads
from app.providers.models import Application, BeneficialOwner, Evidence, Payee, ProjectAuthority, Provider
from app.providers.states import ApplicationState
from tests.builders import an_offer
from tests.pages import Page, Visitor
from tests.people import a_person, actor_of, an_operator, an_organisation, sign_in_as
from tests.service.conftest import Shop
from tests.service.providers.applying import (
    IBAN,
    PDF,
    PNG,
    a_file,
    a_submitted,
    all_of,
    an_owner,
    approved,
    organisation_id,
    the_application,
)
from tests.service.screening.listing import take

ROOM = "/en/sell/salkhit1"
HOME = f"{ROOM}/application"


@pytest.fixture
def project(shop: Shop) -> int:
    """The project IN-1, on sale by an imported participant."""
    with shop.inside():
        an_offer()
        found = find_project("IN-1")
        assert found is not None
        return found.id


def as_owner(shop: Shop, *, strong: bool = True) -> Visitor:
    with shop.inside():
        owner = an_owner()
        assert owner.person_id is not None
        return Visitor(sign_in_as(shop.app, owner.person_id, strong=strong))


def as_operator(shop: Shop, name: str = "eva") -> Visitor:
    with shop.inside():
        return Visitor(sign_in_as(shop.app, an_operator(f"{name}@tonne.example")))


def upload(visitor: Visitor, address: str, status: int = 303, **fields: Any) -> Page | None:
    """Send a form with a file."""
    page = visitor.get(address)
    sent = page.form(address).fields | fields
    answer = visitor.client.post(address, data=sent, content_type="multipart/form-data")
    assert answer.status_code == status
    return visitor.read(answer, status) if status != 303 else None


def fill(visitor: Visitor, part: str, **typed: str) -> None:
    address = f"{HOME}/{part}"
    visitor.send(visitor.get(address), address, **typed)


@pytest.mark.parametrize(
    ("language", "name"), [("en", "Contact person"), ("fr", "Personne à contacter"), ("es", "Persona de contacto")]
)
def test_the_part_about_the_contact_asks_for_a_person_and_does_not_offer_to_write_to_us(
    shop: Shop, language: str, name: str
) -> None:
    owner = as_owner(shop)
    owner.send(owner.get(HOME), "/application")
    assert owner.get(HOME.replace("/en/", f"/{language}/")).words.count(name) == 1


def test_how_to_sell_is_public_and_leads_through_a_sign_in(shop: Shop) -> None:
    guest = shop.visitor()

    page = guest.get("/en/sell")
    assert "Sell units of your project" in page.words
    assert "/en/sell" in guest.get("/en/complaint").links
    answer = guest.client.get("/en/sell/begin")
    assert "/account/sign-in" in answer.headers["Location"]


def test_somebody_names_an_organisation_and_fills_in_everything(shop: Shop, project: int) -> None:
    with shop.inside():
        visitor = Visitor(sign_in_as(shop.app, a_person("ana@example.org")))
    start = visitor.get("/en/sell/begin")
    assert visitor.read(visitor.send(start, "/begin", 422, name=" "), 422).error_at("name")
    address = str(visitor.send(start, "/begin", name="Salkhit Wind LLC").headers["Location"])
    with shop.inside():
        code = address.split("/")[3]
        assert address == f"/en/sell/{code}/application"
    page = visitor.get(address)
    assert page.words.count("To do") == 7

    def send(part: str, **typed: str) -> None:
        visitor.send(visitor.get(f"{address}/{part}"), f"{address}/{part}", **typed)

    send("company", legal_name="Salkhit Wind LLC", address="Peace Avenue 1", country="MN", register_number="501")
    send("contact", contact_name="Ana", email="ana@example.org")
    send("owners", name="Bat Erdene", country="MN", birth_year="1970", share="60 %")
    send("payee", holder="Salkhit Wind LLC", bank="Golomt", account="de89 3704 0044 0532 0130 00")
    upload(visitor, f"{address}/documents", file=a_file())
    upload(visitor, f"{address}/projects", reference="in-1", file=a_file(PNG, "moc.png"))
    send("certification", certified="y")
    check = visitor.get(f"{address}/check")
    for told in ("Bat Erdene", "born 1970", "account ending in 3000", "extract.pdf", "IN-1"):
        assert told in check.words
    assert IBAN not in check.html
    visitor.send(check, "/check")

    assert "With the operator" in visitor.get(address).words
    with shop.inside():
        application = all_of(Application)[0]
        assert application.state is ApplicationState.SUBMITTED
        assert application.certification.startswith("2026-11-28\nI may act for the organisation")
        assert [row.kind for row in all_of(Evidence)] == ["identity", "authority"]
        assert all_of(ProjectAuthority)[0].project_id == project
    for part in ("company", "payee", "documents", "projects", "check"):
        visitor.get(f"{address}/{part}", 404)


def test_what_is_missing_is_listed_with_links_and_is_not_submitted(shop: Shop) -> None:
    owner = as_owner(shop)
    owner.send(owner.get(HOME), "/application")
    check = owner.get(f"{HOME}/check")
    token = owner.get(f"{HOME}/contact").form("/contact").fields["csrf_token"]

    assert f"{HOME}/owners" in check.links
    assert owner.client.post(f"{HOME}/check", data={"csrf_token": token}).status_code == 303
    page = owner.get(HOME)
    assert "The application is not complete." in page.words
    assert f"{HOME}/payee" in page.links


@pytest.mark.parametrize(
    ("part", "typed", "field"),
    [
        ("company", {"legal_name": "\x00", "country": "MN"}, "legal_name"),
        ("company", {"country": "XX"}, "country"),
        ("company", {"address": "x" * 501}, "address"),
        ("contact", {"email": "nobody"}, "email"),
        ("contact", {"contact_phone": "1" * 41}, "contact_phone"),
        ("owners", {"birth_year": "19750"}, "birth_year"),
        ("owners", {"birth_year": "2099"}, "birth_year"),
        ("owners", {"share": "101"}, "share"),
        ("owners", {"share": "1e9"}, "share"),
        ("payee", {"account": "DE89370400440532013001"}, "account"),
        ("payee", {"account": "<b>"}, "account"),
        ("payee", {"account": ""}, "account"),
        ("certification", {}, "certified"),
    ],
)
def test_mistakes_are_explained_beside_their_field(shop: Shop, part: str, typed: dict[str, str], field: str) -> None:
    owner = as_owner(shop)
    owner.send(owner.get(HOME), "/application")
    address = f"{HOME}/{part}"

    answer = owner.send(owner.get(address), address, 422, fields=typed)

    assert owner.read(answer, 422).error_at(field)


def test_files_that_are_none_of_three_kinds_or_too_large_are_refused_at_the_field(
    shop: Shop, project: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A large body would be a temporary file that the test's own client leaves open.
    monkeypatch.setattr(uploads, "LARGEST_FILE", 1_000)
    owner = as_owner(shop)
    owner.send(owner.get(HOME), "/application")
    documents, projects = f"{HOME}/documents", f"{HOME}/projects"

    def error(address: str, **fields: Any) -> str:
        page = upload(owner, address, 422, **fields)
        assert page is not None
        return page.error_at("reference" if "unknown" in fields.get("reference", "") else "file")

    assert error(documents, file=a_file(b"MZ program", "extract.pdf")) == (
        "The file is no PDF, PNG or JPEG, whatever its name says."
    )
    assert error(documents, file=a_file(PDF + b"x" * 1_000)) == "The file is larger than 5 MB."
    assert error(documents) == "Choose a file."
    assert error(projects, reference="IN-1", file=a_file(b"")) == "The file is empty."
    assert error(projects, reference="unknown", file=a_file()) == "There is no project with this reference."
    too_much = owner.client.post(documents, data=b"x" * 15_000_001, content_type="multipart/form-data; boundary=x")
    assert too_much.status_code == 413
    upload(owner, documents, file=a_file(PDF, "../../<script>.exe"))
    assert "<script>.pdf" in owner.get(documents).words
    assert project


def test_an_owner_is_named_once_and_owners_have_the_whole_at_most(shop: Shop) -> None:
    owner = as_owner(shop)
    owner.send(owner.get(HOME), "/application")
    address = f"{HOME}/owners"
    bat = {"name": "Bat Erdene", "country": "MN", "birth_year": "1970", "share": "60"}

    def refused(**typed: str) -> Page:
        return owner.read(owner.send(owner.get(address), address, 422, fields={**bat, **typed}), 422)

    fill(owner, "owners", **bat)
    assert refused().error_at("name") == (
        "This person stands in the list already. To change something, remove the entry first."
    )
    assert refused(name="Bold Erdene", share="41").error_at("share") == (
        "All shares together make at most 100 per cent, of which 40 are left."
    )
    fill(owner, "owners", **{**bat, "birth_year": "1971", "share": "40"})
    fill(owner, "owners", name="Sarnai Bat", country="MN", birth_year="1980", share="")
    assert owner.get(address).words.count("Erdene, ") == 2


def test_a_project_waits_for_nobody_before_the_application_is_submitted(shop: Shop, project: int) -> None:
    owner = as_owner(shop)
    owner.send(owner.get(HOME), "/application")
    projects = f"{HOME}/projects"

    upload(owner, projects, reference="IN-1", file=a_file())

    assert "Waits for the operator" not in owner.get(projects).words
    assert project


def test_a_claim_of_the_same_project_is_refused_and_parts_are_removed(shop: Shop, project: int) -> None:
    owner = as_owner(shop)
    owner.send(owner.get(HOME), "/application")
    projects = f"{HOME}/projects"
    upload(owner, projects, reference="IN-1", file=a_file())
    again = upload(owner, projects, 422, reference="IN-1", file=a_file())
    assert again is not None
    assert again.error_at("reference") == "You claim this project already."
    upload(owner, f"{HOME}/documents", file=a_file())
    fill(owner, "owners", name="=HYPERLINK(1)<b>", country="MN", birth_year="1970")
    assert "=HYPERLINK(1)<b>" in owner.get(f"{HOME}/owners").words

    for part in ("projects", "documents", "owners"):
        owner.send(owner.get(f"{HOME}/{part}"), "/remove")

    with shop.inside():
        assert all_of(Evidence) == all_of(ProjectAuthority) == all_of(BeneficialOwner) == []
    token = owner.get(projects).form("/projects").fields["csrf_token"]
    for part in ("projects", "documents", "owners"):
        answer = owner.client.post(f"{HOME}/{part}/1/remove", data={"csrf_token": token})
        assert answer.status_code == 404
    assert project


def test_the_payee_needs_a_second_factor_and_others_see_neither_it_nor_documents(shop: Shop, project: int) -> None:
    with shop.inside():
        a_submitted(an_owner(), project, organisation_id())
        seller, stranger = a_person("sol@example.org"), a_person("eve@example.org")
        an_organisation("salkhit1", seller=seller)
        an_organisation("other111", "Other Ltd", owner=stranger)
        seller_page = Visitor(sign_in_as(shop.app, seller))
        outside = Visitor(sign_in_as(shop.app, stranger))
    owner = as_owner(shop, strong=False)

    assert "/account/second-factor" in owner.client.get(f"{HOME}/payee").headers["Location"]
    read = seller_page.get(HOME)
    assert "Salkhit Wind LLC" in read.words
    assert "3000" not in read.words
    assert "extract.pdf" not in read.words
    for part in ("company", "payee", "documents", "projects", "check", "withdraw"):
        assert seller_page.client.get(f"{HOME}/{part}").status_code == 403
        assert outside.client.get(f"{HOME}/{part}").status_code == 404
    for page in ("/application", "/seller", "/seller/payee"):
        outside.get(f"{ROOM}{page}", 404)
    for page in ("applications", "sellers", "applications/1", "documents/1", "payees/1"):
        outside.get(f"/en/desk/{page}", 404)


def test_an_application_is_taken_back_on_a_page_of_its_own(shop: Shop) -> None:
    owner = as_owner(shop)
    owner.get(f"{HOME}/withdraw", 404)
    owner.send(owner.get(HOME), "/application")

    page = owner.get(f"{HOME}/withdraw")
    assert "This is final" in page.words
    owner.send(page, "/withdraw")

    assert "You took your application back." in owner.get(HOME).words
    answer = owner.client.post(
        f"{HOME}/withdraw", data={"csrf_token": owner.get(HOME).form("/application").fields["csrf_token"]}
    )
    assert answer.status_code == 404


def test_an_operator_reads_everything_and_each_look_at_a_document_is_noted(shop: Shop, project: int) -> None:
    with shop.inside():
        application_id = a_submitted(an_owner(), project, organisation_id(), legal_name="<script>alert(1)</script> LLC")
    desk = as_operator(shop)

    assert "<script>alert(1)</script> LLC" in desk.get("/en/desk/applications").words
    page = desk.get(f"/en/desk/applications/{application_id}")
    for told in ("Bat Erdene", "No open likeness", "extract.pdf", "moc.pdf", "All of it is true.", "ending in 3000"):
        assert told in page.words
    assert IBAN not in page.html
    document = next(link for link in page.links if "/documents/" in link)
    answer = desk.client.get(document)
    assert answer.get_data() == PDF
    assert answer.headers["Content-Disposition"] == "attachment; filename=extract.pdf"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    with shop.inside():
        assert [act.what for act in all_of(Act)][-1] == "document_seen"
    for missing in ("applications/99", "documents/99", "payees/99", "sellers/99/suspend", "authorities/99/accept",
                    "applications/99/approve", "payees/99/accept", "documents/999999999999999999999"):  # fmt: skip
        desk.get(f"/en/desk/{missing}", 404)


def test_two_operators_approve_in_the_browser(shop: Shop, project: int) -> None:
    with shop.inside():
        application_id = a_submitted(an_owner(), project, organisation_id())
    desk = as_operator(shop)
    here = f"/en/desk/applications/{application_id}"
    page = desk.get(f"{here}/approve")
    assert desk.read(desk.send(page, "/approve", 422, code="salkhit"), 422).error_at("reason")
    taken = desk.send(page, "/approve", 422, code="No Code", reason="Fits.")
    assert desk.read(taken, 422).error_at("code").startswith("Another participant has this code")
    desk.send(page, "/approve", code="salkhit", reason="All papers fit.")
    assert "waits for the signature of a second operator" in desk.get(here).words
    again = desk.read(desk.send(page, "/approve", 422, code="salkhit", reason="Again."), 422)
    assert again.error_at("reason") == "This waits for a second operator already."
    claim = desk.get(here)
    accept = next(link for link in claim.links if link.endswith("/accept"))
    desk.send(desk.get(accept), "/accept", reason="Named in the MoC.")
    with shop.inside():
        finn = actor_of(an_operator("finn@tonne.example"))
        proposal_id = all_of(Proposal)[0].id
    waiting = desk.get(f"/en/desk/proposals/{proposal_id}")
    assert here in waiting.links, "who signs must be able to read what it is about"
    assert "Code of the participantsalkhit" in waiting.words
    assert "Takes over a participant that was importedNo" in waiting.words
    with shop.inside():
        audit.agree(proposal_id, finn, now=shop.clock.now())

    assert "Accepted" in desk.get(here).words
    shop.work()
    sent = [mail.subject for mail in shop.mailer.sent]
    assert len(sent) == 2
    owner = as_owner(shop)
    assert "Approved on" in owner.get(HOME).words


def test_a_likeness_stands_in_the_way_and_leads_to_its_decision(shop: Shop, project: int) -> None:
    with shop.inside():
        take()
        application_id = a_submitted(an_owner(), project, organisation_id(), legal_name="Madeup Charity Fund")
    desk = as_operator(shop)
    here = f"/en/desk/applications/{application_id}"

    page = desk.get(here)
    assert f"{here}/approve" not in page.links
    assert "/en/desk/screening/1" in page.links
    assert "Likeness waits for a person" in desk.get("/en/desk/applications").words
    answer = desk.send(desk.get(f"{here}/approve"), "/approve", 422, code="salkhit", reason="Fits.")
    assert desk.read(answer, 422).error_at("reason").startswith("This cannot be approved")


def test_an_application_is_returned_and_refused_in_the_browser(shop: Shop, project: int) -> None:
    with shop.inside():
        application_id = a_submitted(an_owner(), project, organisation_id())
    desk, owner = as_operator(shop), as_owner(shop)
    here = f"/en/desk/applications/{application_id}"

    desk.send(desk.get(f"{here}/return"), "/return", reason="The extract is too old.")
    assert "The extract is too old." in owner.get(HOME).words
    late = desk.read(desk.send(desk.get(f"{here}/refuse"), "/refuse", 422, reason="No."), 422)
    assert late.error_at("reason") == "Somebody decided this before. Nothing was changed."
    owner.send(owner.get(f"{HOME}/check"), "/check")
    desk.send(desk.get(f"{here}/refuse"), "/refuse", reason="No such company.")
    page = owner.get(HOME)
    assert "No such company." in page.words
    owner.send(page, "/application")
    with shop.inside():
        assert the_application(organisation_id()).state is ApplicationState.DRAFT


def a_seller(shop: Shop, project: int) -> None:
    with shop.inside():
        approved(a_submitted(an_owner(), project, organisation_id()), "seller")


def test_the_public_card_says_who_sells_and_what_is_on_sale(shop: Shop, project: int) -> None:
    a_seller(shop, project)
    owner, guest = as_owner(shop), shop.visitor()
    page = owner.get(f"{ROOM}/seller")
    wrong = owner.send(
        page, "/seller", 422, website="javascript:alert(1)", about_fr="Neutre en carbone.", about_en="<b>Wind</b>"
    )
    assert owner.read(wrong, 422).error_at("website")
    claim = owner.read(owner.send(page, "/seller", 422, about_fr="Soyez neutre en carbone."), 422)
    assert claim.error_at("about_fr").startswith("“neutre en carbone” claims")
    long = owner.read(owner.send(page, "/seller", 422, about_es="x" * 1_501), 422)
    assert long.error_at("about_es") == "Use at most 1,500 characters."
    owner.send(page, "/seller", website="https://example.org", about_en="<b>Wind</b> since 2013.")

    card = guest.get("/en/sellers/seller")
    assert "<b>Wind</b> since 2013." in card.words
    assert "/en/projects/IN-1" in card.links
    assert "https://example.org" in card.links
    assert "Approved on" in card.words
    guest.get("/en/sellers/nobody", 404)

    desk = as_operator(shop)
    suspend = next(link for link in desk.get("/en/desk/sellers").links if link.endswith("/suspend"))
    desk.send(desk.get(suspend), "/suspend", reason="The holding is disputed.")
    gone = guest.get("/en/sellers/seller").words
    assert "This participant is suspended" in gone
    assert "Nothing is on sale at present." in gone
    assert "The holding is disputed." in owner.get(f"{ROOM}/seller").words
    back = next(link for link in desk.get("/en/desk/sellers").links if link.endswith("/reinstate"))
    desk.send(desk.get(back), "/reinstate", reason="Settled.")
    assert "suspended" not in guest.get("/en/sellers/seller").words


def test_another_account_is_asked_for_and_agreed_to(shop: Shop, project: int) -> None:
    a_seller(shop, project)
    shop.clock.advance(timedelta(minutes=1))
    owner, desk = as_owner(shop), as_operator(shop)
    weak = as_owner(shop, strong=False)
    assert "/second-factor?next=" in weak.client.get(f"{ROOM}/seller").headers["Location"]
    address = f"{ROOM}/seller/payee"
    owner.send(owner.get(address), "/payee", 422, bank="Barclays", account="GB33BUKB20201555555556")
    owner.send(owner.get(address), "/payee", bank="Barclays", account="GB33 BUKB 2020 1555 5555 55")
    assert "account ending in 5555" in owner.get(f"{ROOM}/seller").words

    request = next(link for link in desk.get("/en/desk/applications").links if "/payees/" in link)
    assert "GB33BUKB20201555555555" in desk.get(request).words
    desk.send(desk.get(f"{request}/accept"), "/accept", reason="Called back.")
    with shop.inside():
        assert [payee.state.value for payee in all_of(Payee)] == ["replaced", "current"]
    late = desk.send(desk.get(f"{request}/refuse"), "/refuse", 422, reason="No.")
    assert desk.read(late, 422).error_at("reason").startswith("Somebody decided")


def test_who_has_no_account_yet_names_the_first_one(shop: Shop, project: int) -> None:
    a_seller(shop, project)
    with shop.inside(), transaction() as session:
        session.execute(delete(Payee))
    owner, address = as_owner(shop), f"{ROOM}/seller/payee"
    room = owner.get(f"{ROOM}/seller")
    assert "We do not know where to send your money." in room.words
    assert "Change the account" not in room.words

    assert "Name a payee" in owner.get(address).words
    owner.send(owner.get(address), "/payee", bank="Barclays", account="GB33 BUKB 2020 1555 5555 55")

    told = owner.get(f"{ROOM}/seller").words
    assert "No money is sent to you before that." in told
    assert "the old one" not in told


def test_a_participant_claims_another_project_and_an_operator_decides(shop: Shop, project: int) -> None:
    a_seller(shop, project)
    with shop.inside():
        an_offer(number=2)
    owner, desk = as_owner(shop), as_operator(shop)
    upload(owner, f"{HOME}/projects", reference="IN-2", file=a_file())

    queue = desk.get("/en/desk/applications")
    assert "IN-2" in queue.words
    refuse = [link for link in queue.links if link.endswith("/refuse") and "authorities" in link][-1]
    desk.send(desk.get(refuse), "/refuse", reason="The MoC names somebody else.")
    assert "The MoC names somebody else." in owner.get(HOME).words


def test_a_seller_reads_the_room_and_changes_nothing(shop: Shop, project: int) -> None:
    a_seller(shop, project)
    with shop.inside():
        person = a_person("sol@example.org")
        an_organisation("salkhit1", seller=person)
        seller = Visitor(sign_in_as(shop.app, person))
        provider = all_of(Provider)[0].code

    page = seller.get(f"{ROOM}/seller")
    assert f"/en/sellers/{provider}" in page.links
    assert "3000" not in page.words
    assert seller.client.get(f"{ROOM}/seller/payee").status_code == 403
    token = seller.get("/en/sell/begin").form("/begin").fields["csrf_token"]
    assert seller.client.post(f"{ROOM}/seller", data={"csrf_token": token}).status_code == 403


def test_before_the_approval_there_is_no_public_card(shop: Shop) -> None:
    owner = as_owner(shop)

    assert "as soon as your application is approved" in owner.get(f"{ROOM}/seller").words
    owner.get(f"{ROOM}/seller/payee", 404)
    owner.get(f"{HOME}/company", 404)
    owner.get(f"{HOME}/projects", 404)
