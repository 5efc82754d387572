"""Stripe: a hosted Checkout Session, asked again whenever the truth is needed.

Nothing of the library leaves this module: not its objects, not its errors.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from urllib.parse import urlsplit

import requests
import stripe

from app.config import Settings
from app.kernel.money import Money
from app.payments.adapters.limits import check_refund, check_request, payment_limits
from app.payments.adapters.notices import read_notice
from app.payments.adapters.stripe_disputes import read_dispute
from app.payments.ports import (
    DisputeStatus,
    GatewayEvent,
    GatewayFault,
    GatewayOutcomeUnknown,
    GatewayRefusal,
    GatewayState,
    GatewayUnavailable,
    PaymentLine,
    PaymentRequest,
    PaymentStart,
    PaymentStatus,
    RefundOutcome,
    RefundStatus,
)

if TYPE_CHECKING:
    from stripe.params import DisputeListParams, RefundCreateParams
    from stripe.params.checkout import SessionCreateParams, SessionCreateParamsLineItem

log = logging.getLogger(__name__)

# Three tries of at most this many seconds each: a buyer is waiting.
TIMEOUT = 15
RETRIES = 2
# So often may people have a refund tried again within a day.
MOST_KEYS = 10
MOST_LINES = 100
MOST_UNITS = 999_999
LONGEST_NAME = 250
# Languages of its page; in any other it chooses the buyer's own.
SPOKEN = frozenset(
    ("bg", "cs", "da", "de", "el", "en", "es", "et", "fi", "fr", "hr", "hu", "id", "it", "ja", "ko", "lt", "lv", "ms",
     "mt", "nb", "nl", "pl", "pt", "ro", "ru", "sk", "sl", "sv", "th", "tr", "vi", "zh")
)  # fmt: skip
EXPANDED = ["payment_intent.latest_charge"]

# A cancellation cannot be taken back, so no method that lets the buyer take the money back
# (direct debits) and none on credit (shared/payments.md 4.5).
EXCLUDED_METHODS = [
    "acss_debit", "affirm", "afterpay_clearpay", "alma", "au_becs_debit", "bacs_debit", "billie", "klarna",
    "nz_bank_account", "scalapay", "sepa_debit", "sequra", "sunbit", "us_bank_account", "zip",
]  # fmt: skip

# What Stripe says no to for good, as opposed to a request that we should never have sent.
REFUSING_CODES = frozenset(
    {
        "amount_too_large",
        "amount_too_small",
        "charge_already_refunded",
        "charge_disputed",
        "email_invalid",
        "refund_disputed_payment",
        "resource_missing",
    }
)
REFUSING_PARAMETERS = frozenset({"amount", "customer_email", "expires_at"})


def _session() -> requests.Session:
    # Stripe redirects nobody; whatever answers with a redirect must not send our key to a third machine.
    session = requests.Session()
    session.max_redirects = 0
    return session


class _Listed(Protocol):
    def to_dict(self) -> dict[str, Any]: ...


Answer = TypeVar("Answer")


class StripeGateway:
    """The payment port over Stripe's API; both addresses may be a stand-in's."""

    name = "stripe"

    def __init__(self, settings: Settings) -> None:
        stripe.set_app_info("Tonne")
        stripe.enable_telemetry = False
        # Below warnings the library logs addresses, parameters and answers: e-mail addresses too.
        logging.getLogger("stripe").setLevel(logging.WARNING)
        self._client = stripe.StripeClient(
            settings.stripe_secret_key,
            base_addresses={"api": settings.stripe_api_base},
            max_network_retries=RETRIES,
            http_client=stripe.RequestsClient(timeout=TIMEOUT, session=_session()),
        )
        self._limits = payment_limits(settings)
        self._page_origin = settings.stripe_checkout_origin
        self._webhook_secrets = settings.stripe_webhook_secrets
        self._is_live = not settings.stripe_secret_key.startswith(("sk_test_", "rk_test_"))

    def limits(self) -> tuple[Money, Money]:
        """Smallest and largest amount of one payment."""
        return self._limits

    def hosted_page_origins(self) -> tuple[str, ...]:
        """Where Stripe's page lives."""
        return (self._page_origin,)

    def start_checkout(self, request: PaymentRequest) -> PaymentStart:
        """Create a Checkout Session, idempotent by `request.key`.

        Raises GatewayUnavailable, GatewayOutcomeUnknown, GatewayRefusal or GatewayFault.
        """
        check_request(request, self._limits)
        with _answers(writes=True):
            session = self._client.v1.checkout.sessions.create(
                _session_parameters(request), {"idempotency_key": request.key}
            ).to_dict()
        return self._read(session, self._start)

    def status(self, gateway_reference: str) -> PaymentStatus:
        """Retrieve the session. Raises GatewayUnavailable, GatewayRefusal or GatewayFault."""
        with _answers(writes=False):
            session = self._client.v1.checkout.sessions.retrieve(gateway_reference, {"expand": EXPANDED}).to_dict()
        return self._read(session, _status)

    def expire_checkout(self, gateway_reference: str) -> PaymentStatus:
        """Expire the session; whatever Stripe says to that, the session itself is asked.

        Raises GatewayUnavailable, GatewayRefusal (unknown reference) or GatewayFault.
        """
        try:
            with _answers(writes=True):
                self._client.v1.checkout.sessions.expire(gateway_reference)
        except (GatewayUnavailable, GatewayOutcomeUnknown, GatewayRefusal, GatewayFault):
            # Not open any more, perhaps paid in this very second; or the answer was lost.
            log.info("a Checkout Session was not expired by us; asking for its state")
        return self.status(gateway_reference)

    def refund(self, gateway_reference: str, charge_reference: str | None, amount: Money, key: str) -> RefundStatus:
        """Refund part or all of a payment intent, once for each `key`.

        Stripe forgets idempotency keys after a day, so the key is in the metadata as well and is
        looked for first. Raises GatewayUnavailable, GatewayOutcomeUnknown, GatewayRefusal or
        GatewayFault.
        """
        status = self.status(gateway_reference)
        check_refund(amount, status.amount)
        intent = charge_reference or status.charge_reference
        if status.state is not GatewayState.SUCCEEDED or intent is None:
            raise GatewayRefusal(reason="not_paid")
        known = self._find_refund(intent, key)
        if known is None:
            asked: RefundCreateParams = {
                "payment_intent": intent,
                "amount": amount.minor,
                "reason": "requested_by_customer",
                "metadata": {"order": status.order_reference, "key": key},
            }
            with _answers(writes=True):
                known = self._make_refund(asked, key)
        refund = self._read(known, _made)
        if refund.amount != amount:
            raise GatewayRefusal(reason="key")
        return refund

    def refund_status(self, refund_reference: str) -> RefundStatus:
        """Retrieve the refund. Raises GatewayUnavailable, GatewayRefusal or GatewayFault."""
        with _answers(writes=False):
            refund = self._client.v1.refunds.retrieve(refund_reference).to_dict()
        return self._read(refund, _refund)

    def disputes(self, charge_reference: str) -> tuple[DisputeStatus, ...]:
        """List the disputes of a payment intent. Raises GatewayUnavailable, GatewayRefusal or GatewayFault."""
        listed = self._list_disputes({"payment_intent": charge_reference, "limit": 100})
        found = [self._read(dispute, read_dispute) for dispute in listed]
        return tuple(sorted(found, key=lambda dispute: dispute.opened_at))

    def disputed_since(self, at: datetime) -> tuple[str, ...]:
        """The payment intents of new disputes. Raises GatewayUnavailable, GatewayRefusal or GatewayFault."""
        listed = self._list_disputes({"created": {"gte": int(at.timestamp())}, "limit": 100})
        return tuple(dict.fromkeys(str(intent) for each in listed if (intent := each.get("payment_intent"))))

    def parse_event(self, body: bytes, headers: Mapping[str, str]) -> GatewayEvent | None:
        """Verify with each configured secret. Raises BadNotice."""
        return read_notice(body, headers, self._webhook_secrets, is_live=self._is_live)

    def _make_refund(self, asked: RefundCreateParams, key: str) -> dict[str, Any]:
        """Ask for a refund under the first of its idempotency keys that was not refused before.

        For a day Stripe only repeats what it said to a key. A refusal that is repeated made nothing when it was new,
        and what was in the way, such as a balance that was too low, may be over.
        """
        number = 1
        while True:
            idempotency_key = key if number == 1 else f"{key}#{number}"
            try:
                return self._client.v1.refunds.create(asked, {"idempotency_key": idempotency_key}).to_dict()
            except (stripe.InvalidRequestError, stripe.CardError) as refusal:
                is_repeated = (refusal.headers or {}).get("Idempotent-Replayed") == "true"
                if not is_repeated or number == MOST_KEYS:
                    raise
            number += 1

    def _find_refund(self, intent: str, key: str) -> dict[str, Any] | None:
        with _answers(writes=False):
            listed: Iterator[_Listed] = self._client.v1.refunds.list(
                {"payment_intent": intent, "limit": 100}
            ).auto_paging_iter()
            refunds = [refund.to_dict() for refund in listed]
        return next((refund for refund in refunds if (refund.get("metadata") or {}).get("key") == key), None)

    def _list_disputes(self, wanted: DisputeListParams) -> list[dict[str, Any]]:
        with _answers(writes=False):
            listed: Iterator[_Listed] = self._client.v1.disputes.list(wanted).auto_paging_iter()
            return [dispute.to_dict() for dispute in listed]

    def _start(self, session: dict[str, Any]) -> PaymentStart:
        url = urlsplit(session["url"])
        if f"{url.scheme}://{url.netloc}" != self._page_origin:
            raise GatewayFault("Stripe's page is not at STRIPE_CHECKOUT_ORIGIN")
        return PaymentStart(
            gateway_reference=session["id"],
            url=session["url"],
            expires_at=datetime.fromtimestamp(session["expires_at"], UTC),
        )

    def _read(self, answer: dict[str, Any], reader: Callable[[dict[str, Any]], Answer]) -> Answer:
        try:
            return reader(answer)
        except (AttributeError, LookupError, TypeError, ValueError):
            raise GatewayFault("an answer of Stripe has an unexpected shape") from None


@contextmanager
def _answers(*, writes: bool) -> Iterator[None]:
    """Turn the library's errors into the port's. They are cut off: some quote what we sent."""
    try:
        yield
    except stripe.StripeError as error:
        raise _translated(error, writes=writes) from None


def _translated(error: stripe.StripeError, *, writes: bool) -> Exception:
    facts = {
        "error": type(error).__name__,
        "status": error.http_status,
        "code": error.code,
        "parameter": getattr(error, "param", None),
        "request_id": error.request_id,
    }
    log.warning("Stripe answered with an error: %s", facts)
    if isinstance(error, stripe.IdempotencyError):
        return GatewayRefusal(reason="key", **facts)
    if isinstance(error, stripe.InvalidRequestError | stripe.CardError):
        if error.code in REFUSING_CODES or error.param in REFUSING_PARAMETERS:
            return GatewayRefusal(reason=error.code or error.param, **facts)
        return GatewayFault(f"Stripe does not accept our request: {facts}")
    if isinstance(error, stripe.APIConnectionError | stripe.APIError | stripe.RateLimitError):
        # Lost on the way, 5xx, or another call with the same key still at work (409). What was too much (429) did
        # nothing, but the library does not tell whether an answer was lost in a try before it.
        return GatewayOutcomeUnknown(**facts) if writes else GatewayUnavailable(**facts)
    return GatewayFault(f"Stripe does not accept our key: {facts}")


def _session_parameters(request: PaymentRequest) -> SessionCreateParams:
    ids = {"order": request.order_reference, "attempt": str(request.attempt)}
    return {
        "mode": "payment",
        "line_items": _line_items(request),
        "client_reference_id": request.order_reference,
        "customer_email": request.email,
        "locale": request.locale if request.locale in SPOKEN else "auto",
        "success_url": request.success_url,
        "cancel_url": request.back_url,
        "expires_at": int(request.expires_at.timestamp()),
        "excluded_payment_method_types": list(EXCLUDED_METHODS),
        "adaptive_pricing": {"enabled": False},
        "metadata": ids,
        "payment_intent_data": {
            "description": request.order_reference,
            "metadata": ids,
            "transfer_group": request.order_reference,
        },
    }


def _line_items(request: PaymentRequest) -> list[SessionCreateParamsLineItem]:
    if len(request.lines) > MOST_LINES:
        return [_line_item(request.order_reference, request.amount, 1)]
    return [_item(line) for line in request.lines]


def _item(line: PaymentLine) -> SessionCreateParamsLineItem:
    if line.units > MOST_UNITS:
        price = f"{line.unit_price.decimal} {line.unit_price.currency}"
        return _line_item(f"{line.units} x {price}: {line.name}", line.unit_price * line.units, 1)
    return _line_item(line.name, line.unit_price, line.units)


def _line_item(name: str, unit_price: Money, units: int) -> SessionCreateParamsLineItem:
    return {
        "price_data": {
            "currency": unit_price.currency.lower(),
            "product_data": {"name": name[:LONGEST_NAME]},
            "unit_amount": unit_price.minor,
        },
        "quantity": units,
    }


def _status(session: dict[str, Any]) -> PaymentStatus:
    intent = session.get("payment_intent") or {}
    charge = intent.get("latest_charge") or {}
    return PaymentStatus(
        gateway_reference=session["id"],
        order_reference=session["client_reference_id"],
        state=_state(session, intent),
        amount=Money(session["amount_total"], session["currency"].upper()),
        is_live=session["livemode"],
        charge_reference=intent.get("id"),
        method=(charge.get("payment_method_details") or {}).get("type"),
        refunded=charge.get("amount_refunded", 0),
    )


def _state(session: dict[str, Any], intent: dict[str, Any]) -> GatewayState:
    match session["status"], session["payment_status"]:
        case "open", "unpaid":
            return GatewayState.OPEN
        case "expired", "unpaid":
            return GatewayState.EXPIRED
        case "complete", "paid":
            return GatewayState.SUCCEEDED
        case "complete", "unpaid":
            # After a delayed method failed the intent waits for another one; nobody will bring it.
            failed = intent.get("status") in {"requires_payment_method", "canceled"}
            return GatewayState.FAILED if failed else GatewayState.PROCESSING
        case other:
            raise ValueError(other)


OUTCOMES = {
    "succeeded": RefundOutcome.SUCCEEDED,
    "failed": RefundOutcome.FAILED,
    "canceled": RefundOutcome.FAILED,
    "pending": RefundOutcome.PENDING,
    # The buyer's bank details are asked for; nothing has gone back yet.
    "requires_action": RefundOutcome.PENDING,
}


def _refund(refund: dict[str, Any]) -> RefundStatus:
    return _refund_in(refund, OUTCOMES[refund["status"]])


def _made(refund: dict[str, Any]) -> RefundStatus:
    """One that was just made, whatever state Stripe has it in: it must not be lost, for money may be on its way."""
    return _refund_in(refund, OUTCOMES.get(refund["status"], RefundOutcome.PENDING))


def _refund_in(refund: dict[str, Any], outcome: RefundOutcome) -> RefundStatus:
    return RefundStatus(
        gateway_reference=refund["id"],
        outcome=outcome,
        amount=Money(refund["amount"], refund["currency"].upper()),
    )
