"""A participant's offers as files: take them away, bring them back changed, and see what that would do first."""

from __future__ import annotations

from flask import Flask, flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.accounts.access import get_me, get_seat
from app.accounts.roles import Role
from app.current import now, settings
from app.kernel import csvtable
from app.kernel.csvtable import ImportRefused, RowError
from app.registry.ports import current_registries
from app.selling import offer_file, words
from app.selling.errors import OfferChangedMeanwhile
from app.selling.forms import UploadForm
from app.selling.importer import apply_file, plan_file
from app.selling.queries import every_offer
from app.selling.views import blueprint, for_members, own_provider
from app.web.import_errors import report_line
from app.web.security import form_checks_token, takes_up_to

# The file, and what a form adds around it.
MAXIMUM_BYTES = csvtable.MAXIMUM_BYTES + 100_000
MOST_PROBLEMS = 500  # on one page


def init_app(app: Flask) -> None:
    """Register the room of a seller's offers, with the files that this module adds to it."""
    app.register_blueprint(blueprint)


@blueprint.get("/offers.csv")
@for_members(Role.VIEWER)
def export() -> Response:
    """All own offers; the file can be imported again."""
    provider = own_provider()
    return _file(offer_file.write_offers(every_offer(provider.id)), f"{provider.code}-offers.csv")


@blueprint.get("/template.csv")
@for_members(Role.VIEWER)
def template() -> Response:
    """The header of the file with one row as an example."""
    return _file(offer_file.template(), "offers-template.csv")


@blueprint.route("/import", methods=["GET", "POST"])
@form_checks_token
@takes_up_to(MAXIMUM_BYTES)
@for_members(Role.SELLER)
def import_offers() -> str | tuple[str, int]:
    """Read a file and show what it would do, or everything that is wrong with it. Nothing is applied."""
    own_provider()
    form = UploadForm()
    if not form.validate_on_submit():
        return _upload_page(form, [])
    upload = request.files.get(form.file.name)
    if upload is None or not upload.filename:
        form.file.errors = [*form.file.errors, words.no_file()]
        return _upload_page(form, [])
    try:
        csv_text = csvtable.decode(upload.stream.read())
        upload.close()
    except ImportRefused as refused:
        return _upload_page(form, list(refused.errors))
    return _preview(form, csv_text)


@blueprint.post("/import/apply")
@takes_up_to(MAXIMUM_BYTES)
@for_members(Role.SELLER)
def apply_import() -> Response | str | tuple[str, int]:
    """Do what the preview showed; what has changed meanwhile is shown again instead."""
    csv_text = request.form.get("csv", "")
    form = UploadForm(formdata=None)
    try:
        report = apply_file(
            csv_text,
            request.form.get("seen", ""),
            own_provider().id,
            get_me().actor,
            current_registries().holdings,
            now(),
            settings().currency,
        )
    except (ImportRefused, OfferChangedMeanwhile):
        return _preview(form, csv_text, is_overtaken=True)
    flash(report_line(report), "info")
    return redirect(url_for("selling.offers", organisation=get_seat().code), 303)


def _preview(form: UploadForm, csv_text: str, *, is_overtaken: bool = False) -> str | tuple[str, int]:
    try:
        plan = plan_file(csv_text, own_provider(), current_registries().holdings, now(), settings().currency)
    except ImportRefused as refused:
        return _upload_page(form, list(refused.errors))
    page = render_template(
        "sell/offers_preview.html",
        plan=plan,
        csv_text=csv_text,
        is_overtaken=is_overtaken,
        currency=settings().currency,
    )
    return (page, 409) if is_overtaken else page


def _upload_page(form: UploadForm, problems: list[RowError]) -> str | tuple[str, int]:
    page = render_template(
        "sell/offers_import.html",
        form=form,
        problems=[words.of_row(problem) for problem in problems[:MOST_PROBLEMS]],
        count=len(problems),
        columns=offer_file.COLUMNS,
    )
    return (page, 422) if request.method == "POST" else page


def _file(text: str, name: str) -> Response:
    response = make_response(text)
    response.headers["Content-Type"] = "text/csv; charset=utf-8"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
