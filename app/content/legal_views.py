"""Legal texts in their versions, and how to reach the operator. Their pages are on the blueprint of the content."""

from __future__ import annotations

from typing import cast

from flask import Flask, abort, current_app, render_template, request

from app.complaints import views as complaint_views
from app.content.legal import LegalTexts, load
from app.content.legal_values import address_lines, filled
from app.content.views import blueprint
from app.current import now, settings
from app.web.i18n import current_language


def init_app(app: Flask) -> None:
    """Read the legal texts. Raises BadSettings when one cannot be used; nothing is served then."""
    today = app.extensions["tonne.clock"].now().date()
    app.extensions["tonne.terms"] = load(app.extensions["tonne.settings"].legal_texts, today)


@blueprint.get("/legal/<name>")
def legal(name: str) -> str:
    """A legal text: the version in force, or with `?version=` any other one that there is."""
    texts = _texts()
    asked = request.args.get("version")
    if not texts.versions(name):
        abort(404)
    in_force = texts.in_force(name, now().date())
    text = texts.find(name, asked) if asked else in_force
    if text is None:
        abort(404)
    document = text.documents[current_language()]
    return render_template(
        "content/legal.html",
        page=document,
        body=filled(document),
        text=text,
        in_force=in_force,
        last_day=texts.last_day(text),
        versions=list(reversed(texts.versions(name))),
    )


@blueprint.get("/contact")
def contact() -> str:
    """Where people can write, how soon they hear back, and where orders and complaints go."""
    return render_template("content/contact.html", settings=settings(), address=address_lines(settings()))


# The agreed address of the form; what it does belongs to the complaints.
blueprint.add_url_rule("/complaint", "complaint", complaint_views.start, methods=["GET", "POST"])


def _texts() -> LegalTexts:
    return cast(LegalTexts, current_app.extensions["tonne.terms"])
