"""What anybody may see of a certificate, and what its code opens."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, replace

from sqlalchemy import column, select, table

from app.certificates.facts import from_json
from app.certificates.models import Certificate
from app.certificates.ports import CertificateFacts
from app.certificates.states import CertificateState
from app.db import db
from app.kernel.references import normalised_code

# The beneficiary belongs to checkout, a package above this one; only its consent to publication is read here.
_BENEFICIARY = table("beneficiary", column("id"), column("is_name_public"))


@dataclass(frozen=True)
class CertificateView:
    """A certificate as a reader may see it; without the code, names only where the buyer chose so."""

    order_id: int
    facts: CertificateFacts
    stored_facts: str
    state: CertificateState
    is_full: bool
    wrong_code: bool


def find_certificate(number: str, code: str) -> CertificateView | None:
    """The certificate of that number, opened as far as the code allows."""
    row = db.session.execute(
        select(Certificate, _BENEFICIARY.c.is_name_public)
        .join(_BENEFICIARY, _BENEFICIARY.c.id == Certificate.beneficiary_id)
        .where(Certificate.number == number)
    ).one_or_none()
    if row is None:
        return None
    certificate, is_name_public = row
    facts = from_json(certificate.facts)
    is_full = hmac.compare_digest(normalised_code(code).encode(), certificate.verification_code.encode())
    if not is_full:
        facts = replace(
            facts,
            verification_code="",
            country="",
            beneficiary_name=facts.beneficiary_name if is_name_public else "",
            purpose=facts.purpose if is_name_public else "",
            order_reference="",
        )
    return CertificateView(
        order_id=certificate.order_id,
        facts=facts,
        stored_facts=certificate.facts,
        state=certificate.state,
        is_full=is_full,
        wrong_code=bool(code) and not is_full,
    )
