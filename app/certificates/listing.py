"""Entering certificates in the public register: what it sorts, filters and searches by."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from typing import cast

from sqlalchemy import Executable, Table, bindparam, case, column, not_, or_, select, table
from sqlalchemy.dialects import postgresql, sqlite

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
from app.db import add_rows, db, write
from app.kernel.places import names_of_country
from app.kernel.text import fold
from app.registry.models import Cancellation, CancelledBlock

# The beneficiary belongs to checkout, a package above this one; only its consent to publication is read here.
BENEFICIARY = table("beneficiary", column("id"), column("is_name_public"))

# Said once: every certificate is entered with them.
_ARE_NAMES_PUBLIC = select(BENEFICIARY.c.id, BENEFICIARY.c.is_name_public).where(
    BENEFICIARY.c.id.in_(bindparam("ids", expanding=True))
)
_BLOCKS = (
    select(Cancellation.reference, CancelledBlock.space, CancelledBlock.first, CancelledBlock.last)
    .join(Cancellation, Cancellation.id == CancelledBlock.cancellation_id)
    .where(Cancellation.reference.in_(bindparam("references", expanding=True)))
    .order_by(CancelledBlock.id)
)
_TOTALS, _PROJECTS = cast(Table, RegisterTotal.__table__), cast(Table, RegisterProject.__table__)


def enter(entered: Sequence[tuple[Certificate, CertificateFacts]]) -> frozenset[int]:
    """Enter issued certificates, inside the caller's transaction; gives the ids of those whose name is to be published.

    The serial numbers are those that the registry confirmed under the transactions' references.
    """
    asked = {"ids": sorted({certificate.beneficiary_id for certificate, _facts in entered})}
    consents = {row.id: bool(row.is_name_public) for row in write(_ARE_NAMES_PUBLIC, asked)}
    add_rows(
        RegisterEntry,
        [
            {
                "certificate_id": certificate.id,
                "project_id": certificate.project_id,
                "beneficiary_id": certificate.beneficiary_id,
                "cancelled_at": _cancelled_at(facts),
                "units": facts.units,
                "intent": facts.intent,
                "is_name_public": consents[certificate.beneficiary_id],
            }
            for certificate, facts in entered
        ],
    )
    _enter_blocks(entered)
    _enter_projects(entered)
    _add_up(entered)
    public = [each for each in entered if consents[each[0].beneficiary_id]]
    db.session.add_all(
        RegisterWord(word=word, certificate_id=certificate.id)
        for certificate, facts in public
        for word in words_of(facts.beneficiary_name)
    )
    return frozenset(certificate.id for certificate, _facts in public)


def search_text(reference: str, title: str, host_parties: tuple[str, ...]) -> str:
    """The folded words a project is found by; host Parties (ISO codes) by their names in every language."""
    names = (name for code in host_parties for name in names_of_country(code))
    return fold(" ".join((reference, title, *names)))


def words_of(name: str) -> tuple[str, ...]:
    """The different words of a name, folded, as long as the register keeps them."""
    return tuple(dict.fromkeys(word[:WORD_LENGTH] for word in fold(name).split()))


def _cancelled_at(facts: CertificateFacts) -> datetime:
    return cast(datetime, facts.cancelled_at)  # a certificate is issued for nothing else


def _enter_blocks(entered: Sequence[tuple[Certificate, CertificateFacts]]) -> None:
    owners = {
        transaction.reference: certificate.id for certificate, facts in entered for transaction in facts.transactions
    }
    blocks = write(_BLOCKS, {"references": list(owners)})
    add_rows(
        RegisterBlock,
        [
            {
                "certificate_id": owners[block.reference],
                "party": block.space.partition(":")[2],  # after the registry's code
                "first": block.first,
                "last": block.last,
            }
            for block in blocks
        ],
    )


def _enter_projects(entered: Sequence[tuple[Certificate, CertificateFacts]]) -> None:
    projects = {
        certificate.project_id: {
            "project_id": certificate.project_id,
            "project_type": facts.project_type,
            "search_text": search_text(facts.project_reference, facts.project_title, facts.host_parties),
        }
        for certificate, facts in entered
    }
    # In one order, so that two who enter the same ones do not wait for each other.
    write(_naming(db.session().get_bind().dialect.name), [projects[project_id] for project_id in sorted(projects)])


def _add_up(entered: Sequence[tuple[Certificate, CertificateFacts]]) -> None:
    sums: dict[tuple[int, str, int], tuple[int, int]] = {}
    for certificate, facts in entered:
        key = (_cancelled_at(facts).astimezone(UTC).year, facts.intent, certificate.project_id)
        certificates, units = sums.get(key, (0, 0))
        sums[key] = (certificates + 1, units + facts.units)
    names = ("year", "intent", "project_id", "certificates", "units")
    rows = [dict(zip(names, (*key, *sums[key]), strict=True)) for key in sorted(sums)]
    write(_adding_up(db.session().get_bind().dialect.name), rows)


@cache
def _naming(dialect: str) -> Executable:
    """Begin projects that are not there, and let corrected ones be found by their old words and their new ones."""
    upsert = (postgresql.insert if dialect == "postgresql" else sqlite.insert)(_PROJECTS)
    known, new = _PROJECTS.c, upsert.excluded
    has_words = known.search_text.contains(new.search_text)  # folded: letters, digits and spaces
    more_words = case((has_words, known.search_text), else_=known.search_text + " " + new.search_text)
    return upsert.on_conflict_do_update(
        index_elements=list(_PROJECTS.primary_key),
        set_={"project_type": new.project_type, "search_text": more_words},
        where=or_(known.project_type != new.project_type, not_(has_words)),
    ).returning(known.project_id)


@cache
def _adding_up(dialect: str) -> Executable:
    """Add to the totals that are there, and begin those that are not."""
    upsert = (postgresql.insert if dialect == "postgresql" else sqlite.insert)(_TOTALS)
    more = {name: _TOTALS.c[name] + upsert.excluded[name] for name in ("certificates", "units")}
    return upsert.on_conflict_do_update(index_elements=list(_TOTALS.primary_key), set_=more).returning(_TOTALS.c.year)
