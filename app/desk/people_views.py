"""Accounts: found, looked at, suspended and reinstated."""

from __future__ import annotations

from flask import abort, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from app.accounts.access import get_me, operators_only
from app.accounts.models import Person
from app.accounts.service import suspension
from app.current import now
from app.db import db
from app.desk import queries
from app.desk.acting import ActPage, act, blueprint
from app.desk.forms import ReasonForm
from app.desk.trail import acts_about
from app.kernel.text import clean_line
from app.web.security import form_checks_token

_PERSON = "/people/<int(max=9223372036854775807):person_id>"


@blueprint.get("/people")
@operators_only
def people() -> str:
    """Accounts by address or name; the operators before anything is searched."""
    text = clean_line(request.args.get("q", ""))[:254]
    return render_template("desk/people.html", text=text, rows=queries.people(text))


@blueprint.get(_PERSON)
@operators_only
def person(person_id: int) -> str:
    """One account with organisations and roles, and what was done to it."""
    row = queries.find_person(person_id, now())
    if row is None:
        abort(404)
    return render_template("desk/person.html", row=row, acts=acts_about("person", person_id))


@blueprint.route(f"{_PERSON}/suspend", methods=["GET", "POST"])
@operators_only
@form_checks_token
def suspend_person(person_id: int) -> Response:
    """Sign somebody out everywhere and let nobody in with this account."""
    found, form = _person(person_id), ReasonForm()
    page = ActPage(
        title=gettext("Suspend the account of %(email)s", email=found.email),
        words=[gettext("Every browser is signed out at once, and nobody can sign in until the account is reinstated.")],
        button=gettext("Suspend the account"),
        back=url_for("desk.person", person_id=person_id),
        is_serious=True,
    )

    def do() -> str:
        suspension.suspend(person_id, get_me().actor, reason=form.reason.data or "", now=now())
        return gettext("The account is suspended.")

    return act(form, page, do)


@blueprint.route(f"{_PERSON}/reinstate", methods=["GET", "POST"])
@operators_only
@form_checks_token
def reinstate_person(person_id: int) -> Response:
    """Let somebody in again."""
    found, form = _person(person_id), ReasonForm()
    page = ActPage(
        title=gettext("Reinstate the account of %(email)s", email=found.email),
        words=[gettext("The person can sign in again with password or passkey.")],
        button=gettext("Reinstate the account"),
        back=url_for("desk.person", person_id=person_id),
    )

    def do() -> str:
        suspension.reinstate(person_id, get_me().actor, reason=form.reason.data or "", now=now())
        return gettext("The account is reinstated.")

    return act(form, page, do)


def _person(person_id: int) -> Person:
    found = db.session.get(Person, person_id)
    if found is None:
        abort(404)
    return found
