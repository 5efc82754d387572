"""What the pages of applicants and participants have in common: their blueprint, and how a refusal is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, abort, flash, make_response, render_template
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import Field

from app.accounts.access import get_seat
from app.kernel.errors import Refusal
from app.providers import queries
from app.providers.errors import NoSuchThing
from app.providers.messages import sentence
from app.providers.queries import ApplicationView

blueprint = Blueprint("applying", __name__, url_prefix="/<lang>/sell")

APPLICATION = "/<organisation>/application"
ID = "<int(max=9223372036854775807):thing_id>"
Work = Callable[[], object]


def editable() -> ApplicationView:
    """The application of this seat while it can be changed; the page is not there (404) otherwise."""
    view = queries.application_of(get_seat().organisation_id)
    if view is None or not view.is_editable:
        abort(404)
    return view


def do(work: Work, field: Field, elsewhere: Mapping[str, Field] | None = None) -> bool:
    """Do something that may be refused; the refusal stands at a field then, with some codes `elsewhere`."""
    try:
        work()
    except NoSuchThing:
        abort(404)
    except Refusal as refusal:
        (elsewhere or {}).get(refusal.code, field).errors = [sentence(refusal)]
        return False
    return True


def act(work: Work) -> None:
    """Do something that a button asks for; a refusal is told on the next page."""
    try:
        work()
    except NoSuchThing:
        abort(404)
    except Refusal as refusal:
        flash(sentence(refusal), "stop")


def form_page(template: str, form: FlaskForm, **values: Any) -> Response:
    """A page with a form, as a refusal (422) once that was sent."""
    return page(template, 422 if form.is_submitted() else 200, form=form, **values)


def page(template: str, status: int = 200, **values: Any) -> Response:
    """A page drawn from its template."""
    return make_response(render_template(template, **values), status)
