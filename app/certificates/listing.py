"""Entering certificates in the public register: what it sorts, filters and searches by."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import cast

from sqlalchemy import BigInteger, Table, bindparam, column, select, table, update

from app.certificates.models import (
    WORD_LENGTH,
    Certificate,
    RegisterBlock,
    RegisterEntry,
    RegisterProject,
    RegisterTotal,
    RegisterWord,
)
from app.certificates.ports import CertificateFacts
from app.db import add_row, db, insert_once, rows_changed, write
from app.kernel.places import names_of_country
from app.kernel.text import fold
from app.registry.models import Cancellation, CancelledBlock

# The beneficiary belongs to checkout, a package above this one; only its consent to publication is read here.
BENEFICIARY = table("beneficiary", column("id"), column("is_name_public"))

# Said once: every certificate is entered with them.
_IS_NAME_PUBLIC = select(BENEFICIARY.c.is_name_public).where(BENEFICIARY.c.id == bindparam("the_id"))
_BLOCKS = (
    select(CancelledBlock.space, CancelledBlock.first, CancelledBlock.last)
    .join(Cancellation, Cancellation.id == CancelledBlock.cancellation_id)
    .where(Cancellation.reference.in_(bindparam("references", expanding=True)))
    .order_by(CancelledBlock.id)
)
_TOTALS = cast(Table, RegisterTotal.__table__)
_ADD_UP = (
    update(_TOTALS)
    .where(
        _TOTALS.c.year == bindparam("of_year"),
        _TOTALS.c.intent == bindparam("what_for"),
        _TOTALS.c.project_id == bindparam("of_project"),
    )
    .values(certificates=_TOTALS.c.certificates + 1, units=_TOTALS.c.units + bindparam("more", type_=BigInteger))
)


def enter(certificate: Certificate, facts: CertificateFacts) -> bool:
    """Enter an issued certificate, inside the caller's transaction; True if its name is to be published.

    The serial numbers are those that the registry confirmed under the transactions' references.
    """
    cancelled_at = cast(datetime, facts.cancelled_at)  # a certificate is issued for nothing else
    is_name_public = bool(write(_IS_NAME_PUBLIC, {"the_id": certificate.beneficiary_id}).scalar())
    add_row(
        RegisterEntry,
        certificate_id=certificate.id,
        project_id=certificate.project_id,
        beneficiary_id=certificate.beneficiary_id,
        cancelled_at=cancelled_at,
        units=facts.units,
        intent=facts.intent,
        is_name_public=is_name_public,
    )
    _enter_blocks(certificate.id, facts)
    insert_once(
        RegisterProject,
        project_id=certificate.project_id,
        project_type=facts.project_type,
        search_text=search_text(facts.project_reference, facts.project_title, facts.host_parties),
    )
    _add_up(certificate.project_id, facts, cancelled_at)
    if is_name_public:
        db.session.add_all(
            RegisterWord(word=word, certificate_id=certificate.id) for word in words_of(facts.beneficiary_name)
        )
    return is_name_public


def search_text(reference: str, title: str, host_parties: tuple[str, ...]) -> str:
    """The folded words a project is found by; host Parties (ISO codes) by their names in every language."""
    names = (name for code in host_parties for name in names_of_country(code))
    return fold(" ".join((reference, title, *names)))


def words_of(name: str) -> tuple[str, ...]:
    """The different words of a name, folded, as long as the register keeps them."""
    return tuple(dict.fromkeys(word[:WORD_LENGTH] for word in fold(name).split()))


def _enter_blocks(certificate_id: int, facts: CertificateFacts) -> None:
    references = [transaction.reference for transaction in facts.transactions]
    blocks = write(_BLOCKS, {"references": references})
    db.session.add_all(
        RegisterBlock(
            certificate_id=certificate_id, space=block.space.rpartition(":")[2], first=block.first, last=block.last
        )
        for block in blocks
    )


def _add_up(project_id: int, facts: CertificateFacts, cancelled_at: datetime) -> None:
    key = {"year": cancelled_at.astimezone(UTC).year, "intent": facts.intent, "project_id": project_id}
    one_more = {"of_year": key["year"], "what_for": facts.intent, "of_project": project_id, "more": facts.units}
    if rows_changed(write(_ADD_UP, one_more)) == 0:
        insert_once(RegisterTotal, **key, certificates=0, units=0)
        write(_ADD_UP, one_more)
