"""The forms of the calculator: shape and wording of what is typed. Every field is optional."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from flask_babel import gettext, lazy_gettext, lazy_pgettext
from flask_wtf.i18n import translations
from wtforms import Form, SelectField, StringField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # the stubs are older than 3.3
from wtforms.validators import ValidationError

from app.calculator.amounts import BadAmount, read_amount
from app.kernel.text import clean_line
from app.web.filters import country_choices

WORLD = "ZZ"
FLIGHTS = 3
MOST_PEOPLE = 99
FARTHEST_KM = 20_037  # half the circumference of the Earth
LONGEST_NAME = 80

CAR_CHOICES = (
    SelectChoice("petrol.km", lazy_gettext("km in a petrol car")),
    SelectChoice("diesel.km", lazy_gettext("km in a diesel car")),
    SelectChoice("hybrid.km", lazy_gettext("km in a hybrid car")),
    SelectChoice("petrol.litre", lazy_gettext("litres of petrol")),
    SelectChoice("diesel.litre", lazy_gettext("litres of diesel")),
)
CABIN_CHOICES = (
    SelectChoice("economy", lazy_gettext("Economy")),
    SelectChoice("premium", lazy_gettext("Premium economy")),
    SelectChoice("business", lazy_gettext("Business")),
    SelectChoice("first", lazy_gettext("First class")),
)
TRIP_CHOICES = (
    SelectChoice("return", lazy_gettext("There and back")),
    SelectChoice("single", lazy_gettext("One way")),
)
# What a field says when nobody touched it; such a value need not stand in the address.
DEFAULTS = {
    "car_as": "petrol.km", "car2_as": "petrol.km", "cabin": "economy", "trip": "return", "passengers": "1",
    "people": "1",
}  # fmt: skip


def _cleaned(value: str | None) -> str:
    return clean_line(value or "")


class AmountField(StringField):
    """An amount with at most two decimals; `amount` is None for nothing typed."""

    amount: Decimal | None = None

    def pre_validate(self, form: Any) -> None:
        """Read the amount. Raises ValidationError."""
        if not self.data:
            return
        try:
            self.amount = read_amount(self.data)
        except BadAmount as bad:
            raise ValidationError(_amount_refused(bad.reason, self.label.text)) from bad


def _amount_refused(reason: str, field: str) -> str:
    return {
        "sign": gettext("%(field)s: enter 0 or more, without a plus or minus sign.", field=field),
        "thousands": gettext(
            "%(field)s: enter a number in digits, such as 3500 or 12.5, without a sign for thousands.", field=field
        ),
        "large": gettext("%(field)s: this is too much. Enter at most nine digits.", field=field),
        "decimals": gettext("%(field)s: enter at most two decimals, such as 12.5.", field=field),
        "number": gettext("%(field)s: enter a number in digits, such as 3500 or 12.5.", field=field),
    }[reason]


class PeopleField(StringField):
    """How many people, 1 to 99; nothing typed is one."""

    people: int = 1

    def pre_validate(self, form: Any) -> None:
        """Read the number. Raises ValidationError."""
        text = self.data or "1"
        if not (text.isascii() and text.isdecimal() and len(text) <= len(str(MOST_PEOPLE)) and int(text)):
            raise ValidationError(gettext("%(field)s: enter a whole number, from 1 to 99.", field=self.label.text))
        self.people = int(text)


def _amount(label: Any, hint: Any = "") -> AmountField:
    return AmountField(
        label,
        description=hint,
        filters=[_cleaned],
        render_kw={"inputmode": "decimal", "autocomplete": "off", "spellcheck": "false"},
    )


def _people(label: Any, hint: Any = "") -> PeopleField:
    return PeopleField(
        label,
        description=hint,
        default="1",
        filters=[_cleaned],
        render_kw={"inputmode": "numeric", "autocomplete": "off", "spellcheck": "false"},
    )


def _place(label: Any, hint: Any = "") -> StringField:
    return StringField(
        label,
        description=hint,
        filters=[_cleaned],
        render_kw={"autocomplete": "off", "spellcheck": "false"},
    )


class _Form(Form):
    """A form that stands in an address, without a token; what WTForms says of it is in the reader's language too."""

    class Meta:
        """Where WTForms finds its words."""

        def get_translations(self, _form: Form) -> Any:
            """The same as for every other form."""
            return translations


class HouseholdForm(_Form):
    """A year of a household."""

    electricity = _amount(lazy_gettext("Electricity, in kWh"))
    grid = SelectField(lazy_gettext("Country of the grid"), choices=[], default="")
    own_grid = _amount(
        lazy_gettext("Or your own factor, in g/kWh"),
        lazy_gettext("Grams of CO₂e, from your bill; it takes the place of the country’s figure."),
    )
    gas = _amount(lazy_gettext("Natural gas, in kWh"), lazy_gettext("As on the bill (gross calorific value)."))
    oil = _amount(lazy_gettext("Heating oil, in litres"))
    lpg = _amount(lazy_gettext("Bottled or tank gas (LPG), in kg"))
    pellets = _amount(lazy_gettext("Wood pellets, in kg"))
    heat = _amount(lazy_gettext("District heating, in kWh"))
    car = _amount(
        lazy_gettext("Car"),
        lazy_gettext("Kilometres or litres. An electric car that you charge at home is in your electricity already."),
    )
    car_as = SelectField(lazy_gettext("Car, counted as"), choices=CAR_CHOICES, default=DEFAULTS["car_as"])
    car2 = _amount(lazy_gettext("Second car"))
    car2_as = SelectField(lazy_gettext("Second car, counted as"), choices=CAR_CHOICES, default=DEFAULTS["car2_as"])
    people = _people(
        lazy_gettext("People in the household"), lazy_gettext("Only to show the share of one; the total stays.")
    )

    def __init__(self, formdata: Any, grids: Sequence[str]) -> None:
        super().__init__(formdata)
        known = set(grids)
        self.grid.choices = [
            SelectChoice("", lazy_gettext("Choose a country")),
            *([SelectChoice(WORLD, lazy_gettext("World average"))] if WORLD in known else []),
            *(SelectChoice(code, name) for code, name in country_choices() if code in known),
        ]

    def validate_own_grid(self, field: AmountField) -> None:
        """Electricity needs a factor. Raises ValidationError."""
        if self.electricity.amount is not None and field.amount is None and not self.grid.data and not field.errors:
            raise ValidationError(gettext("Choose the country of the grid above, or enter the factor from your bill."))


class FlightForm(_Form):
    """One flight, by its places or its distance."""

    origin = _place(lazy_pgettext("flight", "From"), lazy_gettext("A city or an airport’s code, such as Paris or CDG."))
    destination = _place(lazy_pgettext("flight", "To"))
    km = _amount(lazy_gettext("Or the distance of one way, in km"))
    cabin = SelectField(lazy_pgettext("flight", "Class"), choices=CABIN_CHOICES, default=DEFAULTS["cabin"])
    trip = SelectField(lazy_gettext("Trip"), choices=TRIP_CHOICES, default=DEFAULTS["trip"])
    passengers = _people(lazy_gettext("Passengers"))

    @property
    def is_empty(self) -> bool:
        """Whether no flight was entered here."""
        return not (self.origin.data or self.destination.data or self.km.data)

    def validate_origin(self, field: StringField) -> None:
        """Both ends or none. Raises ValidationError."""
        _check_end(field, self.destination, self.km)

    def validate_destination(self, field: StringField) -> None:
        """Both ends or none. Raises ValidationError."""
        _check_end(field, self.origin, self.km)

    def validate_km(self, field: AmountField) -> None:
        """A distance instead of places, not beside them, and of this Earth. Raises ValidationError."""
        if field.amount is None:
            return
        if self.origin.data or self.destination.data:
            raise ValidationError(gettext("Enter the two places or the distance, not both."))
        if not 1 <= field.amount <= FARTHEST_KM:
            raise ValidationError(gettext("Enter a distance from 1 to 20037 km, for one way."))


def _check_end(field: StringField, other: StringField, km: AmountField) -> None:
    if other.data and not field.data and not km.data:
        raise ValidationError(gettext("Enter the other end of the flight too."))
    if len(field.data or "") > LONGEST_NAME:
        raise ValidationError(gettext("This name is too long. Enter a city or a three-letter code."))


class BudgetForm(_Form):
    """How much money there is."""

    amount = _amount(lazy_gettext("Amount"))
