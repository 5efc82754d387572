"""Exchanges with the original, played again: tests/data/undp/exchanges.json holds what is needed of the recordings.

The replicator runs where it ran in the recording. Times and the numbers of log entries are not compared.
"""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from app.kernel.clock import FixedClock
from tests.undp_standin.rules import Rules
from tests.undp_standin.server import UndpStandIn
from tests.undp_standin.shapes import Json
from tests.undp_standin.things import Transfer
from tests.undp_standin.world import AUTHORITY, CERTIFIER, HOLDER, NEIGHBOUR

EXCHANGES = Path(__file__).parent.parent / "data" / "undp" / "exchanges.json"
USERS = {"holder1": HOLDER, "holder2": NEIGHBOUR, "certifier": CERTIFIER, "authority": AUTHORITY}
BEGAN = datetime.fromtimestamp(1_795_341_290, UTC)
# What the log says of events that the recording has too.
LOGGED = ("RETIRE_", "CREDIT_TRANSFERED")


class Replay:
    """The registry as it was when the recording began, and its clock."""

    def __init__(self) -> None:
        self.clock = FixedClock(BEGAN)
        self.rules = Rules(self.clock, period=None, traffic=None, next_id=102)
        for user in USERS.values():
            self.rules.companies[user.company.id] = user.company
            self.rules.users[user.email] = user
        self._seed()
        self.server = UndpStandIn(self.rules)
        self._http = httpx.Client(base_url=self.server.base, timeout=10)
        self._tokens = {"none": "", "garbage": "garbage"}
        for name in USERS:
            self._sign_in(name)

    def _seed(self) -> None:
        for project, name in (
            ("0001", "Wind farm A"),
            ("0002", "Solar park B"),
            ("0003", "Wind farm Kaduna"),
            ("0004", "Solar park Jos"),
        ):
            self.rules.projects[project] = name
        blocks = [
            ("0001", 1, 12, 2023, 12),
            ("0002", 1, 222, 2023, 24),
            ("0002", 301, 500, 2024, 0),
            ("0003", 1, 300, 2023, 0),
            ("0003", 301, 500, 2024, 0),
            ("0004", 1, 300, 2023, 0),
            ("0004", 301, 500, 2024, 0),
        ]
        for project, first, last, vintage, held in blocks:
            self.rules.hold(self.rules.issue(project, first, last, vintage, HOLDER.company.id), held)
            self.clock.advance(timedelta(milliseconds=20))
        earlier = Transfer("3", "CA0NNN-NG-XX-1-51-300-2023", 250, "0001", HOLDER.company.id, NEIGHBOUR.company.id, 1)
        self.rules.shown_transfers["3"] = earlier

    def _sign_in(self, name: str) -> None:
        user = USERS[name]
        body = {"username": user.email, "password": user.password}
        found = self._http.post("/national/auth/login", json=body).json()
        self._tokens[name], self._tokens[f"refresh:{name}"] = found["access_token"], found["refresh_token"]
        self._tokens[f"{name}:expired"] = self._tokens[f"{name}:bad-signature"] = found["access_token"][:-1]

    def close(self) -> None:
        """Stop listening."""
        self._http.close()
        self.server.close()

    def play(self, exchanges: list[Json]) -> list[str]:
        """Send the requests of one scenario; every difference between the answers and the recorded ones."""
        differences = []
        for exchange in exchanges:
            if exchange.get("next_id"):
                self.rules.next_id = exchange["next_id"]
            if exchange.get("not_before"):  # a filter of the recording has this instant in it
                self.clock.advance(datetime.fromtimestamp(exchange["not_before"] / 1000, UTC) - self.clock.now())
            if exchange.get("ticks"):
                self.rules.tick()
            self.clock.advance(timedelta(milliseconds=200))
            if "race" in exchange:
                differences += self._race(exchange)
                continue
            found = self.send(exchange)
            if not is_same(found, exchange):
                differences.append(f"{exchange}\nbut now: {found}")
        return differences

    def send(self, exchange: Json) -> tuple[int, Any]:
        """One request; status and what is comparable of the answer."""
        body = exchange["body"]
        content = None if body is None else body if isinstance(body, str) else json.dumps(body)
        content = content and content.replace("<password:wrong>", "wrong")
        for name, user in USERS.items():
            content = content and content.replace(f"<password:{name}>", user.password)
            content = content and content.replace(f"<refresh_token:{name}>", self._tokens[f"refresh:{name}"])
            content = content and content.replace(f"<token:{name}>", self._tokens[name])
        token = self._tokens[exchange["token"]]
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        answer = self._http.request(exchange["method"], exchange["path"], content=content, headers=headers)
        is_json = "json" in answer.headers["Content-Type"]
        return answer.status_code, comparable(answer.json() if is_json else answer.text)

    def _race(self, exchange: Json) -> list[str]:
        """Several requests at the same instant, with the fates that they had."""
        self.rules.fates = [each["fate"] for each in exchange["race"]]
        self.server.together = len(exchange["race"])
        found: dict[int, tuple[int, Any]] = {}
        threads = []
        for index, each in enumerate(exchange["race"]):
            body = {**exchange, "body": each["body"]}
            threads.append(threading.Thread(target=lambda i=index, b=body: found.update({i: self.send(b)})))
            threads[-1].start()
            if index + 1 < len(exchange["race"]):
                self.server.wait_for(index + 1)
        for thread in threads:
            thread.join()
        self.server.together = 1
        wanted = {index: (201, comparable(each["answer"])) for index, each in enumerate(exchange["race"])}
        return [] if found == wanted else [f"{wanted}\nbut now: {found}"]


def is_same(found: tuple[int, Any], exchange: Json) -> bool:
    """Whether an answer is the recorded one. Of a log as much is compared as was kept."""
    status, answer = found
    wanted = comparable(exchange["answer"])
    if isinstance(wanted, list) and wanted:
        answer = answer[: len(wanted)]
    if exchange.get("unordered"):  # which of several simultaneous requests came first
        answer, wanted = _unordered(answer), _unordered(wanted)
    return (status, answer) == (exchange["status"], wanted)


def _unordered(answer: Any) -> list[str]:
    return sorted(json.dumps(row, sort_keys=True) for row in (answer if isinstance(answer, list) else answer["data"]))


def comparable(answer: Any) -> Any:
    """An answer without what differs from one day to the next, and tokens as what they are."""
    if isinstance(answer, dict) and "access_token" in answer:
        return {name: type(value).__name__ if name != "companyLogo" else "" for name, value in answer.items()}
    if isinstance(answer, dict) and isinstance(answer.get("data"), list):
        rows = [{key: value for key, value in row.items() if key != "createdDate"} for row in answer["data"]]
        return {**answer, "data": rows}
    if isinstance(answer, list):
        entries = [entry for entry in answer if entry["logType"].startswith(LOGGED)]
        return [{k: v for k, v in entry.items() if k not in {"id", "createdTime"}} for entry in entries]
    return answer


def scenarios() -> dict[str, list[Json]]:
    """The recorded scenarios in the order in which they were recorded."""
    found: dict[str, list[Json]] = json.loads(EXCHANGES.read_text())
    return found
