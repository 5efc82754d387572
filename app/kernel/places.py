"""Countries by what people call them in the languages of this site."""

from __future__ import annotations

from functools import cache

from babel import Locale

from app.kernel.languages import LANGUAGES


@cache
def names_of_country(code: str) -> tuple[str, ...]:
    """What a country (ISO 3166-1 alpha-2) is called in each language of the site; its code if nobody knows it."""
    return tuple(str(Locale(language).territories.get(code, code)) for language in LANGUAGES)
