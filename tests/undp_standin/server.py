"""The simulator's HTTP side: signing in, one call at a time, races, and misbehaviour on demand."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.undp_standin.faults import Faults
from tests.undp_standin.rules import Rules
from tests.undp_standin.shapes import Json, Refuse, check_login, check_refresh
from tests.undp_standin.things import User

TRANSACTIONS = "/national/creditTransactionsManagement/"
QUERIES = frozenset({"queryBalance", "queryTransfers", "queryRetirements"})
WRITES = frozenset({"retireRequest", "performRetireAction", "transfer"})
ACCESS = timedelta(hours=2)
REFRESH = timedelta(hours=12)


@dataclass(frozen=True)
class Call:
    """One request that reached the server; `user` is empty where nobody was signed in."""

    method: str
    path: str
    user: str
    body: Json


@dataclass
class _Request:
    """A retireRequest on its way, perhaps together with others."""

    user: User
    body: Json
    answered: threading.Event = field(default_factory=threading.Event)
    answer: Json | Refuse | None = None


class Lost(Exception):
    """The connection ends without an answer."""


class UndpStandIn:
    """The registry on loopback. `together` holds retireRequests for one block until there are so many of them."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.faults = Faults()
        self.calls: list[Call] = []
        self.together = 1
        self.before_writes: list[Callable[[], object]] = []  # what happens just before the next writes, one each
        self.after_reads: dict[str, list[Callable[[], object]]] = {}  # and after the next queries of a name
        self._lock = threading.RLock()
        self._gate = threading.Condition()
        self._arrived: dict[str, list[_Request]] = {}
        self._tokens: dict[str, tuple[User, str, int]] = {}
        self._late: list[Callable[[], object]] = []
        self._closing = threading.Event()
        self._listen(0)
        self.base = f"http://127.0.0.1:{self._server.server_port}"

    def _listen(self, port: int) -> None:
        handler = type("Handler", (_Handler,), {"standin": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", port), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def plug(self) -> None:
        """Listen again, where it did."""
        self._listen(int(self.base.rpartition(":")[2]))

    def unplug(self) -> None:
        """Stop listening: who calls now is refused the connection."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def close(self) -> None:
        """Stop for good."""
        self._closing.set()
        self.unplug()

    def expire_tokens(self, *kinds: str) -> None:
        """Make tokens of these kinds (access, refresh) old."""
        with self._lock:
            self._tokens = {token: known for token, known in self._tokens.items() if known[1] not in kinds}

    def deliver_late(self) -> None:
        """Let the requests arrive that were on their way for long."""
        late, self._late = self._late, []
        for arrive in late:
            with suppress(Refuse):
                arrive()

    def wait_for(self, count: int) -> None:
        """Return when so many retireRequests are held."""
        with self._gate:
            assert self._gate.wait_for(lambda: sum(map(len, self._arrived.values())) >= count, timeout=5)

    # --- one call --------------------------------------------------------------------------------

    def answer(self, method: str, path: str, query: str, content: bytes, token: str) -> tuple[int, object, str]:
        """Status, JSON value (or text), and the fault that the sending of it meets."""
        kind = "writes" if path.rpartition("/")[2] in WRITES else "sign_in" if "/auth/" in path else "reads"
        fault = self.faults.take(kind)
        if fault == "lose_before":
            raise Lost
        if fault in _INSTEAD:
            return (*_INSTEAD[fault], "")
        if fault == "late":
            self._late.append(lambda: self._carry_out(method, path, query, content, token))
            raise Lost
        try:
            self.rules.logs_fail = fault == "odd_400_unlogged"
            if kind == "writes" and self.before_writes:
                self.before_writes.pop(0)()
            status, body = self._carry_out(method, path, query, content, token)
            if after := self.after_reads.get(path.rpartition("/")[2]):
                after.pop(0)()
        except Refuse as refusal:
            status, body = refusal.status, refusal.body
        finally:
            self.rules.logs_fail = False
        if fault == "slow":
            self._closing.wait(5)
        if fault in {"lose_after", "slow"}:
            raise Lost
        if fault in _AFTERWARDS:
            return (*_AFTERWARDS[fault], "")
        return status, body, fault

    def _carry_out(self, method: str, path: str, query: str, content: bytes, token: str) -> tuple[int, object]:
        name = path.removeprefix(TRANSACTIONS)
        body = _parsed(content)
        with self._lock:
            self.rules.catch_up()
            user = self._user(token, "access")
            self.calls.append(Call(method, path, user.email if user else "", body))
            if (method, path) == ("GET", "/national/ping"):
                return 200, "Hello National API :local"
            if (method, path) == ("GET", "/national/projectManagement/logs"):
                return 200, self.rules.logs(parse_qs(query).get("refId", [""])[0])
            if (method, path) == ("POST", "/national/auth/login"):
                return 201, self._sign_in(body)
            if (method, path) == ("POST", "/national/auth/login/refresh"):
                return 201, self._renew(body)
            if method != "POST" or name not in QUERIES | WRITES:
                raise Refuse(404, f"Cannot {method} {path}", "Not Found")
            if user is None:
                raise Refuse(401, "Unauthorized")
            if name in QUERIES:
                return 201, self.rules.query(user, name, body)
            if name == "performRetireAction":
                return 201, self.rules.act(user, body)
            if name == "transfer":
                return 201, self.rules.transfer(user, body)
        return 201, self._retire(user, body)

    def _retire(self, user: User, body: Json) -> Json:
        """Requests for one block that are there at the same instant are one race."""
        request, block = _Request(user, body), str(body.get("blockId"))
        with self._gate:
            self._arrived.setdefault(block, []).append(request)
            is_first = len(self._arrived[block]) == 1
            self._gate.notify_all()
            if is_first:
                self._gate.wait_for(lambda: len(self._arrived[block]) >= self.together, timeout=5)
        if is_first:
            with self._lock:
                with self._gate:
                    racing = self._arrived.pop(block)
                for each, answer in zip(
                    racing, self.rules.retire([(each.user, each.body) for each in racing]), strict=True
                ):
                    each.answer = answer
                    each.answered.set()
        request.answered.wait(5)
        if request.answer is None or isinstance(request.answer, Refuse):
            raise request.answer or Lost
        return request.answer

    # --- who is there ------------------------------------------------------------------------------

    def _sign_in(self, body: Json) -> Json:
        check_login(body)
        user = self.rules.users.get(body["username"])
        if user is None or user.password != body["password"]:
            raise Refuse(401, "Invalid credentials. Please check your username and password and try again.")
        return {
            "access_token": self._token(user, "access", ACCESS),
            "refresh_token": self._token(user, "refresh", REFRESH),
            "role": "Admin",
            "id": user.id,
            "name": user.name,
            "companyId": user.company.id,
            "companyRole": user.company.role,
            "companyName": user.company.name,
            "companyLogo": None,
            "ability": "{}",
            "companyState": 1,
        }

    def _renew(self, body: Json) -> Json:
        check_refresh(body)
        user = self._user(body["refreshToken"], "refresh")
        if user is None:
            raise Refuse(401, "jwt expired")
        return {"access_token": self._token(user, "access", ACCESS)}

    def _token(self, user: User, kind: str, life: timedelta) -> str:
        token = f"{kind}.{secrets.token_hex(16)}"
        self._tokens[token] = (user, kind, self.rules.now_ms() + round(life.total_seconds() * 1000))
        return token

    def _user(self, token: str, kind: str) -> User | None:
        user, known, until_ms = self._tokens.get(token, (None, "", 0))
        return user if known == kind and self.rules.now_ms() < until_ms else None


def _parsed(content: bytes) -> Json:
    try:
        body: Any = json.loads(content) if content else {}
    except ValueError:
        raise Refuse(400, f"Unterminated string in JSON at position {len(content)}", "Bad Request") from None
    return body if isinstance(body, dict) else {}


_ODD = {"statusCode": 400, "message": "Cannot read properties of undefined (reading 'txData')"}
_BROKEN = {"statusCode": 500, "message": "Internal server error"}
_INSTEAD: dict[str, tuple[int, object]] = {
    "error_before": (500, _BROKEN),
    "odd_400_before": (400, _ODD),
    "busy": (429, {"statusCode": 429, "message": "ThrottlerException: Too Many Requests"}),
    "away": (503, "<html>503 Service Unavailable</html>"),
    "signed_out": (401, {"statusCode": 401, "message": "Unauthorized"}),
}
_AFTERWARDS: dict[str, tuple[int, object]] = {
    "error_after": (500, _BROKEN),
    "odd_400_after": (400, _ODD),
    "odd_400_unlogged": (400, _ODD),
    "html": (200, "<html>an interested proxy</html>"),
    "other_receipt": (201, {"statusCode": 200, "message": "Something else was created.", "data": {"id": ""}}),
}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet: two would wait 40 ms for each other
    standin: UndpStandIn

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        target = urlsplit(self.path)
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        try:
            status, body, fault = self.standin.answer(self.command, target.path, target.query, content, token)
        except Lost:
            self.close_connection = True
            return
        text = (body if isinstance(body, str) else json.dumps(body)).encode()
        if fault == "truncate":
            text = text[: len(text) // 2]
        self.send_response(status)
        self.send_header("Content-Type", "text/html" if isinstance(body, str) else "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        with suppress(BrokenPipeError, ConnectionResetError):
            self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by the standard library
        """Say nothing: the tests read `calls`."""
