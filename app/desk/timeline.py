"""The whole story of an order: states, registry, mails, people and notices, in one order of time. Reads only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from flask_babel import gettext
from sqlalchemy import or_, select

from app.audit.models import Act
from app.claims.models import WordingReview
from app.db import StateEvent, db
from app.desk.act_words import act_words
from app.desk.orders import OrderFile
from app.desk.words import ATTEMPTS, EVENTS, MAILS, NOTICE, OUTCOMES, REASONS
from app.offers.models import Reservation
from app.payments.models import WebhookDelivery

_STOPS = {"failed", "refused", "manual", "risk_hold", "payment_review", "withheld", "pending", "lost"}
_DONE = {"paid", "succeeded", "confirmed", "fulfilled", "issued", "sent", "won"}


@dataclass(frozen=True, order=True)
class Entry:
    """One thing that happened: when (UTC), what, to which thing, by whom and why. `by` is empty for the house."""

    at: datetime
    order: tuple[int, int]
    what: str = field(compare=False)
    thing: str = field(compare=False, default="")
    by: str = field(compare=False, default="")
    why: str = field(compare=False, default="")
    tone: str = field(compare=False, default="")


def timeline(file: OrderFile) -> list[Entry]:
    """Everything that happened to an order and its things, oldest first; at one instant as it was written."""
    return sorted([*_events(file), *_attempts(file), *_acts(file), *_notices(file)])


def _things(file: OrderFile) -> dict[str, dict[int, tuple[str, str]]]:
    """By machine and id: what people call the thing, and by whose word it moves."""
    line_ids = [line.id for line in file.order.lines]
    beneficiaries = {line.beneficiary_id for line in file.order.lines}
    reservations = db.session.scalars(select(Reservation.id).where(Reservation.order_line_id.in_(line_ids)))
    reviews = db.session.scalars(select(WordingReview.id).where(WordingReview.beneficiary_id.in_(beneficiaries)))
    return {
        "order": {file.order.id: (file.order.reference, "")},
        "payment": {p.id: (p.gateway_reference or p.idempotency_key, p.gateway) for p in file.payments},
        "dispute": {dispute.id: (dispute.gateway_reference, "") for dispute in file.disputes},
        "refund": {r.id: (r.gateway_reference or r.key, "") for r in file.refunds},
        "cancellation": {
            t.cancellation.id: (t.cancellation.reference, t.cancellation.registry_code) for t in file.talks
        },
        "reservation": dict.fromkeys(reservations, ("", "")),
        "mail": {mail.id: (str(MAILS.get(mail.kind, mail.kind)), "") for mail in file.mails},
        "certificate": {certificate.id: (certificate.number, "") for certificate, _project in file.certificates},
        "screening_match": {match.id: (match.listed_name, "") for match in file.matches},
        "wording_review": dict.fromkeys(reviews, ("", "")),
    }


def _events(file: OrderFile) -> Iterable[Entry]:
    things = _things(file)
    # One question for each kind of thing is what the index is made for.
    for machine, known in things.items():
        if not known:
            continue
        events = db.session.scalars(
            select(StateEvent).where(StateEvent.machine == machine, StateEvent.subject_id.in_(known))
        )
        for event in events:
            name, by = known[event.subject_id]
            yield Entry(
                event.at,
                (0, event.id),
                str(EVENTS[machine].get(event.to_state, event.to_state)),
                name,
                str(event.facts.get("by", by)),
                _why(event.facts),
                "is-done" if event.to_state in _DONE else "is-stop" if event.to_state in _STOPS else "",
            )


def _why(facts: Mapping[str, object]) -> str:
    told = str(facts.get("reason") or facts.get("message") or facts.get("by_hand") or "")
    return str(REASONS.get(told, told))


def _attempts(file: OrderFile) -> Iterable[Entry]:
    for talk in file.talks:
        for attempt in talk.attempts:
            yield Entry(
                attempt.ended_at,
                (1, attempt.id),
                gettext(
                    "%(question)s: %(outcome)s",
                    question=ATTEMPTS.get(attempt.kind, attempt.kind),
                    outcome=OUTCOMES.get(attempt.outcome, attempt.outcome),
                ),
                talk.cancellation.reference,
                talk.cancellation.registry_code,
                answer_words(attempt.answer),
            )


def answer_words(answer: dict[str, object]) -> str:
    """The registry's own words in one of its answers."""
    inner = answer.get("outcome")
    told = inner if isinstance(inner, dict) else answer
    return str(told.get("message") or told.get("basis") or "")


def _acts(file: OrderFile) -> Iterable[Entry]:
    subjects = [("order", [file.order.id]), ("refund", [r.id for r in file.refunds])]
    subjects.append(("cancellation", [talk.cancellation.id for talk in file.talks]))
    conditions = [(Act.subject_kind == kind) & Act.subject_id.in_(ids) for kind, ids in subjects if ids]
    for act in db.session.scalars(select(Act).where(or_(*conditions))):
        yield Entry(act.at, (2, act.id), act_words(act.what), act.subject, act.actor, act.reason)


def _notices(file: OrderFile) -> Iterable[Entry]:
    of_payments = [payment.gateway_reference for payment in file.payments]
    of_refunds = [refund.gateway_reference for refund in file.refunds]
    charges = [payment.charge_reference for payment in file.payments]
    references = [reference for reference in (*of_payments, *charges, *of_refunds) if reference]
    about = or_(WebhookDelivery.object_reference.in_(references), WebhookDelivery.order_hint == file.order.reference)
    for notice in db.session.scalars(select(WebhookDelivery).where(about)):
        yield Entry(
            notice.received_at,
            (3, notice.id),
            str(NOTICE),
            f"{notice.event_type} {notice.object_reference}",
            notice.gateway,
        )
