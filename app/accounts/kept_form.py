"""A form that was sent when nobody was signed in any more: what was typed stays on a page of its own.

Nothing is carried out and nothing is stored. The page holds the fields and sends them again, without a form token, to
where they were going: once somebody is signed in, that view shows its own form with them, and a new token.
"""

from __future__ import annotations

from flask import current_app, make_response, render_template, request
from werkzeug.wrappers import Response

from app.web.security import shows_form_again

# What shows who somebody is. A form with one of these is typed anew.
SECRETS = frozenset({"password", "present", "code", "secret", "credential"})


def page_with_what_was_typed(way_in: str) -> Response | None:
    """A page that keeps what the present request typed until its sender has come in by `way_in`, an address of ours.

    None where nothing was typed, where it is secret, or where the view would not show its form again.
    """
    view = current_app.view_functions.get(request.endpoint or "")
    if request.method != "POST" or not shows_form_again(view) or SECRETS & request.form.keys():
        return None
    # A form with a prefix has its token under a longer name.
    typed = [(name, value) for name, value in request.form.items(multi=True) if not name.endswith("csrf_token")]
    has_files = any(file.filename for file in request.files.values())
    if not any(value for _name, value in typed) and not has_files:
        return None
    page = render_template(
        "account/kept_form.html",
        way_in=way_in,
        action=request.full_path.removesuffix("?"),
        typed=typed,
        has_files=has_files,
    )
    return make_response(page, 403)
