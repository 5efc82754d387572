"""What the UNDP registry completed, one line for each reference, with times as far as its log tells them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from app.registry.adapters.undp_books import Row, approvals
from app.registry.adapters.undp_judgement import evidence_of, names_of
from app.registry.ports import CancellationResult, StatementLine


def lines_of(
    rows: Sequence[Row], logs: Mapping[str, Sequence[Mapping[str, Any]]], company: str, since: datetime
) -> list[StatementLine]:
    """The completed `rows` of a company of which any may have been accepted at or after `since`, oldest first.

    `logs` are those of their projects. Parts of one reference make one line; a retirement without our mark has
    a line without a reference.
    """
    accepted = {project_id: approvals(log, company) for project_id, log in logs.items()}
    times = _completion_times(rows, accepted)
    together: dict[str, list[Row]] = {}
    for row in rows:
        together.setdefault(row.mark.reference if row.mark else f"#{row.id}", []).append(row)
    lines = [
        _line(parts, max(times[part.id] for part in parts))
        for parts in together.values()
        if any(latest is None or latest >= since for latest in (_latest(part, accepted) for part in parts))
    ]
    return sorted(lines, key=lambda line: (line.result.completed_at, line.result.registry_transaction))


def _line(parts: list[Row], completed_at: datetime) -> StatementLine:
    parts = sorted(parts, key=lambda row: row.serial.first)
    return StatementLine(
        parts[0].mark.reference if parts[0].mark else None,
        CancellationResult(
            registry_transaction=names_of(parts),
            units=sum(row.units for row in parts),
            blocks=tuple(row.serial.as_block() for row in parts),
            completed_at=completed_at,
            evidence={"retirements": [evidence_of(row) for row in parts]},
        ),
    )


def _completion_times(rows: Sequence[Row], accepted: Mapping[str, list[tuple[int, datetime]]]) -> dict[str, datetime]:
    """When each was accepted: the first acceptance of so many units, not before it was shown, that is not taken yet."""
    left = {project_id: list(found) for project_id, found in accepted.items()}
    times = {}
    for row in sorted(rows, key=lambda row: row.shown_at):
        fitting = [each for each in left[row.project_id] if each[0] == row.units and each[1] >= row.shown_at]
        if fitting:
            left[row.project_id].remove(fitting[0])
        times[row.id] = fitting[0][1] if fitting else row.shown_at
    return times


def _latest(row: Row, accepted: Mapping[str, list[tuple[int, datetime]]]) -> datetime | None:
    """The latest instant at which it may have been accepted; None where the log has no acceptance of so many units."""
    return max(
        (at for units, at in accepted[row.project_id] if units == row.units and at >= row.shown_at), default=None
    )
