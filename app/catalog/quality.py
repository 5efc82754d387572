"""Quality facts about a project: what others decided and said, each with source and date. Never a score.

The data files beside this module hold facts of named public sources only. What they do not
mention is unknown here, and the page says so.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Literal

from app.catalog.models import Project

Decision = Literal["approved", "conditional", "rejected", "unknown"]

DATA = Path(__file__).parent / "data"

_DECIDED: Mapping[str, Decision] = {"approved": "approved", "conditional": "conditional", "rejected": "rejected"}

_VERSION = re.compile(r"\s+(?:v|ver\.?|version)\s*(?P<number>[0-9][0-9.]*)$", re.IGNORECASE)


@dataclass(frozen=True)
class Source:
    """Who said it, where and when. The name stays in the language of the source, English."""

    name: str
    url: str
    dated_on: date | None  # None where the source has no date


# CMP 16 closed the CDM for reductions after 2020 (shared/domain.md 9.1 [BENG]).
KYOTO_PERIODS = Source(
    "UNFCCC: Transition of CDM activities to the Article 6.4 mechanism, with frequently asked questions",
    "https://unfccc.int/process-and-meetings/the-paris-agreement/paris-agreement-crediting-mechanism/"
    "transition-of-cdm-activities-to-article-64-mechanism",
    None,
)


@dataclass(frozen=True)
class Versions:
    """The versions of a methodology that a decision is for, the last one included."""

    first: int
    last: int

    def include(self, version: str) -> bool:
        """Whether `version`, such as `12.1`, is one of them."""
        return self.first <= int(version.split(".", maxsplit=1)[0]) <= self.last


@dataclass(frozen=True)
class MethodologyFact:
    """One methodology of a project, its version if known, and what the ICVCM decided on its CCP label.

    `conditional` is an approval whose conditions nobody has checked for the project. `versions` are
    those it is for; where the project uses another one, the decision on that one is unknown.
    """

    name: str
    version: str | None
    decision: Decision
    source: Source | None  # none where no decision was found
    versions: Versions | None = None


@dataclass(frozen=True)
class Criticism:
    """Public criticism of projects of this kind; `code` has its sentence in `quality_words`."""

    code: str
    source: Source


@dataclass(frozen=True)
class QualityFacts:
    """What is known of a project's quality; ages in whole years since the end of monitoring periods on offer."""

    methodologies: tuple[MethodologyFact, ...]
    youngest: int | None
    oldest: int | None
    criticism: tuple[Criticism, ...]
    adjustment_source: Source = KYOTO_PERIODS


def quality_facts(project: Project, monitoring_ends_on: Iterable[date], today: date) -> QualityFacts:
    """The facts for a project with monitoring periods on offer that ended on these days."""
    ages = [today.year - day.year - ((today.month, today.day) < (day.month, day.day)) for day in monitoring_ends_on]
    return QualityFacts(
        methodologies=methodology_facts(project.methodologies),
        youngest=min(ages, default=None),
        oldest=max(ages, default=None),
        criticism=known_criticism(project.project_type, project.methodologies),
    )


def methodology_facts(methodologies: str) -> tuple[MethodologyFact, ...]:
    """What is known of each methodology in a project's list, `AMS-I.D.; ACM0002 version 12.1`."""
    facts = []
    for text in filter(None, (part.strip() for part in methodologies.split(";"))):
        version = _VERSION.search(text)
        name = _VERSION.sub("", text)
        facts.append(_fact(name, version["number"].rstrip(".") if version else None))
    return tuple(facts)


def _fact(name: str, version: str | None) -> MethodologyFact:
    known = _decisions().get(_key(name))
    if known is None:
        return MethodologyFact(name, version, "unknown", None)
    decision, versions, source = known
    if versions and version and not versions.include(version):
        decision = "unknown"
    return MethodologyFact(name, version, decision, source, versions)


def ccp_decision(methodologies: str) -> Decision:
    """The ICVCM's decision on the CCP label for a project with these methodologies.

    `rejected` when any of them was refused; `unknown` when no decision was found on one of them, or
    there is none, which is not a refusal; `conditional` when all were approved, but one only in some
    versions or with conditions, which our data do not show to be met; `approved` when all were, without.
    """
    decisions = {fact.decision for fact in methodology_facts(methodologies)}
    if "rejected" in decisions:
        return "rejected"
    if "unknown" in decisions or not decisions:
        return "unknown"
    return "conditional" if "conditional" in decisions else "approved"


def known_criticism(project_type: str, methodologies: str) -> tuple[Criticism, ...]:
    """Public criticism that we found of projects of this type, with these methodologies; newest first."""
    keys = {_key(fact.name) for fact in methodology_facts(methodologies)}
    return tuple(
        Criticism(row["code"], Source(row["source"], row["url"], date.fromisoformat(row["said_on"])))
        for row in sorted(_read("criticism.csv"), key=lambda row: row["said_on"], reverse=True)
        if row["project_type"] == project_type and (not row["methodology"] or _key(row["methodology"]) in keys)
    )


def _key(name: str) -> str:
    # The registry writes "AMS-I.D.", sources "AMS-I.D".
    return name.upper().rstrip(".")


@cache
def _decisions() -> Mapping[str, tuple[Decision, Versions | None, Source]]:
    return {
        _key(row["methodology"]): (
            _DECIDED[row["decision"]],
            Versions(int(row["first_version"]), int(row["last_version"])) if row["first_version"] else None,
            Source(row["source"], row["url"], date.fromisoformat(row["dated_on"]) if row["dated_on"] else None),
        )
        for row in _read("methodology_decisions.csv")
    }


@cache
def _read(name: str) -> tuple[Mapping[str, str], ...]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return tuple(csv.DictReader(file))
