"""What a certificate says, read back from the PDF."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from flask_babel import force_locale, gettext

from app.certificates.adapters.weasyprint import WeasyPrintRenderer
from app.certificates.ports import SummaryFacts
from app.kernel.languages import CODES as LANGUAGES
from app.web.demonstration import statement
from tests.unit.certificates.conftest import Draw
from tests.unit.certificates.samples import PREVIEW, REAL, SPECIMEN, TRANSACTION, at, serials

pytestmark = pytest.mark.xdist_group("certificates")  # fonts are loaded, and the same facts drawn, once

# poppler drops the narrow space of French numbers.
WORDS_OF_THE_LANGUAGE = {
    "en": ("1,514", "India and Ghana", "22 November 2026, 10:36:31 UTC", "2 June 2012", "31 December 2012"),
    "fr": ("1514", "Inde et Ghana", "22 novembre 2026 à 10:36:31 UTC", "2 juin 2012", "31 décembre 2012"),
    "es": ("1.514", "India y Ghana", "22 de noviembre de 2026, 10:36:31 UTC", "2 de junio de 2012"),
}


@pytest.mark.parametrize("locale", LANGUAGES)
def test_the_certificate_names_everything_that_proves_the_cancellation_in_each_language(
    draw: Draw, locale: str
) -> None:
    text = draw(REAL, locale).text
    for fact in (
        "TN12/2026",
        "Zoë Müller-Łukasiewicz",
        "For our wedding on 12 December 2026",
        "Bundled Wind Power Project in Tamil Nadu",
        "ACM0002; AMS-I.D.",
        "TL-2026-000123",
        "IN-5-197032979-1-1-0-1514",
        "IN-5-197034492-1-1-0-1514",
        "Andhra Wind Demonstration Seller",
        "https://tonne.example.org/verify/TN12-2026",
        "7KMQ-2XHD-9PRT-VWXY-3456-BCDF",
        "Cancellation Services Ltd",
        "Example Registry Foundation",
        *WORDS_OF_THE_LANGUAGE[locale],
    ):
        assert fact in text, fact


def test_the_english_certificate_explains_each_of_its_facts(draw: Draw) -> None:
    text = draw(REAL).text
    for sentence in (
        "Certificate of voluntary cancellation",
        "Presented to Zoë Müller-Łukasiewicz",
        "certified emission reductions (CERs)",
        "1,514 tonnes of CO₂e reduced or removed",
        "Cancellation Services Ltd certifies that these units were voluntarily cancelled in Example Registry "
        "Foundation. They cannot be sold, transferred or used again.",
        "This is the buyer’s own statement. Cancellation Services Ltd does not vouch for it.",
        "Reference in the CDM 1514",
        "Host Parties India and Ghana",
        "Type Wind power",
        "first commitment period (2008–2012)",
        "Monitoring period 2 June 2012 to 31 December 2012",
        "Completed 22 November 2026, 10:36:31 UTC",
        "Instructed by Andhra Wind Demonstration Seller",
        "Registry of record: Example Registry Foundation",
        "Issued by Cancellation Services Ltd 22 November 2026, 10:36:33 UTC",
    ):
        assert sentence in text, sentence


def test_the_line_of_proof_shows_all_four_times_to_the_second(draw: Draw) -> None:
    text = draw(REAL).text
    proof = text[text.index("Line of proof") :]
    for step, second in (("Paid", 14), ("Sent to registry", 20), ("Cancelled", 31), ("Certified", 33)):
        assert step in proof
        assert f"10:36:{second} UTC" in proof


def test_a_certificate_does_not_say_that_what_is_cancelled_was_not_sent_yet(draw: Draw) -> None:
    text = draw(replace(REAL, sent_at=None)).text
    assert "Sent to registry Not on record" in text
    assert "Not yet" not in text


def test_one_unit_is_one_tonne(draw: Draw) -> None:
    one = replace(REAL, units=1, transactions=(replace(TRANSACTION, units=1, ranges=(serials(7, 1),)),))
    text = draw(one).text
    assert "1 certified emission reduction (CER) 1 tonne of CO₂e reduced or removed" in text
    assert "this unit was voluntarily cancelled" in text


def test_a_large_cancellation_lists_every_serial_range_unbroken_over_several_pages(draw: Draw) -> None:
    ranges = tuple(serials(88_330_177 + 30_000 * n, 22_500) for n in range(40))
    halves = (
        replace(TRANSACTION, units=450_000, ranges=ranges[:20]),
        replace(TRANSACTION, units=450_000, ranges=ranges[20:], identifier="TL-2026-000124", commitment_period=2),
    )
    drawn = draw(replace(SPECIMEN, units=900_000, transactions=halves))
    assert len(drawn.page_texts) > 1
    text = drawn.text
    assert "900,000" in text
    assert "TL-2026-000123" in text
    assert "TL-2026-000124" in text
    assert "second commitment period (2013–2020)" in text
    for serial_range in ranges:
        assert f"{serial_range.first} {serial_range.last} 22,500" in text
    for number, page in enumerate(drawn.page_texts, start=1):
        assert f"TN12/2026 · {number} / {len(drawn.page_texts)}" in page
        if "IN-5-" in page:
            assert "First serial number" in page


def test_twenty_serial_ranges_and_a_name_of_126_characters_are_all_there(draw: Draw) -> None:
    name = "Compagnie internationale pour le développement des infrastructures énergétiques durables de l’Afrique " * 2
    name = name[:126].strip()
    ranges = tuple(serials(88_330_177 + 30_000 * n, 22_500) for n in range(20))
    facts = replace(
        SPECIMEN,
        beneficiary_name=name,
        units=450_000,
        transactions=(replace(TRANSACTION, units=450_000, ranges=ranges),),
    )
    text = draw(facts).text
    assert name in text
    assert all(f"{r.first} {r.last}" in text for r in ranges)


def test_a_long_name_without_a_space_stays_inside_the_frame(draw: Draw) -> None:
    drawn = draw(replace(REAL, beneficiary_name="Ü" * 160))
    assert len(drawn.page_texts) == 1
    words = drawn.tool("pdftotext", "-bbox", "FILE", "-")
    edges = [float(line.split('xMax="')[1].split('"')[0]) for line in words.splitlines() if "ÜÜÜ" in line]
    assert edges
    assert max(edges) < (210 - 17) / 25.4 * 72


def test_an_ordinary_certificate_fits_one_page_in_each_language(draw: Draw) -> None:
    for locale in LANGUAGES:
        assert len(draw(SPECIMEN, locale).page_texts) == 1


def test_an_ordinary_certificate_reaches_down_to_the_foot_of_its_page(draw: Draw) -> None:
    bottom = (297 - 22) / 25.4 * 72
    for facts in (SPECIMEN, replace(SPECIMEN, purpose="")):
        words = draw(facts).tool("pdftotext", "-bbox", "FILE", "-")
        edges = [float(line.split('yMax="')[1].split('"')[0]) for line in words.splitlines() if "yMax=" in line]
        assert bottom - 18 < max(edge for edge in edges if edge < bottom)


def test_a_certificate_with_much_to_say_is_set_tighter_rather_than_spilt(draw: Draw) -> None:
    wordy = replace(
        SPECIMEN,
        beneficiary_name="Compagnie internationale pour le développement des infrastructures énergétiques S.A.",
        purpose="All flights, trains and hotel nights of the annual meeting of our members in Nairobi. " * 2,
        project_title="Bundled Wind Power Project in Tamil Nadu, co-ordinated by the Spinning Mills Association",
        transactions=(TRANSACTION, replace(TRANSACTION, identifier="TL-2026-000124", commitment_period=2)),
    )
    assert len(draw(wordy).page_texts) == 1
    assert len(draw(replace(wordy, purpose=wordy.purpose * 8)).page_texts) == 2


def test_without_beneficiary_and_purpose_the_units_are_cancelled_for_the_originating_activity(draw: Draw) -> None:
    text = draw(replace(REAL, beneficiary_name="", purpose="")).text
    assert "The units are cancelled for the originating project activity named below." in text
    assert "Presented to" not in text
    assert "own words" not in text


def test_a_beneficiary_alone_or_a_purpose_alone_is_enough_to_be_named(draw: Draw) -> None:
    named = draw(replace(REAL, purpose="")).text
    assert "Presented to Zoë" in named
    assert "own words" not in named
    assert "originating" not in named
    reasoned = draw(replace(REAL, beneficiary_name="")).text
    assert "The buyer named no beneficiary." in reasoned
    assert "For our wedding" in reasoned
    assert "originating" not in reasoned


def test_contribution_and_compensation_are_told_apart_without_a_claim(draw: Draw) -> None:
    contribution = draw(REAL).text
    assert "Contribution to climate action" in contribution
    assert "does not set this cancellation against any emissions" in contribution
    compensation = draw(replace(REAL, intent="compensation")).text
    assert "Compensation of own emissions" in compensation
    assert "has not verified them" in compensation


@pytest.mark.parametrize("locale", LANGUAGES)
def test_no_certificate_claims_neutrality_states_a_price_or_borrows_the_name_of_the_united_nations(
    draw: Draw, locale: str
) -> None:
    text = draw(REAL, locale).text.casefold()
    for word in ("neutral", "neutre", "usd", "$", "united nations", "nations unies", "naciones unidas", "unfccc"):
        assert word not in text, word


@pytest.mark.parametrize("locale", LANGUAGES)
def test_a_demonstration_says_so_on_every_page_in_its_language(
    draw: Draw, renderer: WeasyPrintRenderer, locale: str
) -> None:
    ranges = tuple(serials(88_330_177 + 30_000 * n, 100) for n in range(60))
    drawn = draw(replace(SPECIMEN, transactions=(replace(TRANSACTION, ranges=ranges),)), locale)
    with force_locale(locale):
        said, mark = " ".join(statement().split()), gettext("SPECIMEN")
    assert len(drawn.page_texts) > 1
    for page in drawn.page_texts:
        assert said in page
        assert page.replace(" ", "").count(mark) == 2  # beside the statement, and across the sheet
    with drawn.open() as pdf:
        assert said == " ".join(str(pdf.docinfo["/Subject"]).split())


def test_a_real_certificate_has_no_trace_of_the_demonstration(draw: Draw) -> None:
    text = draw(REAL).text
    assert "demonstration:" not in text
    assert "SPECIMEN" not in text
    assert "PREVIEW" not in text


def test_a_preview_cannot_be_taken_for_a_certificate(draw: Draw) -> None:
    drawn = draw(PREVIEW)
    text = drawn.text
    assert "Preview – not a certificate. Nothing has been cancelled yet." in text
    assert text.replace(" ", "").count("PREVIEW") == 2  # across the sheet, and where the number would stand
    assert "Number: given when the registry has confirmed" in text
    assert "Serial numbers: given when the registry has confirmed" in text
    assert "TN12" not in text
    assert text.count("Not yet") == 4
    assert "verification code" not in text.casefold()


def test_names_full_of_markup_are_printed_as_they_were_typed(draw: Draw) -> None:
    name = '<b>Evil</b> & "Co" {{ 7*7 }} {% raw %}'
    text = draw(replace(REAL, beneficiary_name=name, purpose="<style>*{display:none}</style>")).text
    assert name in text
    assert "<style>*{display:none}</style>" in text
    assert "Presented to 49" not in text


def test_a_unit_type_without_words_of_its_own_is_printed_by_its_code(draw: Draw) -> None:
    assert "2 temporary certified emission reductions (tCERs)" in draw(replace(REAL, units=2, unit_type="tCER")).text


# --- the summary of an order ----------------------------------------------------------------------


def summary(refunded: int = 0) -> SummaryFacts:
    second = replace(
        SPECIMEN,
        number="TN13/2026",
        verify_url="https://tonne.example.org/verify/TN13-2026",
        verification_code="2222-3333-4444-5555-6666-7777",
        units=3,
        project_title="Clean Cook Stoves in Sub-Saharan Africa",
        project_reference="8438",
    )
    return SummaryFacts("T-7KMQ-2XHD", (SPECIMEN, second), refunded, "Tonne Demo", True, at(40))


@pytest.mark.parametrize("locale", LANGUAGES)
def test_the_summary_lists_each_certificate_with_the_total(
    draw: Draw, renderer: WeasyPrintRenderer, locale: str
) -> None:
    drawn = draw(summary(), locale)
    text = drawn.text
    for fact in (
        "T-7KMQ-2XHD",
        "TN12/2026",
        "TN13/2026",
        "Clean Cook Stoves in Sub-Saharan Africa",
        "8438",
        "https://tonne.example.org/verify/TN13-2026",
        "2222-3333-4444-5555-6666-7777",
        "10:36:31 UTC",
        {"en": "1,517", "fr": "1517", "es": "1.517"}[locale],
    ):
        assert fact in text, fact
    with force_locale(locale):
        assert " ".join(statement().split()) in text


def test_the_summary_says_how_many_units_were_not_cancelled_and_only_then(draw: Draw) -> None:
    assert "4 further units of this order were not cancelled." in draw(summary(4)).text
    assert "not cancelled" not in draw(summary()).text


def test_the_summary_of_several_beneficiaries_presents_itself_to_nobody(draw: Draw) -> None:
    first, second = summary().certificates
    several = replace(summary(), certificates=(first, replace(second, beneficiary_name="Ada")))
    assert "Presented to" not in draw(several).text
    assert "Presented to" in draw(summary()).text


@pytest.mark.parametrize(("locale", "words"), [("en", "1,517 units"), ("fr", "1517 unités"), ("es", "1.517 unidades")])
def test_units_of_two_kinds_are_added_up_under_the_name_of_neither(draw: Draw, locale: str, words: str) -> None:
    first, second = summary().certificates
    mixed = draw(replace(summary(), certificates=(first, replace(second, unit_type="tCER"))), locale).text

    assert words in mixed
    assert not re.search(r"1[.,]?517 (CER|URCE|RCE)", mixed)


def test_the_total_stands_once_at_the_end_of_a_long_summary(draw: Draw) -> None:
    many = tuple(replace(SPECIMEN, number=f"TN{n}/2026") for n in range(1, 16))
    drawn = draw(replace(summary(), certificates=many))
    assert len(drawn.page_texts) > 1
    assert drawn.text.count("Total of units cancelled 22,710") == 1
    assert "Total of units cancelled" in drawn.page_texts[-1]
