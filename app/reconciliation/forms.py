"""Explaining a difference, and proposing to lift a hold."""

from __future__ import annotations

from flask_babel import lazy_gettext
from flask_wtf import FlaskForm
from wtforms import IntegerField, TextAreaField
from wtforms.validators import DataRequired, NumberRange, Optional

from app.audit.service import LONGEST_REASON
from app.kernel.text import clean_lines
from app.web.fields import Longest

LARGEST_NUMBER = 10**9


def _lines(value: str | None) -> str:
    return clean_lines(value or "")


def _reason(description: str) -> TextAreaField:
    missing = lazy_gettext("Give a reason. Others must be able to understand this later.")
    return TextAreaField(
        lazy_gettext("Reason"),
        description=description,
        filters=[_lines],
        validators=[
            DataRequired(missing),
            Longest(LONGEST_REASON, lazy_gettext("Use at most %(max)s characters here.")),
        ],
        render_kw={"rows": 3, "dir": "auto", "autocomplete": "off", "required": True},
    )


class ExplainForm(FlaskForm):
    """What a difference is."""

    reason = _reason(lazy_gettext("What it is, how you know, and what was done about it. It is kept with your name."))


def _last(label: str, description: str) -> IntegerField:
    return IntegerField(
        label,
        description=description,
        validators=[
            Optional(),
            NumberRange(0, LARGEST_NUMBER, lazy_gettext("Enter a whole number, such as 128.")),
        ],
        render_kw={"inputmode": "numeric", "autocomplete": "off"},
    )


class LiftForm(FlaskForm):
    """Why everything may be done again; the last numbers only where the journal is lost."""

    reason = _reason(lazy_gettext("What you have looked at. It is kept with your name."))
    last_number = _last(
        lazy_gettext("Last certificate number of this year"),
        lazy_gettext(
            "The journal is lost, so nobody but you can know it. Look for the highest number in sent mails and at "
            "buyers: for TN128/2026 enter 128. No number up to it is given again."
        ),
    )
    last_complaint = _last(
        lazy_gettext("Last complaint number of this year"),
        lazy_gettext("Look for the highest number in sent mails: for C12/2026 enter 12, and 0 if there was none."),
    )
