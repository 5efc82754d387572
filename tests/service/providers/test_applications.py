"""An organisation applies to sell, and two operators decide about it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from threading import Event

import pytest
from flask import Flask
from sqlalchemy import select, text

from app.audit import service as audit
from app.audit.errors import AlreadyProposed, NoLongerPossible, ReasonMissing, SamePerson
from app.audit.models import Act
from app.current import settings
from app.db import StateEvent, db, transaction
from app.kernel.csvtable import ImportReport
from app.kernel.sealing import SealFor, unseal_text
from app.offers.models import Offer
from app.offers.states import OfferState
from app.providers.errors import (
    AlreadyClaimed,
    CodeTaken,
    FileUnfit,
    Incomplete,
    MovedOn,
    NoSuchThing,
    NotClear,
    NotEditable,
    OwnOrganisation,
    TooMany,
)
from app.providers.importer import import_providers
from app.providers.models import BeneficialOwner, Evidence, Payee, ProjectAuthority, Provider
from app.providers.parts import Part
from app.providers.queries import application_of, may_offer
from app.providers.service import applying, deciding
from app.providers.states import ApplicationState, AuthorityState, PayeeState
from app.providers.uploads import LARGEST_FILE, Upload, checked_upload
from app.screening import service as screening
from app.screening.models import ScreeningMatch
from app.screening.states import MatchState
from tests.builders import NOW, all_at_once
from tests.people import a_person, actor_of, an_operator, an_organisation
from tests.service.providers.applying import (
    COMPANY,
    IBAN,
    JPEG,
    PDF,
    PNG,
    a_draft,
    a_submitted,
    acts,
    all_of,
    an_owner,
    approved,
    news,
    organisation_id,
    the_application,
)
from tests.service.screening.listing import take

RENAMED = "code,legal_name,country,is_demonstration\nseller,Renamed Since Ltd,CH,yes\n"


@pytest.fixture(autouse=True)
def inside(app: Flask, project_id: int) -> Iterator[None]:
    """Every test here is about services."""
    with app.app_context():
        yield


def test_an_application_begins_once_and_knows_what_is_missing() -> None:
    owner = an_owner()
    organisation = organisation_id()

    assert applying.begin(organisation, "fr", owner, NOW)
    assert not applying.begin(organisation, "fr", owner, NOW)

    view = application_of(organisation)
    assert view is not None
    assert view.state is ApplicationState.DRAFT
    assert view.missing == tuple(Part)
    with pytest.raises(Incomplete) as refused:
        applying.submit(organisation, owner, settings(), NOW)
    assert refused.value.facts["parts"] == tuple(Part)


def test_a_complete_application_is_submitted_with_what_was_certified_word_for_word(project_id: int) -> None:
    owner = an_owner()
    organisation = organisation_id()

    a_submitted(owner, project_id, organisation)

    application = the_application(organisation)
    assert (application.state, application.submitted_by) == (ApplicationState.SUBMITTED, owner.person_id)
    assert application.certification == "2026-11-28\nAll of it is true."
    assert application.certified_at == NOW
    assert news() == [("ana@example.org", "fr", "received")]
    assert acts()[-1] == "application_submitted"
    moves = db.session.scalars(select(StateEvent.to_state).where(StateEvent.machine == "application")).all()
    assert moves == ["draft", "submitted"]


def test_the_account_number_and_every_document_are_sealed_in_the_tables(project_id: int) -> None:
    owner = an_owner()
    a_draft(owner, project_id, organisation_id())

    kept = db.session.execute(text("SELECT payee_account FROM application")).scalar_one()
    assert IBAN not in kept
    assert "3000" not in kept
    assert unseal_text(kept, settings().keyring, SealFor.ACCOUNT_NUMBER) == IBAN
    for content in db.session.execute(text("SELECT content FROM evidence")).scalars():
        assert b"made up" not in bytes(content)
    for act in all_of(Act):
        assert IBAN not in str(act.facts)


def test_whatever_changes_after_the_certification_is_certified_again(project_id: int) -> None:
    owner = an_owner()
    organisation = organisation_id()
    a_draft(owner, project_id, organisation)

    applying.save(organisation, Part.COMPANY, COMPANY | {"address": "Elsewhere"}, owner, NOW)

    with pytest.raises(Incomplete) as refused:
        applying.submit(organisation, owner, settings(), NOW)
    assert refused.value.facts["parts"] == (Part.CERTIFICATION,)


def test_while_it_waits_nothing_of_an_application_can_be_changed(project_id: int) -> None:
    owner = an_owner()
    organisation = organisation_id()
    a_submitted(owner, project_id, organisation)
    upload = Upload("x.pdf", "application/pdf", PDF)
    claim, document = all_of(ProjectAuthority)[0].id, all_of(Evidence)[0].id
    person = all_of(BeneficialOwner)[0].id

    for change in (
        lambda: applying.save(organisation, Part.COMPANY, COMPANY, owner, NOW),
        lambda: applying.save_payee(organisation, "a", "b", IBAN, owner, settings(), NOW),
        lambda: applying.certify(organisation, "x", owner, NOW),
        lambda: applying.remove_owner(organisation, person, owner, NOW),
        lambda: applying.remove_identity(organisation, document, owner, NOW),
        lambda: applying.add_identity(organisation, upload, owner, settings(), NOW),
        lambda: applying.claim_project(organisation, project_id, "IN-1", upload, owner, settings(), NOW),
        lambda: applying.drop_claim(organisation, claim, owner, NOW),
        lambda: applying.submit(organisation, owner, settings(), NOW),
    ):
        with pytest.raises(NotEditable):
            change()


def test_parts_are_removed_again_and_nobody_removes_those_of_others(project_id: int) -> None:
    owner, stranger = an_owner(), an_owner("bo@example.org", "other111", "Other Ltd")
    ours, theirs = organisation_id(), organisation_id("other111")
    a_draft(owner, project_id, ours)
    applying.begin(theirs, "en", stranger, NOW)
    claim = all_of(ProjectAuthority)[0].id
    identity, evidence = (row.id for row in all_of(Evidence))
    person = all_of(BeneficialOwner)[0].id

    for attempt in (
        lambda: applying.remove_owner(theirs, person, stranger, NOW),
        lambda: applying.remove_identity(theirs, identity, stranger, NOW),
        lambda: applying.drop_claim(theirs, claim, stranger, NOW),
        lambda: applying.remove_identity(ours, evidence, owner, NOW),
        lambda: applying.remove_owner(ours, person + 99, owner, NOW),
    ):
        with pytest.raises(NoSuchThing):
            attempt()

    applying.remove_owner(ours, person, owner, NOW)
    applying.remove_identity(ours, identity, owner, NOW)
    applying.drop_claim(ours, claim, owner, NOW)
    view = application_of(ours)
    assert view is not None
    assert view.missing == (Part.OWNERS, Part.DOCUMENTS, Part.PROJECTS, Part.CERTIFICATION)
    assert all_of(Evidence) == []


def test_a_project_is_claimed_once_and_lists_have_an_end(project_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = an_owner()
    organisation = organisation_id()
    a_draft(owner, project_id, organisation)
    upload = Upload("x.pdf", "application/pdf", PDF)

    with pytest.raises(AlreadyClaimed):
        applying.claim_project(organisation, project_id, "IN-1", upload, owner, settings(), NOW)
    assert len(all_of(Evidence)) == 2
    for most in ("MOST_CLAIMS", "MOST_DOCUMENTS", "MOST_OWNERS"):
        monkeypatch.setattr(applying, most, 1)
    for attempt in (
        lambda: applying.claim_project(organisation, project_id, "IN-1", upload, owner, settings(), NOW),
        lambda: applying.add_identity(organisation, upload, owner, settings(), NOW),
        lambda: applying.add_owner(
            organisation, name="B", country="MN", birth_year=1970, share=None, actor=owner, now=NOW
        ),
    ):
        with pytest.raises(TooMany):
            attempt()


def test_an_application_is_taken_back_and_another_one_begun(project_id: int) -> None:
    owner = an_owner()
    organisation = organisation_id()
    first = a_submitted(owner, project_id, organisation)

    applying.withdraw(organisation, owner, NOW)

    assert the_application(organisation).state is ApplicationState.WITHDRAWN
    with pytest.raises(NoSuchThing):
        applying.withdraw(organisation, owner, NOW)
    assert applying.begin(organisation, "en", owner, NOW)
    assert the_application(organisation).id != first


def test_every_name_behind_an_application_is_compared_with_the_lists(project_id: int) -> None:
    take()
    owner = an_owner()
    organisation = organisation_id()
    a_draft(owner, project_id, organisation)
    applying.add_owner(
        organisation, name="Mustafa Rahim Darvani", country="MN", birth_year=1970, share=20, actor=owner, now=NOW
    )
    contact = {"contact_name": "Mostafa Darwani", "contact_email": "m@example.org", "contact_phone": ""}
    applying.save(organisation, Part.CONTACT, contact, owner, NOW)
    applying.save_payee(organisation, "Madeup Charity Fund", "Bank", IBAN, owner, settings(), NOW)
    applying.save(organisation, Part.COMPANY, COMPANY | {"legal_name": "Front of the Made-Up Ltd"}, owner, NOW)
    applying.certify(organisation, "2026-11-28\nTrue.", owner, NOW)

    applying.submit(organisation, owner, settings(), NOW)

    found = {match.name for match in all_of(ScreeningMatch)}
    assert found == {
        "Mustafa Rahim Darvani", "Mostafa Darwani", "Madeup Charity Fund", "Front of the Made-Up Ltd",
    }  # fmt: skip


def test_nobody_is_approved_while_a_likeness_waits_or_is_confirmed(project_id: int) -> None:
    take()
    owner = an_owner()
    application_id = a_submitted(owner, project_id, organisation_id(), legal_name="Madeup Charity Fund")
    eva = actor_of(an_operator())

    with pytest.raises(NotClear):
        deciding.propose_approval(application_id, "salkhit", eva, reason="Fits.", now=NOW)
    (match,) = all_of(ScreeningMatch)
    screening.decide(match.id, MatchState.CONFIRMED, eva, reason="It is.", now=NOW)
    with pytest.raises(NotClear) as refused:
        deciding.propose_approval(application_id, "salkhit", eva, reason="Fits.", now=NOW)
    assert refused.value.facts["standing"] == "confirmed"


def test_a_list_that_came_after_the_proposal_stops_the_approval(project_id: int) -> None:
    owner = an_owner()
    application_id = a_submitted(owner, project_id, organisation_id(), legal_name="Madeup Charity Fund")
    eva, finn = actor_of(an_operator()), actor_of(an_operator("finn@tonne.example"))
    proposal = deciding.propose_approval(application_id, "salkhit", eva, reason="Fits.", now=NOW)

    take()

    with pytest.raises(NoLongerPossible):
        audit.agree(proposal, finn, now=NOW)
    assert the_application(organisation_id()).state is ApplicationState.SUBMITTED


def test_two_operators_make_an_applicant_a_participant_with_its_payee(project_id: int) -> None:
    owner = an_owner()
    organisation = organisation_id()
    application_id = a_submitted(owner, project_id, organisation)
    eva, finn = actor_of(an_operator()), actor_of(an_operator("finn@tonne.example"))

    proposal = deciding.propose_approval(application_id, "salkhit", eva, reason="All papers fit.", now=NOW)
    with pytest.raises(AlreadyProposed):
        deciding.propose_approval(application_id, "salkhit", finn, reason="Again.", now=NOW)
    with pytest.raises(SamePerson):
        audit.agree(proposal, eva, now=NOW)
    audit.agree(proposal, finn, now=NOW)

    provider = db.session.scalars(select(Provider).where(Provider.code == "salkhit")).one()
    assert (provider.legal_name, provider.country, provider.organisation_id) == ("Salkhit Wind LLC", "MN", organisation)
    assert (provider.approved_at, provider.is_demonstration) == (NOW, True)
    application = the_application(organisation)
    assert (application.state, application.decided_by) == (ApplicationState.APPROVED, finn.person_id)
    assert (application.reason, application.provider_id) == ("All papers fit.", provider.id)
    (payee,) = all_of(Payee)
    assert (payee.state, payee.holder, payee.provider_id) == (PayeeState.CURRENT, "Salkhit Wind LLC", provider.id)
    assert unseal_text(payee.account, settings().keyring, SealFor.ACCOUNT_NUMBER) == IBAN
    assert [told for *_who, told in news()] == ["received", "approved"]
    assert acts()[-2:] == ["approve_application_proposed", "approve_application_carried_out"]
    with pytest.raises(NotEditable):
        applying.withdraw(organisation, owner, NOW)


def test_an_imported_participant_is_taken_over_by_its_code_once(project_id: int) -> None:
    owner, other = an_owner(), an_owner("bo@example.org", "other111", "Other Ltd")
    first = a_submitted(owner, project_id, organisation_id())
    second = a_submitted(other, project_id, organisation_id("other111"))
    eva, finn = actor_of(an_operator()), actor_of(an_operator("finn@tonne.example"))
    late = deciding.propose_approval(second, "seller", eva, reason="Fits.", now=NOW)

    provider = approved(first, "seller")

    assert provider.organisation_id == organisation_id()
    assert len([row for row in all_of(Provider) if row.code == "seller"]) == 1
    with pytest.raises(NoLongerPossible):
        audit.agree(late, finn, now=NOW)
    for unfit in ("seller", "Upper Case", "x" * 41, ""):
        with pytest.raises(CodeTaken):
            deciding.propose_approval(second, unfit, finn, reason="Fits.", now=NOW)


def test_a_participant_whose_name_is_like_a_listed_one_is_not_taken_over(project_id: int) -> None:
    application_id = a_submitted(an_owner(), project_id, organisation_id())
    with transaction() as session:
        session.scalars(select(Provider).where(Provider.code == "seller")).one().legal_name = "Madeup Charity Fund"
    take()
    eva = actor_of(an_operator())

    with pytest.raises(NotClear):
        deciding.propose_approval(application_id, "seller", eva, reason="Fits.", now=NOW)

    imported, match = all_of(ScreeningMatch)
    assert (imported.name, imported.subject_kind) == ("Madeup Charity Fund", "provider")
    assert (match.name, match.subject_kind, match.subject_id) == ("Madeup Charity Fund", "application", application_id)


def test_a_participant_that_a_list_names_only_after_the_proposal_is_not_taken_over(project_id: int) -> None:
    with transaction() as session:
        session.scalars(select(Provider)).one().legal_name = "Madeup Charity Fund"
    application_id = a_submitted(an_owner(), project_id, organisation_id())
    eva, finn = actor_of(an_operator()), actor_of(an_operator("finn@tonne.example"))
    proposal = deciding.propose_approval(application_id, "seller", eva, reason="Fits.", now=NOW)
    take()

    with pytest.raises(NoLongerPossible):
        audit.agree(proposal, finn, now=NOW)

    audit.decline(proposal, finn, reason="A new list has the name.", now=NOW)
    with pytest.raises(NotClear):
        deciding.propose_approval(application_id, "seller", eva, reason="Fits.", now=NOW)
    screening.decide(all_of(ScreeningMatch)[-1].id, MatchState.CLEARED, eva, reason="Of another country.", now=NOW)
    assert approved(application_id, "seller").legal_name == "Madeup Charity Fund"


def test_a_name_that_one_operator_changed_after_the_proposal_is_not_approved(project_id: int) -> None:
    application_id = a_submitted(an_owner(), project_id, organisation_id())
    eva, finn = actor_of(an_operator()), actor_of(an_operator("finn@tonne.example"))
    proposal = deciding.propose_approval(application_id, "seller", eva, reason="Fits.", now=NOW)

    import_providers(RENAMED, now=NOW)

    with pytest.raises(NoLongerPossible):
        audit.agree(proposal, finn, now=NOW)
    assert [row.organisation_id for row in all_of(Provider)] == [None]


def test_a_name_that_one_operator_changes_in_the_moment_of_the_approval_is_not_approved(
    app: Flask, project_id: int
) -> None:
    application_id = a_submitted(an_owner(), project_id, organisation_id())
    eva, finn = actor_of(an_operator()), actor_of(an_operator("finn@tonne.example"))
    proposal = deciding.propose_approval(application_id, "seller", eva, reason="Fits.", now=NOW)
    is_renamed, is_approved = Event(), Event()

    def rename() -> ImportReport:
        def wait(_report: ImportReport) -> None:
            is_renamed.set()
            is_approved.wait(1)

        return import_providers(RENAMED, now=NOW, then=wait)

    def agree() -> None:
        is_renamed.wait(5)
        audit.agree(proposal, finn, now=NOW)
        is_approved.set()

    renamed, agreed = all_at_once(app, [rename, agree])
    assert (renamed, type(agreed)) == (ImportReport(0, 1, 0), NoLongerPossible)
    assert [row.organisation_id for row in all_of(Provider)] == [None]


def test_an_application_that_moved_on_is_not_approved(project_id: int) -> None:
    owner = an_owner()
    organisation = organisation_id()
    application_id = a_submitted(owner, project_id, organisation)
    eva, finn = actor_of(an_operator()), actor_of(an_operator("finn@tonne.example"))
    proposal = deciding.propose_approval(application_id, "salkhit", eva, reason="Fits.", now=NOW)

    applying.withdraw(organisation, owner, NOW)

    with pytest.raises(NoLongerPossible):
        audit.agree(proposal, finn, now=NOW)
    assert [row.code for row in all_of(Provider)] == ["seller"]
    with pytest.raises(MovedOn):
        deciding.propose_approval(application_id, "salkhit", eva, reason="Fits.", now=NOW)
    with pytest.raises(NoSuchThing):
        deciding.propose_approval(application_id + 99, "salkhit", eva, reason="Fits.", now=NOW)


def test_an_application_is_returned_with_a_reason_completed_and_submitted_again(project_id: int) -> None:
    owner = an_owner()
    organisation = organisation_id()
    application_id = a_submitted(owner, project_id, organisation)
    eva = actor_of(an_operator())

    with pytest.raises(ReasonMissing):
        deciding.give_back(application_id, eva, reason=" ", settings=settings(), now=NOW)
    deciding.give_back(application_id, eva, reason="The extract is too old.", settings=settings(), now=NOW)

    application = the_application(organisation)
    assert (application.state, application.reason) == (ApplicationState.RETURNED, "The extract is too old.")
    with pytest.raises(MovedOn):
        deciding.refuse(application_id, eva, reason="No.", settings=settings(), now=NOW)
    applying.submit(organisation, owner, settings(), NOW)
    assert the_application(organisation).reason == ""
    assert ("ana@example.org", "fr", "returned") in news()


def test_a_refusal_is_final_has_its_reason_and_another_application_can_follow(project_id: int) -> None:
    owner = an_owner()
    organisation = organisation_id()
    application_id = a_submitted(owner, project_id, organisation)
    eva = actor_of(an_operator())

    deciding.refuse(application_id, eva, reason="No such company.", settings=settings(), now=NOW)

    application = the_application(organisation)
    assert (application.state, application.decided_by) == (ApplicationState.REFUSED, eva.person_id)
    act = all_of(Act)[-1]
    assert (act.what, act.reason, act.actor) == ("application_refused", "No such company.", "eva@tonne.example")
    assert news()[-1] == ("ana@example.org", "fr", "refused")
    assert applying.begin(organisation, "en", owner, NOW)
    assert all_of(Provider)[0].organisation_id is None


def test_each_project_is_accepted_on_its_own_and_only_then_offered(project_id: int) -> None:
    owner = an_owner()
    organisation = organisation_id()
    provider = approved(a_submitted(owner, project_id, organisation))
    eva = actor_of(an_operator())
    (claim,) = all_of(ProjectAuthority)
    assert not may_offer(provider, project_id)

    with pytest.raises(ReasonMissing):
        deciding.decide_authority(claim.id, AuthorityState.APPROVED, eva, reason="", now=NOW)
    deciding.decide_authority(claim.id, AuthorityState.APPROVED, eva, reason="Named in the MoC.", now=NOW)

    assert may_offer(provider, project_id)
    with pytest.raises(MovedOn):
        deciding.decide_authority(claim.id, AuthorityState.APPROVED, eva, reason="Again.", now=NOW)
    deciding.decide_authority(claim.id, AuthorityState.REFUSED, eva, reason="Revoked.", now=NOW)
    assert not may_offer(provider, project_id)
    with pytest.raises(NoSuchThing):
        deciding.decide_authority(claim.id + 99, AuthorityState.REFUSED, eva, reason="x", now=NOW)
    # A refused claim can be made again, also by a participant.
    upload = Upload("new.pdf", "application/pdf", PDF)
    applying.claim_project(organisation, project_id, "IN-1", upload, owner, settings(), NOW)
    applying.drop_claim(organisation, all_of(ProjectAuthority)[-1].id, owner, NOW)
    assert [row.state for row in all_of(ProjectAuthority)] == [AuthorityState.REFUSED]


def test_every_look_at_a_document_is_written_down(project_id: int) -> None:
    owner = an_owner()
    a_draft(owner, project_id, organisation_id())
    eva = actor_of(an_operator())
    evidence = all_of(Evidence)[0]

    seen, content = deciding.look_at(evidence.id, eva, settings(), NOW)

    assert (seen.file_name, content) == ("extract.pdf", PDF)
    act = all_of(Act)[-1]
    assert (act.what, act.actor, act.subject) == ("document_seen", "eva@tonne.example", "extract.pdf")
    with pytest.raises(NoSuchThing):
        deciding.look_at(evidence.id + 99, eva, settings(), NOW)


def test_a_new_list_is_compared_with_applications_that_are_open(project_id: int) -> None:
    owner, other = an_owner(), an_owner("bo@example.org", "other111", "Other Ltd")
    waiting = a_submitted(owner, project_id, organisation_id(), legal_name="Madeup Charity Fund")
    a_draft(other, project_id, organisation_id("other111"), legal_name="Madeup Charity Fund")

    take()

    assert [match.subject_id for match in all_of(ScreeningMatch)] == [waiting]


@pytest.mark.parametrize(
    ("name", "content", "kept", "media_type"),
    [
        ("extract.pdf", PDF, "extract.pdf", "application/pdf"),
        ("extract.png", PDF, "extract.pdf", "application/pdf"),
        ("../../etc/passwd", PNG, "passwd.png", "image/png"),
        ("C:\\Users\\ana\\scan.jpeg", JPEG, "scan.jpg", "image/jpeg"),
        ("", JPEG, "document.jpg", "image/jpeg"),
        ("..", PNG, "document.png", "image/png"),
        ("=cmd|' /C calc'!A0.pdf", PDF, "C calc'!A0.pdf", "application/pdf"),
        ("evil\r\nSet-Cookie: a.pdf", PDF, "evil Set-Cookie: a.pdf", "application/pdf"),
        ("x" * 500 + ".pdf", PDF, "x" * 120 + ".pdf", "application/pdf"),
    ],
)
def test_a_file_is_told_by_its_content_and_its_name_is_harmless(
    name: str, content: bytes, kept: str, media_type: str
) -> None:
    upload = checked_upload(name, content)

    assert (upload.name, upload.media_type) == (kept, media_type)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "empty"),
        (b"MZ\x90\x00", "wrong_type"),
        (b"<html>%PDF-", "wrong_type"),
        (b"GIF89a", "wrong_type"),
        (PDF + b"x" * LARGEST_FILE, "too_large"),
    ],
)
def test_other_files_are_refused_whatever_they_are_called(content: bytes, problem: str) -> None:
    with pytest.raises(FileUnfit) as refused:
        checked_upload("extract.pdf", content)
    assert refused.value.facts == {"problem": problem}


def test_only_owners_get_the_mails(project_id: int) -> None:
    owner = an_owner()
    organisation = organisation_id()
    an_organisation("salkhit1", seller=a_person("sol@example.org"), owner_2=a_person("second@example.org"))

    a_submitted(owner, project_id, organisation)

    assert {who for who, *_rest in news()} == {"ana@example.org", "second@example.org"}


def test_an_application_that_was_changed_after_the_proposal_is_not_approved(project_id: int) -> None:
    owner = an_owner()
    organisation = organisation_id()
    application_id = a_submitted(owner, project_id, organisation)
    eva, finn = actor_of(an_operator()), actor_of(an_operator("finn@tonne.example"))
    proposal = deciding.propose_approval(application_id, "salkhit", eva, reason="Fits.", now=NOW)

    later = NOW + timedelta(hours=1)
    deciding.give_back(application_id, finn, reason="Which bank?", settings=settings(), now=NOW)
    applying.save_payee(organisation, "Somebody Else", "Elsewhere", "GB33BUKB20201555555555", owner, settings(), NOW)
    applying.certify(organisation, "All of it is true.", owner, NOW)
    applying.submit(organisation, owner, settings(), later)

    with pytest.raises(NoLongerPossible):
        audit.agree(proposal, finn, now=later)
    assert [row.code for row in all_of(Provider)] == ["seller"]


def test_a_code_that_got_an_owner_after_the_proposal_is_not_taken_over(project_id: int) -> None:
    application_id = a_submitted(an_owner(), project_id, organisation_id())
    eva, finn = actor_of(an_operator()), actor_of(an_operator("finn@tonne.example"))
    proposal = deciding.propose_approval(application_id, "salkhit", eva, reason="Fits.", now=NOW)
    with transaction() as session:
        session.add(Provider(code="salkhit", legal_name="Imported meanwhile", country="MN"))

    with pytest.raises(NoLongerPossible):
        audit.agree(proposal, finn, now=NOW)
    assert [row.organisation_id for row in all_of(Provider)] == [None, None]


def test_an_operator_decides_nothing_about_an_organisation_of_their_own(project_id: int) -> None:
    owner = an_owner()
    organisation = organisation_id()
    eva, finn = actor_of(an_operator()), actor_of(an_operator("finn@tonne.example"))
    an_organisation(viewer=eva.person_id or 0)
    application_id = a_submitted(owner, project_id, organisation)
    (claim,) = all_of(ProjectAuthority)

    with pytest.raises(OwnOrganisation):
        deciding.propose_approval(application_id, "seller", eva, reason="Fits.", now=NOW)
    with pytest.raises(OwnOrganisation):
        deciding.refuse(application_id, eva, reason="No.", settings=settings(), now=NOW)
    with pytest.raises(OwnOrganisation):
        deciding.decide_authority(claim.id, AuthorityState.APPROVED, eva, reason="Ours.", now=NOW)
    proposal = deciding.propose_approval(application_id, "seller", finn, reason="Fits.", now=NOW)
    with pytest.raises(OwnOrganisation):
        audit.agree(proposal, eva, now=NOW)
    assert the_application(organisation).state is ApplicationState.SUBMITTED


def test_what_is_on_sale_of_a_project_stops_with_the_authority_for_it(project_id: int) -> None:
    provider = approved(a_submitted(an_owner(), project_id, organisation_id()), "seller")
    eva = actor_of(an_operator())
    (claim,) = all_of(ProjectAuthority)
    deciding.decide_authority(claim.id, AuthorityState.APPROVED, eva, reason="Named in the MoC.", now=NOW)
    assert [offer.state for offer in all_of(Offer)] == [OfferState.LIVE]

    deciding.decide_authority(claim.id, AuthorityState.REFUSED, eva, reason="The MoC was changed.", now=NOW)

    (offer,) = all_of(Offer)
    assert (offer.provider_id, offer.state, offer.state_reason) == (
        provider.id,
        OfferState.FROZEN,
        "The MoC was changed.",
    )
