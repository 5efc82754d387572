"""Applying to sell, page by page."""

from __future__ import annotations

from collections.abc import Callable

from flask import abort, redirect, url_for
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response

from app.accounts.access import get_me, get_seat, members, public, seats_of_me, signed_in
from app.accounts.roles import Role
from app.accounts.service import organisations
from app.current import now, settings
from app.providers import queries
from app.providers.blueprint import APPLICATION, ID, act, blueprint, do, editable, form_page, page
from app.providers.certification import certified_text, sentences
from app.providers.errors import SharesTooLarge
from app.providers.forms import CertificationForm, CompanyForm, ContactForm, OwnerForm, PayeeForm, StartForm
from app.providers.parts import Part
from app.providers.ports import current_surroundings
from app.providers.service import applying
from app.web.i18n import current_language
from app.web.security import form_checks_token


@blueprint.get("")
@public
def how() -> Response:
    """How to sell, what is needed, and where to begin."""
    return page("sell/how.html", form=StartForm(formdata=None))


@blueprint.get("/begin")
@signed_in
def start() -> Response:
    """Name the organisation that wants to sell."""
    return page("sell/start.html", form=StartForm())


@blueprint.post("/begin")
@signed_in
@form_checks_token
def found() -> Response:
    """Make the organisation and its draft, and lead to the task list."""
    form = StartForm()
    if not form.validate_on_submit():
        return page("sell/start.html", 422, form=form)
    me = get_me()
    code = organisations.found(me.id, form.name.data or "", me.actor, now())
    seat = next(seat for seat in seats_of_me() if seat.code == code)
    applying.begin(seat.organisation_id, current_language(), me.actor, now())
    return redirect(url_for("applying.application", organisation=code), 303)


@blueprint.get(APPLICATION)
@members(Role.VIEWER)
def application(organisation: str) -> Response:  # noqa: ARG001 - the guard reads it
    """The task list, or where the application stands."""
    return _task_list()


@blueprint.post(APPLICATION)
@members(Role.OWNER)
def begin(organisation: str) -> Response:
    """Begin an application."""
    applying.begin(get_seat().organisation_id, current_language(), get_me().actor, now())
    return redirect(url_for("applying.application", organisation=organisation), 303)


@blueprint.route(f"{APPLICATION}/company", methods=["GET", "POST"])
@members(Role.OWNER)
@form_checks_token
def company(organisation: str) -> Response:
    """Legal name, address, country, register number."""
    view = editable()
    names = ("legal_name", "address", "country", "register_number")
    form = CompanyForm(data={name: getattr(view, name) for name in names})
    return _save(form, Part.COMPANY, organisation, lambda: {name: form[name].data or "" for name in names})


@blueprint.route(f"{APPLICATION}/contact", methods=["GET", "POST"])
@members(Role.OWNER)
@form_checks_token
def contact(organisation: str) -> Response:
    """Who answers questions."""
    view = editable()
    me = get_me()
    form = ContactForm(
        data={
            "contact_name": view.contact_name or me.name,
            "email": view.contact_email or me.email,
            "contact_phone": view.contact_phone,
        }
    )
    return _save(
        form,
        Part.CONTACT,
        organisation,
        lambda: {
            "contact_name": form.contact_name.data or "",
            "contact_email": form.email.data or "",
            "contact_phone": form.contact_phone.data or "",
        },
    )


@blueprint.route(f"{APPLICATION}/owners", methods=["GET", "POST"])
@members(Role.OWNER)
@form_checks_token
def owners(organisation: str) -> Response:
    """The natural persons behind the applicant."""
    view = editable()
    form = OwnerForm()
    if form.validate_on_submit():

        def add() -> None:
            applying.add_owner(
                get_seat().organisation_id,
                name=form.name.data or "",
                country=form.country.data,
                birth_year=int(form.birth_year.data or 0),
                share=int(form.share.data) if form.share.data else None,
                actor=get_me().actor,
                now=now(),
            )

        if do(add, form.name, {SharesTooLarge.code: form.share}):
            return redirect(url_for("applying.owners", organisation=organisation), 303)
    return form_page("sell/application_owners.html", form, application=view)


@blueprint.post(f"{APPLICATION}/owners/{ID}/remove")
@members(Role.OWNER)
def remove_owner(organisation: str, thing_id: int) -> Response:
    """Take a beneficial owner out again."""
    act(lambda: applying.remove_owner(get_seat().organisation_id, thing_id, get_me().actor, now()))
    return redirect(url_for("applying.owners", organisation=organisation), 303)


@blueprint.route(f"{APPLICATION}/payee", methods=["GET", "POST"])
@members(Role.OWNER)
@form_checks_token
def payee(organisation: str) -> Response:
    """Where the money goes. The account number is typed anew each time."""
    view = editable()
    form = PayeeForm(data={"holder": view.payee_holder or view.legal_name, "bank": view.payee_bank})
    if form.validate_on_submit():

        def save() -> None:
            applying.save_payee(
                get_seat().organisation_id,
                form.holder.data or "",
                form.bank.data or "",
                form.account.data or "",
                get_me().actor,
                settings(),
                now(),
            )

        if do(save, form.account):
            return redirect(url_for("applying.application", organisation=organisation), 303)
    return form_page("sell/application_form.html", form, part=Part.PAYEE, application=view)


@blueprint.route(f"{APPLICATION}/certification", methods=["GET", "POST"])
@members(Role.OWNER)
@form_checks_token
def certification(organisation: str) -> Response:
    """The applicant's word for all of it, kept word for word."""
    view = editable()
    form = CertificationForm()
    if form.validate_on_submit() and do(
        lambda: applying.certify(get_seat().organisation_id, certified_text(), get_me().actor, now()), form.certified
    ):
        return redirect(url_for("applying.check", organisation=organisation), 303)
    return form_page("sell/application_certification.html", form, application=view, sentences=sentences())


@blueprint.get(f"{APPLICATION}/check")
@members(Role.OWNER)
def check(organisation: str) -> Response:  # noqa: ARG001 - the guard reads it
    """Everything once more, before it is handed in."""
    view = editable()
    named = current_surroundings().projects(claim.project_id for claim in view.claims)
    return page("sell/application_check.html", application=view, projects=named)


@blueprint.post(f"{APPLICATION}/check")
@members(Role.OWNER)
def submit(organisation: str) -> Response:
    """Hand the application in."""
    act(lambda: applying.submit(get_seat().organisation_id, get_me().actor, settings(), now()))
    return redirect(url_for("applying.application", organisation=organisation), 303)


@blueprint.get(f"{APPLICATION}/withdraw")
@members(Role.OWNER)
def ask_to_withdraw(organisation: str) -> Response:  # noqa: ARG001 - the guard reads it
    """Ask once more."""
    view = queries.application_of(get_seat().organisation_id)
    if view is None or not (view.is_editable or view.state == "submitted"):
        abort(404)
    return page("sell/application_withdraw.html", application=view)


@blueprint.post(f"{APPLICATION}/withdraw")
@members(Role.OWNER)
def withdraw(organisation: str) -> Response:
    """Take the application back."""
    act(lambda: applying.withdraw(get_seat().organisation_id, get_me().actor, now()))
    return redirect(url_for("applying.application", organisation=organisation), 303)


def _task_list() -> Response:
    view = queries.application_of(get_seat().organisation_id)
    named = current_surroundings().projects(claim.project_id for claim in view.claims) if view else {}
    is_owner = get_seat().role.covers(Role.OWNER)
    return page("sell/application.html", application=view, parts=list(Part), projects=named, is_owner=is_owner)


def _save(form: FlaskForm, part: Part, organisation: str, values: Callable[[], dict[str, str]]) -> Response:
    first = next(iter(form))
    if form.validate_on_submit() and do(
        lambda: applying.save(get_seat().organisation_id, part, values(), get_me().actor, now()), first
    ):
        return redirect(url_for("applying.application", organisation=organisation), 303)
    return form_page("sell/application_form.html", form, part=part)
