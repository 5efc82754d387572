"""Projects are found by words in three languages, with the same answer from both databases."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from babel import Locale
from flask import Flask
from sqlalchemy import select

from app.catalog import search
from app.catalog.importer import import_projects
from app.catalog.mechanisms import ensure_mechanisms
from app.catalog.models import Project
from app.catalog.search_models import SearchDocument
from app.catalog.search_query import Group, parse
from app.catalog.search_synonyms import vocabulary
from app.catalog.search_words import words
from app.db import db, transaction
from app.demo.world import DATA
from app.kernel.languages import LANGUAGES
from app.offers import search_index
from app.providers.importer import import_providers
from tests.service.worlds import NOW, PROJECTS, PROVIDERS, load_small_world


def found(typed: str) -> set[str]:
    """The references that a search finds."""
    ids = search.find(typed)
    assert ids is not None
    return {project.reference for project in db.session.scalars(select(Project)) if project.id in ids}


@pytest.fixture
def projects(context: Flask) -> list[Project]:
    """The projects of the demonstration, as an operator loads them."""
    ensure_mechanisms()
    import_projects((DATA / "projects.csv").read_text(encoding="utf-8"), now=NOW)
    return list(db.session.scalars(select(Project)))


def test_stoves_in_kenya_are_found_in_three_languages(projects: list[Project]) -> None:
    expected = {"KE-5336", "GH-8438"}  # the programme of GH-8438 has Kenya among its host Parties

    for typed in (
        "cocinas Kenia",
        "foyers Kenya",
        "cookstove Kenya",
        "Kenia: estufas",
        "KENYA réchauds",
        "stove kenya",
    ):
        assert found(typed) == expected, typed


def test_every_host_party_is_found_by_its_name_in_every_language(projects: list[Project]) -> None:
    wrong = []
    for code in sorted({party for project in projects for party in project.host_parties}):
        names = {Locale(language).territories[code] for language in LANGUAGES}
        answers = {frozenset(found(name)) for name in names}
        hosted = {project.reference for project in projects if code in project.host_parties}
        if len(answers) != 1 or not hosted <= next(iter(answers)):
            wrong.append((code, names, answers))

    assert wrong == []


def test_every_word_for_a_type_or_a_technology_finds_the_same_projects_in_every_language(
    projects: list[Project],
) -> None:
    wrong = []
    for idea in vocabulary().ideas.values():
        if idea.party or not idea.names:
            continue
        answers = {frozenset(found(name)) for name in idea.names}
        about = {
            project.reference
            for project in projects
            if project.project_type in idea.types
            or project.project_subtype in idea.subtypes
            or project.region in idea.regions
        }
        if len(answers) != 1 or not about <= next(iter(answers)):
            wrong.append((idea.code, {name: sorted(found(name)) for name in idea.names}))

    assert wrong == []


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("KE-5336", {"KE-5336"}),
        ("ke5336", {"KE-5336"}),
        ("5336", {"KE-5336"}),
        ("IN-1", {"IN-1"}),
        ("salkhit", {"MN-5977"}),
        ("salkh mongol", {"MN-5977"}),
        ("Salkhit Wind Farm", {"MN-5977"}),
        ("South Korea", {"KR-222"}),
        ("Coree", {"KR-222"}),
        ("cocinsa Malaui", {"MW-9933", "MW-9935", "MW-10182"}),
        ("stoves Iceland", set()),
        ("533", set()),
    ],
)
def test_a_number_a_title_and_half_a_word_find_a_project(
    projects: list[Project], typed: str, expected: set[str]
) -> None:
    assert found(typed) == expected


@pytest.mark.parametrize("typed", ["AMS-II.G.", "AMS-II.G", "ams ii g", "AMSIIG", "ams-ii-g"])
def test_a_methodology_is_found_in_every_writing(projects: list[Project], typed: str) -> None:
    assert found(typed) == {p.reference for p in projects if "AMS-II.G." in p.methodologies}


def test_a_large_methodology_needs_no_noughts(projects: list[Project]) -> None:
    assert found("ACM 2") == found("acm0002") == {p.reference for p in projects if "ACM0002" in p.methodologies}


def test_what_says_nothing_is_no_search(projects: list[Project]) -> None:
    assert search.find("") is None
    assert search.find("the projects of") is None
    assert search.find("¡!") is None


def test_a_seller_is_found_by_name_and_by_the_new_name(context: Flask) -> None:
    load_small_world()
    assert found("Salkhit Wind LLC") == found("stoves ltd mongolia") | {"MN-5977"}

    import_providers(PROVIDERS.replace("Salkhit Wind LLC", "Gobi Energy Partners"), now=NOW)
    search_index.rename_sellers()

    assert found("gobi partners") == {"MN-5977"}
    search_index.rename_sellers()
    assert found("gobi partners") == {"MN-5977"}


def test_a_corrected_title_is_found_at_once_and_the_old_one_no_more(context: Flask) -> None:
    load_small_world()
    for title, old in (("Omega Turbines", "farm"), ("Sigma Turbines", "omega")):
        import_projects(PROJECTS.replace("Salkhit Wind Farm", title), now=NOW)
        assert found(f"{title} Mongolia") == {"MN-5977"}
        assert found(f"{old} Mongolia") == set()


def test_projects_older_than_the_search_get_their_words_from_the_next_import_or_the_command(
    context: Flask,
) -> None:
    load_small_world()
    for repair in (lambda: import_projects(PROJECTS, now=NOW), search_index.rebuild):
        with transaction() as session:
            session.query(SearchDocument).delete()
        assert found("mongolia") == set()
        repair()
        assert found("mongolia") == {"MN-5977"}


def test_the_command_says_how_many_projects_can_be_found(app: Flask) -> None:
    with app.app_context():
        load_small_world()
    answer = app.test_cli_runner().invoke(args=["search", "rebuild"])

    assert answer.exit_code == 0
    assert answer.output == "3 projects can be found.\n"


def test_an_operator_who_corrects_a_sellers_name_by_command_finds_it(app: Flask, tmp_path: Path) -> None:
    with app.app_context():
        load_small_world()
    file = tmp_path / "providers.csv"
    file.write_text(PROVIDERS.replace("Salkhit Wind LLC", "Gobi Energy Partners"))
    answer = app.test_cli_runner().invoke(args=["import", "providers", str(file)])

    assert answer.exit_code == 0, answer.output
    with app.app_context():
        assert found("gobi") == {"MN-5977"}


def test_both_databases_answer_as_the_words_themselves_say(projects: list[Project]) -> None:
    """Random questions: what either engine answers is what reading every document by hand gives."""
    documents = {project.id: search.document_words(project, "") for project in projects}
    dice = random.Random(2017)  # noqa: S311 - the same questions each time
    stock = [word for project in projects for word in words(f"{project.title} {project.methodologies}")]
    stock += [name for idea in vocabulary().ideas.values() for name in idea.names[:6]]
    stock += [project.reference for project in projects]
    for _ in range(150):
        typed = " ".join(_damaged(dice.choice(stock), dice) for _ in range(dice.choice((1, 1, 2, 3))))
        groups = parse(typed)
        expected = {number for number, own in documents.items() if all(_meets(own, group) for group in groups)}
        assert search.find(typed) == (frozenset(expected) if groups else None), typed


def _damaged(word: str, dice: random.Random) -> str:
    kind = dice.randrange(6)
    if kind == 0:
        return word[: dice.randint(1, len(word))]
    if kind == 1:
        position = dice.randrange(len(word))
        return word[:position] + word[position + 1 :]
    return {2: word.upper(), 3: f"{word}s", 4: f"'{word}\" OR *"}.get(kind, word)


def _meets(document: set[str], group: Group) -> bool:
    return any(
        all(
            any(w.startswith(term.word) if term.is_prefix else w == term.word for w in document) for term in alternative
        )
        for alternative in group
    )
