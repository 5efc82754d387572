"""Files that are two things at once, or not what they say: refused, or kept and given out as what they are."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import unquote_to_bytes

import pytest

from app.providers.errors import FileUnfit
from app.providers.uploads import checked_upload
from tests.attack.asking import Asked
from tests.attack.filling import sent
from tests.attack.judging import faults_of
from tests.attack.keeping import SqliteKeeper
from tests.attack.nasty import MARK
from tests.attack.target import Target

pytestmark = [pytest.mark.sweep, pytest.mark.xdist_group("attack")]

DOCUMENTS = "/en/sell/salkhit1/application/documents"
SCRIPT = f"<script>{MARK}</script>".encode()
WRONG = {
    "an image that is a program": b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    "a page": b"<!doctype html>" + SCRIPT,
    "a PDF with a page before it": SCRIPT + b"%PDF-1.7",
    "an animation with a PDF in it": b"GIF89a/*%PDF-1.7*/",
    "an archive": b"PK\x03\x04" + b"\x00" * 1_000,
    "an archive of zeros": b"\x1f\x8b\x08\x00" + b"\x00" * 1_000,
    "a program": b"MZ\x90\x00%PDF-1.7",
    "a document with macros": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    "PostScript": b"%!PS-Adobe-3.0",
    "almost a picture": b"\x89PNG\r\n\x1a",
}
# What begins as one of the three kinds and is another thing as well: kept, and never given out as that.
POLYGLOTS = {
    "application/pdf": b"%PDF-1.7\n" + SCRIPT,
    "image/png": b"\x89PNG\r\n\x1a\n" + SCRIPT,
    "image/jpeg": b"\xff\xd8\xff\xe0" + SCRIPT,
}


@pytest.mark.parametrize("content", WRONG.values(), ids=WRONG)
def test_a_file_is_what_its_first_bytes_say_whatever_its_name_claims(content: bytes) -> None:
    for name in ("extract.pdf", "scan.png", "photo.jpg"):
        with pytest.raises(FileUnfit):
            checked_upload(name, content)


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd", "passwd.pdf"),
        ("..\\..\\boot.ini", "boot.pdf"),
        ("/absolute/path.pdf", "path.pdf"),
        ("C:\\autoexec.bat", "autoexec.pdf"),
        ("file.pdf/", "document.pdf"),
        ("..", "document.pdf"),
        (".htaccess", "document.pdf"),
        ("invoice.pdf.exe", "invoice.pdf.pdf"),
        ('a"; filename="b.html', 'a"; filename="b.pdf'),
        ("a\r\nX-Header: 1.pdf", "aX-Header: 1.pdf"),
        ("x" * 3_000, "x" * 120 + ".pdf"),
        ("", "document.pdf"),
    ],
)
def test_a_name_has_no_path_no_line_break_and_the_ending_of_its_content(name: str, kept: str) -> None:
    found = checked_upload(name, b"%PDF-1.7").name

    assert not set(found) & {"/", "\\", "\r", "\n"}
    assert found.replace("a X-", "aX-") == kept


@pytest.mark.parametrize("kind", POLYGLOTS)
def test_a_file_of_two_kinds_is_only_ever_given_out_to_be_saved_as_the_first(
    target: Target, keeper: SqliteKeeper, kind: str
) -> None:
    role, form = next((role, form) for role, form in target.forms if form.action.endswith("/application/documents"))
    name = next(name for name, field in form.kinds.items() if field == "file")
    file = (f'../a"<{MARK}>.html', "text/html", POLYGLOTS[kind])
    answer = target.ask(sent(role, form, [(name, file)]))
    assert answer.status_code == 303
    page = target.ask(Asked("GET", unquote_to_bytes(form.action), role=role))
    assert faults_of(page) == []
    newest = keeper.newest("evidence")

    given = target.ask(Asked("GET", f"/en/desk/documents/{newest}".encode(), role="operator"))

    assert (given.status_code, given.mimetype, given.get_data()) == (200, kind, POLYGLOTS[kind])
    assert given.headers["X-Content-Type-Options"] == "nosniff"
    assert given.headers["Content-Disposition"].startswith("attachment;")
    assert ".html" not in given.headers["Content-Disposition"]
    assert "default-src 'none'" in given.headers["Content-Security-Policy"]
    assert given.headers["Cache-Control"] == "no-store"


def test_what_is_sent_packed_is_not_unpacked(target: Target) -> None:
    """A few bytes could become gigabytes; no view asks for it, and no file of ours is an archive."""
    for role, form in target.forms:
        if "file" in form.kinds.values():
            packed = replace(
                sent(role, form, []), body=b"\x1f\x8b\x08\x00" + b"\x00" * 500, headers={"Content-Encoding": "gzip"}
            )
            answer = target.ask(packed)
            assert answer.status_code in {303, 400, 422}, form.action
            target.keeper.put_back()
