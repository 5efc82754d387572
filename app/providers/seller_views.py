"""Applying to sell, page by page, and what a participant changes afterwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Flask, abort, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import Field

from app.accounts.access import get_me, get_seat, members, public, seats_of_me, signed_in
from app.accounts.roles import Role
from app.accounts.service import organisations
from app.audit.service import on_agreement
from app.current import now, settings
from app.kernel.errors import Refusal
from app.kernel.sealing import unseal_text
from app.providers import queries
from app.providers.certification import certified_text, sentences
from app.providers.errors import FileUnfit, NoSuchThing, UnknownProject, WordingUnfit
from app.providers.forms import (
    CardForm,
    CertificationForm,
    ClaimForm,
    CompanyForm,
    ContactForm,
    DocumentForm,
    OwnerForm,
    PayeeForm,
    StartForm,
)
from app.providers.messages import part_name, sentence
from app.providers.parts import Part
from app.providers.ports import current_surroundings
from app.providers.queries import ApplicationView
from app.providers.service import applying, deciding, selling
from app.providers.uploads import Upload, checked_upload
from app.screening.service import screen_again
from app.web.i18n import current_language
from app.web.security import form_checks_token, takes_up_to

blueprint = Blueprint("applying", __name__, url_prefix="/<lang>/sell")

# A file that is somewhat too large is refused in a sentence at its field, a much larger one by a page.
LARGEST_REQUEST = 15_000_000
_APPLICATION = "/<organisation>/application"
_ID = "<int(max=9223372036854775807):thing_id>"
Work = Callable[[], object]


def init_app(app: Flask) -> None:
    """Register the pages, what carries approvals out, and which names a new sanctions list is compared with."""
    app.register_blueprint(blueprint)
    app.jinja_env.filters["part_name"] = part_name
    app.jinja_env.filters["account_end"] = _account_end
    on_agreement(deciding.APPROVE, deciding.carry_out_approval)
    screen_again(applying.SUBJECT, applying.open_subjects, applying.called)


@blueprint.get("")
@public
def how() -> Response:
    """How to sell, what is needed, and where to begin."""
    return _page("sell/how.html", form=StartForm(formdata=None))


@blueprint.get("/begin")
@signed_in
def start() -> Response:
    """Name the organisation that wants to sell."""
    return _page("sell/start.html", form=StartForm())


@blueprint.post("/begin")
@signed_in
@form_checks_token
def found() -> Response:
    """Make the organisation and its draft, and lead to the task list."""
    form = StartForm()
    if not form.validate_on_submit():
        return _page("sell/start.html", 422, form=form)
    me = get_me()
    code = organisations.found(me.id, form.name.data or "", me.actor, now())
    seat = next(seat for seat in seats_of_me() if seat.code == code)
    applying.begin(seat.organisation_id, current_language(), me.actor, now())
    return redirect(url_for("applying.application", organisation=code), 303)


@blueprint.get(_APPLICATION)
@members(Role.VIEWER)
def application(organisation: str) -> Response:  # noqa: ARG001 - the guard reads it
    """The task list, or where the application stands."""
    return _task_list()


@blueprint.post(_APPLICATION)
@members(Role.OWNER)
def begin(organisation: str) -> Response:
    """Begin an application."""
    applying.begin(get_seat().organisation_id, current_language(), get_me().actor, now())
    return redirect(url_for("applying.application", organisation=organisation), 303)


@blueprint.route(f"{_APPLICATION}/company", methods=["GET", "POST"])
@members(Role.OWNER)
@form_checks_token
def company(organisation: str) -> Response:
    """Legal name, address, country, register number."""
    view = _editable()
    names = ("legal_name", "address", "country", "register_number")
    form = CompanyForm(data={name: getattr(view, name) for name in names})
    return _save(form, Part.COMPANY, organisation, lambda: {name: form[name].data or "" for name in names})


@blueprint.route(f"{_APPLICATION}/contact", methods=["GET", "POST"])
@members(Role.OWNER)
@form_checks_token
def contact(organisation: str) -> Response:
    """Who answers questions."""
    view = _editable()
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


@blueprint.route(f"{_APPLICATION}/owners", methods=["GET", "POST"])
@members(Role.OWNER)
@form_checks_token
def owners(organisation: str) -> Response:
    """The natural persons behind the applicant."""
    view = _editable()
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

        if _do(add, form.name):
            return redirect(url_for("applying.owners", organisation=organisation), 303)
    return _form_page("sell/application_owners.html", form, application=view)


@blueprint.post(f"{_APPLICATION}/owners/{_ID}/remove")
@members(Role.OWNER)
def remove_owner(organisation: str, thing_id: int) -> Response:
    """Take a beneficial owner out again."""
    _act(lambda: applying.remove_owner(get_seat().organisation_id, thing_id, get_me().actor, now()))
    return redirect(url_for("applying.owners", organisation=organisation), 303)


@blueprint.route(f"{_APPLICATION}/payee", methods=["GET", "POST"])
@members(Role.OWNER, strong=True)
@form_checks_token
def payee(organisation: str) -> Response:
    """Where the money goes. The account number is typed anew each time."""
    view = _editable()
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

        if _do(save, form.account):
            return redirect(url_for("applying.application", organisation=organisation), 303)
    return _form_page("sell/application_form.html", form, part=Part.PAYEE, application=view)


@blueprint.route(f"{_APPLICATION}/documents", methods=["GET", "POST"])
@members(Role.OWNER)
@form_checks_token
@takes_up_to(LARGEST_REQUEST)
def documents(organisation: str) -> Response:
    """Identity documents."""
    view = _editable()
    form = DocumentForm()
    if form.validate_on_submit():

        def keep() -> None:
            upload = _upload(form)
            applying.add_identity(get_seat().organisation_id, upload, get_me().actor, settings(), now())

        if _do(keep, form.file):
            return redirect(url_for("applying.documents", organisation=organisation), 303)
    return _form_page("sell/application_documents.html", form, application=view)


@blueprint.post(f"{_APPLICATION}/documents/{_ID}/remove")
@members(Role.OWNER)
def remove_document(organisation: str, thing_id: int) -> Response:
    """Delete an identity document."""
    _act(lambda: applying.remove_identity(get_seat().organisation_id, thing_id, get_me().actor, now()))
    return redirect(url_for("applying.documents", organisation=organisation), 303)


@blueprint.route(f"{_APPLICATION}/projects", methods=["GET", "POST"])
@members(Role.OWNER)
@form_checks_token
@takes_up_to(LARGEST_REQUEST)
def projects(organisation: str) -> Response:
    """The projects that the applicant speaks for, each with evidence; also after the approval."""
    view = queries.application_of(get_seat().organisation_id)
    if view is None or not (view.is_editable or view.state == "approved"):
        abort(404)
    form = ClaimForm()
    if form.validate_on_submit() and _claim(form):
        return redirect(url_for("applying.projects", organisation=organisation), 303)
    named = current_surroundings().projects(claim.project_id for claim in view.claims)
    return _form_page("sell/application_projects.html", form, application=view, projects=named)


@blueprint.post(f"{_APPLICATION}/projects/{_ID}/remove")
@members(Role.OWNER)
def remove_claim(organisation: str, thing_id: int) -> Response:
    """Take a claim back that nobody has decided yet."""
    _act(lambda: applying.drop_claim(get_seat().organisation_id, thing_id, get_me().actor, now()))
    return redirect(url_for("applying.projects", organisation=organisation), 303)


@blueprint.route(f"{_APPLICATION}/certification", methods=["GET", "POST"])
@members(Role.OWNER)
@form_checks_token
def certification(organisation: str) -> Response:
    """The applicant's word for all of it, kept word for word."""
    view = _editable()
    form = CertificationForm()
    if form.validate_on_submit() and _do(
        lambda: applying.certify(get_seat().organisation_id, certified_text(), get_me().actor, now()), form.certified
    ):
        return redirect(url_for("applying.check", organisation=organisation), 303)
    return _form_page("sell/application_certification.html", form, application=view, sentences=sentences())


@blueprint.get(f"{_APPLICATION}/check")
@members(Role.OWNER)
def check(organisation: str) -> Response:  # noqa: ARG001 - the guard reads it
    """Everything once more, before it is handed in."""
    view = _editable()
    named = current_surroundings().projects(claim.project_id for claim in view.claims)
    return _page("sell/application_check.html", application=view, projects=named)


@blueprint.post(f"{_APPLICATION}/check")
@members(Role.OWNER)
def submit(organisation: str) -> Response:
    """Hand the application in."""
    _act(lambda: applying.submit(get_seat().organisation_id, get_me().actor, settings(), now()))
    return redirect(url_for("applying.application", organisation=organisation), 303)


@blueprint.get(f"{_APPLICATION}/withdraw")
@members(Role.OWNER)
def ask_to_withdraw(organisation: str) -> Response:  # noqa: ARG001 - the guard reads it
    """Ask once more."""
    view = queries.application_of(get_seat().organisation_id)
    if view is None or not (view.is_editable or view.state == "submitted"):
        abort(404)
    return _page("sell/application_withdraw.html", application=view)


@blueprint.post(f"{_APPLICATION}/withdraw")
@members(Role.OWNER)
def withdraw(organisation: str) -> Response:
    """Take the application back."""
    _act(lambda: applying.withdraw(get_seat().organisation_id, get_me().actor, now()))
    return redirect(url_for("applying.application", organisation=organisation), 303)


@blueprint.route("/<organisation>/seller", methods=["GET", "POST"])
@members(Role.VIEWER)
@form_checks_token
def seller(organisation: str) -> Response:
    """The public card, the projects and the payee of a participant."""
    provider = queries.find_provider_of(get_seat().organisation_id)
    if provider is None:
        return _page("sell/seller_none.html")
    is_owner = get_seat().role.covers(Role.OWNER)
    form = CardForm(
        data={"website": provider.website, **{f"about_{code}": text for code, text in provider.about.items()}}
    )
    if request.method == "POST" and not is_owner:
        abort(403)
    if form.validate_on_submit() and _change_card(form):
        flash(gettext("The public card is changed."), "info")
        return redirect(url_for("applying.seller", organisation=organisation), 303)
    claims = queries.claims_of(get_seat().organisation_id)
    return _form_page(
        "sell/seller.html",
        form,
        provider=provider,
        is_owner=is_owner,
        claims=claims,
        projects=current_surroundings().projects(claim.project_id for claim in claims),
        payees=queries.payees_of(provider.id) if is_owner and get_me().is_strong else None,
    )


@blueprint.route("/<organisation>/seller/payee", methods=["GET", "POST"])
@members(Role.OWNER, strong=True)
@form_checks_token
def change_payee(organisation: str) -> Response:
    """Ask for another account; an operator has to agree."""
    provider = queries.find_provider_of(get_seat().organisation_id)
    if provider is None:
        abort(404)
    form = PayeeForm(data={"holder": provider.legal_name})
    if form.validate_on_submit():
        selling.request_payee(
            get_seat().organisation_id,
            form.holder.data or "",
            form.bank.data or "",
            form.account.data or "",
            get_me().actor,
            settings(),
            now(),
        )
        flash(gettext("An operator checks the new account. Until then your money goes to the old one."), "info")
        return redirect(url_for("applying.seller", organisation=organisation), 303)
    return _form_page("sell/seller_payee.html", form)


def _task_list() -> Response:
    view = queries.application_of(get_seat().organisation_id)
    named = current_surroundings().projects(claim.project_id for claim in view.claims) if view else {}
    is_owner = get_seat().role.covers(Role.OWNER)
    return _page("sell/application.html", application=view, parts=list(Part), projects=named, is_owner=is_owner)


def _editable() -> ApplicationView:
    view = queries.application_of(get_seat().organisation_id)
    if view is None or not view.is_editable:
        abort(404)
    return view


def _save(form: FlaskForm, part: Part, organisation: str, values: Callable[[], dict[str, str]]) -> Response:
    first = next(iter(form))
    if form.validate_on_submit() and _do(
        lambda: applying.save(get_seat().organisation_id, part, values(), get_me().actor, now()), first
    ):
        return redirect(url_for("applying.application", organisation=organisation), 303)
    return _form_page("sell/application_form.html", form, part=part)


def _claim(form: ClaimForm) -> bool:
    project = current_surroundings().find_project(form.reference.data or "")
    if project is None:
        form.reference.errors = [sentence(UnknownProject())]
        return False

    def claim() -> None:
        upload = _upload(form)
        applying.claim_project(
            get_seat().organisation_id, project.id, project.reference, upload, get_me().actor, settings(), now()
        )

    try:
        claim()
    except FileUnfit as refusal:
        form.file.errors = [sentence(refusal)]
    except Refusal as refusal:
        form.reference.errors = [sentence(refusal)]
    return not form.errors


def _upload(form: DocumentForm) -> Upload:
    """The file of a form. Raises FileUnfit."""
    with form.file.data.stream as stream:
        return checked_upload(form.file.data.filename or "", stream.read())


def _change_card(form: CardForm) -> bool:
    try:
        selling.change_card(
            get_seat().organisation_id,
            form.website.data or "",
            form.about(),
            current_surroundings().first_claim,
            get_me().actor,
            now(),
        )
    except WordingUnfit as refusal:
        form[f"about_{refusal.facts['language']}"].errors = [sentence(refusal)]
        return False
    return True


def _do(work: Work, field: Field) -> bool:
    """Do something that may be refused; the refusal stands at a field then."""
    try:
        work()
    except NoSuchThing:
        abort(404)
    except Refusal as refusal:
        field.errors = [sentence(refusal)]
        return False
    return True


def _act(work: Work) -> None:
    """Do something that a button asks for; a refusal is told on the next page."""
    try:
        work()
    except NoSuchThing:
        abort(404)
    except Refusal as refusal:
        flash(sentence(refusal), "stop")


def _form_page(template: str, form: FlaskForm, **values: Any) -> Response:
    return _page(template, 422 if form.is_submitted() else 200, form=form, **values)


def _page(template: str, status: int = 200, **values: Any) -> Response:
    return make_response(render_template(template, **values), status)


def _account_end(sealed: str) -> str:
    """The last four characters of a sealed account number."""
    return unseal_text(sealed, settings().secret_key)[-4:]
