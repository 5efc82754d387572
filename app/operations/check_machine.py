"""What the doctor sees of the machine and of the files of this copy."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from flask import current_app

from app.kernel.languages import DEFAULT_LANGUAGE, LANGUAGES
from app.kernel.sealing import SealBroken, SealFor, seal_text, unseal_text
from app.operations.findings import Finding, ok, problem, warning
from app.operations.patient import MEGABYTE, Patient

# A letter of each script that names on certificates are written in, and the Debian package that brings it.
SCRIPTS = {
    "Latin": ("A", "fonts-noto-core"),
    "Arabic": ("ع", "fonts-noto-core"),
    "Chinese, Japanese and Korean": ("中", "fonts-noto-cjk"),
    "Devanagari": ("अ", "fonts-noto-core"),
}
# Without these no page looks as it should, and no certificate can be drawn.
STATIC_FILES = ("css/tonne.css", "css/rooms.css", "css/certificate.css", "js/tonne.js", "img/favicon.svg")
FEWEST_DIFFERENT_CHARACTERS = 10


def keys(patient: Patient) -> Iterator[Finding]:
    """SECRET_KEY is a real secret and seals; the gateway’s key belongs to what this copy is for."""
    settings = patient.settings
    if len(set(settings.secret_key)) < FEWEST_DIFFERENT_CHARACTERS:
        yield problem("keys", "SECRET_KEY can be guessed: take one from openssl rand -hex 32.")
    try:
        sealed = seal_text("Tonne", settings.keyring, SealFor.SELF_TEST)
        if unseal_text(sealed, settings.keyring, SealFor.SELF_TEST) != "Tonne":
            raise SealBroken
    except SealBroken:
        yield problem("keys", "What is sealed with SECRET_KEY cannot be opened again: install cryptography anew.")
    else:
        yield ok("keys", "SECRET_KEY seals and opens.")
    company = settings.payment_company
    if company is None:
        yield ok("keys", "The test gateway takes no real money.")
    elif not settings.takes_real_money:
        yield ok("keys", f"{company}’s key is a test key: no real money moves.")
    elif settings.is_production:
        yield ok("keys", f"{company}’s key is a live one.")
    else:
        yield problem("keys", f"{company}’s key takes real money in {settings.environment}: use a test key.")


def disk(patient: Patient) -> Iterator[Finding]:
    """There is room where the databases lie and where programs work."""
    for name, path in (
        ("INSTANCE_PATH", patient.settings.instance_path),
        ("JOURNAL_PATH", patient.settings.journal_path.parent),
        ("temporary files", Path(tempfile.gettempdir())),
    ):
        yield _room(name, path, patient)


def _room(name: str, path: Path, patient: Patient) -> Finding:
    try:
        found = os.statvfs(path)
    except OSError as error:
        return problem("disk", f"{name}: {path} cannot be looked at ({error.strerror}).")
    limits, free, inodes = patient.limits, found.f_bavail * found.f_frsize, found.f_favail
    # Some file systems make as many inodes as are needed, and say 0.
    inodes_left = inodes if found.f_files else limits.inodes_few
    words = f"{name}: {free // MEGABYTE} MB and {inodes} inodes free in {path}"
    if not os.access(path, os.W_OK):
        return problem("disk", f"{name}: {path} cannot be written by this user.")
    if free < limits.bytes_too_few or inodes_left < limits.inodes_too_few:
        return problem("disk", f"{words}: make room now, before a payment cannot be recorded.")
    if free < limits.bytes_few or inodes_left < limits.inodes_few:
        return warning("disk", f"{words}: make room soon.")
    return ok("disk", f"{words}.")


def fonts(patient: Patient) -> Iterator[Finding]:
    """Every script that a name may be written in can be drawn, and quickly."""
    for lack in patient.world.renderer.health():
        yield problem("fonts", lack)
    program = shutil.which("fc-list")
    if program is None:
        yield problem("fonts", "fc-list is missing: apt-get install fontconfig.")
        return
    missing = [(script, package) for script, (letter, package) in SCRIPTS.items() if not _has_letter(program, letter)]
    for script, package in missing:
        yield problem("fonts", f"No font has {script}: names become empty boxes. apt-get install {package}.")
    if not missing:
        yield ok("fonts", f"There are fonts for {'; '.join(SCRIPTS)}.")


def _has_letter(program: str, letter: str) -> bool:
    asked = [program, f":charset={ord(letter):x}", "family"]
    answer = subprocess.run(asked, capture_output=True, timeout=20, check=False)  # noqa: S603 - our own words
    return bool(answer.stdout.strip())


def translations(_patient: Patient) -> Iterator[Finding]:
    """Every catalogue is compiled, and from the texts that are there."""
    stale = []
    for language in LANGUAGES:
        source = Path(current_app.root_path) / "translations" / language / "LC_MESSAGES" / "messages.po"
        compiled = source.with_suffix(".mo")
        if language == DEFAULT_LANGUAGE or not source.exists():
            continue
        if not compiled.exists() or compiled.stat().st_mtime_ns < source.stat().st_mtime_ns:
            stale.append(language)
    if stale:
        yield problem(
            "translations", f"Not compiled: {', '.join(stale)}. pybabel compile -d app/translations, then restart."
        )
    else:
        yield ok("translations", "All languages are compiled.")


def static_files(_patient: Patient) -> Iterator[Finding]:
    """Styles, script and icon are where the pages look for them."""
    folder = Path(current_app.static_folder or "")
    missing = [name for name in STATIC_FILES if not (folder / name).is_file()]
    if missing:
        yield problem("static", f"Missing in {folder}: {', '.join(missing)}. Check the files out again.")
    else:
        yield ok("static", "Styles, script and icon are there.")
