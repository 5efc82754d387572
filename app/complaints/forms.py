"""The form of a complaint."""

from __future__ import annotations

import re

from flask_babel import lazy_gettext
from flask_wtf import FlaskForm
from wtforms import HiddenField, StringField, TextAreaField
from wtforms.validators import DataRequired, ValidationError

from app.kernel.references import printed_reference, unguessable_token
from app.kernel.text import clean_lines
from app.web.fields import Longest, cleaned, email_field

PROBLEM_LENGTH = 4_000
WISH_LENGTH = 1_000

_ONCE = re.compile(r"[A-Za-z0-9_-]{27}")


def _cleaned_lines(value: str | None) -> str:
    return clean_lines(value or "")


def _once(value: str | None) -> str:
    """The form's own random text; a new one for whoever sends something else."""
    return value if value and _ONCE.fullmatch(value) else unguessable_token()


def _reference(_form: FlaskForm, field: StringField) -> None:
    if not field.data:
        return
    printed = printed_reference(field.data)
    if printed is None:
        raise ValidationError(
            lazy_gettext("Enter a number in the form T-7KMQ-2XHD, TN12/2026 or C3/2026, or leave this empty.")
        )
    field.data = printed


class ComplaintForm(FlaskForm):
    """What went wrong, and what would put it right."""

    email = email_field(
        lazy_gettext("We send the number of your complaint and our answer there, and nothing else."),
        lazy_gettext("Enter your e-mail address, so that we can answer you."),
    )
    about = StringField(
        lazy_gettext("Number of the order or certificate (optional)"),
        description=lazy_gettext(
            "An order looks like T-7KMQ-2XHD, a certificate like TN12/2026. "
            "If you are not content with an earlier answer, give the number of that complaint, such as C3/2026."
        ),
        filters=[cleaned],
        validators=[_reference],
        render_kw={"autocomplete": "off", "spellcheck": "false"},
    )
    problem = TextAreaField(
        lazy_gettext("What went wrong"),
        description=lazy_gettext("What happened, and when. Leave out card numbers and passwords."),
        filters=[_cleaned_lines],
        validators=[
            DataRequired(lazy_gettext("Tell us what went wrong.")),
            Longest(PROBLEM_LENGTH, lazy_gettext("Use at most %(max)s characters for what happened.")),
        ],
        render_kw={"rows": 6, "dir": "auto", "autocomplete": "off", "required": True},
    )
    wish = TextAreaField(
        lazy_gettext("What would put it right"),
        description=lazy_gettext("For example a correction, a refund, or an explanation."),
        filters=[_cleaned_lines],
        validators=[
            DataRequired(lazy_gettext("Tell us what would put it right.")),
            Longest(WISH_LENGTH, lazy_gettext("Use at most %(max)s characters here.")),
        ],
        render_kw={"rows": 3, "dir": "auto", "autocomplete": "off", "required": True},
    )
    once = HiddenField(default=unguessable_token, filters=[_once])
