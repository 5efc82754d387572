"""Certificates as PDF, made by WeasyPrint from the same templates that the pages use.

`shared/quality-tools.md` 1.2 and 1.4 measured what is done here: one font configuration and one
parsed style sheet for the life of the process, the collector off while a page is laid out, and a
lock that refuses a second thread because the layout libraries are not safe between threads.

The files are PDF/A-3a: a certificate is kept for decades, so the file carries its fonts, its colour
profile and an identifier, is tagged for screen readers, and can hold the facts as an attachment
later. PDF/UA-1 would give the tags only.
"""

from __future__ import annotations

import ctypes
import gc
import hashlib
import logging
import mimetypes
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import cached_property
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from flask import current_app
from flask_babel import force_locale

from app.certificates.ports import CertificateFacts, SummaryFacts

ROOT = Path(__file__).resolve().parents[3]
PDF_VARIANT = "pdf/a-3a"
# The id at the end of the certificate, and where its page ends: A4 less the bottom margin, in CSS pixels.
END = "certificate-end"
PAGE_BOTTOM = (297 - 22) / 25.4 * 96
PAGES_WORTH_SAVING = 2
# How the room left on a page is shared out: before and after each of these parts.
SHARES = {
    "certificate__value": (0.25, 0.25),
    "certificate__project": (0.2, 0.0),
    "certificate__colophon": (0.3, 0.0),
}
STYLE_SHEETS = ("css/certificate.css", "css/certificate-pdf.css", "css/certificate-tight.css")
# The names under which WeasyPrint looks for the library, on Debian and on macOS.
SUBSETTERS = ("libharfbuzz-subset.so.0", "libharfbuzz-subset.0.dylib")


class RenderedElsewhere(RuntimeError):
    """A second thread asked for a PDF; layout in two threads corrupts memory or hangs."""


class UnpackagedResource(RuntimeError):
    """A certificate asked for a file that is not part of the product."""


class WeasyPrintRenderer:
    """Makes PDFs from facts, inside an application context. Loads WeasyPrint when the first PDF is asked for."""

    def __init__(self) -> None:
        self._static = ROOT / "static"
        self._busy = threading.Lock()

    @cached_property
    def version(self) -> str:
        """A name for how certificates look now: another one as soon as anything drawn could differ."""
        digest = hashlib.sha256()
        for name in ("weasyprint", "babel", "segno"):
            digest.update(f"{name} {package_version(name)}\0".encode())
        for path in self._ingredients():
            digest.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
        return digest.hexdigest()[:16]

    def certificate(self, facts: CertificateFacts, locale: str) -> bytes:
        """The A4 certificate in `locale` (en, fr or es), the same bytes for the same input.

        Raises RenderedElsewhere when called while another thread renders.
        """
        drawn_at = facts.issued_at or facts.placed_at
        return self._render("certificates/pdf/certificate.html", facts, locale, facts.number, drawn_at)

    def summary(self, facts: SummaryFacts, locale: str) -> bytes:
        """The A4 summary of an order in `locale`, the same bytes for the same input.

        Raises RenderedElsewhere when called while another thread renders.
        """
        return self._render("certificates/pdf/summary.html", facts, locale, facts.order_reference, facts.issued_at)

    def warm_up(self) -> None:
        """Load the library, the fonts and the styles before the first buyer waits for them."""
        with self._alone():
            self._engine.pdf('<!doctype html><html lang="en"><title>A</title><article class="certificate">A', "warm-up")
        gc.freeze()

    def health(self) -> list[str]:
        """What is wrong with this machine's ability to render, as sentences; empty when all is well."""
        problems = []
        if not subsetter_is_there():
            problems.append("libharfbuzz-subset is missing: each certificate costs twelve times the time.")
        problems.extend(
            f"The packaged file static/{sheet} is missing."
            for sheet in STYLE_SHEETS
            if not (self._static / sheet).is_file()
        )
        return problems

    def _render(
        self, template: str, facts: CertificateFacts | SummaryFacts, locale: str, name: str, drawn_at: datetime
    ) -> bytes:
        with self._alone(), force_locale(locale):
            created = drawn_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            markup = current_app.jinja_env.get_template(template).render(facts=facts, locale=locale, created=created)
            return self._engine.pdf(markup, f"{name} {locale}")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if not self._busy.acquire(blocking=False):
            raise RenderedElsewhere("another thread is rendering; certificates are made in one thread only")
        collecting = gc.isenabled()
        gc.disable()
        try:
            yield
        finally:
            if collecting:
                gc.enable()
            self._busy.release()

    @cached_property
    def _engine(self) -> _Engine:
        return _Engine(self._static)

    def _ingredients(self) -> list[Path]:
        here = Path(__file__).resolve()
        application = ROOT / "app"
        paths = [here, here.with_name("qr.py"), here.parents[1] / "engraving.py", here.parents[1] / "presentation.py"]
        paths += [application / "web" / "filters.py", application / "web" / "demonstration.py"]
        paths.append(application / "catalog" / "labels.py")
        paths += application.glob("translations/*/LC_MESSAGES/*.po")
        paths += ROOT.glob("templates/certificates/**/*.html")
        paths += self._static.glob("*/certificate*")
        return sorted(path for path in paths if path.is_file())


def subsetter_is_there() -> bool:
    """Whether harfbuzz-subset can be loaded; asked without loading WeasyPrint, which is large."""
    for name in SUBSETTERS:
        with suppress(OSError):
            ctypes.CDLL(name)
            return True
    return False


class _Engine:
    """WeasyPrint with everything that stays the same from one PDF to the next."""

    def __init__(self, static: Path) -> None:
        import weasyprint  # noqa: PLC0415 - 55 MB that a web process never needs
        from weasyprint.text.fonts import FontConfiguration  # noqa: PLC0415 - as above
        from weasyprint.urls import FatalURLFetchingError  # noqa: PLC0415 - as above

        for chatty in ("weasyprint.progress", "fontTools"):
            logging.getLogger(chatty).setLevel(logging.WARNING)
        self._weasyprint = weasyprint
        self._fatal = FatalURLFetchingError
        self._base_url = static.as_uri() + "/"
        self._fonts = FontConfiguration()
        self._fetcher = _packaged_files(static)
        self._images: dict[str, Any] = {}
        with _ignoring_what_is_for_screens():
            *self._styles, self._tight = [
                weasyprint.CSS(url=self._base_url + sheet, font_config=self._fonts, url_fetcher=self._fetcher)
                for sheet in STYLE_SHEETS
            ]

    def pdf(self, markup: str, name: str) -> bytes:
        """`markup` as PDF. `name` gives the file its lasting identifier.

        Raises UnpackagedResource if the markup asks for anything but packaged files.
        """
        try:
            document = self._fitted(markup)
            identifier = hashlib.sha256(name.encode()).hexdigest()[:32].encode()
            with warnings.catch_warnings():
                # WeasyPrint 70 leaves its colour profile to be closed by the interpreter, which says so.
                warnings.simplefilter("ignore", ResourceWarning)
                pdf: bytes = document.write_pdf(pdf_variant=PDF_VARIANT, pdf_identifier=identifier)
        except self._fatal as refusal:
            raise UnpackagedResource(str(refusal)) from refusal
        return pdf

    def _fitted(self, markup: str) -> Any:
        """One page wherever it can be: set tighter if that saves a second page, and filled to the foot."""
        document = self._lay_out(markup, [])
        if len(document.pages) == PAGES_WORTH_SAVING:
            tighter = self._lay_out(markup, [self._tight])
            if len(tighter.pages) == 1:
                document = tighter
        room = self._room_left(document)
        if room > 0:
            _spread(document, room)
        return document

    def _lay_out(self, markup: str, more_styles: list[Any]) -> Any:
        html = self._weasyprint.HTML(string=markup, base_url=self._base_url, url_fetcher=self._fetcher)
        return html.render(
            stylesheets=[*self._styles, *more_styles],
            font_config=self._fonts,
            cache=self._images,
            pdf_variant=PDF_VARIANT,
        )

    def _room_left(self, document: Any) -> float:
        """Empty CSS pixels between the end of a one-page certificate and the frame; 0 when it goes on."""
        if len(document.pages) != 1 or END not in document.pages[0].anchors:
            return 0
        return max(0.0, PAGE_BOTTOM - 1 - float(document.pages[0].anchors[END][1]))


@contextmanager
def _ignoring_what_is_for_screens() -> Iterator[None]:
    """Container and colour-scheme queries are news to WeasyPrint; a glyph missing later on is news to us."""
    log = logging.getLogger("weasyprint")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(before)


def _spread(document: Any, room: float) -> None:
    """Move the parts of a single page apart by `room` CSS pixels in all, so that it is filled down to its colophon.

    What is laid out is moved as it is: laying all of it out again would take a quarter of a certificate's time.
    """
    from weasyprint.layout.background import layout_box_backgrounds  # noqa: PLC0415 - loaded late

    page = document.pages[0]
    sheet = page._page_box  # noqa: SLF001 - WeasyPrint shows its boxes to nobody, and the version is pinned
    moved = 0.0
    for part in _with_class(sheet, "certificate").children:
        before, after = SHARES.get(part.element.get("class"), (0.0, 0.0))
        if part.is_in_normal_flow():
            moved += before * room
            part.translate(0, moved)
            # Backgrounds are noted where they were first. Those of the parts are colours: no image is asked for.
            layout_box_backgrounds(sheet, part, None)
            moved += after * room
    # A page notes where its headings and links are when it is made.
    document.pages[0] = type(page)(sheet)


def _with_class(box: Any, name: str) -> Any:
    """The first box within `box` whose element has exactly this class, or begins its classes with it."""
    return next(found for found in box.descendants() if _first_class(found) == name)


def _first_class(box: Any) -> str:
    element = getattr(box, "element", None)
    return "" if element is None else (element.get("class") or "").partition(" ")[0]


def _packaged_files(static: Path) -> Any:
    """A fetcher that reads what lies in `static` and `data:` addresses, and refuses everything else."""
    from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse  # noqa: PLC0415 - loaded late

    class PackagedFiles(URLFetcher):
        def fetch(self, url: str, headers: dict[str, str] | None = None) -> Any:
            parts = urlsplit(url)
            if parts.scheme == "data":
                return super().fetch(url, headers)
            path = Path(unquote(parts.path)).resolve()
            if parts.scheme != "file" or parts.netloc or not path.is_relative_to(static) or not path.is_file():
                raise FatalURLFetchingError(f"a certificate may only use packaged files, not {url[:200]}")
            kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
            return URLFetcherResponse(url, path.read_bytes(), {"Content-Type": kind})

    return PackagedFiles(allowed_protocols={"data"})
