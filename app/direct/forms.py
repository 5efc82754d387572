"""The form of a direct cancellation: how many units, on whose behalf, and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask_babel import gettext, lazy_gettext
from flask_wtf import FlaskForm
from wtforms import BooleanField, HiddenField, RadioField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # the stubs are older than 3.3
from wtforms.validators import InputRequired

from app.catalog.labels import authorisation, unit_name
from app.catalog.labels import intent as intent_name
from app.certificates.presentation import PURPOSE_CATEGORIES
from app.checkout.errors import IntentNotAllowed
from app.checkout.service.allowed import require_intent
from app.direct.purposes import NEED_A_SCHEME, Purpose
from app.direct.service import LONGEST, Wish
from app.kernel.csvtable import CellRefused, whole_number
from app.kernel.errors import Refusal
from app.kernel.references import unguessable_token
from app.selling.holdings import HoldingLine
from app.selling.terms import MOST_UNITS
from app.web import filters
from app.web.fields import CountryField, Longest, cleaned
from app.web.typed import ungrouped

ITSELF, SOMEBODY_ELSE = "itself", "somebody_else"
ONCE_LENGTH = 80
_read_units = whole_number(1, MOST_UNITS)


def _once(value: str | None) -> str:
    """The form's own random text; a new one where it is missing or too long to be one."""
    return value if value and len(value) <= ONCE_LENGTH else unguessable_token()


def _at_most(name: str) -> Longest:
    return Longest(LONGEST[name], lazy_gettext("Use at most %(max)s characters here."))


class DirectForm(FlaskForm):
    """Everything that the certificate will say, and the consent of the last step."""

    pool = SelectField(
        lazy_gettext("Which units"),
        description=lazy_gettext("What the registry shows in your accounts and nothing else has promised."),
        choices=[],
        validators=[InputRequired(lazy_gettext("Choose the units to cancel."))],
    )
    units = StringField(
        lazy_gettext("How many units"),
        description=lazy_gettext("Whole units; each is one tonne of CO₂e."),
        filters=[cleaned],
        validators=[InputRequired(lazy_gettext("Enter how many units to cancel."))],
        render_kw={"inputmode": "numeric", "autocomplete": "off"},
    )
    on_behalf_of = RadioField(
        lazy_gettext("On whose behalf"),
        choices=[
            SelectChoice(ITSELF, lazy_gettext("Of our organisation")),
            SelectChoice(SOMEBODY_ELSE, lazy_gettext("Of somebody else, whose name I enter below")),
        ],
        default=ITSELF,
        validators=[InputRequired(lazy_gettext("Choose on whose behalf the units are cancelled."))],
    )
    name = StringField(
        lazy_gettext("Name of the beneficiary, if it is somebody else"),
        description=lazy_gettext("A person or organisation, in any script. It is printed on the certificate."),
        filters=[cleaned],
        validators=[_at_most("name")],
        render_kw={"autocomplete": "off", "dir": "auto"},
    )
    purpose_category = SelectField(
        lazy_gettext("What it is for"),
        choices=[],
        validators=[InputRequired(lazy_gettext("Choose what the cancellation is for."))],
    )
    scheme_name = StringField(
        lazy_gettext("Name of the scheme or standard"),
        description=lazy_gettext("Needed for a mandatory scheme or another standard; the name only."),
        filters=[cleaned],
        validators=[_at_most("scheme_name")],
        render_kw={"autocomplete": "off", "dir": "auto"},
    )
    purpose = TextAreaField(
        lazy_gettext("Purpose in your own words (optional)"),
        description=lazy_gettext("It is printed on the certificate as your statement."),
        filters=[cleaned],
        validators=[_at_most("purpose")],
        render_kw={"rows": 3, "dir": "auto", "autocomplete": "off"},
    )
    intent = RadioField(
        lazy_gettext("Contribution or compensation"),
        choices=[
            SelectChoice("contribution", lazy_gettext("Contribution: it is not set against any emissions.")),
            SelectChoice("compensation", lazy_gettext("Compensation: it is set against emissions of the beneficiary.")),
        ],
        validators=[InputRequired(lazy_gettext("Choose contribution or compensation."))],
    )
    country = CountryField(
        lazy_gettext("Country of the beneficiary (optional)"),
        nothing=lazy_gettext("Not stated"),
        description=lazy_gettext("It stands in the data of the certificate and on no public page."),
        default="",
    )
    publish_name = BooleanField(
        lazy_gettext("Let everybody read the beneficiary’s name and the purpose"),
        description=lazy_gettext("The public register shows units, serial numbers and category either way."),
        default=False,
    )
    once = HiddenField(default=unguessable_token, filters=[_once])
    consent = BooleanField(lazy_gettext("I understand that this cannot be undone, and I may do it."), default=False)

    def __init__(self, holdings: Sequence[HoldingLine], **kwargs: Any) -> None:
        """`holdings` are the units to choose from."""
        super().__init__(**kwargs)
        self.holdings = {f"{line.account}|{line.issuance_id}": line for line in holdings if line.free}
        self.pool.choices = [SelectChoice(key, _pool_name(line)) for key, line in self.holdings.items()]
        self.purpose_category.choices = [
            SelectChoice("", gettext("Choose")),
            *(SelectChoice(code.value, PURPOSE_CATEGORIES[code.value]) for code in Purpose),
        ]

    def read(self) -> Wish | None:
        """What was asked for; None when something does not fit, which then stands beside its field."""
        if not self.validate():
            return None
        line = self.holdings[self.pool.data]
        try:
            units = _read_units(ungrouped(self.units.data or ""))
        except CellRefused:
            self.units.errors = [gettext("Enter a whole number of units, such as 250.")]
            return None
        if self.on_behalf_of.data == SOMEBODY_ELSE and not self.name.data:
            self.name.errors = [gettext("Enter the name of the beneficiary.")]
            return None
        if self.purpose_category.data in NEED_A_SCHEME and not self.scheme_name.data:
            self.scheme_name.errors = [gettext("Enter the name of the scheme or standard.")]
            return None
        try:
            require_intent(self.intent.data, [line.authorisation])
        except IntentNotAllowed as refusal:
            self.place_refusal(refusal)
            return None
        return Wish(
            account=line.account,
            issuance_id=line.issuance_id,
            units=units,
            is_for_itself=self.on_behalf_of.data == ITSELF,
            name="" if self.on_behalf_of.data == ITSELF else self.name.data or "",
            purpose=self.purpose.data or "",
            purpose_category=self.purpose_category.data,
            scheme_name=self.scheme_name.data or "",
            intent=self.intent.data,
            country=self.country.data,
            is_name_public=bool(self.publish_name.data),
        )

    def place_refusal(self, refusal: Refusal) -> None:
        """Put what the service says beside the field that it is about."""
        if refusal.code == "more_than_held":
            free = int(str(refusal.facts["free"]))
            self.units.errors = [gettext("Only %(free)s of these units are free.", free=filters.number(free))]
        elif refusal.code == "wish_unfit" and refusal.facts["field"] == "scheme_name":
            self.scheme_name.errors = [gettext("Enter only the name of the scheme or standard, and no claim.")]
        elif refusal.code == "intent_not_allowed":
            self.intent.errors = [
                gettext(
                    "Units with the status “%(status)s” cannot be cancelled for this: %(intent)s. Choose something "
                    "else, or other units.",
                    status=authorisation(str(refusal.facts["authorisation"])),
                    intent=intent_name(str(refusal.facts["intent"])),
                )
            ]
        elif refusal.code == "participant_cannot_act":
            self.pool.errors = [gettext("Your organisation cannot cancel units here at the moment.")]
        elif refusal.code == "registry_closed":
            self.pool.errors = [
                gettext("The registry of these units has closed. Nothing can be cancelled there any more.")
            ]
        else:
            self.pool.errors = [gettext("These units cannot be cancelled. Choose again.")]


def _pool_name(line: HoldingLine) -> str:
    return gettext(
        "%(label)s: %(value)s",
        label=line.project_reference,
        value=f"{filters.number(line.free)}\u00a0{unit_name(line.unit_type, line.free)}, "
        f"{filters.date_range(line.monitoring_starts_on, line.monitoring_ends_on)}, {line.account}, "
        f"{line.project_title}",
    )
