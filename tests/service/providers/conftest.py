"""A project that somebody may speak for."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import select

from app.catalog.models import Project
from app.db import db
from tests.builders import an_offer


@pytest.fixture
def project_id(app: Flask) -> int:
    """The id of the project IN-1; its units on sale belong to a participant that was imported."""
    with app.app_context():
        an_offer()
        return int(db.session.scalars(select(Project.id).where(Project.reference == "IN-1")).one())
