"""What an applicant and a participant fill in, and what operators decide."""

from __future__ import annotations

import re
from typing import Any

from flask_babel import lazy_gettext
from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from wtforms import BooleanField, Field, StringField, TextAreaField
from wtforms.validators import DataRequired, InputRequired, Optional, Regexp, ValidationError

from app.audit.service import LONGEST_REASON
from app.current import now
from app.kernel.csvtable import CellRefused, web_address
from app.kernel.languages import LANGUAGES
from app.kernel.text import clean_lines
from app.web.fields import CountryField, Longest, cleaned, email_field, in_each_language

LONGEST_ABOUT = 1_500
IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
ACCOUNT = re.compile(r"[A-Z0-9]{4,34}")
_FILE_HINT = lazy_gettext(
    "PDF, PNG or JPEG, at most 5 MB. It is encrypted; only operators open it, and each look is noted."
)


def _lines(value: str | None) -> str:
    return clean_lines(value or "")


def _text(label: Any, missing: Any, longest: int, description: Any = "", **attributes: str) -> StringField:
    return StringField(
        label,
        description=description,
        filters=[cleaned],
        validators=[
            DataRequired(missing),
            Longest(longest, lazy_gettext("Use at most %(max)s characters.")),
        ],
        render_kw={"required": True, "dir": "auto", **attributes},
    )


def _country(label: Any) -> CountryField:
    return CountryField(
        label,
        nothing=lazy_gettext("Choose a country"),
        validators=[InputRequired(lazy_gettext("Choose a country."))],
        render_kw={"required": True},
    )


def _legal_name() -> StringField:
    return _text(
        lazy_gettext("Legal name"),
        lazy_gettext("Enter the legal name."),
        200,
        lazy_gettext("As it stands in the register of companies. Buyers see it."),
        autocomplete="organization",
    )


class StartForm(FlaskForm):
    """Which organisation wants to sell."""

    name = _text(
        lazy_gettext("Name of the organisation"),
        lazy_gettext("Enter the name of the organisation."),
        200,
        autocomplete="organization",
    )


class CompanyForm(FlaskForm):
    """Who applies."""

    legal_name = _legal_name()
    address = TextAreaField(
        lazy_gettext("Address"),
        filters=[_lines],
        validators=[
            DataRequired(lazy_gettext("Enter the address.")),
            Longest(500, lazy_gettext("Use at most %(max)s characters.")),
        ],
        render_kw={"rows": 4, "required": True, "dir": "auto", "autocomplete": "street-address"},
    )
    country = _country(lazy_gettext("Country of the register"))
    register_number = _text(
        lazy_gettext("Number in the register of companies"), lazy_gettext("Enter the number in the register."), 80
    )


class ContactForm(FlaskForm):
    """Who answers questions."""

    contact_name = _text(lazy_gettext("Name"), lazy_gettext("Enter a name."), 200, autocomplete="name")
    email = email_field(
        lazy_gettext("For questions about this application. It is never public."),
        lazy_gettext("Enter an e-mail address."),
    )
    contact_phone = StringField(
        lazy_gettext("Telephone (optional)"),
        filters=[cleaned],
        validators=[Longest(40, lazy_gettext("Use at most %(max)s characters."))],
        render_kw={"autocomplete": "tel", "inputmode": "tel"},
    )


def _whole_number(value: str | None) -> str:
    return cleaned(value).removesuffix("%").strip()


class OwnerForm(FlaskForm):
    """A natural person who owns or controls the applicant."""

    name = _text(lazy_gettext("Full name"), lazy_gettext("Enter the full name."), 200, autocomplete="off")
    country = _country(lazy_gettext("Country of residence"))
    birth_year = StringField(
        lazy_gettext("Year of birth"),
        description=lazy_gettext("It tells people of the same name apart."),
        filters=[_whole_number],
        validators=[DataRequired(lazy_gettext("Enter a year with four digits, such as 1975."))],
        render_kw={"inputmode": "numeric", "autocomplete": "off", "required": True},
    )
    share = StringField(
        lazy_gettext("Share in per cent (optional)"),
        description=lazy_gettext("Leave it empty for somebody who controls without a share."),
        filters=[_whole_number],
        validators=[
            Optional(),
            Regexp("([1-9][0-9]?|100)$", message=lazy_gettext("Enter a whole number from 1 to 100.")),
        ],
        render_kw={"inputmode": "numeric", "autocomplete": "off"},
    )

    def validate_birth_year(self, field: Field) -> None:
        """A year in which somebody who is alive may have been born."""
        if not re.fullmatch("(19|20)[0-9]{2}", field.data) or int(field.data) > now().year:
            raise ValidationError(lazy_gettext("Enter a year with four digits, such as 1975."))


def account_number(value: str | None) -> str:
    """An account number without the spaces and dashes that people group it by."""
    return re.sub(r"[\s.-]", "", cleaned(value)).upper()


class PayeeForm(FlaskForm):
    """Where the money goes."""

    holder = _text(
        lazy_gettext("Holder of the account"),
        lazy_gettext("Enter the holder of the account."),
        200,
        lazy_gettext("Normally the organisation itself."),
        autocomplete="off",
    )
    bank = _text(
        lazy_gettext("Bank, with BIC or routing number"), lazy_gettext("Enter the bank."), 200, autocomplete="off"
    )
    account = StringField(
        lazy_gettext("IBAN or account number"),
        description=lazy_gettext("It is encrypted. Pages show its last four characters."),
        filters=[account_number],
        validators=[DataRequired(lazy_gettext("Enter an IBAN or an account number."))],
        render_kw={"autocomplete": "off", "spellcheck": "false", "required": True},
    )

    def validate_account(self, field: Field) -> None:
        """Letters and digits; an IBAN must have the right check digits (ISO 13616)."""
        if not ACCOUNT.fullmatch(field.data):
            raise ValidationError(lazy_gettext("Use 4 to 34 letters and digits."))
        if IBAN.fullmatch(field.data):
            digits = "".join(str(int(c, 36)) for c in field.data[4:] + field.data[:4])
            if int(digits) % 97 != 1:
                raise ValidationError(lazy_gettext("This IBAN has a typing error: its check digits do not fit."))


class DocumentForm(FlaskForm):
    """One identity document."""

    file = FileField(
        lazy_gettext("Document"),
        description=_FILE_HINT,
        validators=[FileRequired(lazy_gettext("Choose a file."))],
        render_kw={"accept": ".pdf,.png,.jpg,.jpeg"},
    )


class ClaimForm(DocumentForm):
    """A project, and what proves that the organisation speaks for it."""

    reference = _text(
        lazy_gettext("Reference of the project"),
        lazy_gettext("Enter the reference of the project."),
        24,
        lazy_gettext("As the registry prints it, such as IN-1514."),
        autocomplete="off",
        spellcheck="false",
    )


class CertificationForm(FlaskForm):
    """The applicant's word for all of it."""

    certified = BooleanField(
        lazy_gettext("I certify all of this"),
        validators=[InputRequired(lazy_gettext("Tick the box to certify, or leave this page without saving."))],
    )


def _about(language: str) -> TextAreaField:
    return TextAreaField(
        lazy_gettext("About the seller, in %(language)s (optional)", language=language),
        filters=[_lines],
        validators=[Longest(LONGEST_ABOUT, lazy_gettext("Use at most %(max)s characters."))],
    )


@in_each_language("about", _about)
class CardForm(FlaskForm):
    """The public card of a participant."""

    website = StringField(
        lazy_gettext("Website (optional)"),
        description=lazy_gettext("Its address, beginning with https:// or http://."),
        filters=[cleaned],
        render_kw={"inputmode": "url", "autocomplete": "url"},
    )

    def validate_website(self, field: Field) -> None:
        """A web address with https, if any."""
        try:
            field.data = web_address(300)(field.data) if field.data else ""
        except CellRefused as problem:
            raise ValidationError(
                lazy_gettext("Enter a web address that begins with https:// or http://.")
            ) from problem

    def about(self) -> dict[str, str]:
        """The texts by language."""
        return {language: self[f"about_{language}"].data for language in LANGUAGES}


class ReasonForm(FlaskForm):
    """A decision with its reason."""

    reason = TextAreaField(
        lazy_gettext("Reason"),
        filters=[_lines],
        validators=[
            DataRequired(lazy_gettext("Give a reason, so that others can understand the decision.")),
            Longest(LONGEST_REASON, lazy_gettext("Use at most %(max)s characters.")),
        ],
        render_kw={"rows": 4, "required": True, "dir": "auto"},
    )


class RenameForm(ReasonForm):
    """Another name or country of a participant."""

    legal_name = _legal_name()
    country = _country(lazy_gettext("Country of the register"))


class ApprovalForm(ReasonForm):
    """The approval of an application."""

    code = _text(
        lazy_gettext("Code of the participant"),
        lazy_gettext("Enter a code."),
        40,
        lazy_gettext(
            "Small letters, digits and dashes, such as acme-hydro. "
            "The code of a participant that was imported takes that one over."
        ),
        autocomplete="off",
        spellcheck="false",
    )
