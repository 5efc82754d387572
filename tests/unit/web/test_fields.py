"""A country is chosen from the names in the reader's language, and only the choice differs from page to page."""

from __future__ import annotations

import pytest
from flask import Flask
from flask_babel import lazy_gettext
from flask_wtf import FlaskForm
from markupsafe import Markup
from wtforms import SelectField, StringField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # the stubs are older than 3.3
from wtforms.validators import InputRequired
from wtforms.widgets import html_params

from app.web.fields import CountryField, Longest, written
from app.web.filters import country_choices
from app.web.i18n import in_locale

NAMED = {"autocomplete": "country"}
REFUSED = "This answer is not offered here. Choose one of those that are."


class Form(FlaskForm):
    """The same question twice: with our list, and with the one of WTForms."""

    ours = CountryField("Country", nothing=lazy_gettext("Wind power"), default="", render_kw=NAMED)
    theirs = SelectField("Country", choices=[], default="", render_kw=NAMED)

    def __init__(self) -> None:
        super().__init__(meta={"csrf": False})
        self.theirs.choices = [
            SelectChoice("", lazy_gettext("Wind power")),
            *(SelectChoice(code, name) for code, name in country_choices()),
        ]


class Required(FlaskForm):
    """A country that has to be chosen, with nothing chosen beforehand."""

    country = CountryField("Country", nothing="Choose", validators=[InputRequired()])


@pytest.mark.parametrize("language", ["en", "fr", "es"])
@pytest.mark.parametrize("chosen", ["", "KR", "CI", "XX", '"><b>', None])
def test_the_list_is_the_one_of_wtforms_with_the_choice_marked(site: Flask, language: str, chosen: str | None) -> None:
    with site.test_request_context(), in_locale(language):
        form = Form()
        form.ours.data = form.theirs.data = chosen
        ours, theirs = (str(field(**{"class": "input"})) for field in (form.ours, form.theirs))

    assert ours.replace("ours", "theirs") == theirs
    assert ours.count(" selected ") == (chosen in {"", "KR", "CI"})
    assert ("Énergie éolienne" in ours) == (language == "fr")


@pytest.mark.parametrize(
    ("sent", "error"), [("", None), ("KR", None), ("kr", REFUSED), ("EU", REFUSED), ("KR\n", REFUSED)]
)
def test_what_is_not_in_the_list_is_refused(site: Flask, sent: str, error: str | None) -> None:
    with site.test_request_context("/", method="POST", data={"ours": sent, "theirs": ""}):
        form = Form()

        assert form.validate() == (error is None)
        assert list(form.ours.errors) == ([error] if error else [])
        assert not form.theirs.errors


def test_a_country_that_must_be_chosen_says_so(site: Flask) -> None:
    with site.test_request_context("/", method="POST", data={"country": ""}):
        form = Required(meta={"csrf": False})

        assert not form.validate()
        assert form.country.errors == ["This field is required."]
        assert " required>" in str(form.country())
        assert "required" not in str(form.country(required=False))


def test_a_form_without_the_field_chooses_no_country_of_those_that_must_be_chosen(site: Flask) -> None:
    with site.test_request_context("/", method="POST", data={"other": "x"}):
        form = Required(meta={"csrf": False})

        assert not form.validate()
        assert "selected" not in str(form.country())


def test_a_text_that_is_too_long_is_told_in_numbers_as_the_page_writes_them(site: Flask) -> None:
    class Text(FlaskForm):
        text = StringField("Text", validators=[Longest(1_000, "At most %(max)s characters.")])

    said = {}
    for language in ("en", "fr", "es"):
        for length in (0, 1, 1_000, 1_001):
            with site.test_request_context("/", method="POST", data={"text": "é" * length}), in_locale(language):
                form = Text(meta={"csrf": False})
                assert form.validate() == (length <= 1_000), length
                said[language] = form.text.errors

    assert said == {
        "en": ["At most 1,000 characters."],
        "fr": ["At most 1\u202f000 characters."],
        "es": ["At most 1.000 characters."],
    }


def test_attributes_are_written_as_wtforms_writes_them() -> None:
    for value in ("plain", '"><script>', "'", Markup('<b title="x">&amp;</b>'), 3, True, False, None, "Ürümqi", ""):
        attributes = {"value": value, "id": "a", "aria-describedby": 'b"c', "required": True, "maxlength": False}
        assert written(**attributes) == str(html_params(**attributes)), value
