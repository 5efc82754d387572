"""Notices from the gateway: only signed ones leave a trace, each one only once, and none is acted on at once."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from app import jobs
from app.db import db
from app.payments.models import WebhookDelivery
from tests.conftest import AppMaker


def a_notice(identity: str = "evt_1", kind: str = "checkout.session.completed", **changes: Any) -> bytes:
    """An event in Stripe's shape."""
    event = {
        "id": identity,
        "object": "event",
        "type": kind,
        "created": int(time.time()),
        "livemode": False,
        "data": {"object": {"id": "tps_1", "client_reference_id": "T-7KMQ-2XHD"}},
    }
    return json.dumps(event | changes).encode()


def signed(app: Flask, body: bytes, *, age: int = 0) -> dict[str, str]:
    """The header of a sender that knows the secret, as Stripe's documentation says to make it."""
    at = int(time.time()) - age
    secret = app.extensions["tonne.settings"].testpay_secret
    mark = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return {"Stripe-Signature": f"t={at},v1={mark}", "Content-Type": "application/json"}


def post(client: FlaskClient, body: bytes, headers: dict[str, str], name: str = "testpay") -> TestResponse:
    return client.post(f"/webhooks/{name}", data=body, headers=headers)


def stored(app: Flask) -> int:
    """How many notices are kept."""
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(WebhookDelivery)) or 0


def hints(app: Flask) -> int:
    """How often a worker was woken."""
    return int(jobs.current_huey(app).pending_count())


def test_a_signed_notice_is_kept_and_wakes_a_worker(app: Flask, client: FlaskClient) -> None:
    body = a_notice()

    answer = post(client, body, signed(app, body))

    assert (answer.status_code, answer.mimetype) == (200, "text/plain")
    with app.app_context():
        kept = db.session.scalars(select(WebhookDelivery)).one()
    assert (kept.gateway, kept.event_id, kept.event_type) == ("testpay", "evt_1", "checkout.session.completed")
    assert (kept.object_reference, kept.order_hint, kept.processed_at) == ("tps_1", "T-7KMQ-2XHD", None)
    assert hints(app) == 1


def test_a_notice_that_comes_five_times_is_kept_once_and_always_answered(app: Flask, client: FlaskClient) -> None:
    body = a_notice()

    assert [post(client, body, signed(app, body)).status_code for _ in range(5)] == [200] * 5
    assert stored(app) == 1


@pytest.mark.parametrize(
    "wrong", ["unsigned", "tampered", "other secret", "too old", "no event", "empty", "other mode"]
)
def test_whatever_the_gateway_did_not_sign_is_refused_without_a_trace(
    app: Flask, client: FlaskClient, wrong: str
) -> None:
    body = b"" if wrong == "empty" else b"{}" if wrong == "no event" else a_notice()
    headers = signed(app, body)
    if wrong == "unsigned":
        headers.pop("Stripe-Signature")
    elif wrong == "tampered":
        body = body.replace(b"tps_1", b"tps_2")
    elif wrong == "other secret":
        headers["Stripe-Signature"] = headers["Stripe-Signature"][:-4] + "0000"
    elif wrong == "too old":
        headers = signed(app, body, age=3_600)
    elif wrong == "other mode":
        body = a_notice(livemode=True)
        headers = signed(app, body)

    answer = post(client, body, headers)

    assert (answer.status_code, answer.data) == (400, b"bad notice\n")
    assert (stored(app), hints(app)) == (0, 0)


@pytest.mark.parametrize("name", ["stripe", "TESTPAY", "other"])
def test_a_gateway_that_this_shop_does_not_use_has_no_address_here(app: Flask, client: FlaskClient, name: str) -> None:
    body = a_notice()

    assert post(client, body, signed(app, body), name).status_code == 404
    assert stored(app) == 0


def test_a_signed_notice_about_something_else_is_answered_and_not_kept(app: Flask, client: FlaskClient) -> None:
    body = a_notice(kind="customer.created")

    assert post(client, body, signed(app, body)).status_code == 200
    assert (stored(app), hints(app)) == (0, 0)


def test_a_notice_can_only_be_posted(client: FlaskClient) -> None:
    assert client.get("/webhooks/testpay").status_code == 405


def test_a_notice_is_kept_although_nobody_can_be_woken(make_app: AppMaker, caplog: pytest.LogCaptureFixture) -> None:
    app = make_app()

    def broken() -> None:
        raise OSError("the queue's disk is full")

    app.extensions["tonne.wake"] = broken
    body = a_notice()

    assert post(app.test_client(), body, signed(app, body)).status_code == 200
    assert stored(app) == 1
    assert "wake-up lost" in caplog.messages
