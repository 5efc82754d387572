"""What may be done in the registry and what is refused, and the races that it loses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tests.undp_standin.rows import Rows
from tests.undp_standin.shapes import Json, Refuse, check_action, check_retire, check_transfer
from tests.undp_standin.things import Block, Retirement, Transfer, User

COUNTRIES = {"FR": "France", "NG": "Nigeria", "DE": "Germany"}
# What becomes of one request of a race: well; shown and unknown to the ledger; never shown and holding its units for
# ever; never shown and without any effect.
GOOD, ORPHAN, NEVER, LOST = "good", "orphan", "never", "lost"


class Rules(Rows):
    """One registry. Not safe for threads: the server takes one call at a time."""

    def issue(self, project: str, first: int, last: int, vintage: int, owner: int, sender: int | None = None) -> str:
        """A block that is there and shown already; gives its id."""
        block = Block(project, first, last, vintage, owner, sender)
        block_id = f"{block.space(self.country)}-{first}"
        self.blocks[block_id] = block
        self.shown_blocks[block_id] = (replace(block), self.now_ms())
        self.projects.setdefault(project, f"Project {project}")
        self.write_log(project, "CREDITS_ISSUED", {"amount": last - first + 1, "toCompanyId": owner}, None)
        return block_id

    def hold(self, block_id: str, units: int) -> None:
        """Units that are held for a request which is never shown."""
        self.blocks[block_id].reserved += units
        self.shown_blocks[block_id] = (replace(self.blocks[block_id]), self.shown_blocks[block_id][1])

    # --- requests --------------------------------------------------------------------------------

    def retire(self, asked: Sequence[tuple[User, Json]]) -> list[Json | Refuse]:
        """retireRequest, once or several times at the same instant upon one block.

        Several of them read the same state, and what one writes the next one overwrites: some are orphans then,
        some never show.
        """
        answers: list[Json | Refuse] = []
        taken: list[tuple[Retirement, User]] = []
        for user, body in asked:
            try:
                retirement = self._take(user, body)
            except Refuse as refusal:
                answers.append(refusal)
                continue
            taken.append((retirement, user))
            data = {"id": retirement.id, "amount": retirement.amount}
            answers.append({"statusCode": 200, "message": "Credit retirement request created.", "data": data})
        for (retirement, user), fate in zip(taken, self._fates_of(len(taken)), strict=True):
            self._settle(retirement, fate)
            if not self.logs_fail:
                data = {"amount": retirement.amount, "remarks": retirement.remarks, "fromCompanyId": retirement.sender}
                self.write_log(
                    retirement.project, "RETIRE_REQUESTED", {**data, "retirementType": retirement.kind}, user
                )
        return answers

    def _take(self, user: User, body: Json) -> Retirement:
        _require_role(user)
        check_retire(body)
        if user.company.role != "PD":
            raise Refuse(400, "You do not have permission to retire credits.")
        block = self._own_block(user, body)
        retirement_id = self.take_id()
        if self.blocks[body["blockId"]].available < body["amount"]:
            raise Refuse(400, "project.notEnoughCreditAmount")
        return Retirement(
            id=retirement_id,
            block_id=body["blockId"],
            serial=self.serial(block),
            amount=int(body["amount"]),
            kind=body["retirementType"],
            project=block.project,
            sender=user.company.id,
            country=COUNTRIES.get(body.get("country") or ""),
            organisation=body.get("organizationName"),
            remarks=body.get("remarks"),
        )

    def _own_block(self, user: User, body: Json) -> Block:
        """The block as it was copied, when it has enough."""
        shown = self.shown_blocks.get(body["blockId"])
        if shown is None:
            raise Refuse(400, "The specified credit block does not exist.")
        if shown[0].owner != user.company.id:
            raise Refuse(400, "The sender does not own the credit block.")
        if shown[0].available < body["amount"]:
            raise Refuse(400, "Not enough credit amount available for the transfer.")
        return shown[0]

    def _fates_of(self, count: int) -> list[str]:
        """One alone is well. Of two, as measured: 1 in 12 both, 8 one and an orphan, 3 an orphan and a lost one."""
        if count < 2:
            return [GOOD] * count
        if self.fates:
            return [self.fates.pop(0) for _ in range(count)]
        others = [self._random.choice((ORPHAN, ORPHAN, NEVER, LOST)) for _ in range(count - 2)]
        roll = self._random.randrange(12)
        pair = [GOOD, GOOD] if roll == 0 else [GOOD, ORPHAN] if roll < 9 else [ORPHAN, NEVER]
        fates = [*pair, *others]
        self._random.shuffle(fates)
        return fates

    def _settle(self, retirement: Retirement, fate: str) -> None:
        block = self.blocks[retirement.block_id]
        if fate == GOOD and block.available < retirement.amount:
            fate = ORPHAN
        if fate == GOOD:
            self.records[retirement.id] = retirement
        if fate in {GOOD, NEVER} and block.available >= retirement.amount:
            block.reserved += retirement.amount
            self.note(retirement.block_id, block)
        if fate in {GOOD, ORPHAN}:
            self.note(retirement.id, retirement)

    def act(self, user: User, body: Json) -> Json:
        """performRetireAction"""
        _require_role(user)
        check_action(body)
        action = body["action"]
        if action == "CANCEL" and user.company.role != "PD":
            raise Refuse(400, "Not authorized project participant")
        if action != "CANCEL" and user.company.role != "DNA":
            raise Refuse(400, "You do not have permission to approve or reject credit retirement requests.")
        shown = self.shown.get(body["transactionId"])
        if shown is None:
            raise Refuse(400, "project.creditRetirementRequestNotExists")
        if shown.status != "Pending":
            raise Refuse(400, "project.creditRetirementRequestNotPending")
        if action == "CANCEL" and shown.sender != user.company.id:
            raise Refuse(400, "project.notOwnRetirementRequest")
        record = self.records.get(shown.id)
        if record is None:
            raise Refuse(400, "project.noTransactionRecord")
        if record.status != "Pending":
            raise Refuse(400, "project.noPendingTransactionRecord")
        done = getattr(self, f"_{action.lower()}")(record)
        data = {"amount": record.amount, "fromCompanyId": str(record.sender), "retirementType": record.kind}
        if action != "ACCEPT":
            data["remarks"] = body["remarks"]
        self.write_log(record.project, f"RETIRE_{done[1]}", data, user)
        self.note(record.id, record)
        return {
            "statusCode": 200,
            "message": f"Credit retirement request {done[0]}",
            "data": {"amount": record.amount},
        }

    def _accept(self, record: Retirement) -> tuple[str, str]:
        block = self.blocks[record.block_id]
        block.reserved -= record.amount
        retired = self._split(record.block_id, record.amount, owner=0)
        record.serial = self.serial(retired)
        record.status = "Completed"
        return "accepted", "APPROVED"

    def _reject(self, record: Retirement) -> tuple[str, str]:
        self._release(record, "Rejected")
        return "rejected", "REJECTED"

    def _cancel(self, record: Retirement) -> tuple[str, str]:
        self._release(record, "Cancelled")
        return "canceled", "CANCELLED"

    def _release(self, record: Retirement, status: str) -> None:
        self.blocks[record.block_id].reserved -= record.amount
        self.note(record.block_id, self.blocks[record.block_id])
        record.status = status

    def _split(self, block_id: str, units: int, *, owner: int) -> Block:
        """Give units from the end of a block to another owner; a whole block keeps its name."""
        block = self.blocks[block_id]
        if units == block.units:
            block.sender, block.owner = block.owner, owner
            self.note(block_id, block)
            return block
        taken = Block(block.project, block.last - units + 1, block.last, block.vintage, owner, block.owner)
        block.last -= units
        taken_id = f"{taken.space(self.country)}-{taken.first}"
        self.blocks[taken_id] = taken
        self.note(block_id, block)
        self.note(taken_id, taken)
        return taken

    def transfer(self, user: User, body: Json) -> Json:
        """transfer"""
        _require_role(user)
        check_transfer(body)
        if user.company.role != "PD":
            raise Refuse(400, "You do not have permission to transfer credits.")
        if body["receiverOrgId"] not in self.companies:
            raise Refuse(400, "No reciever company exists in the system")
        self._own_block(user, body)
        block = self.blocks[body["blockId"]]
        if block.available < body["amount"]:
            raise Refuse(400, "project.notEnoughCreditAmount")
        moved = self._split(body["blockId"], body["amount"], owner=body["receiverOrgId"])
        done = Transfer(
            self.take_id(), self.serial(moved), moved.units, moved.project, user.company.id, body["receiverOrgId"]
        )
        self.note(done.id, done)
        data = {"amount": moved.units, "toCompanyId": done.receiver, "fromCompanyId": str(done.sender)}
        self.write_log(moved.project, "CREDIT_TRANSFERED", data, user)
        return {"statusCode": 200, "message": "Credits transferred successfully", "data": data}


def _require_role(user: User) -> None:
    """What nobody of this company may do is refused before the body is looked at."""
    if user.company.role == "IC":
        raise Refuse(403, "This action is unauthorised", "Forbidden")
