"""The forms of the checkout: shape and wording of what is typed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from flask_babel import lazy_gettext
from flask_wtf import FlaskForm
from wtforms import BooleanField, HiddenField, RadioField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # the stubs are older than 3.3
from wtforms.validators import InputRequired, ValidationError

from app.catalog import book
from app.checkout.quantities import read_number
from app.checkout.wording import WordingField, ask_about_name, ask_about_purpose
from app.web.fields import CountryField, Longest, cleaned, email_field

NAME_LENGTH = 200
PURPOSE_LENGTH = 500

_INTENTS = (
    SelectChoice(
        "contribution",
        lazy_gettext("Contribution: I support climate action and do not count it against my own emissions."),
    ),
    SelectChoice(
        "compensation",
        lazy_gettext("Compensation: I set it against emissions of my own that I could not avoid."),
    ),
)


class BasketForm(FlaskForm):
    """The token that says the press was the buyer's; as many quantities as there are lines are read beside it."""


class DetailsForm(FlaskForm):
    """Who gets the certificate, and what it says."""

    email = email_field(
        lazy_gettext("We send the receipt and the link to your certificates there, and nothing else."),
        lazy_gettext("Enter your e-mail address, so that we can send you the certificates."),
    )
    beneficiary = StringField(
        lazy_gettext("Beneficiary (optional)"),
        description=lazy_gettext(
            "The person or organisation on whose behalf the units are cancelled, in any script. "
            "It is printed on each certificate of the order; for several beneficiaries, place several orders."
        ),
        filters=[cleaned],
        validators=[Longest(NAME_LENGTH, lazy_gettext("Use at most %(max)s characters for the beneficiary."))],
        render_kw={"autocomplete": "name", "dir": "auto"},
    )
    beneficiary_wording = WordingField(lazy_gettext("Beneficiary: what is printed?"), choices=[])
    purpose = TextAreaField(
        lazy_gettext("Purpose (optional)"),
        description=lazy_gettext("Why the units are cancelled, in your own words. It is printed as your statement."),
        filters=[cleaned],
        validators=[Longest(PURPOSE_LENGTH, lazy_gettext("Use at most %(max)s characters for the purpose."))],
        render_kw={"rows": 3, "dir": "auto", "autocomplete": "off"},
    )
    purpose_wording = WordingField(lazy_gettext("Purpose: what is printed?"), choices=[])
    intent = RadioField(
        lazy_gettext("What the cancellation is for"),
        choices=[],
        default="contribution",
        validators=[InputRequired(lazy_gettext("Choose what the cancellation is for."))],
    )
    country = CountryField(
        lazy_gettext("Country (optional)"),
        nothing=lazy_gettext("Not stated"),
        description=lazy_gettext("It stands in the data of the certificate and on no public page."),
        default="",
        render_kw={"autocomplete": "country"},
    )
    publish_name = BooleanField(
        lazy_gettext("Let everybody read the beneficiary’s name and the purpose"),
        description=lazy_gettext(
            "With a tick, anybody who has the certificate’s number reads name and purpose, and the public register "
            "shows the name. Without it, both show units and serial numbers only."
        ),
        default=False,
    )

    def __init__(self, *args: Any, authorisations: Collection[str] = (), **kwargs: Any) -> None:
        """`authorisations` is what host Parties say of the units in the basket, as codes."""
        super().__init__(*args, **kwargs)
        allowed = [book.contents().intents_of(code) for code in authorisations]
        self.intent.choices = [choice for choice in _INTENTS if all(choice.value in intents for intents in allowed)]
        name, purpose = self.beneficiary.data or "", self.purpose.data or ""
        if not ask_about_name(self.beneficiary_wording, name):
            del self.beneficiary_wording
        if not ask_about_purpose(self.purpose_wording, purpose, self.intent.data or "", name):
            del self.purpose_wording

    def details(self) -> dict[str, Any]:
        """What was typed or chosen instead, as plain values to keep in the basket."""
        name, purpose = self.beneficiary_wording, self.purpose_wording
        return {
            "email": self.email.data,
            "beneficiary": name.alternative if name and name.replaces else self.beneficiary.data,
            "beneficiary_wording": name.data if name else "",
            "purpose": purpose.alternative if purpose and purpose.replaces else self.purpose.data,
            "purpose_wording": purpose.data if purpose else "",
            "intent": self.intent.data,
            "country": self.country.data,
            "publish_name": bool(self.publish_name.data),
        }


class ReviewForm(FlaskForm):
    """The last step: consent, and the total, its parts and the version of the terms that were shown."""

    consent = BooleanField(
        lazy_gettext("I agree to these four points."),
        default=False,
        validators=[InputRequired(lazy_gettext("Tick the box to agree. Without it we cannot cancel units for you."))],
    )
    expected_total = HiddenField()
    shown = HiddenField()
    shown_parts = HiddenField()
    terms = HiddenField()


MONEY = "money"


class RemedyForm(FlaskForm):
    """The money, or other units: and the same consent as for the first ones."""

    choice = RadioField(
        lazy_gettext("What do you want instead?"),
        choices=[],
        validate_choice=False,
        validators=[InputRequired(lazy_gettext("Choose your money or other units."))],
    )
    consent = BooleanField(lazy_gettext("I agree to these four points."), default=False)
    terms = HiddenField()

    def __init__(self, *args: Any, choices: Mapping[str, str], **kwargs: Any) -> None:
        """`choices` are labels by value: `money`, and `<offer id>-<unit price>` for each substitute."""
        super().__init__(*args, **kwargs)
        self.choice.choices = [SelectChoice(value, label) for value, label in choices.items()]

    def validate_consent(self, field: BooleanField) -> None:
        """Units are cancelled for ever, money is not."""
        if self.choice.data not in {None, "", MONEY} and not field.data:
            raise ValidationError(lazy_gettext("Tick the box to agree. Without it we cannot cancel units for you."))

    def chosen_units(self) -> tuple[int, int] | None:
        """The offer and the unit price (minor units) that were chosen; None for the money. Strange values are 0."""
        if self.choice.data == MONEY:
            return None
        offer_id, _separator, price = str(self.choice.data).partition("-")
        return read_number(offer_id), read_number(price)


class StopWaitingForm(FlaskForm):
    """A button, and the token that says the press was the buyer's."""
