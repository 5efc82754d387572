"""Requests as they come over the wire, with nothing put right on the way, and strategies that make nasty ones."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from io import BytesIO
from urllib.parse import quote_from_bytes

from flask import Flask
from hypothesis import strategies as st
from werkzeug.routing import Rule
from werkzeug.test import EnvironBuilder, TestResponse, run_wsgi_app
from werkzeug.wrappers import Request

from tests.attack.judging import OWN
from tests.attack.nasty import BODIES, HEADERS, RAW, TEXTS

FORM = "application/x-www-form-urlencoded"
BODY_TYPES = (FORM, "application/json", "multipart/form-data; boundary=x")
_ARGUMENT = re.compile(r"<(?:[^<>]*:)?(\w+)>")


@dataclass(frozen=True)
class Asked:
    """One request: its bytes as the server hands them on."""

    method: str
    path: bytes
    query: bytes = b""
    body: bytes = b""
    content_type: str = FORM
    role: str = "visitor"
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def wants_data(self) -> bool:
        """Whether nothing but JSON is taken."""
        return self.headers.get("Accept") in {"application/json", "application/problem+json"}

    def __str__(self) -> str:
        said = " ".join(f"{name}={value[:80]!r}" for name, value in self.headers.items())
        return f"{self.role}: {self.method} {self.path[:200]!r} ?{self.query[:200]!r} {said} {self.body[:300]!r}"


def ask(app: Flask, asked: Asked, cookies: str = "") -> TestResponse:
    """Ask an application; nothing of an earlier answer is kept."""
    environ = EnvironBuilder(method=asked.method, base_url=OWN).get_environ()
    environ |= {
        "PATH_INFO": asked.path.decode("latin-1"),
        "QUERY_STRING": asked.query.decode("latin-1"),
        "wsgi.input": BytesIO(asked.body),
        "CONTENT_LENGTH": str(len(asked.body)),
        "CONTENT_TYPE": asked.content_type,
    }
    headers = {"Cookie": cookies} | asked.headers if cookies else asked.headers
    if cookies and "Cookie" in asked.headers:
        headers = headers | {"Cookie": f"{cookies}; {asked.headers['Cookie']}"}
    for name, value in headers.items():
        key = name.upper().replace("-", "_")
        environ[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value
    return TestResponse(*run_wsgi_app(app.wsgi_app, environ, buffered=True), request=Request(environ))


def pairs(given: Sequence[tuple[str, bytes]]) -> bytes:
    """Names and values as a form or a query sends them; what is in RAW and can be sent goes as it is."""
    return b"&".join(
        name.encode()
        + b"="
        + (value if value in RAW and value.isascii() and value.decode().isprintable() else _quoted(value))
        for name, value in given
    )


def _quoted(value: bytes) -> bytes:
    return quote_from_bytes(value).encode()


def path_of(rule: Rule, values: dict[str, bytes]) -> bytes:
    """The path of a rule with these bytes in the places of its arguments."""
    return _ARGUMENT.sub(lambda found: values[found[1]].decode("latin-1"), rule.rule).encode("latin-1")


def texts(turn: int = 0) -> st.SearchStrategy[str]:
    """A nasty text, seldom one that nobody thought of. The plainest example is the one at `turn`: the first asked."""
    start = turn % len(TEXTS)
    return st.sampled_from(TEXTS[start:] + TEXTS[:start]) | st.sampled_from(TEXTS) | st.text(max_size=40)


def on_the_wire() -> st.SearchStrategy[bytes]:
    """A nasty text or bytes that are none."""
    return st.sampled_from(TEXTS).map(str.encode) | st.sampled_from(RAW) | texts().map(str.encode)


def headers() -> st.SearchStrategy[dict[str, str]]:
    """At most three nasty headers; often none."""
    one = st.sampled_from(sorted(HEADERS)).flatmap(
        lambda name: st.tuples(st.just(name), st.sampled_from(HEADERS[name]))
    )
    return st.just({}) | st.lists(one, max_size=3).map(dict)


def of_rule(
    rule: Rule, method: str, good: dict[str, bytes], names: Sequence[str], roles: Sequence[str]
) -> st.SearchStrategy[Asked]:
    """Requests for a rule: things that are there or nasty ones, known names with nasty values."""
    values = st.fixed_dictionaries(
        {name: st.just(value) | st.just(value) | on_the_wire() for name, value in good.items()}
    )
    filled = st.lists(st.tuples(st.sampled_from(names), on_the_wire()), max_size=5).map(pairs)
    body = st.just((b"", FORM))
    if method == "POST":
        body = (
            st.tuples(filled, st.just(FORM))
            | st.tuples(filled, st.just(FORM))
            | st.tuples(
                st.sampled_from(BODIES), st.sampled_from((FORM, "application/json", "multipart/form-data; boundary=x"))
            )
        )
    return st.builds(
        lambda values, query, body, role, more: Asked(
            method, path_of(rule, values), query, body[0], body[1], role, more
        ),
        values, filled, body, st.sampled_from(roles), headers(),
    )  # fmt: skip
