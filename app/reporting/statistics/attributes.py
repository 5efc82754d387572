"""What is known of the projects in the published books: type and region, for those whose attributes we were given."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sqlalchemy import select

from app.catalog.models import Project
from app.db import db

FILE = Path(__file__).parents[1] / "data" / "known_projects.csv"


@dataclass(frozen=True, slots=True)
class Attributes:
    """A project's type (UNEP's code) and region (the UN's name of it in English)."""

    project_type: str
    region: str


def known_projects() -> Mapping[int, Attributes]:
    """The attributes of known projects by project number: those in the product, and the catalogue before them."""
    rows = db.session.execute(select(Project.reference_number, Project.project_type, Project.region))
    return {**_in_the_product(), **{number: Attributes(project_type, region) for number, project_type, region in rows}}


@cache
def _in_the_product() -> Mapping[int, Attributes]:
    with FILE.open(encoding="utf-8", newline="") as file:
        return {int(row["number"]): Attributes(row["type"], row["region"]) for row in csv.DictReader(file)}
