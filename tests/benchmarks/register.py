"""The public register with 200,000 cancellations beside one with 48: `python -m tests.benchmarks.register`.

List, search and each filter must reach 0.6 of the rate of the short register. Both stand in databases of
their own and are asked in turn, so that only ratios inside one run count. `--postgresql` measures on a
private PostgreSQL server instead of SQLite; `--certificates` makes the long register as long as one wishes.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from flask_migrate import upgrade
from sqlalchemy import Connection, insert, text

from app.catalog.mechanisms import ensure_mechanisms
from app.catalog.models import Project, ProjectParty
from app.certificates.facts import SCHEMA, to_json
from app.certificates.listing import search_text, words_of
from app.certificates.models import (
    Certificate,
    RegisterBlock,
    RegisterEntry,
    RegisterProject,
    RegisterTotal,
    RegisterWord,
)
from app.certificates.ports import CertificateFacts, SerialRange, TransactionFacts
from app.certificates.states import CertificateState
from app.checkout.models import Beneficiary
from app.db import db
from tests.conftest import ROOT, application, environment
from tests.postgres import shared_cluster

SHORT, LONG, SHARE = 48, 200_000, 0.6
PROJECTS, UNITS = 48, 12
ROUNDS, EACH = 7, 12
AT_ONCE = 10_000
HOSTS = ("IN", "CN", "BR", "KE", "MX", "ZA", "VN", "TH", "PE", "KR", "CL", "EG")
TYPES = ("Wind", "Hydro", "Solar", "Landfill gas", "EE households", "Biomass Energy")
NAMES = ("Amélie", "Nguyễn", "Bruno", "Zoë", "Ivan", "Leïla", "Chiara", "Øystein", "Łukasz", "Ana")
NEWEST = datetime(2026, 11, 22, 10, tzinfo=UTC)
ADDRESSES = {
    "list": "/en/register",
    "second page": "",  # taken from the first one
    "one cancellation": "/en/register/TN7-2026",
    "search: project": "/en/register?q=wind+power+number+7",
    "search: host Party in French": "/en/register?q=inde",
    "search: many projects": "/en/register?q=power",
    "search: published name": "/en/register?q=amelie",
    "search: two words of a name": "/en/register?q=buyer+3",
    "search: certificate number": "/en/register?q=TN7/2026",
    "search: serial number": "/en/register?q=IN+1000100",
    "search: nothing": "/en/register?q=nothing+like+it",
    "filter: year": "/en/register?year=2026",
    "filter: host Party": "/en/register?host=IN",
    "filter: type": "/en/register?type=Wind",
    "filter: intent": "/en/register?intent=compensation",
    "filters and search": "/en/register?q=power&host=KE&intent=contribution&year=2026",
}


def main() -> int:
    """Measure, print, and say by the exit code whether every ratio holds."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--postgresql", action="store_true")
    parser.add_argument("--certificates", type=int, default=LONG)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
        root = Path(directory)
        cluster = stack.enter_context(shared_cluster(root)) if given.postgresql else None
        clients = []
        for count in (SHORT, given.certificates):
            url = cluster.create_database(f"register_{count}") if cluster else f"sqlite:///{root}/{count}.sqlite"
            clients.append(stack.enter_context(a_register(root, url, count)))
        # In one process only its own work counts, whatever else this machine does; a server's work takes real time.
        return measure(*clients, clock=time.perf_counter if given.postgresql else time.process_time)


@contextmanager
def a_register(root: Path, url: str, count: int) -> Iterator[FlaskClient]:
    """A copy of the shop whose register has so many certificates of 48 projects."""
    app: Flask = application(environment(root, url, LOG_LEVEL="ERROR"))
    with app.app_context():
        upgrade(directory=str(ROOT / "migrations"))
        ensure_mechanisms()
        with db.engine.connect() as connection:
            fill(connection, count)
        yield app.test_client()
        db.session.remove()
        db.engine.dispose()


def measure(short: FlaskClient, long: FlaskClient, clock: Callable[[], float]) -> int:
    """Ask both registers for every address, in turn."""
    print(f"{'':32}{'short ms':>10}{'long ms':>10}{'ratio':>8}")
    slow = []
    for name, address in ADDRESSES.items():
        pair = [address or second_page(client) for client in (short, long)]
        times: tuple[list[float], list[float]] = ([], [])
        for _round in range(ROUNDS):
            for client, where, taken in zip((short, long), pair, times, strict=True):
                taken.append(asked(client, where, clock))
        medians = [statistics.median(taken) for taken in times]
        ratio = statistics.median(a / b for a, b in zip(*times, strict=True))
        print(f"{name:32}{medians[0] * 1000:10.2f}{medians[1] * 1000:10.2f}{ratio:8.2f}")
        slow += [name] if ratio < SHARE else []
    if slow:
        print(f"Under {SHARE}: {', '.join(slow)}")
    return 1 if slow else 0


def asked(client: FlaskClient, address: str, clock: Callable[[], float]) -> float:
    """Seconds for one answer, the median of some."""
    taken = []
    for _time in range(EACH):
        begun = clock()
        answer = client.get(address)
        taken.append(clock() - begun)
        assert answer.status_code == 200, (address, answer.status_code)
    return statistics.median(taken)


def second_page(client: FlaskClient) -> str:
    """The address of the older page."""
    page = client.get("/en/register").get_data(as_text=True)
    return "/en/register?after=" + page.split("/en/register?after=")[1].split('"')[0]


# --- a register of any length -----------------------------------------------------------------------------


def fill(connection: Connection, count: int) -> None:
    """Write projects, certificates and what the register searches straight into the tables."""
    is_sqlite = connection.dialect.name == "sqlite"
    if is_sqlite:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        connection.exec_driver_sql("BEGIN")
    else:
        connection.exec_driver_sql("SET session_replication_role = replica")  # what they belong to is not looked at
    connection.execute(insert(Project), [a_project(number) for number in range(PROJECTS)])
    connection.execute(
        insert(ProjectParty),
        [{"project_id": n + 1, "country": HOSTS[n % len(HOSTS)], "position": 0} for n in range(PROJECTS)],
    )
    totals: dict[tuple[int, str, int], int] = {}
    for start in range(0, count, AT_ONCE):
        rows: dict[type[Any], list[dict[str, Any]]] = {}
        for number in range(start, min(start + AT_ONCE, count)):
            a_certificate(number, count, rows, totals)
        for table, values in rows.items():
            connection.execute(insert(table), values)
    connection.execute(
        insert(RegisterTotal),
        [
            {"year": year, "intent": intent, "project_id": project, "certificates": n, "units": n * UNITS}
            for (year, intent, project), n in totals.items()
        ],
    )
    projects = [a_project(number) for number in range(min(PROJECTS, count))]
    connection.execute(
        insert(RegisterProject),
        [
            {
                "project_id": project["id"],
                "project_type": project["project_type"],
                "search_text": search_text(project["reference"], project["title"], (hosts_of(project["id"]),)),
            }
            for project in projects
        ],
    )
    connection.commit()
    connection.execute(text("ANALYZE"))
    connection.commit()


def hosts_of(project_id: int) -> str:
    return HOSTS[(project_id - 1) % len(HOSTS)]


def a_project(number: int) -> dict[str, Any]:
    host, kind = HOSTS[number % len(HOSTS)], TYPES[number % len(TYPES)]
    return {
        "id": number + 1,
        "mechanism_code": "CDM",
        "reference": f"{host}-{number + 1}",
        "reference_number": number + 1,
        "title": f"{kind} power project number {number + 1} of a long and believable title",
        "kind": "PA",
        "project_type": kind,
        "region": "Africa",
    }


def a_certificate(
    number: int, count: int, rows: dict[type[Any], list[dict[str, Any]]], totals: dict[tuple[int, str, int], int]
) -> None:
    """Certificate `number` of `count`, spread over three years, the last one the newest; every third name is public."""
    project = a_project(number % PROJECTS)
    cancelled_at = NEWEST - timedelta(seconds=(count - 1 - number) * (3 * 365 * 86_400 / count))
    intent = "compensation" if number % 10 == 0 else "contribution"
    is_public = number % 3 == 0
    name = f"{NAMES[number % len(NAMES)]} Buyer {number}"
    first = 1_000_000 + number * UNITS
    facts = some_facts(number, project, name, intent, first, cancelled_at)

    def add(table: type[Any], **values: Any) -> None:
        rows.setdefault(table, []).append(values)

    identity = number + 1
    add(
        Beneficiary, id=identity, order_id=1, name=name, purpose="", intent=intent, country="", is_name_public=is_public
    )
    add(
        Certificate,
        id=identity,
        order_id=identity,
        project_id=project["id"],
        beneficiary_id=identity,
        registry_code="ledger",
        year=2026,
        sequence=identity,
        number=facts.number,
        verification_code=facts.verification_code,
        state=CertificateState.ISSUED,
        facts=to_json(facts),
        facts_sha256="0" * 64,
        issued_at=cancelled_at,
    )
    add(
        RegisterEntry,
        certificate_id=identity,
        project_id=project["id"],
        beneficiary_id=identity,
        cancelled_at=cancelled_at,
        units=UNITS,
        intent=intent,
        is_name_public=is_public,
    )
    add(RegisterBlock, certificate_id=identity, party="IN", first=first, last=first + UNITS - 1)
    if is_public:
        for word in words_of(name):
            add(RegisterWord, word=word, certificate_id=identity)
    key = (cancelled_at.year, intent, project["id"])
    totals[key] = totals.get(key, 0) + 1


def some_facts(
    number: int, project: dict[str, Any], name: str, intent: str, first: int, cancelled_at: datetime
) -> CertificateFacts:
    """What a certificate of a usual size states."""
    found = SerialRange(f"IN-5-{first}-2-2-0-1", f"IN-5-{first + UNITS - 1}-2-2-0-1", UNITS)
    transaction = TransactionFacts(
        identifier=f"TN{number:08d}", unit_type="CER", commitment_period=2, units=UNITS, ranges=(found,),
        completed_at=cancelled_at, monitoring_starts_on=date(2014, 1, 1), monitoring_ends_on=date(2014, 12, 31),
        holder="Demonstration seller 1", reference=f"TONNE-{number:022d}",
    )  # fmt: skip
    return CertificateFacts(
        schema=SCHEMA, number=f"TN{number + 1}/2026", verification_code="2345-6789-ABCD-EFGH-JKMN-PQRS",
        verify_url=f"http://127.0.0.1:5000/verify/TN{number + 1}-2026", order_reference="T-2345-6789",
        beneficiary_name=name, purpose="Our office heating of 2025", intent=intent, country="FR", units=UNITS,
        unit_type="CER", mechanism="CDM", project_reference=project["reference"], project_title=project["title"],
        project_kind="PA", project_type=project["project_type"], project_url="https://cdm.unfccc.int/",
        host_parties=(hosts_of(project["id"]),), methodologies="ACM0002", transactions=(transaction,),
        registry_name="Tonne embedded ledger", registry_of_record=False, operator_name="Tonne Demo",
        is_demonstration=True, placed_at=cancelled_at, paid_at=cancelled_at, sent_at=cancelled_at,
        cancelled_at=cancelled_at, issued_at=cancelled_at,
    )  # fmt: skip


if __name__ == "__main__":
    raise SystemExit(main())
