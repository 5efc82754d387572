"""The mail about a sale to the people who sell for a participant, written in the transaction that ends the order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, select

from app.accounts.models import Membership, Organisation, Person
from app.catalog.models import Issuance, Project
from app.current import settings
from app.db import db, write
from app.kernel.money import Money
from app.notifications.messages.sellers import SaleMade, SoldLine
from app.notifications.service import queue_mail
from app.providers.models import Provider
from app.selling.notices import TOLD


@dataclass(frozen=True)
class Sold:
    """One line of an order whose units are cancelled; `share` is its seller's part of `amount`."""

    provider_id: int
    issuance_id: int
    units: int
    unit_price: Money
    amount: Money
    share: Money


# Said once: every order that ends asks for them.
_SELLERS = (
    select(
        *(Person.id, Person.email, Person.locale, Organisation.code, Organisation.name),
        Provider.id.label("provider_id"),
    )
    .join(Membership, Membership.person_id == Person.id)
    .join(Organisation, Organisation.id == Membership.organisation_id)
    .join(Provider, Provider.organisation_id == Organisation.id)
    .where(
        Provider.id.in_(bindparam("providers", expanding=True)),
        Membership.role.in_(TOLD),
        Person.verified_at.is_not(None),
        Person.suspended_at.is_(None),
    )
    .order_by(Provider.id, Person.id)
)


def sale_made(order_reference: str, sold: Sequence[Sold], *, is_demonstration: bool, now: datetime) -> None:
    """Tell each participant of its own lines of an order, and of nothing else. Once for each order. `now` is aware."""
    by_provider: dict[int, list[Sold]] = {}
    for line in sold:
        by_provider.setdefault(line.provider_id, []).append(line)
    base = settings().public_base_url
    for seller in write(_SELLERS, {"providers": list(by_provider)}).all():
        own = by_provider[seller.provider_id]
        room = f"{base}/{seller.locale}/sell/{seller.code}"
        queue_mail(
            key=f"sale_made:{order_reference}:{seller.provider_id}:{seller.id}",
            recipient=seller.email,
            locale=seller.locale,
            facts=SaleMade(
                reference=seller.name,
                is_demonstration=is_demonstration,
                offers_url=f"{room}/offers",
                order_reference=order_reference,
                orders_url=f"{room}/orders",
                lines=_lines(own),
                share=Money.total((line.share for line in own), own[0].share.currency),
            ),
            # The mails of an order are its buyer's; this one is not.
            order_id=None,
            now=now,
        )


def _lines(own: Sequence[Sold]) -> tuple[SoldLine, ...]:
    names = {
        issuance_id: (project, unit_type)
        for issuance_id, unit_type, project in db.session.execute(
            select(Issuance.id, Issuance.unit_type, Project)
            .join(Project, Project.id == Issuance.project_id)
            .where(Issuance.id.in_([line.issuance_id for line in own]))
        )
    }
    return tuple(
        SoldLine(
            project_reference=names[line.issuance_id][0].reference,
            project_title=names[line.issuance_id][0].title,
            unit_type=names[line.issuance_id][1],
            units=line.units,
            unit_price=line.unit_price,
            amount=line.amount,
            share=line.share,
        )
        for line in own
    )
