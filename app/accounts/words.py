"""What a refusal says to the person, and browsers in plain words, in the language of the page."""

from __future__ import annotations

from flask_babel import gettext as _
from flask_babel import ngettext

from app.kernel.errors import Refusal

_BROWSERS = (("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari"))
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)


def describe(refusal: Refusal) -> str:
    """A sentence that says what is wrong and what to do. Raises KeyError for an unknown code."""
    if refusal.code == "weak_password":
        return weakness_in_words(str(refusal.facts["weakness"]))
    if refusal.code == "too_many_invitations":
        most = int(str(refusal.facts["most"]))
        return ngettext(
            "%(most)s invitation is open. Withdraw one before you send another.",
            "%(most)s invitations are open. Withdraw one before you send another.",
            most,
            most=most,
        )
    return {
        "wrong_sign_in": _(
            "E-mail address and password do not belong together, or too many were tried. "
            "Check both, wait some minutes, or set a new password."
        ),
        "wrong_password": _("This is not your present password, or too many were tried. Wait some minutes then."),
        "wrong_code": _(
            "This code is not right, was used already, or too many were tried. Wait for the next one and enter it."
        ),
        "wrong_passkey": _("This passkey could not be checked. Try again, or use another way."),
        "passkey_known": _("This passkey is registered already."),
        "link_gone": _("This link no longer works. Ask for a new one."),
        "address_taken": _("There is an account with this address already. Sign in with it."),
        "factor_needed": _("This is the last way for you to prove who you are. Add another one first."),
        "last_owner": _("An organisation keeps at least one owner. Make somebody else an owner first."),
        "other_person": _("This invitation is for another e-mail address."),
        "invited_often": _("This address was invited several times within an hour. Wait before you invite it again."),
        "already_member": _("This address belongs to a member already."),
    }[refusal.code]


def weakness_in_words(weakness: str) -> str:
    """Why a password will not do, and what would."""
    return {
        "short": _("Use at least 10 characters. Three or four words that do not belong together are a good password."),
        "long": _("Use at most 200 characters."),
        "personal": _(
            "This password is easy to guess from your name or address. Use words that have nothing to do with you."
        ),
        "house": _(
            "This password is easy to guess: it is made of our name or words of our trade. "
            "Use words that have nothing to do with us."
        ),
        "common": _(
            "This password is easy to guess: it is made of common words. Add words that do not belong together."
        ),
        "pattern": _("This password is easy to guess: it is short or follows a pattern. Make it longer."),
    }[weakness]


def browser_in_words(user_agent: str) -> str:
    """A browser as people call it, such as “Firefox on Linux”."""
    browser = next((name for sign, name in _BROWSERS if sign in user_agent), "")
    system = next((name for sign, name in _SYSTEMS if sign in user_agent), "")
    if browser and system:
        return _("%(browser)s on %(system)s", browser=browser, system=system)
    return browser or system or _("A browser that does not say its name")
