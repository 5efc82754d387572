"""Sealing what must be read again: second factors, account numbers, documents. A lost key opens nothing."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from functools import cache

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.kernel.errors import Fault


class SealBroken(Fault):
    """What was sealed under another SECRET_KEY, or was changed since, cannot be opened."""


def seal(content: bytes, secret_key: str) -> bytes:
    """Encrypt and sign (Fernet: AES-128-CBC with HMAC-SHA256), under a key drawn from SECRET_KEY by HKDF."""
    return _fernet(secret_key).encrypt(content)


def unseal(sealed: bytes, secret_key: str) -> bytes:
    """What was sealed. Raises SealBroken."""
    try:
        return _fernet(secret_key).decrypt(sealed)
    except InvalidToken as error:
        raise SealBroken from error


def seal_text(text: str, secret_key: str) -> str:
    """A sealed text, in ASCII; about 4/3 of its length and 100 characters more. Empty stays empty."""
    return seal(text.encode(), secret_key).decode() if text else ""


def unseal_text(sealed: str, secret_key: str) -> str:
    """The text that was sealed. Raises SealBroken."""
    return unseal(sealed.encode(), secret_key).decode() if sealed else ""


@cache
def _fernet(secret_key: str) -> Fernet:
    drawn = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"tonne seal 1").derive(secret_key.encode())
    return Fernet(urlsafe_b64encode(drawn))
