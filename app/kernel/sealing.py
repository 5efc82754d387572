"""Sealing what must be read again: second factors, account numbers, documents. A lost key opens nothing.

AES-256-GCM with a key for each purpose, drawn by HKDF-SHA256 from a secret of the house. A seal names the secret
that it was made with, so that secrets can be replaced: new seals are made with the present one, those of former ones
are opened as long as these are known. What was sealed before there were purposes (Fernet) is opened too.
"""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING

from app.kernel.errors import Fault

# cryptography is loaded by the first seal: 8 MB that a process which only shows pages never needs.
if TYPE_CHECKING:
    from cryptography.fernet import Fernet
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

# The first bytes of a seal; Fernet's begin with "gAAAA".
FORM = b"T2"
_FORM_OF_TEXT = "T2."
_NAME_LENGTH = 4  # bytes; of the secret
_NONCE_LENGTH = 12  # bytes; random: one key may seal 2^32 times, far more than there will ever be
_FERNET_SIGN = b"gAAAA"


class SealBroken(Fault):
    """What was sealed under a secret that is not known here, for another purpose, or was changed since."""


class SealFor(StrEnum):
    """What a seal is for. Each has a key of its own: what was sealed for one is never taken for another."""

    SECOND_FACTOR = "second factor"
    PROPOSED_FACTOR = "proposed second factor"
    RECOVERY_CODES = "recovery codes"
    ACCOUNT_NUMBER = "account number"
    EVIDENCE = "evidence"
    MAILED_LINK = "mailed link"
    SELF_TEST = "self-test"


@dataclass(frozen=True)
class Keyring:
    """The secrets of the house: the present one seals, former ones only open."""

    present: str = field(repr=False)
    former: tuple[str, ...] = field(default=(), repr=False)

    @property
    def all(self) -> tuple[str, ...]:
        """Every secret, the present one first."""
        return (self.present, *self.former)


def seal(content: bytes, keys: Keyring, purpose: SealFor) -> bytes:
    """Encrypt and authenticate: 34 bytes longer than the content."""
    head = FORM + _name(keys.present)
    nonce = secrets.token_bytes(_NONCE_LENGTH)
    return head + nonce + _cipher(keys.present, purpose).encrypt(nonce, content, head)


def unseal(sealed: bytes, keys: Keyring, purpose: SealFor) -> bytes:
    """What was sealed. Raises SealBroken."""
    if sealed.startswith(_FERNET_SIGN):
        return _unseal_fernet(sealed, keys)
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - loaded late

    head, nonce, rest = _taken_apart(sealed)
    for secret in keys.all:
        if head == FORM + _name(secret):
            try:
                return _cipher(secret, purpose).decrypt(nonce, rest, head)
            except (InvalidTag, ValueError) as error:  # ValueError: cut off within the nonce
                raise SealBroken from error
    raise SealBroken


def seal_text(text: str, keys: Keyring, purpose: SealFor) -> str:
    """A sealed text, in ASCII; about 4/3 of its length and 50 characters more. Empty stays empty."""
    return _FORM_OF_TEXT + urlsafe_b64encode(seal(text.encode(), keys, purpose)).decode() if text else ""


def unseal_text(sealed: str, keys: Keyring, purpose: SealFor) -> str:
    """The text that was sealed. Raises SealBroken."""
    return unseal(_bytes_of(sealed), keys, purpose).decode() if sealed else ""


def is_present(sealed: bytes | str, keys: Keyring) -> bool:
    """Whether a seal is of today's form and made with the present secret; empty is nothing to be sealed anew."""
    raw = _bytes_of(sealed) if isinstance(sealed, str) else sealed
    return not raw or raw.startswith(FORM + _name(keys.present))


def _bytes_of(sealed: str) -> bytes:
    if not sealed.startswith(_FORM_OF_TEXT):
        return sealed.encode()
    try:
        return urlsafe_b64decode(sealed.removeprefix(_FORM_OF_TEXT).encode())
    except NotBase64 as error:
        raise SealBroken from error


def _taken_apart(sealed: bytes) -> tuple[bytes, bytes, bytes]:
    head, end = len(FORM) + _NAME_LENGTH, len(FORM) + _NAME_LENGTH + _NONCE_LENGTH
    return sealed[:head], sealed[head:end], sealed[end:]


def _unseal_fernet(sealed: bytes, keys: Keyring) -> bytes:
    from cryptography.fernet import InvalidToken  # noqa: PLC0415 - loaded late

    for secret in keys.all:
        try:
            return _fernet(secret).decrypt(sealed)
        except InvalidToken:
            continue
    raise SealBroken


def _drawn(secret: str, use: str, length: int) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415 - loaded late
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415 - loaded late

    return HKDF(algorithm=SHA256(), length=length, salt=None, info=f"tonne {use}".encode()).derive(secret.encode())


@cache
def _name(secret: str) -> bytes:
    # Says which secret it was, and nothing about it.
    return _drawn(secret, "seal 2 name", _NAME_LENGTH)


@cache
def _cipher(secret: str, purpose: SealFor) -> AESGCM:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - loaded late

    return AESGCM(_drawn(secret, f"seal 2 for {purpose}", 32))


@cache
def _fernet(secret: str) -> Fernet:
    from cryptography.fernet import Fernet  # noqa: PLC0415 - loaded late

    return Fernet(urlsafe_b64encode(_drawn(secret, "seal 1", 32)))
