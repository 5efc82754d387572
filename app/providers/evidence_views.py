"""Files of an applicant: who its people are, and that it may speak for projects."""

from __future__ import annotations

from flask import abort, redirect, url_for
from werkzeug.wrappers import Response

from app.accounts.access import get_me, get_seat, members
from app.accounts.roles import Role
from app.current import now, settings
from app.kernel.errors import Refusal
from app.providers import queries
from app.providers.blueprint import APPLICATION, ID, act, blueprint, do, editable, form_page
from app.providers.errors import FileUnfit, UnknownProject
from app.providers.forms import ClaimForm, DocumentForm
from app.providers.messages import sentence
from app.providers.ports import current_scanner, current_surroundings
from app.providers.service import applying
from app.providers.uploads import Upload, checked_upload, harmless
from app.web.security import form_checks_token, takes_up_to

# A file that is somewhat too large is refused in a sentence at its field, a much larger one by a page.
LARGEST_REQUEST = 15_000_000


@blueprint.route(f"{APPLICATION}/documents", methods=["GET", "POST"])
@members(Role.OWNER)
@form_checks_token
@takes_up_to(LARGEST_REQUEST)
def documents(organisation: str) -> Response:
    """Identity documents."""
    view = editable()
    form = DocumentForm()
    if form.validate_on_submit():

        def keep() -> None:
            upload = _upload(form)
            applying.add_identity(get_seat().organisation_id, upload, get_me().actor, settings(), now())

        if do(keep, form.file):
            return redirect(url_for("applying.documents", organisation=organisation), 303)
    return form_page("sell/application_documents.html", form, application=view)


@blueprint.post(f"{APPLICATION}/documents/{ID}/remove")
@members(Role.OWNER)
def remove_document(organisation: str, thing_id: int) -> Response:
    """Delete an identity document."""
    act(lambda: applying.remove_identity(get_seat().organisation_id, thing_id, get_me().actor, now()))
    return redirect(url_for("applying.documents", organisation=organisation), 303)


@blueprint.route(f"{APPLICATION}/projects", methods=["GET", "POST"])
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
    return form_page("sell/application_projects.html", form, application=view, projects=named)


@blueprint.post(f"{APPLICATION}/projects/{ID}/remove")
@members(Role.OWNER)
def remove_claim(organisation: str, thing_id: int) -> Response:
    """Take a claim back that nobody has decided yet."""
    act(lambda: applying.drop_claim(get_seat().organisation_id, thing_id, get_me().actor, now()))
    return redirect(url_for("applying.projects", organisation=organisation), 303)


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
        return harmless(checked_upload(form.file.data.filename or "", stream.read()), current_scanner())
