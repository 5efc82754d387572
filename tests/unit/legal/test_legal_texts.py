"""The operator's legal texts: which is in force when, and what is refused before anything is served."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from app.config import LEGAL_TEXTS, BadSettings
from app.content.legal import NAMES, LegalTexts, load
from app.kernel.languages import LANGUAGES

TODAY = date(2026, 11, 22)
TEXT = """+++
title = "{0}"
description = "{0}."
updated = 2026-11-01
+++
## Who {{#who}}

{0} by {{{{ operator }}}}.
"""


def write(directory: Path, name: str, day: str, languages: str = "en fr es", text: str = TEXT) -> None:
    for language in languages.split():
        (directory / language).mkdir(parents=True, exist_ok=True)
        (directory / language / f"{name}@{day}.md").write_text(text.format(f"{name} {day}"), encoding="utf-8")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """One version of each text in each language, in force since the beginning of the month."""
    for name in NAMES:
        write(tmp_path, name, "2026-11-01")
    return tmp_path


def problems(directory: Path) -> list[str]:
    with pytest.raises(BadSettings) as refused:
        load(directory, TODAY)
    return refused.value.problems


def test_the_product_brings_every_text_in_every_language() -> None:
    texts = load(LEGAL_TEXTS, TODAY)

    for name in NAMES:
        documents = texts.in_force(name, TODAY).documents
        assert set(documents) == set(LANGUAGES)
        assert len({document.title for document in documents.values()}) == len(LANGUAGES)


@pytest.mark.parametrize("name", NAMES)
def test_a_text_says_the_same_in_every_language(name: str) -> None:
    documents = list(load(LEGAL_TEXTS, TODAY).in_force(name, TODAY).documents.values())

    for document in documents[1:]:
        assert [(h.level, h.id) for h in document.headings] == [(h.level, h.id) for h in documents[0].headings]
        assert document.links == documents[0].links
        assert document.placeholders == documents[0].placeholders
        assert document.parts == documents[0].parts
        assert document.html.count("<li>") == documents[0].html.count("<li>")
        assert document.html.count("<tr>") == documents[0].html.count("<tr>")


@pytest.mark.parametrize("path", sorted((LEGAL_TEXTS / "fr").glob("*.md")), ids=lambda path: path.name)
def test_french_texts_have_the_spaces_and_marks_of_french(path: Path) -> None:
    body = path.read_text(encoding="utf-8").split("+++\n")[2]
    words = re.sub(r"\]\([^)]*\)|\{[^}]*\}+", "", body)

    assert not re.search("(?<!\u00a0):(?=\\s|$)|(?<!\u202f)[;?!]|«(?!\u00a0)|(?<!\u00a0)»|['\"]", words)


@pytest.mark.parametrize("path", sorted((LEGAL_TEXTS / "es").glob("*.md")), ids=lambda path: path.name)
def test_spanish_questions_are_opened_and_closed(path: Path) -> None:
    text = re.sub(r"\]\([^)]*\)", "", path.read_text(encoding="utf-8"))

    assert text.count("¿") == text.count("?")
    assert text.count("¡") == text.count("!")


def test_a_new_version_comes_into_force_on_its_day_and_the_earlier_one_stays(directory: Path) -> None:
    write(directory, "terms", "2026-12-01")
    texts = load(directory, TODAY)

    assert texts.terms_version(date(2026, 11, 30)) == "2026-11-01"
    assert texts.terms_version(date(2026, 12, 1)) == "2026-12-01"
    assert [text.version for text in texts.versions("terms")] == ["2026-11-01", "2026-12-01"]
    assert [text.version for text in texts.versions("privacy")] == ["2026-11-01"]
    old, new = texts.versions("terms")
    assert texts.last_day(old) == date(2026, 11, 30)
    assert texts.last_day(new) is None
    assert texts.find("terms", "2026-11-01") is old
    assert texts.find("terms", "2026-11-02") is None
    assert texts.find("rules", "2026-11-01") is None


def test_before_the_first_version_nothing_is_in_force() -> None:
    with pytest.raises(LookupError):
        LegalTexts({}).in_force("terms", TODAY)


def test_a_version_that_lacks_a_language_is_refused(directory: Path) -> None:
    write(directory, "terms", "2026-12-01", languages="en es")

    assert problems(directory) == ["LEGAL_TEXTS: terms@2026-12-01 is missing in fr"]


def test_a_text_that_begins_in_the_future_only_is_refused(directory: Path) -> None:
    for language in LANGUAGES:
        (directory / language / "terms@2026-11-01.md").unlink()
    write(directory, "terms", "2026-12-01")

    assert problems(directory) == ["LEGAL_TEXTS: no version of terms is in force on 2026-11-22"]


def test_a_directory_that_is_none_is_refused(tmp_path: Path) -> None:
    assert problems(tmp_path / "away") == [
        f"LEGAL_TEXTS must be a directory of legal texts, and {tmp_path / 'away'} is none"
    ]


@pytest.mark.parametrize("name", ["agb@2026-12-01.md", "terms.md", "terms@2026-13-01.md", "terms@1-2-3.md"])
def test_a_file_that_is_called_something_else_is_refused(directory: Path, name: str) -> None:
    (directory / "fr" / name).write_text(TEXT.format("x"), encoding="utf-8")

    assert problems(directory) == [
        f"LEGAL_TEXTS: fr/{name} must be named like terms@2026-12-01.md, with one of terms, privacy, imprint and a day"
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"no head", "cannot be read: the head between two lines of +++ is missing"),
        ("Café".encode("latin-1"), "cannot be read: 'utf-8' codec can't decode"),
        (TEXT.replace("operator", "boss").format("x").encode(), "has a placeholder that nobody knows: boss"),
        (TEXT.format("x").encode() + b"\n{% no_such_part %}\n", "has a placeholder that nobody knows: no_such_part"),
    ],
)
def test_a_text_that_cannot_be_shown_is_refused(directory: Path, content: bytes, said: str) -> None:
    (directory / "es" / "imprint@2026-11-01.md").write_bytes(content)

    (problem,) = problems(directory)
    assert problem.startswith(f"LEGAL_TEXTS: es/imprint@2026-11-01.md {said}")


def test_every_problem_is_named_at_once(directory: Path) -> None:
    (directory / "en" / "terms.md").write_text("", encoding="utf-8")
    (directory / "fr" / "privacy@2026-11-01.md").write_text("", encoding="utf-8")

    assert len(problems(directory)) == 2


def test_other_files_beside_the_texts_do_no_harm(directory: Path) -> None:
    (directory / "README.md").write_text("ours", encoding="utf-8")
    (directory / "en" / "terms@2026-11-01.docx").write_text("draft", encoding="utf-8")

    assert load(directory, TODAY).terms_version(TODAY) == "2026-11-01"
