"""Lists of the desk: what is late, what waits for a second person, people, payouts, today. Reads only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, func, or_, select
from sqlalchemy.orm import aliased

from app.accounts.models import Membership, Organisation, Person, SignIn
from app.accounts.roles import Role
from app.audit.models import Proposal
from app.audit.states import ProposalState
from app.certificates.models import Certificate
from app.checkout.models import Order
from app.current import settings
from app.db import db
from app.desk.orders import Talk, talks_of
from app.desk.waiting import is_late
from app.direct.models import DirectCancellation
from app.kernel.money import Money
from app.kernel.sealing import Keyring, SealBroken, SealFor, unseal_text
from app.payments.disputes import IS_OPEN
from app.payments.models import Dispute, Payment, Payout, Refund
from app.payments.payouts import Balance, balance, balances, currencies
from app.payments.states import RefundState
from app.providers.models import Payee, Provider
from app.providers.states import PayeeState
from app.registry.models import Cancellation
from app.registry.states import CANCELLATION, CancellationState

MOST_ROWS = 200


@dataclass(frozen=True)
class Today:
    """What happened since midnight (UTC)."""

    placed: int
    paid: int
    money: Money
    units: int
    certificates: int
    refunds: int


@dataclass(frozen=True)
class CancellationRow:
    """A cancellation with the order or direct cancellation it belongs to."""

    cancellation: Cancellation
    order: str | None
    direct: str | None
    is_late: bool


@dataclass(frozen=True)
class ProposalRow:
    """A proposal with the people's addresses."""

    proposal: Proposal
    proposed_by: str
    decided_by: str


@dataclass(frozen=True)
class PersonRow:
    """An account with the organisations and roles of its person."""

    person: Person
    seats: tuple[tuple[Organisation, Role], ...]
    sign_ins: int


@dataclass(frozen=True)
class PayeeView:
    """Where a participant's money goes; of the account only the last four characters."""

    holder: str
    bank: str
    last_four: str


@dataclass(frozen=True)
class PayoutRow:
    """A participant and its money in one currency."""

    provider: Provider
    currency: str
    balance: Balance
    payee: PayeeView | None


def today(at: datetime, currency: str) -> Today:
    """The numbers of the day of `at` (UTC)."""
    start = datetime.combine(at.astimezone(UTC).date(), time(), UTC)

    def count(row: ColumnElement[int], condition: ColumnElement[bool]) -> int:
        return int(db.session.scalar(select(row).where(condition)) or 0)

    # What is bought with the money of an earlier order brings none.
    is_drawn = exists().where(Payment.order_id == Order.id, Payment.drawn_from_id.is_not(None))
    came = (Order.paid_at >= start) & (Order.currency == currency) & ~is_drawn
    return Today(
        placed=count(func.count(Order.id), Order.placed_at >= start),
        paid=count(func.count(Order.id), Order.paid_at >= start),
        money=Money(count(func.coalesce(func.sum(Order.total), 0), came), currency),
        units=count(
            func.coalesce(func.sum(Cancellation.units), 0),
            (Cancellation.completed_at >= start) & (Cancellation.state == CancellationState.CONFIRMED),
        ),
        certificates=count(func.count(Certificate.id), Certificate.issued_at >= start),
        refunds=count(func.count(Refund.id), Refund.created_at >= start),
    )


def open_cancellations(at: datetime) -> list[CancellationRow]:
    """Every cancellation that is not final, the oldest first."""
    return _cancellation_rows(at, Cancellation.state.in_(CANCELLATION.unfinished()))


def find_cancellation(reference: str, at: datetime) -> tuple[CancellationRow, Talk] | None:
    """A cancellation by its own reference, with all that was said about it."""
    found = _cancellation_rows(at, Cancellation.reference == reference)
    return (found[0], talks_of(Cancellation.reference == reference)[0]) if found else None


def _cancellation_rows(at: datetime, condition: ColumnElement[bool]) -> list[CancellationRow]:
    rows = db.session.execute(
        select(Cancellation, Order.reference, DirectCancellation.reference, is_late(at))
        .outerjoin(Order, Order.id == Cancellation.order_id)
        .outerjoin(DirectCancellation, DirectCancellation.id == Cancellation.direct_cancellation_id)
        .where(condition)
        .order_by(Cancellation.created_at, Cancellation.id)
        .limit(MOST_ROWS)
    )
    return [CancellationRow(cancellation, order, direct, bool(late)) for cancellation, order, direct, late in rows]


def failed_refunds() -> list[tuple[Refund, str]]:
    """Refunds that wait for an operator, the oldest first, with the references of their orders."""
    rows = db.session.execute(
        select(Refund, Order.reference)
        .join(Order, Order.id == Refund.order_id)
        .where(Refund.state == RefundState.FAILED)
        .order_by(Refund.created_at, Refund.id)
        .limit(MOST_ROWS)
    )
    return [(refund, reference) for refund, reference in rows]


def dispute_rows(*, are_open: bool) -> list[tuple[Dispute, str]]:
    """Disputes with the references of their orders: those that wait, the first to be answered first; or the decided.

    Those come the newest first.
    """
    newest, last_day = Dispute.opened_at.desc(), (Dispute.evidence_due_at.is_(None), Dispute.evidence_due_at)
    rows = db.session.execute(
        select(Dispute, Order.reference)
        .join(Order, Order.id == Dispute.order_id)
        .where(IS_OPEN if are_open else ~IS_OPEN)
        .order_by(*(last_day if are_open else (newest,)), Dispute.id)
        .limit(MOST_ROWS)
    )
    return [(dispute, reference) for dispute, reference in rows]


def find_dispute(dispute_id: int) -> tuple[Dispute, Order, Payment] | None:
    """One dispute with its order and payment."""
    row = db.session.execute(
        select(Dispute, Order, Payment)
        .join(Order, Order.id == Dispute.order_id)
        .join(Payment, Payment.id == Dispute.payment_id)
        .where(Dispute.id == dispute_id)
    ).one_or_none()
    return None if row is None else (row[0], row[1], row[2])


def proposals(*, are_open: bool) -> list[ProposalRow]:
    """What waits for a second person, the oldest first; or what was decided, the newest first."""
    return _proposal_rows(
        (Proposal.state == ProposalState.PROPOSED) if are_open else (Proposal.state != ProposalState.PROPOSED),
        Proposal.id if are_open else Proposal.decided_at.desc(),
    )


def find_proposal(proposal_id: int) -> ProposalRow | None:
    """One proposal."""
    found = _proposal_rows(Proposal.id == proposal_id, Proposal.id)
    return found[0] if found else None


def _proposal_rows(condition: ColumnElement[bool], order: Any) -> list[ProposalRow]:
    proposer, decider = aliased(Person), aliased(Person)
    rows = db.session.execute(
        select(Proposal, proposer.email, decider.email)
        .join(proposer, proposer.id == Proposal.proposed_by)
        .outerjoin(decider, decider.id == Proposal.decided_by)
        .where(condition)
        .order_by(order)
        .limit(MOST_ROWS)
    )
    return [ProposalRow(proposal, by, decided or "") for proposal, by, decided in rows]


def people(text: str) -> list[Person]:
    """Accounts whose address or name holds `text`, by address; the operators for none."""
    query = select(Person).order_by(Person.email).limit(MOST_ROWS)
    if not text:
        return list(db.session.scalars(query.where(Person.is_operator.is_(True))))
    like = or_(Person.email.icontains(text.lower(), autoescape=True), Person.name.icontains(text, autoescape=True))
    return list(db.session.scalars(query.where(like)))


def find_person(person_id: int, at: datetime) -> PersonRow | None:
    """One account, its organisations, and how many browsers are signed in."""
    person = db.session.get(Person, person_id)
    if person is None:
        return None
    seats = db.session.execute(
        select(Organisation, Membership.role)
        .join(Membership, Membership.organisation_id == Organisation.id)
        .where(Membership.person_id == person_id)
        .order_by(Organisation.name)
    )
    signed_in = select(func.count(SignIn.id)).where(
        SignIn.person_id == person_id, SignIn.ended_at.is_(None), SignIn.expires_at > at
    )
    return PersonRow(
        person,
        tuple((organisation, role) for organisation, role in seats),
        db.session.scalar(signed_in) or 0,
    )


def payout_rows(keys: Keyring) -> list[PayoutRow]:
    """Every participant with what it earned and what is due, the most due first.

    At the end what is owed in currencies that the house had before.
    """
    payees = {payee.provider_id: _payee_view(payee, keys) for payee in db.session.scalars(_current_payees())}
    providers = db.session.scalars(select(Provider).order_by(Provider.legal_name)).all()
    rows = []
    for currency in _house_first(currencies()):
        known = balances(currency)
        found = [
            PayoutRow(provider, currency, known.get(provider.id, Balance()), payees.get(provider.id))
            for provider in providers
        ]
        rows += sorted(filter(_is_shown, found), key=lambda row: -row.balance.due)
    return rows


def find_payout_rows(code: str, keys: Keyring) -> list[PayoutRow]:
    """One participant's money: in the house's currency, and in earlier ones that it is owed something in."""
    provider = db.session.scalar(select(Provider).where(Provider.code == code))
    if provider is None:
        return []
    payee = _payee_view(db.session.scalar(_current_payees().where(Payee.provider_id == provider.id)), keys)
    rows = [
        PayoutRow(provider, currency, balance(provider.id, currency), payee) for currency in _house_first(currencies())
    ]
    return list(filter(_is_shown, rows))


def _house_first(found: Iterable[str]) -> list[str]:
    ours = settings().currency
    return [ours, *(currency for currency in found if currency != ours)]


def _is_shown(row: PayoutRow) -> bool:
    return row.currency == settings().currency or row.balance.owed != 0


def payouts_of(provider_id: int) -> list[Payout]:
    """What was sent to a participant, newest first."""
    sent = select(Payout).where(Payout.provider_id == provider_id)
    return list(db.session.scalars(sent.order_by(Payout.paid_on.desc(), Payout.id.desc())))


def _current_payees() -> Select[Payee]:
    return select(Payee).where(Payee.state == PayeeState.CURRENT)


def _payee_view(payee: Payee | None, keys: Keyring) -> PayeeView | None:
    if payee is None:
        return None
    try:
        last_four = unseal_text(payee.account, keys, SealFor.ACCOUNT_NUMBER)[-4:]
    except SealBroken:
        last_four = "?"
    return PayeeView(payee.holder, payee.bank, last_four)


def screened_reference(kind: str, subject_id: int) -> str:
    """What people call what is behind a likeness, if it is no application; its number where it is not there."""
    names: dict[str, Any] = {"order": Order.reference, "provider": Provider.code}
    name = names.get(kind, DirectCancellation.reference)
    return db.session.scalar(select(name).where(name.class_.id == subject_id)) or str(subject_id)
