"""Addresses of pages in templates, built once: a page has a dozen, mostly the same as every other page."""

from __future__ import annotations

from functools import lru_cache
from types import NoneType
from typing import Any

from flask import Flask, has_request_context, request

from app.web.assets import VERSION, version_of
from app.web.i18n import current_language, has_language

MOST_ADDRESSES = 1024
# What an address may hold and be remembered by; whatever else is left to Flask.
PLAIN = frozenset({str, int, NoneType})
# Flask's own arguments: these ask for more than a path, which the request has a say in.
SPECIAL = frozenset({"_external", "_scheme"})


def init_app(app: Flask) -> None:
    """Give every template an `url_for` that remembers."""

    @lru_cache(maxsize=MOST_ADDRESSES)
    def built(endpoint: str, _language: str, _root: str, /, **values: Any) -> str:
        return app.url_for(endpoint, **values)

    def url_for(endpoint: str, **values: Any) -> str:
        """What Flask's says. A page's path depends on its values, the language in force and where we are mounted."""
        is_file = endpoint == "static"
        if is_file:
            values.setdefault(VERSION, version_of(values["filename"]))
        is_plain = PLAIN.issuperset(map(type, values.values())) and SPECIAL.isdisjoint(values)
        if is_plain and has_request_context() and (is_file or has_language(endpoint)):
            return built(endpoint, current_language(), request.root_path, **values)
        return app.url_for(endpoint, **values)

    app.jinja_env.globals["url_for"] = url_for
