"""One-time codes of an authenticator app (RFC 6238): six digits, thirty seconds."""

from __future__ import annotations

import hmac
from datetime import datetime

import pyotp

STEP = 30  # seconds
# A clock of a telephone may be one step wrong either way.
STEPS_OFF = (0, -1, 1)


def new_secret() -> str:
    """A secret of 160 bits in base 32."""
    return pyotp.random_base32()


def address_for_app(secret: str, email: str, issuer: str) -> str:
    """The `otpauth:` address that an authenticator app reads from the QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=issuer)


def code_at(secret: str, at: datetime) -> str:
    """The code that an app shows at an instant."""
    return pyotp.TOTP(secret).at(at)


def matching_step(secret: str, code: str, now: datetime) -> int | None:
    """The number of the step that `code` belongs to, if it is one of now; whoever calls keeps it from working twice."""
    digits = "".join(code.split())
    if not (len(digits) == 6 and digits.isascii() and digits.isdigit()):
        return None
    present = int(now.timestamp()) // STEP
    totp = pyotp.TOTP(secret)
    for off in STEPS_OFF:
        if hmac.compare_digest(totp.generate_otp(present + off), digits):
            return present + off
    return None
