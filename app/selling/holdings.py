"""What lies in a participant's registry accounts, and what of it can be offered. Reads only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select

from app.catalog.models import Issuance, Project
from app.db import db
from app.kernel.serials import Span
from app.offers import pools
from app.offers.pools import Holdings, Pool
from app.providers.models import ProjectAuthority, Provider
from app.providers.states import AuthorityState, ProviderState
from app.registry.accounts import account_identifiers


@dataclass(frozen=True)
class HoldingLine:
    """Units of one issuance in one account, by the registry; `free` are those that nothing promises.

    `obstacle` says why they cannot be offered: suspended, unclaimed, claimed or refused; empty for nothing.
    """

    account: str
    issuance_id: int
    project_reference: str
    project_title: str
    unit_type: str
    commitment_period: int | None
    vintage_year: int | None
    authorisation: str
    monitoring_starts_on: date
    monitoring_ends_on: date
    originating_party: str
    serial_first: int
    serial_last: int
    available: int
    free: int
    obstacle: str


def holdings_of(provider: Provider, holdings: Holdings) -> tuple[list[str], list[HoldingLine]]:
    """A participant's registry accounts, and what the registry says lies in them, with what is free of it."""
    accounts = account_identifiers(provider.id)
    supply = pools.read_supply(accounts, holdings)
    references = {holding.project_reference for held in supply.held.values() for holding in held}
    candidates = db.session.execute(
        select(Issuance, Project)
        .join(Project, Project.id == Issuance.project_id)
        .where(Project.reference.in_(references))
        .order_by(Project.reference, Issuance.monitoring_starts_on, Issuance.serial_first)
    ).all()
    held = [
        (account, issuance, project)
        for account in accounts
        for issuance, project in candidates
        if supply.holdings(account, _serials(issuance))
    ]
    wanted: list[Pool] = [(account, issuance.id) for account, issuance, _project in held]
    promised = pools.promised(wanted) if wanted else {}
    obstacles = _obstacles(provider)
    lines = []
    for account, issuance, project in held:
        pool = account, issuance.id
        in_account = sum(holding.available for holding in supply.holdings(account, _serials(issuance)))
        lines.append(
            HoldingLine(
                account=account,
                issuance_id=issuance.id,
                project_reference=project.reference,
                project_title=project.title,
                unit_type=issuance.unit_type,
                commitment_period=issuance.commitment_period,
                vintage_year=issuance.vintage_year,
                authorisation=issuance.authorisation or "",
                monitoring_starts_on=issuance.monitoring_starts_on,
                monitoring_ends_on=issuance.monitoring_ends_on,
                originating_party=issuance.originating_party,
                serial_first=issuance.serial_first,
                serial_last=issuance.serial_last,
                available=in_account,
                free=max(0, supply.available(pool, _serials(issuance)) - promised[pool]),
                obstacle=_obstacle(provider, obstacles, project.id),
            )
        )
    return accounts, lines


def _serials(issuance: Issuance) -> Span:
    return Span(issuance.space, issuance.serial_first, issuance.serial_last)


def _obstacles(provider: Provider) -> dict[int, AuthorityState]:
    """Where the participant's newest claim for each project stands."""
    rows = db.session.execute(
        select(ProjectAuthority.project_id, ProjectAuthority.state)
        .where(ProjectAuthority.organisation_id == provider.organisation_id)
        .order_by(ProjectAuthority.id)
    ).all()
    return dict(rows)


def _obstacle(provider: Provider, claims: Mapping[int, AuthorityState], project_id: int) -> str:
    if provider.state is not ProviderState.APPROVED:
        return "suspended"
    if provider.organisation_id is None:
        return ""
    state = claims.get(project_id)
    if state is AuthorityState.APPROVED:
        return ""
    return "unclaimed" if state is None else state.value
