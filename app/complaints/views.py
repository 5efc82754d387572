"""Complaining, following one's complaint, and what everybody may know of all complaints."""

from __future__ import annotations

import csv
import io

from flask import Blueprint, Flask, abort, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app import jobs
from app.complaints import service
from app.complaints.errors import NoSuchComplaint
from app.complaints.forms import ComplaintForm
from app.complaints.queries import YearCounts, find_by_token, yearly_counts
from app.current import now, settings
from app.kernel.references import printed_reference
from app.web.demonstration import statement
from app.web.i18n import current_language
from app.web.limits import limit_complaint
from app.web.security import form_checks_token

blueprint = Blueprint("complaints", __name__, url_prefix="/<lang>")

COLUMNS = ("received", "answered_in_time", "answered_late", "withdrawn", "open", "upheld", "rejected")


def init_app(app: Flask) -> None:
    """Register the pages. The form is at `content.complaint`."""
    app.register_blueprint(blueprint)


@form_checks_token
@limit_complaint
def start() -> Response:
    """Take a complaint in, and lead to its page."""
    form = ComplaintForm(about=printed_reference(request.args.get("about", "")) or "")
    if form.validate_on_submit():
        token = service.receive(
            once=form.once.data or "",
            email=form.email.data or "",
            about=form.about.data or "",
            problem=form.problem.data or "",
            wish=form.wish.data or "",
            locale=current_language(),
            settings=settings(),
            now=now(),
        )
        jobs.wake()
        return redirect(url_for("complaints.show", token=token), 303)
    status = 422 if form.is_submitted() else 200
    page = render_template("complaints/form.html", form=form, days=settings().complaint_days)
    return make_response(page, status)


@blueprint.get("/complaint/<token>")
def show(token: str) -> Response:
    """Where a complaint stands: its number, its deadline, what was written, and the answer."""
    view = find_by_token(token, now().date())
    if view is None:
        abort(404)
    # `facts` tells the layout whether this belongs to a demonstration, whatever the shop is by now.
    return make_response(render_template("complaints/show.html", complaint=view, facts=view))


@blueprint.get("/complaint/<token>/withdraw")
def ask_to_withdraw(token: str) -> Response:
    """Ask once more: what is taken back is not answered. A closed complaint has nothing to take back."""
    view = find_by_token(token, now().date())
    if view is None:
        abort(404)
    if not view.is_open:
        return redirect(url_for("complaints.show", token=token), 303)
    return make_response(render_template("complaints/withdraw.html", complaint=view, facts=view))


@blueprint.post("/complaint/<token>/withdraw")
def withdraw(token: str) -> Response:
    """Take a complaint back. One that was closed meanwhile stays as it is, and its page says so."""
    try:
        service.withdraw(token, now())
    except NoSuchComplaint:
        abort(404)
    return redirect(url_for("complaints.show", token=token), 303)


@blueprint.get("/complaints")
def counts() -> Response:
    """How many complaints there were in each year, and what became of them."""
    return make_response(render_template("complaints/counts.html", years=_counts()))


@blueprint.get("/complaints.csv")
def counts_csv() -> Response:
    """The same numbers for programs; every row of a demonstration says that it is one."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(("year", *COLUMNS, "demonstration"))
    remark = statement() if settings().is_demonstration else ""
    for year in _counts():
        writer.writerow((year.year, *(getattr(year, column) for column in COLUMNS), remark))
    response = make_response(file.getvalue())
    response.headers["Content-Type"] = "text/csv; charset=utf-8"
    response.headers["Content-Disposition"] = 'attachment; filename="complaints.csv"'
    return response


def _counts() -> list[YearCounts]:
    return list(yearly_counts(is_demonstration=settings().is_demonstration, this_year=now().year))
