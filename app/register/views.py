"""The public register of cancellations: a list with a search, a page for each, and the same as files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache

from flask import Blueprint, Flask, Response, abort, redirect, render_template, request, stream_with_context, url_for
from werkzeug.wrappers import Response as BaseResponse

from app.catalog import labels
from app.certificates.facts import encode
from app.current import now, settings
from app.kernel.references import number_from_slug
from app.kernel.text import fold
from app.register import files
from app.register.forms import INTENTS, TEXT_LENGTH, read_cursor, read_selection
from app.register.queries import PAGE, choices, every_row, find_row, register_page
from app.web import filters
from app.web.demonstration import statement
from app.web.limits import limit_files
from app.web.shared_pages import may_be_shared

blueprint = Blueprint("register", __name__, url_prefix="/<lang>")


def init_app(app: Flask) -> None:
    """Register the pages."""
    app.register_blueprint(blueprint)


@blueprint.get("/register")
def cancellations() -> str:
    """What was cancelled, newest first, as far as the reader narrows it."""
    selection = read_selection(request.args)
    page = register_page(
        selection,
        after=read_cursor(request.args.get("after", "")),
        before=read_cursor(request.args.get("before", "")),
        size=PAGE,
    )
    offered = choices()
    may_be_shared()
    return render_template(
        "register/cancellations.html",
        page=page,
        selection=selection,
        arguments=selection.arguments(),
        text_length=TEXT_LENGTH,
        years=[(year, str(year)) for year in offered.years],
        hosts=_named(offered.hosts, filters.country),
        project_types=_named(offered.project_types, labels.project_type),
        intents=_named(INTENTS, labels.intent),
        # Many rows say the same: each word and number is made once for a page.
        day=cache(filters.date_long),
        places=cache(filters.countries),
        kind=cache(labels.project_type),
        count=cache(filters.number),
    )


@blueprint.get("/register/<slug>")
def cancellation(slug: str) -> BaseResponse | str:
    """One cancellation. A number that is written in another way is sent to the one address."""
    row = find_row(number_from_slug(slug))
    if row is None:
        abort(404)
    if slug != row.slug:
        return redirect(url_for("register.cancellation", slug=row.slug), 301)
    return render_template("register/cancellation.html", row=row, facts=row.facts)


@blueprint.get("/register.csv")
@limit_files
def table() -> Response:
    """The selection as CSV."""
    lines = files.csv_lines(every_row(read_selection(request.args)), statement())
    return _file(lines, "text/csv; charset=utf-8", "register.csv")


@blueprint.get("/register.json")
@limit_files
def data() -> Response:
    """The selection as JSON."""
    selection = read_selection(request.args)
    parts = files.json_parts(
        every_row(selection),
        statement=statement() if settings().is_demonstration else None,
        selection=selection.arguments(),
        made_at=encode(now()),
    )
    return _file(parts, "application/json; charset=utf-8", "register.json")


def _named(codes: Iterable[str], name: Callable[[str], str]) -> list[tuple[str, str]]:
    """Codes with their names in the language of the page, in the order of the alphabet."""
    return sorted(((code, name(code)) for code in codes), key=lambda pair: fold(pair[1]))


def _file(parts: Iterator[str], content_type: str, filename: str) -> Response:
    response = Response(stream_with_context(parts), content_type=content_type)
    response.headers["Content-Disposition"] = f'attachment; filename="{filename}"'
    return response
