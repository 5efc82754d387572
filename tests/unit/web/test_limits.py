"""Limits hold across processes and restarts, and never stop the shop."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, text
from sqlalchemy.exc import OperationalError

from app.db import db
from app.kernel.clock import FixedClock
from app.web import limits
from app.web.limits import limiter
from app.web.models import RateLimit
from tests.postgres import PrivateCluster
from tests.unit.web.conftest import SiteMaker


@pytest.fixture(params=["sqlite", "postgresql"])
def engine_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'limits.sqlite'}"
        return
    cluster: PrivateCluster = request.getfixturevalue("cluster")
    name = f"limits_{uuid4().hex[:12]}"
    yield cluster.create_database(name)
    cluster.drop_database(name)


@pytest.fixture
def limited(make_site: SiteMaker, engine_url: str) -> Flask:
    site = make_site(
        DATABASE_URL=engine_url, LIMIT_CHECKOUT="3/minute;5/hour", LIMIT_VERIFY="2/minute", LIMIT_RESEND="1/hour"
    )
    site.config["WTF_CSRF_ENABLED"] = False
    return site


def post(client: FlaskClient, path: str, address: str = "192.0.2.1") -> int:
    return client.post(path, environ_overrides={"REMOTE_ADDR": address}).status_code


def test_the_fourth_order_within_a_minute_waits_until_the_minute_is_over(limited: Flask, clock: FixedClock) -> None:
    visitor = limited.test_client()
    assert [post(visitor, "/en/checkout/review") for _ in range(3)] == [200, 200, 200]
    clock.advance(timedelta(seconds=20))

    stopped = visitor.post("/en/checkout/review", environ_overrides={"REMOTE_ADDR": "192.0.2.1"})

    assert stopped.status_code == 429
    assert stopped.headers["Retry-After"] == "40"
    assert "Try again in 40 seconds." in stopped.text
    clock.advance(timedelta(seconds=39))
    assert post(visitor, "/en/checkout/review") == 429
    clock.advance(timedelta(seconds=1))
    assert post(visitor, "/en/checkout/review") == 200


def test_the_limit_of_an_hour_holds_beside_that_of_a_minute(limited: Flask, clock: FixedClock) -> None:
    visitor = limited.test_client()
    for _ in range(5):
        assert post(visitor, "/en/checkout/review") == 200
        clock.advance(timedelta(minutes=1))

    stopped = visitor.post("/en/checkout/review", environ_overrides={"REMOTE_ADDR": "192.0.2.1"})

    assert stopped.status_code == 429
    assert stopped.headers["Retry-After"] == str(55 * 60)
    assert "Try again in 55 minutes." in stopped.text


def test_all_steps_of_the_checkout_count_together(limited: Flask) -> None:
    visitor = limited.test_client()

    assert [post(visitor, path) for path in ("/en/checkout", "/fr/checkout/review", "/es/checkout")] == [200] * 3
    assert post(visitor, "/en/checkout") == 429


def test_another_process_and_a_restarted_one_know_the_count(
    limited: Flask, make_site: SiteMaker, engine_url: str
) -> None:
    for _ in range(3):
        post(limited.test_client(), "/en/checkout")

    again = make_site(DATABASE_URL=engine_url, LIMIT_CHECKOUT="3/minute")
    again.config["WTF_CSRF_ENABLED"] = False

    assert post(again.test_client(), "/en/checkout") == 429
    assert post(limited.test_client(), "/en/checkout") == 429


def test_of_many_at_the_same_moment_exactly_the_allowed_number_gets_through(limited: Flask) -> None:
    def one(_: int) -> int:
        return post(limited.test_client(), "/en/checkout")

    with ThreadPoolExecutor(8) as crowd:
        answers = list(crowd.map(one, range(16)))

    assert sorted(answers) == [200] * 3 + [429] * 13


def test_another_address_is_not_held_up(limited: Flask) -> None:
    visitor = limited.test_client()
    for _ in range(4):
        post(visitor, "/en/checkout")

    assert post(visitor, "/en/checkout", "192.0.2.2") == 200
    assert post(visitor, "/en/checkout", "2001:db8:1:2::1") == 200


def test_looking_at_the_checkout_is_free(limited: Flask) -> None:
    visitor = limited.test_client()

    assert {visitor.get("/en/checkout/review").status_code for _ in range(10)} == {200}
    assert post(visitor, "/en/checkout/review", "127.0.0.1") == 200


def test_looking_up_certificates_counts_but_opening_the_form_does_not(limited: Flask) -> None:
    visitor = limited.test_client()

    assert {visitor.get("/en/verify").status_code for _ in range(10)} == {200}
    assert visitor.get("/en/verify/TN1-2026").status_code == 200
    assert visitor.post("/en/verify", data={"number": "TN2-2026"}).status_code == 302
    assert visitor.get("/fr/verify/TN3-2026?code=x").status_code == 429


def test_each_order_page_may_ask_for_its_own_mail(limited: Flask) -> None:
    visitor = limited.test_client()

    assert post(visitor, "/en/orders/first/resend") == 200
    assert post(visitor, "/fr/orders/first/resend", "192.0.2.9") == 429
    assert post(visitor, "/en/orders/second/resend") == 200


def test_nobody_who_reads_the_counters_can_open_an_order_page(limited: Flask) -> None:
    post(limited.test_client(), "/en/orders/secret-token/resend")

    with limited.app_context():
        assert all("secret-token" not in key for key in db.session.scalars(select(RateLimit.key)))


def test_a_clock_that_was_a_year_ahead_for_a_moment_stops_nobody_for_a_year(limited: Flask, clock: FixedClock) -> None:
    clock.advance(timedelta(days=365))
    assert [post(limited.test_client(), "/en/checkout") for _ in range(4)] == [200, 200, 200, 429]
    clock.advance(timedelta(days=-365))

    assert [post(limited.test_client(), "/en/checkout") for _ in range(4)] == [200, 200, 200, 429]
    clock.advance(timedelta(minutes=1))
    assert post(limited.test_client(), "/en/checkout") == 200


def test_of_two_requests_at_once_each_counts_whichever_looked_at_its_clock_first(
    limited: Flask, clock: FixedClock
) -> None:
    answers = []
    for _ in range(4):
        answers.append(post(limited.test_client(), "/en/checkout"))
        clock.advance(timedelta(milliseconds=-5))

    assert answers == [200, 200, 200, 429]


def test_the_log_does_not_say_who_was_stopped(limited: Flask, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(4):
        post(limited.test_client(), "/en/checkout")

    log = capsys.readouterr().err
    assert '"status": 429' in log
    assert "192.0.2.1" not in log


def test_counting_leaves_no_transaction_open_for_the_view(limited: Flask) -> None:
    with limited.test_request_context("/en/checkout/review", method="POST"):
        limited.preprocess_request()
        limited.dispatch_request()

        assert not db.session().in_transaction()
        assert db.session.scalar(select(func.count()).select_from(RateLimit)) == 2


def test_counters_of_windows_that_are_over_are_removed(limited: Flask, clock: FixedClock) -> None:
    for number in range(1, 6):
        post(limited.test_client(), "/en/verify", f"192.0.2.{number}")
    clock.advance(timedelta(minutes=2))
    post(limited.test_client(), "/en/verify", "192.0.2.99")

    with limited.app_context():
        assert db.session.scalar(select(func.count()).select_from(RateLimit)) == 1


def test_a_missing_table_stops_no_sale_and_is_logged(limited: Flask, capsys: pytest.CaptureFixture[str]) -> None:
    with limited.app_context(), db.engine.begin() as connection:
        connection.execute(text("DROP TABLE rate_limit"))

    assert {post(limited.test_client(), "/en/checkout") for _ in range(5)} == {200}
    assert "limit not counted" in capsys.readouterr().err
    with limited.test_request_context("/"):
        assert limiter.storage.get("any") == 0
        assert not limiter.storage.check()


def test_a_locked_database_stops_no_sale(
    make_site: SiteMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(limits, "SECONDS_TO_WAIT_FOR_A_LOCK", 0)
    path = tmp_path / "locked.sqlite"
    site = make_site(DATABASE_URL=f"sqlite:///{path}", LIMIT_CHECKOUT="1/minute")
    site.config["WTF_CSRF_ENABLED"] = False
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        assert {post(site.test_client(), "/en/checkout") for _ in range(2)} == {200}

    assert "limit not counted" in capsys.readouterr().err
    assert [post(site.test_client(), "/en/checkout") for _ in range(2)] == [200, 429]
    with site.app_context(), db.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 15_000


def test_the_counters_can_be_read_and_forgotten(limited: Flask, clock: FixedClock) -> None:
    with limited.test_request_context("/"):
        storage = limiter.storage
        assert storage.check()
        assert issubclass(OperationalError, storage.base_exceptions)
        assert storage.incr("a", 60) == 1
        assert storage.incr("a", 60, 2) == 3
        assert storage.get("a") == 3
        assert storage.get_expiry("a") == clock.now().timestamp() + 60
        assert storage.get_expiry("b") == clock.now().timestamp()
        storage.clear("a")
        assert storage.get("a") == 0
        storage.incr("a", 60)
        storage.incr("b", 60)
        assert storage.reset() == 2
        clock.advance(timedelta(seconds=60))
        assert storage.get("a") == 0


@pytest.mark.parametrize(
    ("address", "counted_as"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::ffff", "2001:db8:1:2::/64"),
        ("unix:", "unknown"),
        ("", "unknown"),
    ],
)
def test_one_subscriber_is_one_whatever_address_of_the_network_asks(site: Flask, address: str, counted_as: str) -> None:
    with site.test_request_context("/", environ_overrides={"REMOTE_ADDR": address}):
        assert limits.remote_address() == counted_as


def test_a_limit_of_a_proxy_in_front_asks_for_a_minute(site: Flask) -> None:
    answer = site.test_client().get("/status/429")

    assert answer.headers["Retry-After"] == "60"
    assert re.search("Try again in 1 minute", answer.text)
