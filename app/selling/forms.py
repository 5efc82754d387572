"""The forms of an offer: what is typed, and what it means."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from flask_babel import gettext, lazy_gettext
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from wtforms import Field, HiddenField, StringField, TextAreaField
from wtforms.validators import InputRequired

from app.audit.service import LONGEST_REASON
from app.kernel.csvtable import CellRefused, amount, minor_units, whole_number
from app.kernel.languages import LANGUAGES
from app.kernel.money import Money
from app.kernel.text import clean_lines
from app.selling.terms import LONGEST_TEXT, MOST_TIERS, MOST_UNITS, Terms
from app.web.fields import Longest, cleaned, in_each_language
from app.web.import_errors import sentence
from app.web.typed import as_typed, ungrouped

LARGEST_PRICE = 2**31 - 1  # minor units: what the column holds
_PLAIN = {"autocomplete": "off", "spellcheck": "false"}
_UTC_HINT = lazy_gettext("Day and time in UTC, such as 2026-12-01 09:00. Leave it empty for none.")


def _cleaned_lines(value: str | None) -> str:
    return clean_lines(value or "")


def _line(label: str, hint: str = "", **attributes: str) -> StringField:
    return StringField(label, description=hint, filters=[cleaned], render_kw=_PLAIN | attributes)


def _instant_field(label: str, hint: str = _UTC_HINT) -> StringField:
    return _line(label, hint, type="datetime-local", step="60")


def _text(label: str) -> TextAreaField:
    return TextAreaField(
        label,
        filters=[_cleaned_lines],
        validators=[Longest(LONGEST_TEXT, lazy_gettext("Use at most %(max)s characters here."))],
        render_kw={"rows": 3, "dir": "auto", "autocomplete": "off"},
    )


def _tier_units(number: int) -> StringField:
    return _line(lazy_gettext("Tier %(number)s: from how many units", number=number), inputmode="numeric")


def _tier_price(number: int) -> StringField:
    return _line(lazy_gettext("Tier %(number)s: price of one unit", number=number), inputmode="decimal")


class PriceForm(FlaskForm):
    """A price with up to five lower ones for larger quantities."""

    unit_price = _line(
        lazy_gettext("Price of one unit"),
        lazy_gettext("All that a buyer pays for it, such as 2.50."),
        inputmode="decimal",
    )
    tier1_units = _tier_units(1)
    tier1_price = _tier_price(1)
    tier2_units = _tier_units(2)
    tier2_price = _tier_price(2)
    tier3_units = _tier_units(3)
    tier3_price = _tier_price(3)
    tier4_units = _tier_units(4)
    tier4_price = _tier_price(4)
    tier5_units = _tier_units(5)
    tier5_price = _tier_price(5)

    @property
    def tier_rows(self) -> list[tuple[Field, Field]]:
        """The fields of each tier: from how many units, and the price then."""
        return [(self[f"tier{n}_units"], self[f"tier{n}_price"]) for n in range(1, MOST_TIERS + 1)]

    def read_tiers(self, currency: str) -> tuple[tuple[int, int], ...]:
        """The tiers that were filled in; a problem stands beside its field."""
        tiers = []
        for units, price in self.tier_rows:
            if units.data or price.data:
                tiers.append((read_units(units), read_price(price, currency)))
        return tuple(tiers)


class PlanForm(PriceForm):
    """A price from an instant on."""

    due_at = _instant_field(
        lazy_gettext("From when on"), lazy_gettext("Day and time in UTC, such as 2026-12-01 09:00.")
    )

    def read(self, currency: str) -> tuple[int, tuple[tuple[int, int], ...], datetime] | None:
        """The price, its tiers and its instant; None with the problems beside their fields."""
        unit_price = read_price(self.unit_price, currency)
        tiers = self.read_tiers(currency)
        if not self.due_at.data:
            _add(self.due_at, gettext("Enter from when on the price holds."))
        due_at = read_instant(self.due_at)
        return None if self.errors or due_at is None else (unit_price, tiers, due_at)


@in_each_language(
    "text", lambda language: _text(lazy_gettext("Your words in %(language)s (optional)", language=language))
)
class OfferForm(PriceForm):
    """An offer: how many units, at what price, when, and in the seller's own words."""

    units = _line(lazy_gettext("Units on offer"), inputmode="numeric")
    minimum_units = _line(
        lazy_gettext("Smallest purchase, in units"),
        lazy_gettext("Nobody can buy fewer at once. 1 if it is the same to you."),
        inputmode="numeric",
    )
    opens_at = _instant_field(lazy_gettext("Opens (optional)"))
    expires_at = _instant_field(lazy_gettext("Expires (optional)"))
    seen = HiddenField(filters=[cleaned])

    def read(self, currency: str) -> tuple[int, Terms] | None:
        """Units and terms as typed; None with the problems beside their fields."""
        units = read_units(self.units)
        terms = Terms(
            unit_price=read_price(self.unit_price, currency),
            minimum_units=read_units(self.minimum_units),
            tiers=self.read_tiers(currency),
            opens_at=read_instant(self.opens_at),
            expires_at=read_instant(self.expires_at),
            texts={language: self[f"text_{language}"].data for language in LANGUAGES},
        )
        return None if self.errors else (units, terms)


class UploadForm(FlaskForm):
    """A file of offers."""

    file = FileField(
        lazy_gettext("CSV file"),
        description=lazy_gettext(
            "Text in UTF-8, at most 5 MB. Nothing is applied before you have seen what it changes."
        ),
        render_kw={"accept": ".csv,text/csv"},
    )


class ReasonForm(FlaskForm):
    """Why an operator decides so."""

    reason = TextAreaField(
        lazy_gettext("Reason"),
        description=lazy_gettext("The seller reads it."),
        filters=[_cleaned_lines],
        validators=[
            InputRequired(lazy_gettext("Give a reason: the seller reads it.")),
            Longest(LONGEST_REASON, lazy_gettext("Use at most %(max)s characters here.")),
        ],
        render_kw={"rows": 3, "dir": "auto", "autocomplete": "off"},
    )


def filled(units: int, terms: Terms, currency: str, seen: str) -> dict[str, Any]:
    """What stands in the form of an offer that is there already."""
    return {
        "units": str(units),
        "minimum_units": str(terms.minimum_units),
        "opens_at": _local(terms.opens_at),
        "expires_at": _local(terms.expires_at),
        "seen": seen,
        **{f"text_{language}": terms.texts.get(language, "") for language in LANGUAGES},
        **filled_price(terms.unit_price, terms.tiers, currency),
    }


def filled_price(unit_price: int, tiers: tuple[tuple[int, int], ...], currency: str) -> Mapping[str, str]:
    """What stands in the fields of a price and its tiers; minor units of `currency`."""
    values = {"unit_price": as_typed(Money(unit_price, currency).decimal)}
    for number, (from_units, price) in enumerate(tiers, start=1):
        values[f"tier{number}_units"] = str(from_units)
        values[f"tier{number}_price"] = as_typed(Money(price, currency).decimal)
    return values


def read_units(field: Field) -> int:
    """Whole units (tonnes), digits grouped as the page groups them; 0 with the problem beside the field."""
    try:
        return whole_number(1, MOST_UNITS)(ungrouped(field.data or ""))
    except CellRefused as refused:
        _add(field, _sentence(refused))
        return 0


def read_price(field: Field, currency: str) -> int:
    """A price in minor units of `currency`; 0 with the problem beside the field."""
    try:
        value = minor_units(_amount(ungrouped(field.data or "")), currency)
        if not 0 < value <= LARGEST_PRICE:
            raise CellRefused("price_out_of_range")
    except CellRefused as refused:
        _add(field, _sentence(refused))
        return 0
    return value


def read_instant(field: Field) -> datetime | None:
    """An instant that was typed in UTC; None for nothing, or with the problem beside the field."""
    typed = (field.data or "").strip()
    if not typed:
        return None
    try:
        value = datetime.fromisoformat(typed.removesuffix("UTC").strip().replace(" ", "T")).replace(microsecond=0)
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except (ValueError, OverflowError):
        _add(field, gettext("Write day and time as in 2026-12-01 09:00, in UTC."))
        return None


def _amount(typed: str) -> Decimal:
    if not typed:
        raise CellRefused("required")
    return amount(typed)


def _sentence(refused: CellRefused) -> str:
    # A form takes what its language groups and divides by; the sentences for files know digits and a point only.
    if refused.code in {"required", "not_an_amount"}:
        return gettext("Enter a price, such as 2.50.")
    if refused.code == "not_a_whole_number":
        return gettext("Enter a whole number in digits, such as 12.")
    return sentence(refused.code, refused.facts)


def _local(instant: datetime | None) -> str:
    """An instant as a field for day and time has it: no zone, seconds only where there are any."""
    if instant is None:
        return ""
    return instant.replace(tzinfo=None).isoformat(timespec="seconds" if instant.second else "minutes")


def _add(field: Field, message: str) -> None:
    field.errors = [*field.errors, message]
