"""Names that people and machines use for our things."""

from __future__ import annotations

import hashlib
import re
import secrets

# Without 0, O, 1, I, L and U: nobody mistakes one for another, and no word appears by accident.
ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"

_ORDER = re.compile(rf"([TD])-?([{ALPHABET}]{{4}})-?([{ALPHABET}]{{4}})")
_NUMBER = re.compile(r"(TN|C)([1-9][0-9]{0,11})[/-]([0-9]{4})")


def unguessable_token() -> str:
    """A link token of 160 bits, URL-safe, 27 characters."""
    return secrets.token_urlsafe(20)


def _random(length: int) -> str:
    # One question to the system's source of randomness, not one for each letter.
    return _letters(secrets.randbelow(len(ALPHABET) ** length), length)


def _letters(number: int, length: int) -> str:
    """The last `length` digits of a number, written with the letters of the alphabet, the lowest first."""
    letters = []
    for _ in range(length):
        number, place = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[place])
    return "".join(letters)


def organisation_code() -> str:
    """The name of an organisation in addresses: eight letters and digits in lower case, saying nothing."""
    return _random(8).lower()


def order_reference() -> str:
    """A short name of an order for mails and the telephone, such as `T-7KMQ-2XHD`."""
    return f"T-{_random(4)}-{_random(4)}"


def direct_reference() -> str:
    """A short name of a direct cancellation, such as `D-7KMQ-2XHD`."""
    return f"D-{_random(4)}-{_random(4)}"


def verification_code() -> str:
    """What opens the whole certificate: 28 characters, about 137 bits, in groups of four.

    Those of before have 24; they open theirs for ever.
    """
    return _in_groups(7)


def recovery_code() -> str:
    """One way in without the second factor, in the same form."""
    return _in_groups(7)


def _in_groups(count: int) -> str:
    return _grouped(_random(4 * count))


def normalised_code(text: str) -> str:
    """A verification or recovery code as typed by a person, brought into the printed form."""
    plain = "".join(c for c in text.upper() if c in ALPHABET)
    return _grouped(plain)


def _grouped(letters: str) -> str:
    return "-".join(letters[i : i + 4] for i in range(0, len(letters), 4))


def cancellation_reference(key: str) -> str:
    """The one name of a cancellation in every registry: ASCII, 28 characters, no personal data.

    `shared/registries.md` 7.1 asks for at most 32 characters, unguessable, and the same in
    every attempt. `key` is something unguessable that its cause has for good, so that the name is the same even
    where a restored backup makes us think of it for the second time.
    """
    number = int.from_bytes(hashlib.sha256(f"tonne-cancellation\0{key}".encode()).digest())
    return f"TONNE-{_letters(number, 22)}"


def batch_code() -> str:
    """The name of a batch for a registry's administrator, such as `B-7KMQ-2XHD`.

    Never a running number: after a restore two batches of different content would share one.
    """
    return f"B-{_random(4)}-{_random(4)}"


def certificate_number(sequence: int, year: int) -> str:
    """The printed number of a certificate, `TN<n>/<year>`."""
    return f"TN{sequence}/{year}"


def certificate_slug(number: str) -> str:
    """The number as it stands in a URL, `TN<n>-<year>`."""
    return number.replace("/", "-")


def number_from_slug(slug: str) -> str:
    """The printed number behind a URL form; what is typed with a slash is left alone."""
    return slug.strip().upper().replace("-", "/")


def complaint_number(sequence: int, year: int) -> str:
    """The printed number of a complaint, `C<n>/<year>`."""
    return f"C{sequence}/{year}"


def printed_reference(typed: str) -> str | None:
    """The name of an order, a direct cancellation, a certificate or a complaint as typed, in its printed form.

    None for what has the shape of none of them; whether it exists is not looked up.
    """
    plain = "".join(typed.upper().split())
    if found := _ORDER.fullmatch(plain):
        return f"{found[1]}-{found[2]}-{found[3]}"
    if found := _NUMBER.fullmatch(plain):
        return f"{found[1]}{found[2]}/{found[3]}"
    return None
