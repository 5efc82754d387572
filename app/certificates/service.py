"""Issuing certificates, once, and keeping the PDFs that show them."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import Integer, Row, Table, bindparam, delete, select, update

from app.certificates.facts import fingerprint, from_json, to_json
from app.certificates.listing import enter
from app.certificates.models import Certificate, CertificateCounter, Document, DocumentRequest
from app.certificates.ports import CertificateDraft, CertificateRenderer, SummaryFacts
from app.certificates.states import CERTIFICATE, CertificateState
from app.claims.service import hold_if_risky
from app.db import (
    add_rows_with_ids,
    db,
    end_reading,
    insert_each_once,
    insert_once,
    read_ids,
    record_all,
    transaction,
    write,
)
from app.kernel import checkpoints
from app.kernel.clock import Clock
from app.kernel.references import certificate_number, certificate_slug, verification_code

log = logging.getLogger(__name__)

RENDER_BACKOFF = (5, 60, 600, 3600)  # seconds
AT_ONCE = 8  # what two orders of three projects ask for
LEASE = timedelta(minutes=1)  # far longer than drawing them takes; a worker that died in it is followed by another

_COUNTERS, _REQUESTS = cast(Table, CertificateCounter.__table__), cast(Table, DocumentRequest.__table__)
_COUNT = (
    update(_COUNTERS)
    .where(_COUNTERS.c.year == bindparam("of_year"))
    .values(last=_COUNTERS.c.last + bindparam("more", type_=Integer))
    .returning(_COUNTERS.c.last)
)
_TAKE = (
    update(_REQUESTS)
    .where(_REQUESTS.c.id.in_(bindparam("ids", expanding=True)), _REQUESTS.c.next_action_at <= bindparam("now"))
    .values(next_action_at=bindparam("until"))
    .returning(
        *(_REQUESTS.c.id, _REQUESTS.c.subject, _REQUESTS.c.locale, _REQUESTS.c.order_id),
        # None for a summary, which has no facts of its own.
        select(Certificate.facts).where(Certificate.number == _REQUESTS.c.subject).scalar_subquery().label("facts"),
    )
)
_DROP = delete(_REQUESTS).where(_REQUESTS.c.id.in_(bindparam("ids", expanding=True)))
# Said once: the worker asks in every round.
UNDRAWN = (
    select(DocumentRequest.id)
    .where(DocumentRequest.next_action_at <= bindparam("now"))
    .order_by(DocumentRequest.next_action_at, DocumentRequest.id)
    .limit(bindparam("most"))
)


def issue(
    drafts: Sequence[CertificateDraft],
    *,
    order_id: int | None = None,
    direct_cancellation_id: int | None = None,
    base_url: str,
    now: datetime,
) -> list[Certificate]:
    """Freeze the facts of each draft under the next number of the year, inside the caller's transaction.

    The certificates enter the public register with them; a wording that its buyer wants published and
    that makes a claim about the climate is held back from there until a person has looked at it.
    They belong to one order or to one direct cancellation; the caller has seen every registry confirmation
    that the facts state. `base_url` is where
    certificates can be checked, without a slash at the end; `now` is the issue time (UTC).
    """
    if not drafts:
        return []
    last = _last_number(now.year, len(drafts))
    rows, facts = [], []
    for sequence, draft in enumerate(drafts, last - len(drafts) + 1):
        number = certificate_number(sequence, now.year)
        frozen = replace(
            draft.facts,
            number=number,
            verification_code=verification_code(),
            verify_url=f"{base_url}/verify/{certificate_slug(number)}",
            issued_at=now,
        )
        text = to_json(frozen)
        rows.append(
            {
                "order_id": order_id,
                "direct_cancellation_id": direct_cancellation_id,
                "project_id": draft.project_id,
                "beneficiary_id": draft.beneficiary_id,
                "registry_code": draft.registry_code,
                "year": now.year,
                "sequence": sequence,
                "number": number,
                "verification_code": frozen.verification_code,
                "state": CertificateState.ISSUED,
                "facts": text,
                "facts_sha256": fingerprint(text),
                "issued_at": now,
            }
        )
        facts.append(frozen)
    ids = add_rows_with_ids(Certificate, rows, by="number")
    record_all(CERTIFICATE.machine, ids, None, CertificateState.ISSUED, at=now)
    # Of no session: nobody changes them.
    certificates = [Certificate(id=id_, **row) for id_, row in zip(ids, rows, strict=True)]
    issued = list(zip(certificates, facts, strict=True))
    public = enter(issued)
    for certificate, frozen in issued:
        if certificate.id in public:
            hold_if_risky(
                beneficiary_id=certificate.beneficiary_id, name=frozen.beneficiary_name, purpose=frozen.purpose, now=now
            )
    return certificates


def _last_number(year: int, count: int) -> int:
    """The last of the next `count` numbers of a year."""
    asked = {"of_year": year, "more": count}
    number = write(_COUNT, asked).scalar_one_or_none()
    if number is None:
        insert_once(CertificateCounter, year=year, last=0)
        number = write(_COUNT, asked).scalar_one()
    return int(number)


# --- documents -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class StoredDocument:
    """A PDF as stored."""

    pdf: bytes
    pdf_sha256: str


def request_documents(*, order_id: int | None, subjects: Sequence[str], locale: str, now: datetime) -> None:
    """Ask for PDFs of certificates (their numbers) or of an order's summary (its reference)."""
    insert_each_once(
        DocumentRequest,
        [
            {
                "order_id": order_id,
                "subject": subject,
                "locale": locale,
                "requested_at": now,
                "attempts": 0,
                "next_action_at": now,
            }
            for subject in subjects
        ],
    )


def ask_for_document(*, order_id: int | None, subject: str, locale: str, now: datetime) -> None:
    """Ask for a PDF that a reader waits for, in a transaction of its own."""
    with transaction():
        request_documents(order_id=order_id, subjects=[subject], locale=locale, now=now)


def find_document(subject: str, locale: str, content_hash: str) -> StoredDocument | None:
    """The PDF that shows exactly this content, or None if it was not rendered yet."""
    row = db.session.execute(
        select(Document.pdf, Document.pdf_sha256).where(
            Document.subject == subject, Document.locale == locale, Document.content_hash == content_hash
        )
    ).one_or_none()
    return None if row is None else StoredDocument(row.pdf, row.pdf_sha256)


def content_hash(content: str, renderer_version: str, locale: str) -> str:
    """What identifies a rendering: the frozen content, how it is drawn, and the language."""
    return hashlib.sha256("\0".join((content, renderer_version, locale)).encode()).hexdigest()


def summary_content(facts: SummaryFacts) -> str:
    """The frozen content of a summary as one text."""
    parts = [to_json(f) for f in facts.certificates]
    return "\n".join([facts.order_reference, str(facts.refunded_units), facts.issued_at.isoformat(), *parts])


def due_documents(now: datetime, limit: int = 20) -> list[int]:
    """Ids of PDFs to be rendered."""
    return read_ids(UNDRAWN, now=now, most=limit)


SummarySource = Callable[[int | None], SummaryFacts]


def render_documents(
    request_ids: Sequence[int], renderer: CertificateRenderer, summary_of: SummarySource, clock: Clock
) -> None:
    """Render requested PDFs, up to `AT_ONCE`, outside any transaction; store them, and drop their requests.

    Nobody else begins with them meanwhile, unless they take longer than `LEASE`; then the bytes are the same, and the
    second are not stored.
    """
    now = clock.now()
    with transaction():
        taken = write(_TAKE, {"ids": list(request_ids), "now": now, "until": now + LEASE}).all()
    drawn = {request.id: _render(request, renderer, summary_of, clock) for request in sorted(taken)}
    documents = {request_id: document for request_id, document in drawn.items() if document is not None}
    if documents:
        with transaction():
            insert_each_once(Document, list(documents.values()))
            write(_DROP, {"ids": list(documents)})
        checkpoints.reached("certificate.pdf_stored")


def _render(
    request: Row[Any], renderer: CertificateRenderer, summary_of: SummarySource, clock: Clock
) -> dict[str, Any] | None:
    """The row of a document; None where it cannot be drawn, which is tried again later."""
    try:
        if request.facts is None:
            summary = summary_of(request.order_id)
            end_reading()
            content, pdf = summary_content(summary), renderer.summary(summary, request.locale)
        else:
            content, pdf = request.facts, renderer.certificate(from_json(request.facts), request.locale)
    except Exception:
        log.exception("rendering failed", extra={"facts": {"request": request.id}})
        _render_later(request.id, clock.now())
        return None
    return {
        "subject": request.subject,
        "locale": request.locale,
        "content_hash": content_hash(content, renderer.version, request.locale),
        "pdf": pdf,
        "pdf_sha256": hashlib.sha256(pdf).hexdigest(),
        "created_at": clock.now(),
    }


def _render_later(request_id: int, now: datetime) -> None:
    with transaction() as session:
        request = session.get(DocumentRequest, request_id)
        if request is not None:
            pause = RENDER_BACKOFF[min(request.attempts, len(RENDER_BACKOFF) - 1)]
            request.attempts += 1
            request.next_action_at = now + timedelta(seconds=pause)


def certificates_of(order_id: int) -> Sequence[Certificate]:
    """An order's certificates, by number."""
    return db.session.scalars(
        select(Certificate).where(Certificate.order_id == order_id).order_by(Certificate.id)
    ).all()
