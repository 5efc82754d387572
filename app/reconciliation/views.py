"""What everybody may see of the last comparison, and the operators' page about all of them."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Flask, abort, flash, jsonify, make_response, redirect, render_template, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from app import jobs
from app.accounts.access import get_me, operators_only
from app.current import now, settings
from app.jobs import hold
from app.kernel.errors import Refusal
from app.reconciliation import queries, restored, service, words
from app.reconciliation.forms import ExplainForm, LiftForm
from app.reconciliation.states import FindingState
from app.web.demonstration import statement
from app.web.security import form_checks_token

blueprint = Blueprint("reconciliation", __name__, url_prefix="/<lang>/reconciliation")
desk = Blueprint("desk_reconciliation", __name__, url_prefix="/<lang>/desk/reconciliation")


def init_app(app: Flask) -> None:
    """Register the pages, and let a page ask whether orders wait."""
    app.register_blueprint(blueprint)
    app.register_blueprint(desk)
    app.jinja_env.globals.update(orders_wait=hold.stands)


@blueprint.get("")
def last() -> str:
    """When all books were compared, with whom, and how many differences there were."""
    return render_template("reconciliation/last.html", comparison=queries.last_public_result())


@blueprint.get("/last.json")
def last_json() -> Response:
    """The same for programs; of a demonstration it says so."""
    found = queries.last_public_result()
    about = {"demonstration": statement() if settings().is_demonstration else None}
    return jsonify({**about, "comparison": found.as_json() if found else None})


# --- the desk --------------------------------------------------------------------------------------------


@desk.get("")
@operators_only
def books() -> str:
    """A hold that stands, differences that nobody has explained, and the last runs."""
    return render_template(
        "desk/reconciliation.html",
        hold=queries.find_hold(),
        findings=queries.open_findings(),
        explained=queries.explained_findings(),
        runs=queries.runs(),
        words=words,
    )


@desk.post("/now")
@operators_only
def compare() -> Response:
    """Let the worker compare everything."""
    service.ask(get_me().actor, now())
    jobs.wake()
    flash(gettext("The worker compares all books now. Open this page again in a minute."), "info")
    return redirect(url_for("desk_reconciliation.books"), 303)


@desk.route("/findings/<int(max=9223372036854775807):finding_id>", methods=["GET", "POST"])
@operators_only
@form_checks_token
def finding(finding_id: int) -> Response:
    """One difference, and what an operator says about it."""
    found = queries.find_finding(finding_id)
    if found is None:
        abort(404)
    form = ExplainForm()

    def do() -> str:
        service.acknowledge(finding_id, get_me().actor, reason=form.reason.data or "", now=now())
        return gettext("Your explanation is kept. The difference is not told again.")

    is_open = found.state is FindingState.OPEN
    return _act(form, do, "desk/finding.html", finding=found, is_open=is_open, words=words)


@desk.route("/hold", methods=["GET", "POST"])
@operators_only
@form_checks_token
def lift() -> Response:
    """Propose to lift the hold after a restore; another operator has to agree."""
    standing = queries.find_hold()
    if standing is None:
        flash(gettext("Nothing is held back any more."), "info")
        return redirect(url_for("desk_reconciliation.books"), 303)
    form = LiftForm()
    if standing.is_journal_kept:
        for name in restored.DECLARED:
            del form[name]

    def do() -> str:
        declared = {name: form[name].data if name in form else None for name in restored.DECLARED}
        restored.propose_lift(get_me().actor, reason=form.reason.data or "", now=now(), **declared)
        return gettext("Your proposal waits for another operator. Nothing is done before they agree.")

    return _act(form, do, "desk/lift_hold.html", hold=standing)


def _act(form: ExplainForm | LiftForm, do: Callable[[], str], template: str, **facts: object) -> Response:
    """Show a page with a form, or do what it asks for and go back."""
    if form.validate_on_submit():
        try:
            said = do()
        except Refusal as refusal:
            _refuse(form, refusal)
        else:
            jobs.wake()
            flash(said, "info")
            return redirect(url_for("desk_reconciliation.books"), 303)
    status = 422 if form.is_submitted() else 200
    return make_response(render_template(template, form=form, **facts), status)


def _refuse(form: ExplainForm | LiftForm, refusal: Refusal) -> None:
    """Say why, beside the field where there is one."""
    if refusal.code == "declaration_missing":
        sentence = gettext("Enter a number of at least %(least)s.", least=refusal.facts["least"])
        form[str(refusal.facts["field"])].errors = [sentence]
        return
    sentences = {
        "finding_closed": gettext("Somebody has explained this difference before."),
        "not_compared": gettext("Not every registry has been compared yet. The worker tries again by itself."),
        "already_proposed": gettext("The same waits for a second person already."),
        "no_hold": gettext("Nothing is held back any more."),
    }
    form.form_errors.append(sentences.get(refusal.code, gettext("This cannot be done now. Nothing was changed.")))
