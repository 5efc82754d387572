"""What the doctor sees of comparisons: that they happen, that nothing differs, and that nothing is held back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import exists, func, select

from app.checkout.models import Order
from app.db import StateEvent, db
from app.direct.models import DirectCancellation
from app.kernel.money import Money
from app.operations.check_tables import in_words
from app.operations.findings import Finding, ok, problem, warning
from app.operations.patient import Patient
from app.payments.disputes import lost
from app.payments.models import Dispute, Payment, WebhookDelivery
from app.payments.notices import HEARD_WITHIN
from app.payments.payouts import balances, currencies
from app.payments.states import DISPUTE, DisputeState
from app.reconciliation import journalling, queries
from app.reconciliation.errors import JournalBroken
from app.reconciliation.journal import Journal

# So long before the last day evidence is to be looked for; so long may a bank take to give back what was won.
ANSWER_WITHIN = timedelta(days=3)
GIVEN_BACK_WITHIN = timedelta(days=14)
DESK = "at the desk, under Comparison of books"


def books(patient: Patient) -> Iterator[Finding]:
    """Our books were compared last night, and an operator explained every difference."""
    last, number = queries.last_public_result(), queries.count_open()
    if last is None:
        yield warning("books", "Nothing was ever compared with the registries: flask reconcile.")
    else:
        age = patient.world.clock.now() - last.compared_at
        level = problem if age > patient.limits.comparison else ok
        yield level("books", f"All books were compared {in_words(age)} ago.")
        if last.unread:
            yield warning("books", f"Accounts whose registry did not answer then: {last.unread}.")
    if number:
        yield problem("books", f"Differences that nobody has explained: {number}. Look at them {DESK}.")
    standing = queries.find_hold()
    if standing is not None:
        what = "two operators lift it" if standing.compared_at else "it is not compared yet: flask reconcile"
        yield problem("books", f"The restoration hold stands, nothing is cancelled or refunded; {what} {DESK}.")


def owed(patient: Patient) -> Iterator[Finding]:
    """Participants are owed nothing in a currency that is sold in no more."""
    ours = patient.settings.currency
    due = {code: sum(max(each.owed, 0) for each in balances(code).values()) for code in currencies() if code != ours}
    left = ", ".join(f"{Money(minor, code).decimal} {code}" for code, minor in due.items() if minor)
    if left:
        where = "send it and write it down at the desk, under Payouts"
        yield warning("owed", f"Participants are owed {left}, and CURRENCY is {ours}: {where}.")
    else:
        yield ok("owed", f"What participants are owed is in {ours}.")


def disputes(patient: Patient) -> Iterator[Finding]:
    """Every dispute can be read and is answered in time, and the bank gave back what was won."""
    yield from _unread_disputes(patient)
    at_desk = "look at them at the desk, under Disputes"
    wanted, first = db.session.execute(
        select(func.count(), func.min(Dispute.evidence_due_at)).where(Dispute.state == DisputeState.OPEN)
    ).one()
    if wanted:
        is_urgent = first is not None and first - patient.world.clock.now() < ANSWER_WITHIN
        level = problem if is_urgent else warning
        until = f", the first by {first:%Y-%m-%d %H:%M} UTC" if first is not None else ""
        yield level("disputes", f"Disputes that wait for our evidence: {wanted}{until}: {at_desk}.")
    else:
        yield ok("disputes", "No dispute waits for our evidence.")
    won_since = exists().where(
        StateEvent.machine == DISPUTE.machine,
        StateEvent.subject_id == Dispute.id,
        StateEvent.to_state == DisputeState.WON,
        StateEvent.at > patient.world.clock.now() - GIVEN_BACK_WITHIN,
    )
    kept = select(func.count()).where(Dispute.state == DisputeState.WON, Dispute.taken > 0, ~won_since)
    if unpaid := db.session.scalar(kept):
        yield problem("disputes", f"Won, and the bank has not given the money back: {unpaid}: {at_desk}.")
    if borne := ", ".join(f"{each.decimal} {each.currency}" for each in lost()):
        yield ok("disputes", f"The house has lost {borne} to disputes so far; sellers have their shares.")


def _unread_disputes(patient: Patient) -> Iterator[Finding]:
    """Notices about charges of ours that nothing came of: an order that is not begun waits for them."""
    now = patient.world.clock.now()
    number, oldest = db.session.execute(
        select(func.count(), func.min(WebhookDelivery.received_at))
        .join(Payment, Payment.charge_reference == WebhookDelivery.object_reference)
        .where(WebhookDelivery.processed_at.is_(None), WebhookDelivery.received_at <= now - HEARD_WITHIN)
    ).one()
    if number:
        words = f"Notices about disputes that cannot be read: {number}, the oldest came {in_words(now - oldest)} ago"
        yield problem(
            "disputes",
            f"{words}. Answer at the gateway’s own pages. Of orders that wait for them the desk says what to do.",
        )


def demonstration(patient: Patient) -> Iterator[Finding]:
    """What happened while this copy was a demonstration does not stand among what is real."""
    if patient.settings.is_demonstration:
        yield ok("demonstration", "This copy is a demonstration, and everything in it.")
        return
    played = (select(kind.id).where(kind.is_demonstration.is_(True)).exists() for kind in (Order, DirectCancellation))
    if any(db.session.scalars(select(each)).one() for each in played):
        words = "Sales or cancellations of a demonstration are in these books. What sellers earned and the register"
        yield problem("demonstration", f"{words} count them like real ones: begin with an empty database.")
    else:
        yield ok("demonstration", "Nothing in these books is of a demonstration.")


def journal(patient: Patient) -> Iterator[Finding]:
    """What a restored database would forget is written down, and best on another disk."""
    path = patient.settings.journal_path
    journal = Journal(path)
    if not journal.is_there:
        yield warning("journal", f"There is no journal at {path} yet: the worker begins it.")
        return
    try:
        entries, numbers = journalling.unwritten(journal, patient.world.clock.now() - patient.limits.due)
    except JournalBroken as broken:
        yield problem("journal", f"It cannot be true: {broken}. Look for the right one; docs/operate.md, Restore.")
        return
    if (entries or numbers) and not queries.find_hold():
        what = f"{entries} transactions of the ledger and {numbers} certificates are not written down"
        yield problem("journal", f"{what} in {path}: a restored backup would forget them. The worker’s log says why.")
    elif path.stat().st_dev == patient.settings.instance_path.stat().st_dev and patient.settings.is_production:
        yield warning("journal", f"{path} is on the disk of the database: set JOURNAL_PATH to another one.")
    else:
        yield ok("journal", f"The journal is at {path}.")
