"""A registry with an organisation, its authority and a neighbour, and everything a test may do to it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import Self

from app.kernel.clock import Clock
from app.registry.adapters.undp import UndpRegistry
from app.registry.adapters.undp_client import Credential, Limits
from app.registry.ports import CancellationRequest
from tests.undp_standin.faults import Faults
from tests.undp_standin.rules import Rules
from tests.undp_standin.server import Call, UndpStandIn
from tests.undp_standin.shapes import Refuse
from tests.undp_standin.things import Company, Retirement, User

HOLDER = User(1, "Dev One", "dev1@example.test", "holder-password", Company(1, "Dev Org One", "PD"))
CERTIFIER = User(2, "Cert One", "cert1@example.test", "certifier-password", Company(2, "Cert Org", "IC"))
NEIGHBOUR = User(3, "Dev Two", "dev2@example.test", "neighbour-password", Company(3, "Dev Org Two", "PD"))
AUTHORITY = User(6, "DNA Admin", "dna@example.test", "authority-password", Company(5, "National Authority", "DNA"))
ACCOUNT = "NG-DEV-1"
UNIT_TYPE = "A6.4ER"
# Seconds of the machine's own clock: long enough for loopback, short enough to wait for an answer that never comes.
QUICK = Limits(connect=1.0, write=1.0, read=0.4, whole=20.0)


@dataclass(frozen=True)
class Effects:
    """What a reference did in the registry's ledger: requests that are pending or done, their units, those retired."""

    requests: int
    units: int
    retired: int


class UndpWorld:
    """The simulated registry for as long as the `with` block lasts. Time passes when `clock` moves, and only then."""

    def __init__(self, clock: Clock, *, seed: int = 0, traffic: bool = True) -> None:
        self.clock = clock
        self.rules = Rules(clock, seed=seed, traffic=timedelta(seconds=20) if traffic else None)
        for user in (HOLDER, CERTIFIER, NEIGHBOUR, AUTHORITY):
            self.rules.companies[user.company.id] = user.company
            self.rules.users[user.email] = user
        self.server = UndpStandIn(self.rules)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.server.close()

    # --- the adapter -----------------------------------------------------------------------------

    def settings(self, *, authority: bool = True) -> dict[str, str]:
        """The environment that connects a copy of the product to this registry."""
        found = {
            "UNDP_URL": self.server.base,
            "UNDP_NAME": "National Carbon Registry",
            "UNDP_ACCOUNT": ACCOUNT,
            "UNDP_UNIT_TYPE": UNIT_TYPE,
            "UNDP_USERNAME": HOLDER.email,
            "UNDP_PASSWORD": HOLDER.password,
        }
        if authority:
            found |= {"UNDP_AUTHORITY_USERNAME": AUTHORITY.email, "UNDP_AUTHORITY_PASSWORD": AUTHORITY.password}
        return found

    def adapter(self, *, authority: bool = True, limits: Limits = QUICK, user: User = HOLDER) -> UndpRegistry:
        """A new adapter, as another worker would make one."""
        return UndpRegistry(
            self.clock,
            url=self.server.base,
            account=ACCOUNT,
            holder=Credential(user.email, user.password),
            authority=Credential(AUTHORITY.email, AUTHORITY.password) if authority else None,
            display_name="National Carbon Registry",
            unit_type=UNIT_TYPE,
            promised_within=timedelta(days=1),
            limits=limits,
        )

    def issue(
        self,
        project: int = 3,
        units: int = 1000,
        *,
        first: int = 1,
        vintage: int = 2023,
        owner: int = HOLDER.company.id,
    ) -> str:
        """Units in our account (or another's), shown already; gives the name of their block."""
        return self.rules.issue(f"{project:04d}", first, first + units - 1, vintage, owner)

    def request(
        self,
        reference: str,
        units: int,
        *,
        project: int = 3,
        first: int = 1,
        last: int = 1000,
        vintage: int | None = 2023,
        beneficiary: str = "Jane Doe",
    ) -> CancellationRequest:
        """What our core would ask for, of the issuance that the blocks of `project` are of."""
        return CancellationRequest(
            reference=reference,
            account=ACCOUNT,
            project_reference=f"NG-{project}",
            unit_type=UNIT_TYPE,
            commitment_period=None,
            space=f"CA0NNN-NG-XX-{project}",
            serial_first=first,
            serial_last=last,
            units=units,
            beneficiary_name=beneficiary,
            purpose="a private purpose",
            vintage_year=vintage,
        )

    # --- what others do --------------------------------------------------------------------------

    def pause(self) -> None:
        """The replicator stops: what is asked for does not show."""
        self.rules.catch_up()
        self.rules.paused = True

    def resume(self) -> None:
        """It runs again, and copies all it missed with its next tick."""
        self.rules.catch_up()
        self.rules.paused = False

    def stir(self) -> None:
        """Somebody else does something, which the authority will see with the next tick."""
        self.rules.stir()

    def deposit(self, units: int = 1, *, project: int = 8, first: int = 1) -> None:
        """Units come to our account: an event that we see ourselves with the next tick."""
        block = self.rules.issue(f"{project:04d}", first, first + units, 2023, NEIGHBOUR.company.id)
        body = {"receiverOrgId": HOLDER.company.id, "blockId": block, "amount": units}
        self.rules.transfer(NEIGHBOUR, body)

    def send_away(self, block: str, units: int) -> None:
        """Somebody of our organisation sends units of a block away by hand, and it shows at once."""
        self.split(block, units)
        self.rules.tick()

    def split(self, block: str, units: int) -> None:
        """Somebody of our organisation sends units of a block away by hand."""
        body = {"receiverOrgId": NEIGHBOUR.company.id, "blockId": block, "amount": units}
        self.rules.transfer(HOLDER, body)

    def ask_by_hand(self, request: CancellationRequest, block: str, remarks: str, *, amount: int | None = None) -> None:
        """Somebody asks for the same in the registry's own pages."""
        body = {
            "blockId": block,
            "amount": amount or request.units,
            "retirementType": "Voluntary Cancellations",
            "remarks": remarks,
        }
        self.rules.retire([(HOLDER, body)])

    def decide(self, action: str, reference: str) -> None:
        """The authority (or, for CANCEL, our organisation) decides about every request of a reference by hand."""
        self.rules.catch_up()
        for retirement in self.requests(reference):
            self.decide_one(action, retirement.id)

    def decide_one(self, action: str, transaction: str) -> None:
        """The same about one request."""
        self.rules.catch_up()
        body = {"transactionId": transaction, "action": action, "remarks": "by hand"}
        self.rules.act(HOLDER if action == "CANCEL" else AUTHORITY, body)

    def double_accept(self, reference: str) -> None:
        """The authority accepts the requests of a reference twice: the second time changes nothing."""
        self.decide("ACCEPT", reference)
        with suppress(Refuse):
            self.decide("ACCEPT", reference)

    def make_orphan(self, reference: str) -> None:
        """The ledger loses the requests of a reference, and what it held for them; they have to show already."""
        self.rules.catch_up()
        for retirement in self.requests(reference):
            record = self.rules.records.pop(retirement.id)
            self.rules.blocks[record.block_id].reserved -= record.amount
            self.rules.hold(record.block_id, 0)

    # --- what is so --------------------------------------------------------------------------------

    def requests(self, reference: str) -> list[Retirement]:
        """What the ledger knows under a reference."""
        return [
            record
            for record in self.rules.records.values()
            if record.remarks is not None and record.remarks.startswith(f"[{reference}/")
        ]

    def effects(self, reference: str) -> Effects:
        """What a reference did so far, whether it shows or not. Orphans have no effect."""
        live = [record for record in self.requests(reference) if record.status in {"Pending", "Completed"}]
        retired = sum(record.amount for record in live if record.status == "Completed")
        return Effects(len(live), sum(record.amount for record in live), retired)

    @property
    def faults(self) -> Faults:
        """What goes wrong with the next calls."""
        return self.server.faults

    @property
    def calls(self) -> list[Call]:
        """Every request that arrived."""
        return self.server.calls

    def writes(self) -> list[Call]:
        """The requests for a retirement that arrived."""
        return [call for call in self.calls if call.path.endswith("/retireRequest")]
