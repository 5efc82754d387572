"""An operator's day with a registry that is reached by files, and what its buyers get of it."""

from __future__ import annotations

import io
from typing import Any

import pytest
from sqlalchemy import select

from app.certificates.models import Certificate
from app.db import db, transaction
from app.fulfilment.process import collaborators
from app.jobs.models import RestorationHold
from app.kernel.clock import FixedClock
from app.registry.adapters import make_registries
from app.registry.batch.files import sha256
from app.registry.batch.models import Batch, RegistryMessage
from app.registry.batch.response import signature_of
from app.registry.batch.states import BatchState
from app.registry.models import Cancellation
from app.registry.states import CancellationState
from tests.batch_world import SECRET, BatchWorld
from tests.builders import NOW, a_finished_order, an_offer, the_order
from tests.conftest import AppMaker
from tests.pages import Page, Visitor
from tests.service.conftest import Shop, with_fakes
from tests.service.desk.desking import acts, agree, newest_proposal, operator

PDF = b"%PDF-1.7 signed by the administrator"


@pytest.fixture
def shop(make_app: AppMaker, clock: FixedClock) -> Shop:
    """A shop whose seller's account is kept by a registry without an interface."""
    app = make_app(REGISTRIES="ledger,batch", BATCH_SHARED_SECRET=SECRET)
    shop = with_fakes(app, clock)
    app.extensions["tonne.registries"] = make_registries(app.extensions["tonne.settings"], clock)
    shop.world = collaborators(app)
    return shop


def _ordered(shop: Shop) -> tuple[str, BatchWorld]:
    """A paid order of 12 units that waits in the open batch; gives the token of its page and the administrator."""
    with shop.inside() as world:
        offer = an_offer()
        batch_world = BatchWorld(shop.app)
        batch_world.keeps("CDM-100-1")
        batch_world.states("CDM-100-1", ("IN-1", 1_002_000, 1_002_999))
        return the_order(a_finished_order(world, {offer: 12})).token, batch_world


def _code(shop: Shop) -> str:
    with shop.inside():
        return db.session.scalars(select(Batch.code)).one()


def _cancellation(shop: Shop) -> CancellationState:
    with shop.inside():
        return db.session.scalars(select(Cancellation.state)).one()


def _upload(who: Visitor, address: str, content: bytes, status: int = 303, **fields: Any) -> Any:
    """Send the form of a page with a file; gives the page it leads to, or the page with what is wrong."""
    page = who.get(address)
    sent: dict[str, Any] = dict(page.form(address.removeprefix("/en")).fields) | fields
    answer = who.client.post(address, data=sent | {"file": (io.BytesIO(content), "response.csv")})
    assert answer.status_code == status, answer.text
    return who.get(answer.headers["Location"]) if status == 303 else who.read(answer, status)


def _press(who: Visitor, address: str, **fields: str) -> Page:
    """Go through the page of an act; gives the page one comes back to."""
    page = who.get(address)
    return who.get(who.send(page, address.removeprefix("/en"), fields=fields).headers["Location"])


def _handed_over(shop: Shop, administrator: BatchWorld) -> bytes:
    """Close the batch at the desk and let the worker make its package."""
    code = _code(shop)
    _press(operator(shop), f"/en/desk/batches/{code}/close")
    with shop.inside():
        administrator.pack()
        return administrator.package(db.session.scalars(select(Batch.id)).one())


def test_the_whole_day_from_the_order_to_the_certificate(shop: Shop) -> None:
    token, administrator = _ordered(shop)
    eva, code = operator(shop), _code(shop)
    assert _cancellation(shop) is CancellationState.WAITING
    assert code in eva.get("/en/desk/batches").words
    assert "Close the batch" in eva.get(f"/en/desk/batches/{code}").words

    package = _handed_over(shop, administrator)
    page = eva.get(f"/en/desk/batches/{code}")
    assert "Ready to hand over" in page.words
    taken = eva.client.get(f"/en/desk/registry-files/{sha256(package)}")
    assert (taken.data, taken.mimetype) == (package, "application/zip")
    assert taken.headers["Content-Disposition"] == f"attachment; filename={code}.zip"
    assert "UNFCCC 7" in _press(eva, f"/en/desk/batches/{code}/acknowledge", reference="UNFCCC 7").words

    with shop.inside():
        raw = administrator.answer(package)
    page = _upload(eva, "/en/desk/batches/response", raw)

    assert "The answers are taken in." in page.words
    assert "CDM000001" in page.words
    shop.work()
    assert _cancellation(shop) is CancellationState.CONFIRMED
    page = _upload(eva, f"/en/desk/batches/{code}/attestation", PDF, lines="1", is_read="y")
    assert "archived" in page.words
    assert [what for what, *_rest in acts(shop)][-5:] == [
        "batch_closed", "registry_file_taken", "batch_acknowledged", "batch_response_applied", "attestation_archived",
    ]  # fmt: skip
    assert "IN-5-1002000-2-2-0-1" in shop.visitor().get(f"/en/orders/{token}").words


def test_the_buyer_and_whoever_has_the_code_can_download_the_attestation(shop: Shop) -> None:
    token, administrator = _ordered(shop)
    package = _handed_over(shop, administrator)
    with shop.inside():
        raw = administrator.answer(package)
    eva, buyer = operator(shop), shop.visitor()
    _upload(eva, "/en/desk/batches/response", raw)
    shop.work()
    assert "attestation" not in buyer.get(f"/en/orders/{token}").words
    _upload(eva, f"/en/desk/batches/{_code(shop)}/attestation", PDF, lines="1", is_read="y")
    with shop.inside():
        certificate = db.session.scalars(select(Certificate)).one()
        slug, verification = certificate.number.replace("/", "-"), certificate.verification_code

    assert sha256(PDF) in buyer.get(f"/en/orders/{token}").words
    assert sha256(PDF) in buyer.get(f"/en/verify/{slug}?code={verification}").words
    assert sha256(PDF) not in buyer.get(f"/en/verify/{slug}").words
    for address in (
        f"/en/orders/{token}/attestations/{sha256(PDF)}.pdf",
        f"/en/verify/{slug}/attestations/{sha256(PDF)}.pdf?code={verification}",
    ):
        answer = buyer.client.get(address)
        assert (answer.status_code, answer.data, answer.mimetype) == (200, PDF, "application/pdf")
        assert answer.headers["Content-Disposition"].startswith('attachment; filename="attestation-')
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    for address in (
        f"/en/orders/{token}/attestations/{'0' * 64}.pdf",
        f"/en/verify/{slug}/attestations/{sha256(PDF)}.pdf",
        f"/en/verify/{slug}/attestations/{'0' * 64}.pdf?code={verification}",
    ):
        assert buyer.client.get(address).status_code == 404


def _second_order(shop: Shop, administrator: BatchWorld) -> str:
    with shop.inside() as world:
        offer = an_offer(number=2)
        administrator.keeps("CDM-100-1")
        administrator.states("CDM-100-1", ("IN-1", 1_002_000, 1_002_999), ("IN-2", 2_002_000, 2_002_999))
        return the_order(a_finished_order(world, {offer: 5})).token


def test_the_attestation_of_another_order_stays_its_own(shop: Shop) -> None:
    _token, administrator = _ordered(shop)
    other = _second_order(shop, administrator)
    package = _handed_over(shop, administrator)
    with shop.inside():
        raw = administrator.answer(package)
    eva = operator(shop)
    _upload(eva, "/en/desk/batches/response", raw)
    shop.work()
    _upload(eva, f"/en/desk/batches/{_code(shop)}/attestation", PDF, lines="1", is_read="y")

    assert shop.visitor().client.get(f"/en/orders/{other}/attestations/{sha256(PDF)}.pdf").status_code == 404
    assert sha256(PDF) not in shop.visitor().get(f"/en/orders/{other}").words


def test_a_file_about_several_orders_is_kept_and_shown_to_no_buyer(shop: Shop) -> None:
    token, administrator = _ordered(shop)
    other = _second_order(shop, administrator)
    package = _handed_over(shop, administrator)
    with shop.inside():
        raw = administrator.answer(package)
    eva, address = operator(shop), f"/en/desk/batches/{_code(shop)}/attestation"
    _upload(eva, "/en/desk/batches/response", raw)
    shop.work()

    page = _upload(eva, address, PDF, lines=["1", "2"], is_read="y")

    assert "about several orders and offered to no buyer" in page.words
    assert sha256(PDF) in page.html
    for order in (token, other):
        assert sha256(PDF) not in shop.visitor().get(f"/en/orders/{order}").words
        assert shop.visitor().client.get(f"/en/orders/{order}/attestations/{sha256(PDF)}.pdf").status_code == 404


def test_what_is_wrong_with_a_response_is_listed_and_nothing_typed_is_lost(shop: Shop) -> None:
    _token, administrator = _ordered(shop)
    package = _handed_over(shop, administrator)
    with shop.inside():
        raw = administrator.answer(package, bad_line=True, signed=False)
    eva = operator(shop)

    page = _upload(eva, "/en/desk/batches/response", raw, 422, reason="Sent by the registry today.")

    assert "Row 2, column units: The line asks for 12 units." in page.words
    assert page.form("/batches/response").fields["reason"] == "Sent by the registry today."
    assert page.error_at("file")
    assert _cancellation(shop) is CancellationState.WAITING


def test_an_unsigned_response_says_how_it_came_and_waits_for_a_second_operator(shop: Shop) -> None:
    _token, administrator = _ordered(shop)
    package = _handed_over(shop, administrator)
    with shop.inside():
        raw = administrator.answer(package, signed=False)
    eva, ola = operator(shop), operator(shop, "ola@tonne.example")

    assert _upload(eva, "/en/desk/batches/response", raw, 422).error_at("reason")
    page = _upload(eva, "/en/desk/batches/response", raw, reason="Sent by the registry today.")
    assert "waits for another operator" in page.words
    again = _upload(eva, "/en/desk/batches/response", raw, 422, reason="Again.")
    assert "waits for a second person already" in again.words

    with shop.inside():
        fingerprint = db.session.scalars(select(RegistryMessage.sha256).where(RegistryMessage.kind == "response")).one()
    proposal = ola.get(f"/en/desk/proposals/{newest_proposal(shop)}")
    assert f"/en/desk/registry-files/{fingerprint}" in proposal.html
    agree(shop, ola)
    shop.work()
    assert _cancellation(shop) is CancellationState.CONFIRMED


def test_a_signature_may_be_typed_and_a_wrong_one_is_named_at_its_field(shop: Shop) -> None:
    _token, administrator = _ordered(shop)
    package = _handed_over(shop, administrator)
    with shop.inside():
        raw = administrator.answer(package, signed=False)
    eva = operator(shop)

    assert _upload(eva, "/en/desk/batches/response", raw, 422, signature="f" * 64).error_at("signature")
    _upload(eva, "/en/desk/batches/response", raw, signature=signature_of(raw, SECRET))
    page = _upload(eva, "/en/desk/batches/response", raw, signature=signature_of(raw, SECRET))

    assert "taken in before" in page.words


def test_an_attestation_needs_a_pdf_and_at_least_one_line(shop: Shop) -> None:
    _token, administrator = _ordered(shop)
    package = _handed_over(shop, administrator)
    eva, address = operator(shop), f"/en/desk/batches/{_code(shop)}/attestation"
    assert "Take in the response first." in eva.get(address).words
    with shop.inside():
        raw = administrator.answer(package)
    _upload(eva, "/en/desk/batches/response", raw)

    assert _upload(eva, address, b"<html>", 422, lines="1", is_read="y").error_at("file")
    assert "Choose at least one line." in _upload(eva, address, PDF, 422, is_read="y").words
    assert _upload(eva, address, PDF, 422, lines="1").error_at("is_read")
    for nonsense in ("99", "one"):
        _upload(eva, address, PDF, 422, lines=nonsense)


def test_a_restored_copy_neither_closes_a_batch_nor_gives_a_package_away(shop: Shop) -> None:
    _token, administrator = _ordered(shop)
    package = _handed_over(shop, administrator)
    _second_order(shop, administrator)
    with shop.inside():
        still_open = db.session.scalars(select(Batch.code).where(Batch.state == BatchState.OPEN)).one()
        first = db.session.scalars(select(Batch.code).where(Batch.state == BatchState.EXPORTED)).one()
        with transaction() as session:
            session.add(RestorationHold(backup_made_at=NOW, restored_at=NOW, is_journal_kept=True))
    eva = operator(shop)

    page = eva.get(f"/en/desk/batches/{first}")
    assert "Nothing is handed over until the books were compared" in page.words
    assert "Download the package" not in page.words
    answer = eva.client.get(f"/en/desk/registry-files/{sha256(package)}")
    assert answer.status_code == 303
    assert "came back from a backup" in eva.get(answer.headers["Location"]).words
    assert "Close the batch" not in eva.get(f"/en/desk/batches/{still_open}").words
    closing = eva.get(f"/en/desk/batches/{still_open}/close")
    assert "came back from a backup" in eva.send(closing, f"/desk/batches/{still_open}/close", status=422).text


def test_what_is_not_there_is_not_found(shop: Shop) -> None:
    eva = operator(shop)

    assert "There is no batch yet." in eva.get("/en/desk/batches").words
    for address in ("batches/B-2222-3333", "batches/B-2222-3333/close", "registry-files/00"):
        assert eva.client.get(f"/en/desk/{address}").status_code == 404


def test_a_batch_that_moved_on_is_not_closed_twice(shop: Shop) -> None:
    _token, administrator = _ordered(shop)
    eva, code = operator(shop), _code(shop)
    page = eva.get(f"/en/desk/batches/{code}/close")
    _handed_over(shop, administrator)

    answer = eva.client.post(f"/en/desk/batches/{code}/close", data=page.form("/close").fields)

    assert answer.status_code == 422
    assert "This batch has moved on." in answer.text
