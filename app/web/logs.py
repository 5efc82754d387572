"""One JSON object for each line on standard error, without anybody's name, address, link or secret."""

from __future__ import annotations

import json
import logging
import re
import secrets
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from flask import Flask, Response, g, has_request_context, request
from flask.signals import request_started

from app.config import Settings

HEADER = "X-Request-ID"
# Asked for all the time: one line for each would be all that the log says.
QUIET = frozenset({"static", "web.health", "web.ready", "web.live", "operations.metrics"})
MASK = "…"
LONGEST_KEPT = 100  # characters of a text that is masked once

_ACCEPTABLE_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_CODE_LETTERS = "2-9A-HJKMNP-TV-Z"
# Each pattern keeps its group 1, if it has one, and loses the rest. None looks at a letter more than a few times:
# an address may be as long as a server takes, and is a stranger's.
_SECRETS = (
    re.compile(r"\b(?:sk|rk|whsec)_[A-Za-z0-9_]+"),
    re.compile(r"(?<![^\s@<>\"'(),;:=/])[^\s@<>\"'(),;:=/]+@[^\s@<>\"'(),;:/]+"),
    re.compile(r"(/(?:orders|testpay|complaint)/)[^/\s\"'?]+"),
    # Mailed links.
    re.compile(r"(/account/(?:join|recover|email|invitation)/)[^/\s\"'?]+"),
    re.compile(r"([?&](?:code|token)=)[^&\s\"']+"),
    re.compile(rf"\b[{_CODE_LETTERS}]{{4}}(?:-[{_CODE_LETTERS}]{{4}}){{5,6}}\b"),
    # What a database says about a refused statement repeats the values, names and all.
    re.compile(r"(\[parameters: )[\s\S]*?(?:\](?=\n|$)|\Z)"),
    re.compile(r"(DETAIL:  ?)[^\n]*"),
)
# In a room of people, whatever else is as long as our tokens.
_IN_A_ROOM = re.compile(r"/(?:account|sell|desk)/[^\s\"'?]*")
_LIKE_A_TOKEN = re.compile(r"(?<=/)[A-Za-z0-9_-]{22,}")
_PERSONAL = re.compile(r"mail|name|beneficiary|purpose|token|code|secret|password|authorization|cookie", re.IGNORECASE)

_log = logging.getLogger("tonne.request")
_written = json.JSONEncoder(default=str).encode


def init_app(app: Flask) -> None:
    """Write every log line of the process in this form, and one line for each request."""
    settings: Settings = app.extensions["tonne.settings"]
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, StandardError)]:
        root.removeHandler(handler)
    root.addHandler(StandardError())
    root.setLevel(settings.log_level)
    # Loaded after this by commands, Alembic would name each of its parts.
    logging.getLogger("alembic.runtime.plugins").setLevel(logging.WARNING)
    # It would name each passkey that is made or shown.
    logging.getLogger("fido2").setLevel(logging.WARNING)
    request_started.connect(_start, app)
    app.after_request(_finish)


def request_id() -> str:
    """The name of the present request in the log and in the answer's header.

    A proxy in front may choose it (TRUSTED_PROXIES above 0); nobody else can.
    """
    return str(g.setdefault("request_id", secrets.token_hex(8)))


def mask(text: str) -> str:
    """`text` without keys, e-mail addresses, secret links, verification codes and database values."""
    return _mask_kept(text) if len(text) <= LONGEST_KEPT else _mask(text)


def _mask(text: str) -> str:
    for pattern in _SECRETS:
        text = pattern.sub(rf"\g<1>{MASK}" if pattern.groups else MASK, text)
    return _IN_A_ROOM.sub(lambda address: _LIKE_A_TOKEN.sub(MASK, address[0]), text)


# Paths and messages come again and again.
_mask_kept = lru_cache(maxsize=512)(_mask)


class StandardError(logging.Handler):
    """Writes to whatever standard error is at that moment: a server may redirect it after the start."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(JsonLines())

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line. A line that cannot be written is reported the way logging does."""
        try:
            sys.stderr.write(f"{self.format(record)}\n")
            sys.stderr.flush()
        except Exception:  # noqa: BLE001 - a log line must never break what it tells about
            self.handleError(record)


class JsonLines(logging.Formatter):
    """A log record as one line of JSON. Facts come in as `extra={"facts": {...}}`."""

    def format(self, record: logging.LogRecord) -> str:
        """The line: time in UTC, level, logger, message, the request if there is one, and facts."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": mask(record.getMessage()),
        }
        if has_request_context():
            line.update(request_id=request_id(), method=request.method, path=mask(request.path))
        facts = getattr(record, "facts", None)
        if facts:
            line["facts"] = _masked(facts)
        if record.exc_info:
            line["exception"] = mask(self.formatException(record.exc_info))
        # ASCII only: no line break and no control character of a stranger's reaches the terminal.
        return _written(line)


def _masked(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, Mapping):
        return {str(key): MASK if _PERSONAL.search(str(key)) else _masked(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_masked(each) for each in value]
    return mask(str(value))


def _start(app: Flask, **_extra: Any) -> None:
    g.started = time.perf_counter()
    g.pop("request_id", None)
    named = request.headers.get(HEADER, "")
    if app.extensions["tonne.settings"].trusted_proxies and _ACCEPTABLE_ID.fullmatch(named):
        g.request_id = named


def _finish(response: Response) -> Response:
    response.headers[HEADER] = request_id()
    level = logging.DEBUG if request.endpoint in QUIET else logging.INFO
    duration = round((time.perf_counter() - g.started) * 1000)
    facts = {"status": response.status_code, "duration_ms": duration}
    # Whoever is signed in, as a number that only our tables can read.
    me = g.get("me")
    if me is not None:
        facts["person"] = me.id
    _log.log(level, "answered", extra={"facts": facts})
    return response
