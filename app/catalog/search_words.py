"""Words for the search, the same in every language, script and database: folded, split, shortened.

Neither database's own idea of a word is used: both are given ready words of a to z and 0 to 9, so
that both find the same.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

# Letters that no decomposition turns into a base letter and an accent.
_LETTERS = str.maketrans({"ø": "o", "đ": "d", "ð": "d", "ł": "l", "ħ": "h", "ı": "i", "œ": "oe", "æ": "ae", "þ": "th"})
_WORD = re.compile(r"[^\W_]+")
_ASCII = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")
_LONGEST_WORD = 40
_SHORTEST_PLURAL = 4

# What people type around the words that count, in the three languages.
_LEFT_OUT = (
    "a an and at by for from in of on or the to with "
    "au aux avec d dans de des du en et l la le les ou par pour sur un une "
    "al con del e el las lo los o para por un una y "
    "project projects projet projets proyecto proyectos cdm mdp mdl cer cers urce rce"
)
_STOP_WORDS = frozenset(_LEFT_OUT.split())


@lru_cache(maxsize=4096)
def fold(text: str) -> str:
    """`text` without capitals and accents: "Éolien" and "eolien" are one."""
    decomposed = unicodedata.normalize("NFKD", text.casefold()).translate(_LETTERS)
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def words(text: str) -> list[str]:
    """The words of `text` that count, folded, in order; stop words of the three languages are left out."""
    return [word for word in _WORD.findall(fold(text)) if word not in _STOP_WORDS]


def stem(word: str) -> str:
    """A folded word without the ending that makes it plural in English, French or Spanish.

    Rough on purpose: it is used on both sides, so what matters is that a word and its plural meet.
    """
    if word.endswith(("eaux", "eux", "oux")) and len(word) > _SHORTEST_PLURAL:
        word = word[:-1]
    if len(word) > _SHORTEST_PLURAL - 1 and word.endswith("s") and not word.endswith("ss"):
        word = word[:-1]
    return word[:-1] if len(word) > _SHORTEST_PLURAL and word.endswith("e") else word


def encode(word: str) -> str:
    """A folded word in a to z and 0 to 9 alone, so that every script passes both databases unharmed."""
    if word.isascii():
        return word[:_LONGEST_WORD]
    return "".join(c if c in _ASCII else f"u{ord(c):x}" for c in word)[:_LONGEST_WORD]


def neighbours(word: str) -> set[str]:
    """`word` and what is left of it with one letter missing: two words one slip apart share one of these."""
    return {word, *(word[:position] + word[position + 1 :] for position in range(len(word)))}
