"""The PDF as a file: kept for decades, read aloud, the same on every machine."""

from __future__ import annotations

import hashlib
import io
import logging
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fontTools.pens.boundsPen import BoundsPen
from fontTools.ttLib import TTFont

from app.certificates.adapters.weasyprint import WeasyPrintRenderer
from tests.unit.certificates.conftest import Draw
from tests.unit.certificates.samples import BIDI_MARKS, REAL, SPECIMEN, Drawn

pytestmark = pytest.mark.xdist_group("certificates")  # fonts are loaded, and the same facts drawn, once

ROOT = Path(__file__).resolve().parents[3]


def embedded_fonts(drawn: Drawn) -> dict[str, Any]:
    """The font programs in the file by name, without the tag of the subset."""
    fonts = {}
    with drawn.open() as pdf:
        for item in pdf.objects:
            if not isinstance(item, type(pdf.Root)) or item.get("/Type") != "/FontDescriptor":
                continue
            stream = item.get("/FontFile2", item.get("/FontFile3"))
            fonts[str(item.FontName).partition("+")[2]] = stream.read_bytes()
    return fonts


def drawn_glyphs(program: bytes) -> int:
    """How many glyphs of a font program have an outline."""
    font = TTFont(io.BytesIO(program))
    shapes = font.getGlyphSet()
    count = 0
    for name in font.getGlyphOrder()[1:]:
        pen = BoundsPen(shapes)
        shapes[name].draw(pen)
        count += pen.bounds is not None
    return count


def test_every_font_is_embedded_and_cut_to_what_is_used(draw: Draw) -> None:
    drawn = draw(SPECIMEN)
    table = drawn.tool("pdffonts", "FILE").splitlines()[2:]
    assert len(table) >= 3
    for line in table:
        assert line.split()[-5:-2] == ["yes", "yes", "yes"], line  # embedded, subset, can be copied as text
    assert len(drawn.pdf) < 150_000


@pytest.mark.parametrize(
    ("name", "font"),
    [
        ("Łukasz Żółć-Đặng Öztürk Ñandú", "Tonne-Certificate-Whole"),
        ("Общество «Чистый воздух» Ґалаґан", "Tonne-Certificate-Whole"),
        ("Ελένη Παπαδοπούλου", "Tonne-Certificate-Whole"),
        ("مؤسسة الإمارات للطاقة المتجددة", "Noto-Naskh-Arabic"),
        ("北京绿色未来科技有限公司", "Noto-Serif-CJK-SC"),
        ("श्रीमती कृष्णा त्रिपाठी", "Noto-Serif-Devanagari"),
    ],
)
def test_names_in_every_script_are_really_drawn(
    draw: Draw, caplog: pytest.LogCaptureFixture, name: str, font: str
) -> None:
    with caplog.at_level(logging.WARNING, "weasyprint"):
        drawn = draw(replace(REAL, beneficiary_name=name))
    # Read by lines, as poppler puts right-to-left text into its spoken order; its spaces are guesses.
    read = "".join(c for c in drawn.tool("pdftotext", "FILE", "-") if c not in BIDI_MARKS and not c.isspace())
    assert name.replace(" ", "") in read
    assert not [record for record in caplog.records if ".notdef" in record.getMessage()]
    program = embedded_fonts(drawn)[font]
    letters = {c for c in name if c.isalpha()}
    assert drawn_glyphs(program) >= len(letters) * 0.8  # ligatures join letters


def test_a_letter_that_no_font_has_is_noticed(draw: Draw, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "weasyprint"):
        draw(replace(REAL, beneficiary_name="unassigned \u0378 letter"))
    assert [record for record in caplog.records if ".notdef" in record.getMessage()]


def test_the_file_is_an_archive_file_on_one_a4_page(draw: Draw) -> None:
    drawn = draw(REAL)
    with drawn.open() as pdf:
        assert len(pdf.pages) == 1
        box = [float(number) for number in pdf.pages[0].MediaBox]
        assert box == pytest.approx([0, 0, 595.28, 841.89], abs=0.01)
        assert pdf.open_metadata()["pdfaid:part"] == "3"
        assert pdf.open_metadata()["pdfaid:conformance"] == "A"
        intent = pdf.Root.OutputIntents[0]
        assert intent.S == "/GTS_PDFA1"
        assert len(intent.DestOutputProfile.read_bytes()) > 1_000
        assert not pdf.is_encrypted
        assert len(pdf.trailer.ID) == 2
    assert "No syntax or stream encoding errors found" in drawn.tool("qpdf", "--check", "FILE")


@pytest.mark.parametrize("locale", ["en", "fr", "es"])
def test_the_file_names_its_language_title_number_and_time_of_issue(draw: Draw, locale: str) -> None:
    with draw(REAL, locale).open() as pdf:
        assert str(pdf.Root.Lang) == locale
        assert str(pdf.docinfo.Title).endswith("TN12/2026")
        assert str(pdf.docinfo.Author) == "Cancellation Services Ltd"
        assert str(pdf.docinfo.CreationDate).startswith("D:20261122103633")
        assert str(pdf.docinfo.ModDate).startswith("D:20261122103633")
        assert pdf.Root.ViewerPreferences.DisplayDocTitle


def test_a_screen_reader_finds_headings_a_table_with_headers_and_described_figures(draw: Draw) -> None:
    drawn = draw(REAL)
    with drawn.open() as pdf:
        assert pdf.Root.MarkInfo.Marked
        kinds: list[str] = []
        figures = []
        for item in pdf.objects:
            if isinstance(item, type(pdf.Root)) and item.get("/Type") == "/StructElem":
                kinds.append(str(item.S))
                if item.S == "/Figure":
                    figures.append(str(item.get("/Alt", "")))
        assert kinds.count("/H1") == 1
        assert kinds.count("/H2") >= 3
        assert {"/Table", "/Caption", "/TH", "/TD", "/L", "/LI", "/P"} <= set(kinds)
        assert len(figures) == 2
        assert all(figures), "a figure without words is silence"
    assert drawn.structure.index('"Certificate of voluntary cancellation"') < drawn.structure.index('"Project"')


def test_the_same_facts_give_the_same_bytes(renderer: WeasyPrintRenderer, draw: Draw) -> None:
    assert renderer.certificate(SPECIMEN, "en") == draw(SPECIMEN).pdf
    other = draw(replace(SPECIMEN, units=1515)).pdf
    assert other != draw(SPECIMEN).pdf


def test_another_process_gives_the_same_bytes(draw: Draw, tmp_path: Path) -> None:
    program = """
import hashlib, sys
from pathlib import Path
from tests.conftest import application, environment
from tests.unit.certificates.samples import SPECIMEN
here = Path(sys.argv[1])
app = application(environment(here, f"sqlite:///{here / 'unused.sqlite'}"))
with app.app_context():
    pdf = app.extensions["tonne.renderer"].certificate(SPECIMEN, "fr")
sys.stdout.write(hashlib.sha256(pdf).hexdigest())
"""
    there = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert there.stdout == hashlib.sha256(draw(SPECIMEN, "fr").pdf).hexdigest()


def test_the_identifier_stays_with_the_certificate_when_its_look_changes(draw: Draw) -> None:
    def lasting(drawn: Drawn) -> bytes:
        with drawn.open() as pdf:
            return bytes(pdf.trailer.ID[0])

    assert lasting(draw(SPECIMEN)) == lasting(draw(replace(SPECIMEN, units=1515)))
    assert lasting(draw(SPECIMEN)) != lasting(draw(SPECIMEN, "es"))
