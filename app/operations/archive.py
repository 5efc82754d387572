"""What a backup is: a directory of files, and a manifest that names each with its size and hash."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import URL, make_url

SCHEMA = "tonne-backup-1"
MANIFEST = "manifest.json"
JOURNAL = "journal.jsonl"
FILES = "files"
DATABASES = {"sqlite": "database.sqlite", "postgresql": "database.dump"}
# What SQLite keeps beside a database: it belongs to that very file and to no copy.
BESIDE = ("-wal", "-shm", "-journal")


class BackupRefused(Exception):
    """A backup cannot be made, or is not restored; says why and what to do. Nothing was changed."""


@dataclass(frozen=True)
class Manifest:
    """What a backup holds. `made_at` (ISO 8601, UTC) is before anything in it was read."""

    version: str
    migration: str
    database: str
    made_at: str
    journal_head: str
    files: Mapping[str, Mapping[str, Any]]

    def write(self, directory: Path) -> None:
        """Write it last: a directory without it is no backup."""
        text = json.dumps({"schema": SCHEMA, **vars(self)}, indent=2, sort_keys=True)
        (directory / MANIFEST).write_text(text + "\n")

    @classmethod
    def read(cls, directory: Path) -> Manifest:
        """Read the manifest of a backup and check every file of it. Raises BackupRefused."""
        try:
            found = json.loads((directory / MANIFEST).read_text())
            if found.pop("schema") != SCHEMA:
                raise BackupRefused(f"{directory} was made by another product or a later version.")
            manifest = cls(**found)
        except (OSError, ValueError, KeyError, TypeError) as problem:
            raise BackupRefused(f"{directory} is no whole backup: its {MANIFEST} cannot be read.") from problem
        for name, known in manifest.files.items():
            path = directory / name
            if not path.resolve().is_relative_to(directory.resolve()):
                raise BackupRefused(f"{name} leads out of the backup.")
            if not path.is_file() or fingerprint(path) != known:
                raise BackupRefused(f"{name} is missing or was changed. Take another backup.")
        return manifest


def fingerprint(path: Path) -> dict[str, Any]:
    """Size and SHA-256 of a file."""
    with path.open("rb") as file:
        return {"size": path.stat().st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def sqlite_path(url: str) -> Path:
    """The file of an embedded database."""
    return Path(make_url(url).database or "")


def backend(url: str) -> str:
    """`sqlite` or `postgresql`."""
    return make_url(url).get_backend_name()


def postgres_command(program: str, url: str, *arguments: str) -> tuple[list[str], dict[str, str]]:
    """One of PostgreSQL's client programs for a database, and its environment: the password is on no command line.

    Raises BackupRefused where it is not installed.
    """
    found = shutil.which(program)
    if found is None:
        raise BackupRefused(f"{program} is missing: apt-get install postgresql-client.")
    parts: URL = make_url(url)
    plain = URL.create(
        "postgresql", parts.username, None, parts.host, parts.port, parts.database, parts.query
    ).render_as_string(hide_password=False)
    environment = dict(os.environ)
    if parts.password is not None:
        environment["PGPASSWORD"] = str(parts.password)
    return [found, f"--dbname={plain}", *arguments], environment


def run(command: list[str], environment: Mapping[str, str], **streams: Any) -> str:
    """Run a program to its end and give what it printed. Raises BackupRefused with its last words."""
    finished = subprocess.run(  # noqa: S603 - a program of PostgreSQL with words of ours
        command, env=dict(environment), capture_output=True, text=True, check=False, **streams
    )
    if finished.returncode != 0:
        raise BackupRefused(f"{Path(command[0]).name} failed: {finished.stderr.strip()[-500:]}")
    return finished.stdout
