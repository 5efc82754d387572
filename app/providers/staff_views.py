"""The desk for applications, participants, claims for projects and payees."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from flask import Blueprint, abort, flash, make_response, redirect, render_template, send_file, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from app.accounts.access import get_me, operators_only
from app.current import now, settings
from app.kernel.errors import Refusal
from app.providers import queries
from app.providers.errors import NoSuchThing
from app.providers.forms import ApprovalForm, ReasonForm, RenameForm
from app.providers.messages import sentence
from app.providers.ports import current_surroundings
from app.providers.service import deciding, renaming, selling, standing
from app.providers.states import AuthorityState
from app.screening.queries import matches_of
from app.screening.service import standing as screening_standing
from app.web.security import form_checks_token

blueprint = Blueprint("desk_sellers", __name__, url_prefix="/<lang>/desk")

_ID = "<int(max=9223372036854775807):thing_id>"


@blueprint.get("/applications")
@operators_only
def applications() -> Response:
    """Applications, claims and payees that wait, the oldest first."""
    claims = queries.claimed_since_approval()
    return _page(
        "desk/seller_applications.html",
        waiting_rows=queries.waiting_applications(),
        decided=queries.decided_applications(),
        claims=claims,
        claimants=queries.organisation_names(claim.organisation_id for claim in claims),
        projects=current_surroundings().projects(claim.project_id for claim in claims),
        payees=queries.requested_payees(),
    )


@blueprint.get(f"/applications/{_ID}")
@operators_only
def application(thing_id: int) -> Response:
    """One application whole, with where its names stand and every document."""
    view = queries.find_application(thing_id)
    if view is None:
        abort(404)
    return _page(
        "desk/seller_application.html",
        application=view,
        standing=screening_standing("application", thing_id),
        matches=matches_of("application", thing_id),
        projects=current_surroundings().projects(claim.project_id for claim in view.claims),
    )


@blueprint.route(f"/applications/{_ID}/approve", methods=["GET", "POST"])
@operators_only
@form_checks_token
def approve(thing_id: int) -> Response:
    """Propose the approval; a second operator carries it out."""
    form = ApprovalForm()

    def work() -> None:
        deciding.propose_approval(
            thing_id, form.code.data or "", get_me().actor, reason=form.reason.data or "", now=now()
        )

    done = gettext("The approval waits for the signature of a second operator.")
    return _decide("approve", form, _application(thing_id), work, "desk_sellers.application", done, thing_id)


@blueprint.route(f"/applications/{_ID}/return", methods=["GET", "POST"])
@operators_only
@form_checks_token
def give_back(thing_id: int) -> Response:
    """Ask the applicant for more."""
    form = ReasonForm()

    def work() -> None:
        deciding.give_back(thing_id, get_me().actor, reason=form.reason.data or "", settings=settings(), now=now())

    done = gettext("The application is with the applicant again.")
    return _decide("return", form, _application(thing_id), work, "desk_sellers.application", done, thing_id)


@blueprint.route(f"/applications/{_ID}/refuse", methods=["GET", "POST"])
@operators_only
@form_checks_token
def refuse(thing_id: int) -> Response:
    """Refuse an application for good."""
    form = ReasonForm()

    def work() -> None:
        deciding.refuse(thing_id, get_me().actor, reason=form.reason.data or "", settings=settings(), now=now())

    done = gettext("The application is refused.")
    return _decide("refuse", form, _application(thing_id), work, "desk_sellers.application", done, thing_id)


@blueprint.get(f"/documents/{_ID}")
@operators_only
def document(thing_id: int) -> Response:
    """A document as a file; the look is written down."""
    try:
        evidence, content = deciding.look_at(thing_id, get_me().actor, settings(), now())
    except NoSuchThing:
        abort(404)
    return send_file(
        io.BytesIO(content), mimetype=evidence.media_type, as_attachment=True, download_name=evidence.file_name
    )


@blueprint.route(f"/authorities/{_ID}/accept", methods=["GET", "POST"])
@operators_only
@form_checks_token
def accept_authority(thing_id: int) -> Response:
    """Accept a claim for a project."""
    return _authority("accept", thing_id, AuthorityState.APPROVED)


@blueprint.route(f"/authorities/{_ID}/refuse", methods=["GET", "POST"])
@operators_only
@form_checks_token
def refuse_authority(thing_id: int) -> Response:
    """Refuse a claim, or take an accepted one away."""
    return _authority("refuse_claim", thing_id, AuthorityState.REFUSED)


@blueprint.get("/sellers")
@operators_only
def sellers() -> Response:
    """Every participant and where it stands."""
    return _page("desk/sellers.html", providers=queries.all_providers())


@blueprint.route(f"/sellers/{_ID}/rename", methods=["GET", "POST"])
@operators_only
@form_checks_token
def rename(thing_id: int) -> Response:
    """Propose another name or country; a second operator carries it out."""
    provider = queries.find_provider(thing_id)
    if provider is None:
        abort(404)
    form = RenameForm(data={"legal_name": provider.legal_name, "country": provider.country})

    def work() -> None:
        renaming.propose_renaming(
            thing_id,
            form.legal_name.data or "",
            form.country.data or "",
            get_me().actor,
            reason=form.reason.data or "",
            now=now(),
        )

    done = gettext("The new name waits for the signature of a second operator.")
    return _decide("rename", form, provider.legal_name, work, "desk_sellers.sellers", done)


@blueprint.route(f"/sellers/{_ID}/suspend", methods=["GET", "POST"])
@operators_only
@form_checks_token
def suspend(thing_id: int) -> Response:
    """Stop a participant from selling."""
    form = ReasonForm()

    def work() -> None:
        standing.suspend(thing_id, get_me().actor, reason=form.reason.data or "", settings=settings(), now=now())

    done = gettext("The participant is suspended.")
    return _decide("suspend", form, _provider(thing_id), work, "desk_sellers.sellers", done)


@blueprint.route(f"/sellers/{_ID}/reinstate", methods=["GET", "POST"])
@operators_only
@form_checks_token
def reinstate(thing_id: int) -> Response:
    """Let a participant sell again."""
    form = ReasonForm()

    def work() -> None:
        standing.reinstate(thing_id, get_me().actor, reason=form.reason.data or "", settings=settings(), now=now())

    done = gettext("The participant may sell again.")
    return _decide("reinstate", form, _provider(thing_id), work, "desk_sellers.sellers", done)


@blueprint.route(f"/payees/{_ID}/accept", methods=["GET", "POST"])
@operators_only
@form_checks_token
def accept_payee(thing_id: int) -> Response:
    """Agree to another account."""
    return _payee("accept_payee", thing_id, accept=True)


@blueprint.route(f"/payees/{_ID}/refuse", methods=["GET", "POST"])
@operators_only
@form_checks_token
def refuse_payee(thing_id: int) -> Response:
    """Leave the account as it is."""
    return _payee("refuse_payee", thing_id, accept=False)


@blueprint.get(f"/payees/{_ID}")
@operators_only
def payee(thing_id: int) -> Response:
    """The whole account number of a payee; the look is written down."""
    view = queries.find_payee(thing_id)
    if view is None:
        abort(404)
    account = selling.look_at_payee(thing_id, get_me().actor, settings(), now())
    return _page(
        "desk/seller_payee.html", payee=view, account=account, provider=queries.find_provider(view.provider_id)
    )


def _authority(what: str, thing_id: int, to: AuthorityState) -> Response:
    claim = queries.find_claim(thing_id)
    if claim is None:
        abort(404)
    form = ReasonForm()
    project = current_surroundings().projects([claim.project_id])[claim.project_id]
    named = queries.organisation_names([claim.organisation_id])[claim.organisation_id]
    view = queries.application_of(claim.organisation_id)

    def work() -> None:
        deciding.decide_authority(thing_id, to, get_me().actor, reason=form.reason.data or "", now=now())

    endpoint = "desk_sellers.application" if view else "desk_sellers.applications"
    done = gettext("The decision about %(project)s is kept.", project=project.reference)
    return _decide(what, form, f"{named}, {project.reference}", work, endpoint, done, view.id if view else None)


def _payee(what: str, thing_id: int, *, accept: bool) -> Response:
    view = queries.find_payee(thing_id)
    if view is None:
        abort(404)
    form = ReasonForm()

    def work() -> None:
        selling.decide_payee(
            thing_id,
            accept=accept,
            actor=get_me().actor,
            reason=form.reason.data or "",
            settings=settings(),
            now=now(),
        )

    done = gettext("The new account is in force.") if accept else gettext("The account stays as it was.")
    return _decide(what, form, _provider(view.provider_id), work, "desk_sellers.applications", done)


def _decide(
    what: str,
    form: ReasonForm,
    name: str,
    work: Callable[[], None],
    endpoint: str,
    done: str,
    thing_id: int | None = None,
) -> Response:
    """Ask for the reason on a page of its own, do it, and lead back."""
    back = url_for(endpoint, thing_id=thing_id) if thing_id is not None else url_for(endpoint)
    if form.validate_on_submit():
        try:
            work()
        except NoSuchThing:
            abort(404)
        except Refusal as refusal:
            field = form.code if refusal.code == "code_taken" and isinstance(form, ApprovalForm) else form.reason
            field.errors = [sentence(refusal)]
        else:
            flash(done, "info")
            return redirect(back, 303)
    status = 422 if form.is_submitted() else 200
    return _page("desk/seller_decision.html", status, what=what, form=form, name=name, back=back)


def _application(application_id: int) -> str:
    view = queries.find_application(application_id)
    if view is None:
        abort(404)
    return view.legal_name


def _provider(provider_id: int) -> str:
    provider = queries.find_provider(provider_id)
    if provider is None:
        abort(404)
    return provider.legal_name


def _page(template: str, status: int = 200, **values: Any) -> Response:
    return make_response(render_template(template, **values), status)
