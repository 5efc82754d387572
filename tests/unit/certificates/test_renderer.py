"""The renderer keeps to itself: one thread, packaged files, no network, and a name for how things look."""

from __future__ import annotations

import gc
import os
import shutil
import socket
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from app.certificates.adapters import weasyprint as adapter
from app.certificates.adapters.weasyprint import RenderedElsewhere, UnpackagedResource, WeasyPrintRenderer
from app.certificates.ports import SummaryFacts
from tests.unit.certificates.conftest import Draw
from tests.unit.certificates.samples import REAL, at

pytestmark = pytest.mark.xdist_group("certificates")  # fonts are loaded, and the same facts drawn, once

ROOT = Path(__file__).resolve().parents[3]


class Markup(str):
    """Text that claims to be markup already: what a mistake in a template would let through."""

    __slots__ = ()

    def __html__(self) -> str:
        return str(self)


class Meeting(str):
    """A name that lets the test step in while it is being written."""

    __slots__ = ()
    reached = threading.Event()
    leave = threading.Event()

    def __html__(self) -> str:
        self.reached.set()
        assert self.leave.wait(60)
        return "Ada"


def test_a_second_thread_is_refused_and_the_first_finishes(
    certificates_app: Flask, renderer: WeasyPrintRenderer
) -> None:
    made: list[bytes] = []

    def first() -> None:
        with certificates_app.app_context():
            made.append(renderer.certificate(replace(REAL, beneficiary_name=Meeting("Ada")), "en"))

    thread = threading.Thread(target=first)
    thread.start()
    try:
        assert Meeting.reached.wait(60)
        with pytest.raises(RenderedElsewhere):
            renderer.certificate(REAL, "en")
    finally:
        Meeting.leave.set()
        thread.join(60)
    assert made[0].startswith(b"%PDF-1.7")
    assert renderer.certificate(REAL, "en").startswith(b"%PDF-1.7")


def test_the_collector_rests_while_a_page_is_made_and_works_again_afterwards(renderer: WeasyPrintRenderer) -> None:
    assert gc.isenabled()
    with pytest.raises(UnpackagedResource):
        renderer.certificate(replace(REAL, purpose=Markup('<img src="file:///etc/hostname" alt="x">')), "en")
    assert gc.isenabled()
    gc.disable()
    try:
        renderer.certificate(REAL, "en")
        assert not gc.isenabled()
    finally:
        gc.enable()


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:{port}/x.png",
        "https://127.0.0.1:{port}/x.png",
        "file:///etc/hostname",
        "file://{root}/app/config/table.py",
        "file://{root}/static/../app/config/table.py",
        "file://{root}/static/img",
        "../app/config/table.py",
        "ftp://127.0.0.1:{port}/x.png",
    ],
)
def test_nothing_but_packaged_files_is_ever_fetched(renderer: WeasyPrintRenderer, address: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)
        address = address.format(port=listener.getsockname()[1], root=ROOT)
        with pytest.raises(UnpackagedResource):
            renderer.certificate(replace(REAL, purpose=Markup(f'<img src="{address}" alt="x">')), "en")
        with pytest.raises(TimeoutError):
            listener.accept()


def test_a_data_address_needs_no_network_and_is_drawn(renderer: WeasyPrintRenderer) -> None:
    dot = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' width='9' height='9'%3E%3C/svg%3E"
    pdf = renderer.certificate(replace(REAL, purpose=Markup(f'<img src="{dot}" alt="dot">')), "en")
    assert pdf.startswith(b"%PDF")


def test_no_style_asks_for_features_that_the_layout_library_never_frees(
    draw: Draw, renderer: WeasyPrintRenderer
) -> None:
    draw(REAL)
    draw(SummaryFacts("T-7KMQ-2XHD", (REAL,), 0, "Tonne Demo", True, at(40)))

    assert renderer._engine._fonts.font_features == {}  # noqa: SLF001 - only the library itself knows what it keeps


def test_a_web_process_does_not_load_the_layout_library(tmp_path: Path) -> None:
    program = """
import sys
from pathlib import Path
from tests.conftest import application, environment
here = Path(sys.argv[1])
app = application(environment(here, f"sqlite:///{here / 'unused.sqlite'}"))
renderer = app.extensions["tonne.renderer"]
assert renderer.version and renderer.health() == []
sys.stdout.write(str("weasyprint" in sys.modules))
"""
    answer = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert answer.stdout == "False"


def test_warming_up_loads_what_the_first_certificate_needs() -> None:
    renderer = WeasyPrintRenderer()
    frozen = gc.get_freeze_count()
    try:
        renderer.warm_up()
        assert gc.get_freeze_count() > frozen
    finally:
        gc.unfreeze()


def test_health_names_a_missing_library_and_missing_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert WeasyPrintRenderer().health() == []
    monkeypatch.setattr(adapter, "SUBSETTERS", ("libharfbuzz-subset.so.no-such-version",))
    monkeypatch.setattr(adapter, "ROOT", tmp_path)
    problems = WeasyPrintRenderer().health()
    assert "libharfbuzz-subset is missing" in problems[0]
    assert "static/css/certificate.css is missing" in problems[1]


@pytest.fixture
def copied_root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name in ("templates/certificates", "static/css", "static/img", "static/fonts", "app/web", "app/catalog"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / "app" / "translations", tmp_path / "app" / "translations")
    monkeypatch.setattr(adapter, "ROOT", tmp_path)
    return tmp_path


def test_the_version_changes_exactly_when_the_look_can_change(copied_root: Path) -> None:
    before = WeasyPrintRenderer().version
    assert WeasyPrintRenderer().version == before
    (copied_root / "static/css/tonne.css").write_text("body { color: red }", encoding="utf-8")
    assert WeasyPrintRenderer().version == before
    seen = {before}
    catalogue = copied_root / "app/translations/xx/LC_MESSAGES/messages.po"
    catalogue.parent.mkdir(parents=True)
    for path in (
        copied_root / "static/css/certificate.css",
        copied_root / "static/img/certificate-frame.svg",
        copied_root / "templates/certificates/_certificate.html",
        copied_root / "app/web/filters.py",
        catalogue,
    ):
        with path.open("a", encoding="utf-8") as file:
            file.write("\n")
        version = WeasyPrintRenderer().version
        assert version not in seen, path
        seen.add(version)
