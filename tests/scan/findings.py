"""What scanners say, held against tests/scan/explained.toml."""

from __future__ import annotations

import tomllib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

EXPLAINED = Path(__file__).with_name("explained.toml")


@dataclass(frozen=True, order=True)
class Finding:
    """Which tool said what about which file or address."""

    tool: str
    rule: str
    place: str


@dataclass(frozen=True)
class Report:
    """One tool's run. `not_run` says why there is none; then nothing is known, good or bad.

    A tool that `ends_by_time` has found less on a busy machine: what it misses may be there still.
    """

    tool: str
    version: str
    looked_at: str
    findings: list[Finding] = field(default_factory=list)
    not_run: str = ""
    ends_by_time: bool = False


def explanations(tool: str) -> Counter[Finding]:
    """How often each finding of a tool is known and explained."""
    rows = tomllib.loads(EXPLAINED.read_text())["explained"]
    return Counter(
        {Finding(row["tool"], row["rule"], row["place"]): row.get("times", 1) for row in rows if row["tool"] == tool}
    )


def unexplained(report: Report) -> Counter[Finding]:
    """Findings that are neither mended nor explained."""
    return Counter(report.findings) - explanations(report.tool)


def needless(report: Report) -> Counter[Finding]:
    """Explanations of what is found no more. None when the tool did not run."""
    return Counter() if report.not_run else explanations(report.tool) - Counter(report.findings)
