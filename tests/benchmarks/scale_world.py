"""A marketplace of any size, on either database: some purchases made through the shop, then copies of their rows.

The copies are made by the database itself, with `INSERT … SELECT`, and differ as real ones do: numbers, references,
names, serial numbers and times are their own, in the frozen facts too. All books agree at the end. Left out are the
trail of events, the conversations with the registry and the PDFs: nothing but the key of one thing reads them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise
from math import gcd
from typing import Any, cast

from flask import Flask
from sqlalchemy import Connection, Table, text, update

from app.catalog.mechanisms import ensure_mechanisms
from app.catalog.models import Project, ProjectParty
from app.certificates.models import Certificate, RegisterBlock, RegisterEntry, RegisterWord
from app.checkout.models import Beneficiary, Order, OrderLine
from app.db import db, transaction
from app.fulfilment.process import Collaborators, collaborators, run_due
from app.kernel.clock import FixedClock
from app.kernel.columns import UTCDateTime
from app.kernel.references import ALPHABET
from app.notifications.models import Mail
from app.offers import search_index
from app.offers.models import Reservation
from app.payments.models import Payment
from app.registry.ledger.models import LedgerBlock, LedgerTransaction, LedgerTransactionBlock
from app.registry.models import Cancellation, CancelledBlock
from tests.builders import NOW, a_paid_order, an_offer
from tests.fakes import FakeGateway, FakeMailer, FakeRenderer

PROJECTS, UNITS, YEARS = 48, 2, 3
CODES = len(ALPHABET) ** 4
BEGIN = NOW - timedelta(days=365 * YEARS)
HOSTS = ("IN", "CN", "BR", "KE", "MX", "ZA", "VN", "TH", "PE", "KR", "CL", "EG")
TYPES = ("Wind", "Hydro", "Solar", "Landfill gas", "EE households", "Biomass Energy")
NAMES = ("Amélie", "Nguyễn", "Bruno", "Zoë", "Ivan", "Leïla", "Chiara", "Øystein", "Łukasz", "Ana")
COPIES_AT_ONCE = 500

COPIED = (
    Order, Beneficiary, OrderLine, Reservation, Payment, Mail, Cancellation, CancelledBlock, Certificate,
    RegisterEntry, RegisterBlock, RegisterWord, LedgerTransaction, LedgerTransactionBlock, LedgerBlock,
)  # fmt: skip
# What is copied of a table that has other rows too: `r` is a row.
ONLY = {
    "mail": "r.kind = 'certificates_ready'",
    "ledger_block": "r.account_id = (SELECT id FROM ledger_account WHERE type_code = 230)",
}
# What differs besides keys and times: `{code}` is a new code of four letters, `{id}` the new key, `{by}` how many
# serial numbers the copy lies behind, `{year}` the copy's.
DIFFERENT = {
    ("purchase_order", "reference"): "substr(r.reference, 1, 7) || {code}",
    ("purchase_order", "token"): "substr(r.token, 1, 23) || {code}",
    ("purchase_order", "email"): "'buyer-' || ({id}) || '@example.org'",
    ("beneficiary", "name"): "r.name || ' ' || ({id})",
    ("payment", "idempotency_key"): "substr(r.idempotency_key, 1, 16) || {code} || ':1'",
    ("payment", "gateway_reference"): "r.gateway_reference || {code}",
    ("payment", "charge_reference"): "r.charge_reference || {code}",
    ("mail", "key"): "substr(r.key, 1, length(r.key) - 4) || {code}",
    ("mail", "recipient"): "'buyer-' || (r.order_id + {stride[purchase_order]} * n.k) || '@example.org'",
    ("cancellation", "reference"): "substr(r.reference, 1, 24) || {code}",
    ("cancellation", "registry_transaction"): "'TN' || substr(CAST(100000000 + {id} AS VARCHAR(9)), 2)",
    ("cancellation", "beneficiary_name"): "r.beneficiary_name || ' ' || ({id})",
    ("cancelled_block", "text_first"): "replace(r.text_first, '-' || r.first || '-', '-' || (r.first + {by}) || '-')",
    ("cancelled_block", "text_last"): "replace(r.text_last, '-' || r.last || '-', '-' || (r.last + {by}) || '-')",
    ("certificate", "year"): "{year}",
    ("certificate", "sequence"): "{id}",
    ("certificate", "number"): "'TN' || ({id}) || '/' || {year}",
    ("certificate", "verification_code"): "substr(r.verification_code, 1, 25) || {code}",
    ("ledger_transaction", "identifier"): "'TN' || substr(CAST(100000000 + {id} AS VARCHAR(9)), 2)",
    ("ledger_transaction", "reference"): "substr(r.reference, 1, 24) || {code}",
    ("ledger_transaction", "beneficiary_name"): "r.beneficiary_name || ' ' || ({id})",
}
# Each step of a certificate's facts from those of the first one to those of the copy.
FACTS = (
    ("r.number", "'TN' || ({id}) || '/' || {year}"),
    ("replace(r.number, '/', '-')", "'TN' || ({id}) || '-' || {year}"),
    ("r.verification_code", "substr(r.verification_code, 1, 25) || {code}"),
    ("o.reference", "substr(o.reference, 1, 7) || {code}"),
    ("c.reference", "substr(c.reference, 1, 24) || {code}"),
    ("c.registry_transaction", "'TN' || substr(CAST(100000000 + {id} AS VARCHAR(9)), 2)"),
    ("'\"' || p.name || '\"'", "'\"' || p.name || ' ' || ({id}) || '\"'"),
    ("'-' || b.first || '-'", "'-' || (b.first + {by}) || '-'"),
    ("'-' || b.last || '-'", "'-' || (b.last + {by}) || '-'"),
    ("'{begin}'", "{instant}"),
)
FACTS_FROM = (
    " JOIN purchase_order o ON o.id = r.order_id JOIN cancellation c ON c.order_id = o.id"
    " JOIN beneficiary p ON p.id = r.beneficiary_id JOIN register_block b ON b.certificate_id = r.id"
)


@dataclass(frozen=True)
class World:
    """How rows are copied: by how much keys move with each copy, how many copies, and which numbers their codes have.

    The code of copy k is number `(k + codes_from) * codes_step`, round and round.
    """

    strides: Mapping[str, int]
    copies: int
    codes_from: int
    codes_step: int


def fill(app: Flask, cancellations: int) -> None:
    """Sell two units that many times (at least 48), of 48 projects, spread over three years. Inside the context."""
    ensure_mechanisms()
    offers = [an_offer(number=number, units=95_000) for number in range(1, PROJECTS + 1)]
    _vary_projects()
    world = replace(
        collaborators(app), gateway=FakeGateway(), mailer=FakeMailer(), renderer=FakeRenderer(), background=()
    )
    cast(FixedClock, world.clock).advance(BEGIN - NOW)
    _first_purchases(world, offers)
    cast(FixedClock, world.clock).advance(NOW - BEGIN)
    copies = max(1, round(cancellations / PROJECTS)) - 1
    db.session.remove()
    with db.engine.connect() as connection:
        _let_alone(connection)
        _make_room(connection, copies)
        strides = {row.__tablename__: _largest(connection, row.__table__) for row in COPIED}
        copied = World(strides, copies, *_free_codes(connection, copies))
        for first in range(1, copies + 1, COPIES_AT_ONCE):
            for row in COPIED:
                _copy(connection, row.__table__, copied, first, min(first + COPIES_AT_ONCE - 1, copies))
            connection.commit()
            _let_alone(connection)
        _finish(connection, strides)
    search_index.rebuild()


def _vary_projects() -> None:
    with transaction() as session:
        for number in range(1, PROJECTS + 1):
            kind, host = TYPES[number % len(TYPES)], HOSTS[number % len(HOSTS)]
            session.execute(
                update(Project)
                .where(Project.reference_number == number)
                .values(project_type=kind, title=f"{kind} power project number {number} of a long and believable title")
            )
            ids = session.query(Project.id).where(Project.reference_number == number)
            session.execute(update(ProjectParty).where(ProjectParty.project_id.in_(ids)).values(country=host))


def _first_purchases(world: Collaborators, offers: list[int]) -> None:
    for number, offer in enumerate(offers):
        a_paid_order(
            world,
            {offer: UNITS},
            beneficiary=f"{NAMES[number % len(NAMES)]} Buyer",
            intent="compensation" if number % 10 == 0 else "contribution",
            publish_name=number % 3 == 0,
        )
    run_due(world)


def _let_alone(connection: Connection) -> None:
    """Foreign keys are not looked at while rows are copied; on SQLite outside of any transaction."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET session_replication_role = replica")
        return
    driver: Any = connection.connection.dbapi_connection
    driver.create_function("digest", 1, lambda facts: hashlib.sha256(facts.encode()).hexdigest(), deterministic=True)
    connection.exec_driver_sql("COMMIT")
    connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
    connection.exec_driver_sql("BEGIN")


def _make_room(connection: Connection, copies: int) -> None:
    """What the seller has left begins behind the copies."""
    connection.execute(
        text("UPDATE ledger_block SET first = first + :sold WHERE account_id <> (SELECT id FROM ledger_account"
             " WHERE type_code = 230)"),
        {"sold": copies * UNITS},
    )  # fmt: skip


def _free_codes(connection: Connection, copies: int) -> tuple[int, int]:
    """Start and step of numbers of new codes, none of which the first purchases were given by chance."""
    taken = set()
    for (table, column), expression in DIFFERENT.items():
        if "{code}" in expression:
            given = connection.exec_driver_sql(f"SELECT {column} FROM {table}").scalars()  # noqa: S608 - names of ours
            codes = (str(one).removesuffix(":1")[-4:] for one in given)
            taken |= {_number(code) for code in codes if set(code) <= set(ALPHABET)}
    return next(
        (early + 1, step)
        for step in range(1, 1_000)
        if gcd(step, CODES) == 1
        for early, late in pairwise(sorted({-1, CODES, *(number * pow(step, -1, CODES) % CODES for number in taken)}))
        if late - early > copies + 1
    )


def _number(code: str) -> int:
    return sum(ALPHABET.index(letter) * len(ALPHABET) ** place for place, letter in enumerate(reversed(code)))


def _copy(connection: Connection, table: Table, world: World, first: int, last: int) -> None:
    """Copies number `first` to `last` of the rows of a table."""
    words, strides = _words(connection.dialect.name, table, world), world.strides
    cells = {column.name: _cell(table, column, words) for column in table.columns}
    source = f"{table.name} r"
    if table.name == "certificate":
        source += FACTS_FROM
        cells["facts_sha256"] = words["digest"].format(cells["facts"])
    names = ", ".join(cells)
    connection.execute(
        text(  # names and expressions of ours
            f"INSERT INTO {table.name} ({names}) WITH RECURSIVE n(k) AS (SELECT {first} UNION ALL SELECT k + 1 FROM n"  # noqa: S608 - names and expressions of ours
            f" WHERE k < {last}) SELECT {', '.join(cells.values())} FROM n CROSS JOIN {source}"
            f" WHERE {ONLY.get(table.name, '1 = 1')} AND r.{_key(table)} <= {strides[table.name]}".replace(":", r"\:")
        )
    )


def _cell(table: Table, column: Any, words: dict[str, Any]) -> str:
    name = f"r.{column.name}"
    if (table.name, column.name) == ("certificate", "facts"):
        made = name
        for old, new in FACTS:
            made = f"replace({made}, {old.format(**words)}, {new.format(**words)})"
        return made
    if (table.name, column.name) in DIFFERENT:
        return DIFFERENT[table.name, column.name].format(**words)
    if column.name in ("first", "last"):
        return f"{name} + {words['by']}"
    if isinstance(column.type, UTCDateTime):
        return str(words["later"]).format(name)
    target = next((key.column.table.name for key in column.foreign_keys), table.name if column.primary_key else "")
    shift = words["stride"].get(target)
    return f"{name} + {shift} * n.k" if shift and column.type.python_type is int else name


def _words(dialect: str, table: Table, world: World) -> dict[str, Any]:
    """What expressions are made of. Copies follow each other at equal distances and end now."""
    step, strides = int((NOW - BEGIN).total_seconds() / (world.copies + 1)), world.strides
    size, number = len(ALPHABET), f"((n.k + {world.codes_from}) * {world.codes_step} % {CODES})"
    letters = [f"substr('{ALPHABET}', CAST({number} / {size**place} AS INTEGER) % {size} + 1, 1)"
               for place in (3, 2, 1, 0)]  # fmt: skip
    begin = f"{BEGIN:%Y-%m-%dT%H:%M:%S}"
    if dialect == "postgresql":
        instant = f"(timestamp '{begin}' + n.k * interval '{step} seconds')"
        dated = {"later": f"{{}} + n.k * interval '{step} seconds'",
                 "year": f"CAST(extract(year FROM {instant}) AS INTEGER)",
                 "instant": f"to_char({instant}, 'YYYY-MM-DD\"T\"HH24:MI:SS')",
                 "digest": "encode(sha256(convert_to({}, 'UTF8')), 'hex')"}  # fmt: skip
    else:
        instant = f"datetime('{begin}', '+' || (n.k * {step}) || ' seconds')"
        dated = {"later": f"strftime('%Y-%m-%d %H:%M:%S', {{}}, '+' || (n.k * {step}) || ' seconds') || '.000000'",
                 "year": f"CAST(strftime('%Y', {instant}) AS INTEGER)",
                 "instant": f"replace({instant}, ' ', 'T')", "digest": "digest({})"}  # fmt: skip
    return {
        "code": " || ".join(letters), "id": f"r.{_key(table)} + {strides[table.name]} * n.k", "by": f"n.k * {UNITS}",
        "begin": begin, "stride": strides, **dated,
    }  # fmt: skip


def _key(table: Table) -> str:
    return "certificate_id" if table.name in ("register_entry", "register_word") else "id"


def _largest(connection: Connection, table: Table) -> int:
    return int(connection.exec_driver_sql(f"SELECT max({_key(table)}) FROM {table.name}").scalar_one())  # noqa: S608 - names and expressions of ours


def _finish(connection: Connection, strides: Mapping[str, int]) -> None:
    """What adds rows up: names to search, totals, offers, counters; then the planner's statistics."""
    year = "CAST(extract(year FROM cancelled_at AT TIME ZONE 'UTC') AS INTEGER)"
    if connection.dialect.name == "sqlite":
        year = "CAST(strftime('%Y', cancelled_at) AS INTEGER)"
    for statement in (
        "INSERT INTO register_word (word, certificate_id) SELECT CAST(certificate_id AS VARCHAR(12)), certificate_id"  # noqa: S608 - ours
        f" FROM register_entry WHERE is_name_public AND certificate_id > {strides['certificate']}",
        "DELETE FROM register_total",
        "INSERT INTO register_total (year, intent, project_id, certificates, units)"  # noqa: S608 - ours
        f" SELECT {year}, intent, project_id, count(*), sum(units) FROM register_entry GROUP BY 1, 2, 3",
        "DELETE FROM certificate_counter",
        "INSERT INTO certificate_counter (year, last) SELECT year, max(sequence) FROM certificate GROUP BY year",
        "UPDATE offer SET units_settled = (SELECT sum(units) FROM order_line WHERE offer_id = offer.id)",
    ):
        connection.exec_driver_sql(statement)
    connection.commit()
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA foreign_keys=ON")
        connection.exec_driver_sql("BEGIN")
    else:
        connection.exec_driver_sql("SET session_replication_role = origin")
    count_on(connection, COPIED)


def count_on(connection: Connection, rows: tuple[Any, ...]) -> None:
    """On PostgreSQL new rows get the keys that follow, and the planner knows how many there are."""
    if connection.dialect.name == "postgresql":
        for row in rows:
            if "id" in row.__table__.columns:
                name = row.__tablename__
                connection.exec_driver_sql(
                    f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), max(id)) FROM {name}"  # noqa: S608 - as above
                )
        connection.exec_driver_sql("ANALYZE")  # as autovacuum does; nobody does it to SQLite
    connection.commit()
