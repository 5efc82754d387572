"""The rows that questions are answered with, in the original's spelling."""

from __future__ import annotations

from tests.undp_standin.queries import answer
from tests.undp_standin.replicator import Replicated
from tests.undp_standin.shapes import Json, Refuse
from tests.undp_standin.things import Block, Retirement, Transfer, User

_SHARED = [
    "id", "serialNumber", "creditAmount", "createdDate", "projectId", "projectName",
    "senderId", "senderName", "senderLogo",
]  # fmt: skip
BALANCE_KEYS = [*_SHARED, "receiverId", "receiverName", "receiverLogo", "type"]
TRANSFER_KEYS = [*_SHARED, "recieverId", "receiverName", "receiverLogo"]
RETIREMENT_KEYS = [*_SHARED, "retirementType", "status", "country", "organizationName", "remarks"]


class Rows(Replicated):
    """The memory with its questions and its log."""

    def logs(self, project: str) -> list[Json]:
        """GET projectManagement/logs, newest first"""
        return [entry for entry in self.log if entry["refId"] == project]

    def query(self, user: User, what: str, body: Json) -> Json:
        """queryBalance, queryTransfers, queryRetirements"""
        if user.company.role == "IC":
            raise Refuse(400, "creditTransaction.unauthorized")
        is_seen = user.company.role == "DNA"
        mine = user.company.id
        if what == "queryBalance":
            rows = [
                self._balance_row(block_id, block, shown_ms)
                for block_id, (block, shown_ms) in self.shown_blocks.items()
                if block.owner and (is_seen or block.owner == mine)
            ]
            return answer(rows, BALANCE_KEYS, body, needs_sort=False)
        if what == "queryTransfers":
            moved = [
                self._transfer_row(t)
                for t in self.shown_transfers.values()
                if is_seen or mine in (t.sender, t.receiver)
            ]
            return answer(moved, TRANSFER_KEYS, body, needs_sort=False)
        retired = [self._retirement_row(r) for r in self.shown.values() if is_seen or r.sender == mine]
        return answer(retired, RETIREMENT_KEYS, body, needs_sort=True)

    def _balance_row(self, block_id: str, block: Block, shown_ms: int) -> Json:
        return {
            "id": block_id,
            "serialNumber": self.serial(block),
            "creditAmount": block.available,
            "createdDate": str(shown_ms),
            **self._project(block.project),
            **self._company("receiver", "receiverId", block.owner),
            **self._company("sender", "senderId", block.sender),
            "type": "issued" if block.sender is None else "received",
        }

    def _transfer_row(self, transfer: Transfer) -> Json:
        return {
            "id": transfer.id,
            "serialNumber": transfer.serial,
            "creditAmount": transfer.amount,
            "createdDate": str(transfer.shown_ms),
            **self._project(transfer.project),
            **self._company("receiver", "recieverId", transfer.receiver),
            **self._company("sender", "senderId", transfer.sender),
        }

    def _retirement_row(self, retirement: Retirement) -> Json:
        return {
            "id": retirement.id,
            "serialNumber": retirement.serial,
            "creditAmount": retirement.amount,
            "createdDate": str(retirement.shown_ms),
            "retirementType": retirement.kind,
            "status": retirement.status,
            **self._project(retirement.project),
            **self._company("sender", "senderId", retirement.sender),
            "country": retirement.country,
            "organizationName": retirement.organisation,
            "remarks": retirement.remarks,
        }

    def _project(self, project: str) -> Json:
        return {"projectId": project, "projectName": self.projects.get(project, "")}

    def _company(self, word: str, key: str, company: int | None) -> Json:
        return {
            key: None if company is None else str(company),
            f"{word}Name": self._name(company),
            f"{word}Logo": None,
        }

    def write_log(self, project: str, kind: str, data: Json, user: User | None) -> None:
        self.last_log_id += 1
        self.log.insert(
            0,
            {
                "id": self.last_log_id,
                "refId": project,
                "logType": kind,
                "data": data,
                "userId": user.id if user else 6,
                "createdTime": str(self.now_ms()),
                "name": user.name if user else "DNA Admin",
                "userCompanyName": user.company.name if user else "National Authority",
                "toCompanyName": self._name(data.get("toCompanyId")),
                "fromCompanyName": self._name(data.get("fromCompanyId")),
            },
        )

    def _name(self, company: object) -> str | None:
        found = self.companies.get(int(str(company))) if company is not None else None
        return found.name if found else None

    def serial(self, block: Block) -> str:
        """How the registry prints a block."""
        return f"{block.space(self.country)}-{block.first}-{block.last}-{block.vintage}"
