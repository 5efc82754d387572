"""The certificate inside a web page: the same facts, in the reader's hands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import segno
from flask import Flask, render_template
from lxml import html

from app.certificates import presentation
from app.certificates.ports import CertificateFacts
from tests.unit.certificates.samples import PREVIEW, REAL, SPECIMEN


@pytest.fixture(autouse=True)
def _in_the_application(certificates_app: Flask) -> Iterator[None]:
    with certificates_app.test_request_context("/en/"):
        yield


def page(facts: CertificateFacts, **context: object) -> html.HtmlElement:
    return html.fromstring(render_template("certificates/_certificate.html", facts=facts, **context))


def words(element: html.HtmlElement) -> str:
    return " ".join(element.text_content().split())


def test_the_page_may_choose_the_level_of_the_headings() -> None:
    assert page(SPECIMEN).xpath("//h2")[0].text == "Certificate of voluntary cancellation"
    assert len(page(SPECIMEN).xpath("//h3")) == 3
    assert page(SPECIMEN, heading_level=3).xpath("//h3")[0].text == "Certificate of voluntary cancellation"
    assert page(SPECIMEN, heading_level=3).xpath("//h4")


def test_the_article_is_named_by_its_title_and_no_name_is_used_twice_on_a_page_of_several() -> None:
    several = [page(SPECIMEN), page(PREVIEW), page(replace(PREVIEW, project_reference="8438"))]
    names = [name for one in several for name in one.xpath("//@id")]
    assert len(names) == len(set(names))
    for one in several:
        assert one.xpath("//article")[0].get("aria-labelledby") in one.xpath("//h2/@id")


def test_the_table_has_a_caption_and_every_cell_a_header() -> None:
    (table,) = page(SPECIMEN).xpath("//table")
    assert words(table.xpath("./caption")[0]) == "Registry transaction"
    assert [words(th) for th in table.xpath("./thead//th[@scope='col']")] == [
        "First serial number",
        "Last serial number",
        "Units",
    ]
    (group,) = table.xpath("./tbody//th")
    assert group.get("scope") == "rowgroup"
    assert "TL-2026-000123" in words(group)


def test_a_strict_content_policy_finds_nothing_to_forbid() -> None:
    for facts in (SPECIMEN, PREVIEW):
        one = page(facts)
        assert not one.xpath("//@style | //style | //script | //@onclick | //@src | //@href[not(starts-with(., '#'))]")


def test_project_titles_are_marked_as_english_and_names_by_their_direction() -> None:
    one = page(replace(SPECIMEN, beneficiary_name="مؤسسة الإمارات", purpose="نص"))
    assert one.xpath("//*[@lang='en']")[0].text == "Bundled Wind Power Project in Tamil Nadu"
    assert [words(element) for element in one.xpath("//*[@dir='rtl']")] == ["مؤسسة الإمارات", "نص"]


def test_names_full_of_markup_stay_text() -> None:
    name = "<script>alert(1)</script>"
    one = page(replace(SPECIMEN, beneficiary_name=name, purpose=name))
    assert not one.xpath("//script")
    assert words(one).count(name) == 2


def test_without_the_code_a_reader_sees_what_is_public_and_is_told_what_is_missing() -> None:
    public = replace(SPECIMEN, verification_code="", beneficiary_name="", purpose="")
    text = words(page(public, is_full=False))
    assert "Beneficiary: shown only with the verification code." in text
    assert "Shown only with the verification code." in text
    assert "originating" not in text
    assert "TN12/2026" in text
    assert "TL-2026-000123" in text
    assert not page(public, is_full=False).xpath("//*[contains(@class, 'certificate__qr')]")


def test_a_page_that_is_not_full_never_shows_the_code_even_if_the_facts_hold_it() -> None:
    one = page(SPECIMEN, is_full=False)
    assert SPECIMEN.verification_code not in words(one)
    assert not one.xpath("//*[contains(@class, 'certificate__qr')]")


def test_a_published_name_is_shown_without_the_code() -> None:
    text = words(page(replace(SPECIMEN, verification_code=""), is_full=False))
    assert "Presented to Zoë Müller-Łukasiewicz" in text


def test_a_preview_shows_every_place_that_the_registry_will_fill() -> None:
    text = words(page(PREVIEW))
    assert "Preview – not a certificate" in text
    assert text.count("given when the registry has confirmed") == 5
    assert "Completed" not in text
    real = words(page(REAL))
    assert "Preview" not in real
    assert "given when" not in real


def test_the_demonstration_statement_and_its_mark_are_on_the_page() -> None:
    text = words(page(SPECIMEN))
    assert "This is a demonstration: no payment is real and no unit was cancelled" in text
    assert page(SPECIMEN).xpath("//*[@aria-hidden='true'][text()='SPECIMEN']")
    assert "SPECIMEN" not in words(page(REAL))


def test_the_code_opens_the_whole_certificate() -> None:
    address = "https://tonne.example.org/verify/TN12-2026?code=7KMQ-2XHD-9PRT-VWXY-3456-BCDF"
    svg = presentation.certificate_qr(SPECIMEN, "Open")
    matrix = segno.make(address, error="m", micro=False, boost_error=False)
    assert "<title>Open</title>" in svg
    size = matrix.symbol_size(border=4)[0]
    assert f'viewBox="0 0 {size} {size}"' in svg
    assert matrix.svg_inline(border=4, omitsize=True).split(' d="')[1].split('"')[0] in svg


def test_an_address_with_a_query_is_printed_without_it() -> None:
    facts = replace(SPECIMEN, verify_url="https://tonne.example.org/verify/TN12-2026?code=X")
    assert presentation.verify_address(facts) == "https://tonne.example.org/verify/TN12-2026"
