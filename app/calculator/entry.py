"""From what stands in an address to a calculation, or to what is wrong with it."""

from __future__ import annotations

from decimal import ROUND_HALF_UP
from typing import Any

from flask_babel import gettext
from werkzeug.datastructures import MultiDict
from wtforms import Field, StringField

from app.calculator.airports import AmbiguousPlace, Place, UnknownPlace, find_place
from app.calculator.factors import Result, Table
from app.calculator.flights import Flight, flight_factor, flight_line
from app.calculator.forms import DEFAULTS, FLIGHTS, AmountField, FlightForm, HouseholdForm
from app.calculator.household import FUELS, Household, household_lines
from app.kernel.text import clean_line
from app.web.filters import country

VERSION = "version"
_MOST_SUGGESTIONS = 8
# In the order of the page, so that one calculation has one address.
NAMES = (
    VERSION,
    *(field.name for field in HouseholdForm(None, ())),
    *(field.name for n in range(1, FLIGHTS + 1) for field in FlightForm(prefix=f"flight{n}")),
)


class Entry:
    """The forms of one request. `errors` are pairs of a field's id and a message, in the order of the page."""

    def __init__(self, arguments: MultiDict[str, str], table: Table) -> None:
        self.table = table
        self.household = HouseholdForm(arguments, table.grids)
        self.flights = tuple(FlightForm(arguments, prefix=f"flight{n}") for n in range(1, FLIGHTS + 1))
        self.errors: list[tuple[str, str]] = []

    def calculate(self) -> Result | None:
        """The result, or None with `errors` filled."""
        forms = (self.household, *self.flights)
        for form in forms:
            form.validate()
        self._refuse_what_the_table_lacks()
        flights = [flight for form in self.flights if (flight := self._flight(form)) is not None]
        if self._is_empty:
            _refuse(self.household.electricity, gettext("Fill in at least one amount or one flight."))
        self.errors = [(field.id, str(field.errors[0])) for form in forms for field in form if field.errors]
        if self.errors:
            return None
        lines = [
            *household_lines(self._household(), self.table),
            *(flight_line(flight, self.table) for flight in flights),
        ]
        return Result(self.table.version, tuple(lines), self.household.people.people)

    @property
    def _is_empty(self) -> bool:
        form = self.household
        amounts = (field for field in form if isinstance(field, AmountField) and field is not form.own_grid)
        return not any(field.data for field in amounts) and all(form.is_empty for form in self.flights)

    def _household(self) -> Household:
        form = self.household
        fuels = {name: amount for name in FUELS if (amount := getattr(form, name).amount) is not None}
        cars = ((form.car_as.data, form.car.amount), (form.car2_as.data, form.car2.amount))
        return Household(
            electricity=form.electricity.amount,
            grid=form.grid.data,
            own_grid=form.own_grid.amount,
            fuels=fuels,
            cars=tuple((key, amount) for key, amount in cars if amount is not None),
        )

    def _flight(self, form: FlightForm) -> Flight | None:
        if form.is_empty or form.errors:
            return None
        is_return, cabin, passengers = form.trip.data == "return", str(form.cabin.data), form.passengers.people
        if form.km.amount is not None:
            km = int(form.km.amount.to_integral_value(ROUND_HALF_UP))
            return self._known(Flight(None, None, km, cabin, is_return, passengers), form.km)
        origin, destination = _place(form.origin), _place(form.destination)
        if origin is None or destination is None:
            return None
        flight = Flight.between(origin, destination, cabin=cabin, is_return=is_return, passengers=passengers)
        if flight.km == 0:
            _refuse(form.destination, gettext("This is where the flight starts. Enter another place."))
            return None
        return self._known(flight, form.origin)

    def _known(self, flight: Flight, field: StringField) -> Flight | None:
        if flight_factor(flight) in self.table.factors:
            return flight
        self._refuse_as_unknown(field)
        return None

    def _refuse_what_the_table_lacks(self) -> None:
        # An older or an operator's table may know less than the newest.
        form = self.household
        used = {form[name]: key for name, key in FUELS.items()}
        used |= {form.car: form.car_as.data, form.car2: form.car2_as.data}
        for field, key in used.items():
            if field.data and not field.errors and key not in self.table.factors:
                self._refuse_as_unknown(field)

    def _refuse_as_unknown(self, field: Field) -> None:
        message = gettext(
            "There is no factor for this in version %(version)s. Leave it empty.", version=self.table.version
        )
        _refuse(field, message)


def tidy(arguments: MultiDict[str, str]) -> dict[str, Any]:
    """The arguments that say something: of ours, not empty, and not what a field says when nobody touched it."""
    kept: dict[str, Any] = {}
    for name in NAMES:
        text = clean_line(arguments.get(name, ""))
        if text and DEFAULTS.get(name.rpartition("-")[2]) != text:
            kept[name] = text
    return kept


def _place(field: StringField) -> Place | None:
    typed = str(field.data)
    try:
        return find_place(typed)
    except UnknownPlace:
        _refuse(
            field,
            gettext(
                "We know no city or airport called “%(name)s”. Enter an airport’s code, such as CDG, or the distance.",
                name=typed,
            ),
        )
    except AmbiguousPlace as several:
        names = [f"{a.code} ({a.city}, {country(a.country)})" for a in several.airports[:_MOST_SUGGESTIONS]]
        _refuse(
            field,
            gettext("Several places are called so. Enter the code of one: %(places)s.", places=", ".join(names)),
        )
    return None


def _refuse(field: Field, message: str) -> None:
    field.errors = [message]
