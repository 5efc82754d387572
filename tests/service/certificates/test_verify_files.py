"""The certificate as a PDF and as data: to whoever has the code, in any of the three languages."""

from __future__ import annotations

import hashlib
import json

from sqlalchemy import select

from app.certificates.models import Certificate, DocumentRequest
from app.db import db, transaction
from tests.service.certificates.issued import a_certificate
from tests.service.conftest import Shop


def test_without_its_code_nobody_gets_the_pdf(shop: Shop) -> None:
    issued = a_certificate(shop)

    for query in ("", "?code=", "?code=2222-2222-2222-2222-2222-2222"):
        answer = shop.app.test_client().get(f"/en/verify/{issued.slug}.pdf{query}")
        assert answer.status_code == 404, query


def test_nobody_gets_the_pdf_of_a_number_that_was_never_given_out(shop: Shop) -> None:
    assert shop.app.test_client().get("/en/verify/TN7-2026.pdf?code=ABCD").status_code == 404


def test_a_pdf_in_another_language_is_promised_drawn_and_then_given(shop: Shop) -> None:
    issued = a_certificate(shop)
    visitor, address = shop.visitor(), f"/fr/verify/{issued.slug}.pdf?code={issued.code}"

    promised = visitor.client.get(address)
    again = visitor.client.get(address)

    assert promised.status_code == again.status_code == 202
    assert promised.headers["Refresh"] == promised.headers["Retry-After"] == "2"
    assert promised.mimetype == "text/html"
    with shop.inside():
        assert [(r.subject, r.locale) for r in db.session.scalars(select(DocumentRequest))] == [(issued.number, "fr")]
    shop.work()
    given = visitor.client.get(address)
    assert (given.status_code, given.mimetype) == (200, "application/pdf")
    assert given.data.startswith(b"%PDF-fake fr ")
    assert given.headers["Content-Disposition"] == f'attachment; filename="{issued.slug}.pdf"'
    assert given.headers["ETag"] == f'"{hashlib.sha256(given.data).hexdigest()}"'
    assert given.headers["Cache-Control"] == "no-store"


def test_the_file_has_the_certificates_name_however_its_address_was_written(shop: Shop) -> None:
    issued = a_certificate(shop)

    for slug in ("tn1-2026", "TN1-2026%0A", "%20TN1-2026"):
        given = shop.app.test_client().get(f"/en/verify/{slug}.pdf?code={issued.code}")
        assert given.status_code == 200, slug
        assert given.headers["Content-Disposition"] == 'attachment; filename="TN1-2026.pdf"', slug


def test_a_certificate_that_would_look_different_today_is_drawn_anew_under_the_same_number(shop: Shop) -> None:
    issued = a_certificate(shop)
    client, address = shop.app.test_client(), f"/en/verify/{issued.slug}.pdf?code={issued.code}"
    assert client.get(address).status_code == 200

    shop.app.extensions["tonne.renderer"].version = "fake-2"

    assert client.get(address).status_code == 202
    shop.work()
    assert client.get(address).status_code == 200
    with shop.inside():
        assert list(db.session.scalars(select(Certificate.number))) == [issued.number]


def test_the_data_say_in_the_pages_language_that_they_are_a_demonstration(shop: Shop) -> None:
    issued = a_certificate(shop)

    for language, statement in {
        "en": "This is a demonstration: no payment is real and no unit was cancelled",
        "fr": "Ceci est une démonstration\u00a0: aucun paiement n’est réel",
        "es": "Esto es una demostración",
    }.items():
        answer = shop.app.test_client().get(f"/{language}/verify/{issued.slug}.json?code={issued.code}")
        data = json.loads(answer.data)
        assert data["demonstration"].startswith(statement)
        assert data["certificate"]["is_demonstration"] is True
        assert (answer.status_code, answer.mimetype) == (200, "application/json")
        assert answer.headers["Content-Disposition"] == f'attachment; filename="{issued.slug}.json"'


def test_the_data_are_complete_with_the_code_and_public_without(shop: Shop) -> None:
    issued = a_certificate(shop, units=3)
    client = shop.app.test_client()

    opened = json.loads(client.get(f"/en/verify/{issued.slug}.json?code={issued.code}").data)
    public = json.loads(client.get(f"/en/verify/{issued.slug}.json").data)

    assert (opened["complete"], public["complete"]) == (True, False)
    assert opened["state"] == public["state"] == "issued"
    with shop.inside():
        stored = db.session.scalars(select(Certificate.facts)).one()
    assert opened["certificate"] == json.loads(stored)
    hidden = {"beneficiary_name", "purpose", "country", "verification_code", "order_reference"}
    assert public["certificate"] == {
        name: value for name, value in opened["certificate"].items() if name not in hidden
    }, "what is withheld is absent"


def test_a_certificate_that_is_no_demonstration_does_not_claim_to_be_one(shop: Shop) -> None:
    issued = a_certificate(shop)
    with shop.inside(), transaction() as session:
        certificate = session.scalars(select(Certificate)).one()
        certificate.facts = certificate.facts.replace('"is_demonstration":true', '"is_demonstration":false')

    data = json.loads(shop.app.test_client().get(f"/en/verify/{issued.slug}.json").data)

    assert data["demonstration"] is None


def test_there_are_no_data_of_a_number_that_was_never_given_out(shop: Shop) -> None:
    assert shop.app.test_client().get("/en/verify/TN7-2026.json").status_code == 404


def test_the_data_have_the_name_without_the_code_only_if_the_buyer_chose_so(shop: Shop) -> None:
    issued = a_certificate(shop, publish_name=True)

    public = json.loads(shop.app.test_client().get(f"/en/verify/{issued.slug}.json").data)["certificate"]

    assert (public["beneficiary_name"], public["purpose"]) == ("Amélie Nguyễn", "Our office heating of 2025")
    assert not {"country", "verification_code", "order_reference"} & set(public)
