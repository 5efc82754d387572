"""A backup is whole or not there; a restore checks it first, replaces only what it may, and holds everything back."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from flask import current_app
from sqlalchemy import select, text

from app.catalog.models import Project
from app.config import Settings
from app.db import db, transaction
from app.fulfilment.process import Collaborators
from app.jobs import hold
from app.operations import archive, restore
from app.operations.archive import BackupRefused
from app.operations.backup import back_up
from app.reconciliation import journalling
from app.reconciliation.journal import Journal
from tests.builders import NOW, a_finished_order, an_offer, pass_time
from tests.service.reconciliation.coming_back import come_back, effects, journal_of, keep


@pytest.fixture
def kept(world: Collaborators) -> Path:
    """A backup of a shop that sold something."""
    (world.settings.instance_path / "factors.csv").write_text("as they were")
    a_finished_order(world, {an_offer(): 10})
    journalling.catch_up(journal_of(world), NOW)
    return keep(world)


def refused(world: Collaborators, source: Path, *, is_replacing: bool = True) -> str:
    """Why a restore is refused."""
    with pytest.raises(BackupRefused) as said:
        restore.restore(world.settings, source, world.clock, is_replacing=is_replacing)
    assert not hold.stands(), "nothing was changed"
    return str(said.value)


def run(*arguments: str) -> Any:
    """A command, as the keeper types it."""
    return current_app.test_cli_runner().invoke(args=list(arguments))


def test_a_backup_has_database_files_and_journal_for_this_user_only(world: Collaborators) -> None:
    instance = world.settings.instance_path
    (instance / "factors").mkdir()
    (instance / "factors" / "air.csv").write_text("a,b\n")
    (instance / "compiled").mkdir()
    (instance / "compiled" / "template").write_text("made anew by whoever needs it")
    other = sqlite3.connect(instance / "jobs.sqlite")
    other.execute("CREATE TABLE task (data BLOB)")
    other.execute("INSERT INTO task VALUES ('hint')")
    other.commit()
    a_finished_order(world, {an_offer(): 10})
    journalling.catch_up(journal_of(world), NOW)

    target = keep(world)
    other.close()

    names = {str(path.relative_to(target)) for path in target.rglob("*") if path.is_file()}
    database = archive.DATABASES[archive.backend(world.settings.database_url)]
    assert {"manifest.json", database, "journal.jsonl", "files/factors/air.csv", "files/jobs.sqlite"} <= names
    assert not any(name.endswith(("-wal", "-shm", ".partial")) or "compiled" in name for name in names)
    assert {oct(path.stat().st_mode)[-2:] for path in [target, *target.rglob("*")]} == {"00"}
    copy = sqlite3.connect(target / "files" / "jobs.sqlite")
    assert copy.execute("SELECT data FROM task").fetchall() == [("hint",)]
    copy.close()
    manifest = json.loads((target / "manifest.json").read_text())
    assert manifest["migration"] == db.session.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
    assert set(manifest["files"]) == names - {"manifest.json"}


def test_a_backup_never_overwrites_one(world: Collaborators, kept: Path) -> None:
    with pytest.raises(BackupRefused, match="there already"):
        back_up(world.settings, kept, NOW)


def test_a_backup_never_lies_among_what_is_backed_up(world: Collaborators) -> None:
    inside = world.settings.instance_path / "backups" / "monday"
    with pytest.raises(BackupRefused, match="inside INSTANCE_PATH"):
        back_up(world.settings, inside, NOW)
    assert not inside.parent.exists()


def test_a_restore_brings_back_rows_and_files_and_puts_the_hold_up(world: Collaborators, kept: Path) -> None:
    known = effects()
    with transaction() as session:
        session.execute(text("UPDATE project SET title = 'wrong'"))
    db.session.rollback()

    come_back(world, kept)

    assert db.session.scalars(select(Project.title)).all() == ["Wind power project number 1"]
    assert effects() == known
    standing = hold.find_standing()
    assert standing is not None
    assert (standing.backup_made_at, standing.restored_at, standing.is_journal_kept) == (NOW, NOW, True)
    assert standing.replayed_at == NOW


def test_a_database_with_tables_is_replaced_only_when_told_so(world: Collaborators, kept: Path) -> None:
    assert "--replace" in refused(world, kept, is_replacing=False)


@pytest.mark.parametrize("what", ["changed", "missing", "no manifest", "other schema", "outside"])
def test_a_backup_that_is_not_whole_is_refused(world: Collaborators, kept: Path, what: str) -> None:
    manifest = kept / "manifest.json"
    found = json.loads(manifest.read_text())
    if what == "changed":
        (kept / "journal.jsonl").write_text("{}\n")
    elif what == "missing":
        (kept / "journal.jsonl").unlink()
    elif what == "no manifest":
        manifest.unlink()
    elif what == "other schema":
        manifest.write_text(json.dumps(found | {"schema": "other"}))
    else:
        manifest.write_text(json.dumps(found | {"files": {"../x": {}}}))

    assert refused(world, kept)


@pytest.mark.parametrize(
    ("change", "words"), [({"database": "other"}, "DATABASE_URL"), ({"migration": "9999"}, "9999")]
)
def test_a_backup_of_something_else_is_refused(
    world: Collaborators, kept: Path, change: dict[str, str], words: str
) -> None:
    manifest = kept / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | change))

    assert words in refused(world, kept)


def test_a_journal_that_is_not_the_backups_is_refused(world: Collaborators, kept: Path) -> None:
    path = world.settings.journal_path
    path.unlink()
    Journal(path).append([{"kind": "begun"}])
    assert "does not go on" in refused(world, kept)
    path.write_text("nonsense\n")
    assert "cannot be true" in refused(world, kept)


def test_a_lost_journal_is_taken_from_the_backup_and_the_hold_says_so(world: Collaborators, kept: Path) -> None:
    world.settings.journal_path.unlink()

    come_back(world, kept)

    assert Journal(world.settings.journal_path).is_there
    standing = hold.find_standing()
    assert standing is not None
    assert not standing.is_journal_kept


def test_a_lost_journal_stays_lost_when_the_backup_is_restored_once_more(world: Collaborators, kept: Path) -> None:
    world.settings.journal_path.unlink()
    come_back(world, kept)

    come_back(world, kept)

    standing = hold.find_standing()
    assert standing is not None
    assert not standing.is_journal_kept, "what lies there is the backup's own copy"


def test_a_dump_that_cannot_be_read_changes_nothing(world: Collaborators, kept: Path) -> None:
    name = archive.DATABASES[archive.backend(world.settings.database_url)]
    (kept / name).write_bytes(b"PGDMP nonsense")
    manifest = json.loads((kept / "manifest.json").read_text())
    manifest["files"][name] = archive.fingerprint(kept / name)
    (kept / "manifest.json").write_text(json.dumps(manifest))

    assert "nothing was changed" in refused(world, kept)
    assert list(effects().values()) == [10]


def test_what_the_database_says_no_to_changes_nothing(
    world: Collaborators, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restore, "HOLD", "INSERT INTO nowhere VALUES ('{made}{now}{table}{kept}')")
    world.settings.journal_path.unlink()
    factors = world.settings.instance_path / "factors.csv"
    factors.write_text("newer")

    assert "nothing was changed" in refused(world, kept)
    assert list(effects().values()) == [10]
    assert not world.settings.journal_path.exists(), "the next try must not take the backup's copy for our own"
    assert factors.read_text() == "newer"


def test_a_program_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    with pytest.raises(BackupRefused, match="postgresql-client"):
        archive.postgres_command("pg_dump", "postgresql://tonne:secret@db/tonne")


def test_no_password_stands_on_a_command_line() -> None:
    command, environment = archive.postgres_command("pg_dump", "postgresql+psycopg://tonne:secret@db/tonne?sslmode=x")

    assert command[1] == "--dbname=postgresql://tonne@db/tonne?sslmode=x"
    assert environment["PGPASSWORD"] == "secret"


def test_a_program_that_fails_is_quoted() -> None:
    with pytest.raises(BackupRefused, match="failed"):
        archive.run(["/bin/false"], {})


def test_the_keeper_backs_up_restores_and_reconciles_by_commands(world: Collaborators, tmp_path: Path) -> None:
    a_finished_order(world, {an_offer(): 10})
    db.session.rollback()
    target = str(tmp_path.parent / f"{tmp_path.name}-typed")

    done = run("backup", target)
    assert done.exit_code == 0, done.output
    assert "files" in done.output
    again = run("backup", target)
    assert again.exit_code == 1
    assert "Nothing was written." in again.output
    assert run("restore", target).exit_code == 1
    pass_time(world, minutes=1)
    back = run("restore", target, "--replace")
    assert back.exit_code == 0, back.output
    assert "two operators lift the hold" in back.output
    compared = run("reconcile")
    assert compared.exit_code == 0, compared.output
    assert "Differences: none." in compared.output
    assert "The restoration hold stands" in compared.output


def test_a_broken_journal_is_told_after_the_restore_and_the_hold_stands(
    world: Collaborators, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restore, "_require_journal", lambda settings, manifest: True)
    world.settings.journal_path.write_text("nonsense\n")
    db.session.rollback()

    back = run("restore", str(kept), "--replace")

    assert back.exit_code == 1
    assert "Restored, and the hold stands" in back.output
    assert hold.stands()
    db.session.rollback()
    assert "The journal cannot be true" in run("reconcile").output


def test_settings_name_the_journal() -> None:
    env = {"SECRET_KEY": "x" * 40, "TESTPAY_SECRET": "y" * 40, "INSTANCE_PATH": "/a"}

    assert Settings.from_environment(env).journal_path == Path("/a/journal.jsonl")
    assert Settings.from_environment(env | {"JOURNAL_PATH": "/b/j"}).journal_path == Path("/b/j")
