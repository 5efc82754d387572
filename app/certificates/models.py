"""Certificates: facts frozen at issue, and the PDFs that show them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
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
)
from sqlalchemy.orm import Mapped, deferred, mapped_column

from app.certificates.states import CertificateState
from app.db import BigKey
from app.kernel.columns import Base, UTCDateTime, state_column

WORD_LENGTH = 60
# Searched by the beginnings of words, as ranges: both databases must sort them by code point.
FoldedWord = String(WORD_LENGTH).with_variant(String(WORD_LENGTH, collation="C"), "postgresql")


class Certificate(Base):
    """One certificate for an order's units of one project, beneficiary and registry, or for a direct cancellation.

    `facts` is canonical JSON and never changes; every page and PDF is a view of it.
    """

    __tablename__ = "certificate"
    __table_args__ = (
        UniqueConstraint("order_id", "project_id", "beneficiary_id", "registry_code"),
        UniqueConstraint("year", "sequence"),
        CheckConstraint("(order_id IS NULL) <> (direct_cancellation_id IS NULL)", name="one_cause"),
        Index("ix_certificate_issued", "issued_at"),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    order_id: Mapped[int | None] = mapped_column(ForeignKey("purchase_order.id"), index=True)
    direct_cancellation_id: Mapped[int | None] = mapped_column(ForeignKey("direct_cancellation.id"), unique=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    beneficiary_id: Mapped[int] = mapped_column(ForeignKey("beneficiary.id"))
    registry_code: Mapped[str] = mapped_column(String(24))
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
    pdf_sha256: Mapped[str] = mapped_column(String(64), index=True)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)


class DocumentRequest(Base):
    """A PDF somebody asked for that is not there yet; the render worker takes it from here."""

    __tablename__ = "document_request"
    __table_args__ = (UniqueConstraint("subject", "locale"),)

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    order_id: Mapped[int | None] = mapped_column(ForeignKey("purchase_order.id"), index=True)  # of a summary
    subject: Mapped[str] = mapped_column(String(40))
    locale: Mapped[str] = mapped_column(String(8))
    requested_at: Mapped[datetime] = mapped_column(UTCDateTime)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    next_action_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)


# --- what the public register searches -------------------------------------------------------------
# Narrow copies of frozen facts, written with the certificate in one transaction. What a page shows comes
# from the facts themselves.


class RegisterEntry(Base):
    """One certificate as the public register sorts and filters it."""

    __tablename__ = "register_entry"
    __table_args__ = (
        Index("ix_register_entry_newest", "cancelled_at", "certificate_id"),
        Index("ix_register_entry_project", "project_id", "cancelled_at", "certificate_id"),
        Index("ix_register_entry_intent", "intent", "cancelled_at", "certificate_id"),
    )

    certificate_id: Mapped[int] = mapped_column(ForeignKey("certificate.id"), primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    beneficiary_id: Mapped[int] = mapped_column(ForeignKey("beneficiary.id"), index=True)
    cancelled_at: Mapped[datetime] = mapped_column(UTCDateTime)  # by the registry, the last of its transactions
    units: Mapped[int] = mapped_column(BigInteger)
    intent: Mapped[str] = mapped_column(String(16))
    is_name_public: Mapped[bool] = mapped_column(Boolean)


class RegisterBlock(Base):
    """Serial numbers of one certificate: consecutive numbers of one number space, such as a Party's counter."""

    __tablename__ = "register_block"
    __table_args__ = (
        CheckConstraint("first <= last", name="order"),
        Index("ix_register_block_serials", "party", "first"),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    certificate_id: Mapped[int] = mapped_column(ForeignKey("certificate.id"), index=True)
    space: Mapped[str] = mapped_column("party", String(24))  # the first mechanism has one for each Party
    first: Mapped[int] = mapped_column(BigInteger)
    last: Mapped[int] = mapped_column(BigInteger)


class RegisterWord(Base):
    """A word of a name that its buyer chose to publish, folded. Whether it may be shown now is asked at each search."""

    __tablename__ = "register_word"

    word: Mapped[str] = mapped_column(FoldedWord, primary_key=True)
    certificate_id: Mapped[int] = mapped_column(ForeignKey("certificate.id"), primary_key=True, index=True)


class RegisterProject(Base):
    """A project with certificates, and the folded words it is found by: reference, title, host Parties' names."""

    __tablename__ = "register_project"

    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"), primary_key=True)
    project_type: Mapped[str] = mapped_column(String(60), index=True)
    search_text: Mapped[str] = mapped_column(Text)


class RegisterTotal(Base):
    """What the entries of one year, intent and project add up to, so that no page has to count them."""

    __tablename__ = "register_total"

    year: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    intent: Mapped[str] = mapped_column(String(16), primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"), primary_key=True)
    certificates: Mapped[int] = mapped_column(Integer)
    units: Mapped[int] = mapped_column(BigInteger)
