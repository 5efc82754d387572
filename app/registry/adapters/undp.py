"""The UNDP National Carbon Registry behind the port (credit-block generation, "v2.0 2025-03").

It has no key to retry with, takes the same request twice, and answers 201 to requests that it then loses. So: our
reference stands in every remark; list and project log are searched for it before every request; a 201 is only a hope;
and absence is proven by a later event that shows, never by silence. An amount that no single block holds is asked for
in parts, one after the other, and accepted only when every part shows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from app.config import LOOPBACK, Settings
from app.kernel.clock import Clock
from app.registry.adapters.undp_answers import Kind
from app.registry.adapters.undp_books import Row
from app.registry.adapters.undp_client import Budget, Credential, Limits, UndpClient, Unreadable
from app.registry.adapters.undp_judgement import judge
from app.registry.adapters.undp_reading import SETTLE, UndpReader
from app.registry.adapters.undp_serials import CODE, is_writable
from app.registry.adapters.undp_writing import AGAIN, act, ask, first_outcome, next_outcome, orphan
from app.registry.ports import (
    Absent,
    Ambiguous,
    CancellationRequest,
    Capabilities,
    Found,
    Holding,
    Lookup,
    NotSent,
    Outcome,
    Pending,
    RefusalCode,
    Refused,
    RegistryUnavailable,
    StatementLine,
    Unavailable,
    Unknown,
)

ALARM = timedelta(minutes=10)  # where nobody but ourselves is waited for


class UndpRegistry:
    """One organisation of project developers there: the account all its blocks lie in.

    With the credential of the registry's authority it accepts by itself what it asked for; without, it waits.
    """

    name = CODE

    def __init__(
        self,
        clock: Clock,
        *,
        url: str,
        account: str,
        holder: Credential,
        authority: Credential | None,
        display_name: str,
        unit_type: str,
        promised_within: timedelta,
        limits: Limits | None = None,
    ) -> None:
        self._clock = clock
        self._limits = limits or Limits()
        self._account = account
        self._unit_type = unit_type
        self._client = UndpClient(url, holder, self._limits)
        self._authority = UndpClient(url, authority, self._limits) if authority is not None else None
        self._reader = UndpReader(self._client, self._authority, clock)
        self.display_name = display_name
        self.is_registry_of_record = urlsplit(url).hostname not in LOOPBACK
        self.promised_within = promised_within
        self.capabilities = Capabilities(settle=SETTLE, pending_alarm=promised_within if authority is None else ALARM)

    @classmethod
    def from_settings(cls, settings: Settings, clock: Clock) -> UndpRegistry:
        """The registry that the settings UNDP_* name."""
        authority = Credential(settings.undp_authority_username, settings.undp_authority_password)
        return cls(
            clock,
            url=settings.undp_url,
            account=settings.undp_account,
            holder=Credential(settings.undp_username, settings.undp_password),
            authority=authority if settings.undp_authority_username else None,
            display_name=settings.undp_name,
            unit_type=settings.undp_unit_type,
            promised_within=timedelta(minutes=settings.undp_promise_minutes),
        )

    def holdings(self, account: str) -> Sequence[Holding]:
        """The blocks of our organisation, lowest serial numbers first. Raises RegistryUnavailable.

        A project is called by country and number, `NG-1`, as its serial numbers have it.
        """
        if account != self._account:
            return []
        try:
            blocks = self._reader.blocks(Budget(self._limits))
        except (Unreadable, ValueError) as problem:
            raise RegistryUnavailable(str(problem)) from problem
        now = self._clock.now()
        return [
            Holding(
                account=account,
                project_reference=block.serial.project_reference,
                unit_type=self._unit_type,
                commitment_period=None,
                space=block.serial.space,
                serial_first=block.serial.first,
                serial_last=block.serial.last,
                available=block.available,
                as_of=now,
                vintage_year=block.serial.vintage,
            )
            for block in sorted(blocks, key=lambda block: (block.serial.space, block.serial.first))
        ]

    def submit(self, request: CancellationRequest) -> Outcome:
        """Ask for the first part, unless the registry knows the reference already."""
        if request.account != self._account:
            return Refused(RefusalCode.NOT_OWNER, "this registry keeps no such account for us")
        if request.units < 1 or not is_writable(request.reference):
            return Refused(RefusalCode.INVALID, "it needs whole units, and a reference of capitals, digits and hyphens")
        budget = Budget(self._limits)
        try:
            case = self._reader.case(request, budget)
        except (Unreadable, ValueError) as problem:
            return NotSent(str(problem), AGAIN)
        if case.rows or case.asked:
            known = judge(case)
            return known.outcome if isinstance(known, Found) else Unknown(_words(known))
        if case.available < request.units:
            return Refused(RefusalCode.INSUFFICIENT, f"{case.available} units of this issuance are there")
        return first_outcome(ask(self._client, case, 1, budget))

    def lookup(self, request: CancellationRequest, registry_transaction: str | None, since: datetime) -> Lookup:
        """What list, log and balance prove. The reference finds every part, so a receipt's identifier is not needed."""
        return self._looking(lambda budget: judge(self._reader.case_since(request, since, budget)))

    def advance(self, request: CancellationRequest, registry_transaction: str | None) -> Outcome | Ambiguous:
        """One step: ask for the next part, or accept one when every part shows."""
        budget = Budget(self._limits)
        try:
            case = self._reader.case(request, budget)
        except (Unreadable, ValueError) as problem:
            return Pending(registry_transaction, AGAIN, str(problem))
        known = judge(case)
        if isinstance(known, Ambiguous):
            return known
        if not isinstance(known, Found):
            return Pending(registry_transaction, AGAIN, _words(known))
        pending = known.outcome
        if not isinstance(pending, Pending) or not pending.can_advance:
            return pending
        if case.missing > 0:
            return next_outcome(pending, ask(self._client, case, len(case.rows) + 1, budget), SETTLE)
        return self._accept(pending, case.pending[0], budget)

    def withdraw(self, request: CancellationRequest, registry_transaction: str | None, reason: str) -> Lookup:
        """Take back every pending part, while none is done. `reason` stays with us: their log is public.

        That it was taken back is believed when it shows.
        """
        return self._looking(lambda budget: self._take_back(request, budget))

    def statement(self, account: str, since: datetime) -> Sequence[StatementLine]:
        """Completed retirements of our organisation, oldest first. Raises RegistryUnavailable.

        The registry tells no time of completion; it is taken from the acceptances in the project log, which do not
        say what they are of. Where that leaves doubt, an earlier one is in it too.
        """
        if account != self._account:
            return []
        try:
            return self._reader.statement(since, Budget(self._limits))
        except (Unreadable, ValueError) as problem:
            raise RegistryUnavailable(str(problem)) from problem

    def _looking(self, look: Callable[[Budget], Lookup]) -> Lookup:
        try:
            return look(Budget(self._limits))
        except (Unreadable, ValueError) as problem:
            return Unavailable(str(problem))

    def _take_back(self, request: CancellationRequest, budget: Budget) -> Lookup:
        case = self._reader.case(request, budget)
        known = judge(case)
        is_closed = isinstance(known, Found) and not isinstance(known.outcome, Pending)
        if is_closed or not case.pending or len(case.pending) < len(case.live):
            return known
        for row in case.pending:
            answer = act(self._client, row, "CANCEL", budget)
            if answer.kind is Kind.ORPHAN:
                return orphan(row)
            if answer.kind not in {Kind.DONE, Kind.ALREADY}:
                return case.waiting(f"not taken back yet: {answer.message}")
        return case.waiting("taking back was asked for")

    def _accept(self, pending: Pending, row: Row, budget: Budget) -> Outcome | Ambiguous:
        """The authority's word. Repeating it has no second effect, so a lost answer needs no settling."""
        answer = act(self._authority or self._client, row, "ACCEPT", budget)
        if answer.kind is Kind.ORPHAN:
            return orphan(row)
        return replace(pending, message=f"acceptance of {row.id}: {answer.message}", can_advance=False)


def _words(answer: Absent | Ambiguous | Unavailable) -> str:
    return answer.basis if isinstance(answer, Absent) else answer.message
