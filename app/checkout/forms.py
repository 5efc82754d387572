"""The forms of the checkout: shape and wording of what is typed."""

from __future__ import annotations

from typing import Any

from email_validator import EmailNotValidError, validate_email
from flask_babel import lazy_gettext
from flask_wtf import FlaskForm
from wtforms import BooleanField, HiddenField, RadioField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # the stubs are older than 3.3
from wtforms.validators import InputRequired, Length, ValidationError

from app.kernel.text import clean_line
from app.web.filters import country_choices

NAME_LENGTH = 200
PURPOSE_LENGTH = 500


def _cleaned(value: str | None) -> str:
    return clean_line(value or "")


def _deliverable(_form: FlaskForm, field: StringField) -> None:
    try:
        field.data = validate_email(field.data or "", check_deliverability=False).normalized
    except EmailNotValidError as problem:
        raise ValidationError(lazy_gettext("Enter an e-mail address in the form name@example.org.")) from problem


class DetailsForm(FlaskForm):
    """Who gets the certificate, and what it says."""

    email = StringField(
        lazy_gettext("E-mail address"),
        description=lazy_gettext("We send the receipt and the link to your certificates there, and nothing else."),
        filters=[_cleaned],
        validators=[
            InputRequired(lazy_gettext("Enter your e-mail address, so that we can send you the certificates.")),
            Length(max=254, message=lazy_gettext("This e-mail address is too long.")),
            _deliverable,
        ],
        render_kw={"autocomplete": "email", "inputmode": "email", "type": "email", "maxlength": None, "required": True},
    )
    beneficiary = StringField(
        lazy_gettext("Beneficiary (optional)"),
        description=lazy_gettext(
            "The person or organisation on whose behalf the units are cancelled, in any script. "
            "It is printed on the certificate."
        ),
        filters=[_cleaned],
        validators=[
            Length(max=NAME_LENGTH, message=lazy_gettext("Use at most %(max)d characters for the beneficiary."))
        ],
        render_kw={"autocomplete": "name", "dir": "auto"},
    )
    purpose = TextAreaField(
        lazy_gettext("Purpose (optional)"),
        description=lazy_gettext("Why the units are cancelled, in your own words. It is printed as your statement."),
        filters=[_cleaned],
        validators=[
            Length(max=PURPOSE_LENGTH, message=lazy_gettext("Use at most %(max)d characters for the purpose."))
        ],
        render_kw={"rows": 3, "dir": "auto", "autocomplete": "off"},
    )
    intent = RadioField(
        lazy_gettext("What the cancellation is for"),
        choices=[
            SelectChoice(
                "contribution",
                lazy_gettext("Contribution: I support climate action and do not count it against my own emissions."),
            ),
            SelectChoice(
                "compensation",
                lazy_gettext("Compensation: I set it against emissions of my own that I could not avoid."),
            ),
        ],
        default="contribution",
        validators=[InputRequired(lazy_gettext("Choose what the cancellation is for."))],
    )
    country = SelectField(
        lazy_gettext("Country (optional)"),
        description=lazy_gettext("Used for public statistics by country."),
        choices=[],
        default="",
        render_kw={"autocomplete": "country"},
    )
    publish_name = BooleanField(
        lazy_gettext("Publish the beneficiary’s name in the public register"),
        description=lazy_gettext("Without a tick, the register shows units and serial numbers, but no name."),
        default=False,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.country.choices = [
            SelectChoice("", lazy_gettext("Not stated")),
            *(SelectChoice(code, name) for code, name in country_choices()),
        ]

    def details(self) -> dict[str, Any]:
        """What was typed, as plain values to keep in the basket."""
        return {
            "email": self.email.data,
            "beneficiary": self.beneficiary.data,
            "purpose": self.purpose.data,
            "intent": self.intent.data,
            "country": self.country.data,
            "publish_name": bool(self.publish_name.data),
        }


class ReviewForm(FlaskForm):
    """The last step: consent, and the total that was shown."""

    consent = BooleanField(
        lazy_gettext("I agree to these four points."),
        default=False,
        validators=[InputRequired(lazy_gettext("Tick the box to agree. Without it we cannot cancel units for you."))],
    )
    expected_total = HiddenField()
