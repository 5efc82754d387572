"""HTTP with the UNDP registry: signing in, strict time limits, and one answer for each call."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from app.registry.adapters.undp_answers import Answer, Kind, classify

LOGIN = "/national/auth/login"
REFRESH = "/national/auth/login/refresh"
TRANSACTIONS = "/national/creditTransactionsManagement"
LOGS = "/national/projectManagement/logs"
PAGE = 100
LARGEST_ANSWER = 16_000_000  # bytes; a project's log comes whole


class Unreadable(Exception):
    """A question was not answered, or not in a form that proves anything."""


@dataclass(frozen=True)
class Limits:
    """Seconds. No call begins unless it can end within what is left of `whole`, which stays below any lease."""

    connect: float = 3.0
    write: float = 3.0
    read: float = 6.0
    whole: float = 30.0

    @property
    def call(self) -> float:
        """The longest that one call may take."""
        return self.connect + self.write + self.read


class Budget:
    """The time that one errand at the registry may take altogether."""

    def __init__(self, limits: Limits) -> None:
        self._ends_at = _seconds() + limits.whole

    def left(self) -> float:
        """Seconds; the machine's own clock, for a socket waits in no other."""
        return self._ends_at - _seconds()


def _seconds() -> float:
    """Of a clock that nobody sets and that goes on while the machine sleeps, where there is one: nobody else waits."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@dataclass(frozen=True)
class Credential:
    """Who signs in. Neither is shown in a repr."""

    username: str = field(repr=False)
    password: str = field(repr=False)


class UndpClient:
    """One user of the registry. Tokens live in memory only, and nothing of them reaches a log."""

    def __init__(self, base_url: str, credential: Credential, limits: Limits) -> None:
        self._credential = credential
        self._limits = limits
        self._access = self._refresh = ""
        self.company = ""
        self._http = httpx.Client(
            base_url=base_url,
            headers={"Accept": "application/json", "Accept-Encoding": "identity"},
            timeout=httpx.Timeout(limits.read, connect=limits.connect, write=limits.write, pool=limits.connect),
            # A connection kept from before may be dead: whether bytes of a request left would not be known.
            limits=httpx.Limits(max_keepalive_connections=0),
            follow_redirects=False,
            trust_env=False,
        )

    def write(self, action: str, body: Mapping[str, object], budget: Budget) -> Answer:
        """Do something there, once; sent again only after an answer that says it was not processed."""
        return self._signed("POST", f"{TRANSACTIONS}/{action}", budget, body=body)

    def rows(self, query: str, filters: Sequence[Mapping[str, object]], budget: Budget) -> list[dict[str, Any]]:
        """Every row of a query, in the order in which the registry came to show them. Raises Unreadable.

        Values of filters are not escaped there: give only letters, digits, hyphens, brackets and slashes.
        """
        found: list[dict[str, Any]] = []
        page = 1
        while True:
            total, rows = self._page(query, filters, page, PAGE, "ASC", budget)
            found += rows
            if len(rows) < PAGE:
                break
            page += 1
        if len({row.get("id") for row in found}) != total:
            raise Unreadable("the registry's list changed while it was read")
        return found

    def newest(self, query: str, budget: Budget) -> dict[str, Any] | None:
        """The row that the registry came to show last. Raises Unreadable."""
        _, rows = self._page(query, (), 1, 1, "DESC", budget)
        return rows[0] if rows else None

    def log_of(self, project_id: str, budget: Budget) -> list[dict[str, Any]]:
        """The public log of a project, newest first; it needs no token. Raises Unreadable."""
        answer = self._call("GET", LOGS, budget, params={"refId": project_id})
        if answer.kind is not Kind.DONE or not _is_rows(answer.body):
            raise Unreadable(f"the project log: {answer.message}")
        return answer.body  # type: ignore[return-value]  # as just checked

    def _page(
        self, query: str, filters: Sequence[Mapping[str, object]], page: int, size: int, order: str, budget: Budget
    ) -> tuple[int, list[dict[str, Any]]]:
        # Without `sort` it answers 500.
        body: dict[str, object] = {"page": page, "size": size, "sort": {"key": "createdDate", "order": order}}
        if filters:
            body["filterAnd"] = list(filters)
        answer = self._signed("POST", f"{TRANSACTIONS}/{query}", budget, body=body)
        shown = answer.body if isinstance(answer.body, dict) else {}
        total, rows = shown.get("total"), shown.get("data")
        if answer.kind is not Kind.DONE or not isinstance(total, int) or not _is_rows(rows):
            raise Unreadable(f"{query}: {answer.message}")
        return total, rows  # type: ignore[return-value]  # as just checked

    def _signed(self, method: str, path: str, budget: Budget, *, body: Mapping[str, object]) -> Answer:
        """A call as our user. After a 401, which means "not processed", it is sent once more with a new token."""
        fresh = not self._access
        if fresh and not self._sign_in(budget):
            return Answer(Kind.NOT_SENT, "the registry did not let us sign in")
        answer = self._call(method, path, budget, body=body, token=self._access)
        if answer.kind is not Kind.SIGNED_OUT or fresh:
            return answer
        if not (self._renew(budget) or self._sign_in(budget)):
            return Answer(Kind.NOT_SENT, "the registry did not let us sign in again")
        return self._call(method, path, budget, body=body, token=self._access)

    def _sign_in(self, budget: Budget) -> bool:
        credential = {"username": self._credential.username, "password": self._credential.password}
        found = self._tokens(self._call("POST", LOGIN, budget, body=credential))
        self._access, self._refresh = found.get("access_token", ""), found.get("refresh_token", "")
        self.company = found.get("companyId", "")
        return bool(self._access and self.company)

    def _renew(self, budget: Budget) -> bool:
        found = self._tokens(self._call("POST", REFRESH, budget, body={"refreshToken": self._refresh}))
        self._access = found.get("access_token", "")
        return bool(self._access)

    @staticmethod
    def _tokens(answer: Answer) -> dict[str, str]:
        body = answer.body if isinstance(answer.body, dict) else {}
        return {name: str(value) for name, value in body.items() if value}

    def _call(
        self,
        method: str,
        path: str,
        budget: Budget,
        *,
        body: Mapping[str, object] | None = None,
        params: Mapping[str, str] | None = None,
        token: str = "",
    ) -> Answer:
        if budget.left() < self._limits.call:
            return Answer(Kind.NOT_SENT, "no time was left for it")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            with self._http.stream(method, path, json=body, params=params, headers=headers) as response:
                content = self._content(response, budget)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as failure:
            return Answer(Kind.NOT_SENT, f"no connection: {type(failure).__name__}")
        except httpx.HTTPError as failure:
            return Answer(Kind.UNKNOWN, f"no answer: {type(failure).__name__}")
        return classify(response.status_code, _value(content))

    @staticmethod
    def _content(response: httpx.Response, budget: Budget) -> bytes:
        """The whole body, or nothing of one that is too long or too slow."""
        content = bytearray()
        for piece in response.iter_bytes():
            content += piece
            if len(content) > LARGEST_ANSWER or budget.left() <= 0:
                return b""
        return bytes(content)


def _value(content: bytes) -> object:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def _is_rows(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(row, dict) for row in value)
