"""Why money cannot be sent or given back."""

from __future__ import annotations

from app.kernel.errors import Refusal


class PayoutUnfit(Refusal):
    """A payout cannot be written down so; `reason` is amount, payee, reference or day, `due` what could be paid."""

    code = "payout_unfit"


class RefundNotFailed(Refusal):
    """Only a refund that failed is tried again or paid by hand; its `state`."""

    code = "refund_not_failed"
