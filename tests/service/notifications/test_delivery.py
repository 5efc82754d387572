"""A mail goes out with its cause, once, whatever servers and workers do."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.checkout.models import Order
from app.checkout.states import OrderState
from app.db import StateEvent, db, transaction
from app.kernel import checkpoints
from app.kernel.clock import FixedClock
from app.notifications import service
from app.notifications.adapters.smtp import SmtpMailer, SmtpServer, Tls
from app.notifications.messages.facts import Facts
from app.notifications.models import Mail
from app.notifications.ports import MailNotTaken, MailRefused, MailServerAway, OutgoingMail
from app.notifications.service import deliver_due, queue_mail, resend
from app.notifications.states import MailState
from app.web.logs import JsonLines
from tests.fakes import ClockOfMachine, FakeMailer
from tests.mail_samples import ORDER_URL, certificates_ready, order_paid, payment_processing, refund_made
from tests.smtp_sink import Sink, smtp_sink

pytestmark = pytest.mark.usefixtures("context")


@dataclass
class Scripted:
    """A mailer that does something of the test's choosing before it keeps the mail."""

    before: Callable[[OutgoingMail], None]
    sent: list[OutgoingMail] = field(default_factory=list)

    def send(self, mail: OutgoingMail) -> None:
        self.before(mail)
        self.sent.append(mail)


def queue(
    clock: FixedClock, key: str = "order_paid:1", facts: Facts | None = None, order_id: int | None = None
) -> bool:
    with transaction():
        return queue_mail(
            key=key,
            recipient="buyer@example.org",
            locale="en",
            facts=facts or order_paid(),
            order_id=order_id,
            now=clock.now(),
        )


def the_mail(key: str = "order_paid:1") -> Mail:
    db.session.rollback()
    return db.session.scalars(select(Mail).where(Mail.key == key)).one()


def count_of_mails() -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count(Mail.id))) or 0


def history(mail_id: int) -> list[tuple[str | None, str, dict[str, object]]]:
    db.session.rollback()
    events = db.session.scalars(
        select(StateEvent).where(StateEvent.machine == "mail", StateEvent.subject_id == mail_id).order_by(StateEvent.id)
    )
    return [(event.from_state, event.to_state, event.facts) for event in events]


@pytest.fixture
def order_id(clock: FixedClock) -> int:
    with transaction() as session:
        order = Order(
            reference="T-7KMQ-2XHD",
            token="token",
            state=OrderState.PAID,
            locale="en",
            email="buyer@example.org",
            currency="USD",
            total=1040,
            is_demonstration=True,
            consent_version="1",
            consent_text="I agree.",
            placed_at=clock.now(),
            expires_at=clock.now(),
        )
        session.add(order)
        session.flush()
        return order.id


def test_a_mail_goes_out_once_and_its_history_says_when(clock: FixedClock) -> None:
    queue(clock)
    mailer = FakeMailer()
    clock.advance(timedelta(seconds=3))

    assert deliver_due(mailer, clock) == 1
    assert deliver_due(mailer, clock) == 0

    (sent,) = mailer.sent
    assert sent.recipient == "buyer@example.org"
    assert ORDER_URL in sent.text
    mail = the_mail()
    assert (mail.state, mail.sent_at, mail.lease_until) == (MailState.SENT, clock.now(), None)
    assert history(mail.id) == [(None, "due", {}), ("due", "sent", {"attempts": 1})]


def test_a_mail_that_was_written_before_is_not_written_again(clock: FixedClock) -> None:
    assert queue(clock) is True
    assert queue(clock, facts=refund_made()) is False

    assert count_of_mails() == 1
    assert the_mail().kind == "order_paid"
    assert len(history(the_mail().id)) == 1


def test_two_causes_at_once_write_one_mail_and_neither_fails(app: Flask, clock: FixedClock) -> None:
    written: list[bool] = []
    inside = threading.Event()

    def first() -> None:
        with app.app_context(), transaction():
            written.append(
                queue_mail(
                    key="k", recipient="a@b.example", locale="en", facts=order_paid(), order_id=None, now=clock.now()
                )
            )
            inside.set()
            # Long enough for the other to reach the same key while this one is not committed.
            threading.Event().wait(0.3)

    one = threading.Thread(target=first)
    one.start()
    assert inside.wait(10)
    written.append(queue(clock, "k"))
    one.join(10)

    assert written == [True, False]
    assert count_of_mails() == 1


def test_a_mail_vanishes_with_a_cause_that_was_rolled_back(clock: FixedClock) -> None:
    def cause_that_fails() -> None:
        with transaction():
            queue_mail(
                key="k", recipient="a@b.example", locale="en", facts=order_paid(), order_id=None, now=clock.now()
            )
            raise RuntimeError("the cause did not happen")

    with pytest.raises(RuntimeError, match="did not happen"):
        cause_that_fails()
    assert count_of_mails() == 0


def test_a_mail_is_not_sent_before_its_time(clock: FixedClock) -> None:
    queue(clock)
    early = FixedClock(clock.now() - timedelta(seconds=1))
    assert deliver_due(FakeMailer(), early) == 0


def test_one_round_takes_no_more_than_its_limit_and_the_oldest_first(clock: FixedClock) -> None:
    for number in range(3):
        queue(clock, f"mail:{number}")
        clock.advance(timedelta(seconds=1))
    mailer = FakeMailer()

    assert deliver_due(mailer, clock, limit=2) == 2
    assert [the_mail(f"mail:{n}").state for n in range(3)] == [MailState.SENT, MailState.SENT, MailState.DUE]
    assert deliver_due(mailer, clock, limit=2) == 1


def test_a_mail_that_was_not_taken_is_tried_again_later_and_later(clock: FixedClock) -> None:
    queue(clock)
    waits: list[timedelta] = []
    for _ in range(11):
        mailer = FakeMailer(problems=[MailNotTaken(message="451 try later")])
        assert deliver_due(mailer, clock) == 0
        assert deliver_due(FakeMailer(), clock) == 0  # not before its time
        mail = the_mail()
        assert (mail.state, mail.last_message, mail.lease_until) == (MailState.DUE, "451 try later", None)
        waits.append(mail.next_action_at - clock.now())
        clock.advance(mail.next_action_at - clock.now())

    minutes = [wait.total_seconds() / 60 for wait in waits]
    assert minutes == [1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360]
    mailer = FakeMailer()
    assert deliver_due(mailer, clock) == 1
    assert the_mail().last_message == ""


def test_after_thirty_tries_a_mail_waits_for_an_operator(clock: FixedClock) -> None:
    queue(clock)
    for _ in range(30):
        assert the_mail().state is MailState.DUE
        deliver_due(FakeMailer(problems=[MailNotTaken(message="421 down")]), clock)
        clock.advance(timedelta(hours=6))

    mail = the_mail()
    assert (mail.state, mail.attempts, mail.last_message) == (MailState.FAILED, 30, "421 down")
    assert history(mail.id)[-1] == ("due", "failed", {"cause": "attempts", "attempts": 30})
    assert deliver_due(FakeMailer(), clock) == 0


def test_the_log_says_which_mail_was_put_off_or_given_up(clock: FixedClock, caplog: pytest.LogCaptureFixture) -> None:
    queue(clock)
    deliver_due(FakeMailer(problems=[MailNotTaken(message="451 for buyer@example.org")]), clock)
    clock.advance(timedelta(minutes=1))
    deliver_due(FakeMailer(problems=[MailRefused(message="550 no buyer@example.org")]), clock)

    written = [json.loads(JsonLines().format(record)) for record in caplog.records]
    known = {"id": the_mail().id, "kind": "order_paid"}
    assert [line["facts"] for line in written if line["logger"] == "app.notifications.service"] == [
        {**known, "attempts": 1},
        {**known, "cause": "refused"},
    ]
    assert "buyer" not in str(written)


def test_a_refused_mail_waits_for_an_operator_and_the_next_one_goes_out(clock: FixedClock) -> None:
    queue(clock, "a")
    clock.advance(timedelta(seconds=1))
    queue(clock, "b")
    mailer = FakeMailer(problems=[MailRefused(message="550 no such user\r\n" + "x" * 2_000)])

    assert deliver_due(mailer, clock) == 1
    refused = the_mail("a")
    assert (refused.state, refused.attempts, refused.lease_until) == (MailState.FAILED, 1, None)
    assert refused.last_message.startswith("550 no such user xxx")
    assert history(refused.id)[-1] == ("due", "failed", {"cause": "refused", "attempts": 1})
    assert the_mail("b").state is MailState.SENT


def test_while_the_server_is_away_one_mail_a_minute_waits_for_it_and_all_else_goes_on(clock: FixedClock) -> None:
    for number in range(4):
        queue(clock, f"mail:{number}")
    asked: list[str] = []

    def hang(mail: OutgoingMail) -> None:
        asked.append(mail.message_id)
        raise MailServerAway(message="timed out")

    assert [deliver_due(Scripted(hang), clock) for _round in range(5)] == [0] * 5
    assert len(asked) == 1
    clock.advance(timedelta(minutes=1))
    assert deliver_due(Scripted(hang), clock) == 0
    assert len(asked) == 2
    clock.advance(timedelta(minutes=2))

    assert deliver_due(FakeMailer(), clock) == 4
    assert sum(the_mail(f"mail:{n}").attempts for n in range(4)) == 6, "who was not tried has lost no try"


def test_mails_that_come_while_the_server_is_away_wait_for_it_as_well(clock: FixedClock) -> None:
    asked: list[str] = []

    def hang(mail: OutgoingMail) -> None:
        asked.append(mail.message_id)
        clock.advance(timedelta(seconds=20))
        raise MailServerAway(message="timed out")

    for number in range(9):
        queue(clock, f"mail:{number}")
        assert deliver_due(Scripted(hang), clock) == 0
        clock.advance(timedelta(seconds=11))

    assert len(asked) == 2, "one in each minute, whatever is sold meanwhile"
    clock.advance(timedelta(minutes=2))
    assert deliver_due(FakeMailer(), clock) == 9


def test_a_server_that_takes_every_mail_slowly_lets_the_worker_do_other_things_in_between(clock: FixedClock) -> None:
    for number in range(5):
        queue(clock, f"mail:{number}")
    slow = Scripted(lambda _mail: clock.advance(timedelta(seconds=20)))

    assert [deliver_due(slow, clock) for _round in range(4)] == [2, 2, 1, 0]


def test_a_mail_that_another_worker_is_sending_keeps_its_lease_while_the_server_is_away(
    app: Flask, clock: FixedClock
) -> None:
    queue(clock, "a")
    clock.advance(timedelta(seconds=1))
    queue(clock, "b")
    leases: list[tuple[datetime | None, datetime]] = []

    def gone(_mail: OutgoingMail) -> None:
        raise MailServerAway(message="timed out")

    def slow(mail: OutgoingMail) -> None:
        if not leases:
            with app.app_context():
                leases.append((the_mail("a").lease_until, the_mail("a").next_action_at))
                deliver_due(Scripted(gone), clock)
                leases.append((the_mail("a").lease_until, the_mail("a").next_action_at))

    assert deliver_due(Scripted(slow), clock) == 1
    assert leases[0] == leases[1]


def test_a_mail_that_cannot_be_worded_does_not_hold_up_the_others(clock: FixedClock) -> None:
    queue(clock, "broken")
    with transaction():
        the_mail_now = db.session.scalars(select(Mail)).one()
        the_mail_now.facts = {"reference": "T-7KMQ-2XHD"}
    clock.advance(timedelta(seconds=1))
    queue(clock, "whole")

    assert deliver_due(FakeMailer(), clock) == 1
    assert the_mail("whole").state is MailState.SENT
    assert the_mail("broken").state is MailState.DUE
    assert the_mail("broken").last_message == "KeyError('is_demonstration')"


def test_no_transaction_is_open_while_a_server_takes_its_time(app: Flask, clock: FixedClock) -> None:
    queue(clock)

    def somebody_else_writes(_mail: OutgoingMail) -> None:
        assert not db.session().in_transaction()
        with app.app_context():
            queue(clock, "meanwhile")

    mailer = Scripted(somebody_else_writes)
    assert deliver_due(mailer, clock) == 1
    assert the_mail("meanwhile").state is MailState.DUE


def test_two_workers_at_once_send_a_mail_once(app: Flask, clock: FixedClock) -> None:
    for number in range(6):
        queue(clock, f"mail:{number}")
    together = threading.Barrier(2)
    sent: list[str] = []
    counts: list[int] = []

    class SlowMailer:
        def send(self, mail: OutgoingMail) -> None:
            threading.Event().wait(0.02)
            sent.append(mail.message_id)

    def worker() -> None:
        with app.app_context():
            together.wait(10)
            counts.append(deliver_due(SlowMailer(), clock))

    workers = [threading.Thread(target=worker) for _ in range(2)]
    for one in workers:
        one.start()
    for one in workers:
        one.join(30)

    assert len(sent) == len(set(sent)) == 6
    assert sum(counts) == 6


@pytest.mark.parametrize("db_url", ["postgresql"], indirect=True)
def test_a_machine_whose_clock_is_ahead_does_not_send_a_mail_that_another_one_is_sending(clock: FixedClock) -> None:
    queue(clock)
    ahead, counts = FakeMailer(), []
    mailer = Scripted(before=lambda _mail: counts.append(deliver_due(ahead, ClockOfMachine(hours_ahead=3))))

    assert deliver_due(mailer, ClockOfMachine(hours_ahead=0)) == 1
    assert (counts, ahead.sent) == ([0], [])


@pytest.mark.parametrize("hours_ahead", [-3, 3])
def test_a_machine_that_is_alone_sends_its_mails_at_once_however_wrong_its_clock_is(
    clock: FixedClock, monkeypatch: pytest.MonkeyPatch, hours_ahead: int
) -> None:
    monkeypatch.setattr(service, "LEASE", timedelta(milliseconds=50))
    alone, mailer = ClockOfMachine(hours_ahead=hours_ahead), FakeMailer()
    queue(FixedClock(alone.now()))
    checkpoints.observe(pull_the_plug)
    with pytest.raises(PlugPulledError):
        deliver_due(mailer, alone)
    checkpoints.forget_observers()
    threading.Event().wait(0.06)

    assert deliver_due(mailer, alone) == 1
    assert len(mailer.sent) == 2


class PlugPulledError(BaseException):
    """The process is gone."""


def pull_the_plug(point: str) -> None:
    if point == "mail.sent_not_marked":
        raise PlugPulledError


def test_a_crash_after_sending_sends_again_under_the_same_message_id(clock: FixedClock) -> None:
    queue(clock)
    mailer = FakeMailer()
    checkpoints.observe(pull_the_plug)
    with pytest.raises(PlugPulledError):
        deliver_due(mailer, clock)
    checkpoints.forget_observers()
    assert the_mail().state is MailState.DUE

    assert deliver_due(mailer, clock) == 0  # still leased to the worker that may be alive
    clock.advance(service.LEASE)
    assert deliver_due(mailer, clock) == 1

    first, second = mailer.sent
    assert first.message_id == second.message_id
    assert the_mail().state is MailState.SENT
    assert deliver_due(mailer, clock) == 0


def test_a_worker_slower_than_its_lease_cannot_undo_what_another_one_did(app: Flask, clock: FixedClock) -> None:
    queue(clock)
    quick = FakeMailer()

    def another_worker_takes_over(_mail: OutgoingMail) -> None:
        clock.advance(service.LEASE)
        with app.app_context():
            assert deliver_due(quick, clock) == 1
        raise MailNotTaken(message="timed out")

    assert deliver_due(Scripted(another_worker_takes_over), clock) == 0
    assert the_mail().state is MailState.SENT
    assert the_mail().last_message == ""


def test_a_worker_slower_than_its_lease_does_not_shorten_the_wait_of_another_one(app: Flask, clock: FixedClock) -> None:
    queue(clock)

    def another_worker_fails_too(_mail: OutgoingMail) -> None:
        clock.advance(service.LEASE)
        with app.app_context():
            deliver_due(FakeMailer(problems=[MailNotTaken(message="second try")]), clock)
        raise MailNotTaken(message="first try")

    deliver_due(Scripted(another_worker_fails_too), clock)
    mail = the_mail()
    assert mail.last_message == "second try"
    assert mail.next_action_at == clock.now() + timedelta(minutes=2)


def test_a_mail_that_two_slow_workers_sent_is_marked_once(app: Flask, clock: FixedClock) -> None:
    queue(clock)
    moment: list[datetime] = []

    def another_worker_sends_it(_mail: OutgoingMail) -> None:
        clock.advance(service.LEASE)
        moment.append(clock.now())
        with app.app_context():
            assert deliver_due(FakeMailer(), clock) == 1
        clock.advance(timedelta(seconds=9))

    assert deliver_due(Scripted(another_worker_sends_it), clock) == 0
    assert the_mail().sent_at == moment[0]
    assert len(history(the_mail().id)) == 2


def test_a_mail_travels_from_the_order_to_a_mailbox(clock: FixedClock) -> None:
    with smtp_sink(Sink(answers={"RCPT": "450 greylisted"})) as sink:
        mailer = SmtpMailer(SmtpServer("127.0.0.1", sink.port, "", "", Tls.NONE), "Tonne <no-reply@tonne.example>")
        queue(clock)
        assert deliver_due(mailer, clock) == 0
        assert "450 greylisted" in the_mail().last_message

        sink.answers.clear()
        clock.advance(timedelta(minutes=1))
        assert deliver_due(mailer, clock) == 1
    (message,) = sink.messages
    assert message["Subject"] == "Demonstration: Receipt for order T-7KMQ-2XHD: USD 10.40"
    assert all(ORDER_URL in part.get_content() for part in message.iter_parts())


def test_a_buyer_gets_the_proof_again_at_the_same_address(clock: FixedClock, order_id: int) -> None:
    queue(clock, "processing", payment_processing(), order_id)
    queue(clock, "paid", order_paid(), order_id)
    queue(clock, "ready", certificates_ready(), order_id)
    queue(clock, "refund", refund_made(), order_id)
    first = FakeMailer()
    deliver_due(first, clock)

    clock.advance(timedelta(hours=1))
    assert resend(order_id, "buyer@example.org", now=clock.now()) == 2
    again = FakeMailer()
    deliver_due(again, clock)

    assert {mail.recipient for mail in again.sent} == {"buyer@example.org"}
    assert {mail.subject for mail in again.sent} == {
        "Demonstration: Receipt for order T-7KMQ-2XHD: USD 10.40",
        "Demonstration: Your 2 certificates for order T-7KMQ-2XHD",
    }
    # A copy has a name of its own: a mail program would hide a second mail of the same name.
    assert not {mail.message_id for mail in again.sent} & {mail.message_id for mail in first.sent}


def test_asking_twice_in_a_hurry_makes_one_copy_and_asking_later_another(clock: FixedClock, order_id: int) -> None:
    queue(clock, "paid", order_paid(), order_id)
    mailer = FakeMailer()
    deliver_due(mailer, clock)

    resend(order_id, "buyer@example.org", now=clock.now())
    resend(order_id, "buyer@example.org", now=clock.now())
    deliver_due(mailer, clock)
    assert len(mailer.sent) == 2

    resend(order_id, "buyer@example.org", now=clock.now())
    deliver_due(mailer, clock)
    assert len(mailer.sent) == 3


def test_asking_again_hurries_a_mail_that_waits_for_its_next_try(clock: FixedClock, order_id: int) -> None:
    queue(clock, "paid", order_paid(), order_id)
    deliver_due(FakeMailer(problems=[MailNotTaken()]), clock)
    assert deliver_due(FakeMailer(), clock) == 0

    assert resend(order_id, "buyer@example.org", now=clock.now()) == 1
    assert deliver_due(FakeMailer(), clock) == 1
    assert count_of_mails() == 1


def test_asking_again_revives_a_mail_that_was_given_up(clock: FixedClock, order_id: int) -> None:
    queue(clock, "paid", order_paid(), order_id)
    deliver_due(FakeMailer(problems=[MailRefused(message="550 mailbox full")]), clock)

    assert resend(order_id, "buyer@example.org", now=clock.now()) == 1
    assert deliver_due(FakeMailer(), clock) == 1
    assert count_of_mails() == 1
    assert [step[:2] for step in history(the_mail("paid").id)] == [
        (None, "due"),
        ("due", "failed"),
        ("failed", "due"),
        ("due", "sent"),
    ]


def test_before_the_receipt_the_note_about_the_payment_is_what_comes_again(clock: FixedClock, order_id: int) -> None:
    queue(clock, "processing", payment_processing(), order_id)
    mailer = FakeMailer()
    deliver_due(mailer, clock)

    assert resend(order_id, "buyer@example.org", now=clock.now()) == 1
    deliver_due(mailer, clock)
    assert [mail.subject for mail in mailer.sent] == ["Demonstration: Order T-7KMQ-2XHD is waiting for your bank"] * 2


def test_an_order_that_was_never_written_to_has_nothing_to_send_again(clock: FixedClock, order_id: int) -> None:
    assert resend(order_id, "buyer@example.org", now=clock.now()) == 0
    assert count_of_mails() == 0
