"""Any number of further offers, of other sellers and projects than those that were sold."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert

from app.catalog.models import Issuance, Project, ProjectParty
from app.db import db, transaction
from app.offers import search_index
from app.offers.models import Offer
from app.offers.states import OfferState
from app.providers.models import Provider
from tests.benchmarks.scale_world import BEGIN, HOSTS, TYPES, count_on


def add_offers(offers: int) -> None:
    """Put that many more offers on sale, three of each project, of sellers of their own. Inside the context."""
    projects = -(-offers // 3)
    with transaction() as session:
        first = 1_000
        numbers = range(first, first + projects)
        session.execute(
            insert(Provider),
            [{"id": first + n, "code": f"other-{n}", "legal_name": f"Seller {n}", "country": "CH",
              "is_demonstration": True} for n in range(40)],
        )  # fmt: skip
        session.execute(insert(Project), [_a_project(number) for number in numbers])
        session.execute(
            insert(ProjectParty),
            [{"project_id": n, "country": HOSTS[n % len(HOSTS)], "position": 0} for n in numbers],
        )
        keys = [(n, first + n // 3) for n in range(offers)]
        session.execute(insert(Issuance), [_an_issuance(1_000 + n, project) for n, project in keys])
        session.execute(insert(Offer), [_an_offer(1_000 + n, project) for n, project in keys])
    with db.engine.connect() as connection:
        count_on(connection, (Provider, Project, Issuance, Offer))
    search_index.rebuild()


def _a_project(number: int) -> dict[str, Any]:
    kind, host = TYPES[number % len(TYPES)], HOSTS[number % len(HOSTS)]
    return {
        "id": number, "mechanism_code": "CDM", "reference": f"{host}-{20_000 + number}",
        "reference_number": 20_000 + number, "title": f"{kind} project number {number} of a long and believable title",
        "kind": "PA", "project_type": kind, "sectoral_scopes": "1", "methodologies": "ACM0002", "region": "Africa",
        "page_url": "https://cdm.unfccc.int/",
    }  # fmt: skip


def _an_issuance(number: int, project: int) -> dict[str, Any]:
    first = 1_000_000_000 + number * 10_000
    starts_on = (datetime(2008, 1, 1, tzinfo=UTC) + timedelta(days=number * 37 % 4_000)).date()
    return {
        "id": number, "project_id": project, "unit_type": "CER", "commitment_period": 1 + number % 2,
        "originating_party": "IN", "space": "IN", "serial_first": first, "serial_last": first + 9_999, "units": 10_000,
        "completed_at": BEGIN, "monitoring_starts_on": starts_on, "monitoring_ends_on": starts_on + timedelta(days=300),
    }  # fmt: skip


def _an_offer(number: int, project: int) -> dict[str, Any]:
    return {
        "id": number, "code": f"more-{number}", "provider_id": 1_000 + project % 40, "issuance_id": number,
        "account": "CDM-900-1", "state": OfferState.LIVE, "unit_price": 38 + number * 7 % 812, "currency": "USD",
        "units_offered": 9_000, "units_reserved": 0, "units_settled": 0,
    }  # fmt: skip
