"""One's own account: orders, details, passwords, passkeys, browsers."""

from __future__ import annotations

from typing import Any

from flask import abort, flash, make_response, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from app import jobs
from app.accounts.access import get_me, signed_in
from app.accounts.adapters import webauthn
from app.accounts.blueprint import blueprint
from app.accounts.browser import add_error, enter, keep, keep_codes, link_gone, take_codes, take_state, to
from app.accounts.destinations import own_path
from app.accounts.errors import (
    AddressTaken,
    FactorNeeded,
    LinkGone,
    NoSuchThing,
    PasskeyKnown,
    WeakPassword,
    WrongPasskey,
    WrongPassword,
)
from app.accounts.forms import AddPasskeyForm, ChangeEmailForm, ChangePasswordForm, DetailsForm
from app.accounts.ports import current_purchases
from app.accounts.queries import browsers_of, credentials_of, factors_of
from app.accounts.service import details as own_details
from app.accounts.service import links, passkeys, sessions
from app.accounts.service import second_factor as factors
from app.accounts.service.links import Purpose
from app.accounts.words import describe
from app.current import now, settings
from app.web.limits import limit_account_mail, limit_sign_in
from app.web.security import form_checks_token, uses_passkeys


@blueprint.get("/account")
@signed_in
def home() -> Response:
    """One's orders, with their certificates."""
    return _page("account/home.html", purchases=current_purchases().of_person(get_me().id))


@blueprint.route("/account/details", methods=["GET", "POST"])
@signed_in
@form_checks_token
def details() -> Response:
    """Name, and the language of mails."""
    me = get_me()
    form = DetailsForm(data={"name": me.name, "locale": me.locale})
    if form.validate_on_submit():
        own_details.change(me.id, name=form.name.data or "", locale=form.locale.data, now=now())
        flash(gettext("Your details are saved."), "info")
        return to("account.details")
    return _page("account/details.html", form=form)


@blueprint.route("/account/details/email", methods=["GET", "POST"])
@signed_in(fresh=True)
@form_checks_token
@limit_account_mail
def email() -> Response:
    """Ask for another e-mail address."""
    me = get_me()
    form = ChangeEmailForm()
    if form.validate_on_submit():
        own_details.ask_to_change_email(me.id, form.email.data or "", settings(), now())
        jobs.wake()
        flash(gettext("We have sent a link to the new address. Open it in this browser."), "info")
        return to("account.details")
    return _page("account/email.html", form=form)


@blueprint.get("/account/email/<token>")
@signed_in
def new_email(token: str) -> Response:
    """Ask once more before the account takes the new address."""
    try:
        link = links.find(Purpose.EMAIL, token, now())
    except LinkGone as refusal:
        return link_gone(refusal)
    if link.person_id != get_me().id:
        return link_gone(LinkGone())
    return _page("account/new_email.html", token=token, email=link.email)


@blueprint.post("/account/email/<token>")
@signed_in
def take_new_email(token: str) -> Response:
    """Take the new address."""
    try:
        own_details.change_email(get_me().id, token, current_purchases(), settings(), now())
    except (LinkGone, AddressTaken) as refusal:
        return link_gone(refusal)
    jobs.wake()
    flash(gettext("Your account has the new e-mail address."), "info")
    return to("account.details")


@blueprint.get("/account/security")
@signed_in
def security() -> Response:
    """Ways to sign in, and the browsers that are signed in."""
    me = get_me()
    return _page(
        "account/security.html",
        factors=factors_of(me.id),
        browsers=browsers_of(me.id, now()),
        has_passkeys=webauthn.are_possible(settings()),
    )


@blueprint.route("/account/security/password", methods=["GET", "POST"])
@signed_in(fresh=True)
@form_checks_token
@limit_sign_in
def password() -> Response:
    """Change the password, or set a first one."""
    me = get_me()
    form = ChangePasswordForm()
    if not factors_of(me.id).has_password:
        del form.present
    if form.validate_on_submit():
        try:
            own_details.change_password(
                me.id,
                me.sign_in_id,
                present=form.present.data or "" if form.present else "",
                new=form.password.data or "",
                settings=settings(),
                now=now(),
            )
        except WrongPassword as refusal:
            if form.present is None:
                # A first password was set meanwhile, in another window: now it is asked for.
                form = ChangePasswordForm()
            add_error(form.present, refusal)
        except WeakPassword as refusal:
            add_error(form.password, refusal)
        else:
            jobs.wake()
            flash(gettext("Your password is changed. Every other browser is signed out."), "info")
            return to("account.security")
    return _page("account/password.html", form=form)


@blueprint.get("/account/security/recovery-codes")
@signed_in(strong=True)
def recovery_codes() -> Response:
    """New recovery codes, shown once; without new ones, where to make them."""
    codes = take_codes()
    onwards = own_path(request.args.get("next", "")) or url_for("account.security")
    return _page("account/recovery_codes.html", codes=codes, onwards=onwards)


@blueprint.post("/account/security/recovery-codes")
@signed_in(strong=True, fresh=True)
def renew_recovery_codes() -> Response:
    """Make new recovery codes instead of the old ones."""
    keep_codes(factors.renew_codes(get_me().id, settings(), now()))
    jobs.wake()
    return to("account.recovery_codes")


@blueprint.get("/account/security/second-factor/remove")
@signed_in(strong=True, fresh=True)
def ask_to_remove_second_factor() -> Response:
    """Ask once more before the authenticator app is taken away."""
    me = get_me()
    if me.is_operator or not factors_of(me.id).has_app:
        return to("account.security")
    return _page("account/remove_second_factor.html")


@blueprint.post("/account/security/second-factor/remove")
@signed_in(strong=True, fresh=True)
def remove_second_factor() -> Response:
    """Take the authenticator app away."""
    try:
        factors.remove(get_me().id, settings(), now())
    except FactorNeeded as refusal:
        flash(describe(refusal), "stop")
    else:
        jobs.wake()
        flash(gettext("The authenticator app is taken away."), "info")
    return to("account.security")


@blueprint.route("/account/security/passkeys", methods=["GET", "POST"])
@signed_in(fresh=True)
@uses_passkeys
@form_checks_token
def add_passkey() -> Response:
    """Add a passkey under a name."""
    me = get_me()
    if not webauthn.are_possible(settings()):
        return to("account.security")
    form = AddPasskeyForm()
    if form.validate_on_submit():
        try:
            token = passkeys.add(
                me.id,
                me.sign_in_id,
                name=form.name.data or "",
                answer=form.credential.data or "",
                state=take_state(),
                settings=settings(),
                now=now(),
            )
        except (WrongPasskey, PasskeyKnown) as refusal:
            form.form_errors.append(describe(refusal))
        else:
            jobs.wake()
            enter(token)
            flash(gettext("The passkey is added."), "info")
            return to("account.security")
    question = keep(webauthn.ask_for_new(me.email, me.name, credentials_of(me.id), settings()))
    form.credential.data = ""
    return _page("account/add_passkey.html", form=form, question=question)


@blueprint.get("/account/security/passkeys/<int(max=999999999):passkey_id>/remove")
@signed_in(fresh=True)
def ask_to_remove_passkey(passkey_id: int) -> Response:
    """Ask once more before a passkey is forgotten."""
    found = [one for one in factors_of(get_me().id).passkeys if one.id == passkey_id]
    if not found:
        abort(404)
    return _page("account/remove_passkey.html", passkey=found[0])


@blueprint.post("/account/security/passkeys/<int(max=999999999):passkey_id>/remove")
@signed_in(fresh=True)
def remove_passkey(passkey_id: int) -> Response:
    """Forget a passkey."""
    try:
        passkeys.remove(get_me().id, passkey_id, settings(), now())
    except NoSuchThing:
        abort(404)
    except FactorNeeded as refusal:
        flash(describe(refusal), "stop")
    else:
        jobs.wake()
        flash(gettext("The passkey is taken away. Delete it on your device too."), "info")
    return to("account.security")


@blueprint.post("/account/security/browsers/<int(max=999999999999):sign_in_id>/end")
@signed_in(fresh=True)
def end_browser(sign_in_id: int) -> Response:
    """Sign one of one's browsers out."""
    try:
        sessions.forget(get_me().id, sign_in_id, now())
    except NoSuchThing:
        abort(404)
    return to("account.security")


@blueprint.post("/account/security/browsers/end-others")
@signed_in(fresh=True)
def end_other_browsers() -> Response:
    """Sign every other browser out."""
    me = get_me()
    sessions.end_others(me.id, me.sign_in_id, now())
    flash(gettext("Every other browser is signed out."), "info")
    return to("account.security")


def _page(template: str, **values: Any) -> Response:
    return make_response(render_template(template, **values), 422 if request.method == "POST" else 200)
