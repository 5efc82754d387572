"""Asking the UNDP registry: what its balance, list and log say about one cancellation, and how far they go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from app.kernel.clock import Clock
from app.registry.adapters.undp_books import COMPLETED, PENDING, Block, Row, asked_for, instant
from app.registry.adapters.undp_client import Budget, UndpClient
from app.registry.adapters.undp_judgement import Case
from app.registry.adapters.undp_serials import pattern_of
from app.registry.adapters.undp_statement import lines_of
from app.registry.ports import CancellationRequest, StatementLine

# The replicator needs about a second; whatever a call of ours began has ended 30 seconds after it (`Limits.whole`).
SETTLE = timedelta(seconds=60)


class UndpReader:
    """Questions as our organisation, and as the authority where we are it.

    Every method takes the time that is left, and raises Unreadable or ValueError when an answer proves nothing.
    """

    def __init__(self, client: UndpClient, authority: UndpClient | None, clock: Clock) -> None:
        self._client = client
        self._authority = authority
        self._clock = clock
        self._project_ids: dict[str, str] = {}

    def blocks(self, budget: Budget, *, space: str | None = None) -> list[Block]:
        """What lies in our account, of one number space or of all."""
        filters = () if space is None else (_filter("serialNumber", "like", f"{space}-%"),)
        return [Block.read(row) for row in self._client.rows("queryBalance", filters, budget)]

    def case(self, request: CancellationRequest, budget: Budget) -> Case:
        """What is shown of one request.

        The balance comes first: a block that is gone from it was retired, and the list read after it shows that.
        """
        blocks = self.blocks(budget, space=request.space)
        rows = self._rows(budget, _filter("remarks", "like", pattern_of(request.reference)))
        ours = [row for row in rows if row.mark is not None and row.mark.reference == request.reference]
        for project_id in [block.project_id for block in blocks] + [row.project_id for row in ours]:
            self._project_ids[request.space] = project_id
        project_id = self._project_ids.get(request.space, "")
        # Of a project of which nothing ever lay in our account, nothing was ever asked for.
        log = self._client.log_of(project_id, budget) if project_id else []
        return Case(
            request=request,
            rows=tuple(sorted(ours, key=lambda row: row.shown_at)),
            asked=tuple(asked_for(log, request.reference, self._client.company)),
            blocks=tuple(block for block in blocks if _is_of(block, request)),
            now=self._clock.now(),
            settle=SETTLE,
            accepts=self._authority is not None,
        )

    def case_since(self, request: CancellationRequest, since: datetime, budget: Budget) -> Case:
        """The same, with what it takes to prove what is not there: nothing we sent began later than `since`."""
        case = replace(self.case(request, budget), since=since)
        if case.is_open and case.is_over(since):
            # In this order: what took effect before that event is in the list that is read after it.
            shown_until = self._shown_until(budget)
            return replace(self.case(request, budget), since=since, shown_until=shown_until)
        if not case.accepts and any(case.is_over(row.shown_at) for row in case.pending):
            return self._with_reservations(case, budget)
        return case

    def statement(self, since: datetime, budget: Budget) -> list[StatementLine]:
        """The completed retirements of our organisation; see `lines_of`."""
        rows = self._rows(budget, _filter("status", "=", COMPLETED))
        project_ids = sorted({row.project_id for row in rows})
        logs = {project_id: self._client.log_of(project_id, budget) for project_id in project_ids}
        return lines_of(rows, logs, self._client.company, since)

    def _rows(self, budget: Budget, wanted: Mapping[str, object]) -> list[Row]:
        return [Row.read(row) for row in self._client.rows("queryRetirements", (wanted,), budget)]

    def _with_reservations(self, case: Case, budget: Budget) -> Case:
        """With the pending units of each block, unless these changed while the balance was read."""
        wanted = _filter("status", "=", PENDING)
        before = self._rows(budget, wanted)
        again = self.case(case.request, budget)
        if before != self._rows(budget, wanted):
            return case
        reserved: Counter[str] = Counter()
        for row in before:
            reserved[row.serial.block_id] += row.units
        return replace(again, since=case.since, reserved_for=reserved)

    def _shown_until(self, budget: Budget) -> datetime | None:
        """When the replicator last made anything show, as far as we see: the authority sees everybody's."""
        client = self._authority or self._client
        newest = [client.newest(query, budget) for query in ("queryRetirements", "queryBalance")]
        return max((instant(row.get("createdDate")) for row in newest if row is not None), default=None)


def _filter(key: str, operation: str, value: str) -> dict[str, object]:
    return {"key": key, "operation": operation, "value": value}


def _is_of(block: Block, request: CancellationRequest) -> bool:
    """Whether a block is of the issuance that was asked for."""
    return (
        request.serial_first <= block.serial.first
        and block.serial.last <= request.serial_last
        and request.vintage_year in {None, block.serial.vintage}
    )
