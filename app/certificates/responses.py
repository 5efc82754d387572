"""How a PDF, or the promise of one, is answered."""

from __future__ import annotations

from collections.abc import Collection

from flask import abort, make_response, render_template
from werkzeug.wrappers import Response

from app import jobs
from app.certificates import service
from app.certificates.ports import current_renderer
from app.current import now
from app.registry.batch.queries import find_attestation
from app.web.i18n import current_language

RETRY_SECONDS = 2


def document_response(*, order_id: int | None, subject: str, content: str, filename: str) -> Response:
    """The PDF of `content` in the language of the page, or the promise that a worker draws it now."""
    locale = current_language()
    wanted = service.content_hash(content, current_renderer().version, locale)
    found = service.find_document(subject, locale, wanted)
    if found is not None:
        return _pdf(found, filename)
    service.ask_for_document(order_id=order_id, subject=subject, locale=locale, now=now())
    jobs.wake()
    return _promise()


def attestation_response(references: Collection[str], sha256: str) -> Response:
    """A registry's attestation for one of these cancellations as a download: it is never shown or run here."""
    found = find_attestation(references, sha256)
    if found is None:
        abort(404)
    response = make_response(found.body)
    response.headers["Content-Type"] = "application/pdf"
    response.headers["Content-Disposition"] = f'attachment; filename="{found.name}"'
    response.set_etag(found.sha256)
    return response


def _pdf(document: service.StoredDocument, filename: str) -> Response:
    # Its hash is the ETag: the same facts always give the same bytes.
    response = make_response(document.pdf)
    response.headers["Content-Type"] = "application/pdf"
    response.headers["Content-Disposition"] = f'attachment; filename="{filename}"'
    response.set_etag(document.pdf_sha256)
    return response


def _promise() -> Response:
    response = make_response(render_template("certificates/preparing.html"), 202)
    response.headers["Refresh"] = str(RETRY_SECONDS)
    response.headers["Retry-After"] = str(RETRY_SECONDS)
    return response
