"""Coming back from a backup: checked first, then in one transaction, and nothing irreversible is done afterwards.

The restoration hold is written in the very transaction that brings the tables back, so no worker ever sees
yesterday's orders without it.
"""

from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from flask import current_app
from flask_migrate import upgrade
from sqlalchemy import inspect, select

from app.config import Settings
from app.db import db
from app.jobs.models import RestorationHold
from app.kernel.clock import Clock
from app.operations import archive
from app.operations.archive import DATABASES, FILES, JOURNAL, BackupRefused, Manifest
from app.reconciliation.errors import JournalBroken
from app.reconciliation.journal import Journal
from app.reconciliation.replay import Replayed, replay

HOLD = "INSERT INTO {table} (backup_made_at, restored_at, is_journal_kept) VALUES ('{made}', '{now}', {kept})"
# What is there goes first, in the same transaction: tables of another version must not stay.
DROP_ALL = """
DO $$ DECLARE found record; BEGIN
    FOR found IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
        EXECUTE format('DROP TABLE public.%I CASCADE', found.tablename);
    END LOOP;
    FOR found IN SELECT oid::regprocedure AS name FROM pg_proc WHERE pronamespace = 'public'::regnamespace
        AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e') LOOP
        EXECUTE format('DROP FUNCTION %s CASCADE', found.name);
    END LOOP;
END $$;
"""


def restore(settings: Settings, source: Path, clock: Clock, *, is_replacing: bool) -> tuple[Manifest, Replayed]:
    """Put a backup in place of what is there, put the hold up, and learn from the journal what it forgot.

    A database with tables in it is replaced only where `is_replacing`. Raises BackupRefused, with nothing changed;
    or JournalBroken after the restore, when the hold stands and the journal has to be looked at.
    """
    manifest = Manifest.read(source)
    _require_fit(settings, manifest, is_replacing=is_replacing)
    is_there = _require_journal(settings, manifest)
    is_kept = is_there and not _was_lost(settings)
    db.session.remove()
    db.engine.dispose()
    if manifest.database == "sqlite":
        _sqlite(settings, source, manifest, clock.now(), is_kept=is_kept)
    else:
        _postgresql(settings, source, manifest, clock.now(), is_kept=is_kept)
    # Only now: a journal from a backup must not be taken for our own by the next try after one that was refused.
    _files(settings, source, manifest)
    if not is_there and JOURNAL in manifest.files:
        settings.journal_path.parent.mkdir(parents=True, exist_ok=True)
        _put(source / JOURNAL, settings.journal_path)
    migrations = current_app.extensions["migrate"].directory
    if manifest.migration != _head():
        upgrade(directory=migrations)
    return manifest, replay(Journal(settings.journal_path), clock.now())


def _require_fit(settings: Settings, manifest: Manifest, *, is_replacing: bool) -> None:
    kind = archive.backend(settings.database_url)
    if manifest.database != kind:
        raise BackupRefused(f"The backup is of {manifest.database}, and DATABASE_URL names {kind}.")
    try:
        _scripts().get_revision(manifest.migration)
    except CommandError:
        raise BackupRefused(f"The backup has tables of migration {manifest.migration}: take that version.") from None
    if kind == "sqlite" and not archive.sqlite_path(settings.database_url).exists():
        return
    if inspect(db.engine).get_table_names() and not is_replacing:
        raise BackupRefused("The database has tables already. With --replace all that is in it is lost.")


def _require_journal(settings: Settings, manifest: Manifest) -> bool:
    """Whether a journal of this copy is there. One that does not go on from the backup's is somebody else's."""
    journal = Journal(settings.journal_path)
    if not journal.is_there:
        return False
    try:
        is_ours = journal.has(manifest.journal_head)
    except JournalBroken as broken:
        raise BackupRefused(f"The journal cannot be true: {broken}. Put the right one to {journal.path}.") from broken
    if not is_ours:
        raise BackupRefused(f"{journal.path} does not go on from the journal in the backup: put the right one there.")
    return True


def _was_lost(settings: Settings) -> bool:
    """Whether a hold stands already that says that the journal is lost: what is there is a copy from a backup."""
    if archive.backend(settings.database_url) == "sqlite" and not archive.sqlite_path(settings.database_url).exists():
        return False
    if not inspect(db.engine).has_table(RestorationHold.__tablename__):
        return False
    holds = select(RestorationHold.id).where(RestorationHold.lifted_at.is_(None), ~RestorationHold.is_journal_kept)
    return db.session.scalar(holds.limit(1)) is not None


def _scripts() -> ScriptDirectory:
    migrations = current_app.extensions["migrate"]
    return ScriptDirectory.from_config(migrations.migrate.get_config(migrations.directory))


def _head() -> str:
    return str(_scripts().get_current_head())


def _files(settings: Settings, source: Path, manifest: Manifest) -> None:
    for name in manifest.files:
        path = Path(name)
        if path.parts[0] == FILES:
            target = settings.instance_path.joinpath(*path.parts[1:])
            target.parent.mkdir(parents=True, exist_ok=True)
            for beside in archive.BESIDE:
                target.with_name(target.name + beside).unlink(missing_ok=True)
            _put(source / name, target)


def _put(source: Path, target: Path) -> None:
    """Put a file in its place, whole or not at all, for this user only."""
    partial = target.with_name(f"{target.name}.partial")
    shutil.copyfile(source, partial)
    partial.chmod(0o600)
    partial.replace(target)


def _hold(table: str, manifest: Manifest, now: datetime, *, is_kept: bool, is_zoned: bool) -> str:
    """The statement that puts the hold up. Both instants are our own; nothing typed is in it."""
    made, restored = (
        at.astimezone(UTC).isoformat(sep=" ", timespec="microseconds") if is_zoned
        else at.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")
        for at in (datetime.fromisoformat(manifest.made_at), now)
    )  # fmt: skip
    kept = ("true" if is_kept else "false") if is_zoned else int(is_kept)
    return HOLD.format(table=table, made=made, now=restored, kept=kept)


def _sqlite(settings: Settings, source: Path, manifest: Manifest, now: datetime, *, is_kept: bool) -> None:
    """Write the copy with the hold over the live file in one transaction, which processes that have it open survive."""
    target = archive.sqlite_path(settings.database_url)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.partial")
    shutil.copyfile(source / DATABASES["sqlite"], partial)
    try:
        with closing(sqlite3.connect(partial)) as copy:
            copy.execute(_hold("restoration_hold", manifest, now, is_kept=is_kept, is_zoned=False))
            copy.commit()
            with closing(sqlite3.connect(target, timeout=30)) as live:
                copy.backup(live)
        target.chmod(0o600)
    except sqlite3.Error as problem:
        raise BackupRefused(f"The database could not be written, and nothing was changed: {problem}") from problem
    finally:
        partial.unlink()


def _postgresql(settings: Settings, source: Path, manifest: Manifest, now: datetime, *, is_kept: bool) -> None:
    """Drop what is there, bring the tables back and put the hold up: one transaction of one connection."""
    into, environment = archive.postgres_command(
        "psql", settings.database_url, "--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1"
    )
    reading = [
        archive.postgres_command("pg_restore", settings.database_url)[0][0],
        "--no-owner", "--no-privileges", "--no-comments", "--file=-", str(source / DATABASES["postgresql"]),
    ]  # fmt: skip
    hold = _hold("public.restoration_hold", manifest, now, is_kept=is_kept, is_zoned=True)
    with subprocess.Popen(  # noqa: S603 - programs of PostgreSQL with words of ours
        into, env=environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as writer:
        stream = writer.stdin
        if stream is None:
            raise BackupRefused("psql takes nothing.")
        try:
            stream.write(DROP_ALL.encode())
            stream.flush()
            finished = subprocess.run(  # noqa: S603 - as above
                reading, stdout=stream, stderr=subprocess.PIPE, check=False
            )
            # Where psql has stopped, pg_restore ends by SIGPIPE and has nothing to say; psql has.
            if finished.returncode not in (0, -signal.SIGPIPE):
                writer.kill()  # what it has done so far is undone
                said = finished.stderr.decode(errors="replace").strip()[-500:]
                raise BackupRefused(f"pg_restore failed, and nothing was changed: {said}")
            stream.write(f"\n{hold};\n".encode())
        except BrokenPipeError:
            pass  # psql has stopped, and says why
        said = writer.communicate()[1].decode(errors="replace").strip()
    if writer.returncode != 0:
        raise BackupRefused(f"psql failed, and nothing was changed: {said[-500:]}")
