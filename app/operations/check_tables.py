"""What the doctor sees in the database, and by the rows in it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, insert, select, text
from sqlalchemy.exc import SQLAlchemyError

from app.accounts.models import Person
from app.db import StateEvent, clock_of_postgresql, db
from app.dialects import taking_the_write_lock
from app.jobs import heartbeat
from app.jobs.models import Heartbeat
from app.kernel.sealing import SealBroken, is_present
from app.offers.models import Offer
from app.offers.states import OfferState
from app.operations import queries
from app.operations.findings import Finding, ok, problem, warning
from app.operations.patient import Patient
from app.operations.rights import is_owner
from app.operations.seals import SEALINGS, open_seal
from app.payments.models import Refund
from app.payments.states import RefundState
from app.screening.models import SanctionsList
from app.web.views import database_state

SOURCES = ("ofac", "eu", "un")
OLDEST_POSTGRES = 13
OPERATORS_NEEDED = 2


def database(_patient: Patient) -> Iterator[Finding]:
    """It answers, takes a row, and is set up as the product needs it."""
    name = db.engine.dialect.name
    try:
        with db.engine.connect() as connection:
            connection.execute(text("SELECT 1"))
            version = ".".join(str(part) for part in connection.dialect.server_version_info or ())
    except SQLAlchemyError:
        yield problem("database", f"{name} does not answer: is DATABASE_URL right, and the server up?")
        return
    yield ok("database", f"{name} {version} answers.")
    if not _takes_a_row():
        yield problem("database", "It takes no row: is it read-only, full, or not migrated?")
        return
    yield ok("database", "It takes a row.")
    yield from _postgresql() if name == "postgresql" else _sqlite()


def _takes_a_row() -> bool:
    try:
        with taking_the_write_lock(), db.engine.connect() as connection, connection.begin() as attempt:
            connection.execute(insert(Heartbeat).values(name="doctor", at=datetime.now(UTC)))
            attempt.rollback()
    except SQLAlchemyError:
        return False
    return True


def _sqlite() -> Iterator[Finding]:
    with db.engine.connect() as connection:
        mode = connection.execute(text("PRAGMA journal_mode")).scalar_one()
    if mode == "wal":
        yield ok("database", "Readers do not wait for writers (WAL).")
    else:
        yield problem("database", f"journal_mode is {mode}, not wal: keep the file on a local disk.")


def _postgresql() -> Iterator[Finding]:
    with db.engine.connect() as connection:
        extensions = set(connection.scalars(text("SELECT extname FROM pg_extension")))
        major = (connection.dialect.server_version_info or (0,))[0]
    if "btree_gist" in extensions:
        yield ok("database", "btree_gist is there: no serial number can be recorded twice.")
    else:
        yield problem("database", "The extension btree_gist is missing: CREATE EXTENSION btree_gist, as a superuser.")
    if int(major) < OLDEST_POSTGRES:
        yield warning("database", f"PostgreSQL {major} is older than what is tested: upgrade to 15 or later.")


def rights(patient: Patient) -> Iterator[Finding]:
    """Who serves strangers may do nothing to the tables."""
    if db.engine.dialect.name != "postgresql" or patient.settings.environment != "production":
        return
    if is_owner():
        yield warning("rights", "The services own the tables, so they may drop them: docs/operate.md, step 4.")
    else:
        yield ok("rights", "The services read and write rows, and can do nothing to the tables.")


def migrations(_patient: Patient) -> Iterator[Finding]:
    """The tables are those of this version."""
    state = database_state()
    if state == "ok":
        yield ok("migrations", "The tables are those of this version.")
    else:
        yield problem("migrations", f"The database is {state}: stop the worker, run flask db upgrade, start it again.")


def worker(patient: Patient) -> Iterator[Finding]:
    """One ended a round not long ago."""
    at, now = heartbeat.last_beat(), patient.world.clock.now()
    if at is None:
        yield problem("worker", "No worker has ever run: start one (flask work forever, or python -m app.serving).")
    elif heartbeat.is_late(at, now):
        yield problem("worker", f"No worker has ended a round for {in_words(now - at)}: start it, and read its log.")
    else:
        yield ok("worker", f"A worker ended a round {in_words(now - at)} ago.")


def due(patient: Patient) -> Iterator[Finding]:
    """Nothing waits for long."""
    now, limits = patient.world.clock.now(), patient.limits
    late = [each for each in queries.due(now) if timedelta(seconds=each.age(now)) > limits.due]
    for each in late:
        age = timedelta(seconds=each.age(now))
        level = problem if age > limits.due_too_long else warning
        kind = each.kind.replace("_", " ")
        yield level("due", f"{each.count} of {kind} due, the oldest for {in_words(age)}: the worker’s log says why.")
    if not late:
        yield ok("due", "Nothing has been due for long.")


def offers(patient: Patient) -> Iterator[Finding]:
    """What is for sale has its price in the currency of the house."""
    ours = patient.settings.currency
    others = db.session.scalars(
        select(Offer.currency).where(Offer.state == OfferState.LIVE, Offer.currency != ours).distinct()
    ).all()
    if others:
        yield problem(
            "offers", f"Offers in {', '.join(sorted(others))} are sold to nobody: CURRENCY is {ours}. Withdraw them."
        )
    else:
        yield ok("offers", f"What is for sale has its price in {ours}.")


def refunds(patient: Patient) -> Iterator[Finding]:
    """The gateway says what became of every refund that it took."""
    silent = db.session.scalar(
        select(func.count()).where(
            Refund.state == RefundState.REQUESTED,
            Refund.gateway_reference.is_not(None),
            Refund.last_message != "",
            Refund.created_at <= patient.world.clock.now() - timedelta(days=1),
        )
    )
    if silent:
        words = f"Refunds that the gateway took and says nothing about: {silent}."
        yield problem("refunds", f"{words} Is our key of the account they were made in? The worker’s log says why.")
    else:
        yield ok("refunds", "The gateway answers for every refund that it took.")


def clock(patient: Patient) -> Iterator[Finding]:
    """It agrees with the database server’s, and never went back."""
    now = patient.world.clock.now()
    theirs = _clock_of_the_database()
    drift = abs(patient.world.clock.now() - theirs)
    words = f"The clock differs from the database server’s by {drift.total_seconds():.1f} s"
    if drift > patient.limits.drift_too_large:
        yield problem("clock", f"{words}: set both by NTP (timedatectl set-ntp true).")
    elif drift > patient.limits.drift:
        yield warning("clock", f"{words}: set both by NTP (timedatectl set-ntp true).")
    else:
        yield ok("clock", f"{words}.")
    newest = db.session.scalar(select(func.max(StateEvent.at)))
    if newest is not None and newest - now > patient.limits.drift:
        yield problem("clock", f"Something was recorded {in_words(newest - now)} in the future: the clock went back.")


def _clock_of_the_database() -> datetime:
    if db.engine.dialect.name == "postgresql":
        return clock_of_postgresql()
    # It lives in this process: what it says is the machine's own clock, not the one this application was given.
    seconds = db.session.execute(text("SELECT (julianday('now') - 2440587.5) * 86400.0")).scalar_one()
    return datetime.fromtimestamp(seconds, UTC)


def sealed(patient: Patient) -> Iterator[Finding]:
    """What was sealed before can still be opened: SECRET_KEY is the one it was sealed with."""
    keys = patient.settings.keyring
    for sealing in SEALINGS:
        first = select(sealing.column).where(func.length(sealing.column) > 0).order_by(sealing.model.id).limit(1)
        one = db.session.scalar(first)
        if one is None:
            continue
        words = sealing.words.capitalize()
        try:
            open_seal(one, keys, sealing.purpose)
        except SealBroken:
            yield problem("sealed", f"{words} cannot be opened: put the SECRET_KEY of before back.")
        else:
            yield ok("sealed", f"{words} can be opened.")
            if not is_present(one, keys):
                yield warning("sealed", f"{words} are sealed in the former way: run flask reseal.")


def sanctions(patient: Patient) -> Iterator[Finding]:
    """Every list is there and not old."""
    now = patient.world.clock.now()
    rows = db.session.execute(
        select(SanctionsList.source, func.max(SanctionsList.imported_at).label("imported_at"))
        .where(SanctionsList.is_current.is_(True))
        .group_by(SanctionsList.source)
    )
    imported = {row.source: row.imported_at for row in rows}
    for source in SOURCES:
        name = source.upper()
        if source not in imported:
            level = problem if patient.settings.is_production else warning
            yield level("sanctions", f"There is no list of {name}: import it (docs/operate.md).")
            continue
        age = now - imported[source]
        if age > patient.limits.list_age:
            level = problem if age > patient.limits.list_too_old else warning
            yield level("sanctions", f"The list of {name} was imported {in_words(age)} ago: import the newest edition.")
        else:
            yield ok("sanctions", f"The list of {name} was imported {in_words(age)} ago.")


def people(_patient: Patient) -> Iterator[Finding]:
    """Two operators can sign in with a second factor: one alone cannot decide about money."""
    able = db.session.scalar(
        select(func.count())
        .select_from(Person)
        .where(Person.is_operator.is_(True), Person.suspended_at.is_(None), Person.verified_at.is_not(None))
    )
    if (able or 0) >= OPERATORS_NEEDED:
        yield ok("people", f"{able} operators can decide together.")
    else:
        yield warning("people", f"Operators: {able or 0}. What takes two people cannot be done: flask operator add.")


def in_words(time: timedelta) -> str:
    """A length of time as people say it, in whole units: 40 s, 12 min, 3 h, 5 d."""
    seconds = abs(int(time.total_seconds()))
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
