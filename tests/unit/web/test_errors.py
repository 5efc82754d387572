"""Whatever goes wrong, the reader gets a calm page that says what to do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

JSON_ONLY = {"Accept": "application/json"}


@pytest.fixture
def visitor(site: Flask) -> FlaskClient:
    site.config["PROPAGATE_EXCEPTIONS"] = False
    return site.test_client()


@pytest.mark.parametrize(
    ("code", "title"),
    [
        (400, "We could not read that"),
        (403, "This page is not open to you"),
        (404, "We cannot find this page"),
        (405, "This address works differently"),
        (413, "That is too much at once"),
        (418, "We could not read that"),
        (429, "Too many tries"),
        (500, "Something went wrong on our side"),
        (502, "Something went wrong on our side"),
        (503, "We are not available for a moment"),
    ],
)
def test_every_error_has_its_page(visitor: FlaskClient, code: int, title: str) -> None:
    answer = visitor.get(f"/status/{code}")

    assert answer.status_code == code
    assert answer.mimetype == "text/html"
    assert f"<h1>{code} {title}</h1>" in answer.text


def test_a_wrong_method_is_told_which_ones_work(visitor: FlaskClient) -> None:
    answer = visitor.get("/en/basket/add")

    assert answer.status_code == 405
    assert set(answer.headers["Allow"].split(", ")) == {"POST", "OPTIONS"}


def test_a_fault_of_ours_shows_a_reference_that_the_log_has_too(
    visitor: FlaskClient, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = visitor.get("/broken")
    reference = answer.headers["X-Request-ID"]

    assert answer.status_code == 500
    assert f"<b>{reference}</b>" in answer.text
    assert "RuntimeError" not in answer.text
    logged = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    fault = next(line for line in logged if line["level"] == "ERROR")
    assert fault["request_id"] == reference
    assert "RuntimeError" in fault["exception"]
    assert "sk_test_abc" not in str(logged)
    assert "jane@example.org" not in str(logged)


@pytest.mark.parametrize(("path", "who"), [("/busy", "database"), ("/away", "registry or gateway")])
def test_a_system_that_is_away_is_no_fault_of_the_reader(
    visitor: FlaskClient, capsys: pytest.CaptureFixture[str], path: str, who: str
) -> None:
    answer = visitor.get(path)

    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "30"
    assert f"<b>{answer.headers['X-Request-ID']}</b>" in answer.text
    log = capsys.readouterr().err
    assert f"{who} unavailable" in log
    assert "jane@example.org" not in log


def test_when_even_the_error_page_is_broken_a_plain_one_says_the_same(
    site: Flask, visitor: FlaskClient, capsys: pytest.CaptureFixture[str]
) -> None:
    page = Path(site.root_path) / "templates" / "errors" / "error.html"
    page.write_text("{{ nothing.at.all }}")

    answer = visitor.get("/fr/<script>/x")

    assert answer.status_code == 404
    assert '<html lang="fr">' in answer.text
    assert "<h1>Cette page est introuvable</h1>" in answer.text
    assert "<script>" not in answer.text
    assert "error page failed" in capsys.readouterr().err
    fault = visitor.get("/broken")
    assert f"<p>{fault.headers['X-Request-ID']}</p>" in fault.text


def test_a_program_that_takes_only_json_gets_problem_json(visitor: FlaskClient) -> None:
    answer = visitor.get("/fr/nothing", headers=JSON_ONLY)

    assert answer.status_code == 404
    assert answer.content_type == "application/problem+json"
    assert answer.json == {
        "type": "about:blank",
        "title": "Cette page est introuvable",
        "status": 404,
        "detail": "The address may be mistyped or incomplete, or the page is no longer there.",
    }
    fault = visitor.get("/broken", headers={"Accept": "application/problem+json"})
    assert fault.json is not None
    assert fault.json["reference"] == fault.headers["X-Request-ID"]


@pytest.mark.parametrize("accept", ["text/html,application/json;q=0.9", "*/*", "", "image/png"])
def test_everybody_else_gets_a_page(visitor: FlaskClient, accept: str) -> None:
    assert visitor.get("/fr/nothing", headers={"Accept": accept}).mimetype == "text/html"


def test_an_error_that_a_view_has_already_answered_stays_as_it_is(site: Flask, visitor: FlaskClient) -> None:
    # A language-less address is answered by such a redirect.
    assert visitor.get("/verify").status_code == 302
