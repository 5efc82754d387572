"""An order of 450,000 units beside one of 5: `python -m tests.benchmarks.scale_order`.

Both are bought through the shop's own services on SQLite and on PostgreSQL: five units; 450,000 units of one lot that
lies in one block of serial numbers; of five such lots; and of five lots that lie in a hundred blocks each. What an
order costs must not grow with its units: that of one block may take at most `SAME` times as long as that of five
units. What it costs for each block is printed. A certificate of a hundred ranges is drawn, and kept as a PDF with
`--keep DIRECTORY`.
"""

from __future__ import annotations

import argparse
import csv
import io
import statistics
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import delete, func, select, update

from app.catalog.models import Issuance
from app.certificates.facts import from_json
from app.certificates.models import RegisterBlock
from app.certificates.ports import CertificateFacts, CertificateRenderer
from app.db import db, transaction
from app.fulfilment.process import collaborators, run_due
from app.notifications.models import Mail
from app.offers.models import Offer
from app.registry.ledger.models import LedgerBlock, LedgerIssuance
from tests.builders import a_paid_order, an_offer, certificates_of, the_order
from tests.conftest import ROOT, application, environment
from tests.fakes import FakeGateway, FakeMailer, FakeRenderer
from tests.postgres import shared_cluster

MANY, FEW = 450_000, 5
LOTS, BLOCKS = 5, 100  # of each lot
SAME, PER_BLOCK = 2.0, 20.0  # times as long; milliseconds
ROUNDS = 7


@dataclass(frozen=True)
class Shape:
    """What is bought: so many units of so many offers, whose units lie in so many blocks each."""

    name: str
    units: int
    lots: int
    blocks: int


SHAPES = (
    Shape("5 units, one block", FEW, 1, 1),
    Shape("450,000 units, one block", MANY, 1, 1),
    Shape("450,000 units, 5 lots of one block", MANY, LOTS, 1),
    Shape("450,000 units, 5 lots of 100 blocks", MANY, LOTS, BLOCKS),
)


def main() -> int:
    """Measure, print, and say by the exit code whether every bound holds."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--databases", type=lambda names: names.split(","), default=["sqlite", "postgresql"])
    parser.add_argument("--keep", type=Path)
    given = parser.parse_args()
    failures: list[str] = []
    for database in given.databases:
        with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
            root = Path(directory)
            cluster = stack.enter_context(shared_cluster(root)) if database == "postgresql" else None
            url = cluster.create_database("order") if cluster else f"sqlite:///{root}/order.sqlite"
            app = application(environment(root, url, LOG_LEVEL="ERROR"))
            with app.app_context():
                upgrade(directory=str(ROOT / "migrations"))
                failures += [f"{database}: {one}" for one in _measure(app, database, given.keep)]
                db.session.remove()
                db.engine.dispose()
    for failure in failures:
        print(f"FAIL {failure}")
    print("FAIL" if failures else "PASS")
    return 1 if failures else 0


def _measure(app: Flask, database: str, keep: Path | None) -> list[str]:
    # In one process only its own work counts, whatever else this machine does; a server's work takes real time.
    clock = time.perf_counter if database == "postgresql" else time.process_time
    world = replace(
        collaborators(app), gateway=FakeGateway(), mailer=FakeMailer(), renderer=FakeRenderer(), background=()
    )
    print(f"{database}: milliseconds from basket to certificate and mails, PDF not counted (median of {ROUNDS})")
    medians: dict[str, float] = {}
    order_id = number = 0
    taken: dict[str, list[float]] = {shape.name: [] for shape in SHAPES}
    for turn in range(ROUNDS + 1):
        for shape in SHAPES:
            wanted = {}
            for _lot in range(shape.lots):
                number += 1
                wanted[_an_offer_in_blocks(number, shape)] = shape.units // shape.lots
            begun = clock()
            order_id = a_paid_order(world, wanted)
            run_due(world)
            if turn:
                taken[shape.name].append((clock() - begun) * 1000)
    for shape in SHAPES:
        medians[shape.name] = statistics.median(taken[shape.name])
        print(f"{shape.name:40}{medians[shape.name]:9.1f}")
    five, one, lots, blocks = medians.values()
    per_block = (blocks - lots) / (LOTS * (BLOCKS - 1))
    print(f"units: {one / five:.2f} times as long (at most {SAME}); each further block {per_block:.2f} ms")
    failures = [] if one <= SAME * five else [f"450,000 units take {one / five:.1f} times as long as 5"]
    failures += [] if per_block <= PER_BLOCK else [f"a block takes {per_block:.1f} ms"]
    return failures + _look_at(app, order_id, keep)


def _an_offer_in_blocks(number: int, shape: Shape) -> int:
    """An offer at one dollar whose units lie in blocks with a gap of one number between them; gives its id."""
    units = shape.units // shape.lots
    offer_id = an_offer(number=number, units=units, price=100, held=1)
    size = units // shape.blocks
    with transaction() as session:
        offer = session.get_one(Offer, offer_id)
        issuance = session.get_one(Issuance, offer.issuance_id)
        first = issuance.serial_first
        last = first + units + shape.blocks
        session.execute(
            update(Issuance).where(Issuance.id == issuance.id).values(serial_last=last, units=last - first + 1)
        )
        entered = session.scalars(select(LedgerIssuance).where(LedgerIssuance.first == first)).one()
        session.execute(update(LedgerIssuance).where(LedgerIssuance.id == entered.id).values(last=last))
        held = session.scalars(select(LedgerBlock).where(LedgerBlock.issuance_id == entered.id)).one()
        account = held.account_id
        session.execute(delete(LedgerBlock).where(LedgerBlock.id == held.id))
        for place in range(shape.blocks):
            begins = first + place * (size + 1)
            session.add(
                LedgerBlock(
                    account_id=account, issuance_id=entered.id, space="IN", first=begins, last=begins + size - 1
                )
            )
    return offer_id


def _look_at(app: Flask, order_id: int, keep: Path | None) -> list[str]:
    """Everything that says how much was cancelled in the largest order says the same."""
    certificates = certificates_of(order_id)
    facts = [from_json(certificate.facts) for certificate in certificates]
    numbers = [certificate.number for certificate in certificates]
    ids = [certificate.id for certificate in certificates]
    blocks = select(func.sum(RegisterBlock.last - RegisterBlock.first + 1), func.count())
    registered = db.session.execute(blocks.where(RegisterBlock.certificate_id.in_(ids))).one()
    mails = db.session.scalars(select(Mail.kind).where(Mail.order_id == order_id).order_by(Mail.kind)).all()
    db.session.rollback()
    client = app.test_client()
    rows = list(
        csv.DictReader(io.StringIO(client.get("/en/register.csv").get_data(as_text=True).removeprefix("\ufeff")))
    )
    listed = [row for row in rows if row["certificate"] in numbers]
    print(
        f"the largest order: {len(certificates)} certificates, {sum(one.units for one in facts):,} units in"
        f" {sum(len(part.ranges) for one in facts for part in one.transactions)} ranges; mails: {', '.join(mails)}"
    )
    said = {
        "facts": sum(one.units for one in facts),
        "ranges": sum(found.units for one in facts for part in one.transactions for found in part.ranges),
        "register": int(registered[0]),
        "file": sum(int(row["units"]) for row in listed),
    }
    failures = [f"{name} say {units:,} units" for name, units in said.items() if units != MANY]
    expected = LOTS * BLOCKS
    failures += [] if registered[1] == expected else [f"{registered[1]} blocks in the register, not {expected}"]
    failures += (
        [] if sum(row["serial_numbers"].count(" to ") for row in listed) == expected else ["the file lacks blocks"]
    )
    failures += [] if list(mails) == ["certificates_ready", "order_paid"] else [f"mails: {mails}"]
    slug = numbers[0].replace("/", "-")
    for address in (f"/en/register/{slug}", f"/en/verify/{slug}", f"/en/orders/{the_order(order_id).token}"):
        status = client.get(address).status_code
        failures += [] if status == 200 else [f"{address} answers {status}"]
    return failures + _draw(app, facts[0], keep)


def _draw(app: Flask, facts: CertificateFacts, keep: Path | None) -> list[str]:
    """Draw one certificate with all of its serial numbers."""
    renderer: CertificateRenderer = app.extensions["tonne.renderer"]
    renderer.certificate(facts, "en")  # fonts are warm from now on
    begun = time.perf_counter()
    pdf = renderer.certificate(facts, "en")
    ranges = sum(len(part.ranges) for part in facts.transactions)
    print(f"a certificate of {ranges} ranges as PDF: {time.perf_counter() - begun:.2f} s, {len(pdf) / 1024:.0f} kB")
    if keep:
        keep.mkdir(parents=True, exist_ok=True)
        (keep / "certificate.pdf").write_bytes(pdf)
    return [] if pdf.startswith(b"%PDF-") else ["no PDF"]


if __name__ == "__main__":
    raise SystemExit(main())
