"""The pages that answer questions. The blueprint is `content`; legal texts and complaints share it."""

from __future__ import annotations

from flask import Blueprint, Flask, abort, current_app, render_template

from app.content import legal, pages, values
from app.content.legal import LegalTexts
from app.current import now
from app.web.i18n import current_language

blueprint = Blueprint("content", __name__, url_prefix="/<lang>")


def init_app(app: Flask) -> None:
    """Register the pages."""
    app.register_blueprint(blueprint)


@blueprint.get("/about")
def index() -> str:
    """Every question that has a page, and where law and contact are."""
    texts: LegalTexts = current_app.extensions["tonne.terms"]
    law = [(name, texts.in_force(name, now().date()).documents[current_language()].title) for name in legal.NAMES]
    return render_template("content/index.html", pages=pages.everything(current_language()), law=law)


@blueprint.get("/about/<name>")
def page(name: str) -> str:
    """One question with its answer."""
    document = pages.find(current_language(), name)
    if document is None:
        abort(404)
    return render_template(
        "content/page.html",
        name=name,
        page=document,
        body=values.filled(document),
        pages=pages.everything(current_language()),
    )
