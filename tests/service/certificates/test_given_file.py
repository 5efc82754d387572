"""A PDF given to the verify page is compared with what was issued, byte for byte, and nothing of it is kept."""

from __future__ import annotations

import hashlib
from io import BytesIO

import pytest
from sqlalchemy import select

from app.certificates.models import Document
from app.checkout.models import Order
from app.db import db
from tests.pages import Page, Visitor
from tests.service.certificates.issued import Issued, a_certificate
from tests.service.conftest import Shop

SAME_BYTES = "The file that you gave is, byte for byte, one that we issued for this certificate."


def pdf_of(shop: Shop, subject: str) -> bytes:
    with shop.inside():
        return db.session.scalars(select(Document.pdf).where(Document.subject == subject)).one()


def give(visitor: Visitor, content: bytes, status: int, language: str = "en") -> Page:
    page = visitor.get(f"/{language}/verify")
    form = page.form("/verify/file")
    sent = form.fields | {"file-file": (BytesIO(content), "mine.pdf")}
    answer = visitor.client.post(form.action, data=sent)
    if status == 303:
        assert answer.status_code == 303
        return visitor.get(answer.headers["Location"])
    return visitor.read(answer, status)


@pytest.fixture
def issued(shop: Shop) -> Issued:
    certificate = a_certificate(shop)
    shop.work()
    return certificate


def test_the_file_that_we_issued_opens_its_certificate_and_is_called_ours(shop: Shop, issued: Issued) -> None:
    pdf = pdf_of(shop, issued.number)

    page = give(shop.visitor(), pdf, 303)

    assert SAME_BYTES in page.words
    assert hashlib.sha256(pdf).hexdigest() in page.words
    assert issued.code in page.html


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "This file is not one that we issued, or it was changed since"),
        ("fr", "Nous n’avons pas délivré ce fichier, ou il a été modifié depuis"),
        ("es", "No hemos emitido este archivo, o se ha modificado desde entonces"),
    ],
)
def test_one_byte_more_is_another_file(shop: Shop, issued: Issued, language: str, words: str) -> None:
    page = give(shop.visitor(), pdf_of(shop, issued.number) + b" ", 422, language)

    assert words in page.error_at("file-file")
    assert issued.code not in page.html
    assert f"/{language}/verify" in page.form("/verify").action


@pytest.mark.parametrize("content", [b"", b"%PDF-1.7", b"\x00" * 1_000, b"PK\x03\x04", b"<script>alert(1)</script>"])
def test_whatever_else_is_given_is_not_ours(shop: Shop, content: bytes) -> None:
    assert give(shop.visitor(), content, 422).error_at("file-file")


def test_no_file_is_said_beside_the_field(shop: Shop) -> None:
    visitor = shop.visitor()

    page = visitor.read(visitor.send(visitor.get("/en/verify"), "/verify/file", 422), 422)

    assert page.error_at("file-file") == "Choose a file."
    assert not page.error_at("number")


def test_a_file_of_more_than_a_megabyte_is_not_read(shop: Shop) -> None:
    body = b"--b\r\n" + b"x" * 1_048_576

    answer = shop.visitor().client.post("/en/verify/file", data=body, content_type="multipart/form-data; boundary=b")

    assert answer.status_code == 413
    assert "larger than one megabyte" in answer.text


def test_the_summary_of_an_order_is_called_ours_too(shop: Shop) -> None:
    shop.finished_order({shop.offer(number=1): 1, shop.offer(number=2): 1})
    with shop.inside():
        reference = db.session.scalars(select(Order.reference)).one()

    page = give(shop.visitor(), pdf_of(shop, reference), 200)

    assert f"This file is, byte for byte, the summary of order {reference} as we issued it." in page.words


def test_an_address_calls_no_file_ours_that_is_not_one_of_this_certificate(shop: Shop, issued: Issued) -> None:
    other = a_certificate(shop, number=2)
    shop.work()
    address = f"/en/verify/{issued.slug}?code={issued.code}&file="

    for file in ("", "0" * 64, "x" * 5_000, hashlib.sha256(pdf_of(shop, other.number)).hexdigest()):
        assert SAME_BYTES not in shop.visitor().get(address + file).words
    ours = hashlib.sha256(pdf_of(shop, issued.number)).hexdigest()
    assert SAME_BYTES not in shop.visitor().get(f"/en/verify/{issued.slug}?file={ours}").words
    assert SAME_BYTES in shop.visitor().get(address + ours).words
