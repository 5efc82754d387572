"""The mails to the owners of an applicant or participant, written in the transaction of their cause."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from app.accounts.models import Membership, Organisation, Person
from app.accounts.roles import Role
from app.config import Settings
from app.db import db
from app.notifications.messages.sellers import ParticipantNews, SellerNews
from app.notifications.service import queue_mail

__all__ = ["SellerNews", "news"]

# Where somebody goes on who may sell; before that everything is about the application.
_PAGES = {
    SellerNews.APPROVED: "offers",
    SellerNews.SUSPENDED: "offers",
    SellerNews.REINSTATED: "offers",
    SellerNews.PAYEE_CHANGED: "seller",
}


def news(
    organisation_id: int, what: SellerNews, locale: str, settings: Settings, now: datetime, *, reason: str = ""
) -> None:
    """Tell every owner of an organisation what happened, in the application's language."""
    organisation = db.session.get_one(Organisation, organisation_id)
    facts = ParticipantNews(
        reference=organisation.name,
        is_demonstration=settings.is_demonstration,
        news=what,
        room_url=f"{settings.public_base_url}/{locale}/sell/{organisation.code}/{_PAGES.get(what, 'application')}",
        reason=reason,
    )
    owners = db.session.scalars(
        select(Person)
        .join(Membership, Membership.person_id == Person.id)
        .where(Membership.organisation_id == organisation_id, Membership.role == Role.OWNER)
    )
    for owner in owners:
        queue_mail(
            key=f"{facts.kind}:{what}:{organisation.code}:{owner.id}:{int(now.timestamp())}",
            recipient=owner.email,
            locale=locale,
            facts=facts,
            order_id=None,
            now=now,
        )
