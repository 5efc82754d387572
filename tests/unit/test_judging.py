"""The judge of all sweeps: each fault is found in an answer that has it, and none in one that may be given."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.test import Client, TestResponse
from werkzeug.wrappers import Response

from tests.attack.judging import GATEWAY, OWN, faults_of
from tests.attack.nasty import ELSEWHERE, MARK, RUN

STRICT = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=()",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def answer(body: str = "", status: int = 200, mimetype: str = "text/html", **headers: str) -> TestResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Client(Response(body, status, {**STRICT, **named}, mimetype=mimetype)).get("/")


@pytest.mark.parametrize(
    "good",
    [
        answer(f"<p>&lt;b&gt;{MARK}&lt;/b&gt; and {ELSEWHERE}</p><a href='/en/'>Projects</a>"),
        answer(f"<input value='{MARK}'><a href='/en/?q={MARK}'>again</a>", 422),
        answer(status=303, Location="/en/basket"),
        answer(status=303, Location=f"{OWN}/en/"),
        answer(status=303, Location=f"http://{GATEWAY}/pay/1"),
        answer(f'"{MARK}"', mimetype="application/json"),
        answer(Set_Cookie=f"basket={MARK}"),
    ],
)
def test_an_answer_that_may_be_given_has_no_fault(good: TestResponse) -> None:
    assert faults_of(good) == []


@pytest.mark.parametrize("place", [
    f"https://{ELSEWHERE}/", f"//{ELSEWHERE}/", f"/\\{ELSEWHERE}/", f"\\\\{ELSEWHERE}", f"http:{OWN[5:]}@{ELSEWHERE}/",
    f"https://{ELSEWHERE}:5000/", "javascript:alert(1)", "/en/\x7f",
])  # fmt: skip
def test_a_redirect_elsewhere_is_found(place: str) -> None:
    found = answer(status=302)
    found.headers["Location"] = place

    assert faults_of(found) == [f"leads to {place!r}"]


@pytest.mark.parametrize("name", STRICT)
def test_a_strict_header_that_is_missing_is_found(name: str) -> None:
    found = answer()
    del found.headers[name]

    assert faults_of(found) == [f"{name}: None"]


FAULTS: dict[str, Any] = {
    "status 500": answer(status=500),
    "leads nowhere": answer(status=302),
    "a cookie of a stranger": answer(Set_Cookie=f"{MARK}=1"),
    f"markup of a stranger: <{MARK} {MARK}>": answer(f"<{MARK}>"),
    f"markup of a stranger: <p {MARK}>": answer(f"<p {MARK}=1>"),
    "<img onerror='1'>": answer("<img onerror=1>"),
    "<a href='javascript:1'>": answer("<a href='javascript:1'>"),
    "<a href='java\\nscript:1'>": answer("<a href='java\nscript:1'>"),
    f"<form action='//{ELSEWHERE}'>": answer(f"<form action='//{ELSEWHERE}'>"),
    f"in a script: '{MARK}'": answer(f"<script>{MARK}</script>"),
    "in a comment": answer(f"<!-- {MARK} -->"),
    f"shows {RUN!r}": answer(RUN),
    "shows 'sqlalchemy'": answer("sqlalchemy.exc.OperationalError", mimetype="text/plain"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_no_answer_may_be_is_found(fault: str) -> None:
    assert faults_of(FAULTS[fault]) == [fault]


def test_a_program_that_asked_for_data_and_gets_a_page_is_found() -> None:
    assert faults_of(answer("<h1>Not found</h1>", 404), wants_data=True) == [
        "a program that asked for data got 404 as text/html"
    ]
    problem = answer('{"status": 404}', 404, "application/problem+json")
    assert faults_of(problem, wants_data=True) == []
