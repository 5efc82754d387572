"""The desk for sanctions screening: lists and their age, likenesses, decisions."""

from __future__ import annotations

from flask import Blueprint, Flask, abort, flash, make_response, redirect, render_template, url_for
from flask_babel import gettext
from flask_wtf.file import FileField
from werkzeug.wrappers import Response

from app.accounts.access import get_me, operators_only
from app.current import now
from app.kernel.errors import Refusal
from app.screening import queries, service
from app.screening.edition import Source
from app.screening.errors import ListRefused
from app.screening.forms import DecisionForm, ListForm
from app.screening.messages import problem_line, refusal_line, source_name
from app.screening.states import MatchState
from app.web.security import form_checks_token, takes_up_to

blueprint = Blueprint("desk_screening", __name__, url_prefix="/<lang>/desk/screening")

# The largest list of today has 25 MB; room for twice that.
LARGEST_LIST = 50_000_000
_MATCH = "/<int(max=9223372036854775807):match_id>"


def init_app(app: Flask) -> None:
    """Register the pages."""
    app.register_blueprint(blueprint)
    app.jinja_env.filters["sanctions_source"] = source_name


@blueprint.get("")
@operators_only
def matches() -> Response:
    """Lists with edition and age, and every likeness that waits for a person."""
    return _matches(ListForm())


@blueprint.post("")
@operators_only
@form_checks_token
@takes_up_to(LARGEST_LIST)
def take_list() -> Response:
    """Take in a new edition: the whole file or nothing."""
    form = ListForm()
    if not form.validate_on_submit():
        return _matches(form, 422)
    content, aliases = _content(form.file), _content(form.aliases)
    try:
        taken = service.import_list(Source(form.source.data), content, aliases, get_me().actor, now())
    except ListRefused as refused:
        form.file.errors = [gettext("Nothing was taken over. The problems of the file stand below.")]
        return _matches(form, 422, [problem_line(problem) for problem in refused.problems])
    if taken.is_new:
        flash(gettext("The list was taken in, and everything that is open was compared with it."), "info")
    else:
        flash(gettext("This edition is the current one already. Nothing was changed."), "info")
    return redirect(url_for("desk_screening.matches"), 303)


@blueprint.get(_MATCH)
@operators_only
def match(match_id: int) -> Response:
    """One likeness, with what the list says, and the decision."""
    return _match(match_id, DecisionForm())


@blueprint.post(_MATCH)
@operators_only
@form_checks_token
def decide(match_id: int) -> Response:
    """Decide about a likeness, once and with a reason."""
    form = DecisionForm()
    if not form.validate_on_submit():
        return _match(match_id, form, 422)
    try:
        service.decide(
            match_id, MatchState(form.outcome.data), get_me().actor, reason=form.reason.data or "", now=now()
        )
    except Refusal as refusal:
        if queries.find_match(match_id) is None:
            abort(404)
        flash(refusal_line(refusal), "stop")
        return redirect(url_for("desk_screening.match", match_id=match_id), 303)
    flash(gettext("Your decision is kept."), "info")
    return redirect(url_for("desk_screening.matches"), 303)


def _content(field: FileField) -> bytes:
    """The bytes of an uploaded file; none of a field that was left empty."""
    if not field.data:
        return b""
    with field.data.stream as stream:
        return bytes(stream.read())


def _matches(form: ListForm, status: int = 200, problems: list[str] | None = None) -> Response:
    page = render_template(
        "desk/screening.html",
        form=form,
        problems=problems or [],
        lists=queries.current_lists(),
        pending=queries.pending_matches(),
        decided=queries.decided_matches(),
        missing=[source for source in Source if source not in {kept.source for kept in queries.current_lists()}],
        today=now(),
    )
    return make_response(page, status)


def _match(match_id: int, form: DecisionForm, status: int = 200) -> Response:
    found = queries.find_match(match_id)
    if found is None:
        abort(404)
    return make_response(render_template("desk/screening_match.html", match=found, form=form), status)
