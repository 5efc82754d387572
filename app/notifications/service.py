"""Queue a mail with its cause; take the due ones away, at least once each.

A mail is marked sent after a server took it. A crash between the two sends it again, under the
same Message-ID: a second copy is a nuisance, a receipt that never came is a broken promise.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, cast

from flask import current_app
from sqlalchemy import Table, bindparam, or_, select, update

from app.db import advance, common_now, db, end_reading, insert_once_with_id, read_ids, record, transaction, write
from app.kernel import checkpoints
from app.kernel.clock import Clock
from app.kernel.text import clean_line
from app.notifications import links
from app.notifications.messages.facts import Facts
from app.notifications.messages.kinds import MailKind
from app.notifications.models import Mail
from app.notifications.ports import Mailer, MailNotTaken, MailRefused, MailServerAway, OutgoingMail
from app.notifications.rendering import render
from app.notifications.states import MAIL, MailState

logger = logging.getLogger(__name__)

MOST_ATTEMPTS = 30
FIRST_DELAY = timedelta(minutes=1)
LONGEST_DELAY = timedelta(hours=6)
# Longer than a server may take over one mail, so that nobody else takes it up meanwhile.
LEASE = timedelta(minutes=7)
# How long a worker goes on handing over before it looks for other things to do.
TURN = timedelta(seconds=30)
LONG_AGO = datetime.min.replace(tzinfo=UTC)

# The mails that a buyer may ask for again: those that prove something.
RESENDABLE = (MailKind.ORDER_PAID, MailKind.CERTIFICATES_READY, MailKind.PAYMENT_PROCESSING)

# Writes what became of a mail, inside the caller's transaction at an instant (aware); whether it went out.
Outcome = Callable[[datetime], bool]

_IS_DUE = (Mail.state == MailState.DUE, Mail.next_action_at <= bindparam("now"))
DUE = select(Mail.id).where(*_IS_DUE).order_by(Mail.next_action_at, Mail.id).limit(bindparam("most"))
_CLAIM = (
    update(cast(Table, Mail.__table__))
    .where(
        Mail.id == bindparam("mail_id"),
        *_IS_DUE,
        or_(Mail.lease_until.is_(None), Mail.lease_until <= bindparam("begins")),
    )
    # Due again by the worker's own clock; whether it may be taken then follows from the lease.
    .values(lease_until=bindparam("until"), next_action_at=bindparam("again_at"), attempts=Mail.attempts + 1)
    .returning(*Mail.__table__.columns)
)
# When this process found no server to talk to.
_AWAY = "tonne.mail_server_away"


def queue_mail(*, key: str, recipient: str, locale: str, facts: Facts, order_id: int | None, now: datetime) -> bool:
    """Write one mail in the caller's open transaction. False when `key` was written before.

    The kind follows from `facts`. `key` names the cause (80 characters at most); the unique key
    behind it makes two callers at once write one mail, and neither fails. `now` is an aware instant.
    """
    return _insert(
        order_id=order_id,
        key=key,
        kind=facts.kind.value,
        recipient=recipient,
        locale=locale,
        facts=links.sealed(facts.to_json()),
        now=now,
    )


def resend(order_id: int, recipient: str, *, now: datetime) -> int:
    """Send an order's receipt and certificates (or, before them, the note about its payment) again.

    They go to `recipient`, the address of the order, and to no other. A mail that is still on its way,
    or that was given up, is hurried instead of copied. Returns how many mails are on their way now;
    `now` is an aware instant.
    """
    with transaction():
        return resend_within(order_id, recipient, now)


def resend_within(order_id: int, recipient: str, now: datetime) -> int:
    """The same in the caller's open transaction."""
    mails = db.session.scalars(
        select(Mail).where(Mail.order_id == order_id, Mail.kind.in_(RESENDABLE)).order_by(Mail.id)
    ).all()
    newest = {MailKind(mail.kind): mail for mail in mails}
    if len(newest) > 1:
        newest.pop(MailKind.PAYMENT_PROCESSING, None)
    for mail in newest.values():
        _send_again(mail, recipient, now)
    return len(newest)


def readdress(order_id: int, recipient: str) -> None:
    """Let an order's mails that did not go out yet go to another address, inside the caller's transaction."""
    db.session.execute(
        update(Mail)
        .where(Mail.order_id == order_id, Mail.state != MailState.SENT)
        .values(recipient=recipient)
        .execution_options(synchronize_session=False)
    )


def deliver_due(mailer: Mailer, clock: Clock, limit: int = 50) -> int:
    """Take up to `limit` due mails away, each outside any transaction. Returns how many went out.

    Several workers may do this at once: a conditional UPDATE gives each mail to one of them, for
    as long as the lease lasts. A mail that was not taken is tried again after one minute, then
    twice as long each time up to six hours, and `failed` after 30 tries or a refusal for good.
    While there is no server to talk to, one mail a minute finds that out, and the others wait untried:
    the worker has other things to do than to wait for it with each of them.
    """
    now = clock.now()
    mail_ids = read_ids(DUE, now=now, most=limit)
    if not mail_ids or abs(now - current_app.extensions.get(_AWAY, LONG_AGO)) < FIRST_DELAY:
        return 0
    end_reading()
    went_out = 0
    outcome: Outcome | None = None
    # What became of a mail is written where the next one is taken up: half of the transactions.
    waiting = iter(mail_ids)
    while True:
        mail_id = next(waiting, None) if clock.now() < now + TURN else None
        with transaction():
            went_out += outcome is not None and outcome(clock.now())
            mail = None if mail_id is None else _claim(mail_id, clock)
        if mail_id is None:
            return went_out
        try:
            outcome = None if mail is None else _send(mail, mailer)
        except MailServerAway as away:
            with transaction():
                _put_off(cast(Mail, mail), str(away.facts.get("message", "")), clock.now())
            current_app.extensions[_AWAY] = clock.now()
            return went_out


def _insert(
    *,
    order_id: int | None,
    key: str,
    kind: str,
    recipient: str,
    locale: str,
    facts: dict[str, Any],
    now: datetime,
) -> bool:
    mail_id = insert_once_with_id(
        Mail,
        order_id=order_id,
        key=key,
        kind=kind,
        recipient=recipient,
        locale=locale,
        facts=facts,
        state=MailState.DUE,
        next_action_at=now,
        created_at=now,
    )
    if mail_id is not None:
        record(MAIL.machine, mail_id, None, MailState.DUE, at=now)
    return mail_id is not None


def _send_again(mail: Mail, recipient: str, now: datetime) -> None:
    if mail.state is MailState.DUE:
        _update(mail.id, mail.attempts, next_action_at=now)
    elif mail.state is MailState.FAILED:
        advance(Mail, mail.id, MAIL, MailState.DUE, at=now, attempts=0, next_action_at=now, lease_until=None)
    else:
        _insert(
            order_id=mail.order_id,
            # One copy of each mail: the next request finds this copy and hurries or copies that one.
            key=f"again:{mail.id}",
            kind=mail.kind,
            recipient=recipient,
            locale=mail.locale,
            facts=mail.facts,
            now=now,
        )


def _send(mail: Mail, mailer: Mailer) -> Outcome:
    try:
        mailer.send(_rendered(mail))
    except MailServerAway:
        raise
    except MailRefused as refusal:
        return partial(_give_up, mail, "refused", str(refusal.facts.get("message", "")))
    except MailNotTaken as refusal:
        return partial(_put_off, mail, str(refusal.facts.get("message", "")))
    except Exception as fault:
        # Whatever broke, the next mail must not wait for it.
        logger.exception("mail not sent", extra={"facts": {"id": mail.id, "kind": mail.kind}})
        return partial(_put_off, mail, repr(fault))
    checkpoints.reached("mail.sent_not_marked")
    return partial(_mark_sent, mail)


def _rendered(mail: Mail) -> OutgoingMail:
    try:
        return render(mail)
    finally:
        end_reading()


def _claim(mail_id: int, clock: Clock) -> Mail | None:
    now, begins = clock.now(), common_now(clock)
    asked = {"mail_id": mail_id, "now": now, "again_at": now + LEASE, "begins": begins, "until": begins + LEASE}
    row = write(_CLAIM, asked).one_or_none()
    # Of no session: its values are needed without a transaction opened to read them.
    return None if row is None else Mail(**row._asdict())


def _mark_sent(mail: Mail, now: datetime) -> bool:
    return advance(
        Mail, mail.id, MAIL, MailState.SENT, at=now, facts={"attempts": mail.attempts},
        sent_at=now, lease_until=None, last_message="",
    )  # fmt: skip


def _put_off(mail: Mail, message: str, now: datetime) -> bool:
    if mail.attempts >= MOST_ATTEMPTS:
        return _give_up(mail, "attempts", message, now)
    delay = min(FIRST_DELAY * 2 ** (mail.attempts - 1), LONGEST_DELAY)
    _update(mail.id, mail.attempts, next_action_at=now + delay, lease_until=None, last_message=_brief(message))
    logger.warning("mail put off", extra={"facts": {"id": mail.id, "kind": mail.kind, "attempts": mail.attempts}})
    return False


def _give_up(mail: Mail, cause: str, message: str, now: datetime) -> bool:
    advance(
        Mail, mail.id, MAIL, MailState.FAILED, at=now, facts={"cause": cause, "attempts": mail.attempts},
        lease_until=None, last_message=_brief(message),
    )  # fmt: skip
    logger.error("mail failed", extra={"facts": {"id": mail.id, "kind": mail.kind, "cause": cause}})
    return False


def _update(mail_id: int, attempts: int, **values: Any) -> None:
    """Change a due mail, unless another worker took it up since its `attempts` were read."""
    db.session.execute(
        update(Mail)
        .where(Mail.id == mail_id, Mail.state == MailState.DUE, Mail.attempts == attempts)
        .values(**values)
        .execution_options(synchronize_session=False)
    )


def _brief(message: str) -> str:
    return clean_line(message)[:500]
