"""Notices of a gateway that knows the secret and has lost its mind."""

from __future__ import annotations

import json

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.attack.judging import faults_of
from tests.attack.nasty import BODIES, TEXTS
from tests.service.jobs.test_webhooks import a_notice, post, signed

ODD = [None, True, 0, -1, 10**400, 1.5, "", [], {}, [[]], {"id": None}, "\ud800", "\x00", *TEXTS[:60:6]]


def notices() -> list[bytes]:
    """Notices in which one part after the other is not what it should be."""
    whole = json.loads(a_notice())
    made = list(BODIES)
    for name in whole:
        made += [json.dumps(whole | {name: value}).encode() for value in ODD]
    for inner in ("id", "client_reference_id", "payment_intent", "amount_total", "metadata"):
        changed = [whole["data"]["object"] | {inner: value} for value in ODD]
        made += [json.dumps(whole | {"data": {"object": found}}).encode() for found in changed]
    return made


def test_a_signed_notice_with_nonsense_is_answered(app: Flask, client: FlaskClient) -> None:
    app.config["PROPAGATE_EXCEPTIONS"] = False
    wrong = {}
    for body in notices():
        answer = post(client, body, signed(app, body))
        if answer.status_code not in {200, 400} or faults_of(answer):
            wrong[body[:200]] = answer.status_code, faults_of(answer)

    assert wrong == {}


@pytest.mark.parametrize("name", ["unknown", "..%2f", "%00", "testpay%20", "a" * 500])
def test_a_gateway_that_is_not_ours_has_no_address(app: Flask, client: FlaskClient, name: str) -> None:
    body = a_notice()

    assert post(client, body, signed(app, body), name).status_code == 404
