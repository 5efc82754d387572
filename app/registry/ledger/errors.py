"""Why the embedded registry does not issue, take money or forward. Facts are plain values."""

from app.kernel.errors import Fault, Refusal


class IssuanceUnfit(Refusal):
    """What is to be issued does not fit the catalogue: `field`."""

    code = "issuance_unfit"


class PaymentUnfit(Refusal):
    """A payment cannot be booked: `problem` is nothing_due, currency, amount, payer, reference,
    reused (its reference), or too_much (`open` is what is due, in minor units).
    """

    code = "ledger_payment_unfit"


class ForwardingUnfit(Refusal):
    """Units cannot be forwarded: `problem` is account, units or not_released (`units` that may go)."""

    code = "ledger_forwarding_unfit"


class ReferenceUsed(Fault):
    """A transaction was to be entered under a reference that another one has."""
