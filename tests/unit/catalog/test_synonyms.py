"""The written list of synonyms: complete, and no word with two meanings."""

from __future__ import annotations

import csv

import pytest
from flask import Flask

from app.catalog.labels import PROJECT_TYPES
from app.catalog.search_query import LONGEST_QUERY, parse
from app.catalog.search_synonyms import DATA, Idea, vocabulary
from app.catalog.search_words import words


@pytest.fixture
def written(context: Flask) -> list[Idea]:
    return [idea for idea in vocabulary().ideas.values() if not idea.party]


def test_no_word_stands_for_two_ideas(written: list[Idea]) -> None:
    meanings = {name: vocabulary().meant_by(words(name)) for idea in written for name in idea.names}

    assert {name: ideas for name, ideas in meanings.items() if len(ideas) != 1} == {}


def test_every_project_type_of_the_registry_has_words_in_three_languages(written: list[Idea]) -> None:
    assert {code for idea in written for code in idea.types} == set(PROJECT_TYPES)
    with (DATA / "synonyms.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    one_language_only = [
        row["concept"] for row in rows if any(row[a] and not row[b] for a in ("en", "fr") for b in ("fr", "es"))
    ]
    assert one_language_only == []


def test_hyphens_spaces_plurals_and_a_slip_of_the_finger_are_forgiven(context: Flask) -> None:
    stoves = vocabulary().meant_by(["stove"])

    assert stoves
    for typed in ("cook stove", "cookstoves", "cook-stove", "Cooking Stoves", "FOYERS AMÉLIORÉS", "cocinas mejoradas"):
        assert vocabulary().meant_by(words(typed)) == stoves, typed
    assert vocabulary().nearly_meant_by("cookstoev") == stoves
    assert vocabulary().nearly_meant_by("wnid") == vocabulary().meant_by([]) == frozenset()


def test_what_is_typed_may_be_as_long_as_one_likes(context: Flask) -> None:
    assert len(parse("wind " * 10_000)) == 1
    assert len(parse(" ".join(f"word{n}" for n in range(1_000)))) <= LONGEST_QUERY // 5
    assert parse(" , the ; 。 ") == frozenset()
