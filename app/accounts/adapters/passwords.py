"""Passwords: argon2id, and how hard one is to guess (zxcvbn)."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from app.config import Settings

SHORTEST = 10
LONGEST = 200  # characters; hashing more costs time and protects nobody
LEAST_SCORE = 3  # of zxcvbn's 0 to 4: "safely unguessable"
_TRADE = ("Tonne", "carbon", "CO2", "climate", "offset", "cancellation", "certificate", "credit", "emission", "CER")
_SHORTEST_WORD = 3
_LOOKED_AT = 72  # zxcvbn becomes slow on long texts, which are strong for their length


class Weakness(StrEnum):
    """Why a password will not do."""

    SHORT = "short"
    LONG = "long"
    PERSONAL = "personal"
    HOUSE = "house"
    COMMON = "common"
    PATTERN = "pattern"


def hash_password(password: str, settings: Settings) -> str:
    """A salted argon2id hash with its parameters, for `person.password_hash`."""
    return _hasher(settings.environment).hash(password)


def verify_password(password: str, kept: str, settings: Settings) -> bool:
    """Whether this is the password of a hash."""
    try:
        return _hasher(settings.environment).verify(kept, password)
    except (VerificationError, InvalidHashError):
        return False


def verify_nobody(password: str, settings: Settings) -> None:
    """Take as long over an unknown address as over a known one."""
    verify_password(password, _nobodys_hash(settings.environment), settings)


def is_outdated(kept: str, settings: Settings) -> bool:
    """Whether a hash was made with other parameters than those of today."""
    return _hasher(settings.environment).check_needs_rehash(kept)


def words_of_the_house(settings: Settings) -> list[str]:
    """Words that everybody tries here first (`docs/security.md`): trade, operator, and the name of the site."""
    return [*_TRADE, settings.operator_name, urlsplit(settings.public_base_url).hostname or ""]


def find_weakness(password: str, known: Sequence[str], house: Sequence[str] = ()) -> Weakness | None:
    """What makes a password easy to guess, if anything.

    `known` are texts that others know of the person, `house` words that belong to the house: neither adds anything.
    zxcvbn knows 30,000 passwords of past breaches too, and refuses what 10^8 guesses find.
    """
    if len(password) < SHORTEST:
        return Weakness.SHORT
    if len(password) > LONGEST:
        return Weakness.LONG
    personal, ours = _parts(known), _parts(house)
    for words, weakness in ((personal, Weakness.PERSONAL), (ours, Weakness.HOUSE)):
        rest = _without(password, words)
        if rest != password.lower() and _score(rest, [])["score"] < LEAST_SCORE:
            return weakness
    verdict = _score(password, personal + ours)
    if verdict["score"] >= LEAST_SCORE:
        return None
    is_known = any(match.get("dictionary_name") for match in verdict["sequence"])
    return Weakness.COMMON if is_known else Weakness.PATTERN


def _score(text: str, inputs: list[str]) -> dict[str, Any]:
    if not text:
        return {"score": 0, "sequence": []}
    from zxcvbn import zxcvbn  # noqa: PLC0415 - 13 MB of words, which only a new password needs

    return zxcvbn(text[:_LOOKED_AT], user_inputs=inputs, max_length=_LOOKED_AT)


def _without(password: str, words: Sequence[str]) -> str:
    """What is left when every word that others would try is taken out, in small letters."""
    rest = password.lower()
    for word in sorted(words, key=len, reverse=True):
        if len(word) >= _SHORTEST_WORD:
            rest = rest.replace(word.lower(), "")
    return rest


def _parts(texts: Sequence[str]) -> list[str]:
    return [part for text in texts for part in (text, *text.replace("@", " ").replace(".", " ").split()) if part]


@cache
def _hasher(environment: str) -> PasswordHasher:
    if environment == "testing":
        return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    return PasswordHasher()


@cache
def _nobodys_hash(environment: str) -> str:
    return _hasher(environment).hash("nobody has this password")
