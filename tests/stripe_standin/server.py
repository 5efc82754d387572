"""The stand-in's HTTP side: the API, the hosted page, signed events, and misbehaviour on demand."""

from __future__ import annotations

import html
import http.client
import json
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import stripe

from tests.stripe_standin.rules import Account, RefusedError, expanded
from tests.stripe_standin.shapes import ShapeError, operations

API_KEY = "sk_test_standin_0123456789abcdef"
WEBHOOK_SECRET = "whsec_standin_0123456789abcdef"


@dataclass(frozen=True)
class Call:
    """One request that reached the API."""

    verb: str
    path: str
    encoded: str
    headers: dict[str, str]
    parameters: dict[str, Any]


class _Lost(Exception):
    """The connection ends without an answer."""


class StripeStandIn:
    """Stripe on loopback, for as long as the `with` block lasts.

    `faults` holds what goes wrong with the next calls, one each: `drop` (nothing happens, no
    answer), `lose_answer` (it happens, no answer), `error` (500 before anything happens),
    `error_after` (500 after it happened), `busy` (429), `conflict` (409), `forbidden` (403), `html`
    (200 from a proxy); an empty one lets a call through.
    Events are posted to `webhook_url`, when there is one, by `deliver` or after each press of a
    button on the hosted page.
    """

    api_key = API_KEY
    webhook_secret = WEBHOOK_SECRET

    def __init__(self, now: Callable[[], float] = time.time, port: int = 0) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", port), type("Handler", (_Handler,), {"standin": self}))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._lock = threading.RLock()
        self._deliveries: deque[threading.Thread] = deque()
        self._answers: dict[str, tuple[tuple[str, str], int, dict[str, Any]]] = {}
        self.base = f"http://127.0.0.1:{self._server.server_port}"
        self.account = Account(self.base, now)
        self.faults: deque[str] = deque()
        self.calls: list[Call] = []
        self.webhook_url: str | None = None
        self.answer_changes: dict[str, Any] = {}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def forget_keys(self) -> None:
        """What Stripe does with idempotency keys after a day."""
        with self._lock:
            self._answers.clear()

    def wait_for_deliveries(self) -> None:
        """Return when every event of the buttons pressed so far was posted."""
        while self._deliveries:
            self._deliveries.popleft().join()

    def deliver(self) -> list[int]:
        """Post everything there is to tell, twice and shuffled; the statuses of the answers."""
        with self._lock:
            events = self.account.take_events()
        return [self._post(json.dumps(event)) for event in events]

    def sign(self, body: str, *, at: int | None = None) -> dict[str, str]:
        """The header that makes `body` ours, signed at `at` (seconds since 1970; now when None)."""
        return {"Stripe-Signature": stripe.WebhookSignature.generate_signature_header(body, self.webhook_secret, at)}

    def _post(self, body: str) -> int:
        assert self.webhook_url
        target = urlsplit(self.webhook_url)
        connection = http.client.HTTPConnection(target.hostname or "", target.port, timeout=10)
        try:
            connection.request(
                "POST", target.path, body.encode(), {"Content-Type": "application/json", **self.sign(body)}
            )
            return connection.getresponse().status
        finally:
            connection.close()

    # --- the API ---------------------------------------------------------------------------------

    def answer(self, verb: str, path: str, encoded: str, headers: dict[str, str]) -> tuple[int, dict[str, Any] | str]:
        """One call: faults first, then the key, the shape, the idempotency key, and the rules."""
        with self._lock:
            fault = self.faults.popleft() if self.faults else ""
            if fault == "drop":
                raise _Lost
            if fault in _ANSWERS_OF_FAULTS:
                return _ANSWERS_OF_FAULTS[fault]
            status, body = self._answer_truly(verb, path, encoded, headers)
            if fault == "lose_answer":
                raise _Lost
            if fault == "error_after":
                return _ANSWERS_OF_FAULTS["error"]
            return status, {**body, **self.answer_changes}

    def was_answered(self, headers: dict[str, str]) -> bool:
        """Whether a call with this idempotency key has its answer: a repeat only hears it again."""
        with self._lock:
            return headers.get("idempotency-key") in self._answers

    def _answer_truly(self, verb: str, path: str, encoded: str, headers: dict[str, str]) -> tuple[int, dict[str, Any]]:
        if headers.get("authorization") != f"Bearer {self.api_key}":
            return 401, _error("Invalid API Key provided")
        if headers.get("stripe-version") != stripe.api_version:
            return 400, _error("This stand-in speaks one version of the API only")
        found = next(((o, ref) for o in operations() if (ref := o.match(verb, path)) is not None), None)
        if found is None:
            return 404, _error(f"Unrecognized request URL ({verb}: {path})")
        operation, reference = found
        try:
            parameters = operation.parameters(encoded)
        except ShapeError as problem:
            return 400, _error(problem.message, code=problem.code, param=problem.parameter)
        self.calls.append(Call(verb, path, encoded, headers, parameters))
        key = headers.get("idempotency-key", "") if verb == "POST" else ""
        if key in self._answers:
            fingerprint, status, body = self._answers[key]
            if fingerprint != (path, encoded):
                return 400, _error("Keys for idempotent requests can only be used once", kind="idempotency_error")
            return status, body
        try:
            status, body = 200, self._carry_out(f"{verb} {operation.path}", reference, parameters)
        except RefusedError as refusal:
            status, body = refusal.status, refusal.body
        body = json.loads(json.dumps(body))
        if key:
            self._answers[key] = ((path, encoded), status, body)
        return status, body

    def _carry_out(self, call: str, reference: str, parameters: dict[str, Any]) -> dict[str, Any]:
        account = self.account
        match call:
            case "POST /v1/checkout/sessions":
                session = account.create_session(parameters)
            case "GET /v1/checkout/sessions/{session}":
                session = account.retrieve_session(reference)
            case "POST /v1/checkout/sessions/{session}/expire":
                session = account.expire_session(reference)
            case "POST /v1/refunds":
                return account.create_refund(parameters)
            case "GET /v1/refunds/{refund}":
                return account.retrieve_refund(reference)
            case "GET /v1/refunds":
                return account.list_refunds(parameters)
            case "GET /v1/disputes":
                return account.list_disputes(parameters)
            case _:
                raise RefusedError(f"This stand-in does not know {call}", status=404)
        return expanded(account, session, parameters.get("expand", []))

    # --- the hosted page ---------------------------------------------------------------------------

    def show(self, reference: str) -> str:
        """The hosted page, with a button for everything a buyer can do."""
        with self._lock:
            session = self.account.retrieve_session(reference)
        buttons = "".join(
            f'<button name="action" value="{action}">{label}</button>'
            for action, label in (("pay", "Pay"), ("bank", "Pay by bank"), ("decline", "Decline"))
        )
        amount = html.escape(f"{session['amount_total']} {session['currency']}")
        return (
            f'<!doctype html><html lang="{html.escape(session["locale"] or "en")}"><title>Stripe stand-in</title>'
            f'<h1>{amount}</h1><form method="post">{buttons}</form>'
            f'<p><a href="{html.escape(session["cancel_url"] or "")}">Back</a></p>'
        )

    def press(self, reference: str, action: str) -> str:
        """Press a button; returns where the browser goes. Events go out before or after that."""
        with self._lock:
            session = self.account.retrieve_session(reference)
            if action == "decline":
                return f"{self.base}/c/pay/{reference}"
            paid = self.account.pay(reference) if action == "pay" else self.account.pay_by_bank(reference)
        if not paid:
            return str(session["cancel_url"])
        if self.webhook_url:
            delivery = threading.Thread(target=self.deliver, daemon=True)
            self._deliveries.append(delivery)
            delivery.start()
        return str(session["success_url"]).replace("{CHECKOUT_SESSION_ID}", reference)


def _error(message: str, *, kind: str = "invalid_request_error", **facts: str) -> dict[str, Any]:
    return {"error": {"type": kind, "message": message, **facts}}


_ANSWERS_OF_FAULTS: dict[str, tuple[int, dict[str, Any] | str]] = {
    "error": (500, _error("Something went wrong on our end", kind="api_error")),
    "busy": (429, _error("Too many requests", code="rate_limit")),
    "conflict": (409, _error("Another request with this key is in progress", code="idempotency_key_in_use")),
    "forbidden": (403, _error("The key does not have the required permissions")),
    "html": (200, "<html>an interested proxy</html>"),
}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet: two would wait 40 ms for each other
    standin: StripeStandIn

    def do_GET(self) -> None:
        self._serve("")

    def do_POST(self) -> None:
        self._serve(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())

    def _serve(self, body: str) -> None:
        target = urlsplit(self.path)
        if target.path.startswith("/c/pay/"):
            self._serve_page(target.path.rpartition("/")[2], body)
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        repeated = {"Idempotent-Replayed": "true"} if self.standin.was_answered(headers) else {}
        try:
            status, answer = self.standin.answer(self.command, target.path, body or target.query, headers)
        except _Lost:
            self.close_connection = True
            return
        text = answer if isinstance(answer, str) else json.dumps(answer)
        self._send(status, text, {"Content-Type": "application/json", "Request-Id": "req_standin", **repeated})

    def _serve_page(self, reference: str, body: str) -> None:
        if self.command == "GET":
            self._send(200, self.standin.show(reference), {"Content-Type": "text/html; charset=utf-8"})
        else:
            action = parse_qs(body).get("action", ["pay"])[0]
            self._send(303, "", {"Location": self.standin.press(reference, action)})

    def _send(self, status: int, text: str, headers: dict[str, str]) -> None:
        content = text.encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        with suppress(BrokenPipeError):
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by the standard library
        """Say nothing: the tests read `calls`."""
