"""Ask for everything again before ways to sign in change."""

from __future__ import annotations

from flask import make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.accounts.access import get_me, signed_in
from app.accounts.blueprint import blueprint
from app.accounts.browser import add_error, ask_for_passkey, enter, take_state
from app.accounts.destinations import own_path
from app.accounts.errors import WrongCode, WrongPasskey, WrongPassword
from app.accounts.forms import PasskeyForm, ProveForm
from app.accounts.queries import factors_of
from app.accounts.service import proving
from app.accounts.service import second_factor as factors
from app.accounts.words import describe
from app.current import now, settings
from app.web.limits import limit_sign_in
from app.web.security import form_checks_token, uses_passkeys


@blueprint.route("/account/prove", methods=["GET", "POST"])
@signed_in
@uses_passkeys
@form_checks_token
@limit_sign_in
def prove() -> Response:
    """Ask for the password, and for a code where there is an app, although somebody is signed in."""
    me = get_me()
    form = _form(ProveForm(next=own_path(request.args.get("next", ""))))
    if form.validate_on_submit():
        code = form.code.data or "" if form.code else ""
        try:
            token = proving.prove(
                me.id, me.sign_in_id, password=form.password.data or "", code=code, settings=settings(), now=now()
            )
        except WrongPassword as refusal:
            add_error(form.password, refusal)
        except WrongCode as refusal:
            add_error(form.code, refusal)
        else:
            enter(token)
            return _on_to(form.next.data)
    return _prove_page(form)


@blueprint.post("/account/prove/passkey")
@signed_in
@uses_passkeys
@form_checks_token
@limit_sign_in
def prove_with_passkey() -> Response:
    """The same with a passkey that the browser's script asked for."""
    me = get_me()
    answer = PasskeyForm(prefix="passkey-")
    form = _form(ProveForm(formdata=None, next=answer.next.data))
    if answer.validate_on_submit():
        try:
            token = factors.show_passkey(
                me.id, me.sign_in_id, answer.credential.data or "", take_state(), settings(), now()
            )
        except WrongPasskey as refusal:
            form.form_errors.append(describe(refusal))
        else:
            enter(token)
            return _on_to(answer.next.data)
    else:
        form.form_errors.extend(answer.csrf_token.errors)
    return _prove_page(form)


def _form(form: ProveForm) -> ProveForm:
    if not factors_of(get_me().id).has_app:
        del form.code
    return form


def _prove_page(form: ProveForm) -> Response:
    found = factors_of(get_me().id)
    question = ask_for_passkey() if found.passkeys else None
    page = render_template(
        "account/prove.html",
        form=form,
        answer=PasskeyForm(prefix="passkey-", formdata=None, next=form.next.data),
        question=question,
        # With a passkey and no app, a password alone is half of what there is.
        takes_password=found.has_password and (found.has_app or not found.passkeys),
    )
    return make_response(page, 422 if request.method == "POST" else 200)


def _on_to(path: str | None) -> Response:
    return redirect(path or url_for("account.security"), 303)
