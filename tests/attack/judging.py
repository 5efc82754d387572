"""What no answer may be, whatever was asked."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

from werkzeug.test import TestResponse

from tests.attack.nasty import ELSEWHERE, MARK, RUN

# A name, because passkeys want one.
OWN = "http://localhost:5000"
# The page of the gateway, which is the fake one of the tests.
GATEWAY = "127.0.0.1"
# Answers that show a form again with what is wrong in it are pages, whatever was asked for.
FORM_AGAIN = frozenset({410, 422})

STRICT = {
    "Content-Security-Policy": re.compile("default-src 'none';.*frame-ancestors 'none'"),
    "X-Content-Type-Options": re.compile("^nosniff$"),
    "Cross-Origin-Opener-Policy": re.compile("^same-origin$"),
    "Cross-Origin-Resource-Policy": re.compile("^same-origin$"),
    "Permissions-Policy": re.compile(r"camera=\(\)"),
    "Referrer-Policy": re.compile("^(no-referrer|same-origin)$"),
    "Cache-Control": re.compile("no-store|no-cache|max-age"),
}
INSIDES = ("Traceback (most recent call last)", "werkzeug", "sqlalchemy", "psycopg", "sqlite3.", "jinja2", RUN)
LINKS = frozenset({"href", "src", "action", "formaction", "data", "poster", "srcset"})


class _Marks(HTMLParser):
    """Where in a page the mark stands as anything but text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self._tag = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._tag = tag
        for name, value in [(tag, ""), *attrs]:
            if MARK in name:
                self.found.append(f"markup of a stranger: <{tag} {name}>")
            if name.startswith("on") or (name in LINKS and _leads_astray(value or "")):
                self.found.append(f"<{tag} {name}={value!r}>")

    def handle_data(self, data: str) -> None:
        if self._tag in {"script", "style"} and MARK in data:
            self.found.append(f"in a {self._tag}: {data[:80]!r}")

    def handle_comment(self, data: str) -> None:
        if MARK in data:
            self.found.append("in a comment")


def _leads_astray(address: str) -> bool:
    plain = re.sub(r"[\x00-\x20]", "", address).lower()
    if plain.startswith(("javascript:", "vbscript:", "data:text")):
        return True
    return urlsplit(urljoin(OWN, plain.replace("\\", "/"))).hostname == ELSEWHERE


def faults_of(answer: TestResponse, *, wants_data: bool = False) -> list[str]:
    """What is wrong with an answer, in words; nothing for one that may be given."""
    found = []
    if answer.status_code >= 500:
        found.append(f"status {answer.status_code}")
    for name, value in STRICT.items():
        if not value.search(answer.headers.get(name, "")):
            found.append(f"{name}: {answer.headers.get(name)}")
    if any(name == "Set-Cookie" and MARK in value.partition("=")[0] for name, value in answer.headers):
        found.append("a cookie of a stranger")
    found += _faults_of_place(answer)
    body = answer.get_data(as_text=True) if answer.mimetype != "application/pdf" else ""
    found += [f"shows {inside!r}" for inside in INSIDES if inside in body]
    if answer.mimetype == "text/html":
        found += _Marks(body).found
    if wants_data and answer.status_code >= 400 and answer.status_code not in FORM_AGAIN:
        problem = answer.json if answer.mimetype == "application/problem+json" else {}
        if (problem or {}).get("status") != answer.status_code:
            found.append(f"a program that asked for data got {answer.status_code} as {answer.mimetype}")
    return found


def _faults_of_place(answer: TestResponse) -> list[str]:
    place = answer.headers.get("Location")
    if place is None:
        return [] if answer.status_code not in {301, 302, 303, 307, 308} else ["leads nowhere"]
    host = urlsplit(urljoin(OWN, place.replace("\\", "/"))).netloc
    is_own = host in {urlsplit(OWN).netloc, GATEWAY}
    return [] if is_own and place.isprintable() else [f"leads to {place!r}"]
