"""Two operators at their desk, and what they do there. Call inside or outside of the shop as named."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import select
from werkzeug.test import TestResponse

from app.accounts.models import Person
from app.audit.models import Act, Proposal
from app.db import db, transaction
from app.desk.orders import find_by_reference
from app.kernel.sealing import SealFor, seal_text
from app.payments.ports import RefundOutcome
from app.providers.models import Payee, Provider
from app.providers.states import PayeeState
from app.registry.ports import RefusalCode, Refused
from tests.builders import NOW, a_finished_order, a_paid_order, refunds_of, the_order
from tests.pages import Visitor
from tests.people import a_person, an_operator, sign_in_as
from tests.service.conftest import Shop

WHY = "The buyer asked for it on the telephone."


def operator(shop: Shop, email: str = "eva@tonne.example") -> Visitor:
    """An operator's browser."""
    with shop.inside():
        return Visitor(sign_in_as(shop.app, an_operator(email)))


def somebody(shop: Shop, email: str = "ana@example.org") -> Visitor:
    """The browser of somebody with an account and a second factor who is no operator."""
    with shop.inside():
        return Visitor(sign_in_as(shop.app, a_person(email)))


def paid(shop: Shop, **details: Any) -> str:
    """An order that is paid and did not go to the registry; gives its reference."""
    offer = shop.offer()
    with shop.inside() as world:
        return the_order(a_paid_order(world, {offer: 12}, **details)).reference


def finished(shop: Shop, number: int = 1, **details: Any) -> str:
    """An order with certificates; gives its reference."""
    offer = shop.offer(number=number)
    with shop.inside() as world:
        return the_order(a_finished_order(world, {offer: 12}, **details)).reference


def with_failed_refund(shop: Shop) -> tuple[str, int]:
    """An order whose refund the bank sent back; gives its reference and the refund's id."""
    offer = shop.offer()
    shop.registry.submits = [Refused(RefusalCode.RULES, "not today")]
    shop.gateway.refund_outcome = RefundOutcome.FAILED
    with shop.inside() as world:
        order_id = a_finished_order(world, {offer: 12})
        return the_order(order_id).reference, refunds_of(order_id)[0].id


def a_payee(shop: Shop, account: str = "CH9300762011623852957") -> None:
    """Give the seller a payee that counts."""
    with shop.inside() as world, transaction() as session:
        provider = session.scalars(select(Provider).where(Provider.code == "seller")).one()
        session.add(
            Payee(
                provider_id=provider.id,
                state=PayeeState.CURRENT,
                holder="Seller Ltd",
                bank="Bank of Tests",
                account=seal_text(account, world.settings.keyring, SealFor.ACCOUNT_NUMBER),
                requested_by=a_person_within(session),
                requested_at=NOW - timedelta(days=1),
            )
        )


def a_person_within(session: Any) -> int:
    """Somebody, made in an open transaction; gives the id."""
    person = Person(email="owner@seller.example", locale="en", created_at=NOW, verified_at=NOW)
    session.add(person)
    session.flush()
    return int(person.id)


def acts(shop: Shop) -> list[tuple[str, str, str, str]]:
    """The trail: what, who, about what, why."""
    with shop.inside():
        return [
            (act.what, act.actor, act.subject, act.reason) for act in db.session.scalars(select(Act).order_by(Act.id))
        ]


def newest_proposal(shop: Shop) -> int:
    """The id of the proposal made last."""
    with shop.inside():
        return db.session.scalars(select(Proposal.id).order_by(Proposal.id.desc()).limit(1)).one()


def agree(shop: Shop, who: Visitor, proposal_id: int | None = None) -> str:
    """Agree to the newest proposal, or a given one; gives where it led."""
    address = f"/en/desk/proposals/{proposal_id or newest_proposal(shop)}"
    return str(who.send(who.get(address), address, decision="agree").headers["Location"])


def do(who: Visitor, address: str, status: int = 303, **typed: str) -> TestResponse:
    """Open the page of an act, fill its form in and send it."""
    return who.send(who.get(address), address, status, fields=typed)


def id_of(reference: str) -> int:
    """The id of the order that goes by a reference."""
    found = find_by_reference(reference)
    assert found is not None
    return found.id
