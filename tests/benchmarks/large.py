"""A marketplace as large as one wishes, written straight into SQLite: `projects` times three offers, and past sales."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, select

from app.catalog.mechanisms import ensure_mechanisms
from app.catalog.models import Issuance, Project, ProjectParty
from app.certificates.models import Certificate
from app.certificates.states import CertificateState
from app.db import db
from app.kernel.clock import SystemClock
from app.offers import search_index
from app.offers.models import Offer
from app.offers.states import OfferState
from app.providers.models import Provider

DEMONSTRATION = Path(__file__).parents[2] / "app" / "demo" / "data" / "projects.csv"
OFFERS_PER_PROJECT = 3
_SOME = 10_000


def fill(projects: int, certificates: int) -> None:
    """Write so many projects (copies of those of the demonstration), their offers and past certificates."""
    ensure_mechanisms()
    with db.engine.connect() as connection:
        # What the certificates belong to is not looked at.
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        connection.exec_driver_sql("BEGIN")
        _sellers(connection)
        _projects(connection, projects)
        _issuances_and_offers(connection, projects)
        for start in range(0, certificates, _SOME):
            connection.execute(insert(Certificate), list(_certificates(start, min(start + _SOME, certificates))))
        connection.commit()
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA foreign_keys=ON")
    search_index.rebuild()


def _sellers(connection: Connection) -> None:
    rows = [
        {
            "id": number,
            "code": f"seller-{number}",
            "legal_name": f"Seller {number}",
            "country": "CH",
            "is_demonstration": True,
        }
        for number in range(1, 41)
    ]
    connection.execute(insert(Provider), rows)


def _projects(connection: Connection, projects: int) -> None:
    with DEMONSTRATION.open(encoding="utf-8", newline="") as file:
        models = list(csv.DictReader(file))
    rows: list[dict[str, Any]] = []
    parties: list[dict[str, Any]] = []
    for number in range(1, projects + 1):
        model = models[number % len(models)]
        hosts = model["host_parties"].split(";")
        rows.append(
            {
                **{name: model[name] for name in ("kind", "project_type", "project_subtype", "sectoral_scopes")},
                **{name: model[name] for name in ("methodologies", "region", "subregion", "validator", "page_url")},
                "id": number,
                "mechanism_code": "CDM",
                "reference": f"{hosts[0]}-{20_000 + number}",
                "reference_number": 20_000 + number,
                "title": f"{model['title']} {number}",
                "is_least_developed": model["is_least_developed"] == "yes",
                "crediting_starts_on": None,
                "crediting_ends_on": None,
            }
        )
        parties += [
            {"project_id": number, "country": country, "position": position} for position, country in enumerate(hosts)
        ]
    connection.execute(insert(Project), rows)
    connection.execute(insert(ProjectParty), parties)


def _issuances_and_offers(connection: Connection, projects: int) -> None:
    now = SystemClock().now()
    issuances: list[dict[str, Any]] = []
    offers: list[dict[str, Any]] = []
    hosts = dict(
        connection.execute(
            select(ProjectParty.project_id, ProjectParty.country).order_by(ProjectParty.position.desc())
        ).all()
    )
    for number in range(1, projects * OFFERS_PER_PROJECT + 1):
        project = (number - 1) // OFFERS_PER_PROJECT + 1
        starts_on = date(2008, 1, 1) + timedelta(days=number * 37 % 4_000)
        first = number * 10_000
        issuances.append(
            {
                "id": number, "project_id": project, "unit_type": "CER", "commitment_period": 1 + number % 2,
                "originating_party": hosts[project], "space": hosts[project], "serial_first": first,
                "serial_last": first + 9_999, "units": 10_000, "completed_at": now,
                "monitoring_starts_on": starts_on, "monitoring_ends_on": starts_on + timedelta(days=300),
            }
        )  # fmt: skip
        offers.append(
            {
                "id": number, "code": f"offer-{number}", "provider_id": 1 + project % 40, "issuance_id": number,
                "account": "CDM-100-1", "state": OfferState.LIVE, "unit_price": 38 + number * 7 % 812,
                "currency": "USD",
                "units_offered": 9_000, "units_reserved": number % 100, "units_settled": number % 1_000,
            }
        )  # fmt: skip
    connection.execute(insert(Issuance), issuances)
    connection.execute(insert(Offer), offers)


def _certificates(start: int, end: int) -> Iterator[dict[str, Any]]:
    now = SystemClock().now()
    for number in range(start + 1, end + 1):
        yield {
            "id": number, "order_id": number, "project_id": 1 + number % 48, "beneficiary_id": number,
            "registry_code": "ledger", "year": 2020, "sequence": number, "number": f"TN{number}/2020",
            "verification_code": f"{number:024}",
            "state": CertificateState.ISSUED, "facts": '{"units": 1}', "facts_sha256": f"{number:064}",
            "issued_at": now,
        }  # fmt: skip
