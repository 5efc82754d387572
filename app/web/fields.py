"""What several forms ask for in the same way."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from flask_babel import lazy_gettext
from flask_babel.speaklater import LazyString
from flask_wtf import FlaskForm
from wtforms import Field, StringField
from wtforms.validators import InputRequired, Length, ValidationError

from app.kernel.languages import LANGUAGES
from app.kernel.text import clean_line
from app.web.filters import language_name

ADDRESS_LENGTH = 254

F = TypeVar("F", bound=type[FlaskForm])


def cleaned(value: str | None) -> str:
    """What was typed, as one harmless line."""
    return clean_line(value or "")


def in_each_language(prefix: str, make: Callable[[str], Field]) -> Callable[[F], F]:
    """Give a form a field for each language of the site, named after its code: `text_en`.

    `make` gets what the language is called, to be said in the language of the page.
    """

    def extended(form: F) -> F:
        for code in LANGUAGES:
            setattr(form, f"{prefix}_{code}", make(LazyString(language_name, code)))
        return form

    return extended


def email_field(description: str, missing: str) -> StringField:
    """A required e-mail address; `description` says what it is for, `missing` asks for it."""
    return StringField(
        lazy_gettext("E-mail address"),
        description=description,
        filters=[cleaned],
        validators=[
            InputRequired(missing),
            Length(max=ADDRESS_LENGTH, message=lazy_gettext("This e-mail address is too long.")),
            _deliverable,
        ],
        render_kw={"autocomplete": "email", "inputmode": "email", "type": "email", "maxlength": None, "required": True},
    )


def _deliverable(_form: FlaskForm, field: StringField) -> None:
    # Its large patterns take 28 ms of the start, so the first address loads it.
    from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415 - loaded late

    try:
        field.data = validate_email(field.data or "", check_deliverability=False).normalized
    except EmailNotValidError as problem:
        raise ValidationError(lazy_gettext("Enter an e-mail address in the form name@example.org.")) from problem
