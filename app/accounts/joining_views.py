"""Make an account, and get back into one, by links that are mailed."""

from __future__ import annotations

from flask import make_response, render_template, request
from werkzeug.wrappers import Response

from app import jobs
from app.accounts.access import public
from app.accounts.adapters import webauthn
from app.accounts.blueprint import blueprint
from app.accounts.browser import add_error, enter, keep, link_gone, take_state, to, user_agent
from app.accounts.errors import AddressTaken, LinkGone, WeakPassword, WrongPasskey
from app.accounts.forms import AddressForm, JoinForm, JoinWithPasskeyForm, RecoverForm
from app.accounts.ports import current_purchases
from app.accounts.service import joining, links
from app.accounts.service.links import Purpose
from app.accounts.words import describe
from app.current import now, settings
from app.web.i18n import current_language
from app.web.limits import limit_account_mail
from app.web.security import form_checks_token, uses_passkeys


@blueprint.route("/account/join", methods=["GET", "POST"])
@public
@form_checks_token
@limit_account_mail
def join() -> Response:
    """Ask for an account: the answer is the same whether the address has one or not."""
    form = AddressForm()
    if form.validate_on_submit():
        joining.ask_to_join(form.email.data or "", current_language(), settings(), now())
        jobs.wake()
        return to("account.mail_sent")
    return make_response(render_template("account/join.html", form=form), _status())


@blueprint.route("/account/recover", methods=["GET", "POST"])
@public
@form_checks_token
@limit_account_mail
def recover() -> Response:
    """Ask for a link that sets a new password: the answer is the same for every address."""
    form = AddressForm()
    if form.validate_on_submit():
        joining.ask_to_recover(form.email.data or "", settings(), now())
        jobs.wake()
        return to("account.mail_sent")
    return make_response(render_template("account/recover.html", form=form), _status())


@blueprint.get("/account/mail-sent")
@public
def mail_sent() -> Response:
    """Look into your mailbox."""
    return make_response(render_template("account/mail_sent.html"))


@blueprint.route("/account/join/<token>", methods=["GET", "POST"])
@public
@uses_passkeys
@form_checks_token
def finish_joining(token: str) -> Response:
    """Name and password of a new account; the link has proved the address."""
    form = JoinForm()
    try:
        links.find(Purpose.JOIN, token, now())
        if form.validate_on_submit():
            entered = joining.join(
                token,
                name=form.name.data or "",
                password=form.password.data or "",
                locale=current_language(),
                user_agent=user_agent(),
                purchases=current_purchases(),
                settings=settings(),
                now=now(),
            )
            enter(entered)
            return to("account.home")
    except WeakPassword as refusal:
        add_error(form.password, refusal)
    except (LinkGone, AddressTaken) as refusal:
        return link_gone(refusal)
    return _join_page(token, form)


@blueprint.post("/account/join/<token>/passkey")
@public
@uses_passkeys
@form_checks_token
def finish_joining_with_passkey(token: str) -> Response:
    """The same with a passkey that the browser's script made."""
    answer = JoinWithPasskeyForm(prefix="passkey-")
    form = JoinForm(formdata=None, name=answer.name.data)
    if answer.validate_on_submit():
        try:
            entered = joining.join_with_passkey(
                token,
                name=answer.name.data or "",
                answer=answer.credential.data or "",
                state=take_state(),
                locale=current_language(),
                user_agent=user_agent(),
                purchases=current_purchases(),
                settings=settings(),
                now=now(),
            )
        except WrongPasskey as refusal:
            form.form_errors.append(describe(refusal))
        except (LinkGone, AddressTaken) as refusal:
            return link_gone(refusal)
        else:
            enter(entered)
            return to("account.home")
    try:
        return _join_page(token, form, answer)
    except LinkGone as refusal:
        return link_gone(refusal)


@blueprint.route("/account/recover/<token>", methods=["GET", "POST"])
@public
@form_checks_token
def finish_recovering(token: str) -> Response:
    """A new password; every other browser is signed out."""
    form = RecoverForm()
    try:
        links.find(Purpose.RECOVER, token, now())
        if form.validate_on_submit():
            entered = joining.recover(
                token,
                password=form.password.data or "",
                user_agent=user_agent(),
                purchases=current_purchases(),
                settings=settings(),
                now=now(),
            )
            jobs.wake()
            enter(entered)
            return to("account.home")
    except WeakPassword as refusal:
        add_error(form.password, refusal)
    except LinkGone as refusal:
        return link_gone(refusal)
    return make_response(render_template("account/finish_recovering.html", form=form, token=token), _status())


def _join_page(token: str, form: JoinForm, answer: JoinWithPasskeyForm | None = None) -> Response:
    email = links.find(Purpose.JOIN, token, now()).email
    question = None
    if webauthn.are_possible(settings()):
        question = keep(webauthn.ask_for_new(email, "", [], settings()))
    page = render_template(
        "account/finish_joining.html",
        form=form,
        answer=answer or JoinWithPasskeyForm(prefix="passkey-", formdata=None),
        question=question,
        token=token,
        email=email,
    )
    return make_response(page, _status())


def _status() -> int:
    return 422 if request.method == "POST" else 200
