"""What participants earned, what was sent to them, and writing a transfer down: two operators, once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from sqlalchemy import ColumnElement, Select, case, column, func, select, table, true, union

from app.audit.errors import NoLongerPossible
from app.audit.models import Proposal
from app.audit.service import Actor, Subject, on_agreement, propose
from app.db import db, one_at_a_time
from app.jobs import hold
from app.kernel.money import Money
from app.kernel.text import clean_line
from app.payments.disputes import disputed_orders
from app.payments.errors import PayoutUnfit
from app.payments.models import Payout
from app.providers.independence import require_outsider_of
from app.providers.models import Payee, Provider
from app.providers.states import PayeeState
from app.registry.models import Cancellation
from app.registry.states import CancellationState

RECORD_PAYOUT = "record_payout"
REFERENCE_LENGTH = 80

# Orders and their lines belong to a package above this one.
_LINE = table("order_line", column("id"), column("order_id"), column("provider_id"), column("seller_share"))
_ORDER = table("purchase_order", column("id"), column("currency"))


@dataclass(frozen=True)
class Balance:
    """A participant's money in minor units of one currency: shares of what was cancelled, less what was sent.

    `disputed` is the share of orders whose payment is disputed, while the bank has not decided. Whatever it decides,
    the participant is owed it: its units are cancelled, and the house bears what is lost (docs/adr/0007).
    """

    earned: int = 0
    paid_out: int = 0
    disputed: int = 0

    @property
    def owed(self) -> int:
        """What is still to be sent. Below zero only where a restored backup forgot sales that were paid out."""
        return self.earned - self.paid_out

    @property
    def waiting(self) -> int:
        """What of it waits for a bank; what was sent before a dispute is not asked back."""
        return min(self.disputed, max(self.owed, 0))

    @property
    def due(self) -> int:
        """What can be sent now."""
        return self.owed - self.waiting


def init_app() -> None:
    """Say what carries out the proposals of this room."""
    on_agreement(RECORD_PAYOUT, _carry_out)


def balance(provider_id: int, currency: str) -> Balance:
    """The balance of one participant now, in one currency."""
    of_line, of_payout = _LINE.c.provider_id == provider_id, Payout.provider_id == provider_id
    return _balances(currency, of_line, of_payout).get(provider_id, Balance())


def balances(currency: str) -> dict[int, Balance]:
    """The balance of every participant that ever earned anything in a currency, by id; two queries."""
    return _balances(currency, true(), true())


def disputed_share(provider_id: int, currency: str) -> int:
    """What a `Balance` of one participant has as disputed, for a caller that has added up the rest itself."""
    share = _of_cancelled(currency, func.coalesce(func.sum(_LINE.c.seller_share), 0))
    of_disputed = _LINE.c.provider_id == provider_id, _LINE.c.order_id.in_(disputed_orders())
    return int(db.session.execute(share.where(*of_disputed)).scalar_one())


def _of_cancelled(currency: str, *columns: Any) -> Select[Any]:
    """Columns of the lines of orders in a currency whose units are cancelled: what participants have earned."""
    return (
        select(*columns)
        .select_from(_LINE)
        .join(Cancellation, Cancellation.order_line_id == _LINE.c.id)
        .join(_ORDER, _ORDER.c.id == _LINE.c.order_id)
        .where(Cancellation.state == CancellationState.CONFIRMED, _ORDER.c.currency == currency)
    )


def currencies() -> list[str]:
    """The currencies that anything was ever sold or sent in."""
    found = union(select(_ORDER.c.currency).distinct(), select(Payout.currency).distinct())
    return sorted(db.session.scalars(found))


def _balances(currency: str, of_line: ColumnElement[bool], of_payout: ColumnElement[bool]) -> dict[int, Balance]:
    earned = db.session.execute(
        _of_cancelled(
            currency,
            _LINE.c.provider_id,
            func.sum(_LINE.c.seller_share),
            func.sum(case((_LINE.c.order_id.in_(disputed_orders()), _LINE.c.seller_share), else_=0)),
        )
        .where(of_line)
        .group_by(_LINE.c.provider_id)
    ).all()
    sent = {
        provider_id: int(amount)
        for provider_id, amount in db.session.execute(
            select(Payout.provider_id, func.sum(Payout.amount))
            .where(Payout.currency == currency, of_payout)
            .group_by(Payout.provider_id)
        )
    }
    shares = {provider_id: (int(amount), int(disputed)) for provider_id, amount, disputed in earned}
    found = {}
    for each in shares.keys() | sent.keys():
        share, disputed = shares.get(each, (0, 0))
        found[each] = Balance(share, sent.get(each, 0), disputed)
    return found


def propose_payout(
    provider_id: int, amount: Money, reference: str, paid_on: date, actor: Actor, *, reason: str, now: datetime
) -> int:
    """Propose to write down that `amount` was sent to a participant's payee; gives the proposal's id.

    Raises PayoutUnfit, OwnOrganisation, and what `propose` raises. `paid_on` is the day of the transfer in UTC.
    """
    reference = clean_line(reference)
    require_outsider_of(provider_id, actor.person_id)
    payee_id = _check(provider_id, amount, reference, paid_on)
    if paid_on > now.date():
        raise PayoutUnfit(reason="day", due=balance(provider_id, amount.currency).due)
    name = db.session.get_one(Provider, provider_id).legal_name
    return propose(
        actor,
        RECORD_PAYOUT,
        Subject("provider", provider_id, name),
        reason=reason,
        facts={
            "amount": amount.minor,
            "currency": amount.currency,
            "reference": reference,
            "paid_on": paid_on.isoformat(),
            "payee": payee_id,
        },
        now=now,
    )


def _carry_out(proposal: Proposal, now: datetime) -> None:
    one_at_a_time(f"payout:{proposal.subject_id}")
    require_outsider_of(proposal.subject_id, proposal.decided_by)
    facts = proposal.facts
    try:
        amount, paid_on = Money(facts["amount"], facts["currency"]), date.fromisoformat(facts["paid_on"])
        payee_id = _check(proposal.subject_id, amount, facts["reference"], paid_on)
    except PayoutUnfit as unfit:
        raise NoLongerPossible(**unfit.facts) from unfit
    if payee_id != facts["payee"]:
        raise NoLongerPossible(reason="payee")
    db.session.add(
        Payout(
            provider_id=proposal.subject_id,
            payee_id=payee_id,
            amount=facts["amount"],
            currency=facts["currency"],
            reference=facts["reference"],
            paid_on=paid_on,
            created_at=now,
        )
    )


def _check(provider_id: int, amount: Money, reference: str, paid_on: date) -> int:
    """The payee that money may be sent to. Raises PayoutUnfit.

    A transfer from before a restore is written down whatever is due: it may be for sales that the backup forgot, and
    would be sent again with the next ones.
    """
    due = balance(provider_id, amount.currency).due
    is_remembered = not hold.may_have_been_done(datetime.combine(paid_on, time.min, UTC))
    if amount.minor <= 0 or (is_remembered and amount.minor > due):
        raise PayoutUnfit(reason="amount", due=due)
    known = select(Payout.id).where(Payout.provider_id == provider_id, Payout.reference == reference)
    if not 0 < len(reference) <= REFERENCE_LENGTH or db.session.scalar(known):
        raise PayoutUnfit(reason="reference", due=due)
    payee_id = db.session.scalar(
        select(Payee.id).where(Payee.provider_id == provider_id, Payee.state == PayeeState.CURRENT)
    )
    if payee_id is None:
        raise PayoutUnfit(reason="payee", due=due)
    return payee_id
