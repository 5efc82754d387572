"""What strangers hand in is looked at before it is kept, and nothing is kept that could not be looked at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.db import db
from app.providers.adapters import make_scanner
from app.providers.adapters.clamd import CHUNK, ClamdScanner, NoScanner
from app.providers.errors import FileUnfit
from app.providers.models import Evidence
from app.providers.ports import ScannerSilent
from app.providers.uploads import Upload, harmless
from tests.clamd_standin import EICAR, ClamdStandIn, clamd
from tests.pages import Visitor
from tests.people import sign_in_as
from tests.service.conftest import Shop
from tests.service.providers.applying import PDF, a_file, an_owner

APPLICATION = "/en/sell/salkhit1/application"
DOCUMENTS = f"{APPLICATION}/documents"


@pytest.fixture(params=["socket", "loopback"])
def daemon(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ClamdStandIn]:
    with clamd(tmp_path / "clamd.ctl" if request.param == "socket" else None) as running:
        yield running


def test_a_file_reaches_the_scanner_whole_and_its_word_is_believed(daemon: ClamdStandIn) -> None:
    scanner = ClamdScanner(daemon.address)
    large = PDF + b"x" * (2 * CHUNK)

    scanner.rehearse()
    assert scanner.is_there
    assert scanner.found_in(large) is None
    assert scanner.found_in(PDF + EICAR) == "Eicar-Test-Signature"
    assert daemon.scanned == [large, PDF + EICAR]


@pytest.mark.parametrize(
    "answer", [b"", b"INSTREAM size limit exceeded. ERROR\0", b"stream: OK and more\0", b"\xff\0", b"x" * 5_000]
)
def test_any_other_answer_is_none(daemon: ClamdStandIn, answer: bytes) -> None:
    daemon.answer = answer

    for ask in (lambda: ClamdScanner(daemon.address).found_in(PDF), ClamdScanner(daemon.address).rehearse):
        with pytest.raises(ScannerSilent):
            ask()


@pytest.mark.parametrize("address", ["unix:/nowhere/clamd.ctl", "127.0.0.1:1", "[::1]:1"])
def test_a_scanner_that_is_away_is_said_to_be_silent(address: str) -> None:
    with pytest.raises(ScannerSilent):
        ClamdScanner(address, timeout=1).rehearse()


def test_without_the_setting_nothing_is_scanned() -> None:
    scanner = NoScanner()

    scanner.rehearse()
    assert not scanner.is_there
    assert scanner.found_in(EICAR) is None


def test_the_setting_chooses_the_scanner(app: Flask) -> None:
    settings = app.extensions["tonne.settings"]
    assert isinstance(make_scanner(settings), NoScanner)


@pytest.mark.parametrize(
    ("content", "answer", "said"),
    [
        (PDF + EICAR, None, "The scanner knows something harmful in this file."),
        (PDF, b"", "The file could not be checked for viruses, so it was not kept."),
    ],
    ids=["infected", "silent"],
)
def test_an_infected_or_unscanned_document_is_refused_at_its_field_and_not_kept(
    shop: Shop, daemon: ClamdStandIn, content: bytes, answer: bytes | None, said: str
) -> None:
    daemon.answer = answer
    shop.app.extensions["tonne.scanner"] = ClamdScanner(daemon.address)
    with shop.inside():
        owner = an_owner()
        assert owner.person_id is not None
        visitor = Visitor(sign_in_as(shop.app, owner.person_id, strong=True))
    visitor.send(visitor.get(APPLICATION), "/application")
    fields = visitor.get(DOCUMENTS).form(DOCUMENTS).fields

    refused = visitor.client.post(
        DOCUMENTS, data=fields | {"file": a_file(content, "passport.pdf")}, content_type="multipart/form-data"
    )

    assert refused.status_code == 422
    assert said in refused.text
    with shop.inside():
        assert db.session.scalar(select(func.count()).select_from(Evidence)) == 0


def test_no_transaction_is_open_while_the_scanner_looks(app: Flask) -> None:
    class Looking(NoScanner):
        def found_in(self, content: bytes) -> str | None:
            assert not db.session().in_transaction()
            return super().found_in(content)

    with app.app_context():
        db.session.scalar(select(func.count()).select_from(Evidence))
        assert harmless(Upload("a.pdf", "application/pdf", PDF), Looking()).content == PDF
        with pytest.raises(FileUnfit):
            harmless(Upload("a.pdf", "application/pdf", PDF), ClamdScanner("127.0.0.1:1", timeout=1))
