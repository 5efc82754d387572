"""Mechanisms, projects and issuances: what the registry publishes about units."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Date, ForeignKey, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import BigKey
from app.kernel.columns import Base, UTCDateTime


class Mechanism(Base):
    """A crediting mechanism, as data: the CDM now, another one next."""

    __tablename__ = "mechanism"

    code: Mapped[str] = mapped_column(String(12), primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    registry_name: Mapped[str] = mapped_column(String(120))
    sales_close_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class UnitType(Base):
    """A kind of unit of one mechanism, with its code in the Kyoto exchange standard where it has one."""

    __tablename__ = "unit_type"

    code: Mapped[str] = mapped_column(String(12), primary_key=True)
    mechanism_code: Mapped[str] = mapped_column(ForeignKey("mechanism.code"))
    kyoto_code: Mapped[int | None] = mapped_column(Integer)


class Project(Base):
    """A project activity or programme of activities. Its title stays in English."""

    __tablename__ = "project"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    mechanism_code: Mapped[str] = mapped_column(ForeignKey("mechanism.code"))
    reference: Mapped[str] = mapped_column(String(24), unique=True)  # as the registry prints it, IN-1514
    reference_number: Mapped[int] = mapped_column(Integer)
    title: Mapped[str] = mapped_column(String(500))
    kind: Mapped[str] = mapped_column(String(8))
    project_type: Mapped[str] = mapped_column(String(60))
    project_subtype: Mapped[str] = mapped_column(String(120), default="")
    sectoral_scopes: Mapped[str] = mapped_column(String(40), default="")  # "1;13"
    methodologies: Mapped[str] = mapped_column(String(200), default="")  # "AMS-I.D.; AMS-III.H."
    region: Mapped[str] = mapped_column(String(60))
    subregion: Mapped[str] = mapped_column(String(120), default="")
    is_least_developed: Mapped[bool] = mapped_column(Boolean, default=False)
    validator: Mapped[str] = mapped_column(String(200), default="")
    crediting_starts_on: Mapped[date | None] = mapped_column(Date)
    crediting_ends_on: Mapped[date | None] = mapped_column(Date)
    page_url: Mapped[str] = mapped_column(String(300), default="")
    facts_on: Mapped[date | None] = mapped_column(Date)  # the day whose registry reports say all this

    parties: Mapped[list[ProjectParty]] = relationship(
        order_by="ProjectParty.position", cascade="all, delete-orphan", lazy="selectin"
    )

    @property
    def host_parties(self) -> tuple[str, ...]:
        """ISO 3166-1 alpha-2 codes of the host Parties, the first as in the reference."""
        return tuple(party.country for party in self.parties)


class ProjectParty(Base):
    """One host Party of a project."""

    __tablename__ = "project_party"

    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"), primary_key=True)
    country: Mapped[str] = mapped_column(String(2), primary_key=True)
    position: Mapped[int] = mapped_column(Integer)


class Issuance(Base):
    """One issuance transaction of the registry: a serial block of one monitoring period."""

    __tablename__ = "issuance"
    __table_args__ = (
        UniqueConstraint("originating_party", "serial_first"),
        CheckConstraint("serial_last - serial_first + 1 = units", name="length"),
        CheckConstraint("units > 0", name="positive"),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"), index=True)
    unit_type: Mapped[str] = mapped_column(ForeignKey("unit_type.code"))
    commitment_period: Mapped[int] = mapped_column(Integer)
    originating_party: Mapped[str] = mapped_column(String(2))
    serial_first: Mapped[int] = mapped_column(BigInteger)
    serial_last: Mapped[int] = mapped_column(BigInteger)
    units: Mapped[int] = mapped_column(BigInteger)
    completed_at: Mapped[datetime] = mapped_column(UTCDateTime)
    monitoring_starts_on: Mapped[date] = mapped_column(Date)
    monitoring_ends_on: Mapped[date] = mapped_column(Date)


class PublishedCancellation(Base):
    """Units of a project that the registry's public lists show as cancelled, whoever asked for it.

    A row has either its serial numbers, or `starts_at` where a source gives only the sum of a time.
    """

    __tablename__ = "published_cancellation"
    __table_args__ = (
        UniqueConstraint("originating_party", "serial_first"),
        UniqueConstraint("project_id", "channel", "starts_at"),
        CheckConstraint("units > 0", name="positive"),
        CheckConstraint("serial_last - serial_first + 1 = units", name="length"),
        CheckConstraint("(serial_first IS NULL) <> (starts_at IS NULL)", name="serials_or_sum"),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"), index=True)
    channel: Mapped[str] = mapped_column(String(24))
    unit_type: Mapped[str] = mapped_column(ForeignKey("unit_type.code"))
    commitment_period: Mapped[int | None] = mapped_column(Integer)
    originating_party: Mapped[str | None] = mapped_column(String(2))
    serial_first: Mapped[int | None] = mapped_column(BigInteger)
    serial_last: Mapped[int | None] = mapped_column(BigInteger)
    units: Mapped[int] = mapped_column(BigInteger)
    starts_at: Mapped[datetime | None] = mapped_column(UTCDateTime)  # of a sum; its end is `completed_at`
    completed_at: Mapped[datetime] = mapped_column(UTCDateTime)
    listed_until: Mapped[date] = mapped_column(Date, index=True)  # the last day that the source covers
