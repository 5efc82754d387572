"""Passkeys (WebAuthn): what the browser is asked for, and whether its answer is signed by the right key."""

from __future__ import annotations

import hashlib
import hmac
import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from app.accounts.models import LONGEST_CREDENTIAL_ID
from app.config import Settings

# fido2 is loaded by the first passkey: 3 MB, and cryptography with it, that most web processes never need.
if TYPE_CHECKING:
    from fido2.server import Fido2Server
    from fido2.webauthn import AttestedCredentialData

LONGEST_ANSWER = 20_000  # characters of JSON


@dataclass(frozen=True)
class NewPasskey:
    """A registered credential as it is kept."""

    credential_id: str
    credential: bytes
    sign_count: int


@dataclass(frozen=True)
class Question:
    """What the page asks of the browser (JSON), and the state that the answer is checked against."""

    options: str
    state: dict[str, Any]


def are_possible(settings: Settings) -> bool:
    """Whether browsers have passkeys at this address: not for an address of numbers."""
    try:
        ip_address(urlsplit(settings.public_base_url).hostname or "")
    except ValueError:
        return True
    return False


def ask_for_new(email: str, name: str, known: Sequence[bytes], settings: Settings) -> Question:
    """Ask for a new passkey of a person whose `known` credentials are not to be registered twice."""
    from fido2 import webauthn  # noqa: PLC0415 - loaded late

    handle = hmac.digest(settings.secret_key.encode(), f"passkey {email}".encode(), hashlib.sha256)
    options, state = _server(settings).register_begin(
        webauthn.PublicKeyCredentialUserEntity(id=handle, name=email, display_name=name or email),
        credentials=[webauthn.AttestedCredentialData(one) for one in known],
        resident_key_requirement=webauthn.ResidentKeyRequirement.REQUIRED,
        user_verification=webauthn.UserVerificationRequirement.REQUIRED,
    )
    return _question(options, state)


def ask_for_known(settings: Settings) -> Question:
    """Ask for whichever passkey the person chooses; the browser lists those of this site."""
    from fido2 import webauthn  # noqa: PLC0415 - loaded late

    options, state = _server(settings).authenticate_begin(
        user_verification=webauthn.UserVerificationRequirement.REQUIRED
    )
    return _question(options, state)


def read_new(answer: str, state: Mapping[str, Any], settings: Settings) -> NewPasskey | None:
    """The new passkey of an answer; None unless all of it is right and the person was verified."""
    from fido2 import cbor  # noqa: PLC0415 - loaded late
    from fido2.utils import websafe_decode, websafe_encode  # noqa: PLC0415 - loaded late

    try:
        said = _read(answer)
        attested: Any = cbor.decode(websafe_decode(said["response"]["attestationObject"]))
        if not isinstance(attested["authData"], bytes):
            raise TypeError("no bytes")
        data = _server(settings).register_complete(state, said)
    except _WRONG:
        return None
    credential = cast("AttestedCredentialData", data.credential_data)
    credential_id = websafe_encode(credential.credential_id)
    if len(credential_id) > LONGEST_CREDENTIAL_ID:
        return None
    return NewPasskey(credential_id, bytes(credential), data.counter)


def credential_id_of(answer: str) -> str | None:
    """Which passkey an answer is said to come from."""
    from fido2 import webauthn  # noqa: PLC0415 - loaded late
    from fido2.utils import websafe_encode  # noqa: PLC0415 - loaded late

    try:
        return websafe_encode(webauthn.AuthenticationResponse.from_dict(_read(answer)).raw_id)
    except _WRONG:
        return None


def sign_count_of(answer: str, state: Mapping[str, Any], credential: bytes, settings: Settings) -> int | None:
    """How often the key says it signed, if it signed this answer and the person was verified; None otherwise."""
    from fido2 import webauthn  # noqa: PLC0415 - loaded late

    try:
        response = webauthn.AuthenticationResponse.from_dict(_read(answer))
        _server(settings).authenticate_complete(state, [webauthn.AttestedCredentialData(credential)], response)
    except _WRONG:
        return None
    return response.response.authenticator_data.counter


# Everything in an answer comes from outside: bad JSON, or very deep, bad base64, bad CBOR or cut short, wrong types.
_WRONG = (
    *(ValueError, KeyError, TypeError, AttributeError, IndexError, NotImplementedError, AssertionError),
    *(RecursionError, struct.error),
)
# The library makes bytes of these, and of a `rawId` and a `challenge`; of a number it would make as many zeros, until
# there is no memory left.
_BYTES = ("clientDataJSON", "authenticatorData", "attestationObject", "signature", "userHandle")


def _read(answer: str) -> dict[str, Any]:
    from fido2.utils import websafe_decode  # noqa: PLC0415 - loaded late

    if len(answer) > LONGEST_ANSWER:
        raise ValueError("too long")
    found = json.loads(answer)
    if not isinstance(found, dict):
        raise TypeError("no object")
    response = found["response"]
    if any(not isinstance(each, str | None) for each in (found["rawId"], *map(response.get, _BYTES))):
        raise TypeError("no bytes")
    if not isinstance(json.loads(websafe_decode(response["clientDataJSON"]).decode())["challenge"], str):
        raise TypeError("no bytes")
    return found


def _question(options: Mapping[str, Any], state: dict[str, Any]) -> Question:
    return Question(json.dumps(dict(options)["publicKey"]), {name: str(value) for name, value in state.items()})


def _server(settings: Settings) -> Fido2Server:
    from fido2 import webauthn  # noqa: PLC0415 - loaded late
    from fido2.server import Fido2Server  # noqa: PLC0415 - loaded late

    rp = webauthn.PublicKeyCredentialRpEntity(id=urlsplit(settings.public_base_url).hostname, name="Tonne")
    return Fido2Server(rp, verify_origin=lambda origin: origin == settings.public_base_url)
