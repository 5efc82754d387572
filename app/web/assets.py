"""Styles, scripts and fonts: an address that changes with the content, kept by browsers, sent compressed."""

from __future__ import annotations

import gzip
import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any

from flask import Flask, Response, current_app, request

VERSION = "v"
LENGTH = 10
# A year for an address that names its content; an hour for one that does not.
FOREVER = "public, max-age=31536000, immutable"
AN_HOUR = "public, max-age=3600"
# Files of ours only: nothing that a page says to one reader is ever compressed (the BREACH attack).
COMPRESSIBLE = frozenset({"text/css", "text/javascript", "image/svg+xml"})


def init_app(app: Flask) -> None:
    """Name the content in every address of a static file, and say how long it may be kept."""
    app.url_defaults(_name_the_content)
    app.after_request(_send_less)
    app.after_request(_say_how_long)


def _name_the_content(endpoint: str, values: dict[str, Any]) -> None:
    if endpoint == "static" and VERSION not in values:
        values[VERSION] = version_of(values["filename"])


def _say_how_long(response: Response) -> Response:
    if request.endpoint == "static" and response.status_code in {200, 304}:
        version = version_of((request.view_args or {})["filename"])
        response.headers["Cache-Control"] = FOREVER if request.args.get(VERSION) == version else AN_HOUR
    return response


def _send_less(response: Response) -> Response:
    if request.endpoint != "static" or response.mimetype not in COMPRESSIBLE or response.status_code != 200:
        return response
    response.vary.add("Accept-Encoding")
    if request.accept_encodings.quality("gzip"):
        path = _path_of((request.view_args or {})["filename"])
        response.direct_passthrough = False
        response.make_sequence()  # closes the file with the answer
        response.set_data(_compressed(path, path.stat().st_mtime_ns))
        response.headers["Content-Encoding"] = "gzip"
        # The tag names the bytes as they lie on the disk.
        del response.headers["ETag"]
    return response


def _path_of(filename: str) -> Path:
    return _path_in(current_app.static_folder or "", filename)


@lru_cache(maxsize=256)
def _path_in(directory: str, filename: str) -> Path:
    """Made once: every page names four files, and to make a `Path` takes longer than to look at what it names."""
    return Path(directory) / filename


def version_of(filename: str) -> str | None:
    """The first characters of the file's SHA-256, or None for a file that does not exist."""
    path = _path_of(filename)
    try:
        return _fingerprint(path, path.stat().st_mtime_ns)
    except FileNotFoundError:
        return None


@lru_cache(maxsize=256)
def _fingerprint(path: Path, _changed_ns: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:LENGTH]


@lru_cache(maxsize=64)
def _compressed(path: Path, _changed_ns: int) -> bytes:
    return gzip.compress(path.read_bytes(), mtime=0)
