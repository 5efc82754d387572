"""Every problem that an importer can find has words."""

import re
from pathlib import Path

import pytest
from flask import Flask

from app.kernel.csvtable import ImportReport, RowError
from app.web import i18n
from app.web.import_errors import SENTENCES, line, report_line

APP = Path(__file__).parents[3] / "app"
SOURCES = (
    "kernel/csvtable.py",
    "providers/importer.py",
    "catalog/importer.py",
    "catalog/cancellation_importer.py",
    "registry/ledger/importer.py",
    "registry/ledger/history/checking.py",
    "registry/batch/response.py",
    "registry/batch/statements.py",
    "offers/importer.py",
    "selling/importer.py",
    "selling/offer_file.py",
)
CODE = re.compile(
    r"""(?:\.error\(\s*(?:\w+|"\w+"|columns\[-1\]),\s*|CellRefused\(\s*|RowError\(\w+,\s*[^,]+,\s*)"(\w+)\""""
)


@pytest.fixture
def speaking() -> Flask:
    app = Flask("words")
    i18n.init_app(app)
    return app


def codes() -> set[str]:
    return {code for name in SOURCES for code in CODE.findall((APP / name).read_text(encoding="utf-8"))}


def test_every_code_of_an_importer_has_a_sentence_and_every_sentence_a_code() -> None:
    # A refusal of an offer's terms brings words of its own (app/selling/words.py).
    assert codes() - {"refusal"} == set(SENTENCES)


def test_a_problem_says_where_it_is_and_what_to_do(speaking: Flask) -> None:
    with speaking.app_context():
        assert line(RowError(7, "units", "out_of_range", {"minimum": 1, "maximum": 9})) == (
            "Row 7, column units: The number must be between 1 and 9."
        )
        assert line(RowError(7, None, "surplus_cells", {"cells": 4, "columns": 3})) == (
            "Row 7: The row has 4 cells and the header 3. A comma may need quotation marks."
        )
        assert line(RowError(0, None, "no_rows")) == "The file has a header but no rows."


def test_a_report_gives_all_three_numbers(speaking: Flask) -> None:
    with speaking.app_context():
        assert report_line(ImportReport(1, 2, 3)) == "Rows: 1 new, 2 changed, 3 there already."
