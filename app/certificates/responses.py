"""How a PDF, or the promise of one, is answered."""

from __future__ import annotations

from flask import make_response, render_template
from werkzeug.wrappers import Response

RETRY_SECONDS = 2


def pdf_response(pdf: bytes, pdf_sha256: str, filename: str) -> Response:
    """A stored PDF. Its hash is the ETag: the same facts always give the same bytes."""
    response = make_response(pdf)
    response.headers["Content-Type"] = "application/pdf"
    response.headers["Content-Disposition"] = f'attachment; filename="{filename}"'
    response.set_etag(pdf_sha256)
    return response


def preparing_response() -> Response:
    """The PDF is being drawn by a worker: a page that tries again by itself."""
    response = make_response(render_template("certificates/preparing.html"), 202)
    response.headers["Refresh"] = str(RETRY_SECONDS)
    response.headers["Retry-After"] = str(RETRY_SECONDS)
    return response
