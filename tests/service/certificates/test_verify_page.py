"""What anybody sees of a certificate by its number, and what its code opens."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from app.kernel.clock import FixedClock
from tests.conftest import AppMaker
from tests.pages import Page, Visitor
from tests.service.certificates.issued import Issued, a_certificate
from tests.service.conftest import Shop

NAME, PURPOSE = "Amélie Nguyễn", "Our office heating of 2025"


def assert_specimen(page: Page) -> None:
    """A demonstration's certificate is shown, and never called genuine."""
    assert "SPECIMEN" in page.words
    assert "Genuine" not in page.words


def test_by_number_alone_everybody_sees_the_units_and_nothing_of_the_person(shop: Shop) -> None:
    issued = a_certificate(shop, units=3)

    page = shop.visitor().get(f"/en/verify/{issued.slug}")

    assert_specimen(page)
    assert issued.number in page.words
    assert "Wind power project number 1" in page.words
    assert "IN-5-1002000-2-2-0-1" in page.html
    for secret in (NAME, PURPOSE, issued.code, issued.order_reference):
        assert secret not in page.html
    assert "Shown only with the verification code." in page.words
    assert not [link for link in page.links if ".pdf" in link]


def test_a_real_certificate_is_genuine_names_the_registry_of_record_and_nothing_calls_it_a_specimen(
    real_shop: Shop,
) -> None:
    issued = a_certificate(real_shop)

    page = real_shop.visitor().get(f"/en/verify/{issued.slug}?code={issued.code}")

    assert "Genuine and valid" in page.words
    assert "Tonne Registry Cooperative" in page.words
    assert "SPECIMEN" not in page.words
    assert "This is a demonstration" not in page.words


def test_a_name_that_the_buyer_chose_to_publish_is_there_for_everybody_and_the_code_is_not(shop: Shop) -> None:
    issued = a_certificate(shop, publish_name=True)

    page = shop.visitor().get(f"/en/verify/{issued.slug}")

    assert NAME in page.words
    assert PURPOSE in page.words
    for secret in (issued.code, issued.order_reference):
        assert secret not in page.html


def test_with_the_code_the_reader_sees_all_of_it_and_can_take_it_home(shop: Shop) -> None:
    issued = a_certificate(shop)

    page = shop.visitor().get(f"/en/verify/{issued.slug}?code={issued.code}")

    assert_specimen(page)
    for known in (NAME, PURPOSE, issued.number):
        assert known in page.words
    for language in ("en", "fr", "es"):
        assert f"/{language}/verify/{issued.slug}.pdf?code={issued.code}" in page.links


def test_the_code_may_be_typed_as_people_type(shop: Shop) -> None:
    issued = a_certificate(shop)

    for code in (issued.code.lower(), issued.code.replace("-", " "), issued.code.replace("-", ""), f" {issued.code} "):
        page = opened_with(shop, issued, code)
        assert NAME in page.words, code
        assert "does not belong" not in page.words, code


def opened_with(shop: Shop, issued: Issued, code: str) -> Page:
    """The page of a certificate for a reader who gives a code."""
    answer = shop.app.test_client().get(f"/en/verify/{issued.slug}", query_string={"code": code})
    return shop.visitor().read(answer)


def test_a_wrong_code_opens_nothing_and_the_page_says_so(shop: Shop) -> None:
    issued = a_certificate(shop)

    for code in ("2222-2222-2222-2222-2222-2222", "!", "2222", "Ω" * 500, issued.code[:-1]):
        page = opened_with(shop, issued, code)
        assert f"This code does not belong to certificate {issued.number}." in page.words
        assert "Genuine and valid" not in page.words
        for secret in (NAME, PURPOSE, issued.code, issued.order_reference):
            assert secret not in page.html


def test_the_code_of_one_certificate_does_not_open_another_one(shop: Shop) -> None:
    one, other = a_certificate(shop, number=1), a_certificate(shop, number=2)

    page = shop.visitor().get(f"/en/verify/{one.slug}?code={other.code}")

    assert "does not belong" in page.words
    assert NAME not in page.html


def test_an_unknown_number_is_said_to_be_unknown_and_stays_in_the_field(shop: Shop) -> None:
    a_certificate(shop)

    for slug, typed in {
        "TN9-2026": "TN9/2026",
        "TN1-2025": "TN1/2025",
        "TN01-2026": "TN01/2026",
        "nonsense": "NONSENSE",
        "%F0%9F%98%80": "😀",
        "T" * 3_000: "T" * 3_000,
    }.items():
        page = shop.visitor().get(f"/en/verify/{slug}", status=404)
        assert page.form("/en/verify").fields["number"] == typed
        assert "There is no certificate with this number." in page.words
        assert "Genuine" not in page.words


@pytest.mark.parametrize("ending", ["", ".pdf", ".json"])
def test_a_number_that_no_database_can_hold_is_not_there(shop: Shop, ending: str) -> None:
    assert shop.app.test_client().get(f"/en/verify/TN1-2026%00{ending}?code=ABCD").status_code == 404


def test_the_number_may_be_typed_as_people_type(shop: Shop) -> None:
    issued = a_certificate(shop)
    visitor = shop.visitor()

    for typed in ("TN1/2026", "tn1-2026", " TN 1 / 2026 ", "Tn1 -2026", "tn\u00a01/2026"):
        answer = visitor.send(visitor.get("/en/verify"), "/verify", number=typed)
        assert answer.headers["Location"] == f"/en/verify/{issued.slug}", typed
    assert_specimen(visitor.get(f"/en/verify/{issued.slug}"))


def test_a_code_typed_into_the_form_opens_the_certificate(shop: Shop) -> None:
    issued = a_certificate(shop)
    visitor = shop.visitor()

    answer = visitor.send(
        visitor.get("/es/verify"), "/verify", number=issued.number, code=issued.code.lower().replace("-", " ")
    )

    assert answer.headers["Location"] == f"/es/verify/{issued.slug}?code={issued.code}"
    assert NAME in visitor.get(answer.headers["Location"]).words


def test_wide_letters_of_an_east_asian_keyboard_are_the_same_number_and_the_same_code(shop: Shop) -> None:
    issued = a_certificate(shop)
    visitor = shop.visitor()
    wide = {ord(letter): ord(letter) + 0xFEE0 for letter in map(chr, range(0x21, 0x7F))}

    answer = visitor.send(
        visitor.get("/en/verify"), "/verify", number=issued.number.translate(wide), code=issued.code.translate(wide)
    )

    assert answer.headers["Location"] == f"/en/verify/{issued.slug}?code={issued.code}"


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ({"number": ""}, "Enter the number of the certificate."),
        ({"number": "12"}, "Enter a number in the form TN12/2026."),
        ({"number": "TN1/26"}, "Enter a number in the form TN12/2026."),
        ({"number": "<b>TN1/2026</b>"}, "Enter a number in the form TN12/2026."),
    ],
)
def test_what_cannot_be_a_number_is_refused_beside_the_field_and_kept(
    shop: Shop, typed: dict[str, str], problem: str
) -> None:
    visitor = shop.visitor()

    page = visitor.read(visitor.send(visitor.get("/en/verify"), "/verify", status=422, code="ABCD", **typed), 422)

    assert page.error_at("number") == problem
    assert page.form("/en/verify").fields["number"] == typed["number"]
    assert page.form("/en/verify").fields["code"] == "ABCD"


def test_a_code_that_is_far_too_long_is_refused_beside_the_field(shop: Shop) -> None:
    visitor = shop.visitor()

    page = visitor.read(
        visitor.send(visitor.get("/en/verify"), "/verify", status=422, number="TN1/2026", code="A" * 61), 422
    )

    assert page.error_at("code") == "This code is too long."
    assert page.error_at("number") == ""


@pytest.mark.parametrize(
    ("wanted", "language"), [("fr-CA,fr;q=0.9,en;q=0.1", "fr"), ("es", "es"), ("de", "en"), ("", "en")]
)
def test_the_printed_address_leads_to_the_page_in_the_readers_language_and_keeps_the_code(
    client: FlaskClient, wanted: str, language: str
) -> None:
    headers = {"Accept-Language": wanted}

    plain = client.get("/verify/TN1-2026", headers=headers)
    opened = client.get("/verify/TN1-2026?code=ABCD-EFGH&other=1", headers=headers)

    assert (plain.status_code, plain.headers["Location"]) == (302, f"/{language}/verify/TN1-2026")
    assert opened.headers["Location"] == f"/{language}/verify/TN1-2026?code=ABCD-EFGH"
    assert "Accept-Language" in plain.headers["Vary"]
    assert "Cookie" in plain.headers["Vary"]


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "Nothing was sent yet: this page belongs to an earlier visit."),
        ("fr", "Rien n’a encore été envoyé"),
        ("es", "Todavía no se ha enviado nada"),
    ],
)
def test_a_form_of_an_earlier_visit_is_shown_again_with_what_was_typed_and_plain_words(
    shop: Shop, language: str, words: str
) -> None:
    for token in ({}, {"csrf_token": "of an earlier visit"}):
        answer = shop.visitor().client.post(f"/{language}/verify", data={"number": "TN1-2026", **token})

        assert answer.status_code == 422
        assert words in answer.text
        assert "CSRF token" not in answer.text
        assert 'value="TN1-2026"' in answer.text


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "What you typed is still here. Try again in 1 minute."),
        ("fr", "Réessayez dans 1 minute."),
        ("es", "Vuelva a intentarlo dentro de 1 minuto."),
    ],
)
def test_over_the_limit_the_form_says_when_to_try_again_and_keeps_what_was_typed(
    make_app: AppMaker, clock: FixedClock, language: str, words: str
) -> None:
    client = make_app(LIMIT_VERIFY="1/minute").test_client()
    visitor = Visitor(client)
    form = visitor.get(f"/{language}/verify")
    visitor.send(form, "/verify", number="TN1-2026")

    sent = visitor.send(form, "/verify", 429, number="TN7/2026", code="ABCD")
    followed = client.get(f"/{language}/verify/TN7-2026?code=ABCD")

    for answer in (sent, followed):
        page = visitor.read(answer, 429)
        assert words in page.words
        assert page.form("/verify").fields | {"number": "TN7/2026", "code": "ABCD"} == page.form("/verify").fields
        assert 1 <= int(answer.headers["Retry-After"]) <= 60


@pytest.mark.parametrize(
    "body",
    ['{"number": "TN1-2026-00000001"}', '{"a":' * 10_000, "[" * 10_000, "17", "null"],
    ids=["fields", "deep", "deep list", "number", "nothing"],
)
def test_a_form_is_not_filled_from_json_however_deep_it_goes(shop: Shop, body: str) -> None:
    answer = shop.visitor().client.post("/en/verify", data=body, content_type="application/json")

    assert answer.status_code == 422
    assert "TN1-2026-00000001" not in answer.text
