"""How a mechanism numbers projects and units, as data."""

from __future__ import annotations

import pytest

from app.catalog import number_forms


def test_a_form_is_filled_and_read_back() -> None:
    text = number_forms.fill("A64-{party}-{project}", {"party": "MM", "project": 10_471})

    assert text == "A64-MM-10471"
    assert number_forms.read("A64-{party}-{project}", text) == {"party": "MM", "project": "10471"}


@pytest.mark.parametrize("text", ["A64-MM-0471", "A64-mm-10471", "A64-MM-10471-1", "MM-10471", ""])
def test_a_text_of_another_form_is_not_read(text: str) -> None:
    assert number_forms.read("A64-{party}-{project}", text) is None


def test_an_element_that_stands_twice_is_the_same_text() -> None:
    assert number_forms.read("{period}-{period}", "1-1") == {"period": "1"}
    assert number_forms.read("{period}-{period}", "1-2") is None


def test_what_stands_between_elements_is_taken_as_it_is() -> None:
    assert number_forms.read("A6.4/{project}", "A6.4/7") == {"project": "7"}
    assert number_forms.read("A6.4/{project}", "A6x4/7") is None


@pytest.mark.parametrize("form", ["", "{nothing}", "{party", "a b-{party}", "é{party}"])
def test_a_form_that_says_nothing_or_cannot_be_read_is_refused(form: str) -> None:
    with pytest.raises(ValueError, match="no form"):
        number_forms.elements(form)


def test_whoever_has_to_write_one_is_given_an_example() -> None:
    assert number_forms.example("{party}-{project}") == "IN-1514"
