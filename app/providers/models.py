"""The project participant as a seller: its application, its authority for projects, its payee."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, deferred, mapped_column

from app.db import BigKey
from app.kernel.columns import Base, UTCDateTime, state_column
from app.providers.states import ApplicationState, AuthorityState, PayeeState, ProviderState


def shown_as(legal_name: str, country: str) -> str:
    """What buyers see of a participant, in one line, for whoever decides about it."""
    return f"{legal_name}, {country}"


class Provider(Base):
    """A project participant that offers units. `code` is how import files name it.

    One that an operator imported has no organisation until somebody applies for it.
    """

    __tablename__ = "provider"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    code: Mapped[str] = mapped_column(String(40), unique=True)
    legal_name: Mapped[str] = mapped_column(String(200))
    country: Mapped[str] = mapped_column(String(2))
    is_demonstration: Mapped[bool] = mapped_column(Boolean, default=False)
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"), unique=True)
    state: Mapped[ProviderState] = mapped_column(
        state_column(ProviderState, "provider_state"), default=ProviderState.APPROVED, server_default="approved"
    )
    state_reason: Mapped[str] = mapped_column(String(1000), default="", server_default="")
    website: Mapped[str] = mapped_column(String(300), default="", server_default="")
    about: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict, server_default="{}")  # by language
    approved_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class Application(Base):
    """An organisation's wish to sell. What is private of it is seen by its owners and by operators only."""

    __tablename__ = "application"
    __table_args__ = (
        Index(
            "uq_application_open",
            "organisation_id",
            unique=True,
            sqlite_where=text("state IN ('draft', 'submitted', 'returned', 'approved')"),
            postgresql_where=text("state IN ('draft', 'submitted', 'returned', 'approved')"),
        ),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"), index=True)
    state: Mapped[ApplicationState] = mapped_column(state_column(ApplicationState, "application_state"), index=True)
    locale: Mapped[str] = mapped_column(String(8))
    legal_name: Mapped[str] = mapped_column(String(200), default="")
    address: Mapped[str] = mapped_column(String(500), default="")
    country: Mapped[str] = mapped_column(String(2), default="")
    register_number: Mapped[str] = mapped_column(String(80), default="")
    contact_name: Mapped[str] = mapped_column(String(200), default="")
    contact_email: Mapped[str] = mapped_column(String(254), default="")
    contact_phone: Mapped[str] = mapped_column(String(40), default="")
    payee_holder: Mapped[str] = mapped_column(String(200), default="")
    payee_bank: Mapped[str] = mapped_column(String(200), default="")
    payee_account: Mapped[str] = mapped_column(String(400), default="")  # sealed
    certification: Mapped[str] = mapped_column(Text, default="")  # word for word, as certified
    certified_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    submitted_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    submitted_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    decided_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    reason: Mapped[str] = mapped_column(String(1000), default="")
    provider_id: Mapped[int | None] = mapped_column(ForeignKey("provider.id"))


class BeneficialOwner(Base):
    """A natural person behind an applicant; `share` in per cent, None where control is meant."""

    __tablename__ = "beneficial_owner"
    __table_args__ = (CheckConstraint("share BETWEEN 1 AND 100", name="percent"),)

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    application_id: Mapped[int] = mapped_column(ForeignKey("application.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    country: Mapped[str] = mapped_column(String(2))
    birth_year: Mapped[int | None] = mapped_column(Integer)
    share: Mapped[int | None] = mapped_column(Integer)


class Evidence(Base):
    """A file that proves something: who somebody is, or that a participant speaks for a project. Sealed."""

    __tablename__ = "evidence"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"), index=True)
    kind: Mapped[str] = mapped_column(String(16))  # identity or authority
    file_name: Mapped[str] = mapped_column(String(200))
    media_type: Mapped[str] = mapped_column(String(40))
    size: Mapped[int] = mapped_column(Integer)  # bytes, before sealing
    sha256: Mapped[str] = mapped_column(String(64))
    content: Mapped[bytes] = deferred(mapped_column(LargeBinary))
    uploaded_by: Mapped[int] = mapped_column(ForeignKey("person.id"))
    uploaded_at: Mapped[datetime] = mapped_column(UTCDateTime)


class ProjectAuthority(Base):
    """A participant's claim to offer units of one project, as its focal point or for it, with the evidence."""

    __tablename__ = "project_authority"
    __table_args__ = (
        Index(
            "uq_project_authority_open",
            "organisation_id",
            "project_id",
            unique=True,
            sqlite_where=text("state <> 'refused'"),
            postgresql_where=text("state <> 'refused'"),
        ),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"), index=True)
    project_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("project.id"))
    evidence_id: Mapped[int] = mapped_column(ForeignKey("evidence.id"))
    state: Mapped[AuthorityState] = mapped_column(state_column(AuthorityState, "project_authority_state"))
    reason: Mapped[str] = mapped_column(String(1000), default="")
    claimed_at: Mapped[datetime] = mapped_column(UTCDateTime)
    decided_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class Payee(Base):
    """Where a participant's money goes. Account numbers are sealed; pages show the last four characters."""

    __tablename__ = "payee"
    __table_args__ = (
        UniqueConstraint("provider_id", "requested_at"),
        Index(
            "uq_payee_current",
            "provider_id",
            unique=True,
            sqlite_where=text("state = 'current'"),
            postgresql_where=text("state = 'current'"),
        ),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    provider_id: Mapped[int] = mapped_column(ForeignKey("provider.id"))
    state: Mapped[PayeeState] = mapped_column(state_column(PayeeState, "payee_state"))
    holder: Mapped[str] = mapped_column(String(200))
    bank: Mapped[str] = mapped_column(String(200))
    account: Mapped[str] = mapped_column(String(400))  # sealed
    requested_by: Mapped[int] = mapped_column(ForeignKey("person.id"))
    requested_at: Mapped[datetime] = mapped_column(UTCDateTime)
    decided_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
