"""How an operator reads and answers complaints until there is a desk for it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask

from tests.builders import NOW
from tests.service.complaints.complaining import a_complaint, the_complaint


def run(app: Flask, *arguments: str, given: str | bytes | None = None) -> Result:
    return app.test_cli_runner().invoke(args=["complaints", *arguments], input=given)


def complain(app: Flask, **changes: object) -> str:
    with app.app_context():
        return a_complaint(app.extensions["tonne.settings"], **changes)


def test_the_list_says_what_is_urgent_and_names_nobody(app: Flask) -> None:
    assert run(app, "list").output == "No complaint waits for an answer.\n"
    complain(app, about="", locale="fr")
    complain(app, now=NOW - timedelta(days=20))

    assert run(app, "list").output.splitlines() == [
        "C2/2026  answer by 2026-11-16  en  about T-7KMQ-2XHD  LATE",
        "C1/2026  answer by 2026-12-06  fr",
    ]


def test_one_complaint_is_shown_whole_and_its_answer_with_it(app: Flask) -> None:
    complain(app)
    shown = run(app, "show", "c1/2026").output
    for part in ("State:      received", "From:       amelie@example.org", "I paid twice.\n\nOn Sunday.", "2026-12-06"):
        assert part in shown
    assert "Our answer" not in shown

    run(app, "answer", "C1/2026", "-", "--outcome", "answered", given="So it is.")

    assert "Our answer:\nSo it is." in run(app, "show", "C1/2026").output


def test_an_answer_from_a_file_closes_the_complaint(app: Flask, tmp_path: Path) -> None:
    token = complain(app)
    reply = tmp_path / "reply.txt"
    reply.write_text("Chère Amélie,\noui.", encoding="utf-8")

    result = run(app, "answer", "c1/2026", str(reply), "--outcome", "upheld")

    assert (result.exit_code, result.stdout) == (
        0,
        "Complaint C1/2026 is closed as upheld; the answer is on its way.\n",
    )
    with app.app_context():
        assert the_complaint(token).reply == "Chère Amélie,\noui."


def test_an_answer_that_is_not_utf_8_changes_nothing(app: Flask, tmp_path: Path) -> None:
    complain(app)
    reply = tmp_path / "reply.txt"
    reply.write_bytes("Chère".encode("latin-1"))

    result = run(app, "answer", "C1/2026", str(reply), "--outcome", "upheld")

    assert (result.exit_code, result.output) == (1, "Error: The reply is not UTF-8 text. Nothing was changed.\n")


@pytest.mark.parametrize(
    ("arguments", "given", "said"),
    [
        (("show", "C9/2026"), None, "There is no complaint C9/2026."),
        (("answer", "C9/2026", "-", "--outcome", "upheld"), "Yes.", "There is no complaint C9/2026."),
        (("answer", "C1/2026", "-", "--outcome", "upheld"), " ", "The reply must have 1 to 10000 characters."),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    app: Flask, arguments: tuple[str, ...], given: str | None, said: str
) -> None:
    complain(app)

    result = run(app, *arguments, given=given)

    assert result.exit_code == 1
    assert result.output.startswith(f"Error: {said}")


def test_a_complaint_is_not_answered_twice(app: Flask) -> None:
    complain(app)
    run(app, "answer", "C1/2026", "-", "--outcome", "rejected", given="No.")

    again = run(app, "answer", "C1/2026", "-", "--outcome", "upheld", given="Yes.")

    assert again.output == "Error: Complaint C1/2026 was closed before, as rejected. Nothing was changed.\n"
