"""Every CSV file that the product gives out, with formulas in everything that somebody may have typed."""

from __future__ import annotations

import csv
import io
import re

import pytest
from sqlalchemy import String, Text

from app.audit.service import Actor, Subject, note_act
from app.db import db, transaction
from tests.attack.asking import Asked, path_of
from tests.attack.keeping import SqliteKeeper
from tests.attack.target import Target
from tests.builders import NOW

pytestmark = [pytest.mark.sweep, pytest.mark.xdist_group("attack")]

FORMULA = "=cmd|' /C calc'!A1 "
# What is shorter is a code of ours, or of a standard.
LONG = 60
# What begins like a formula and is a number; a spreadsheet that reads it as one does no harm.
NUMBER = re.compile(r"[-+]?[\d.,\s]+%?")
# Cells that spreadsheets run, and the full-width signs that some read as the plain ones.
STARTS = tuple("=+-@\t\r\n＝＋－＠")
# Files with words of sellers, operators and participants in this house; others hold figures and codes.
WITH_WORDS = frozenset(
    {"dashboard.orders_csv", "desk.acts_csv", "desk.payouts_csv", "selling.export", "statistics.cancelled_here"}
)


@pytest.fixture
def poisoned(target: Target, keeper: SqliteKeeper) -> Target:
    """The house in which every text that is not of ours begins with a formula."""
    with target.app.app_context():
        for table in db.metadata.tables.values():
            unique = {column.name for index in table.indexes if index.unique for column in index.columns}
            for column in table.columns:
                is_long = type(column.type) in {String, Text} and (column.type.length or LONG) >= LONG
                is_free = not (column.unique or column.foreign_keys or column.primary_key or column.name in unique)
                if is_long and is_free:
                    _poison(table.name, column.name)
        with transaction():  # the database lets nobody change one
            note_act(Actor(None, FORMULA), "note_written", Subject("order", 1, FORMULA), at=NOW, reason=FORMULA)
        db.session.remove()
    return target


def _poison(table: str, column: str) -> None:
    # What is written as JSON is no text of somebody's.
    words = f"UPDATE {table} SET {column} = ? || {column} WHERE {column} NOT LIKE '{{%' AND {column} NOT LIKE '[%'"  # noqa: S608 - names of ours
    try:
        with db.engine.begin() as connection:
            connection.exec_driver_sql(words, (FORMULA,))
    except db.exc.IntegrityError:  # the table says what may stand there
        pass


def files(target: Target) -> dict[str, str]:
    """Every address that answers with CSV, by its endpoint, with the file."""
    found = {}
    for rule in target.house.rules():
        if "GET" in (rule.methods or ()):
            good = target.good(rule) | ({"form": b"csv"} if "form" in rule.arguments else {})
            for role in target.roles_for(rule)[:1]:
                answer = target.ask(Asked("GET", path_of(rule, good), role=role))
                if answer.mimetype == "text/csv":
                    found[rule.endpoint] = answer.get_data().decode("utf-8-sig")
    return found


def promised(target: Target) -> set[str]:
    """Every endpoint whose address says that it gives out CSV."""
    return {rule.endpoint for rule in target.house.rules() if "csv" in rule.rule and "GET" in (rule.methods or ())}


def formulas(file: str) -> list[str]:
    """The cells of a file that a spreadsheet would run."""
    cells = (cell for row in csv.reader(io.StringIO(file)) for cell in row)
    return [cell for cell in cells if cell.startswith(STARTS) and not NUMBER.fullmatch(cell)]


def test_no_cell_of_any_exported_file_is_run_as_a_formula(poisoned: Target) -> None:
    found = files(poisoned)

    assert {endpoint: formulas(file) for endpoint, file in found.items() if formulas(file)} == {}
    # The formulas are there, as text, wherever a file shows words of somebody's.
    with_text = {endpoint for endpoint, file in found.items() if "'=" in file}
    assert with_text >= WITH_WORDS, sorted(found)
    assert promised(poisoned) - set(found) == set()


def test_a_formula_would_be_found() -> None:
    assert formulas('a,-5,=1+1\r\n\'=1+1,"\t=1",＝1') == ["=1+1", "\t=1", "＝1"]
