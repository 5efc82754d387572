"""How like a name of ours is to the names on the lists.

Names are compared word by word, in any order, without case, accents, legal forms and articles, and with
the letters made equal that transliterations exchange (Gaddafi, Qaddafi, Kadhafi). A likeness is never a
finding: a person looks at each. What differs in script is not compared; the lists carry Latin forms.

Measured against 50,000 listed names of two to four words on one core: 4.7 ms for a name (median),
8.9 ms at most; taking the names in 0.95 s, once for each process and edition.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from rapidfuzz import fuzz, process

from app.kernel.text import fold

# Per cent of letters that two names share. At 88 one letter may differ in a name of two words of five letters,
# and two in a long one; below it, different people with common names meet (Li Wei and Liu Wei, Mario and Maria).
THRESHOLD = 88
# A single word may differ by one letter in six, and a short one not at all.
WORD_THRESHOLD = 82
SHORTEST_FUZZY_WORD = 5
# Two full words of a longer name, or an initial: never certain, always worth a look.
PART_SCORE = 90
LEAST_PART = 0.4
LEAST_PART_LETTERS = 8
SHORTEST_FULL_WORD = 3
# Words run together (Abdulrahman, Abd al-Rahman) are compared as one string, where it is long enough to tell.
LEAST_JOINED = 12

_FORMS = (
    "ab ag as asa bv co company corp corporation eood fze gmbh inc incorporated jsc kg kk limited llc "
    "llp lp ltd ltda mbh nv oao ojsc ooo oy pao pjsc plc pt pte pty pvt sa sae sal sarl sas sdn bhd se "
    "sl spa sro srl zao"
)
LEGAL_FORMS = frozenset(_FORMS.split())
ARTICLES = frozenset(["al", "el", "ul", "ad", "as", "the", "of", "and", "et", "und", "y"])
_SOUNDS = (
    (re.compile("[gk]h|ck|[gq]|c(?![eiyh])"), "k"),
    (re.compile("dh"), "d"),
    (re.compile("th"), "t"),
    (re.compile("ph"), "f"),
    (re.compile("ou|oo|o"), "u"),
    (re.compile(r"ee|y|\Bj\b"), "i"),
    (re.compile("w"), "v"),
    (re.compile("e"), "i"),
    (re.compile(r"(.)\1+"), r"\1"),
)


@dataclass(frozen=True)
class Likeness:
    """A listed name (its position in the list of names) and how like it is, in per cent."""

    position: int
    score: int


@dataclass
class NameIndex:
    """The names of the current lists, ready to be compared with. Never changed after it was made."""

    names: Sequence[str]
    _words: list[tuple[str, ...]] = field(default_factory=list)
    _letters: list[int] = field(default_factory=list)
    _joined: list[str] = field(default_factory=list)
    _holders: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    _by_initial: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        for position, name in enumerate(self.names):
            words = words_of(_in_spoken_order(name))
            self._words.append(words)
            self._letters.append(sum(map(len, words)))
            self._joined.append("".join(words))
            for word in set(words):
                self._holders[word].append(position)
        for word in self._holders:
            self._by_initial[word[0]].append(word)
        self._vocabulary = [word for word in self._holders if len(word) >= SHORTEST_FUZZY_WORD]

    def find(self, name: str) -> list[Likeness]:
        """The listed names that are like `name`, the most alike first. An empty name is like none."""
        words = words_of(name)
        if not words:
            return []
        found: dict[int, int] = {}
        for position in self._candidates(words):
            score = compare(words, self._words[position])
            if score >= THRESHOLD:
                found[position] = score
        joined = "".join(words)
        if len(joined) >= LEAST_JOINED:
            for _choice, likeness, position in process.extract(
                joined, self._joined, scorer=fuzz.ratio, score_cutoff=THRESHOLD, limit=None
            ):
                found[position] = max(found.get(position, 0), int(likeness))
        return sorted((Likeness(*pair) for pair in found.items()), key=lambda like: (-like.score, like.position))

    def _candidates(self, words: Sequence[str]) -> Iterable[int]:
        """Names that share enough letters to be worth a comparison, by words alone."""
        shared: dict[int, int] = defaultdict(int)
        total = sum(map(len, words))
        for word in words:
            for like in self._like(word):
                for position in self._holders[like]:
                    shared[position] += len(word)
        least = LEAST_PART * total / 2
        return [position for position, letters in shared.items() if letters >= least]

    def _like(self, word: str) -> Iterable[str]:
        if len(word) == 1:
            return self._by_initial.get(word, ())
        found = {word} if word in self._holders else set()
        if word[0] in self._holders:
            found.add(word[0])
        if len(word) >= SHORTEST_FUZZY_WORD:
            found.update(
                choice
                for choice, _score, _position in process.extract(
                    word, self._vocabulary, scorer=fuzz.ratio, score_cutoff=WORD_THRESHOLD, limit=None
                )
            )
        return found


def compare(ours: Sequence[str], listed: Sequence[str]) -> int:
    """How like two names are that `words_of` took apart, in per cent."""
    rest = list(listed)
    shared = 0.0
    full_words = matched_ours = 0
    matched_listed = 0
    with_initial = False
    for word in sorted(ours, key=len, reverse=True):
        best, likeness = _best(word, rest)
        if best is None:
            continue
        rest.remove(best)
        is_initial = len(word) == 1 or len(best) == 1
        with_initial |= is_initial and word != best
        full_words += not is_initial and min(len(word), len(best)) >= SHORTEST_FULL_WORD
        shared += likeness * (len(word) + len(best))
        matched_ours += len(word)
        matched_listed += len(best)
    letters_ours, letters_listed = sum(map(len, ours)), sum(map(len, listed))
    score = int(100 * shared / (letters_ours + letters_listed))
    if with_initial:
        # An initial stands for the whole word, but proves little: every other word must be there, in full.
        is_whole = matched_ours == letters_ours and matched_listed == letters_listed
        return min(score, PART_SCORE) if is_whole and full_words else 0
    if score >= THRESHOLD:
        return score
    shorter, longer = sorted((letters_ours, letters_listed))
    is_part = matched_ours == letters_ours or matched_listed == letters_listed
    if is_part and full_words > 1 and shorter >= max(LEAST_PART_LETTERS, LEAST_PART * longer):
        matched = shared / (matched_ours + matched_listed)
        return int(PART_SCORE * matched)
    return score


def _best(word: str, choices: Sequence[str]) -> tuple[str | None, float]:
    best: str | None = None
    most = 0.0
    for choice in choices:
        likeness = _word_likeness(word, choice)
        if likeness > most:
            best, most = choice, likeness
    return best, most


def _word_likeness(word: str, other: str) -> float:
    if word == other:
        return 1.0
    if len(word) == 1 or len(other) == 1:
        return 0.9 if word[0] == other[0] else 0.0
    if min(len(word), len(other)) < SHORTEST_FUZZY_WORD:
        return 0.0
    return float(fuzz.ratio(word, other, score_cutoff=WORD_THRESHOLD)) / 100


def words_of(name: str) -> tuple[str, ...]:
    """The words of a name as they are compared: folded, by sound, without legal forms and articles."""
    words = _with_letters_joined(fold(name).split())
    telling = [word for word in words if word not in LEGAL_FORMS and word not in ARTICLES]
    return tuple(sound_of(word) for word in telling or words)


@lru_cache(maxsize=100_000)
def sound_of(word: str) -> str:
    """A folded word with those letters made equal that transliterations exchange; never empty."""
    for pattern, letter in _SOUNDS:
        word = pattern.sub(letter, word)
    return word


def _with_letters_joined(words: list[str]) -> list[str]:
    """`s a` and `l l c` as they are written without dots; the initials of people stay alone."""
    joined: list[str] = []
    start = 0
    while start < len(words):
        end = start
        while end < len(words) and len(words[end]) == 1:
            end += 1
        together = "".join(words[start:end])
        if together in LEGAL_FORMS:
            joined.append(together)
            start = end
        else:
            joined.append(words[start])
            start += 1
    return joined


def _in_spoken_order(name: str) -> str:
    """`GADDAFI, Muammar` as `Muammar GADDAFI`."""
    last, comma, first = name.partition(", ")
    return f"{first} {last}" if comma else name
