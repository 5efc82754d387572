"""The forms of accounts: shape and wording of what is typed."""

from __future__ import annotations

from flask_babel import lazy_gettext
from flask_wtf import FlaskForm
from wtforms import HiddenField, PasswordField, SelectField, StringField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # the stubs are older than 3.3
from wtforms.validators import DataRequired, InputRequired, Length

from app.accounts.destinations import own_path
from app.accounts.roles import Role
from app.kernel.languages import LANGUAGES
from app.web.fields import Longest, cleaned, email_field

NAME_LENGTH = 200
PASSKEY_NAME_LENGTH = 80
PASSWORD_LENGTH = 1_000  # more is no password, and is not hashed

ROLE_NAMES = {
    Role.VIEWER: lazy_gettext("Viewer: reads everything, changes nothing"),
    Role.SELLER: lazy_gettext("Seller: lists, prices and sells"),
    Role.OWNER: lazy_gettext("Owner: sells, and manages people and where money goes"),
}

_ROLES = [SelectChoice(role.value, name) for role, name in ROLE_NAMES.items()]

_LANGUAGES = [SelectChoice(code, language.name) for code, language in LANGUAGES.items()]


def _own(value: str | None) -> str:
    return own_path(value or "")


def _password(label: str, missing: str, *, is_new: bool, hint: str = "") -> PasswordField:
    return PasswordField(
        label,
        description=hint,
        validators=[
            InputRequired(missing),
            Length(max=PASSWORD_LENGTH, message=lazy_gettext("Use at most 200 characters.")),
        ],
        render_kw={
            "autocomplete": "new-password" if is_new else "current-password",
            "maxlength": None,
            "required": True,
        },
    )


def _new_password() -> PasswordField:
    return _password(
        lazy_gettext("New password"),
        lazy_gettext("Enter a password."),
        is_new=True,
        hint=lazy_gettext("At least 10 characters. Three or four words that do not belong together do well."),
    )


def _present_password() -> PasswordField:
    return _password(lazy_gettext("Present password"), lazy_gettext("Enter your present password."), is_new=False)


def _name() -> StringField:
    return StringField(
        lazy_gettext("Your name"),
        filters=[cleaned],
        validators=[
            DataRequired(lazy_gettext("Enter your name.")),
            Longest(NAME_LENGTH, lazy_gettext("Use at most %(max)s characters for the name.")),
        ],
        render_kw={"autocomplete": "name", "dir": "auto", "required": True},
    )


def _code() -> StringField:
    return StringField(
        lazy_gettext("Code"),
        description=lazy_gettext("Six digits from your authenticator app, or one of your recovery codes."),
        filters=[cleaned],
        validators=[
            DataRequired(lazy_gettext("Enter the code.")),
            Length(max=40, message=lazy_gettext("Enter six digits, or a recovery code.")),
        ],
        render_kw={"autocomplete": "one-time-code", "spellcheck": "false", "maxlength": None, "required": True},
    )


class SignInForm(FlaskForm):
    """E-mail address and password."""

    email = email_field("", lazy_gettext("Enter your e-mail address."))
    password = _password(lazy_gettext("Password"), lazy_gettext("Enter your password."), is_new=False)
    next = HiddenField(filters=[_own])


class PasskeyForm(FlaskForm):
    """What the browser answered when it was asked for a passkey; the script fills it in."""

    credential = HiddenField()
    next = HiddenField(filters=[_own])


class CodeForm(FlaskForm):
    """One code; `secret` carries a sealed secret that is not kept yet."""

    code = _code()
    next = HiddenField(filters=[_own])
    secret = HiddenField(validators=[Length(max=400)])


class ProveForm(FlaskForm):
    """Everything that somebody has, shown again: the password, and a code where there is an app."""

    password = _password(lazy_gettext("Password"), lazy_gettext("Enter your password."), is_new=False)
    code = _code()
    next = HiddenField(filters=[_own])


class AddressForm(FlaskForm):
    """An e-mail address that a link is sent to."""

    email = email_field(lazy_gettext("We send a link there."), lazy_gettext("Enter your e-mail address."))


class JoinForm(FlaskForm):
    """Name and password of a new account."""

    name = _name()
    password = _new_password()


class JoinWithPasskeyForm(FlaskForm):
    """Name and passkey of a new account."""

    name = _name()
    credential = HiddenField()


class RecoverForm(FlaskForm):
    """A new password, behind a mailed link."""

    password = _new_password()


class DetailsForm(FlaskForm):
    """Name and the language of mails."""

    name = _name()
    locale = SelectField(lazy_gettext("Language of our mails"), choices=_LANGUAGES)


class ChangeEmailForm(FlaskForm):
    """A new address."""

    email = email_field(
        lazy_gettext("We send a link to the new address. Nothing changes before you open it."),
        lazy_gettext("Enter your new e-mail address."),
    )


class ChangePasswordForm(FlaskForm):
    """The present and the new password."""

    present = _present_password()
    password = _new_password()


class AddPasskeyForm(FlaskForm):
    """A passkey with a name."""

    name = StringField(
        lazy_gettext("Name of the passkey"),
        description=lazy_gettext("So that you know it again, such as “telephone” or “key on my ring”."),
        filters=[cleaned],
        validators=[
            DataRequired(lazy_gettext("Give the passkey a name.")),
            Longest(PASSKEY_NAME_LENGTH, lazy_gettext("Use at most %(max)s characters for the name.")),
        ],
        render_kw={"autocomplete": "off", "dir": "auto", "required": True},
    )
    credential = HiddenField()


class OrganisationForm(FlaskForm):
    """The name of a new organisation."""

    name = StringField(
        lazy_gettext("Name of the organisation"),
        description=lazy_gettext("As it is registered where it has its seat."),
        filters=[cleaned],
        validators=[
            DataRequired(lazy_gettext("Enter the name of the organisation.")),
            Longest(NAME_LENGTH, lazy_gettext("Use at most %(max)s characters for the name.")),
        ],
        render_kw={"autocomplete": "organization", "dir": "auto", "required": True},
    )


class InviteForm(FlaskForm):
    """Whom to invite, and in which role."""

    email = email_field(
        lazy_gettext("The invitation is for this address only."), lazy_gettext("Enter an e-mail address.")
    )
    role = SelectField(lazy_gettext("Role"), choices=_ROLES, default=Role.VIEWER)


class RoleForm(FlaskForm):
    """Another role of a member."""

    role = SelectField(lazy_gettext("Role"), choices=_ROLES)
