"""Our signatures of notices are Stripe's."""

from __future__ import annotations

import time

import pytest
import stripe

from app.payments.adapters import signatures
from app.payments.adapters.testpay_events import API_VERSION

BODY = '{"object": "event", "name": "Nguyễn"}'
SECRET = "whsec_ours"


def test_the_test_gateway_speaks_the_version_of_the_library() -> None:
    assert stripe.api_version == API_VERSION


def test_the_library_reads_our_signature() -> None:
    at = int(time.time())
    header = signatures.sign(BODY.encode(), SECRET, at)
    assert header == stripe.WebhookSignature.generate_signature_header(BODY, SECRET, at)
    assert stripe.WebhookSignature.verify_header(BODY, header, SECRET, tolerance=10)


def test_the_signature_of_the_library_is_read_whichever_secret_made_it() -> None:
    for secret in (SECRET, "whsec_former"):
        header = stripe.WebhookSignature.generate_signature_header(BODY, secret, 7)
        assert signatures.signed_at(BODY.encode(), header, (SECRET, "whsec_former")) == 7


GOOD = signatures.sign(BODY.encode(), SECRET, 7)
OURS = GOOD.partition("v1=")[2]


@pytest.mark.parametrize(
    "header",
    [
        "", "=", ",", "t", "v1", "t,v1", "t=7", f"v1={OURS}", f"t=8,v1={OURS}", f"t=soon,v1={OURS}", f"t=,v1={OURS}",
        f"t=7,v0={OURS}", f"t=7,v1={OURS.upper()}", f"t=7,v1={OURS[:-1]}", f"t=7,v1={OURS}0", "t=7,v1=", "t=7,v1=é",
        f"t={'7' * 5000},v1={OURS}",
    ],
)  # fmt: skip
def test_what_the_library_refuses_is_refused(header: str) -> None:
    if header.isascii():  # the library stumbles over the rest
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.WebhookSignature.verify_header(BODY, header, SECRET)
    with pytest.raises(ValueError, match=r"signed|integer|int\(\)"):
        signatures.signed_at(BODY.encode(), header, (SECRET,))


@pytest.mark.parametrize("secret", ["", " \t", "whsec_somebody_else"])
def test_another_secret_signs_nothing_and_neither_does_an_empty_one(secret: str) -> None:
    with pytest.raises(ValueError, match="not signed"):
        signatures.signed_at(BODY.encode(), GOOD, (secret,))
    with pytest.raises(ValueError, match="not signed"):
        signatures.signed_at(BODY.encode(), signatures.sign(BODY.encode(), secret, 7), (SECRET, " "))
