"""The log is one JSON object a line, tells what happened, and gives nobody away."""

from __future__ import annotations

import json
import logging
import sys
import time
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.kernel.references import unguessable_token, verification_code
from app.web import logs
from app.web.logs import MASK, mask
from tests.unit.web.conftest import SiteMaker


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_every_request_is_one_line(visitor: FlaskClient, capsys: pytest.CaptureFixture[str]) -> None:
    answer = visitor.get("/en/projects/IN-1514?q=secret")

    (line,) = lines(capsys)
    assert line["message"] == "answered"
    assert line["level"] == "INFO"
    assert line["logger"] == "tonne.request"
    assert (line["method"], line["path"]) == ("GET", "/en/projects/IN-1514")
    assert line["request_id"] == answer.headers["X-Request-ID"]
    assert line["facts"]["status"] == 200
    assert 0 <= line["facts"]["duration_ms"] < 60_000
    assert datetime.fromisoformat(line["time"]).utcoffset() == timedelta(0)
    assert "secret" not in str(line)


def test_static_files_and_health_checks_do_not_fill_the_log(
    visitor: FlaskClient, capsys: pytest.CaptureFixture[str]
) -> None:
    visitor.get("/static/nothing.css")
    visitor.get("/health")

    assert lines(capsys) == []


def test_the_level_is_a_setting(make_site: SiteMaker, capsys: pytest.CaptureFixture[str]) -> None:
    make_site(LOG_LEVEL="WARNING").test_client().get("/en/")
    assert lines(capsys) == []

    make_site(LOG_LEVEL="DEBUG").test_client().get("/health")
    assert [line["message"] for line in lines(capsys) if line["logger"] == "tonne.request"] == ["answered"]


def test_two_applications_in_one_process_write_each_line_once(
    make_site: SiteMaker, capsys: pytest.CaptureFixture[str]
) -> None:
    make_site()
    make_site().test_client().get("/en/")

    assert len(lines(capsys)) == 1


def test_the_link_of_an_order_is_in_no_log_line(visitor: FlaskClient, capsys: pytest.CaptureFixture[str]) -> None:
    token = unguessable_token()
    visitor.get(f"/en/orders/{token}")
    visitor.get(f"/en/orders/{token}/no-such-page?token={token}")

    written = lines(capsys)
    assert [line["path"] for line in written] == [f"/en/orders/{MASK}", f"/en/orders/{MASK}/no-such-page"]
    assert token not in str(written)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("key sk_live_Ab12 and rk_test_9z and whsec_77", f"key {MASK} and {MASK} and {MASK}"),
        ("mail to Jané.Doe+x@mail.example.org, then", f"mail to {MASK}, then"),
        ("Jane <jane@localhost>", f"Jane <{MASK}>"),
        ("smtp://user:hunter2@mail.example:25/x", f"smtp://user:{MASK}:25/x"),
        ("postgresql://u:hunter2@db/tonne", f"postgresql://u:{MASK}/tonne"),
        ("GET /fr/orders/abc-DEF_1/data.json?x", f"GET /fr/orders/{MASK}/data.json?x"),
        ("GET /testpay/ts_12", f"GET /testpay/{MASK}"),
        ("GET /en/account/join/kW3x", f"GET /en/account/join/{MASK}"),
        ("POST /fr/account/recover/kW3x/passkey", f"POST /fr/account/recover/{MASK}/passkey"),
        (
            "/es/account/email/kW3x /es/account/invitation/kW3x",
            f"/es/account/email/{MASK} /es/account/invitation/{MASK}",
        ),
        ("GET /en/account/verify/kW3x_abcdefghijklmnopqr-12", f"GET /en/account/verify/{MASK}"),
        ("GET /es/account/abcdefghijklmnopqrstuvwxyz0?x", f"GET /es/account/{MASK}?x"),
        ("POST /fr/sell/invitations/kW3x_abcdefghijklmnopqr-12/take", f"POST /fr/sell/invitations/{MASK}/take"),
        (
            "GET /en/account/passkeys/7, /en/sell/salkhit1/offers",
            "GET /en/account/passkeys/7, /en/sell/salkhit1/offers",
        ),
        ("/verify/TN1-2026?code=ABCD-EFGH&x=1", f"/verify/TN1-2026?code={MASK}&x=1"),
        ("code YHC6-KX7S-YTB7-H3GA-3BXW-NWFJ!", f"code {MASK}!"),
        ("[parameters: {'email': 'a', 'name': 'Jane [x]'}]\nnext", f"[parameters: {MASK}\nnext"),
        ("[parameters: ('Jane', 'cut off", f"[parameters: {MASK}"),
        ("DETAIL:  Failing row contains (1, Jane).\nnext", f"DETAIL:  {MASK}\nnext"),
        ("order T-7KMQ-2XHD, TN12/2026, task_name, risk_hold", "order T-7KMQ-2XHD, TN12/2026, task_name, risk_hold"),
    ],
)
def test_what_gives_somebody_away_is_masked(text: str, masked: str) -> None:
    assert mask(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "/" + "a" * 60_000,
        "/account/x" * 6_000,
        "/account/" + "x/" * 30_000,
        "/orders/x?code=" * 4_000,
        "ABCD-" * 12_000,
        "[parameters: " * 4_500,
    ],
    ids=["one word", "rooms of people", "a long way", "orders", "codes", "values"],
)
def test_the_longest_address_that_a_server_takes_costs_no_time(text: str) -> None:
    begun = time.process_time()
    mask(text)
    assert time.process_time() - begun < 0.2


def test_every_verification_code_and_order_link_is_masked() -> None:
    for _ in range(200):
        code, token = verification_code(), unguessable_token()
        masked = mask(f"{code} https://tonne.example/es/orders/{token} /en/orders/{token}/pay")
        assert code not in masked
        assert token not in masked


def test_facts_are_values_and_personal_ones_are_masked(site: Flask, capsys: pytest.CaptureFixture[str]) -> None:
    facts = {
        "order": "T-7KMQ-2XHD",
        "units": 12,
        "paid": True,
        "missing": None,
        "rate": 0.5,
        "email": "jane@example.org",
        "beneficiary": {"of": "Jane"},
        "nested": {"purpose": "my wedding", "lines": [1, "sk_live_1", ("a@b.example",)]},
        "at": timedelta(seconds=1),
    }
    logging.getLogger("tonne.test").info("order %s by %s", "T-7KMQ-2XHD", "jane@example.org", extra={"facts": facts})

    (line,) = lines(capsys)
    assert line["message"] == f"order T-7KMQ-2XHD by {MASK}"
    assert line["facts"] == {
        "order": "T-7KMQ-2XHD",
        "units": 12,
        "paid": True,
        "missing": None,
        "rate": 0.5,
        "email": MASK,
        "beneficiary": MASK,
        "nested": {"purpose": MASK, "lines": [1, MASK, [MASK]]},
        "at": "0:00:01",
    }
    assert "request_id" not in line


def test_nobody_can_forge_a_log_line(site: Flask, capsys: pytest.CaptureFixture[str]) -> None:
    logging.getLogger("tonne.test").warning('x"}\n{"level": "FORGED\x1b[31m\u2028')

    written = capsys.readouterr().err
    assert written.count("\n") == 1
    assert written.isascii()
    assert json.loads(written)["level"] == "WARNING"


def test_a_proxy_may_name_a_request_and_a_stranger_may_not(make_site: SiteMaker) -> None:
    name = {"X-Request-ID": "proxy-7f3a9c21"}

    assert make_site().test_client().get("/en/", headers=name).headers["X-Request-ID"] != "proxy-7f3a9c21"
    behind = make_site(TRUSTED_PROXIES="1").test_client()
    assert behind.get("/en/", headers=name).headers["X-Request-ID"] == "proxy-7f3a9c21"
    assert behind.get("/en/", headers={"X-Request-ID": "a b\tc"}).headers["X-Request-ID"] != "a b\tc"


def test_a_line_that_cannot_be_written_breaks_nothing(visitor: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        """A disk without space."""

        def write(self, _text: str) -> None:
            raise OSError("no space left")

        def flush(self) -> None:
            """Nothing was written."""

    monkeypatch.setattr(logging, "raiseExceptions", False)
    monkeypatch.setattr(sys, "stderr", Full())

    assert visitor.get("/en/").status_code == 200


def test_outside_a_request_a_line_has_no_request(site: Flask, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        raise ValueError("of jane@example.org")
    except ValueError:
        logging.getLogger("tonne.job").exception("job failed")

    (line,) = lines(capsys)
    assert "path" not in line
    assert f"ValueError: of {MASK}" in line["exception"]
    assert logs.HEADER == "X-Request-ID"
