"""From the text of an environment variable, or of a file of a secret, to its value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from app.config.table import Setting

LIMITS = "[1-9][0-9]*/(second|minute|hour|day)(;[1-9][0-9]*/(second|minute|hour|day))*"
LEGAL_TEXTS = Path(__file__).parents[1] / "content" / "legal_texts"


def text_of(setting: Setting, environment: Mapping[str, str]) -> tuple[str | None, str]:
    """What is wrong with where one setting stands, if anything, and its text.

    A secret may be a file of its name in CREDENTIALS_DIRECTORY instead: systemd opens there, for one service and in
    memory only, what it keeps sealed (systemd.exec(5), “Credentials”). In both places nobody would know which counts.
    """
    said = environment.get(setting.name, setting.default).strip()
    directory = environment.get("CREDENTIALS_DIRECTORY")
    if not setting.secret or not directory:
        return None, said
    try:
        kept = (Path(directory) / setting.name).read_text().strip()
    except FileNotFoundError:
        return None, said
    except (OSError, UnicodeDecodeError):
        return f"{setting.name} in CREDENTIALS_DIRECTORY cannot be read", said
    if environment.get(setting.name):
        return f"{setting.name} is in the environment and in CREDENTIALS_DIRECTORY: take it out of one", said
    return None, kept


def read(setting: Setting, raw: str) -> tuple[str | None, object]:
    """What is wrong with one value, if anything, and what it means."""
    if setting.kind in {"int", "count"}:
        least = 1 if setting.kind == "count" else 0
        if not re.fullmatch("[0-9]{1,12}", raw) or int(raw) < least:
            return f"{setting.name} must be a whole number of at least {least}, not {raw[:40]!r}", None
        return None, int(raw)
    if setting.kind == "instant":
        return _read_instant(setting, raw)
    if setting.kind == "choice" and raw not in setting.choices:
        return f"{setting.name} must be one of {', '.join(setting.choices)}, not {raw!r}", None
    if setting.kind == "url" and raw and not _is_url(raw):
        return f"{setting.name} must be an http or https address without a path, not {raw!r}", None
    if setting.kind == "limits" and not re.fullmatch(LIMITS, raw):
        return f"{setting.name} must look like 20/minute;200/hour, not {raw!r}", None
    return None, Path(raw).absolute() if setting.kind == "path" else raw


def _read_instant(setting: Setting, raw: str) -> tuple[str | None, datetime | None]:
    try:
        value = datetime.fromisoformat(raw) if raw else None
        if value is None or value.tzinfo is not None:
            return None, value
    except ValueError:
        pass
    return f"{setting.name} must be a date, time and zone such as 2026-12-31T13:00:00Z, not {raw[:40]!r}", None


def _is_url(raw: str) -> bool:
    try:
        parts = urlsplit(raw)
        is_whole = parts.port != 0 and bool(parts.hostname)
    except ValueError:  # an unclosed bracket, or a port that no port can have
        return False
    return is_whole and raw == f"{parts.scheme}://{parts.netloc}" and parts.scheme in {"http", "https"}


def fill_derived(values: dict[str, Any]) -> None:
    """Fill in what follows from other settings, and take lists apart."""
    host = f"[{values['host']}]" if ":" in values["host"] else values["host"]
    values["public_base_url"] = values["public_base_url"] or f"http://{host}:{values['port']}"
    values["database_url"] = values["database_url"] or f"sqlite:///{values['instance_path'] / 'tonne.sqlite'}"
    values["journal_path"] = Path(values["journal_path"] or values["instance_path"] / "journal.jsonl").absolute()
    values["legal_texts"] = Path(values["legal_texts"] or LEGAL_TEXTS).absolute()
    values["stripe_webhook_secrets"] = tuple(
        secret.strip() for secret in values["stripe_webhook_secrets"].split(",") if secret.strip()
    )
    values["secret_key_fallbacks"] = tuple(
        secret.strip() for secret in values["secret_key_fallbacks"].split(",") if secret.strip()
    )
    values["registries"] = tuple(code.strip() for code in values["registries"].split(",") if code.strip())
    values["testpay_mischief"] = frozenset(s.strip() for s in values["testpay_mischief"].split(",") if s.strip())
