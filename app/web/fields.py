"""What several forms ask for in the same way."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar

from flask_babel import gettext, lazy_gettext
from flask_babel.speaklater import LazyString
from flask_wtf import FlaskForm
from markupsafe import Markup
from wtforms import DateField, DateTimeLocalField, Field, SelectField, StringField
from wtforms.form import BaseForm
from wtforms.validators import InputRequired, Length, ValidationError
from wtforms.widgets.core import Input

from app.kernel.csvtable import countries
from app.kernel.languages import LANGUAGES
from app.kernel.text import clean_line
from app.web.filters import country_choices, language_name, number
from app.web.i18n import current_language
from app.web.writing import shown

ADDRESS_LENGTH = 254

F = TypeVar("F", bound=type[FlaskForm])


def written(**attributes: Any) -> str:
    """The attributes of an HTML element as WTForms writes them; it takes a fifth of a page with a form for that."""
    parts = []
    for name, value in sorted(attributes.items()):
        if value is True:
            parts.append(name)
        elif value is not False:
            # In what is HTML already, quotation marks may stand as they are.
            quoted = str(shown(value)).replace('"', "&quot;")
            parts.append(f'{name}="{quoted}"')
    return " ".join(parts)


# In every form of the process.
Input.html_params = staticmethod(written)  # type: ignore[method-assign]  # WTForms' own way to choose another


def cleaned(value: str | None) -> str:
    """What was typed, as one harmless line."""
    return clean_line(value or "")


def in_each_language(prefix: str, make: Callable[[str], Field]) -> Callable[[F], F]:
    """Give a form a field for each language of the site, named after its code: `text_en`.

    `make` gets what the language is called, to be said in the language of the page.
    """

    def extended(form: F) -> F:
        for code in LANGUAGES:
            setattr(form, f"{prefix}_{code}", make(LazyString(language_name, code)))
        return form

    return extended


class CountrySelect:
    """The list of a `CountryField`."""

    def __call__(self, field: CountryField, **attributes: Any) -> Markup:
        """Mark the choice in the names that are drawn already."""
        attributes.setdefault("id", field.id)
        attributes.setdefault("required", bool(field.flags.required))
        names = _names(current_language(), str(field.nothing))
        marked = names.replace(f'<option value="{field.data}">', f'<option selected value="{field.data}">')
        # What was chosen stands in it only where a country has that code.
        return Markup(f"<select {written(name=field.name, **attributes)}>{marked}</select>")  # noqa: S704 - as said


@lru_cache(maxsize=64)
def _names(_language: str, nothing: str) -> str:
    """The options in the language in force, none of them chosen: WTForms takes as long for them as for a page."""
    option = Markup('<option value="{}">{}</option>')
    return "".join(option.format(code, name) for code, name in (("", nothing), *country_choices()))


class CountryField(SelectField):
    """One of the countries of ISO 3166-1 by its code, or none, which is called `nothing` and is the empty text."""

    widget = CountrySelect()

    def __init__(self, label: Any, *, nothing: Any, **settings: Any) -> None:
        super().__init__(label, choices=[], **settings)
        self.nothing = nothing

    def pre_validate(self, form: BaseForm) -> None:
        """Raises ValidationError for a code that is not in the list."""
        if self.data != "" and self.data not in countries():
            super().pre_validate(form)  # in its own words: it knows of no choices, so none is valid


class Longest(Length):
    """At most so many characters; `message` has their number as `%(max)s`, and it is written as the page writes it."""

    def __init__(self, most: int, message: str) -> None:
        super().__init__(max=most)
        self._words = message

    def __call__(self, _form: BaseForm, field: Field) -> None:
        """Raises ValidationError."""
        if len(field.data or "") > self.max:
            raise ValidationError(self._words % {"max": number(self.max)})


class DayField(DateField):
    """A day as browsers send it and people may write it: 2026-12-31."""

    def process_formdata(self, valuelist: list[str]) -> None:
        """Raises ValueError with words of our own."""
        try:
            super().process_formdata(valuelist)
        except ValueError as problem:
            raise ValueError(gettext("Write the day as in 2026-12-31.")) from problem


class InstantField(DateTimeLocalField):
    """A day and a time in UTC, as browsers send them and people may write them: 2026-12-01 09:00."""

    def process_formdata(self, valuelist: list[str]) -> None:
        """Raises ValueError with words of our own."""
        try:
            super().process_formdata(valuelist)
        except ValueError as problem:
            raise ValueError(gettext("Write day and time as in 2026-12-01 09:00, in UTC.")) from problem


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
    # Its large patterns take 28 ms of the start, so the first address loads it.
    from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415 - loaded late

    try:
        field.data = validate_email(field.data or "", check_deliverability=False).normalized
    except EmailNotValidError as problem:
        raise ValidationError(lazy_gettext("Enter an e-mail address in the form name@example.org.")) from problem
