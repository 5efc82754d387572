"""Numbers that Prometheus reads: right, without names, and for nobody who should not see them."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families

from app.jobs import heartbeat
from app.kernel.clock import FixedClock
from app.version import VERSION
from tests.builders import a_paid_order, a_placed_order, an_offer, the_order
from tests.conftest import AppMaker
from tests.service.conftest import Shop

TOKEN = "a-token-of-tests-0001"
HERE = {"REMOTE_ADDR": "127.0.0.1"}


def numbers(app: Flask) -> dict[tuple[str, str], float]:
    """Every sample by name and by its label (but for the process), as the parser of Prometheus reads them."""
    answer = app.test_client().get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    assert answer.headers["Cache-Control"] == "no-store"
    return {
        (sample.name, next((value for name, value in sample.labels.items() if name != "process"), "")): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_the_numbers_are_those_of_the_tables(shop: Shop) -> None:
    offer = shop.offer(units=100)
    shop.finished_order({offer: 3})
    with shop.inside() as world:
        a_placed_order(world.settings, {offer: 2})
        heartbeat.beat(shop.clock.now() - timedelta(seconds=42))

    found = numbers(shop.app)

    assert found["tonne_orders", "fulfilled"] == 1
    assert found["tonne_orders", "placed"] == 1
    assert found["tonne_orders", "risk_hold"] == 0
    assert found["tonne_payments", "succeeded"] == 1
    assert found["tonne_cancellations", "confirmed"] == 1
    assert found["tonne_documents", "drawn"] == 1
    assert found["tonne_mails", "sent"] >= 2
    assert found["tonne_offers", "live"] == 1
    assert [found["tonne_offer_units", of] for of in ("offered", "reserved", "settled")] == [100, 2, 3]
    assert found["tonne_worker_heartbeat_age_seconds", ""] == 42
    assert found["tonne_database_up", ""] == 1


def test_the_oldest_due_thing_and_the_seconds_to_the_certificate_are_numbers(world: Any, context: Flask) -> None:
    assert math.isnan(numbers(context)["tonne_worker_heartbeat_age_seconds", ""])
    assert ("tonne_paid_to_certified_seconds", "0.5") not in numbers(context)
    order = the_order(a_paid_order(world, {an_offer(): 1}))
    order_id = order.id
    world.clock.advance(timedelta(seconds=90))

    waiting = numbers(context)
    assert waiting["tonne_due", "paid_order"] == 1
    assert waiting["tonne_due_oldest_seconds", "paid_order"] == 90
    assert waiting["tonne_due_oldest_seconds", "refund"] == 0

    context.extensions.update({"tonne.gateway": world.gateway, "tonne.renderer": world.renderer})
    assert context.test_cli_runner().invoke(args=["work", "once"]).exit_code == 0
    done = numbers(context)
    assert done["tonne_due", "paid_order"] == 0
    assert [done["tonne_paid_to_certified_seconds", q] for q in ("0.5", "0.9", "1")] == [90, 90, 90]
    assert the_order(order_id).reference not in context.test_client().get("/metrics").text


def test_requests_are_counted_by_kind_of_answer_and_watching_is_not(app: Flask) -> None:
    client = app.test_client()
    for path in ("/robots.txt", "/nothing/at/all", "/nothing/else/there", "/health/live", "/metrics"):
        client.get(path)

    found = numbers(app)

    assert found["tonne_http_requests_total", "2xx"] == 1
    assert found["tonne_http_requests_total", "4xx"] == 2
    assert [value for (name, _label), value in found.items() if name == "tonne_http_request_seconds_count"] == [3]


def test_it_says_what_runs_here(app: Flask) -> None:
    (build,) = [
        sample
        for family in text_string_to_metric_families(app.test_client().get("/metrics").text)
        for sample in family.samples
        if sample.name == "tonne_build_info"
    ]
    assert build.labels["version"] == VERSION
    assert build.labels["environment"] == "testing"


def test_without_its_database_it_says_only_that(make_app: AppMaker) -> None:
    found = numbers(make_app(DATABASE_URL="postgresql://nobody@127.0.0.1:1/nothing"))

    assert found["tonne_database_up", ""] == 0
    assert not [name for name, _label in found if name == "tonne_orders"]


@pytest.mark.parametrize(
    ("address", "headers"),
    [
        ("203.0.113.7", {}),
        ("", {}),
        ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}),
        ("127.0.0.1", {"Forwarded": "for=127.0.0.1"}),
        ("127.0.0.1", {"X-Real-IP": "127.0.0.1"}),
        ("127.0.0.1", {"Host": "rebound.example"}),
        ("127.0.0.1", {"Authorization": f"Bearer {TOKEN}", "Via": "1.1 proxy"}),
    ],
)
def test_without_a_token_only_programs_on_this_machine_read_them(
    app: Flask, address: str, headers: dict[str, str]
) -> None:
    client = app.test_client()
    assert client.get("/metrics", environ_base=HERE).status_code == 200
    assert client.get("/metrics", environ_base={"REMOTE_ADDR": "::1"}).status_code == 200

    assert client.get("/metrics", headers=headers, environ_base={"REMOTE_ADDR": address}).status_code == 404


@pytest.mark.parametrize("proxies", ["0", "1"])
def test_through_a_proxy_nobody_reads_them_by_accident(make_app: AppMaker, proxies: str) -> None:
    client = make_app(TRUSTED_PROXIES=proxies).test_client()

    assert client.get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"}, environ_base=HERE).status_code == 404


def test_with_a_token_it_opens_and_nothing_else_does(make_app: AppMaker) -> None:
    app = make_app(METRICS_TOKEN=TOKEN)
    client = app.test_client()

    for shown in ("", TOKEN, f"Basic {TOKEN}", "Bearer", f"Bearer {TOKEN}2", "Bearer é"):
        refused = client.get("/metrics", headers={"Authorization": shown} if shown else {}, environ_base=HERE)
        assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, 'Bearer realm="metrics"')
        assert "tonne_" not in refused.text
    for name in ("198.51.100.4", "tonne.internal"):
        opened = client.get(
            "/metrics",
            headers={"Authorization": f"Bearer {TOKEN}", "X-Forwarded-For": "198.51.100.4", "Host": name},
            environ_base={"REMOTE_ADDR": "203.0.113.7"},
        )
        assert opened.status_code == 200
    assert TOKEN not in repr(app.extensions["tonne.settings"])


def test_a_short_token_is_refused_at_the_start(make_app: AppMaker) -> None:
    with pytest.raises(ValueError, match="METRICS_TOKEN must have at least 16 characters"):
        make_app(METRICS_TOKEN="short")


def test_health_asks_for_the_worker_and_says_what_is_missing(app: Flask, clock: FixedClock) -> None:
    client = app.test_client()
    first = client.get("/health")
    assert (first.status_code, first.json) == (
        503,
        {"status": "unavailable", "database": "ok", "worker": "never seen"},
    )
    with app.app_context():
        heartbeat.beat(clock.now())
    assert client.get("/health").json == {"status": "ok", "database": "ok", "worker": "ok"}

    clock.advance(timedelta(minutes=6))
    assert client.get("/health").json == {"status": "unavailable", "database": "ok", "worker": "late"}
    # Visitors can be served meanwhile, and starting the web server again would not help.
    assert client.get("/health/ready").json == {"status": "ok", "database": "ok"}
    assert client.get("/health/live").json == {"status": "ok"}


def test_a_worker_that_died_before_the_clock_went_back_is_missed(app: Flask, clock: FixedClock) -> None:
    with app.app_context():
        heartbeat.beat(clock.now() + timedelta(days=300))
    assert app.test_client().get("/health").json == {"status": "unavailable", "database": "ok", "worker": "late"}


def test_health_without_a_database_says_so_and_the_process_still_lives(make_app: AppMaker) -> None:
    client = make_app(DATABASE_URL="postgresql://nobody@127.0.0.1:1/nothing").test_client()

    well = client.get("/health")
    assert (well.status_code, well.json) == (
        503,
        {"status": "unavailable", "database": "unreachable", "worker": "unknown"},
    )
    assert client.get("/health/ready").status_code == 503
    assert client.get("/health/live").status_code == 200


def test_whoever_watches_may_ask_under_any_name_and_visitors_may_not(make_app: AppMaker) -> None:
    client = make_app().test_client()

    for path in ("/health/live", "/health/ready"):
        assert client.get(path, headers={"Host": "10.0.0.5:5000"}).status_code == 200
    assert client.get("/en/", headers={"Host": "10.0.0.5:5000"}).status_code == 400
