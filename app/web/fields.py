"""What several forms ask for in the same way."""

from __future__ import annotations

from email_validator import EmailNotValidError, validate_email
from flask_babel import lazy_gettext
from flask_wtf import FlaskForm
from wtforms import StringField
from wtforms.validators import InputRequired, Length, ValidationError

from app.kernel.text import clean_line

ADDRESS_LENGTH = 254


def cleaned(value: str | None) -> str:
    """What was typed, as one harmless line."""
    return clean_line(value or "")


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
    try:
        field.data = validate_email(field.data or "", check_deliverability=False).normalized
    except EmailNotValidError as problem:
        raise ValidationError(lazy_gettext("Enter an e-mail address in the form name@example.org.")) from problem
