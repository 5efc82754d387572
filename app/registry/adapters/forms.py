"""Printable forms for registries as PDF, made by WeasyPrint in the worker.

It shares neither fonts nor styles with certificates: a form is read once, by an administrator, in English. What is
said there of one thread holds here too (`app.certificates.adapters.weasyprint`).
"""

from __future__ import annotations

import base64
import hashlib
import logging
import threading
import warnings
from datetime import UTC
from functools import cached_property
from pathlib import Path
from typing import Any

from flask import current_app

from app.registry.batch.ports import ForwardingRequest

FONTS = Path(__file__).resolve().parents[3] / "static" / "fonts"
TEMPLATE = "registry/forwarding_request.html"
FACES = {"regular": "certificate-regular.woff2", "semibold": "certificate-semibold.woff2"}


class WeasyPrintForms:
    """Makes forms from facts, inside an application context. Loads WeasyPrint when the first form is asked for."""

    def __init__(self) -> None:
        self._busy = threading.Lock()

    def forwarding_request(self, request: ForwardingRequest) -> bytes:
        """The request as a PDF of A4 pages, the same bytes for the same input."""
        created = request.closed_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        markup = current_app.jinja_env.get_template(TEMPLATE).render(form=request, created=created, faces=self._faces)
        identifier = hashlib.sha256(f"{request.batch} {request.account}".encode()).hexdigest()[:32].encode()
        with self._busy, warnings.catch_warnings():
            # WeasyPrint 70 leaves its colour profile to be closed by the interpreter, which says so.
            warnings.simplefilter("ignore", ResourceWarning)
            html = self._library.HTML(string=markup, url_fetcher=self._fetcher)
            pdf: bytes = html.write_pdf(pdf_variant="pdf/a-3a", pdf_identifier=identifier)
        return pdf

    @cached_property
    def _faces(self) -> dict[str, str]:
        """The fonts as text, so that a form asks for no file at all."""
        return {name: base64.b64encode((FONTS / file).read_bytes()).decode() for name, file in FACES.items()}

    @cached_property
    def _library(self) -> Any:
        import weasyprint  # noqa: PLC0415 - 55 MB that a web process never needs

        for chatty in ("weasyprint.progress", "fontTools"):
            logging.getLogger(chatty).setLevel(logging.WARNING)
        return weasyprint

    @cached_property
    def _fetcher(self) -> Any:
        """Whatever a form says, nothing is ever fetched for it."""
        from weasyprint.urls import URLFetcher  # noqa: PLC0415 - as above

        return URLFetcher(allowed_protocols={"data"})
