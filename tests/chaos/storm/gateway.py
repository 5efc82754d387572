"""The gateway with books on disk, the post that carries its notices badly, and the banks behind it."""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from contextlib import suppress
from typing import Any

from tests.chaos.storm.books import Books
from tests.chaos.storm.clock import WorldClock
from tests.stripe_standin import StripeStandIn

Json = dict[str, Any]

# What goes wrong with calls while the weather is bad, and with how many of a thousand.
FAULTS = {"drop": 8, "lose_answer": 15, "error": 8, "error_after": 8, "busy": 5, "conflict": 3, "html": 3}
MOST_TRIES = 6
SECONDS_TO_ANSWER = 10
PULSE = 0.05  # seconds between two walks of the postman


class Gateway(StripeStandIn):
    """The stand-in; what it did is in the books before it answers."""

    def __init__(self, books: Books, clock: WorldClock, port: int, chance: random.Random) -> None:
        super().__init__(now=lambda: clock.now().timestamp(), port=port)
        self.books, self._chance = books, chance
        self.is_stormy = self.is_away = False
        self._server.handle_error = lambda *_what: None  # type: ignore[method-assign] # killed callers are no news
        self._written: dict[str, str] = {}
        account = self.account
        account.intents.update(books.contents("intent"))
        account.refunds.update(books.contents("refund"))
        account.sessions.update(books.contents("session"))
        account.disputes.update(books.contents("dispute"))
        for key, (place, status, body) in books.contents("answer"):
            self._answers[key] = ((place[0], place[1]), status, body)

    def answer(self, verb: str, path: str, encoded: str, headers: dict[str, str]) -> tuple[int, Json | str]:
        """One call, in bad weather perhaps with a fault."""
        with self._lock:
            if self.is_away:
                self.faults.append("drop")
            elif self.is_stormy:
                self.faults.append(self._drawn())
            return super().answer(verb, path, encoded, headers)

    def _drawn(self) -> str:
        calm = 1_000 - sum(FAULTS.values())
        fault = self._chance.choices(["", *FAULTS], [calm, *FAULTS.values()])[0]
        if fault:
            self.books.count(f"gateway: {fault}")
        return fault

    def _answer_truly(self, verb: str, path: str, encoded: str, headers: dict[str, str]) -> tuple[int, Json]:
        status, body = super()._answer_truly(verb, path, encoded, headers)
        key = headers.get("idempotency-key", "") if verb == "POST" else ""
        with self.books.at_once():
            if key:
                self._write("answer", key, [[path, encoded], status, body])
            if status == 200:
                self._keep(str(body.get("id", "")))
        return status, body

    def press(self, reference: str, action: str) -> str:
        """Press a button of the hosted page, or turn to the bank instead: `dispute` or `inquiry`."""
        if action in {"dispute", "inquiry"}:
            self.dispute(reference, is_inquiry=action == "inquiry")
            return f"{self.base}/c/pay/{reference}"
        with self._lock, self.books.at_once():
            leads_to = super().press(reference, action)
            self._keep(reference)
        return leads_to

    def behind_the_counter(self, do: str, reference: str, **how: Any) -> None:
        """What a bank does: `settle_bank`, `fail_bank`, `settle_refund`, `open_dispute`, `lose_dispute` and so on."""
        with self._lock, self.books.at_once():
            made = getattr(self.account, do)(reference, **how)
            self._keep(str(made or reference))

    def dispute(self, session_id: str, *, is_inquiry: bool) -> None:
        """A buyer asks their bank for what did not go back yet. Nobody asks twice, and for nothing."""
        with self._lock:
            intent = self.account.intents[self.account.sessions[session_id]["payment_intent"]]
            left = intent["amount"] - intent["latest_charge"]["amount_refunded"]
            if left and all(each["payment_intent"] != intent["id"] for each in self.account.disputes.values()):
                self.books.count("disputes: inquiries" if is_inquiry else "disputes: money taken at once")
                self.behind_the_counter("open_dispute", session_id, amount=left, is_inquiry=is_inquiry)

    # --- the books -----------------------------------------------------------------------------------

    def _keep(self, reference: str) -> None:
        account = self.account
        session, refund = account.sessions.get(reference), account.refunds.get(reference)
        dispute = account.disputes.get(reference)
        intent_id = (session or refund or {}).get("payment_intent")
        if session:
            facts = [session[name] for name in ("client_reference_id", "customer_email", "amount_total")]
            self._write("session", reference, session, *facts, session["status"], session["payment_status"])
        if refund:
            self._write("refund", reference, refund, refund["payment_intent"], refund["amount"], refund["status"])
        if dispute:
            taken = -sum(move["amount"] for move in dispute["balance_transactions"])
            facts = [dispute["payment_intent"], dispute["amount"], taken, dispute["status"]]
            self._write("dispute", reference, dispute, *facts)
        if intent_id:
            intent = account.intents[intent_id]
            refunded = intent["latest_charge"]["amount_refunded"]
            self._write("intent", intent_id, intent, intent["amount"], refunded, intent["status"])
        events, account.events = account.events, []
        for event in events:
            self._post_badly(event)

    def _write(self, table: str, key: str, content: Any, *facts: Any) -> None:
        text = json.dumps(content)
        if self._written.get(key) != text:
            self._written[key] = text
            self.books.put(table, key, *facts, text)

    def _post_badly(self, event: Json) -> None:
        """How often a notice goes out and when, drawn anew for each: not at all, twice, out of order, hours late."""
        chance = self._chance if self.is_stormy else random.Random(0)  # noqa: S311 - chances, not secrets
        copies = chance.choices((0, 1, 2, 3), (20, 50, 25, 5))[0] if self.is_stormy else 1
        self.books.count("notices: lost" if copies == 0 else "notices: sent", max(1, copies))
        for _copy in range(copies):
            late = chance.choices((0.2, 3, 15), (75, 20, 5))[0] * chance.random() if self.is_stormy else 0
            is_bad = self.is_stormy and chance.random() < 0.03
            self.books.write(
                "INSERT INTO notice (body, due, tries, is_badly_signed) VALUES (?, ?, 0, ?)",
                json.dumps(event), time.time() + late, is_bad,
            )  # fmt: skip


class Postman(threading.Thread):
    """Takes the notices that are due to the shop; one that is not taken comes again, but not for ever."""

    def __init__(self, gateway: Gateway, port: int) -> None:
        super().__init__(daemon=True)
        self._gateway, self._books, self._port = gateway, gateway.books, port
        self._is_over = threading.Event()
        self._line: http.client.HTTPConnection | None = None

    def run(self) -> None:
        while not self._is_over.wait(PULSE):
            due = self._books.rows(
                "SELECT id, body, tries, is_badly_signed FROM notice WHERE due <= ? ORDER BY due LIMIT 50", time.time()
            )
            for number, body, tries, is_badly_signed in due:
                self._take(number, body, tries, bool(is_badly_signed))
        if self._line is not None:
            self._line.close()

    def stop(self) -> None:
        """Finish the present walk."""
        self._is_over.set()
        self.join()

    def _take(self, number: int, body: str, tries: int, is_badly_signed: bool) -> None:
        status = self._post(body, is_badly_signed)
        if is_badly_signed:
            assert status in {0, 400, 503}, f"a notice without a signature was answered with {status}"
        if status == 200 or is_badly_signed or tries + 1 == MOST_TRIES:
            self._books.write("DELETE FROM notice WHERE id = ?", number)
        else:
            self._books.write(
                "UPDATE notice SET tries = tries + 1, due = ? WHERE id = ?", time.time() + 0.5 * 2**tries, number
            )

    def _post(self, body: str, is_badly_signed: bool) -> int:
        signature = self._gateway.sign(body if not is_badly_signed else body + " ")
        if self._line is None:
            self._line = http.client.HTTPConnection("127.0.0.1", self._port, timeout=SECONDS_TO_ANSWER)
        try:
            self._line.request(
                "POST", "/webhooks/stripe", body.encode(), {"Content-Type": "application/json", **signature}
            )
            answer = self._line.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            with suppress(OSError):
                self._line.close()
            self._line = None
            return 0
        return answer.status
