"""Passwords: argon2id, and how hard one is to guess (zxcvbn)."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from zxcvbn import zxcvbn

from app.config import Settings

SHORTEST = 10
LONGEST = 200  # characters; hashing more costs time and protects nobody
LEAST_SCORE = 3  # of zxcvbn's 0 to 4: "safely unguessable"
_LOOKED_AT = 72  # zxcvbn becomes slow on long texts, which are strong for their length


class Weakness(StrEnum):
    """Why a password will not do."""

    SHORT = "short"
    LONG = "long"
    PERSONAL = "personal"
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


def find_weakness(password: str, known: Sequence[str]) -> Weakness | None:
    """What makes a password easy to guess, if anything; `known` are texts that others know of the person."""
    if len(password) < SHORTEST:
        return Weakness.SHORT
    if len(password) > LONGEST:
        return Weakness.LONG
    texts = [part for text in known for part in (text, *text.replace("@", " ").replace(".", " ").split()) if part]
    verdict = zxcvbn(password[:_LOOKED_AT], user_inputs=texts, max_length=_LOOKED_AT)
    if verdict["score"] >= LEAST_SCORE:
        return None
    dictionaries = {match.get("dictionary_name") for match in verdict["sequence"]}
    if "user_inputs" in dictionaries:
        return Weakness.PERSONAL
    return Weakness.COMMON if dictionaries - {None} else Weakness.PATTERN


@cache
def _hasher(environment: str) -> PasswordHasher:
    if environment == "testing":
        return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    return PasswordHasher()


@cache
def _nobodys_hash(environment: str) -> str:
    return _hasher(environment).hash("nobody has this password")
