"""The parts of an application, and which are missing."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum

from app.providers.models import Application


class Part(StrEnum):
    """What an applicant fills in, in the order of the task list."""

    COMPANY = "company"
    CONTACT = "contact"
    OWNERS = "owners"
    PAYEE = "payee"
    DOCUMENTS = "documents"
    PROJECTS = "projects"
    CERTIFICATION = "certification"


class EvidenceKind(StrEnum):
    """What a document proves: who somebody is, or that a participant speaks for a project."""

    IDENTITY = "identity"
    AUTHORITY = "authority"


COLUMNS = {
    Part.COMPANY: ("legal_name", "address", "country", "register_number"),
    Part.CONTACT: ("contact_name", "contact_email", "contact_phone"),
    Part.PAYEE: ("payee_holder", "payee_bank", "payee_account"),
    Part.CERTIFICATION: ("certification",),
}
OPTIONAL = frozenset({"contact_phone"})


def missing_parts(
    application: Application, *, owners: Collection[object], documents: Collection[object], claims: Collection[object]
) -> tuple[Part, ...]:
    """The parts that still lack something, in order."""
    lists = {Part.OWNERS: owners, Part.DOCUMENTS: documents, Part.PROJECTS: claims}
    return tuple(
        part
        for part in Part
        if (part in lists and not lists[part])
        or any(not getattr(application, column) for column in COLUMNS.get(part, ()) if column not in OPTIONAL)
    )
