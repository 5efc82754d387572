"""`flask registry import` as an operator uses it: what it says, and what it exits with."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask

from app.catalog.mechanisms import ensure_mechanisms
from app.registry.ledger.history.reading import Kind
from app.registry.ledger.history.service import BooksChanged
from app.reporting import commands
from tests.service.registry.published import CANCELLATIONS, ISSUANCES, OVERRIDE, a_file

FOREIGN = "2017-01-01T00:00:00,registry,RO-1000080,ERU (from RMU),1,5,9,5"


def run(app: Flask, tmp_path: Path, *more: str, **rows: tuple[str, ...]) -> Result:
    """Run the command on files of these rows."""
    given = []
    for kind, lines in rows.items():
        path = tmp_path / f"{kind}.csv"
        path.write_bytes(a_file(Kind(kind), lines).content)
        given += [f"--{kind}", str(path)]
    return app.test_cli_runner().invoke(args=["registry", "import", *given, *more])


def test_the_command_says_what_is_new_and_what_was_kept_apart(context: Flask, tmp_path: Path) -> None:
    ensure_mechanisms()
    result = run(context, tmp_path, issuances=ISSUANCES, cancellations=(*CANCELLATIONS, FOREIGN), channels=OVERRIDE)

    assert result.exit_code == 0
    assert "Rows: 7 new, 0 changed, 0 there already." in result.output
    assert "Kept apart, cancellations, row 6: 5 units of type ERU (from RMU) of RO-1000080" in result.output
    again = run(context, tmp_path, issuances=ISSUANCES, cancellations=CANCELLATIONS, channels=OVERRIDE)
    assert "Make a backup now" in result.output
    assert "Rows: 0 new, 0 changed, 7 there already." in again.output
    assert "Make a backup now" not in again.output


def test_the_command_names_file_row_column_and_reason_of_every_problem(context: Flask, tmp_path: Path) -> None:
    ensure_mechanisms()
    wrong = ("2016-10-01T08:00:00,platform,IN-7,CER,1,11,20,9", "2016-10-01T08:00:00,shop,IN-7,CER,1,11,20,10")
    result = run(context, tmp_path, issuances=(ISSUANCES[0].replace("1000,1000", "1000,999"),))
    other = run(context, tmp_path, issuances=ISSUANCES, cancellations=wrong)

    assert result.exit_code == other.exit_code == 1
    assert "issuances: Row 2, column units: The serial numbers are 1000 units." in result.output
    assert "cancellations: Row 3, column channel: Write one of: registry, platform, ctx." in other.output
    assert "Nothing was changed." in result.output


def test_the_command_refuses_nothing_an_unknown_mechanism_and_books_that_change(
    context: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def changed(*_given: object, **_more: object) -> None:
        raise BooksChanged

    nothing = run(context, tmp_path)
    unknown = run(context, tmp_path, "--mechanism", "NONE", issuances=ISSUANCES)
    monkeypatch.setattr(commands, "import_history", changed)
    moving = run(context, tmp_path, issuances=ISSUANCES)

    assert nothing.exit_code == 2
    assert "There is no mechanism NONE." in unknown.output
    assert "run it again for the rest" in moving.output
    assert unknown.exit_code == moving.exit_code == 1
