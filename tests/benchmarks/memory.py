"""What the processes hold at most: `make bench-memory`.

The web process serves the demonstration world, on SQLite and on PostgreSQL: every page that the sitemap and the list
link to, in three languages, then whole purchases by guests, then the same pages again. The PDF worker (`flask work
forever`, the product's own command) draws 1,000 certificates that wait in its database, once with Latin names only,
once with Chinese names and purposes on five of every hundred. Judged is the peak of resident memory that the kernel has
seen (VmHWM) of the largest process of each, in megabytes of 1,000,000 bytes, shared pages included.
`BENCH_CERTIFICATES` and `BENCH_SECONDS` make it shorter.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, NullPool, create_engine, select, text

from app.catalog.models import Project
from app.certificates import service as certificates
from app.certificates.facts import fingerprint, to_json
from app.certificates.models import Certificate
from app.certificates.ports import CertificateFacts
from app.certificates.states import CertificateState
from app.checkout.models import Beneficiary
from app.config import Settings
from app.db import add_row, add_row_with_id, db, transaction
from app.factory import create_app
from tests.benchmarks.buyer import Buyer
from tests.benchmarks.certified import facts_of
from tests.benchmarks.processes import Running, first_page, flask, postgresql, settings_in, verdict, web, worker
from tests.benchmarks.purchase import BUYERS, all_at_once
from tests.builders import NOW, a_placed_order, an_offer
from tests.postgres import free_port

CERTIFICATES = int(os.environ.get("BENCH_CERTIFICATES", "1000"))
PURCHASES_FOR = int(os.environ.get("BENCH_SECONDS", "30"))
WEB, LATIN, CHINESE = 150, 250, 400  # megabytes
CHINESE_OF_HUNDRED = 5
SECONDS_FOR_ONE = 5
LANGUAGES = ("en", "fr", "es")


def main() -> int:
    """Measure, print, and say by the exit code whether every bound holds."""
    verdicts = [verdict("web process on SQLite, MB", web_memory(), WEB, digits=0)]
    with postgresql() as url:
        verdicts.append(verdict("web process on PostgreSQL, MB", web_memory(url), WEB, digits=0))
    for name, share, bound in (("Latin", 0, LATIN), (f"{CHINESE_OF_HUNDRED} % Chinese", CHINESE_OF_HUNDRED, CHINESE)):
        most = worker_memory(share)
        verdicts.append(verdict(f"PDF worker after {CERTIFICATES:,} certificates, {name}, MB", most, bound, digits=0))
    return 0 if all(verdicts) else 1


# --- the web process -----------------------------------------------------------------------------------


def web_memory(url: str = "") -> float:
    """Megabytes that the web process held at most, over the database at `url` or else an embedded one."""
    with tempfile.TemporaryDirectory() as directory:
        environment = settings_in(Path(directory), free_port(), url)
        flask(environment, "db", "upgrade")
        flask(environment, "demo", "load")
        with web("wsgi:app", environment) as server, worker("tests.benchmarks.plain_paper", environment):
            first_page(server, "/en/")
            print(f"      web process after its first page: {server.most_memory:.0f} MB")
            pages = visit_everything(server)
            print(f"      after {pages} pages: {server.most_memory:.0f} MB")
            took, problems = all_at_once(lambda: buy(server), PURCHASES_FOR)
            assert not problems, problems[0]
            print(f"      after {len(took)} purchases by {BUYERS} buyers at once: {server.most_memory:.0f} MB")
            visit_everything(server)
            return server.most_memory


def visit_everything(server: Running) -> int:
    """Open the list, and whatever pages it and the pages behind it link to, in each language; gives how many."""
    seen: set[str] = set()
    with Buyer(server.address) as visitor:
        waiting = [f"/{language}/" for language in LANGUAGES]
        while waiting:
            path = waiting.pop()
            if path in seen:
                continue
            seen.add(path)
            page = visitor.open(path)
            waiting += (link for link in links(page) if link not in seen)
    return len(seen)


def links(page: str) -> Iterator[str]:
    """Paths of pages, without questions and fragments, that a page links to."""
    for link in re.findall(r'<a\b[^>]*\bhref="(/(?:en|fr|es)/[^"?#]*)"', page):
        if not re.search(r"\.\w+$", link):
            yield link


def buy(server: Running) -> None:
    """One purchase of the first project on the list that is for sale."""
    with Buyer(server.address) as buyer:
        buyer.open("/en/projects/KR-222")
        buyer.send("/basket/add", {"units": "3"})
        buyer.give_details("buyer@example.org", "Amélie Nguyễn")
        buyer.order()
        buyer.pay()


# --- the PDF worker --------------------------------------------------------------------------------------


def worker_memory(chinese_of_hundred: int) -> float:
    """Megabytes that the worker held at most while it drew all certificates."""
    with tempfile.TemporaryDirectory() as directory:
        environment = settings_in(Path(directory), free_port())
        flask(environment, "db", "upgrade")
        with waiting_certificates(environment, chinese_of_hundred) as engine:
            begun = time.monotonic()
            with worker("wsgi", environment) as printer:
                _wait_until_drawn(engine, begun + 60 + CERTIFICATES * SECONDS_FOR_ONE)
                each = (time.monotonic() - begun) / CERTIFICATES
                print(f"      {CERTIFICATES} certificates, one in {1000 * each:.0f} ms")
                return printer.most_memory


@contextmanager
def waiting_certificates(environment: dict[str, str], chinese_of_hundred: int) -> Iterator[Engine]:
    """A database in which so many certificates wait for their PDFs; gives a way to look into it."""
    settings = Settings.from_environment(environment)
    app = create_app(settings)
    with app.test_request_context():
        an_offer()
        order_id = a_placed_order(settings, {1: 1})
        with transaction() as session:
            project_id = session.scalars(select(Project.id)).one()
            for number in range(CERTIFICATES):
                _insert(order_id, project_id, facts_of(number, chinese_of_hundred=chinese_of_hundred))
        db.session.remove()
        db.engine.dispose()
    engine = create_engine(settings.database_url, poolclass=NullPool)
    yield engine
    engine.dispose()


def _insert(order_id: int, project_id: int, facts: CertificateFacts) -> None:
    """One certificate as the product keeps it, for a beneficiary of its own, and the wish for its PDF."""
    beneficiary_id = add_row_with_id(Beneficiary, order_id=order_id, name=facts.beneficiary_name, intent=facts.intent)
    frozen = to_json(facts)
    add_row(
        Certificate,
        order_id=order_id,
        project_id=project_id,
        beneficiary_id=beneficiary_id,
        registry_code="ledger",
        year=NOW.year,
        sequence=beneficiary_id,
        number=facts.number,
        verification_code=facts.verification_code,
        state=CertificateState.ISSUED,
        facts=frozen,
        facts_sha256=fingerprint(frozen),
        issued_at=NOW,
    )
    certificates.request_documents(order_id=order_id, subjects=[facts.number], locale="en", now=NOW)


def _wait_until_drawn(engine: Engine, ends_at: float) -> None:
    while True:
        with engine.connect() as connection:
            waiting = connection.scalar(text("SELECT count(*) FROM document_request"))
        if not waiting:
            return
        assert time.monotonic() < ends_at, f"{waiting} certificates are not drawn"
        time.sleep(0.5)


if __name__ == "__main__":
    sys.exit(main())
