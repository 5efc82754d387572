"""Finds claims about the climate, and of the United Nations' approval, in a text that will stand on a certificate.

The expressions are data (`expressions.csv`; `docs/interfaces.md` says how a row is written). What the
rules rest on: Directive (EU) 2024/825, which forbids to say of a product that its effect on the climate
is neutral, reduced or positive because of cancelled units, and the French decrees 2022-538 and 2022-539.

Case, accents, spaces, hyphens, invisible characters, typographic forms and letters and digits that look
alike do not hide an expression. A finding proves nothing: a name may contain one, and a person decides.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from app.kernel.text import fold_character

EXPRESSIONS = Path(__file__).parent / "expressions.csv"

# Folded letters of other scripts that look like one Latin letter.
_LOOKALIKES = str.maketrans("авгеѕіјкмнопрстуүхьяԛԝӏһԁαβεζικμορτχɑ", "abresijkmhonpctyyxbrqwlhdabezikmoptxa")
# Digits and letters that look like several: each may stand where its letter is looked for.
_ALSO = {
    "a": "4", "b": "8", "e": "3", "h": "η", "i": "1l", "l": "1i", "n": "ην", "o": "0", "s": "5", "t": "7",
    "u": "υ", "v": "ν", "y": "υ", "z": "2",
}  # fmt: skip
# Small capitals, letters in black circles and flags: Unicode does not take them apart, their names do.
_LATIN = re.compile(
    r"(?:.* )?(?:LATIN|INDICATOR)(?: .+)? LETTER (?:SMALL CAPITAL |SCRIPT |OPEN )?([A-Z])(?: WITH .+| BAR)?"
)
# Letters to Unicode, and nothing to the eye.
_FILLERS = frozenset("\u115f\u1160\u3164\uffa0")
_SEPARATORS = re.compile(r"\s-\s|[–—|,;:·/()\[\]«»“”\"]")
_GAP = " ?"
_NO_LETTER_BEFORE, _NO_LETTER_AFTER = "(?<![^ %])", "(?![^ %])"


@dataclass(frozen=True)
class Expression:
    """One row of the data: what is looked for, in which language, under which rule."""

    rule: str
    language: str
    pattern: str


@dataclass(frozen=True)
class Finding:
    """A place in a text: the rule it touches, the words as typed, and where they begin and end."""

    rule: str
    quote: str
    start: int
    end: int


@cache
def expressions() -> tuple[Expression, ...]:
    """Every expression of the data file."""
    with EXPRESSIONS.open(encoding="utf-8", newline="") as file:
        return tuple(Expression(row["rule"], row["language"], row["expression"]) for row in csv.DictReader(file))


def find_claims(text: str) -> tuple[Finding, ...]:
    """The claims in a text, in the order in which they begin; where two overlap, the longer one."""
    plain, places = _plain(text)
    found = [
        Finding(rule, text[places[match.start()] : places[match.end() - 1] + 1], places[match.start()], end)
        for rule, pattern in _patterns().items()
        for match in pattern.finditer(plain)
        for end in (places[match.end() - 1] + 1,)
    ]
    found.sort(key=lambda finding: (finding.start, -finding.end, finding.rule))
    kept: list[Finding] = []
    for finding in found:
        if not kept or finding.start >= kept[-1].end:
            kept.append(finding)
    return tuple(kept)


def rules_touched(*texts: str) -> tuple[str, ...]:
    """The codes of the rules that any of the texts touches, each once, in the order of the alphabet."""
    return tuple(sorted({finding.rule for text in texts for finding in find_claims(text)}))


def without_claims(text: str) -> str:
    """The parts of a name between commas, dashes or brackets that hold no claim; empty if none is left."""
    return ", ".join(part for part in map(str.strip, _SEPARATORS.split(text)) if part and not find_claims(part))


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    by_rule: dict[str, dict[str, list[str]]] = {}
    for expression in expressions():
        words = expression.pattern.split(" ")
        # A script without spaces between words has no beginnings of words either.
        begins_anywhere = not re.match(r"\w", words[0]) or _is_written_together(words[0])
        before = "" if begins_anywhere else _NO_LETTER_BEFORE
        by_rule.setdefault(expression.rule, {}).setdefault(before, []).append(_compiled(words))
    # Whether a word begins is asked once at each place of a text, not once for each expression.
    return {
        rule: re.compile("|".join(f"{before}(?:{'|'.join(patterns)})" for before, patterns in by_start.items()))
        for rule, by_start in by_rule.items()
    }


def _compiled(words: list[str]) -> str:
    return _GAP.join(
        "(?:" + "|".join(_word(option, is_last=place == len(words) - 1) for option in word.split("|")) + ")"
        for place, word in enumerate(words)
    )


def _word(option: str, *, is_last: bool) -> str:
    spelled = _GAP.join(_letter(c) for c in _plain(option.removesuffix("*"))[0])
    if option.endswith("*"):
        return spelled + "[^ %]*"
    return spelled + _NO_LETTER_AFTER if is_last and not _is_written_together(option) else spelled


def _letter(letter: str) -> str:
    return f"[{letter}{_ALSO[letter]}]" if letter in _ALSO else re.escape(letter)


def _is_written_together(word: str) -> bool:
    return any("\u3040" <= c <= "\u9fff" for c in word)


def _plain(text: str) -> tuple[str, list[int]]:
    """The letters, digits and percent signs of a text, folded, single spaces for all else; and where each stood."""
    letters: list[str] = []
    places: list[int] = []
    for place, character in enumerate(text):
        if character in ".," and text[place - 1 : place].isdigit() and text[place + 1 : place + 2].isdigit():
            continue  # what follows it in a number is no nought
        for plain in _look_of(character):
            kept = plain if plain.isalnum() or plain == "%" else " "
            if kept != " " or (letters and letters[-1] != " "):
                letters.append(kept)
                places.append(place)
    return "".join(letters), places


@lru_cache(maxsize=4_096)
def _look_of(character: str) -> str:
    """The plain letters that a character looks like; empty for accents and what cannot be seen."""
    plain = fold_character(character)
    if not plain or character in _FILLERS or unicodedata.category(character) == "Mn":
        return ""
    latin = _LATIN.fullmatch(unicodedata.name(character, ""))
    return latin[1].lower() if latin else plain.translate(_LOOKALIKES)
