"""The bare stack that a cold start is measured beside: Flask, Flask-SQLAlchemy and Jinja2, one page, nothing around it.

The page is a list of projects for sale, from the same two queries and tables as the product's list. Served as
`tests.benchmarks.bare_start:app` by the same server as the product, over the same database.
"""

from __future__ import annotations

import os
from datetime import date

from flask import Flask, render_template_string
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import ForeignKey, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

MOST_ROWS = 48
PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Projects</title></head>
<body>
<h1>Projects</h1>
<table>
{%- for project in projects %}
<tr>
  <td>{{ project.reference }}</td>
  <td><a href="{{ url_for('project_list') }}projects/{{ project.reference }}">{{ project.title }}</a></td>
  <td>{{ project.country }}</td>
  <td>{{ project.project_type }}</td>
  <td>{{ project.monitoring_starts_on }} to {{ project.monitoring_ends_on }}</td>
  <td>{{ "{:,}".format(units[project.id]) }}</td>
</tr>
{%- endfor %}
</table>
</body>
</html>"""


class Base(DeclarativeBase):
    """Tables of the bare page."""


class Project(Base):
    """A project."""

    __tablename__ = "project"
    id: Mapped[int] = mapped_column(primary_key=True)
    reference: Mapped[str]
    title: Mapped[str]
    kind: Mapped[str]
    project_type: Mapped[str]
    region: Mapped[str]
    mechanism_code: Mapped[str]
    sectoral_scopes: Mapped[str]
    methodologies: Mapped[str]
    is_least_developed: Mapped[bool]


class ProjectParty(Base):
    """A host Party."""

    __tablename__ = "project_party"
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"), primary_key=True)
    country: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int]


class Issuance(Base):
    """An issuance."""

    __tablename__ = "issuance"
    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    unit_type: Mapped[str]
    commitment_period: Mapped[int | None]
    vintage_year: Mapped[int | None]
    authorisation: Mapped[str | None]
    monitoring_starts_on: Mapped[date]
    monitoring_ends_on: Mapped[date]


class Offer(Base):
    """An offer."""

    __tablename__ = "offer"
    id: Mapped[int] = mapped_column(primary_key=True)
    issuance_id: Mapped[int] = mapped_column(ForeignKey("issuance.id"))
    state: Mapped[str]
    unit_price: Mapped[int]
    currency: Mapped[str]
    units_offered: Mapped[int]
    units_reserved: Mapped[int]
    units_settled: Mapped[int]


db = SQLAlchemy(model_class=Base)
app = Flask("bare_start")
app.config["SQLALCHEMY_DATABASE_URI"] = os.environ.get("DATABASE_URL", "sqlite://")
db.init_app(app)


@app.get("/en/")
def project_list() -> str:
    """The list."""
    offers = db.session.execute(
        select(
            Offer.issuance_id,
            Offer.state,
            Offer.unit_price,
            Offer.currency,
            (Offer.units_offered - Offer.units_reserved - Offer.units_settled).label("units_left"),
        )
        .where(Offer.state.in_(["live", "paused", "sold_out", "frozen"]))
        .order_by(Offer.id)
    ).all()
    left: dict[int, int] = {}
    for offer in offers:
        left[offer.issuance_id] = left.get(offer.issuance_id, 0) + offer.units_left
    rows = db.session.execute(
        select(
            Issuance.id.label("issuance_id"),
            Issuance.unit_type,
            func.coalesce(Issuance.commitment_period, Issuance.vintage_year).label("period"),
            func.coalesce(Issuance.authorisation, "").label("authorisation"),
            Issuance.monitoring_starts_on,
            Issuance.monitoring_ends_on,
            Project.id,
            Project.mechanism_code,
            Project.reference,
            Project.title,
            Project.kind,
            Project.project_type,
            Project.region,
            Project.sectoral_scopes,
            Project.methodologies,
            Project.is_least_developed,
            ProjectParty.country,
        )
        .join(Project, Project.id == Issuance.project_id)
        .outerjoin(ProjectParty, ProjectParty.project_id == Project.id)
        .where(Issuance.id.in_(select(Offer.issuance_id)))
        .order_by(Project.title, Issuance.id, ProjectParty.position)
    ).all()
    units: dict[int, int] = {}
    for row in rows:
        units[row.id] = units.get(row.id, 0) + left.get(row.issuance_id, 0)
    projects = list({row.id: row for row in rows}.values())[:MOST_ROWS]
    return render_template_string(PAGE, projects=projects, units=units)
