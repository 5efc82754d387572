"""People of an organisation: invitations for one address, roles, and an owner that is always there."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from app.accounts.errors import NoSuchThing
from app.accounts.models import Invitation, Membership, Person
from app.accounts.roles import Role
from app.accounts.service import organisations as companies
from app.accounts.service.suspension import reinstate, suspend
from app.audit.models import Act
from app.db import db
from tests.pages import Page, Visitor
from tests.people import a_person, actor_of, an_operator, an_organisation
from tests.service.accounts.entering import PASSWORD, enrolled, joined, link_in, mails_to, person_of, tries
from tests.service.conftest import Shop


def owner_of_one(shop: Shop) -> tuple[Visitor, str]:
    """An owner with a second factor, and the address of the people's page."""
    visitor = joined(shop)
    made = visitor.send(visitor.get("/en/account/organisations"), "/organisations", name="Salkhit Wind LLC")
    enrolled(shop, visitor)
    return visitor, made.headers["Location"]


def invite(shop: Shop, owner: Visitor, people: str, address: str, role: str = "seller") -> str:
    owner.send(owner.get(people), "/people", email=address, role=role)
    return link_in(mails_to(shop, address.lower())[-1], "invitation")


def ids(shop: Shop) -> dict[str, int]:
    with shop.inside():
        return {address: person_of(address).id for address in ("ana@example.org", "bo@example.org") if known(address)}


def known(address: str) -> bool:
    return db.session.scalar(select(Person.id).where(Person.email == address)) is not None


def test_whoever_makes_an_organisation_owns_it(shop: Shop) -> None:
    visitor, people = owner_of_one(shop)

    assert re.fullmatch(r"/en/sell/[a-z0-9]{8}/people", people)
    assert "Owner: sells" in visitor.get(people).words
    assert "Salkhit Wind LLC" in visitor.get("/en/account/organisations").words
    with shop.inside():
        assert "organisation_made" in db.session.scalars(select(Act.what)).all()
    page = visitor.read(visitor.send(visitor.get("/en/account/organisations"), "/organisations", 422, name=" "), 422)
    assert page.error_at("name")


def test_an_owner_manages_people_only_with_a_second_factor(shop: Shop) -> None:
    visitor = joined(shop)
    made = visitor.send(visitor.get("/en/account/organisations"), "/organisations", name="Acme")
    people = made.headers["Location"]

    token = visitor.get("/en/account/details").form("/sign-out").fields

    assert "/account/second-factor" in visitor.client.get(people).headers["Location"]
    kept = visitor.read(visitor.client.post(people, data=token | {"email": "bo@example.org"}), 403)
    assert [link for link in kept.links if "/account/second-factor" in link]
    assert mails_to(shop, "bo@example.org") == []


def test_an_invitation_makes_a_new_account_a_member_once(shop: Shop) -> None:
    owner, people = owner_of_one(shop)
    link = invite(shop, owner, people, "Bo@example.org")
    assert "You are invited to work for Salkhit Wind LLC" in mails_to(shop, "bo@example.org")[-1]
    visitor = shop.visitor()
    page = visitor.read(visitor.send(visitor.get(link), "/join", 422, name="Bo", password="short"), 422)
    assert page.error_at("password")
    visitor.send(page, "/join", 422, name="", password=PASSWORD)

    answer = visitor.send(page, "/join", name="Bo", password=PASSWORD)

    assert answer.headers["Location"] == people
    assert "/second-factor?next=" in visitor.client.get(people).headers["Location"]
    enrolled(shop, visitor)
    words = visitor.get(people).words
    assert "bo@example.org" in words
    assert "Only an owner invites people" in words
    shop.visitor().get(link, 410)
    with shop.inside():
        assert {"member_invited", "invitation_accepted"} <= set(db.session.scalars(select(Act.what)))


def test_an_account_that_is_there_accepts_by_signing_in(shop: Shop) -> None:
    owner, people = owner_of_one(shop)
    joined(shop, "bo@example.org", "Bo")
    link = invite(shop, owner, people, "bo@example.org", "viewer")
    visitor = shop.visitor()
    leads = [address for address in visitor.get(link).links if "/sign-in?next=" in address]
    assert leads
    assert link in leads[0]
    assert tries(visitor, "bo@example.org", PASSWORD, 303, next=link) == link

    answer = visitor.send(visitor.get(link), link)

    assert answer.headers["Location"] == people
    with shop.inside():
        assert db.session.scalars(select(Membership.role).order_by(Membership.id)).all() == [Role.OWNER, Role.VIEWER]


def test_an_invitation_is_of_no_use_to_anybody_else(shop: Shop) -> None:
    owner, people = owner_of_one(shop)
    link = invite(shop, owner, people, "bo@example.org")
    eve = joined(shop, "eve@example.org", "Eve")
    page = eve.get(link)
    assert "for another address" in page.words
    assert "Accept the invitation" not in page.words

    answer = eve.client.post(link, data=eve.get("/en/account/details").form("/sign-out").fields)

    assert answer.status_code == 403
    eve.get(people, 404)


def test_an_invitation_ends_after_seven_days_and_can_be_sent_again(shop: Shop) -> None:
    owner, people = owner_of_one(shop)
    link = invite(shop, owner, people, "bo@example.org")
    shop.clock.advance(timedelta(days=7))
    shop.visitor().get(link, 410)
    page = owner.get(people)
    assert "Over" in page.words

    owner.send(page, "/resend")

    fresh = link_in(mails_to(shop, "bo@example.org")[-1], "invitation")
    assert fresh != link
    shop.visitor().get(fresh)
    owner.send(owner.get(people), "/withdraw")
    shop.visitor().get(fresh, 410)
    assert "bo@example.org" not in owner.get(people).words
    owner.send(page, "/withdraw", 404)
    owner.send(page, "/resend", 404)


@pytest.mark.parametrize("lost", ["taken out", "made a seller", "suspended"])
def test_who_is_no_owner_any_more_lets_nobody_in_by_an_earlier_invitation(shop: Shop, lost: str) -> None:
    owner, people = owner_of_one(shop)
    eve = shop.visitor()
    eve.send(eve.get(invite(shop, owner, people, "bo@example.org", "owner")), "/join", name="Bo", password=PASSWORD)
    enrolled(shop, eve)
    back_door = invite(shop, eve, people, "eve@example.org", "owner")
    shop.visitor().get(back_door)
    them = ids(shop)["bo@example.org"]

    if lost == "taken out":
        owner.send(owner.get(f"{people}/{them}/remove"), "/remove")
    elif lost == "made a seller":
        owner.send(owner.get(f"{people}/{them}"), f"/{them}", role="seller")
    else:
        with shop.inside():
            suspend(them, actor_of(an_operator()), reason="Her browser was stolen.", now=shop.clock.now())

    shop.visitor().get(back_door, 410)
    assert re.search(r"\bOver\b", owner.get(people).words)
    if lost == "suspended":
        with shop.inside():
            reinstate(them, actor_of(an_operator()), reason="It was found.", now=shop.clock.now())
        # Whoever had the browser may have written it.
        shop.visitor().get(back_door, 410)
    owner.send(owner.get(people), "/resend")
    assert not re.search(r"\bOver\b", owner.get(people).words)
    shop.visitor().get(link_in(mails_to(shop, "eve@example.org")[-1], "invitation"))


def test_a_second_invitation_ends_the_first(shop: Shop) -> None:
    owner, people = owner_of_one(shop)
    first = invite(shop, owner, people, "bo@example.org", "viewer")
    second = invite(shop, owner, people, "bo@example.org", "seller")

    shop.visitor().get(first, 410)
    assert "Seller" in shop.visitor().get(second).words


def test_a_member_is_not_invited_again(shop: Shop) -> None:
    owner, people = owner_of_one(shop)

    page = owner.read(owner.send(owner.get(people), "/people", 422, email="ana@example.org", role="viewer"), 422)

    assert "belongs to a member" in page.error_at("email")


def test_invitations_do_not_fill_mailboxes_without_end(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    owner, people = owner_of_one(shop)
    monkeypatch.setattr(companies, "MOST_INVITATIONS", 1)
    invite(shop, owner, people, "bo@example.org")

    page = owner.read(owner.send(owner.get(people), "/people", 422, email="cy@example.org", role="viewer"), 422)

    assert "Withdraw one before" in page.error_at("email")


def test_the_last_owner_stays_and_stays_owner(shop: Shop) -> None:
    owner, people = owner_of_one(shop)
    me = ids(shop)["ana@example.org"]

    page = owner.read(owner.send(owner.get(f"{people}/{me}"), f"/{me}", 422, role="viewer"), 422)
    assert "at least one owner" in page.error_at("role")
    owner.send(owner.get(f"{people}/{me}/remove"), "/remove")

    assert "at least one owner" in owner.get(people).words


def test_roles_change_and_who_is_taken_out_sees_nothing_any_more(shop: Shop) -> None:
    owner, people = owner_of_one(shop)
    link = invite(shop, owner, people, "bo@example.org")
    bo = shop.visitor()
    bo.send(bo.get(link), "/join", name="Bo", password=PASSWORD)
    enrolled(shop, bo)
    them = ids(shop)["bo@example.org"]
    bo.get(f"{people}/{them}", 403)

    for role in ("owner", "owner", "viewer"):
        owner.send(owner.get(f"{people}/{them}"), f"/{them}", role=role)
    owner.send(owner.get(f"{people}/{them}/remove"), "/remove")

    bo.get(people, 404)
    with shop.inside():
        changes = [
            (act.facts["from"], act.facts["to"])
            for act in db.session.scalars(select(Act).where(Act.what == "member_role_changed").order_by(Act.id))
        ]
        assert changes == [("seller", "owner"), ("owner", "viewer")]
        assert "member_removed" in db.session.scalars(select(Act.what)).all()
    owner.get(f"{people}/{them}", 404)


def test_an_owner_may_leave_when_there_is_another(shop: Shop) -> None:
    owner, people = owner_of_one(shop)
    link = invite(shop, owner, people, "bo@example.org", "owner")
    bo = shop.visitor()
    bo.send(bo.get(link), "/join", name="Bo", password=PASSWORD)
    me = ids(shop)["ana@example.org"]

    answer = owner.send(owner.get(f"{people}/{me}/remove"), "/remove")

    assert answer.headers["Location"] == "/en/account/organisations"
    owner.get(people, 404)


def test_nothing_of_one_organisation_is_reached_through_another(shop: Shop) -> None:
    owner, people = owner_of_one(shop)
    with shop.inside():
        bo = a_person("bo@example.org")
        other = an_organisation("other123", "Other", owner=bo)
        companies.invite(
            other, "cy@example.org", Role.VIEWER, actor_of(bo), shop.world.settings, "en", shop.clock.now()
        )
        invitation = db.session.scalars(select(Invitation.id)).one()
    token = owner.get(people).form("/people").fields

    for path in (f"{people}/invitations/{invitation}/withdraw", f"{people}/invitations/{invitation}/resend"):
        assert owner.client.post(path, data=token).status_code == 404
    for path in (f"{people}/{bo}", f"{people}/{bo}/remove", "/en/sell/other123/people", f"{people}/999999999999"):
        owner.get(path, 404)
    assert owner.client.post(f"{people}/{bo}/remove", data=token).status_code == 404
    with shop.inside(), pytest.raises(NoSuchThing):
        companies.change_role(other, 10_000, Role.VIEWER, actor_of(bo), shop.clock.now())


def test_an_invitation_that_ended_meanwhile_is_not_accepted(shop: Shop) -> None:
    owner, people = owner_of_one(shop)
    link = invite(shop, owner, people, "bo@example.org")
    new, bo = shop.visitor(), joined(shop, "bo@example.org", "Bo")
    page = bo.get(link)
    form = shop.visitor()
    assert isinstance(form.get(link), Page)
    owner.send(owner.get(people), "/withdraw")

    bo.send(page, link, 410)
    token = new.get("/en/account/join").form("/join").fields
    gone = new.client.post(f"{link}/join", data=token | {"name": "Bo", "password": PASSWORD})
    assert gone.status_code == 410
    assert new.client.post(f"{link}/join", data=token | {"name": ""}).status_code == 410


def test_nobody_fills_a_strangers_mailbox_with_invitations(shop: Shop) -> None:
    owner, people = owner_of_one(shop)
    invite(shop, owner, people, "bo@example.org")
    for _again in range(3):
        owner.send(owner.get(people), "/resend")

    owner.send(owner.get(people), "/resend")

    assert "was invited several times within an hour" in owner.get(people).words
    assert len(mails_to(shop, "bo@example.org")) == 4
    shop.clock.advance(timedelta(hours=1, minutes=1))
    owner.send(owner.get(people), "/resend")
    assert len(mails_to(shop, "bo@example.org")) == 5
