"""Backing up: the database, the other embedded databases, the files of the instance, and the journal."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

from sqlalchemy import text

from app.config import Settings
from app.db import db
from app.operations import archive
from app.operations.archive import BESIDE, DATABASES, FILES, JOURNAL, BackupRefused, Manifest
from app.reconciliation.journal import FIRST, Journal
from app.version import VERSION
from app.web import compiled

PRIVATE = 0o077  # what others may not do with what is written


def back_up(settings: Settings, target: Path, now: datetime) -> Manifest:
    """Write a whole backup to a new directory that only this user can read, while the shop goes on.

    It appears under its name when it is complete. Raises BackupRefused.
    """
    if target.exists():
        raise BackupRefused(f"{target} is there already: a backup never overwrites one. Give another name.")
    if target.resolve().is_relative_to(settings.instance_path.resolve()):
        raise BackupRefused(
            f"{target} is inside INSTANCE_PATH: the next backup would hold this one. Give another name."
        )
    partial = target.with_name(f"{target.name}.partial")
    before = os.umask(PRIVATE)
    try:
        shutil.rmtree(partial, ignore_errors=True)
        (partial / FILES).mkdir(parents=True)
        manifest = _fill(settings, partial, now)
        manifest.write(partial)
        _settle(partial)
        partial.rename(target)
    finally:
        os.umask(before)
        shutil.rmtree(partial, ignore_errors=True)
    return manifest


def _fill(settings: Settings, directory: Path, now: datetime) -> Manifest:
    kind = archive.backend(settings.database_url)
    with db.engine.connect() as connection:
        migration = str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one())
    if kind == "sqlite":
        copy_sqlite(archive.sqlite_path(settings.database_url), directory / DATABASES[kind])
    else:
        dump = f"--file={directory / DATABASES[kind]}"
        archive.run(*archive.postgres_command("pg_dump", settings.database_url, "--format=custom", dump))
    for path in _files(settings):
        copy = directory / FILES / path.relative_to(settings.instance_path)
        copy.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".sqlite":
            copy_sqlite(path, copy)
        else:
            shutil.copyfile(path, copy)
    journal, head = Journal(settings.journal_path), FIRST
    if journal.is_there:
        # What was written after the database was read is no harm: it says what the copy does not know.
        shutil.copyfile(journal.path, directory / JOURNAL)
        head = Journal(directory / JOURNAL).head()
    files = {
        str(path.relative_to(directory)): archive.fingerprint(path)
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }
    return Manifest(VERSION, migration, kind, now.isoformat(), head, files)


def _files(settings: Settings) -> Iterator[Path]:
    """The files of the instance: without the database, the journal, what goes with a database or is made anew."""
    apart = {settings.journal_path.resolve()}
    made_anew = compiled.directory(settings).resolve()
    if archive.backend(settings.database_url) == "sqlite":
        apart.add(archive.sqlite_path(settings.database_url).resolve())
    for path in sorted(settings.instance_path.rglob("*")):
        is_ours = path.is_file() and not path.is_symlink() and not path.name.endswith(BESIDE)
        if is_ours and path.resolve() not in apart and not path.resolve().is_relative_to(made_anew):
            yield path


def copy_sqlite(source: Path, copy: Path) -> None:
    """Copy an embedded database as of one instant, whoever writes to it meanwhile."""
    address = f"{source.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(address, uri=True)) as reading, closing(sqlite3.connect(copy)) as into:
        reading.backup(into)
        into.execute("PRAGMA journal_mode=DELETE")


def _settle(directory: Path) -> None:
    """Be sure that all of it is on the disk before it gets its name."""
    for path in directory.rglob("*"):
        if path.is_file():
            path.chmod(0o600)
            with path.open("rb") as file:
                os.fsync(file.fileno())
