"""The doctor sees each thing that is really broken, says what to do, and changes nothing."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text, update

from app.accounts.models import Person
from app.checkout.models import Order
from app.checkout.states import OrderState
from app.db import StateEvent, db, transaction
from app.fulfilment.process import collaborators, run_due
from app.jobs import heartbeat
from app.jobs.models import Heartbeat
from app.kernel.clock import Clock, FixedClock, SystemClock
from app.kernel.sealing import Keyring, SealFor, seal_text
from app.notifications.adapters import make_mailer
from app.notifications.ports import MailRefused
from app.notifications.service import deliver_due, queue_mail
from app.offers.states import OfferState
from app.operations import check_books, check_machine
from app.operations.doctor import CHECKS, examine
from app.operations.findings import Finding, Level, worst
from app.operations.patient import Limits, Patient
from app.payments.models import Payment, WebhookDelivery
from app.payments.notices import store
from app.payments.payouts import Balance
from app.payments.ports import GatewayEvent, GatewayFault, RefundOutcome
from app.reconciliation import journalling
from app.reconciliation import service as reconciliation
from app.reconciliation.journal import Journal
from app.registry.models import RegistryAccount
from app.registry.ports import RefusalCode, Refused, Registries
from app.screening.models import SanctionsList
from app.version import VERSION
from tests.builders import (
    NOW,
    a_finished_order,
    a_paid_order,
    an_offer,
    change_offer,
    pass_time,
    payments_of,
    the_order,
)
from tests.clamd_standin import clamd
from tests.conftest import ROOT, SECRET, AppMaker
from tests.fakes import FakeMailer
from tests.mail_samples import order_paid
from tests.people import a_person, an_operator
from tests.sharing import CONNECTIONS
from tests.smtp_sink import Sink, smtp_sink

STRIPE = {"PAYMENT_GATEWAY": "stripe", "STRIPE_WEBHOOK_SECRETS": "whsec_of_tests"}


def patient(app: Flask, *, online: bool = False, clock: Clock | None = None, **limits: Any) -> Patient:
    world = collaborators(app)
    if clock is not None:
        world = replace(world, clock=clock)
    return Patient(app.extensions["tonne.settings"], world, online=online, limits=Limits(**limits))


def _factor(secret: str) -> str:
    return seal_text("JBSWY3DPEHPK3PXP", Keyring(secret), SealFor.SECOND_FACTOR)


def look(check: str, who: Patient) -> list[Finding]:
    """What one check says."""
    return list(CHECKS[check](who))


def bad(check: str, who: Patient) -> Finding:
    """The one thing that this check says is not well."""
    (found,) = [finding for finding in look(check, who) if finding.level is not Level.OK]
    assert found.check == check
    return found


def assert_well(check: str, who: Patient) -> None:
    found = look(check, who)
    assert {finding.level for finding in found} == {Level.OK}, found


def run(app: Flask, *arguments: str) -> Any:
    return app.test_cli_runner().invoke(args=["doctor", *arguments])


def test_the_doctor_asks_whether_documents_of_strangers_are_scanned(make_app: AppMaker) -> None:
    with clamd() as daemon:
        app = make_app(CLAMD_ADDRESS=daemon.address)
        with app.app_context():
            assert_well("scanner", patient(app))
            daemon.answer = b""
            assert bad("scanner", patient(app)).level is Level.PROBLEM


def test_a_shop_without_a_scanner_is_warned_and_a_demonstration_is_not(make_app: AppMaker) -> None:
    demonstration = make_app()
    with demonstration.app_context():
        assert_well("scanner", patient(demonstration))
    real = make_app(**STRIPE, STRIPE_SECRET_KEY="rk_live_1", REGISTRY_OF_RECORD_NAME="Tonne")
    with real.app_context():
        assert bad("scanner", patient(real)).level is Level.WARNING


@pytest.fixture
def mail_server() -> Iterator[Sink]:
    with smtp_sink(Sink(user="tonne", password="right")) as sink:
        yield sink


def test_mails_that_were_given_up_are_told_for_a_day(make_app: AppMaker, mail_server: Sink, clock: FixedClock) -> None:
    app = make_app(MAIL_URL=f"smtp://tonne:right@127.0.0.1:{mail_server.port}")
    with app.app_context():
        assert_well("mail", patient(app))
        a_given_up_mail(clock)
        found = bad("mail", patient(app))
        assert found.level is Level.WARNING
        assert "1 in 24 h" in found.words
        clock.advance(timedelta(days=1, hours=1))
        assert_well("mail", patient(app))


def a_given_up_mail(clock: FixedClock) -> None:
    """A mail that a server refused for good."""
    facts = order_paid()
    with transaction():
        queue_mail(key="a", recipient="a@b.example", locale="en", facts=facts, order_id=None, now=clock.now())
    deliver_due(FakeMailer(problems=[MailRefused(message="550 no such user")]), clock)


def test_a_copy_that_lacks_nothing_is_well_and_says_so_with_code_0(make_app: AppMaker, mail_server: Sink) -> None:
    app = make_app(MAIL_URL=f"smtp://tonne:right@127.0.0.1:{mail_server.port}")
    app.extensions["tonne.clock"] = SystemClock()
    with app.app_context():
        now = SystemClock().now()
        an_offer()
        an_operator("eva@tonne.example")
        an_operator("ole@tonne.example")
        heartbeat.beat(now)
        with transaction() as session:
            for source in ("ofac", "eu", "un"):
                session.add(SanctionsList(source=source, sha256="0" * 64, entries=1, is_current=True, imported_at=now))
        world = collaborators(app)
        journalling.catch_up(Journal(world.settings.journal_path), now)
        assert reconciliation.compare_now(world).differences == 0

    result = run(app)

    assert result.exit_code == 0, result.output
    assert result.output.endswith(" ok, 0 warnings, 0 problems.\n")
    assert {line.split()[1] for line in result.output.splitlines() if line.startswith("ok")} == set(CHECKS) - {
        "address",
        "sealed",
        "rights",
    }
    assert mail_server.envelopes == []


def test_the_code_is_1_for_warnings_and_2_for_problems_and_json_says_the_same(make_app: AppMaker) -> None:
    app = make_app()
    app.extensions["tonne.clock"] = SystemClock()
    with app.app_context():
        heartbeat.beat(SystemClock().now())

    warned = run(app, "--json")
    told = json.loads(warned.output)
    assert (warned.exit_code, told["level"]) == (1, "warning")
    assert {"check": "database", "level": "ok", "words": "It takes a row."} in told["findings"]

    app.extensions["tonne.clock"] = FixedClock(NOW)
    assert run(app).exit_code == 2
    assert worst([]) is Level.OK


def test_nothing_that_is_secret_or_somebodys_is_said(make_app: AppMaker) -> None:
    app = make_app(MAIL_URL="smtp://tonne:hunter2@127.0.0.1:1")
    with app.app_context():
        a_person("jane@example.org", totp_secret=_factor("another-secret-of-more-than-32-letters"))

    said = run(app, "--json").output

    for secret in ("hunter2", SECRET, SECRET[::-1], "jane@example.org", "JBSWY3DPEHPK3PXP"):
        assert secret not in said


# --- the database -------------------------------------------------------------------------------------


def test_a_database_that_is_away_is_named_first_and_the_rest_is_still_looked_at(make_app: AppMaker) -> None:
    app = make_app(DATABASE_URL="postgresql://nobody@127.0.0.1:1/nothing")
    with app.app_context():
        found = examine(patient(app))

    assert found[0].level is Level.PROBLEM
    assert found[0].words == "postgresql does not answer: is DATABASE_URL right, and the server up?"
    by_check = {finding.check: finding for finding in found}
    assert by_check["worker"].words.startswith("It could not be looked at (OperationalError)")
    assert by_check["static"].level is Level.OK


def test_a_database_that_takes_no_row_is_a_problem(context: Flask) -> None:
    assert_well("database", patient(context))
    if db.engine.dialect.name == "postgresql":
        name = db.engine.url.database
        with db.engine.begin() as connection:
            connection.execute(text(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on'))
    else:
        with db.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA query_only = on")
        assert db.engine.pool.checkedin() == 1  # the very connection that is used next
    if db.engine.dialect.name == "postgresql":
        db.session.remove()
        db.engine.dispose()
        CONNECTIONS.end()  # who connects from now on is set so

    assert bad("database", patient(context)).words == "It takes no row: is it read-only, full, or not migrated?"


def test_a_database_that_is_not_set_up_as_the_product_needs_it_is_a_problem(context: Flask, make_app: AppMaker) -> None:
    if db.engine.dialect.name == "postgresql":
        with db.engine.begin() as connection:
            connection.execute(text("DROP EXTENSION btree_gist CASCADE"))
        assert "btree_gist is missing" in bad("database", patient(context)).words
        return
    # Where a file cannot be shared by readers and a writer, SQLite keeps another journal than the one asked for.
    elsewhere = make_app(DATABASE_URL="sqlite:///:memory:")
    with elsewhere.app_context():
        Heartbeat.__table__.create(db.engine)  # type: ignore[attr-defined]  # every table has it
        assert "journal_mode is memory" in bad("database", patient(elsewhere)).words


def test_tables_of_another_version_are_a_problem(context: Flask) -> None:
    assert_well("migrations", patient(context))
    with db.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))

    assert "run flask db upgrade" in bad("migrations", patient(context)).words


# --- the worker ---------------------------------------------------------------------------------------


def test_a_worker_that_never_ran_or_stopped_is_a_problem(context: Flask, clock: FixedClock) -> None:
    assert bad("worker", patient(context)).words.startswith("No worker has ever run")

    assert context.test_cli_runner().invoke(args=["work", "once"]).exit_code == 0
    assert_well("worker", patient(context))

    clock.advance(timedelta(minutes=6))
    found = bad("worker", patient(context))
    assert (found.level, "for 6 min" in found.words) == (Level.PROBLEM, True)

    heartbeat.beat(clock.now())
    assert db.session.get_one(Heartbeat, "worker").at == clock.now()
    assert_well("worker", patient(context))


def test_a_worker_whose_sign_of_life_cannot_be_written_goes_on(
    context: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    with db.engine.begin() as connection:
        connection.execute(text("DROP TABLE heartbeat"))

    heartbeat.beat(NOW)

    assert [record.message for record in caplog.records] == ["no sign of life written"]


def test_what_waits_for_long_is_named_by_kind_without_saying_whose(world: Any, context: Flask) -> None:
    an_order = a_paid_order(world, {an_offer(): 1})
    assert_well("due", patient(context))
    world.clock.advance(timedelta(minutes=20))
    found = {finding.words.split(" due")[0]: finding for finding in look("due", patient(context))}
    assert found["1 of paid order"].level is Level.WARNING
    world.clock.advance(timedelta(hours=2))
    found = {finding.words.split(" due")[0]: finding for finding in look("due", patient(context))}

    assert found["1 of paid order"].level is Level.PROBLEM
    assert "for 2 h" in found["1 of paid order"].words
    assert the_order(an_order).reference not in str(found)


# --- mail, clock, keys --------------------------------------------------------------------------------


def test_mail_that_goes_nowhere_is_a_warning(context: Flask) -> None:
    assert (bad("mail", patient(context)).level, make_mailer(patient(context).settings).rehearse()) == (
        Level.WARNING,
        None,
    )


@pytest.mark.parametrize("url", ["smtp://tonne:wrong@127.0.0.1:{port}", "smtp://tonne:right@127.0.0.1:{closed}"])
def test_a_mail_server_that_refuses_us_or_is_away_is_a_problem(make_app: AppMaker, mail_server: Sink, url: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        closed = free.getsockname()[1]
    right = make_app(MAIL_URL=f"smtp://tonne:right@127.0.0.1:{mail_server.port}")
    with right.app_context():
        assert_well("mail", patient(right))
    wrong = make_app(MAIL_URL=url.format(port=mail_server.port, closed=closed))
    with wrong.app_context():
        found = bad("mail", patient(wrong))

    assert (found.level, "check MAIL_URL" in found.words) == (Level.PROBLEM, True)


@pytest.mark.parametrize(("drift", "level"), [(5, Level.WARNING), (60, Level.PROBLEM)])
def test_a_clock_that_differs_from_the_databases_is_found(context: Flask, drift: int, level: Level) -> None:
    assert_well("clock", patient(context, clock=SystemClock()))

    found = bad("clock", patient(context, clock=FixedClock(SystemClock().now() - timedelta(seconds=drift))))

    assert found.level is level
    assert "NTP" in found.words


def test_a_clock_that_went_back_is_a_problem(context: Flask) -> None:
    with transaction() as session:
        at = SystemClock().now() + timedelta(hours=3)
        session.add(StateEvent(machine="order", subject_id=1, to_state="placed", at=at))

    assert bad("clock", patient(context, clock=SystemClock())).words.endswith("in the future: the clock went back.")


def test_a_key_that_can_be_guessed_is_a_problem(make_app: AppMaker) -> None:
    app = make_app(SECRET_KEY="tonne" * 8)
    with app.app_context():
        assert "can be guessed" in bad("keys", patient(app)).words


def test_a_seal_that_does_not_open_is_a_problem(context: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        check_machine, "seal_text", lambda _text, keys, purpose: seal_text("something else", keys, purpose)
    )

    assert "cannot be opened again" in bad("keys", patient(context)).words


@pytest.mark.parametrize(
    ("key", "level", "says"),
    [("sk_live_1", Level.PROBLEM, "takes real money in testing"), ("sk_test_1", Level.OK, "no real money moves")],
)
def test_the_gateways_key_must_belong_to_what_this_copy_is_for(
    make_app: AppMaker, key: str, level: Level, says: str
) -> None:
    app = make_app(**STRIPE, STRIPE_SECRET_KEY=key)
    with app.app_context():
        assert [finding.level for finding in look("keys", patient(app)) if says in finding.words] == [level]


def test_a_changed_secret_key_is_noticed_before_somebody_needs_a_second_factor(context: Flask) -> None:
    assert look("sealed", patient(context)) == []
    a_person("ana@example.org", totp_secret=_factor(SECRET))
    assert_well("sealed", patient(context))
    with transaction() as session:
        session.execute(update(Person).values(totp_secret=_factor(SECRET + "2")))

    assert (
        bad("sealed", patient(context)).words == "Second factors cannot be opened: put the SECRET_KEY of before back."
    )


# --- the machine --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "level"),
    [
        ({"bytes_few": 2**62}, Level.WARNING),
        ({"bytes_too_few": 2**62}, Level.PROBLEM),
        ({"inodes_few": 2**62}, Level.WARNING),
        ({"inodes_too_few": 2**61, "inodes_few": 2**60}, Level.PROBLEM),
    ],
)
def test_a_full_disk_is_found_by_bytes_and_by_inodes(context: Flask, limits: dict[str, int], level: Level) -> None:
    assert_well("disk", patient(context, bytes_few=1, bytes_too_few=0, inodes_few=1, inodes_too_few=0))

    assert {finding.level for finding in look("disk", patient(context, **limits))} == {level}


def test_a_directory_that_is_gone_or_closed_is_a_problem(context: Flask, tmp_path: Path) -> None:
    who = patient(context)
    gone = replace(who, settings=replace(who.settings, instance_path=tmp_path / "gone"))
    assert "cannot be looked at (No such file" in bad("disk", gone).words

    closed = replace(who, settings=replace(who.settings, instance_path=Path("/proc")))
    if os.access("/proc", os.W_OK):
        closed = replace(who, settings=replace(who.settings, instance_path=Path("/proc/sys")))
    if not os.access(closed.settings.instance_path, os.W_OK):
        assert "cannot be written" in bad("disk", closed).words


def test_a_script_without_a_font_is_a_problem_that_names_the_package(
    context: Flask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert_well("fonts", patient(context))

    empty = tmp_path / "fonts.conf"
    empty.write_text(f"<fontconfig><dir>{tmp_path}</dir><cachedir>{tmp_path}</cachedir></fontconfig>")
    monkeypatch.setenv("FONTCONFIG_FILE", str(empty))
    found = [finding.words for finding in look("fonts", patient(context))]
    assert len(found) == len(check_machine.SCRIPTS)
    assert "apt-get install fonts-noto-cjk" in found[2]

    monkeypatch.setenv("PATH", str(tmp_path))
    assert bad("fonts", patient(context)).words == "fc-list is missing: apt-get install fontconfig."


def test_a_renderer_that_lacks_something_is_a_problem(world: Any, context: Flask) -> None:
    who = replace(patient(context), world=world)  # its renderer is not warm

    assert bad("fonts", who).words == "not warm"


def test_a_catalogue_that_is_not_compiled_is_a_problem(context: Flask, tmp_path: Path) -> None:
    assert_well("translations", patient(context))
    for language in ("fr", "es"):
        directory = tmp_path / "translations" / language / "LC_MESSAGES"
        directory.mkdir(parents=True)
        (directory / "messages.po").write_text("")
        (directory / "messages.mo").write_bytes(b"")
    os.utime(tmp_path / "translations" / "fr" / "LC_MESSAGES" / "messages.mo", (0, 0))
    (tmp_path / "translations" / "es" / "LC_MESSAGES" / "messages.mo").unlink()
    context.root_path = str(tmp_path)

    assert bad("translations", patient(context)).words.startswith("Not compiled: fr, es.")


def test_a_missing_style_sheet_is_a_problem(context: Flask, tmp_path: Path) -> None:
    assert_well("static", patient(context))
    context.static_folder = str(tmp_path)

    assert "css/tonne.css" in bad("static", patient(context)).words


# --- beyond the machine -------------------------------------------------------------------------------


def test_payments_without_a_notice_mean_a_wrong_address_or_secret(world: Any, context: Flask) -> None:
    who = patient(context, notice=timedelta(hours=1))
    assert_well("webhook", who)
    a_paid_order(world, {an_offer(): 1})
    with transaction() as session:
        session.query(WebhookDelivery).delete()
        session.execute(update(Payment).values(succeeded_at=NOW))
    assert "/webhooks/testpay" in bad("webhook", who).words

    with transaction() as session:
        session.add(
            WebhookDelivery(
                gateway="testpay",
                event_id="e1",
                event_type="paid",
                object_reference="x",
                created_at=NOW,
                received_at=NOW - timedelta(hours=2),
                next_action_at=NOW,
                processed_at=NOW,
            )
        )
    assert bad("webhook", who).level is Level.WARNING
    assert_well("webhook", patient(context))


class Answering(BaseHTTPRequestHandler):
    """Something at our address that answers as it is told to."""

    live = unsigned = 200

    def do_GET(self) -> None:
        self.send_response(self.live)
        self.end_headers()

    def do_POST(self) -> None:
        self.send_response(self.unsigned)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
        """Silent."""


@pytest.fixture
def neighbour() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Neighbour", (Answering,), {}))
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("live", "unsigned", "says"),
    [(200, 400, "is this copy"), (404, 400, "something else stands there"), (200, 502, "answers 502")],
)
def test_online_the_own_address_is_asked_and_nobody_elses(
    make_app: AppMaker, neighbour: ThreadingHTTPServer, live: int, unsigned: int, says: str
) -> None:
    app = make_app(PUBLIC_BASE_URL=f"http://127.0.0.1:{neighbour.server_port}")
    neighbour.RequestHandlerClass.live, neighbour.RequestHandlerClass.unsigned = live, unsigned  # type: ignore[attr-defined]  # the handler's own
    with app.app_context():
        assert look("address", patient(app)) == []
        (found,) = look("address", patient(app, online=True))

    assert says in found.words
    assert (found.level is Level.OK) is (unsigned == 400 and live == 200)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_an_own_address_that_does_not_answer_is_a_problem(make_app: AppMaker, scheme: str) -> None:
    app = make_app(PUBLIC_BASE_URL=f"{scheme}://127.0.0.1:1")
    with app.app_context():
        assert "does not answer" in bad("address", patient(app, online=True)).words


def test_units_for_sale_of_a_registry_that_is_not_connected_any_more_are_found(world: Any, context: Flask) -> None:
    offer_id = an_offer()
    with transaction() as session:
        session.execute(update(RegistryAccount).values(registry_code="closed"))
    assert "CDM-100-1" in bad("registry", patient(context)).words

    change_offer(offer_id, state=OfferState.WITHDRAWN)
    assert_well("registry", patient(context))


def test_units_for_sale_in_a_currency_that_the_house_gave_up_are_found(world: Any, context: Flask) -> None:
    offer_id = an_offer()
    assert_well("offers", patient(context))

    change_offer(offer_id, currency="JPY")

    assert "Offers in JPY are sold to nobody: CURRENCY is USD." in bad("offers", patient(context)).words


def test_refunds_that_the_gateway_took_and_says_nothing_about_are_found(world: Any, context: Flask) -> None:
    gateway, registry = world.gateway, world.registries.default
    gateway.refund_outcome = RefundOutcome.PENDING
    registry.submits = [Refused(RefusalCode.RULES, "no")]
    a_finished_order(world, {an_offer(): 2})
    gateway.problems["refund_status"] = [GatewayFault("another account")]
    pass_time(world, days=1, hours=1)
    run_due(world)
    assert "says nothing about: 1." in bad("refunds", patient(context, clock=world.clock)).words

    pass_time(world, hours=3)
    run_due(world)
    assert_well("refunds", patient(context, clock=world.clock))


def test_a_dispute_that_the_gateway_tells_of_and_that_cannot_be_read_is_found(world: Any, context: Flask) -> None:
    order_id = a_paid_order(world, {an_offer(): 2})
    world.gateway.problems["disputes"] = [GatewayFault("an answer of an unexpected shape") for _try in range(99)]
    charge = str(payments_of(order_id)[0].charge_reference)
    store("fake", GatewayEvent("evt", "charge.dispute.created", charge, None, False, NOW), NOW)
    run_due(world)
    assert_well("disputes", patient(context, clock=world.clock))

    pass_time(world, days=3)
    run_due(world)
    found = bad("disputes", patient(context, clock=world.clock))
    assert (found.level, "cannot be read: 1, the oldest came 3 d ago" in found.words) == (Level.PROBLEM, True)

    world.gateway.problems["disputes"].clear()
    pass_time(world, minutes=15)
    run_due(world)
    assert_well("disputes", patient(context, clock=world.clock))
    assert the_order(order_id).state is OrderState.FULFILLED


def test_what_is_left_of_a_demonstration_in_a_shop_that_is_real_is_found(world: Any, context: Flask) -> None:
    played, real = patient(context), {"payment_gateway": "stripe", "stripe_secret_key": "rk_live_1"}
    became_real = replace(played, settings=replace(played.settings, registry_of_record_name="Tonne", **real))
    assert_well("demonstration", became_real)

    a_paid_order(world, {an_offer(): 2})

    assert "begin with an empty database" in bad("demonstration", became_real).words
    assert_well("demonstration", played)


def test_money_that_is_owed_in_a_currency_that_the_house_gave_up_is_found(world: Any, context: Flask) -> None:
    order_id = a_finished_order(world, {an_offer(price=1_000): 2})
    assert_well("owed", patient(context))

    with transaction() as session:
        session.execute(update(Order).where(Order.id == order_id).values(currency="EUR"))

    share = the_order(order_id).lines[0].seller_share
    words = bad("owed", patient(context)).words
    assert f"Participants are owed {share / 100:.2f} EUR, and CURRENCY is USD" in words
    assert "at the desk, under Payouts" in words


def test_one_who_was_sent_too_much_does_not_hide_what_another_is_owed(
    world: Any, context: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check_books, "currencies", lambda: ["EUR"])
    monkeypatch.setattr(check_books, "balances", lambda _code: {1: Balance(earned=500), 2: Balance(paid_out=500)})
    assert "Participants are owed 5.00 EUR" in bad("owed", patient(context)).words


def test_a_registry_that_is_away_slow_or_knows_no_units_is_found(world: Any, context: Flask) -> None:
    assert_well("registry", patient(context))
    an_offer()
    assert_well("registry", patient(context))
    assert "took" in bad("registry", patient(context, answer=timedelta(0))).words

    class Silent:
        name, display_name, promised_within = "ledger", "Registry", timedelta(minutes=5)

        def holdings(self, account: str) -> list[Any]:
            raise ConnectionError(account)

    away = replace(patient(context), world=replace(world, registries=Registries([Silent()])))
    assert [found.level for found in examine(away) if found.check == "registry"] == [Level.PROBLEM]

    class Empty(Silent):
        def holdings(self, account: str) -> list[Any]:
            return []

    assert "is empty" in bad("registry", replace(away, world=replace(world, registries=Registries([Empty()])))).words


# --- people -------------------------------------------------------------------------------------------


def test_missing_and_old_lists_are_named_one_by_one(context: Flask) -> None:
    with transaction() as session:
        for source, days in (("ofac", 1), ("eu", 10), ("un", 40)):
            at = NOW - timedelta(days=days)
            session.add(SanctionsList(source=source, sha256="0" * 64, entries=1, is_current=True, imported_at=at))

    assert [finding.level for finding in look("sanctions", patient(context))] == [
        Level.OK,
        Level.WARNING,
        Level.PROBLEM,
    ]
    with transaction() as session:
        session.query(SanctionsList).delete()
    who = patient(context)
    real = replace(who, settings=replace(who.settings, environment="production"))
    assert {finding.level for finding in look("sanctions", who)} == {Level.WARNING}
    assert {finding.level for finding in look("sanctions", real)} == {Level.PROBLEM}


def test_one_operator_alone_is_a_warning(context: Flask) -> None:
    an_operator("eva@tonne.example")
    assert "Operators: 1" in bad("people", patient(context)).words
    an_operator("ole@tonne.example")
    assert_well("people", patient(context))


def test_the_version_is_the_one_of_the_project() -> None:
    assert f'\nversion = "{VERSION}"\n' in (ROOT / "pyproject.toml").read_text()


def test_a_journal_that_was_changed_is_a_problem(world: Any, context: Flask) -> None:
    a_finished_order(world, {an_offer(): 10})
    journal = Journal(world.settings.journal_path)
    journalling.catch_up(journal, NOW)
    assert_well("journal", patient(context))

    whole = journal.path.read_bytes().splitlines(keepends=True)
    journal.path.write_bytes(b"".join([whole[0], *whole[2:]]))
    found = bad("journal", patient(context))
    assert found.level is Level.PROBLEM
    assert "line 2" in found.words


def test_what_the_worker_cannot_write_into_the_journal_is_a_problem_after_a_while(world: Any, context: Flask) -> None:
    journal = Journal(world.settings.journal_path)
    journalling.catch_up(journal, NOW)
    a_finished_order(world, {an_offer(): 10})
    assert_well("journal", patient(context))

    pass_time(world, minutes=6)
    found = bad("journal", patient(context))
    assert found.level is Level.PROBLEM
    assert "1 transactions of the ledger and 1 certificates are not written down" in found.words
    journalling.catch_up(journal, NOW)
    assert_well("journal", patient(context))


def test_the_disk_of_the_journal_is_looked_at(context: Flask, tmp_path: Path) -> None:
    who = patient(context)
    gone = replace(who, settings=replace(who.settings, journal_path=tmp_path / "gone" / "journal.jsonl"))
    assert "JOURNAL_PATH" in bad("disk", gone).words
