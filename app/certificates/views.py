"""Checking a certificate: by number what is public, by number and code everything."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from flask import Blueprint, Flask, abort, make_response, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from app.certificates import presentation
from app.certificates.facts import to_plain
from app.certificates.forms import FileForm, VerifyForm
from app.certificates.queries import CertificateView, find_certificate, find_issued_file
from app.certificates.responses import attestation_response, document_response
from app.kernel.references import certificate_slug, normalised_code, number_from_slug
from app.registry.batch.queries import attestations_of
from app.web.demonstration import statement
from app.web.i18n import negotiated_language, shows_page, vary_by_reader
from app.web.limits import limit_verify, when_limited
from app.web.security import form_checks_token

blueprint = Blueprint("certificates", __name__, url_prefix="/<lang>")
unprefixed = Blueprint("certificate_links", __name__)


@unprefixed.get("/verify/<slug>")
def follow(slug: str) -> Response:
    """The address printed on certificates: it leads to the page in the reader's language."""
    target = url_for("certificates.show", lang=negotiated_language(), slug=slug, **_code_argument())
    return vary_by_reader(redirect(target, 302))


def _form_when_limited(try_again: str, slug: str | None = None) -> Response:
    asked = {} if slug is None else {"number": number_from_slug(slug), "code": request.args.get("code", "")}
    form = VerifyForm(data=asked)
    notice = gettext(
        "Many certificates were looked up from your address in a short time. What you typed is still here. "
        "%(try_again)s",
        try_again=try_again,
    )
    return _form_page(form, 429, notice)


def _form_page(form: VerifyForm, status: int, notice: str | None = None, file_form: FileForm | None = None) -> Response:
    given = FileForm(formdata=None, prefix="file-") if file_form is None else file_form
    page = render_template("certificates/verify.html", form=form, file_form=given, notice=notice)
    return make_response(page, status)


@blueprint.route("/verify", methods=["GET", "POST"])
@when_limited(_form_when_limited)
@form_checks_token
@limit_verify
def verify() -> Response:
    """Ask for a number and a code."""
    form = VerifyForm()
    if form.validate_on_submit():
        number = number_from_slug((form.number.data or "").replace(" ", ""))
        code = normalised_code(form.code.data or "")
        values: dict[str, Any] = {"code": code} if code else {}
        return redirect(url_for("certificates.show", slug=certificate_slug(number), **values), 303)
    return _form_page(form, 422 if form.is_submitted() else 200)


@blueprint.post("/verify/file")
@when_limited(_form_when_limited)
@form_checks_token
@limit_verify
def check_file() -> Response:
    """Tell whether a file is byte for byte one that was drawn here. Nothing in it is read, and nothing is kept."""
    shows_page("certificates.verify")
    form, file_form = VerifyForm(formdata=None), FileForm(prefix="file-")
    if not file_form.validate_on_submit():
        return _form_page(form, 422, file_form=file_form)
    sha256 = hashlib.file_digest(file_form.file.data.stream, "sha256").hexdigest()
    found = find_issued_file(sha256)
    if found is None:
        file_form.file.errors = (
            gettext(
                "This file is not one that we issued, or it was changed since: a scan, and a copy that another program "
                "saved, have other bytes. Type its number and code instead, and compare what you see."
            ),
        )
        return _form_page(form, 422, file_form=file_form)
    if found.code is None:
        notice = gettext(
            "This file is, byte for byte, the summary of order %(reference)s as we issued it. "
            "Check the certificates that it names one by one.",
            reference=found.subject,
        )
        return _form_page(form, 200, notice)
    slug = certificate_slug(found.subject)
    return redirect(url_for("certificates.show", slug=slug, code=found.code, file=sha256), 303)


@blueprint.get("/verify/<slug>")
@when_limited(_form_when_limited)
@limit_verify
def show(slug: str) -> Response:
    """What the certificate states, and whether it stands."""
    view = find_certificate(number_from_slug(slug), request.args.get("code", ""))
    if view is None:
        form = VerifyForm(formdata=None, data={"number": number_from_slug(slug)})
        form.number.errors = (
            gettext("There is no certificate with this number. Check it and try again: it looks like TN12/2026."),
        )
        return _form_page(form, 404)
    page = render_template(
        "certificates/show.html",
        facts=view.facts,
        is_full=view.is_full,
        wrong_code=view.wrong_code,
        file_sha256=_file_argument(view),
        state=view.state,
        superseded_by=None,
        attestations=attestations_of([part.reference for part in view.facts.transactions]) if view.is_full else (),
    )
    return make_response(page)


@blueprint.get("/verify/<slug>.pdf")
@limit_verify
def pdf(slug: str) -> Response:
    """The certificate as PDF in the language of the page; only with its code."""
    view = _opened(slug)
    number = view.facts.number
    return document_response(
        order_id=view.order_id,
        subject=number,
        content=view.stored_facts,
        filename=f"{certificate_slug(number)}.pdf",
    )


@blueprint.get("/verify/<slug>/attestations/<sha256>.pdf")
@limit_verify
def attestation(slug: str, sha256: str) -> Response:
    """The registry's own attestation of what the certificate is about; only with the certificate's code."""
    view = _opened(slug)
    return attestation_response([part.reference for part in view.facts.transactions], sha256)


@blueprint.get("/verify/<slug>.json")
@limit_verify
def data(slug: str) -> Response:
    """The facts as JSON: the public part by number, everything by number and code."""
    view = find_certificate(number_from_slug(slug), request.args.get("code", ""))
    if view is None:
        abort(404)
    body = {
        "certificate": {name: value for name, value in to_plain(view.facts).items() if name not in view.withheld},
        "state": view.state.value,
        "complete": view.is_full,
        "demonstration": statement() if view.facts.is_demonstration else None,
    }
    response = make_response(json.dumps(body, ensure_ascii=False, indent=2, sort_keys=True))
    response.headers["Content-Type"] = "application/json; charset=utf-8"
    response.headers["Content-Disposition"] = f'attachment; filename="{certificate_slug(view.facts.number)}.json"'
    return response


def init_app(app: Flask) -> None:
    """Register the pages."""
    app.register_blueprint(blueprint)
    app.register_blueprint(unprefixed)
    presentation.init_app(app)


def _opened(slug: str) -> CertificateView:
    view = find_certificate(number_from_slug(slug), request.args.get("code", ""))
    if view is None or not view.is_full:
        abort(404)
    return view


def _file_argument(view: CertificateView) -> str | None:
    """The hash in the address, if a file of this certificate has it."""
    sha256 = request.args.get("file", "")
    found = find_issued_file(sha256) if view.is_full and sha256 else None
    return sha256 if found is not None and found.subject == view.facts.number else None


def _code_argument() -> dict[str, Any]:
    code = request.args.get("code", "")
    return {"code": code} if code else {}
