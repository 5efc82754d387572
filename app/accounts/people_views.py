"""Organisations, their people, and invitations."""

from __future__ import annotations

from typing import Any

from flask import abort, flash, make_response, render_template, request
from flask_babel import gettext
from werkzeug.wrappers import Response

from app import jobs
from app.accounts.access import find_me, get_me, get_seat, members, public, signed_in
from app.accounts.blueprint import blueprint
from app.accounts.browser import add_error, enter, link_gone, to, user_agent
from app.accounts.errors import (
    AddressTaken,
    AlreadyMember,
    InvitedOften,
    LastOwner,
    LinkGone,
    NoSuchThing,
    OtherPerson,
    TooManyInvitations,
    WeakPassword,
)
from app.accounts.forms import ROLE_NAMES, InviteForm, JoinForm, OrganisationForm, RoleForm
from app.accounts.ports import current_purchases
from app.accounts.queries import invitations_of, members_of, memberships_of, offered_seat
from app.accounts.roles import Role
from app.accounts.service import organisations as companies
from app.accounts.words import describe
from app.current import now, settings
from app.web.i18n import current_language
from app.web.security import form_checks_token


@blueprint.route("/account/organisations", methods=["GET", "POST"])
@signed_in
@form_checks_token
def organisations() -> Response:
    """One's organisations, and a form for a new one."""
    me = get_me()
    form = OrganisationForm()
    if form.validate_on_submit():
        code = companies.found(me.id, form.name.data or "", me.actor, now())
        return to("account.people", organisation=code)
    return _page("account/organisations.html", form=form, memberships=memberships_of(me.id), role_names=ROLE_NAMES)


@blueprint.get("/sell/<organisation>/people")
@members(Role.VIEWER)
def people(organisation: str) -> Response:
    """Who works for an organisation; its owner invites others here."""
    return _people_page(InviteForm(), organisation)


@blueprint.post("/sell/<organisation>/people")
@members(Role.OWNER)
@form_checks_token
def invite(organisation: str) -> Response:
    """Send an invitation."""
    form = InviteForm()
    if form.validate_on_submit():
        try:
            companies.invite(
                get_seat().organisation_id,
                form.email.data or "",
                Role(form.role.data),
                get_me().actor,
                settings(),
                current_language(),
                now(),
            )
        except (AlreadyMember, TooManyInvitations, InvitedOften) as refusal:
            add_error(form.email, refusal)
        else:
            jobs.wake()
            flash(gettext("The invitation is on its way."), "info")
            return to("account.people", organisation=organisation)
    return _people_page(form, organisation)


@blueprint.post("/sell/<organisation>/people/invitations/<int(max=999999999):invitation_id>/resend")
@members(Role.OWNER)
def resend_invitation(organisation: str, invitation_id: int) -> Response:
    """Send an invitation again, with a new link."""
    try:
        companies.resend(
            get_seat().organisation_id, invitation_id, get_me().actor, settings(), current_language(), now()
        )
    except NoSuchThing:
        abort(404)
    except InvitedOften as refusal:
        flash(describe(refusal), "stop")
        return to("account.people", organisation=organisation)
    jobs.wake()
    flash(gettext("The invitation is on its way."), "info")
    return to("account.people", organisation=organisation)


@blueprint.post("/sell/<organisation>/people/invitations/<int(max=999999999):invitation_id>/withdraw")
@members(Role.OWNER)
def withdraw_invitation(organisation: str, invitation_id: int) -> Response:
    """Take an invitation back."""
    try:
        companies.withdraw(get_seat().organisation_id, invitation_id, get_me().actor, now())
    except NoSuchThing:
        abort(404)
    flash(gettext("The invitation is withdrawn. Its link no longer works."), "info")
    return to("account.people", organisation=organisation)


@blueprint.route("/sell/<organisation>/people/<int(max=999999999):person_id>", methods=["GET", "POST"])
@members(Role.OWNER)
@form_checks_token
def member(organisation: str, person_id: int) -> Response:
    """Give a member another role."""
    found = _member(person_id)
    form = RoleForm(role=found.role.value)
    if form.validate_on_submit():
        try:
            companies.change_role(get_seat().organisation_id, person_id, Role(form.role.data), get_me().actor, now())
        except LastOwner as refusal:
            add_error(form.role, refusal)
        else:
            flash(gettext("The role is changed."), "info")
            return to("account.people", organisation=organisation)
    return _page("account/member.html", form=form, member=found)


@blueprint.get("/sell/<organisation>/people/<int(max=999999999):person_id>/remove")
@members(Role.OWNER)
def ask_to_remove_member(organisation: str, person_id: int) -> Response:
    """Ask once more before somebody loses access."""
    return _page("account/remove_member.html", member=_member(person_id), organisation=organisation)


@blueprint.post("/sell/<organisation>/people/<int(max=999999999):person_id>/remove")
@members(Role.OWNER)
def remove_member(organisation: str, person_id: int) -> Response:
    """Take somebody out of an organisation."""
    try:
        companies.remove(get_seat().organisation_id, person_id, get_me().actor, now())
    except NoSuchThing:
        abort(404)
    except LastOwner as refusal:
        flash(describe(refusal), "stop")
        return to("account.people", organisation=organisation)
    flash(gettext("They can no longer open pages of this organisation."), "info")
    if person_id == get_me().id:
        return to("account.organisations")
    return to("account.people", organisation=organisation)


@blueprint.get("/account/invitation/<token>")
@public
def invitation(token: str) -> Response:
    """What an invitation offers, and how to accept it."""
    return _invitation_page(token, JoinForm())


@blueprint.post("/account/invitation/<token>")
@signed_in
def accept_invitation(token: str) -> Response:
    """Accept an invitation to one's own address."""
    me = get_me()
    try:
        code = companies.accept(token, me.id, me.actor, now())
    except LinkGone as refusal:
        return link_gone(refusal)
    except OtherPerson:
        return _invitation_page(token, JoinForm(formdata=None), 403)
    return to("account.people", organisation=code)


@blueprint.post("/account/invitation/<token>/join")
@public
@form_checks_token
def join_by_invitation(token: str) -> Response:
    """Make the account of the invited address, and accept."""
    form = JoinForm()
    if form.validate_on_submit():
        try:
            code, entered = companies.accept_with_new_account(
                token,
                name=form.name.data or "",
                password=form.password.data or "",
                locale=current_language(),
                user_agent=user_agent(),
                purchases=current_purchases(),
                settings=settings(),
                now=now(),
            )
        except WeakPassword as refusal:
            add_error(form.password, refusal)
        except (LinkGone, AddressTaken) as refusal:
            return link_gone(refusal)
        else:
            enter(entered)
            return to("account.people", organisation=code)
    return _invitation_page(token, form, 422)


def _member(person_id: int) -> Any:
    found = [one for one in members_of(get_seat().organisation_id) if one.person_id == person_id]
    if not found:
        abort(404)
    return found[0]


def _people_page(form: InviteForm, organisation: str) -> Response:
    seat = get_seat()
    return _page(
        "account/people.html",
        form=form,
        organisation=organisation,
        people=members_of(seat.organisation_id),
        invitations=invitations_of(seat.organisation_id, now()),
        role_names=ROLE_NAMES,
        is_owner=seat.role is Role.OWNER,
    )


def _invitation_page(token: str, form: JoinForm, status: int = 200) -> Response:
    try:
        offered = offered_seat(companies.find_invitation(token, now()))
    except LinkGone as refusal:
        return link_gone(refusal)
    me = find_me()
    page = render_template(
        "account/invitation.html",
        form=form,
        offered=offered,
        token=token,
        role_names=ROLE_NAMES,
        is_other=me is not None and me.email != offered.email,
    )
    return make_response(page, status)


def _page(template: str, **values: Any) -> Response:
    return make_response(render_template(template, **values), 422 if request.method == "POST" else 200)
