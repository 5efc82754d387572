"""What the doctor finds: one line for each thing that was looked at."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is. A warning will hurt somebody one day; a problem hurts now."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"

    @property
    def exit_code(self) -> int:
        """What a program that only looks at the code is told."""
        return list(Level).index(self)


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: how it stands, and what to do about it unless it is well."""

    check: str
    level: Level
    words: str


def ok(check: str, words: str) -> Finding:
    """It is well."""
    return Finding(check, Level.OK, words)


def warning(check: str, words: str) -> Finding:
    """It works, but should not stay so."""
    return Finding(check, Level.WARNING, words)


def problem(check: str, words: str) -> Finding:
    """It does not work."""
    return Finding(check, Level.PROBLEM, words)


def worst(findings: list[Finding]) -> Level:
    """The worst of all; well when nothing was looked at."""
    return max((finding.level for finding in findings), key=lambda level: level.exit_code, default=Level.OK)
