"""Another name or country of a participant, as companies change theirs: one operator proposes it, another agrees."""

from __future__ import annotations

from datetime import datetime

from app.audit.errors import NoLongerPossible
from app.audit.models import Proposal
from app.audit.service import Actor, Subject, propose
from app.db import KEEPING_KEYS, db, one_at_a_time, transaction
from app.providers.errors import NoSuchThing, NotClear
from app.providers.independence import require_outsider
from app.providers.models import Provider, shown_as
from app.providers.ports import current_surroundings
from app.providers.service.imported import compared_as
from app.screening.service import Standing, screen, standing

RENAME = "rename_participant"


def propose_renaming(
    provider_id: int, legal_name: str, country: str, actor: Actor, *, reason: str, now: datetime
) -> int:
    """Propose another name and country, for a second operator; gives the proposal's id.

    The name is compared with the sanctions lists. Raises NoSuchThing, OwnOrganisation, NotClear while a likeness
    waits or is confirmed, and what `propose` raises.
    """
    provider = db.session.get(Provider, provider_id)
    if provider is None:
        raise NoSuchThing
    require_outsider(provider.organisation_id, actor.person_id)
    kind, compared_id = compared_as(provider_id)
    with transaction():
        screen(kind, compared_id, [legal_name], now)
    here = standing(kind, compared_id)
    if here is not Standing.CLEAR:
        raise NotClear(standing=here.value)
    facts = {
        "before": shown_as(provider.legal_name, provider.country),
        "after": shown_as(legal_name, country),
        "legal_name": legal_name,
        "country": country,
    }
    subject = Subject("provider", provider_id, provider.legal_name)
    return propose(actor, RENAME, subject, reason=reason, facts=facts, now=now)


def carry_out_renaming(proposal: Proposal, now: datetime) -> None:
    """Show buyers the new name, in the transaction of the second operator's word.

    Raises OwnOrganisation, or NoLongerPossible when the participant or the lists have moved on.
    """
    # Files of participants take this before any of them, and so does whoever writes names into the search.
    one_at_a_time("import")
    provider = db.session.get_one(Provider, proposal.subject_id, with_for_update=KEEPING_KEYS)
    require_outsider(provider.organisation_id, proposal.decided_by)
    legal_name, country = str(proposal.facts["legal_name"]), str(proposal.facts["country"])
    if shown_as(provider.legal_name, provider.country) != proposal.facts["before"]:
        raise NoLongerPossible
    # A list may be newer than the proposal, which is no name of the participant that each new list is compared with.
    if screen(*compared_as(provider.id), [legal_name], now):
        raise NoLongerPossible
    provider.legal_name, provider.country = legal_name, country
    db.session.flush()
    current_surroundings().note_sellers()
