"""Certificates: facts frozen at issue, and the PDFs that show them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Integer, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, deferred, mapped_column

from app.certificates.states import CertificateState
from app.db import BigKey
from app.kernel.columns import Base, UTCDateTime, state_column


class Certificate(Base):
    """One certificate for an order's units of one project and one beneficiary.

    `facts` is canonical JSON and never changes; every page and PDF is a view of it.
    """

    __tablename__ = "certificate"
    __table_args__ = (
        UniqueConstraint("order_id", "project_id", "beneficiary_id"),
        UniqueConstraint("year", "sequence"),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("purchase_order.id"), index=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    beneficiary_id: Mapped[int] = mapped_column(ForeignKey("beneficiary.id"))
    year: Mapped[int] = mapped_column(Integer)
    sequence: Mapped[int] = mapped_column(Integer)
    number: Mapped[str] = mapped_column(String(24), unique=True)
    verification_code: Mapped[str] = mapped_column(String(40))
    state: Mapped[CertificateState] = mapped_column(state_column(CertificateState, "certificate_state"))
    facts: Mapped[str] = mapped_column(Text)
    facts_sha256: Mapped[str] = mapped_column(String(64))
    issued_at: Mapped[datetime] = mapped_column(UTCDateTime)


class CertificateCounter(Base):
    """The last number given out in a year; numbers have no gaps because they are taken in the issuing transaction."""

    __tablename__ = "certificate_counter"

    year: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    last: Mapped[int] = mapped_column(Integer)


class Document(Base):
    """A rendered PDF, found again by the hash of what it shows.

    `subject` is a certificate number or an order reference (the summary of several certificates).
    """

    __tablename__ = "document"
    __table_args__ = (UniqueConstraint("subject", "locale", "content_hash"),)

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    subject: Mapped[str] = mapped_column(String(40))
    locale: Mapped[str] = mapped_column(String(8))
    content_hash: Mapped[str] = mapped_column(String(64))
    pdf: Mapped[bytes] = deferred(mapped_column(LargeBinary))
    pdf_sha256: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)


class DocumentRequest(Base):
    """A PDF somebody asked for that is not there yet; the render worker takes it from here."""

    __tablename__ = "document_request"
    __table_args__ = (UniqueConstraint("subject", "locale"),)

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("purchase_order.id"), index=True)
    subject: Mapped[str] = mapped_column(String(40))
    locale: Mapped[str] = mapped_column(String(8))
    requested_at: Mapped[datetime] = mapped_column(UTCDateTime)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    next_action_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)
