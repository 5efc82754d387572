"""Text that people typed, made harmless without changing what they meant."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

# Explicit directional controls can make a name read as another one (CVE-2021-42574). The marks
# U+200E, U+200F and the joiners U+200C, U+200D stay: Arabic, Persian and Indic names need them.
# U+206A to U+206F are their deprecated cousins, U+FFF9 to U+FFFB hide an annotation in the line.
_DIRECTIONAL = {chr(c) for c in (*range(0x202A, 0x202F), *range(0x2066, 0x2070), *range(0xFFF9, 0xFFFC))}
_DROPPED_CATEGORIES = {"Cc", "Cs", "Co", "Cn"}
_UNSEEN = {"Mn", "Me", "Cf"}  # accents, joiners, direction marks
_INVISIBLE = {"\u200b", "\u2060", "\ufeff", "\u00ad"}
_FORMULA_STARTS = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
_SPACED_GROUPS = re.compile(r"(?!0)\d{1,3}( \d{3})+([.,]\d*)?")
# Letters that Unicode does not take apart, as a person without them on the keyboard types them.
_PLAIN_LETTERS = str.maketrans(
    {"æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "ŧ": "t", "þ": "th"}
)


def clean_line(text: str) -> str:
    """One line of plain text: NFC, single spaces, no control or direction-changing characters."""
    # What Python calls printable has neither what is dropped nor any space but the plain one: most texts.
    kept = text if text.isprintable() else "".join(" " if c.isspace() else c for c in text if not _is_dropped(c))
    # Composed last: a letter and its accent may meet only when what stood between them is gone.
    return unicodedata.normalize("NFC", " ".join(kept.split()))


def clean_lines(text: str) -> str:
    """Several lines of plain text, each made harmless; at most one empty line between two others."""
    lines = [clean_line(line) for line in text.splitlines()]
    kept = [line for line, before in zip(lines, ["", *lines], strict=False) if line or before]
    return "\n".join(kept).strip("\n")


def _is_dropped(character: str) -> bool:
    return not character.isspace() and (
        character in _DIRECTIONAL or character in _INVISIBLE or unicodedata.category(character) in _DROPPED_CATEGORIES
    )


@lru_cache(maxsize=4_096)
def fold_character(character: str) -> str:
    """One character without case, accent or typographic form: `É` and `é` are `e`, `₂` is `2`, `ß` is `ss`.

    Empty for accents that stand alone and for what cannot be seen.
    """
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", character).casefold())
    return "".join(c for c in plain if unicodedata.category(c) not in _UNSEEN).translate(_PLAIN_LETTERS)


def fold(text: str) -> str:
    """Text as words to search by: letters and digits without case and accents, single spaces between words.

    Two texts that a person would call the same fold to the same. Folding twice changes nothing more.
    """
    folded = "".join(fold_character(c) for c in text)
    return " ".join("".join(c if _is_of_word(c) else " " for c in folded).split())


def _is_of_word(character: str) -> bool:
    # Vowel signs of Indic scripts are no letters to Unicode and yet part of the word.
    return character.isalnum() or unicodedata.category(character) == "Mc"


def joined_digits(typed: str) -> str:
    """A number as it was typed, without spaces around it and between groups of three digits.

    Any other space stays, so that whoever reads the number refuses it rather than guesses: `5 6` is not 56.
    """
    text = " ".join(typed.split())
    return text.replace(" ", "") if _SPACED_GROUPS.fullmatch(text) else text


def plain_email(typed: str) -> str:
    """An e-mail address as it is kept and looked for: in lower case, composed, without spaces around it.

    Worked out here, because SQLite knows only the letters of ASCII in lower case.
    """
    return unicodedata.normalize("NFC", typed.strip()).lower()


def is_right_to_left(text: str) -> bool:
    """Whether the first strong character of `text` belongs to a right-to-left script."""
    for character in text:
        direction = unicodedata.bidirectional(character)
        if direction in {"R", "AL"}:
            return True
        if direction == "L":
            return False
    return False


def mask_address(email: str) -> str:
    """An e-mail address that can be told from another one and not be written to: `a…@example.org`."""
    name, _at, host = email.rpartition("@")
    return f"{name[:1]}…@{host}"


def csv_cell(text: str) -> str:
    """A cell that no spreadsheet runs as a formula (OWASP, CSV injection).

    The full-width signs are in the list because East Asian spreadsheets read them as the plain ones.
    """
    return f"'{text}" if text[:1] in _FORMULA_STARTS else text
