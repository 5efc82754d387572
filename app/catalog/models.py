"""Mechanisms, projects and issuances: what the registry publishes about units."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, CheckConstraint, Date, ForeignKey, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import BigKey
from app.kernel.columns import Base, UTCDateTime


class Mechanism(Base):
    """A crediting mechanism, as data: the CDM now, another one next.

    How it closes, in aware UTC; all three or none:

    * from `sales_close_at` on nothing of it is put into a basket or newly offered;
    * from `last_order_at` on nothing is ordered or paid: money that arrives later goes back whole;
    * from `ends_at` on its registry is closed: nothing is sent there, and its pages are gone.

    `period_kind` says which time its units have, `space_form`, `serial_form` and `reference_form` how units and
    projects are numbered (`app.catalog.number_forms`). `words` name it and its registry in each language;
    `authorisations` are the host Party's words on units, by code, with what they let a buyer say.
    """

    __tablename__ = "mechanism"

    code: Mapped[str] = mapped_column(String(12), primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    registry_name: Mapped[str] = mapped_column(String(120))
    registry_url: Mapped[str] = mapped_column(String(300), default="")
    sales_close_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    last_order_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    ends_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    period_kind: Mapped[str] = mapped_column(String(20), default="commitment_period")  # or vintage_year
    space_form: Mapped[str] = mapped_column(String(60), default="{party}")
    serial_form: Mapped[str] = mapped_column(String(120))
    reference_form: Mapped[str] = mapped_column(String(60), default="{party}-{project}")
    words: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    authorisations: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)


class UnitType(Base):
    """A kind of unit of one mechanism, with its code in the Kyoto exchange standard where it has one.

    `words` are what one and several such units are called in each language, in short and in full:
    {"en": {"one": "…", "many": "…", "one_in_full": "…", "many_in_full": "…"}, …}. `lulucf_code` is the code of
    the activity on land that made them, 0 for none.
    """

    __tablename__ = "unit_type"

    code: Mapped[str] = mapped_column(String(12), primary_key=True)
    mechanism_code: Mapped[str] = mapped_column(ForeignKey("mechanism.code"))
    kyoto_code: Mapped[int | None] = mapped_column(Integer)
    words: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    lulucf_code: Mapped[int] = mapped_column(Integer, default=0)


class LevyRule(Base):
    """What a mechanism takes of an issuance, for a time: a fee for each unit, or a share of the units.

    A fee has `tiers`, [[up to this many units of a calendar year, minor units for each], …], the last one with
    null; a share has `basis_points`, and takes the lowest serial numbers into accounts of `account_type`.
    """

    __tablename__ = "levy_rule"
    __table_args__ = (
        UniqueConstraint("mechanism_code", "code", "valid_from"),
        CheckConstraint("(currency IS NULL) = (tiers IS NULL)", name="fee"),
        CheckConstraint("(basis_points IS NULL) <> (tiers IS NULL)", name="fee_or_share"),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    mechanism_code: Mapped[str] = mapped_column(ForeignKey("mechanism.code"))
    code: Mapped[str] = mapped_column(String(24))  # administration, adaptation, mitigation
    valid_from: Mapped[date] = mapped_column(Date)
    valid_to: Mapped[date | None] = mapped_column(Date)
    currency: Mapped[str | None] = mapped_column(String(3))
    tiers: Mapped[list[Any] | None] = mapped_column(JSON(none_as_null=True))
    basis_points: Mapped[int | None] = mapped_column(Integer)
    account_type: Mapped[int | None] = mapped_column(Integer)
    is_least_developed_exempt: Mapped[bool] = mapped_column(Boolean, default=False)
    source: Mapped[str] = mapped_column(String(200), default="")


class ProjectParty(Base):
    """One host Party of a project."""

    __tablename__ = "project_party"

    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"), primary_key=True)
    country: Mapped[str] = mapped_column(String(2), primary_key=True)
    position: Mapped[int] = mapped_column(Integer)


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


class Issuance(Base):
    """One issuance transaction of the registry: a serial block of one monitoring period.

    Its units belong to a commitment period or have a vintage, as the mechanism has it; `authorisation` is the
    host Party's word on what they may be used for, None where the mechanism knows none.
    """

    __tablename__ = "issuance"
    __table_args__ = (
        UniqueConstraint("space", "serial_first"),
        CheckConstraint("serial_last - serial_first + 1 = units", name="length"),
        CheckConstraint("units > 0", name="positive"),
        CheckConstraint("(commitment_period IS NULL) <> (vintage_year IS NULL)", name="period_or_vintage"),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"), index=True)
    unit_type: Mapped[str] = mapped_column(ForeignKey("unit_type.code"))
    commitment_period: Mapped[int | None] = mapped_column(Integer)
    vintage_year: Mapped[int | None] = mapped_column(Integer)
    authorisation: Mapped[str | None] = mapped_column(String(24))
    originating_party: Mapped[str] = mapped_column(String(2))
    space: Mapped[str] = mapped_column(String(24))  # the number space that its serial numbers count in
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
