"""What a word may mean: project types, technologies, regions and host Parties in three languages.

`data/synonyms.csv` has a row for each idea with its words; the labels of the page and the names of
countries by CLDR are added, so that whatever the site prints can be typed.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path

from babel import Locale

from app.catalog.labels import PROJECT_TYPES, REGIONS
from app.catalog.search_words import encode, neighbours, stem, words
from app.kernel.csvtable import countries
from app.kernel.languages import LANGUAGES
from app.web.i18n import in_locale

DATA = Path(__file__).parent / "data"
_SHORTEST_SLIP = 6  # letters; in a shorter word another letter is mostly another word

Phrase = tuple[str, ...]  # shortened words


@dataclass(frozen=True)
class Idea:
    """One thing that people search for: which projects have it, and every way to write it."""

    code: str
    types: frozenset[str]
    subtypes: frozenset[str]
    regions: frozenset[str]
    party: str
    names: tuple[str, ...]

    @property
    def phrases(self) -> frozenset[Phrase]:
        """Its names as shortened words."""
        return frozenset(phrase for name in self.names if (phrase := tuple(stem(word) for word in words(name))))


class Vocabulary:
    """All ideas, found by the words that were typed."""

    def __init__(self, ideas: Iterable[Idea]) -> None:
        self.ideas: dict[str, Idea] = {idea.code: idea for idea in ideas}
        self.phrases: dict[str, frozenset[Phrase]] = {code: idea.phrases for code, idea in self.ideas.items()}
        self.longest = 1
        self._by_key: dict[str, set[str]] = {}
        self._by_slip: dict[str, set[str]] = {}
        for idea in self.ideas.values():
            for name in idea.names:
                self._learn(words(name), idea.code)

    def _learn(self, name: list[str], code: str) -> None:
        self.longest = max(self.longest, len(name))
        for key in _keys(name):
            self._by_key.setdefault(key, set()).add(code)
            if len(key) >= _SHORTEST_SLIP - 1:
                for near in neighbours(key):
                    self._by_slip.setdefault(near, set()).add(code)

    def meant_by(self, typed: list[str]) -> frozenset[str]:
        """The ideas that folded words mean, however they are joined: "cook stove", "cookstove", "cook-stoves"."""
        return frozenset(code for key in _keys(typed) for code in self._by_key.get(key, ()))

    def nearly_meant_by(self, word: str) -> frozenset[str]:
        """The ideas of which `word` is a name with about one slip of the finger; none for short words."""
        if len(word) < _SHORTEST_SLIP:
            return frozenset()
        return frozenset(code for near in neighbours(stem(word)) for code in self._by_slip.get(near, ()))

    def ideas_of(self, *, project_type: str, subtype: str, region: str, parties: Iterable[str]) -> list[Idea]:
        """What a project with these codes is about."""
        hosts = set(parties)
        return [
            idea
            for idea in self.ideas.values()
            if project_type in idea.types or subtype in idea.subtypes or region in idea.regions or idea.party in hosts
        ]


@cache
def vocabulary() -> Vocabulary:
    """The one vocabulary; made once, inside an application, because labels need its translations."""
    return Vocabulary([*_written_ideas(), *_parties()])


def _keys(name: list[str]) -> set[str]:
    # Both as typed and with each word shortened: a plural may stand inside or at the end.
    if not name:
        return set()
    inner = [{word, stem(word)} for word in name[:-1]]
    return {"".join((*start, stem(name[-1]))) for start in product(*inner)}


def _written_ideas() -> Iterable[Idea]:
    labels = _labels()
    with (DATA / "synonyms.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            types, subtypes, regions = (_cell(row[name]) for name in ("types", "subtypes", "regions"))
            names = [name for language in LANGUAGES for name in _cell(row[language])]
            # A row about one type or one region is also found by what the pages call it.
            alone = [*types, *regions] if len(types) + len(regions) == 1 else []
            names += [label for code in alone for label in (code, *labels[code])]
            yield Idea(
                code=encode("c" + row["concept"].replace(" ", "")),
                types=frozenset(types),
                subtypes=frozenset(subtypes),
                regions=frozenset(regions),
                party="",
                names=tuple(names),
            )


def _labels() -> Mapping[str, list[str]]:
    labels: dict[str, list[str]] = {}
    for language in LANGUAGES:
        with in_locale(language):
            for code, label in (*PROJECT_TYPES.items(), *REGIONS.items()):
                labels.setdefault(code, []).append(str(label))
    return labels


def _parties() -> Iterable[Idea]:
    with (DATA / "synonyms_parties.csv").open(encoding="utf-8", newline="") as file:
        others = {row["party"]: _cell(row["names"]) for row in csv.DictReader(file)}
    names = [Locale(language).territories for language in LANGUAGES]
    for code in sorted(countries()):
        known = {territories[code] for territories in names if code in territories}
        yield Idea(
            code=f"p{code.lower()}",
            types=frozenset(),
            subtypes=frozenset(),
            regions=frozenset(),
            party=code,
            names=(*sorted(known), *others.get(code, ())),
        )


def _cell(text: str) -> list[str]:
    return [part.strip() for part in text.split(";") if part.strip()]
