"""Who draws the PDFs."""

from __future__ import annotations

from app.certificates.adapters.weasyprint import WeasyPrintRenderer
from app.certificates.ports import CertificateRenderer


def make_renderer() -> CertificateRenderer:
    """The renderer of this product; the library behind it is loaded on the first PDF."""
    return WeasyPrintRenderer()
