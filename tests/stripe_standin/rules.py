"""What Stripe remembers, and where it says no: sessions, charges, refunds, events."""

from __future__ import annotations

import copy
import random
import secrets
import time
from collections.abc import Callable
from typing import Any

import stripe

SMALLEST = {"usd": 50, "eur": 50, "jpy": 50}
LARGEST = 99_999_999
MOST_LINES = 100
SHORTEST_LIFE = 30 * 60
LONGEST_LIFE = 24 * 60 * 60
TIME_FOR_EVIDENCE = 7 * 24 * 60 * 60
DISPUTE_FEE = 1500

Json = dict[str, Any]


class RefusedError(Exception):
    """A request of the right shape that Stripe does not carry out."""

    def __init__(self, message: str, *, parameter: str | None = None, code: str | None = None, status: int = 400):
        super().__init__(message)
        self.status = status
        self.body: Json = {"error": {"type": "invalid_request_error", "message": message}}
        if parameter:
            self.body["error"]["param"] = parameter
        if code:
            self.body["error"]["code"] = code


class Account:
    """One Stripe account in test mode. Not safe for threads: the server takes one call at a time."""

    def __init__(self, base: str, now: Callable[[], float] = time.time) -> None:
        self.base = base
        self.now = now
        self.sessions: dict[str, Json] = {}
        self.intents: dict[str, Json] = {}
        self.refunds: dict[str, Json] = {}
        self.disputes: dict[str, Json] = {}
        self.events: list[Json] = []

    # --- what the API does ---------------------------------------------------------------------

    def create_session(self, asked: Json) -> Json:
        """POST /v1/checkout/sessions"""
        total, currency = self._total(asked.get("line_items", []))
        self._check_session(asked)
        smallest = SMALLEST.get(currency, 0)
        if total < smallest:
            raise RefusedError("The total amount due is too small.", code="amount_too_small")
        if total > LARGEST:
            raise RefusedError("The total amount due is too large.", code="amount_too_large")
        reference = _name("cs_test")
        session = {
            "id": reference,
            "object": "checkout.session",
            "amount_total": total,
            "cancel_url": asked.get("cancel_url"),
            "client_reference_id": asked.get("client_reference_id"),
            "currency": currency,
            "customer_email": asked.get("customer_email"),
            "expires_at": asked.get("expires_at", int(self.now()) + LONGEST_LIFE),
            "livemode": False,
            "locale": asked.get("locale"),
            "metadata": asked.get("metadata", {}),
            "mode": "payment",
            # Null until the buyer submits.
            "payment_intent": None,
            "payment_status": "unpaid",
            "status": "open",
            "success_url": asked["success_url"],
            "url": f"{self.base}/c/pay/{reference}",
        }
        self.sessions[reference] = session
        return session

    def _check_session(self, asked: Json) -> None:
        if asked.get("mode") != "payment":
            raise RefusedError("Only payments are emulated.", parameter="mode")
        if not asked.get("success_url", "").startswith(("http://", "https://")):
            raise RefusedError("Not a valid URL", parameter="success_url", code="url_invalid")
        if "@" not in asked.get("customer_email", "@"):
            raise RefusedError("Invalid email address", parameter="customer_email", code="email_invalid")
        life = asked.get("expires_at", self.now() + LONGEST_LIFE) - self.now()
        if not SHORTEST_LIFE - 1 <= life <= LONGEST_LIFE:
            raise RefusedError("expires_at must be 30 minutes to 24 hours from now.", parameter="expires_at")

    def _total(self, items: list[Json]) -> tuple[int, str]:
        if not 1 <= len(items) <= MOST_LINES:
            raise RefusedError("A session has 1 to 100 line items.", parameter="line_items")
        currencies = {item["price_data"]["currency"] for item in items}
        if len(currencies) != 1:
            raise RefusedError("All line items must be in one currency.", parameter="line_items")
        for item in items:
            if item["quantity"] < 1 or item["quantity"] > 999_999 or item["price_data"]["unit_amount"] < 0:
                raise RefusedError("Not a quantity or amount.", parameter="line_items")
            if not item["price_data"]["product_data"]["name"].strip():
                raise RefusedError("A product needs a name.", parameter="line_items")
        return sum(item["quantity"] * item["price_data"]["unit_amount"] for item in items), currencies.pop()

    def retrieve_session(self, reference: str) -> Json:
        """GET /v1/checkout/sessions/{id}"""
        session = self.sessions.get(reference)
        if session is None:
            raise RefusedError("No such checkout.session", parameter="session", code="resource_missing", status=404)
        if session["status"] == "open" and session["expires_at"] <= self.now():
            self._expire(session)
        return session

    def expire_session(self, reference: str) -> Json:
        """POST /v1/checkout/sessions/{id}/expire"""
        session = self.retrieve_session(reference)
        if session["status"] != "open":
            raise RefusedError("Only Checkout Sessions with a status of open can be expired.")
        self._expire(session)
        return session

    def _expire(self, session: Json) -> None:
        session["status"] = "expired"
        session["url"] = None
        self._tell("checkout.session.expired", session)

    def create_refund(self, asked: Json) -> Json:
        """POST /v1/refunds"""
        intent = self.intents.get(asked.get("payment_intent", ""))
        if intent is None:
            raise RefusedError(
                "No such payment_intent", parameter="payment_intent", code="resource_missing", status=404
            )
        charge = intent["latest_charge"]
        if charge is None or charge["status"] != "succeeded":
            raise RefusedError("This PaymentIntent has no successful charge to refund.", parameter="payment_intent")
        if any(each["charge"] == charge["id"] and not each["is_charge_refundable"] for each in self.disputes.values()):
            raise RefusedError("Charge has been charged back.", code="charge_disputed")
        left = charge["amount"] - charge["amount_refunded"]
        if left == 0:
            raise RefusedError("Charge has already been refunded.", code="charge_already_refunded")
        amount = asked.get("amount", left)
        if not 0 < amount <= left:
            raise RefusedError("Refund amount is greater than unrefunded amount on charge", parameter="amount")
        charge["amount_refunded"] += amount
        refund = {
            "id": _name("re"),
            "object": "refund",
            "amount": amount,
            "charge": charge["id"],
            "currency": charge["currency"],
            "metadata": asked.get("metadata", {}),
            "payment_intent": intent["id"],
            "status": "pending" if charge["payment_method_details"]["type"] != "card" else "succeeded",
        }
        self.refunds[refund["id"]] = refund
        self._tell("refund.created", refund)
        return refund

    def retrieve_refund(self, reference: str) -> Json:
        """GET /v1/refunds/{id}"""
        if reference not in self.refunds:
            raise RefusedError("No such refund", parameter="id", code="resource_missing", status=404)
        return self.refunds[reference]

    def list_refunds(self, asked: Json) -> Json:
        """GET /v1/refunds, newest first"""
        return self._list("refunds", self.refunds, asked)

    def list_disputes(self, asked: Json) -> Json:
        """GET /v1/disputes, newest first"""
        since = asked.get("created", {}).get("gte", 0)
        return self._list(
            "disputes", {name: each for name, each in self.disputes.items() if each["created"] >= since}, asked
        )

    def _list(self, name: str, things: dict[str, Json], asked: Json) -> Json:
        found = [
            thing
            for thing in reversed(things.values())
            if asked.get("payment_intent") in (None, thing["payment_intent"])
        ]
        after = asked.get("starting_after")
        if after:
            found = found[1 + [thing["id"] for thing in found].index(after) :]
        limit = asked.get("limit", 10)
        return {
            "object": "list",
            "data": found[:limit],
            "has_more": len(found) > limit,
            "url": f"/v1/{name}",
        }

    # --- what buyers and banks do ----------------------------------------------------------------

    def pay(self, reference: str) -> bool:
        """The buyer pays by card. False when the page is not open any more."""
        return self._submit(reference, "card", "succeeded")

    def pay_by_bank(self, reference: str) -> bool:
        """The buyer promises a transfer. False when the page is not open any more."""
        return self._submit(reference, "customer_balance", "processing")

    def _submit(self, reference: str, method: str, status: str) -> bool:
        session = self.retrieve_session(reference)
        if session["status"] != "open":
            return False
        charge = {
            "id": _name("ch"),
            "object": "charge",
            "amount": session["amount_total"],
            "amount_refunded": 0,
            "currency": session["currency"],
            "payment_method_details": {"type": method},
            "status": "succeeded" if status == "succeeded" else "pending",
        }
        intent = {
            "id": _name("pi"),
            "object": "payment_intent",
            "amount": session["amount_total"],
            "currency": session["currency"],
            "latest_charge": charge,
            "status": status,
        }
        self.intents[intent["id"]] = intent
        session.update(payment_intent=intent["id"], status="complete", url=None)
        session["payment_status"] = "paid" if status == "succeeded" else "unpaid"
        self._tell("checkout.session.completed", session)
        return True

    def settle_bank(self, reference: str) -> None:
        """The transfer arrives."""
        session, intent = self._waiting(reference)
        intent["status"] = intent["latest_charge"]["status"] = "succeeded"
        session["payment_status"] = "paid"
        self._tell("checkout.session.async_payment_succeeded", session)

    def fail_bank(self, reference: str) -> None:
        """The transfer never arrives."""
        session, intent = self._waiting(reference)
        intent["status"] = "requires_payment_method"
        intent["latest_charge"]["status"] = "failed"
        self._tell("checkout.session.async_payment_failed", session)

    def _waiting(self, reference: str) -> tuple[Json, Json]:
        session = self.sessions[reference]
        return session, self.intents[session["payment_intent"]]

    def settle_refund(self, reference: str) -> None:
        """A pending refund reaches the buyer."""
        self.refunds[reference]["status"] = "succeeded"
        self._tell("refund.updated", self.refunds[reference])

    def fail_refund(self, reference: str) -> None:
        """The buyer's bank sends a refund back."""
        refund = self.refunds[reference]
        refund["status"] = "failed"
        self.intents[refund["payment_intent"]]["latest_charge"]["amount_refunded"] -= refund["amount"]
        self._tell("refund.failed", refund)

    def open_dispute(self, reference: str, *, amount: int | None = None, is_inquiry: bool = False) -> str:
        """The buyer asks their bank for the money of a page back; the bank takes it at once, or only asks."""
        intent = self.intents[self.sessions[reference]["payment_intent"]]
        dispute = {
            "id": _name("du"),
            "object": "dispute",
            "amount": intent["amount"] if amount is None else amount,
            "balance_transactions": [],
            "charge": intent["latest_charge"]["id"],
            "created": int(self.now()),
            "currency": intent["currency"],
            "evidence_details": {"due_by": int(self.now()) + TIME_FOR_EVIDENCE, "submission_count": 0},
            "is_charge_refundable": is_inquiry,
            "livemode": False,
            "metadata": {},
            "payment_intent": intent["id"],
            "reason": "fraudulent",
            "status": "warning_needs_response" if is_inquiry else "needs_response",
        }
        self.disputes[dispute["id"]] = dispute
        self._tell("charge.dispute.created", dispute)
        if not is_inquiry:
            self._move_money(dispute, -dispute["amount"])
            self._tell("charge.dispute.funds_withdrawn", dispute)
        return str(dispute["id"])

    def submit_evidence(self, reference: str) -> None:
        """Somebody sends evidence at Stripe's own pages."""
        dispute = self.disputes[reference]
        dispute["status"] = dispute["status"].replace("needs_response", "under_review")
        dispute["evidence_details"]["due_by"] = None
        self._tell("charge.dispute.updated", dispute)

    def escalate_inquiry(self, reference: str) -> None:
        """The bank is not content with asking, and takes the money."""
        dispute = self.disputes[reference]
        dispute.update(status="needs_response", is_charge_refundable=False)
        self._tell("charge.dispute.updated", dispute)
        self._move_money(dispute, -dispute["amount"])
        self._tell("charge.dispute.funds_withdrawn", dispute)

    def win_dispute(self, reference: str) -> None:
        """The bank decides for the seller and gives the money back; an inquiry is only closed."""
        dispute = self.disputes[reference]
        was_inquiry = dispute["status"].startswith("warning")
        dispute["status"] = "warning_closed" if was_inquiry else "won"
        self._tell("charge.dispute.closed", dispute)
        if not was_inquiry:
            self._move_money(dispute, dispute["amount"])
            self._tell("charge.dispute.funds_reinstated", dispute)

    def lose_dispute(self, reference: str) -> None:
        """The bank decides for the buyer."""
        dispute = self.disputes[reference]
        dispute["status"] = "lost"
        self._tell("charge.dispute.closed", dispute)

    def _move_money(self, dispute: Json, amount: int) -> None:
        fee = DISPUTE_FEE if amount < 0 else 0
        dispute["balance_transactions"].append(
            {"id": _name("txn"), "object": "balance_transaction", "amount": amount, "fee": fee, "net": amount - fee}
        )

    # --- events ------------------------------------------------------------------------------------

    def _tell(self, kind: str, subject: Json) -> None:
        self.events.append(
            {
                "id": _name("evt"),
                "object": "event",
                "api_version": stripe.api_version,
                "created": int(self.now()),
                "data": {"object": copy.deepcopy(subject)},
                "livemode": False,
                "type": kind,
            }
        )

    def take_events(self) -> list[Json]:
        """Everything to be told since the last call: each event twice, in any order."""
        twice = [*self.events, *self.events]
        self.events = []
        random.shuffle(twice)
        return twice


def expanded(account: Account, session: Json, paths: list[str]) -> Json:
    """A session with its intent and charge inside, as far as `expand` asks for it."""
    intent = account.intents.get(session["payment_intent"] or "")
    if intent is None or not any(path.startswith("payment_intent") for path in paths):
        return session
    charge = intent["latest_charge"]
    inside = charge if "payment_intent.latest_charge" in paths else charge["id"]
    return {**session, "payment_intent": {**intent, "latest_charge": inside}}


def _name(prefix: str) -> str:
    return f"{prefix}_{secrets.token_hex(12)}"
