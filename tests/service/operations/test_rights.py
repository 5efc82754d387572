"""The services sell, cancel, certify and back up in PostgreSQL with a role that can do nothing to the tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask, current_app
from sqlalchemy import func, make_url, select, text
from sqlalchemy.exc import ProgrammingError

from app.audit.models import Act
from app.audit.service import Subject, write_note
from app.certificates.models import Certificate
from app.db import StateEvent, db
from app.fulfilment.process import Collaborators, collaborators
from app.jobs import make_huey
from app.kernel.clock import FixedClock
from app.operations import check_tables
from app.operations.backup import back_up
from app.operations.findings import Level
from app.operations.patient import Limits, Patient
from tests.builders import NOW, a_finished_order, an_offer
from tests.conftest import AppMaker
from tests.fakes import FakeGateway, FakeMailer, FakeRenderer, scripted
from tests.people import actor_of, an_operator

on_postgresql = pytest.mark.parametrize("db_url", ["postgresql"], indirect=True)


@pytest.fixture
def services(make_app: AppMaker, db_url: str) -> Iterator[Flask]:
    """The application as the services run it: under a role that was granted their rights, and no more."""
    role = f"services_{uuid4().hex[:12]}"
    with make_app().app_context():
        with db.engine.begin() as connection:
            connection.execute(text(f"CREATE ROLE {role} LOGIN PASSWORD 'theirs'"))
        said = run(role)
        assert said.exit_code == 0, said.output
        assert said.output.startswith(f"{role} reads and writes rows, changes no record of what happened")
    theirs = make_url(db_url).set(username=role, password="theirs").render_as_string(hide_password=False)
    app = make_app(DATABASE_URL=theirs)
    with app.app_context():
        yield app


def run(*arguments: str) -> Any:
    """A command, as the keeper types it."""
    return current_app.test_cli_runner().invoke(args=["grant", *arguments])


def refused(statement: str) -> bool:
    """Whether PostgreSQL itself forbids this role to say that."""
    with pytest.raises(ProgrammingError) as said, db.engine.begin() as connection:
        connection.execute(text(statement))
    return "permission denied" in str(said.value) or "must be owner" in str(said.value)


@on_postgresql
def test_the_services_sell_cancel_certify_and_back_up_with_no_right_but_to_rows(
    services: Flask, tmp_path: Path
) -> None:
    settings = services.extensions["tonne.settings"]
    world = Collaborators(
        gateway=FakeGateway(),
        registries=scripted(services.extensions["tonne.registries"]),
        renderer=FakeRenderer(),
        mailer=FakeMailer(),
        settings=settings,
        clock=FixedClock(NOW),
    )

    a_finished_order(world, {an_offer(): 10})
    write_note(actor_of(an_operator()), Subject("order", 1, "T-1"), "Looked at.", NOW)

    assert [db.session.scalar(select(func.count()).select_from(rows)) for rows in (Certificate, Act)] == [1, 1]
    assert db.session.scalar(select(func.count()).select_from(StateEvent)) > 5
    db.session.remove()
    kept = back_up(settings, tmp_path.parent / f"{tmp_path.name}-kept", NOW)
    assert kept.database == "postgresql"


@on_postgresql
def test_the_services_cannot_change_what_happened_nor_the_tables(services: Flask) -> None:
    assert refused("UPDATE act SET reason = 'another'")
    assert refused("DELETE FROM act")
    assert refused("UPDATE state_event SET to_state = 'paid'")
    assert refused("DELETE FROM state_event")
    assert refused("UPDATE alembic_version SET version_num = '0001'")
    assert refused("TRUNCATE purchase_order")
    assert refused("DROP TABLE purchase_order")
    assert refused("ALTER TABLE act DISABLE TRIGGER ALL")
    assert refused("DROP TRIGGER act_stays ON act")
    assert refused("CREATE TABLE mine (id int)")


@on_postgresql
def test_the_queue_works_without_a_right_to_make_its_tables(services: Flask) -> None:
    settings = replace(services.extensions["tonne.settings"], environment="development")
    queue = make_huey(settings)

    @queue.task(name="hint")
    def hint() -> None:
        """Nothing is done: only the hint is looked at."""

    hint()

    assert queue.pending_count() == 1
    assert queue.dequeue().name == "hint"
    queue.storage.close()


@on_postgresql
def test_the_doctor_warns_of_services_that_own_the_tables(context: Flask, make_app: AppMaker) -> None:
    def said(app: Flask, environment: str) -> list[Level]:
        settings = replace(app.extensions["tonne.settings"], environment=environment)
        patient = Patient(settings, collaborators(app), online=False, limits=Limits())
        return [finding.level for finding in check_tables.rights(patient)]

    assert said(context, "development") == []
    assert said(context, "production") == [Level.WARNING]


@on_postgresql
def test_the_doctor_is_content_with_services_that_own_nothing(services: Flask) -> None:
    settings = replace(services.extensions["tonne.settings"], environment="production")
    patient = Patient(settings, collaborators(services), online=False, limits=Limits())

    (found,) = check_tables.rights(patient)

    assert (found.check, found.level) == ("rights", Level.OK)


@on_postgresql
def test_a_role_that_is_not_there_is_refused_in_words(context: Flask) -> None:
    said = run("nobody_of_that_name")

    assert said.exit_code == 1
    assert 'role "nobody_of_that_name" does not exist' in said.output
    assert "Nothing was changed." in said.output


@pytest.mark.parametrize("db_url", ["sqlite"], indirect=True)
def test_sqlite_has_no_roles(context: Flask) -> None:
    said = run("tonne")

    assert said.exit_code == 1
    assert "SQLite has no roles" in said.output
