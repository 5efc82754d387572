"""Terms, privacy and imprint: the operator's files, a version for each day from which one is in force.

    <directory>/<language>/<name>@<day>.md      such as fr/terms@2026-12-01.md

A version is in force from its day, in UTC, until the day of the next one; earlier ones stay readable.
The files are read once, when the application is made.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path

from app.config import BadSettings
from app.content.document import Document, parse
from app.content.legal_values import KNOWN
from app.content.markdown import BadText
from app.kernel.languages import LANGUAGES

NAMES = ("terms", "privacy", "imprint")

_FILE = re.compile(rf"({'|'.join(NAMES)})@([0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}})\.md")


@dataclass(frozen=True)
class LegalText:
    """One version of one text, in every language; in force from the day `since`."""

    name: str
    since: date
    documents: Mapping[str, Document]

    @property
    def version(self) -> str:
        """What the version is called: its first day, such as `2026-11-01`."""
        return self.since.isoformat()


class LegalTexts:
    """Every version of every text, the oldest first."""

    def __init__(self, texts: Mapping[str, tuple[LegalText, ...]]) -> None:
        self._texts = texts

    def versions(self, name: str) -> tuple[LegalText, ...]:
        """All versions of a text, the oldest first; none for a name that there is no text of."""
        return self._texts.get(name, ())

    def in_force(self, name: str, on: date) -> LegalText:
        """The version in force on a day (UTC). Raises LookupError when there is none."""
        for text in reversed(self.versions(name)):
            if text.since <= on:
                return text
        raise LookupError(name)

    def find(self, name: str, version: str) -> LegalText | None:
        """One version of a text, or None."""
        return next((text for text in self.versions(name) if text.version == version), None)

    def last_day(self, text: LegalText) -> date | None:
        """The last day on which a version is in force, or None while no later version is known."""
        later = [other.since for other in self.versions(text.name) if other.since > text.since]
        return min(later) - timedelta(days=1) if later else None

    def terms_version(self, on: date) -> str:
        """The version of the terms of sale in force on a day (UTC); what an order keeps."""
        return self.in_force("terms", on).version


def load(directory: Path, today: date) -> LegalTexts:
    """Read every text in a directory, and see that each name has a version in force `today` (UTC).

    Raises BadSettings with a sentence for each file that cannot be used and each gap.
    """
    if not directory.is_dir():
        raise BadSettings([f"LEGAL_TEXTS must be a directory of legal texts, and {directory} is none"])
    problems: list[str] = []
    found: dict[tuple[str, date], dict[str, Document]] = {}
    for language in LANGUAGES:
        for path in sorted((directory / language).glob("*.md")):
            try:
                key = _key(path)
                found.setdefault(key, {})[language] = _read(path, language)
            except BadText as problem:
                problems.append(f"LEGAL_TEXTS: {language}/{path.name} {problem}")
    # A file that cannot be used has been named; what is missing is judged when all can be.
    if not problems:
        problems.extend(_gaps(found, today))
    if problems:
        raise BadSettings(problems)
    versions = [LegalText(name, since, documents) for (name, since), documents in sorted(found.items())]
    return LegalTexts({name: tuple(text for text in versions if text.name == name) for name in NAMES})


def _key(path: Path) -> tuple[str, date]:
    named = _FILE.fullmatch(path.name)
    try:
        if named:
            return named[1], date.fromisoformat(named[2])
    except ValueError:
        pass  # the calendar has no such day
    raise BadText(f"must be named like terms@2026-12-01.md, with one of {', '.join(NAMES)} and a day")


def _read(path: Path, language: str) -> Document:
    try:
        document = _parsed(path.read_text(encoding="utf-8"), language)
    except (OSError, UnicodeDecodeError, BadText) as problem:
        raise BadText(f"cannot be read: {problem}") from problem
    unknown = (document.placeholders | document.parts) - KNOWN
    if unknown:
        raise BadText(f"has a placeholder that nobody knows: {', '.join(sorted(unknown))}")
    return document


@cache
def _parsed(text: str, language: str) -> Document:
    return parse(text, language)


def _gaps(found: Mapping[tuple[str, date], Mapping[str, Document]], today: date) -> Iterator[str]:
    for (name, since), documents in sorted(found.items()):
        missing = [language for language in LANGUAGES if language not in documents]
        if missing:
            yield f"LEGAL_TEXTS: {name}@{since} is missing in {', '.join(missing)}"
    for name in NAMES:
        if not any(known == name and since <= today for known, since in found):
            yield f"LEGAL_TEXTS: no version of {name} is in force on {today}"
