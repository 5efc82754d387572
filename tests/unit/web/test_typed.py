"""Numbers as people type them: grouped as the page itself groups them, and never guessed."""

from __future__ import annotations

import pytest
from flask import Flask

from app.web.typed import ungrouped


@pytest.mark.parametrize(
    ("language", "typed", "read"),
    [
        ("en", "10,198", "10198"),
        ("es", "1.000.000", "1000000"),
        ("fr", "1\u202f000", "1000"),
        ("es", " 1 000 ", "1000"),
        ("en", "1,234.50", "1234.50"),
        ("es", "1.234.567,5", "1234567,5"),
        ("fr", "1 234,50", "1234,50"),
        ("en", "", ""),
    ],
)
def test_digits_may_be_grouped_as_the_page_groups_them(app: Flask, language: str, typed: str, read: str) -> None:
    with app.test_request_context(f"/{language}/"):
        assert ungrouped(typed) == read


@pytest.mark.parametrize(
    ("language", "typed"),
    [
        ("en", "4.001"),
        ("es", "4,001"),
        ("fr", "4.001"),
        ("en", "1.234,50"),
        ("en", "1,234,5"),
        ("es", "1,234.50"),
        ("fr", "1.234,50"),
        ("es", "1.50"),
        ("en", "0,500"),
        ("fr", "5 6"),
        ("en", "1 00"),
    ],
)
def test_the_sign_of_another_language_a_fraction_and_any_other_space_stay_for_the_reader_to_refuse(
    app: Flask, language: str, typed: str
) -> None:
    with app.test_request_context(f"/{language}/"):
        assert ungrouped(typed) == typed
