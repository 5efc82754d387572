"""A certificate beside bare warm WeasyPrint on the same HTML: `make bench-certificate`.

*product* is what the worker calls: facts to PDF, with the template, the fitting of the page and the fonts. *bare* gives
the HTML that the product made of the same facts to WeasyPrint, with the same style sheets parsed once, the same fonts,
images and PDF variant, and does nothing else. Both draw in turn in one warm process, the collector off while they do.
"""

from __future__ import annotations

import gc
import os
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import weasyprint
from flask import Flask
from flask_babel import force_locale
from weasyprint.text.fonts import FontConfiguration

from app.certificates.adapters.weasyprint import PDF_VARIANT, STYLE_SHEETS, WeasyPrintRenderer
from app.certificates.ports import CertificateFacts
from app.config import Settings
from app.factory import create_app
from tests.benchmarks.certified import facts_of
from tests.benchmarks.processes import settings_in, verdict

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "60"))
WARM_UP = 5
MOST = 1.25
STATIC = Path(__file__).parents[2] / "static"


def main() -> int:
    """Measure, print, and say by the exit code whether the ratio holds."""
    with tempfile.TemporaryDirectory() as directory:
        app = create_app(Settings.from_environment(settings_in(Path(directory), 5000)))
        with app.test_request_context():
            return measure(app)


def measure(app: Flask) -> int:
    """Draw in turn; gives the exit code."""
    renderer = WeasyPrintRenderer()
    renderer.warm_up()
    bare = bare_printer()
    pairs: list[tuple[float, float]] = []
    for number in range(WARM_UP + ROUNDS):
        facts = facts_of(number)
        markup = markup_of(app, facts)
        ours, theirs = seconds(partial(renderer.certificate, facts, "en")), seconds(partial(bare, markup))
        if number >= WARM_UP:
            pairs.append((ours, theirs))
    for name, column in zip(("product", "bare"), zip(*pairs, strict=True), strict=True):
        print(
            f"      {name:8} {1000 * statistics.median(column):.0f} ms "
            f"[{1000 * min(column):.0f} to {1000 * max(column):.0f}], {ROUNDS} certificates"
        )
    ratio = statistics.median(ours / theirs for ours, theirs in pairs)
    return 0 if verdict("a certificate / bare warm WeasyPrint", ratio, MOST) else 1


def markup_of(app: Flask, facts: CertificateFacts) -> str:
    """The HTML that the product draws."""
    with force_locale("en"):
        template = app.jinja_env.get_template("certificates/pdf/certificate.html")
        return template.render(facts=facts, locale="en", created="2026-11-22T10:00:00Z")


def bare_printer() -> Callable[[str], bytes]:
    """WeasyPrint with everything prepared that can be: HTML in, PDF out."""
    fonts = FontConfiguration()
    images: dict[str, Any] = {}
    base = STATIC.as_uri() + "/"
    styles = [weasyprint.CSS(url=base + sheet, font_config=fonts) for sheet in STYLE_SHEETS[:-1]]

    def draw(markup: str) -> bytes:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            page: Any = weasyprint.HTML(string=markup, base_url=base)
            pdf: bytes = page.write_pdf(stylesheets=styles, font_config=fonts, cache=images, pdf_variant=PDF_VARIANT)
        return pdf

    return draw


def seconds(draw: Callable[[], bytes]) -> float:
    """How long one drawing computes."""
    gc.collect()
    gc.disable()
    begun = time.process_time()
    pdf = draw()
    taken = time.process_time() - begun
    gc.enable()
    assert pdf.startswith(b"%PDF"), pdf[:20]
    return taken


if __name__ == "__main__":
    sys.exit(main())
