"""The shape of every act of the desk: a page that says what will happen, a form, and back to where one came from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from flask import Blueprint, flash, make_response, redirect, render_template
from flask_babel import gettext
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response

from app import jobs
from app.desk.refusal_words import OTHER_REFUSAL, PAYOUT_REFUSALS, REFUSALS
from app.kernel.errors import Refusal
from app.screening.service import Standing

blueprint = Blueprint("desk", __name__, url_prefix="/<lang>/desk")


@dataclass(frozen=True)
class ActPage:
    """What the page of one act says. `back`: where one goes with and without doing it; `links`: words and address.

    `fields`: at which field a refusal stands, by its reason; others stand above the form.
    """

    title: str
    button: str
    back: str
    words: Sequence[str] = ()
    facts: Sequence[tuple[str, str]] = ()
    links: Sequence[tuple[str, str]] = ()
    fields: Mapping[str, str] = field(default_factory=dict)
    is_serious: bool = False


def refusal_words(refusal: Refusal) -> str:
    """Why something cannot be done, as a sentence."""
    if refusal.code == "payout_unfit" and refusal.facts.get("reason") in PAYOUT_REFUSALS:
        return str(PAYOUT_REFUSALS[str(refusal.facts["reason"])])
    if refusal.facts.get("standing") == Standing.CONFIRMED:
        return str(REFUSALS["match_confirmed"])
    return str(REFUSALS.get(refusal.code, OTHER_REFUSAL))


def act(form: FlaskForm, page: ActPage, do: Callable[[], str]) -> Response:
    """Show the page of an act, or do it and go back; `do` gives the sentence that says what was done."""
    if form.validate_on_submit():
        try:
            said = do()
        except Refusal as refusal:
            name = page.fields.get(str(refusal.facts.get("reason")))
            if name:
                form[name].errors = [refusal_words(refusal)]
            else:
                form.form_errors.append(refusal_words(refusal))
        else:
            jobs.wake()
            flash(said, "info")
            return redirect(page.back, 303)
    status = 422 if form.is_submitted() else 200
    return make_response(render_template("desk/act.html", form=form, act=page), status)


def press(do: Callable[[], str], back: str) -> Response:
    """Do what a single button asks for, say what was done or why not, and go back."""
    try:
        said = do()
    except Refusal as refusal:
        flash(refusal_words(refusal), "stop")
    else:
        jobs.wake()
        flash(said, "info")
    return redirect(back, 303)


def proposed() -> str:
    """What is said after a proposal."""
    return gettext("Your proposal waits for another operator. Nothing is done before they agree.")
