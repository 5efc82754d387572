"""The trail is only ever appended to: the database itself refuses everything else."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import Executable, delete, func, select, update
from sqlalchemy.exc import DBAPIError

from app.audit.models import Act
from app.audit.service import Actor, Subject, note_act
from app.db import db, transaction
from tests.builders import NOW


@pytest.mark.parametrize("statement", [update(Act).values(actor="nobody"), delete(Act)])
def test_no_act_is_changed_or_deleted_whatever_is_tried(context: Flask, statement: Executable) -> None:
    with transaction():
        note_act(Actor(None, "command"), "operator_added", Subject("person", 1, "eva@tonne.example"), at=NOW)

    with pytest.raises(DBAPIError, match="never changed or deleted"), transaction() as session:
        session.execute(statement)

    assert db.session.scalars(select(Act.actor)).all() == ["command"]
    assert db.session.scalar(select(func.count()).select_from(Act)) == 1
