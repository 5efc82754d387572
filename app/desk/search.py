"""One search box for everything that an operator is asked about. Reads only.

A verification code is not searched: it opens a certificate, and nobody but its buyer needs it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import ColumnElement, Select, select, union

from app.accounts.models import Person
from app.catalog.models import Issuance, Project
from app.certificates.models import Certificate
from app.checkout.models import Beneficiary, Order
from app.complaints.models import Complaint
from app.db import db
from app.direct.models import DirectCancellation
from app.kernel.csvtable import LARGEST_WHOLE_NUMBER
from app.kernel.references import printed_reference
from app.kernel.text import clean_line, plain_email
from app.offers.models import Offer
from app.payments.models import Payment, Refund
from app.providers.models import Provider
from app.register.forms import Selection
from app.registry.models import Cancellation, CancelledBlock
from app.registry.ports import current_registries

MOST_HITS = 50  # of one kind
SHORTEST_NAME = 2


@dataclass(frozen=True)
class Hit:
    """One thing that was found: its kind, what people call it, what it is about, and the key of its page."""

    kind: str  # order, cancellation, certificate, complaint, person, participant, project, offer
    name: str
    about: str
    page: str  # the kind of page it stands on
    key: str


def search(typed: str) -> list[Hit]:
    """Everything that goes by what was typed, exact names first; the same thing once."""
    text = clean_line(typed)[:200].strip()
    if not text:
        return []
    exact = list(dict.fromkeys([*_by_reference(text), *_by_address(text), *_by_money(text), *_by_registry(text)]))
    return exact or list(dict.fromkeys([*_by_code(text), *_by_name(text)]))


def _by_reference(text: str) -> Iterable[Hit]:
    printed = printed_reference(text)
    if printed is None:
        return
    yield from _orders(Order.reference == printed)
    yield from _direct(DirectCancellation.reference == printed)
    yield from _certificates(Certificate.number == printed)
    for complaint in db.session.scalars(select(Complaint).where(Complaint.number == printed)):
        yield _complaint(complaint)


def _by_address(text: str) -> Iterable[Hit]:
    if "@" not in text:
        return
    yield from _orders(Order.email == plain_email(text))
    for person in db.session.scalars(select(Person).where(Person.email == plain_email(text))):
        yield Hit("person", person.email, person.name, "person", str(person.id))
    of_address = select(Complaint).where(Complaint.email == plain_email(text)).order_by(Complaint.id.desc())
    for complaint in db.session.scalars(of_address.limit(MOST_HITS)):
        yield _complaint(complaint)


def _by_money(text: str) -> Iterable[Hit]:
    names = (Payment.gateway_reference, Payment.charge_reference, Payment.idempotency_key)
    paid = (select(Payment.order_id).where(name == text) for name in names)
    returned = (select(Refund.order_id).where(name == text) for name in (Refund.gateway_reference, Refund.key))
    yield from _orders(Order.id.in_(db.session.scalars(union(*paid, *returned).limit(MOST_HITS)).all()))


def _by_registry(text: str) -> Iterable[Hit]:
    # Each by its own index: one condition that allows any of them would read all cancellations.
    by_name = union(
        select(Cancellation.id).where(Cancellation.reference == text.upper()),
        select(Cancellation.id).where(Cancellation.registry_transaction == text),
    )
    yield from _cancellations(Cancellation.id.in_([*db.session.scalars(by_name.limit(MOST_HITS)), *_serials(text)]))


def _serials(text: str) -> list[int]:
    """The cancellations of a serial number, or of a range; blocks of one space never overlap."""
    asked = Selection(text=text.replace(",", "").replace("\u202f", "").replace("\u00a0", " "))
    span, bare = asked.serials, asked.bare_serial
    if text.isascii() and text.isdigit() and int(text) <= LARGEST_WHOLE_NUMBER:
        bare = int(text)
    if span is None and bare is None:
        return []
    first, last = (span.first, span.last) if span else (cast(int, bare), cast(int, bare))
    issued = select(Issuance.space).where(Issuance.serial_first <= last, Issuance.serial_last >= first)
    spaces = [span.space] if span else db.session.scalars(issued.distinct()).all()
    # A space names the registry and the Party, or the Party alone.
    named = [name for space in spaces for name in (space, *(f"{one.name}:{space}" for one in current_registries()))]
    found: list[int] = []
    for space in named:
        blocks = select(CancelledBlock.cancellation_id, CancelledBlock.last).where(CancelledBlock.space == space)
        before = blocks.where(CancelledBlock.first < first).order_by(CancelledBlock.first.desc()).limit(1)
        inside = blocks.where(CancelledBlock.first.between(first, last)).order_by(CancelledBlock.first)
        found += [row.cancellation_id for row in db.session.execute(before) if row.last >= first]
        found += [row.cancellation_id for row in db.session.execute(inside.limit(MOST_HITS))]
    return found


def _by_code(text: str) -> Iterable[Hit]:
    exactly = select(Project).where(Project.reference == text.upper().replace(" ", "-"))
    for project in db.session.scalars(exactly):
        yield Hit("project", project.reference, project.title, "project", project.reference)
    for offer, title in db.session.execute(
        select(Offer, Project.title)
        .join(Issuance, Issuance.id == Offer.issuance_id)
        .join(Project, Project.id == Issuance.project_id)
        .where(Offer.code == text)
    ):
        yield Hit("offer", offer.code, title, "offer", offer.code)
    for provider in db.session.scalars(select(Provider).where(Provider.code == text)):
        yield Hit("participant", provider.legal_name, provider.code, "participant", provider.code)


def _by_name(text: str) -> Iterable[Hit]:
    if len(text) < SHORTEST_NAME:
        return
    named = select(Beneficiary.order_id, Beneficiary.direct_cancellation_id, Beneficiary.name).where(
        Beneficiary.name.icontains(text, autoescape=True)
    )
    found = db.session.execute(named.order_by(Beneficiary.id.desc()).limit(MOST_HITS)).all()
    yield from _orders(Order.id.in_([row.order_id for row in found if row.order_id]))
    yield from _direct(DirectCancellation.id.in_([row.direct_cancellation_id for row in found if row[1]]))
    for provider in _few(select(Provider).where(Provider.legal_name.icontains(text, autoescape=True))):
        yield Hit("participant", provider.legal_name, provider.code, "participant", provider.code)
    for person in _few(select(Person).where(Person.name.icontains(text, autoescape=True))):
        yield Hit("person", person.email, person.name, "person", str(person.id))
    for project in _few(select(Project).where(Project.title.icontains(text, autoescape=True))):
        yield Hit("project", project.reference, project.title, "project", project.reference)


def _few(query: Select[Any]) -> Any:
    return db.session.scalars(query.limit(MOST_HITS)).all()


def _orders(condition: ColumnElement[bool]) -> Iterable[Hit]:
    for order in db.session.scalars(select(Order).where(condition).order_by(Order.id.desc()).limit(MOST_HITS)):
        yield Hit("order", order.reference, order.email, "order", order.reference)


def _direct(condition: ColumnElement[bool]) -> Iterable[Hit]:
    # Asked by itself: as part of the next question PostgreSQL would go through all cancellations, the newest first.
    ids = select(DirectCancellation.id).where(condition).order_by(DirectCancellation.id.desc()).limit(MOST_HITS)
    yield from _cancellations(Cancellation.direct_cancellation_id.in_(db.session.scalars(ids).all()))


def _certificates(condition: ColumnElement[bool]) -> Iterable[Hit]:
    rows = db.session.execute(
        select(Certificate.number, Order.reference, Cancellation.reference)
        .outerjoin(Order, Order.id == Certificate.order_id)
        .outerjoin(Cancellation, Cancellation.direct_cancellation_id == Certificate.direct_cancellation_id)
        .where(condition)
    )
    for number, order, cancellation in rows:
        yield Hit(
            "certificate",
            number,
            order or cancellation or "",
            "order" if order else "cancellation",
            order or cancellation,
        )


def _cancellations(condition: ColumnElement[bool]) -> Iterable[Hit]:
    rows = db.session.execute(
        select(Cancellation, Order.reference, DirectCancellation.reference)
        .outerjoin(Order, Order.id == Cancellation.order_id)
        .outerjoin(DirectCancellation, DirectCancellation.id == Cancellation.direct_cancellation_id)
        .where(condition)
        .order_by(Cancellation.id.desc())
        .limit(MOST_HITS)
    )
    for cancellation, order, direct in rows:
        about = f"{order or direct} {cancellation.project_reference}"
        yield Hit("cancellation", cancellation.reference, about, "cancellation", cancellation.reference)


def _complaint(complaint: Complaint) -> Hit:
    return Hit("complaint", complaint.number, complaint.about, "complaint", complaint.number)
