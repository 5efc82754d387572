"""Cancelling own units in the participant's room: list, form, check, and the page of one."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, Flask, abort, make_response, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from app import jobs
from app.accounts.access import get_me, get_seat, members
from app.accounts.roles import Role
from app.catalog.models import Issuance
from app.certificates.facts import from_json, to_plain
from app.certificates.responses import document_response
from app.checkout.facts import Subject
from app.current import now, settings
from app.db import db
from app.direct import consent, facts, service, staff_views
from app.direct.forms import DirectForm
from app.direct.queries import DirectView, find_direct, own_cancellations, promised_units
from app.direct.service import Wish
from app.kernel.errors import Refusal
from app.offers.pools import other_promises
from app.providers.models import Provider
from app.providers.queries import find_provider_of
from app.registry.ports import current_registries
from app.screening.service import screen_again
from app.selling.holdings import holdings_of
from app.web.demonstration import statement
from app.web.i18n import current_language
from app.web.security import form_checks_token

blueprint = Blueprint("direct", __name__, url_prefix="/<lang>/sell/<organisation>/cancellations")

REFRESH_SECONDS = 5
_CHECK, _PLACE = "check", "place"


def init_app(app: Flask) -> None:
    """Register the pages, the units that direct cancellations promise, and the names that are to be screened."""
    app.register_blueprint(blueprint)
    app.register_blueprint(staff_views.blueprint)
    other_promises("direct_cancellations", promised_units)
    screen_again(service.KIND, service.open_subjects, service.get_reference)


@blueprint.get("")
@members(Role.VIEWER)
def cancellations(organisation: str) -> str:  # noqa: ARG001 - the guard has read it
    """Own direct cancellations, newest first."""
    provider = find_provider_of(get_seat().organisation_id)
    lines = own_cancellations(provider.id) if provider else []
    can_cancel = provider is not None and get_seat().role.covers(Role.SELLER)
    return render_template("sell/direct.html", lines=lines, provider=provider, can_cancel=can_cancel)


@blueprint.route("/new", methods=["GET", "POST"])
@form_checks_token
@members(Role.SELLER)
def new(organisation: str) -> Response | str | tuple[str, int]:  # noqa: ARG001 - the guard has read it
    """Say what to cancel; see the very certificate; confirm that it cannot be undone. Each is a press of its own."""
    provider = _provider()
    accounts, holdings = holdings_of(provider, current_registries().holdings)
    form = DirectForm(holdings, data=_chosen())
    if not form.holdings:
        return render_template("sell/direct_form.html", form=None, accounts=accounts)
    step = request.form.get("step", "")
    if request.method == "GET" or step not in {_CHECK, _PLACE}:
        return render_template("sell/direct_form.html", form=form)
    wish = form.read()
    if wish is None:
        return render_template("sell/direct_form.html", form=form), 422
    if step == _CHECK:
        return _check_page(form, wish, provider)
    if not form.consent.data:
        form.consent.errors = [gettext("Tick the box to confirm. Without it nothing is cancelled.")]
        return _check_page(form, wish, provider), 422
    return _place(form, wish, provider)


def _place(form: DirectForm, wish: Wish, provider: Provider) -> Response | tuple[str, int]:
    try:
        direct_id = service.place(
            provider.id,
            wish,
            once=form.once.data or "",
            consent_version=consent.VERSION,
            consent_text=consent.text(),
            locale=current_language(),
            is_demonstration=settings().is_demonstration,
            actor=get_me().actor,
            holdings=current_registries().holdings,
            now=now(),
        )
    except Refusal as refusal:
        form.place_refusal(refusal)
        return render_template("sell/direct_form.html", form=form), 422
    jobs.wake()
    reference = service.get_reference(direct_id)
    return redirect(url_for("direct.cancellation", organisation=get_seat().code, reference=reference), 303)


def _check_page(form: DirectForm, wish: Wish, provider: Provider) -> str:
    preview = facts.preview(
        provider,
        db.session.get_one(Issuance, wish.issuance_id),
        wish.units,
        Subject(
            name=provider.legal_name if wish.is_for_itself else wish.name,
            purpose=wish.purpose,
            intent=wish.intent,
            country=wish.country,
            purpose_category=wish.purpose_category,
            scheme_name=wish.scheme_name,
        ),
        settings(),
        current_registries().of_account(wish.account),
        now(),
    )
    return render_template(
        "sell/direct_check.html", form=form, facts=preview, wish=wish, points=consent.points(), typed=_typed()
    )


def _typed() -> list[tuple[str, str]]:
    """What was typed, to be carried to the next press."""
    dropped = {"step", "consent", "csrf_token"}
    return [(name, value) for name, value in request.form.items(multi=True) if name not in dropped]


def _chosen() -> dict[str, Any] | None:
    """The units that a link names."""
    account, issuance = request.args.get("account", ""), request.args.get("issuance", "")
    return {"pool": f"{account}|{issuance}"} if account and request.method == "GET" else None


@blueprint.get("/<reference>")
@members(Role.VIEWER)
def cancellation(organisation: str, reference: str) -> Response:  # noqa: ARG001 - the guard has read it
    """Where a direct cancellation stands: the line of proof, the certificate, what was asked for."""
    return _page("sell/direct_cancellation.html", reference)


@blueprint.get("/<reference>/progress")
@members(Role.VIEWER)
def progress(organisation: str, reference: str) -> Response:  # noqa: ARG001 - the guard has read it
    """The part of the page that changes, for the script that refreshes it."""
    return _page("sell/_direct_progress.html", reference)


@blueprint.get("/<reference>/certificate.pdf")
@members(Role.VIEWER)
def pdf(organisation: str, reference: str) -> Response:  # noqa: ARG001 - the guard has read it
    """The certificate as PDF in the language of the page."""
    found = _direct(reference).certificate
    if found is None:
        abort(404)
    return document_response(
        order_id=None, subject=found.number, content=found.facts, filename=f"{found.number.replace('/', '-')}.pdf"
    )


@blueprint.get("/<reference>/data.json")
@members(Role.VIEWER)
def data(organisation: str, reference: str) -> Response:  # noqa: ARG001 - the guard has read it
    """What was asked for and what became of it, as one JSON file."""
    view = _direct(reference)
    body = {
        "cancellation": view.line.reference,
        "state": view.line.state.value,
        "demonstration": statement() if view.is_demonstration else None,
        "units": view.line.units,
        "unit_type": view.line.unit_type,
        "project": view.line.project_reference,
        "account": view.account,
        "consent": {"version": view.consent_version, "text": view.consent_text},
        "certificate": to_plain(from_json(view.certificate.facts)) if view.certificate else None,
    }
    response = make_response(json.dumps(body, ensure_ascii=False, indent=2, sort_keys=True))
    response.headers["Content-Type"] = "application/json; charset=utf-8"
    response.headers["Content-Disposition"] = f'attachment; filename="{view.line.reference}.json"'
    return response


def _page(template: str, reference: str) -> Response:
    view = _direct(reference)
    refresh = None if view.is_final else REFRESH_SECONDS
    response = make_response(render_template(template, direct=view, refresh_seconds=refresh))
    response.headers["X-Order-Final"] = "yes" if view.is_final else "no"
    return response


def _direct(reference: str) -> DirectView:
    found = find_direct(reference, _provider().id)
    if found is None:
        abort(404)
    return found


def _provider() -> Provider:
    provider = find_provider_of(get_seat().organisation_id)
    if provider is None:
        abort(404)
    return provider
