"""Every string, in every language: nothing missing, fuzzy, stale or left in English by mistake."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

from tests.conftest import ROOT

TRANSLATIONS = ROOT / "app" / "translations"
LANGUAGES = ("fr", "es")
PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]")
# No-break space before a colon and inside « », a narrow one before ; ? !, and no straight quotation marks.
# A colon inside a time or a code is no punctuation.
NOT_FRENCH = re.compile("(?<!\u00a0):(?=\\s|$)|(?<!\u202f)[;?!]|«(?!\u00a0)|(?<!\u00a0)»|['\"]")

# Words that are the same in the language, names and codes. Everything else must differ from English.
SAME = {
    "fr": set((TRANSLATIONS / "same.fr.txt").read_text().splitlines()),
    "es": set((TRANSLATIONS / "same.es.txt").read_text().splitlines()),
}


def catalogue(language: str) -> Catalog:
    with (TRANSLATIONS / language / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return read_po(file, locale=language)


def texts(message: Message) -> list[tuple[str, str]]:
    """Pairs of source and translation, one for each plural form."""
    sources = message.id if isinstance(message.id, tuple) else (message.id,)
    strings = message.string if isinstance(message.string, tuple) else (message.string,)
    return [(sources[min(i, len(sources) - 1)], text) for i, text in enumerate(strings)]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """What the code and the templates say now."""
    path: Path = tmp_path_factory.mktemp("pot") / "messages.pot"
    command = [
        sys.executable, "-m", "babel.messages.frontend", "--quiet", "extract",
        "--mapping-file=app/translations/babel.cfg", "--ignore-dirs=.*",
        "--keywords=lazy_gettext lazy_ngettext:1,2 lazy_pgettext:1c,2", f"--output={path}", "app", "templates",
    ]  # fmt: skip
    subprocess.run(command, cwd=ROOT, check=True)
    with path.open("rb") as file:
        return read_po(file)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_catalogue_holds_exactly_the_strings_of_the_product(language: str, template: Catalog) -> None:
    now = {(message.id, message.context) for message in template if message.id}
    translated = {(message.id, message.context) for message in catalogue(language) if message.id}

    assert now - translated == set(), "strings without a translation: make translations"
    assert translated - now == set(), "translations of strings that are gone: make translations"


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_string_is_missing_or_fuzzy(language: str) -> None:
    bad = [
        message.id
        for message in catalogue(language)
        if message.id and (message.fuzzy or not all(text for _source, text in texts(message)))
    ]

    assert bad == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_string_equals_its_english_source_outside_the_list_of_words_that_are_the_same(language: str) -> None:
    same = [text for message in catalogue(language) if message.id for source, text in texts(message) if source == text]

    assert [text for text in same if text not in SAME[language]] == []
    assert sorted(SAME[language] - set(same) - {""}) == [], "the list names a word that differs or is gone"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_translation_has_the_placeholders_of_its_source(language: str) -> None:
    for message in catalogue(language):
        if not message.id:
            continue
        plural = message.id[-1] if isinstance(message.id, tuple) else message.id
        for source, text in texts(message):
            wanted = set(PLACEHOLDER.findall(plural))
            found = set(PLACEHOLDER.findall(text))
            assert found <= wanted, (message.id, text)
            assert set(PLACEHOLDER.findall(source)) - {"units", "number", "left", "count", "n"} <= found, (
                message.id,
                text,
            )


@pytest.mark.parametrize("language", LANGUAGES)
def test_typography_is_that_of_the_language(language: str) -> None:
    for message in catalogue(language):
        for _source, text in texts(message) if message.id else ():
            if language == "fr":
                assert not NOT_FRENCH.search(re.sub(r"https?:\S+", "", text)), text
            else:
                assert text.count("¿") == text.count("?"), text
                assert text.count("¡") == text.count("!"), text


def test_a_colon_between_two_values_stands_in_a_sentence_that_can_be_translated() -> None:
    # French has a space before it that no line breaks at. What is in English in every language is left alone.
    typed = [
        f"{path.relative_to(ROOT)}: {line.strip()[:120]}"
        for path in sorted((ROOT / "templates").rglob("*.html"))
        for line in re.sub(r'<span lang="en">.*?</span>', "", path.read_text(encoding="utf-8")).splitlines()
        if re.search(r"(\}\}|</\w+>): ", line)
    ]

    assert typed == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_purpose_of_a_buyer_and_the_reason_of_an_operator_are_called_by_different_names(language: str) -> None:
    names = {message.id: message.string for message in catalogue(language) if message.id in {"Purpose", "Reason"}}

    assert len(set(names.values())) == 2
