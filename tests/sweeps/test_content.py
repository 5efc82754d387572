"""Every text of the shop in every language: the same structure, true links, its own typography, no claims."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask import Flask

from app.content import pages
from app.content.document import Document
from app.content.values import PARTS, VALUES
from app.kernel.languages import CODES as LANGUAGES
from tests.browser.states import STATES
from tests.sweeps.test_translations import NOT_FRENCH
from tests.sweeps.test_words import CLAIMS, EMBLEMS

FILES = sorted(pages.TEXTS.glob("*/*.md"))

# Words of others that the claims pages quote in order to warn of them. Nothing else may contain them.
QUOTED = {
    "en": (
        "“climate neutral”", "“carbon neutral”", "“CO₂ neutral”", "“net zero thanks to credits”", "“100\u00a0% offset”",
        "“climate positive”", "“carbon negative”", "“carbon-free product”", "“neutre en carbone”", "“zéro carbone”",
        "“100\u00a0% compensé”", "“carbon neutrality”",
    ),
    "fr": (
        "«\u00a0neutre en carbone\u00a0»", "«\u00a0climatiquement neutre\u00a0»", "«\u00a0zéro carbone\u00a0»",
        "«\u00a0100\u00a0% compensé\u00a0»", "«\u00a0avec une empreinte carbone nulle\u00a0»",
        "«\u00a0neutralité carbone\u00a0»", "«\u00a0zéro émission nette grâce aux crédits\u00a0»",
        "«\u00a0intégralement compensé\u00a0»", "«\u00a0positif pour le climat\u00a0»",
        "«\u00a0produit à empreinte carbone nulle\u00a0»",
    ),
    "es": (
        "«carbono neutral»", "«neutro en carbono»", "«climáticamente neutro»", "«100\u00a0% compensado»",
        "«neutre en carbone»", "«100\u00a0% compensé»", "«neutralidad de carbono»",
        "«cero emisiones netas gracias a créditos»", "«totalmente compensado»", "«positivo para el clima»",
        "«producto con huella de carbono cero»",
    ),
}  # fmt: skip


def page(language: str, name: str) -> Document:
    found = pages.find(language, name)
    assert found is not None
    return found


def prose(path: Path) -> str:
    """A text as its reader sees it: title and description, then the body without its marks and addresses."""
    head, body = path.read_text(encoding="utf-8").split("\n+++\n", 1)
    titles = re.findall(r'^(?:title|description) = "(.*)"$', head, flags=re.MULTILINE)
    body = re.sub(r"\]\([^)]*\)|\{[#.][a-z-]+\}|\{\{ \w+ \}\}|\{% \w+ %\}|^\|[-:|]+\|$", "", body, flags=re.MULTILINE)
    return "\n".join([*titles, body])


def test_every_page_is_there_in_every_language_and_nothing_else_is() -> None:
    assert {str(path.relative_to(pages.TEXTS)) for path in FILES} == {
        f"{language}/{name}.md" for language in LANGUAGES for name in pages.NAMES
    }


@pytest.mark.parametrize("name", pages.NAMES)
def test_a_page_is_built_the_same_in_every_language(name: str) -> None:
    english = page("en", name)
    for language in ("fr", "es"):
        other = page(language, name)
        assert [(h.level, h.id) for h in other.headings] == [(h.level, h.id) for h in english.headings]
        assert sorted(other.links) == sorted(english.links)
        assert other.placeholders == english.placeholders
        assert other.parts == english.parts
        assert other.updated == english.updated
        assert other.title != english.title
        if name != "claims":  # each language begins with the laws of its readers there
            assert other.sources == english.sources
            assert other.html.count("<li>") == english.html.count("<li>")
            assert other.html.count("<tr>") == english.html.count("<tr>")


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_a_page_can_be_read_in_a_few_minutes(path: Path) -> None:
    assert 250 <= len(prose(path).split()) <= 800


def test_everything_a_text_asks_for_is_known_and_everything_known_is_used() -> None:
    every = [page(language, name) for language in LANGUAGES for name in pages.NAMES]
    asked = frozenset().union(*(document.placeholders for document in every))

    assert frozenset().union(*(document.parts for document in every)) == PARTS.keys()
    assert asked <= VALUES.keys()
    named = {source for document in every for source in document.sources}
    assert named == set(pages.known_sources().values())


def test_every_link_within_the_site_leads_to_a_page(make_app: object) -> None:
    app: Flask = make_app()  # type: ignore[operator]  # a fixture's function
    adapter = app.url_map.bind("localhost")
    for name in pages.NAMES:
        document = page("en", name)
        for link in document.links:
            if link.startswith("/"):
                endpoint, values = adapter.match(f"/en{link}")
                assert endpoint != "content.page" or values["name"] in pages.NAMES, (name, link)
            else:
                assert link.removeprefix("#") in {heading.id for heading in document.headings}, (name, link)


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_no_text_of_ours_claims_neutrality_and_only_the_claims_pages_quote_who_does(path: Path) -> None:
    text = prose(path)
    if path.stem == "claims":
        for quotation in QUOTED[path.parent.name]:
            assert quotation in text, "the list names a quotation that is gone"
            text = text.replace(quotation, "")

    assert CLAIMS.findall(text) == []
    assert EMBLEMS.findall(text) == []


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_typography_is_that_of_the_language(path: Path) -> None:
    text = prose(path)
    assert not re.search("['\"]", text)
    assert not re.search(r"[\d…] %", text), "a no-break space stands before the sign"
    if path.parent.name == "fr":
        assert not NOT_FRENCH.search(text), NOT_FRENCH.search(text)
    if path.parent.name == "es":
        assert (text.count("¿"), text.count("¡")) == (text.count("?"), text.count("!"))


def test_the_statement_on_accessibility_speaks_of_tests_that_are_made() -> None:
    tests = "\n".join(path.read_text() for path in (Path(__file__).parents[1] / "browser").glob("*.py"))
    for name in (
        "test_every_state_fits_320_px_and_breaks_no_rule_of_accessibility",
        "test_a_new_user_buys_12_units_of_3_projects_in_one_payment_and_holds_the_papers",
        "test_after_a_mistake_the_keyboard_is_at_the_summary_and_each_link_leads_to_its_field",
        '"wcag22aa"',
    ):
        assert name in tests
    assert {"basket empty", "basket", "basket with errors", "order at registry", "order refused"} <= STATES.keys()
    assert "project sold out" in STATES
