"""Sign in, show the second factor, sign out."""

from __future__ import annotations

from flask import Flask, make_response, redirect, render_template, request, url_for
from flask_babel import gettext
from markupsafe import Markup
from werkzeug.wrappers import Response

from app.accounts import details_views, joining_views, people_views, proving_views
from app.accounts.access import find_me, get_me, public, signed_in
from app.accounts.adapters import totp
from app.accounts.adapters.qr import qr_svg
from app.accounts.blueprint import blueprint
from app.accounts.browser import add_error, ask_for_passkey, enter, keep_codes, known, leave, take_state, to, user_agent
from app.accounts.destinations import own_path
from app.accounts.errors import FactorNeeded, WrongCode, WrongPasskey, WrongSignIn
from app.accounts.forms import CodeForm, PasskeyForm, SignInForm
from app.accounts.guard import ask_again
from app.accounts.ports import current_purchases
from app.accounts.queries import factors_of
from app.accounts.service import entering, sessions
from app.accounts.service import second_factor as factors
from app.accounts.words import browser_in_words, describe
from app.current import now, settings
from app.kernel.security_log import Event, Outcome, tell
from app.web.limits import limit_sign_in
from app.web.security import forget_pages, form_checks_token, uses_passkeys

__all__ = ["details_views", "init_app", "joining_views", "people_views", "proving_views"]


def init_app(app: Flask) -> None:
    """Register the pages."""
    app.jinja_env.filters["browser_in_words"] = browser_in_words
    app.register_blueprint(blueprint)


@blueprint.route("/account/sign-in", methods=["GET", "POST"])
@public
@uses_passkeys
@form_checks_token
@limit_sign_in
def sign_in() -> Response:
    """Sign in with address and password."""
    form = SignInForm(next=own_path(request.args.get("next", "")))
    if not form.is_submitted() and find_me() is not None:
        return _on_to(form.next.data)
    if form.validate_on_submit():
        try:
            entered = entering.sign_in(
                form.email.data or "",
                form.password.data or "",
                known=known(),
                user_agent=user_agent(),
                purchases=current_purchases(),
                settings=settings(),
                now=now(),
            )
        except WrongSignIn as refusal:
            form.form_errors.append(describe(refusal))
        else:
            enter(entered.token)
            if entered.needs_second_factor:
                return to("account.second_factor", next=form.next.data or None)
            return _on_to(form.next.data)
    return _sign_in_page(form)


@blueprint.post("/account/sign-in/passkey")
@public
@uses_passkeys
@form_checks_token
@limit_sign_in
def sign_in_with_passkey() -> Response:
    """Sign in with a passkey that the browser's script asked for."""
    answer = PasskeyForm(prefix="passkey-")
    form = SignInForm(formdata=None, next=answer.next.data)
    if answer.validate_on_submit():
        try:
            entered = entering.sign_in_with_passkey(
                answer.credential.data or "",
                take_state(),
                user_agent=user_agent(),
                purchases=current_purchases(),
                settings=settings(),
                now=now(),
            )
        except WrongPasskey as refusal:
            form.form_errors.append(describe(refusal))
        else:
            enter(entered.token)
            return _on_to(answer.next.data)
    else:
        form.form_errors.extend(answer.csrf_token.errors)
    return _sign_in_page(form)


@blueprint.post("/account/sign-out")
@signed_in(half=True)
def sign_out() -> Response:
    """Sign this browser out."""
    me = get_me()
    sessions.end(me.id, me.sign_in_id, now())
    current_purchases().forget_typed(now())
    tell(Event.SIGN_OUT, Outcome.GOOD, person=me.id)
    leave()
    return forget_pages(to("account.sign_in"))


@blueprint.route("/account/second-factor", methods=["GET", "POST"])
@signed_in(half=True)
@uses_passkeys
@form_checks_token
@limit_sign_in
def second_factor() -> Response:
    """Ask for the second factor; set one up where there is none."""
    me = get_me()
    form = CodeForm(next=own_path(request.args.get("next", "")))
    if me.has_second_factor and me.is_strong and factors_of(me.id).has_app:
        return _on_to(form.next.data)
    has_to_enrol = not me.has_second_factor or me.is_strong
    if has_to_enrol and not me.is_fresh:
        return ask_again()
    if form.validate_on_submit():
        try:
            if has_to_enrol:
                token, codes = factors.enrol(
                    me.id, me.sign_in_id, form.secret.data or "", form.code.data or "", settings(), now()
                )
                enter(token)
                keep_codes(codes)
                return to("account.recovery_codes", next=form.next.data or None)
            enter(factors.show(me.id, me.sign_in_id, form.code.data or "", settings(), now()))
            return _on_to(form.next.data)
        except (WrongCode, FactorNeeded) as refusal:
            add_error(form.code, refusal)
    return _enrol_page(form) if has_to_enrol else _ask_page(form)


@blueprint.post("/account/second-factor/passkey")
@signed_in(half=True)
@uses_passkeys
@form_checks_token
@limit_sign_in
def second_factor_with_passkey() -> Response:
    """Show a passkey after a password."""
    me = get_me()
    answer = PasskeyForm(prefix="passkey-")
    form = CodeForm(formdata=None, next=answer.next.data)
    if answer.validate_on_submit():
        try:
            enter(
                factors.show_passkey(
                    me.id, me.sign_in_id, answer.credential.data or "", take_state(), settings(), now()
                )
            )
        except WrongPasskey as refusal:
            form.form_errors.append(describe(refusal))
        else:
            return _on_to(answer.next.data)
    else:
        form.form_errors.extend(answer.csrf_token.errors)
    return _ask_page(form)


def _sign_in_page(form: SignInForm) -> Response:
    question = ask_for_passkey()
    answer = PasskeyForm(prefix="passkey-", formdata=None, next=form.next.data)
    page = render_template("account/sign_in.html", form=form, answer=answer, question=question)
    return make_response(page, _status())


def _ask_page(form: CodeForm) -> Response:
    found = factors_of(get_me().id)
    question = ask_for_passkey() if found.passkeys else None
    answer = PasskeyForm(prefix="passkey-", formdata=None, next=form.next.data)
    page = render_template("account/second_factor.html", form=form, answer=answer, question=question, factors=found)
    return make_response(page, _status())


def _enrol_page(form: CodeForm) -> Response:
    me = get_me()
    sealed = form.secret.data or ""
    secret = factors.proposed_secret(me.id, sealed, settings())
    if secret is None:
        secret, sealed = factors.propose(me.id, settings())
        form.secret.data = sealed
    form.code.description = gettext("Six digits that your app shows.")
    address = totp.address_for_app(secret, me.email, "Tonne")
    page = render_template(
        "account/enrol.html",
        form=form,
        secret=" ".join(secret[i : i + 4] for i in range(0, len(secret), 4)),
        address=address,
        qr=Markup(qr_svg(address, gettext("QR code for your authenticator app"))),  # noqa: S704 - segno escapes the title
    )
    return make_response(page, _status())


def _status() -> int:
    return 422 if request.method == "POST" else 200


def _on_to(path: str | None) -> Response:
    return redirect(path or url_for("account.home"), 303)
