"""Certificate facts to canonical JSON and back: what is stored, hashed and handed out."""

from __future__ import annotations

import hashlib
import json
from dataclasses import is_dataclass
from datetime import UTC, date, datetime
from typing import Any

from app.certificates.ports import CertificateFacts, SerialRange, TransactionFacts

SCHEMA = "tonne-certificate-1"

_INSTANTS = ("placed_at", "paid_at", "sent_at", "cancelled_at", "issued_at")
_ONLY_DIRECT = ("purpose_category", "scheme_name")
_ONLY_WITH_VINTAGE = ("vintage_year", "authorisation")


def to_plain(facts: CertificateFacts) -> dict[str, Any]:
    """The facts as JSON values: instants in UTC with a Z, dates as ISO 8601.

    What only a direct cancellation has is absent from others, as it is from those of before there were any; so is
    what only units with a vintage or an authorisation have.
    """
    plain: dict[str, Any] = _plain(facts)
    for transaction in plain["transactions"]:
        for name in _ONLY_WITH_VINTAGE:
            if not transaction[name]:
                del transaction[name]
    return {name: value for name, value in plain.items() if value or name not in _ONLY_DIRECT}


def _plain(value: Any) -> Any:
    if isinstance(value, (int, str, type(None))):
        return value
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if is_dataclass(value):
        return {name: _plain(item) for name, item in vars(value).items()}
    return encode(value)


def to_json(facts: CertificateFacts) -> str:
    """Canonical JSON: sorted keys, no spaces, UTF-8. The same facts always give the same bytes."""
    return json.dumps(to_plain(facts), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def fingerprint(text: str) -> str:
    """SHA-256 of a canonical JSON text, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def from_json(text: str) -> CertificateFacts:
    """The facts behind a stored text."""
    plain = json.loads(text)
    for name in _INSTANTS:
        plain[name] = _instant(plain[name])
    plain["host_parties"] = tuple(plain["host_parties"])
    plain["transactions"] = tuple(_transaction(item) for item in plain["transactions"])
    return CertificateFacts(**plain)


def _transaction(item: dict[str, Any]) -> TransactionFacts:
    return TransactionFacts(
        **{
            **item,
            "ranges": tuple(SerialRange(**r) for r in item["ranges"]),
            "completed_at": _instant(item["completed_at"]),
            "monitoring_starts_on": date.fromisoformat(item["monitoring_starts_on"]),
            "monitoring_ends_on": date.fromisoformat(item["monitoring_ends_on"]),
        }
    )


def encode(value: object) -> str:
    """An instant in UTC with a Z, or a day, as JSON writes them. Raises TypeError for anything else."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"no JSON form for {type(value)}")


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
