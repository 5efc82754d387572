"""The form of the verify page."""

from __future__ import annotations

import re
import unicodedata

from flask_babel import lazy_gettext
from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from wtforms import StringField
from wtforms.validators import InputRequired, Length, Optional, Regexp

from app.kernel.text import clean_line

NUMBER = re.compile(r"\s*TN\s*\d{1,12}\s*[/-]\s*\d{4}\s*\Z", re.IGNORECASE)


def _cleaned(value: str | None) -> str:
    # Letters and digits of double width are those that were printed.
    return unicodedata.normalize("NFKC", clean_line(value or ""))


class FileForm(FlaskForm):
    """A certificate as somebody got it, to be compared."""

    file = FileField(
        lazy_gettext("The PDF of a certificate"),
        description=lazy_gettext("Unchanged, at most 1 MB. We compare its bytes and keep nothing of it."),
        validators=[FileRequired(lazy_gettext("Choose a file."))],
        render_kw={"accept": ".pdf,application/pdf"},
    )


class VerifyForm(FlaskForm):
    """A certificate's number, and its code if the reader has it."""

    number = StringField(
        lazy_gettext("Certificate number"),
        description=lazy_gettext("It stands at the top of the certificate, for example TN12/2026."),
        filters=[_cleaned],
        validators=[
            InputRequired(lazy_gettext("Enter the number of the certificate.")),
            Regexp(NUMBER, message=lazy_gettext("Enter a number in the form TN12/2026.")),
        ],
        render_kw={"autocomplete": "off", "spellcheck": "false"},
    )
    code = StringField(
        lazy_gettext("Verification code (optional)"),
        description=lazy_gettext(
            "With the code you see everything the certificate states. Without it, only what is public."
        ),
        filters=[_cleaned],
        validators=[Optional(), Length(max=60, message=lazy_gettext("This code is too long."))],
        render_kw={"autocomplete": "off", "spellcheck": "false"},
    )
