"""Health tells the truth, robots stay out of orders, and a demonstration says that it is one."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from flask import Flask, render_template_string
from flask.testing import FlaskClient
from flask_migrate import stamp
from sqlalchemy import text

from app.db import MIGRATIONS, db
from app.web.demonstration import statement
from app.web.i18n import in_locale
from app.web.views import newest_migrations
from tests.unit.web.conftest import SiteMaker


@pytest.fixture
def migrated(site: Flask) -> Flask:
    with site.app_context():
        stamp()
    return site


def test_the_newest_migration_is_the_one_that_alembic_takes_for_it() -> None:
    assert newest_migrations() == frozenset(ScriptDirectory(str(MIGRATIONS)).get_heads())


def test_a_copy_that_can_work_is_healthy(migrated: Flask) -> None:
    answer = migrated.test_client().get("/health")

    assert answer.status_code == 200
    assert answer.json == {"status": "ok", "database": "ok"}
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_copy_whose_database_is_not_migrated_is_not_healthy(migrated: Flask) -> None:
    with migrated.app_context(), db.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'older'"))

    answer = migrated.test_client().get("/health")

    assert answer.status_code == 503
    assert answer.json == {"status": "unavailable", "database": "not migrated"}


def test_a_copy_with_an_empty_database_is_not_healthy(visitor: FlaskClient) -> None:
    assert visitor.get("/health").json == {"status": "unavailable", "database": "not migrated"}


def test_a_copy_without_its_database_is_not_healthy_and_says_nothing_secret(make_site: SiteMaker) -> None:
    site = make_site()
    with site.app_context():
        db.engine.dispose()
        path = Path(str(db.engine.url.database))
        for file in path.parent.glob(f"{path.name}*"):
            file.unlink()
        path.mkdir()

    answer = site.test_client().get("/health")

    assert answer.status_code == 503
    assert answer.json == {"status": "unavailable", "database": "unreachable"}


def test_robots_stay_out_of_baskets_orders_and_payments(visitor: FlaskClient) -> None:
    answer = visitor.get("/robots.txt")

    assert answer.mimetype == "text/plain"
    for room in ("/en/orders", "/fr/checkout", "/es/basket", "/testpay/"):
        assert f"Disallow: {room}\n" in answer.text
    assert "Disallow: /\n" not in answer.text


def test_the_icon_is_found_where_every_program_looks_for_it(site: Flask) -> None:
    icon = Path(site.root_path) / "static" / "img" / "favicon.svg"
    icon.parent.mkdir(parents=True)
    icon.write_text("<svg/>")

    with site.test_client().get("/favicon.ico") as answer:
        assert answer.status_code == 200
        assert answer.mimetype == "image/svg+xml"


def test_the_demonstration_says_so_in_the_readers_language(site: Flask) -> None:
    with site.test_request_context("/"):
        assert statement() == (
            "This is a demonstration: no payment is real and no unit was cancelled in any United Nations registry."
        )
        with in_locale("fr"):
            assert statement().startswith("Ceci est une démonstration")
        assert render_template_string("{{ is_demonstration }} {{ demonstration_statement() }}").startswith(
            "True This is"
        )


STRIPE = {
    "PAYMENT_GATEWAY": "stripe",
    "STRIPE_SECRET_KEY": "sk_live_1",
    "STRIPE_WEBHOOK_SECRETS": "whsec_1",
    "REGISTRY_OF_RECORD_NAME": "Tonne Registry",
}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"REGISTRY_OF_RECORD_NAME": ""}, "no unit was cancelled in any United Nations registry"),
        ({"STRIPE_SECRET_KEY": "sk_test_1"}, "no payment is real and no unit was cancelled"),
    ],
)
def test_with_real_money_only_the_units_are_said_to_be_unreal(
    make_site: SiteMaker, change: dict[str, str], says: str
) -> None:
    with make_site(**{**STRIPE, **change}).test_request_context("/"):
        assert says in statement()
        assert "no unit was cancelled" in statement()
        assert ("no payment is real" in statement()) is ("STRIPE_SECRET_KEY" in change)


def test_the_real_thing_is_not_called_a_demonstration(make_site: SiteMaker) -> None:
    with make_site(**STRIPE).test_request_context("/"):
        assert render_template_string("{{ is_demonstration }}") == "False"
