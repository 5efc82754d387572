"""What anybody may see of a certificate, and what its code opens."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import bindparam, case, select

from app.certificates.facts import from_json
from app.certificates.listing import BENEFICIARY
from app.certificates.models import Certificate, Document
from app.certificates.ports import CertificateFacts
from app.certificates.states import CertificateState
from app.claims.queries import is_held_back
from app.db import db
from app.kernel.references import normalised_code

# What only the code opens, and of it what the buyer may have chosen to publish.
SECRET = ("verification_code", "order_reference", "country")
PERSONAL = ("beneficiary_name", "purpose", "scheme_name")

_ISSUED = (
    select(Document.subject, Certificate.verification_code)
    .outerjoin(Certificate, Certificate.number == Document.subject)
    .where(Document.pdf_sha256 == bindparam("sha256"))
    .limit(1)
)


@dataclass(frozen=True)
class IssuedFile:
    """A PDF that was drawn here: of the certificate `subject` with its `code`, or of an order's summary without one."""

    subject: str
    code: str | None


@dataclass(frozen=True)
class CertificateView:
    """A certificate as a reader may see it; without the code, names only where the buyer chose so.

    `withheld` names the facts that this reader may not see; they are empty in `facts`.
    """

    order_id: int | None
    facts: CertificateFacts
    stored_facts: str
    state: CertificateState
    is_full: bool
    wrong_code: bool
    withheld: tuple[str, ...]


def find_issued_file(sha256: str) -> IssuedFile | None:
    """What was drawn here with exactly the bytes of this hash; documents are never thrown away or changed."""
    row = db.session.execute(_ISSUED, {"sha256": sha256}).first()
    return None if row is None else IssuedFile(row.subject, row.verification_code)


def find_certificate(number: str, code: str) -> CertificateView | None:
    """The certificate of that number, opened as far as the code allows."""
    row = db.session.execute(
        select(
            Certificate,
            case((is_held_back(Certificate.beneficiary_id), False), else_=BENEFICIARY.c.is_name_public),
        )
        .join(BENEFICIARY, BENEFICIARY.c.id == Certificate.beneficiary_id)
        .where(Certificate.number == number)
    ).one_or_none()
    if row is None:
        return None
    certificate, is_name_public = row
    facts = from_json(certificate.facts)
    is_full = hmac.compare_digest(normalised_code(code).encode(), certificate.verification_code.encode())
    withheld = () if is_full else SECRET if is_name_public else (*SECRET, *PERSONAL)
    if withheld:
        hidden: dict[str, Any] = dict.fromkeys(withheld, "")
        facts = replace(facts, **hidden)
    return CertificateView(
        order_id=certificate.order_id,
        facts=facts,
        stored_facts=certificate.facts,
        state=certificate.state,
        is_full=is_full,
        wrong_code=bool(code) and not is_full,
        withheld=withheld,
    )
