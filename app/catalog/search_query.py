"""What somebody typed, as conditions on the words of a project that any index can answer."""

from __future__ import annotations

import re
from dataclasses import dataclass

from app.catalog.search_synonyms import Vocabulary, vocabulary
from app.catalog.search_words import encode, fold, stem, words

LONGEST_QUERY = 200  # characters
_MOST_WORDS = 16
_SHORTEST_PREFIX = 3

# KE-5336 and INx1514 in any writing; a methodology with or without its hyphens, dots and noughts.
_EXACT = re.compile(
    r"\b(?P<party>[a-z]{2})(?:-(?P<short>[1-9][0-9]{0,8})|(?P<long>[1-9][0-9]{2,8}))\b"
    r"|\b(?P<family>(?:ar[-\s]?)?(?:acm|ams|am))[-\s]?(?P<number>[0-9]{1,4})\b"
    r"|\b(?P<small>ams)[-\s]?(?P<kind>iii|ii|i)[.\s-]?(?P<letters>[a-z]{1,2})\b"
)


@dataclass(frozen=True, order=True)
class Term:
    """One word that must be in a project's document, or any word that begins so."""

    word: str
    is_prefix: bool = False


Alternative = tuple[Term, ...]  # all of these
Group = frozenset[Alternative]  # one of these


def parse(typed: str) -> frozenset[Group]:
    """The groups that a project must meet, every one; empty when nothing that counts was typed."""
    text = fold(typed[:LONGEST_QUERY])
    groups: list[Group] = []
    position = 0
    for found in _EXACT.finditer(text):
        groups += _plain_groups(text[position : found.start()])
        groups.append(frozenset([(Term("t" + exact_word(found)),)]))
        position = found.end()
    groups += _plain_groups(text[position:])
    return frozenset(groups[:_MOST_WORDS])


def exact_word(found: re.Match[str]) -> str:
    """A reference or methodology as one word: `ke5336`, `acm0002`, `amsiig`."""
    if found["party"]:
        return str(found["party"] + (found["short"] or found["long"]))
    if found["family"]:
        return re.sub(r"\W", "", found["family"]) + found["number"].zfill(4)
    return str(found["small"] + found["kind"] + found["letters"])


def exact_words(text: str) -> list[str]:
    """The references and methodologies in `text`, each as one word."""
    return [exact_word(found) for found in _EXACT.finditer(fold(text))]


def _plain_groups(text: str) -> list[Group]:
    typed = words(text)
    known = vocabulary()
    groups = []
    position = 0
    while position < len(typed):
        length, ideas = _longest_phrase(typed[position:], known)
        groups.append(_idea_group(ideas, known) if ideas else _word_group(typed[position], known))
        position += length
    return groups


def _longest_phrase(typed: list[str], known: Vocabulary) -> tuple[int, frozenset[str]]:
    for length in range(min(len(typed), known.longest), 0, -1):
        if ideas := known.meant_by(typed[:length]):
            return length, ideas
    return 1, frozenset()


def _idea_group(ideas: frozenset[str], known: Vocabulary) -> Group:
    """A project that has an idea, or whose title says one of its names: the same for all names of an idea."""
    named = (
        tuple(Term("t" + encode(word)) for word in phrase) for code in ideas for phrase in known.phrases[code] if phrase
    )
    return frozenset([*((Term(code),) for code in ideas), *named])


def _word_group(word: str, known: Vocabulary) -> Group:
    """A word of titles, sellers and numbers, or the beginning of one."""
    if word.isdecimal():
        return frozenset([(Term("t" + encode(word)),)])
    begins = len(word) >= _SHORTEST_PREFIX
    plain = encode(stem(word))
    alternatives = [(Term(space + plain, begins),) for space in "ts"]
    return frozenset([*alternatives, *((Term(code),) for code in known.nearly_meant_by(word))])
