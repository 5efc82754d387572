"""What a mail says to its reader: every kind, in every language, with the worst that people type."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import fields, replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from flask import Flask
from flask_babel import gettext

from app.kernel.languages import CODES as LANGUAGES
from app.kernel.text import clean_line
from app.notifications.messages.complaints import ComplaintAnswered, ComplaintOutcome, ComplaintReceived
from app.notifications.messages.facts import Facts
from app.notifications.messages.orders import OrderFacts, RefundCause
from app.notifications.ports import OutgoingMail
from app.notifications.rendering import isolated, render
from app.web import i18n
from tests.conftest import application, environment
from tests.mail_samples import (
    CONSENT,
    ORDER_URL,
    TERMS_URL,
    all_facts,
    certificates_ready,
    complaint_answered,
    complaint_received,
    mail_of,
    order_late,
    order_paid,
    order_refused,
    payment_processing,
    refund_made,
    sample_name,
)

# What has a number of its own names it in the subject; mails about accounts and participants say what happened.
NUMBERED = (OrderFacts, ComplaintReceived, ComplaintAnswered)
MONEY_AT_BANK = (
    "Your bank was asked to give you the money of this order back. While it has the money, or has not decided, we send "
    "none back ourselves, so that nothing goes back twice. If the bank does not give it to you, we see to it that you "
    "get what you are owed."
)
GOES_BACK = (
    "The money goes back the way you paid. A bank may take up to ten working days to show it. You do not need to do "
    "anything."
)
IF_IT_REFUSES = (
    "We keep asking the registry and write to you as soon as it answers. If it refuses, your money goes back to you. "
    "You do not need to do anything."
)
each_language = pytest.mark.parametrize("locale", LANGUAGES)
each_mail = pytest.mark.parametrize("facts", all_facts(), ids=sample_name)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """The application; no mail asks its database for anything."""
    directory = tmp_path_factory.mktemp("shop")
    return application(environment(directory, f"sqlite:///{directory}/never-made.sqlite"))


@pytest.fixture(autouse=True)
def _inside_the_worker(shop: Flask) -> Iterator[None]:
    with shop.app_context():
        yield


@pytest.fixture
def _real_shop(shop: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    real = replace(
        shop.extensions["tonne.settings"],
        payment_gateway="stripe",
        stripe_secret_key="rk_live_x",
        registry_of_record_name="Registry Ltd",
    )
    monkeypatch.setitem(shop.extensions, "tonne.settings", real)


INLINE = {"a", "bdi", "span"}


class Page(HTMLParser):
    """The words, links and elements of an HTML mail."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.elements: set[str] = set()
        self.attributes: dict[str, dict[str, str | None]] = {}
        self.words = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes.setdefault(tag, dict(attrs))
        assert "style" not in dict(attrs)
        self.links.update(value or "" for name, value in attrs if name in {"href", "src"})

    def handle_endtag(self, tag: str) -> None:
        if tag not in INLINE:
            self.words += " "

    def handle_data(self, data: str) -> None:
        if self.lasttag != "style":
            self.words += data


def words(html: str) -> str:
    return clean_line(Page(html).words)


def links(text: str) -> set[str]:
    return set(re.findall(r"https?://\S+", text))


@each_language
@each_mail
def test_every_mail_begins_by_saying_that_it_is_a_demonstration(facts: Facts, locale: str) -> None:
    mail = render(mail_of(facts, locale))
    statement = mail.text.splitlines()[0]
    if locale == "en":
        assert statement == (
            "This is a demonstration: no payment is real and no unit was cancelled in any United Nations registry."
        )
    assert statement.endswith(".")
    assert words(mail.html).startswith(f"{mail.subject} {clean_line(statement)} Tonne")


@each_language
@each_mail
def test_every_mail_says_how_to_reach_a_person_as_nobody_reads_replies(facts: Facts, locale: str) -> None:
    assert any(link.endswith(f"/{locale}/contact") for link in links(render(mail_of(facts, locale)).text))


@pytest.mark.usefixtures("_real_shop")
@each_mail
def test_a_mail_of_a_real_order_in_a_real_shop_does_not_say_demonstration(facts: Facts) -> None:
    mail = render(mail_of(replace(facts, is_demonstration=False)))
    assert "demonstration:" not in mail.text + words(mail.html)


@pytest.mark.usefixtures("_real_shop")
@each_mail
def test_the_order_of_a_demonstration_stays_one_when_the_shop_becomes_real(facts: Facts) -> None:
    mail = render(mail_of(facts))
    assert "no unit was cancelled in any United Nations registry" in mail.text
    assert "no unit was cancelled in any United Nations registry" in words(mail.html)


@each_language
@each_mail
def test_every_mail_is_one_subject_line_and_two_parts_that_lead_to_the_same_page(facts: Facts, locale: str) -> None:
    mail = render(mail_of(facts, locale))
    assert mail.subject == clean_line(mail.subject)
    assert len(mail.subject) <= 120
    if isinstance(facts, NUMBERED):
        assert facts.reference in mail.subject
    pages = {getattr(facts, part.name) for part in fields(facts) if part.name.endswith("_url")}
    if isinstance(facts, OrderFacts):
        pages = {facts.order_url}
    assert pages & links(mail.text)
    assert Page(mail.html).links == links(mail.text)


@each_language
@each_mail
def test_every_mail_names_its_language_and_loads_nothing_from_anywhere(facts: Facts, locale: str) -> None:
    mail = render(mail_of(facts, locale))
    page = Page(mail.html)
    assert mail.locale == locale
    assert page.attributes["html"] == {"lang": locale, "dir": "ltr"}
    assert mail.html.startswith("<!doctype html>")
    assert not page.elements & {"img", "script", "link", "iframe", "form", "object", "video"}
    assert "url(" not in mail.html
    assert "@import" not in mail.html


@each_mail
def test_no_mail_leaves_a_gap_or_a_placeholder(facts: Facts) -> None:
    mail = render(mail_of(facts))
    for part in (mail.subject, mail.text, words(mail.html)):
        assert not re.search(r"%\(|\{\{|\{%|\bNone\b(?! of )|Undefined|\(\)", part)
        assert not re.search(r"[.,;:] *[.,;:]", part.replace("https:", ""))


@pytest.mark.parametrize(
    ("locale", "amount", "time_of_payment"),
    [
        ("en", "USD\u00a010.40", "22 November 2026, 10:37:01\u00a0UTC"),
        ("fr", "10,40\u00a0USD", "22 novembre 2026 à 10:37:01\u00a0UTC"),
        ("es", "10,40\u00a0USD", "22 de noviembre de 2026, 10:37:01\u00a0UTC"),
    ],
)
def test_money_and_times_are_written_as_the_reader_writes_them(locale: str, amount: str, time_of_payment: str) -> None:
    mail = render(mail_of(order_paid(), locale))
    assert clean_line(amount) in mail.subject
    for part in (mail.text, Page(mail.html).words):
        assert amount in part
        assert time_of_payment in part


def test_the_receipt_adds_up_to_the_cent_and_says_who_gets_what() -> None:
    text = render(mail_of(order_paid())).text
    bought, shares = text.split("What you bought")[1].split("Who gets what")
    shares = shares.split("On whose behalf")[0]

    def cents(part: str) -> list[int]:
        return [int(amount.replace(".", "")) for amount in re.findall(r"USD\s([\d.]+)", part)]

    assert cents(bought) == [38, 190, 850, 850, 1040]
    *parts, total = cents(shares)
    assert parts == [178, 798, 60, 3, 1]
    assert sum(parts) == total == 190 + 850
    assert "Demonstration seller A: USD\u00a01.78" in shares
    assert "Payment cost, borne by the seller: USD\u00a00.60" in shares
    assert "5 CERs of Wind power in Tamil Nadu (IN-1514), first commitment period (2008–2012)" in bought
    assert "1 CER of Landfill gas at Salvador da Bahia (BR-22), second commitment period (2013–2020)" in bought


def test_both_parts_of_the_receipt_name_the_same_amounts() -> None:
    mail = render(mail_of(order_paid()))
    amounts = re.compile(r"USD\s[\d.]+")
    assert set(amounts.findall(clean_line(mail.text))) == set(amounts.findall(words(mail.html)))


def test_the_receipt_holds_the_consent_word_for_word_with_version_and_time() -> None:
    mail = render(mail_of(order_paid()))
    assert f"Version: 2026-11-22\nTime: 22 November 2026, 10:36:05\u00a0UTC\n\n{CONSENT}\n" in mail.text
    assert "Version 2026-11-22 Time 22 November 2026, 10:36:05 UTC " + clean_line(CONSENT) in words(mail.html)


def test_the_receipt_leads_to_the_terms_of_sale_that_the_order_was_placed_under() -> None:
    mail = render(mail_of(order_paid()))
    assert TERMS_URL in links(mail.text)
    assert TERMS_URL in Page(mail.html).links

    told = order_paid()
    before_versions = replace(told, consent=replace(told.consent, terms_version="", terms_url=""))
    assert "terms of sale" not in render(mail_of(before_versions)).text
    assert "terms of sale" not in words(render(mail_of(before_versions)).html)


def test_the_receipt_of_a_complaint_says_by_when_and_repeats_nothing_that_was_typed() -> None:
    # Otherwise anybody could have us send a text of theirs to a stranger.
    facts = complaint_received()
    assert set(facts.to_json()) == {"reference", "is_demonstration", "complaint_url", "answer_by"}
    mail = render(mail_of(facts))
    for part in (clean_line(mail.text), words(mail.html)):
        assert "We answer by 6 December 2026 at the latest" in part
        assert "because of complaint C3/2026" in part
        assert "order" not in part


@pytest.mark.parametrize(
    ("outcome", "says"),
    [
        (ComplaintOutcome.UPHELD, "You were right: we uphold your complaint."),
        (ComplaintOutcome.ANSWERED, "We have looked into your complaint."),
        (ComplaintOutcome.REJECTED, "We have looked into your complaint and do not uphold it."),
    ],
)
def test_the_answer_to_a_complaint_says_how_it_ended_and_stands_there_word_for_word(
    outcome: ComplaintOutcome, says: str
) -> None:
    mail = render(mail_of(complaint_answered(outcome)))
    assert "Your second payment came back to us.\n\nIt is on its way to you.\n" in mail.text
    for part in (clean_line(mail.text), words(mail.html)):
        assert says in part
        assert "Your second payment came back to us. It is on its way to you." in part


def test_the_receipt_says_on_whose_behalf_and_whether_the_name_is_published() -> None:
    mail = render(mail_of(order_paid()))
    assert "Beneficiary: Société Générale d'Énergie\nPurpose, in your own words: Our flights of 2025\n" in mail.text
    assert "Country: France\nThe beneficiary’s name is not published.\n" in mail.text
    assert "Société Générale d'Énergie" in words(mail.html)

    told = order_paid()
    public = replace(told, beneficiary=replace(told.beneficiary, is_name_public=True))
    assert "The beneficiary’s name is published.\n" in render(mail_of(public)).text
    assert "The beneficiary’s name is published." in words(render(mail_of(public)).html)


def test_without_beneficiary_and_purpose_the_receipt_says_for_what_the_units_are_cancelled() -> None:
    bare = order_paid(name="", purpose="")
    mail = render(mail_of(replace(bare, beneficiary=replace(bare.beneficiary, country=""))))
    for part in (mail.text, words(mail.html)):
        assert "The units are cancelled for the originating activity." in part
        assert "published" not in part
        assert "Country" not in part
        assert "Beneficiary" not in part


def test_the_line_of_proof_stands_in_the_mail_to_the_second() -> None:
    done = render(mail_of(certificates_ready()))
    proof = [
        ("Paid", "22 November 2026, 10:37:01 UTC"),
        ("Sent to registry", "22 November 2026, 10:37:02 UTC"),
        ("Cancelled", "22 November 2026, 10:37:04 UTC"),
        ("Certified", "22 November 2026, 10:38:05 UTC"),
    ]
    assert " ".join(f"{step}: {time}" for step, time in proof) in clean_line(done.text)
    assert " ".join(f"{step} {time}" for step, time in proof) in words(done.html)

    late = render(mail_of(order_late()))
    assert "10:37:02 UTC Cancelled: not yet Certified: not yet" in clean_line(late.text)


def test_each_certificate_has_its_number_its_download_and_the_public_check() -> None:
    mail = render(mail_of(certificates_ready()))
    assert mail.subject == "Demonstration: Your 2 certificates for order T-7KMQ-2XHD"
    for n in (1, 2):
        assert f"Certificate TN{n}/2026" in mail.text
        assert f"{ORDER_URL}/certificates/TN{n}-2026.pdf" in links(mail.text)
        assert f"https://tonne.example/en/verify/TN{n}-2026" in links(mail.text)
    assert f"{ORDER_URL}/summary.pdf" in links(mail.text)


def test_the_mail_keeps_the_links_of_the_order_apart_from_the_public_one_and_says_where_to_read_on() -> None:
    mail = render(mail_of(certificates_ready()))
    assert "Keep the links to your order and its PDFs to yourself" in clean_line(mail.text)
    assert "or the address where anyone can check it" in clean_line(mail.text)
    for body in (mail.text, mail.html):
        assert "/en/about/what-you-may-say" in body


def test_one_certificate_needs_no_summary() -> None:
    mail = render(mail_of(certificates_ready(1)))
    assert mail.subject == "Demonstration: Your certificate for order T-7KMQ-2XHD"
    assert "summary" not in mail.text + mail.html


def test_a_mail_before_any_payment_repeats_nothing_that_was_typed() -> None:
    # Otherwise anybody could have us send a text of theirs to a stranger, for nothing.
    facts = payment_processing()
    assert set(facts.to_json()) == {"reference", "order_url", "is_demonstration", "total", "held_until"}
    assert "The units are held for you until 6 December 2026, 10:36:00\u00a0UTC." in render(mail_of(facts)).text


@pytest.mark.parametrize(
    ("cause", "says"),
    [
        (RefundCause.REFUSED, "The registry refused"),
        (RefundCause.SOLD_OUT, "the units had been sold to somebody else"),
        (RefundCause.SECOND_PAYMENT, "This order was paid twice."),
        (RefundCause.EXPIRED, "Your payment arrived after the order had expired."),
    ],
)
def test_a_refund_says_how_much_why_and_what_happens_next(cause: RefundCause, says: str) -> None:
    mail = render(mail_of(refund_made(cause, "Wind power in Tamil Nadu")))
    for part in (clean_line(mail.text), words(mail.html)):
        assert "USD 1.90 of order T-7KMQ-2XHD is on its way back to you." in part
        assert says in part
        assert "Project: Wind power in Tamil Nadu" in part
        assert "A bank may take up to ten working days to show it." in part


def test_a_refund_of_a_whole_payment_names_no_project() -> None:
    mail = render(mail_of(refund_made()))
    assert "Project:" not in mail.text
    assert "Project:" not in words(mail.html)


@pytest.mark.parametrize(
    ("is_whole", "subject", "says"),
    [
        (True, "The registry refused order T-7KMQ-2XHD: USD 1.90 goes back to you", "there is no certificate."),
        (False, "The registry refused part of order T-7KMQ-2XHD: USD 1.90 goes back to you", "The rest of your order"),
    ],
)
def test_a_refusal_says_what_was_refused_and_what_stands(*, is_whole: bool, subject: str, says: str) -> None:
    mail = render(mail_of(order_refused(is_whole=is_whole)))
    assert mail.subject == f"Demonstration: {subject}"
    for part in (clean_line(mail.text), words(mail.html)):
        assert says in part
        assert "5 CERs of Wind power in Tamil Nadu (IN-1514)" in part
        assert "Refund" in part


@each_language
@pytest.mark.parametrize("is_whole", [True, False])
def test_a_refusal_promises_no_money_while_a_bank_is_asked_for_it(*, is_whole: bool, locale: str) -> None:
    mail = render(mail_of(order_refused(is_whole=is_whole, is_disputed=True), locale))
    with i18n.in_locale(locale):
        truth, promise = gettext(MONEY_AT_BANK), gettext(GOES_BACK)
        refund = gettext("Refund")
    assert (truth == MONEY_AT_BANK) == (promise == GOES_BACK) == (locale == "en")
    assert "1" not in mail.subject.replace("T-7KMQ-2XHD", ""), "no amount"
    for part in (clean_line(mail.text), words(mail.html)):
        assert truth in part
        assert promise not in part
        assert f"{refund}:" not in part


@each_language
def test_who_waits_and_disputes_is_promised_no_money(locale: str) -> None:
    mail = render(mail_of(replace(order_late(), is_disputed=True), locale))
    with i18n.in_locale(locale):
        truth, promise = gettext(MONEY_AT_BANK), gettext(IF_IT_REFUSES)
    assert (promise == IF_IT_REFUSES) == (locale == "en")
    for part in (clean_line(mail.text), words(mail.html)):
        assert truth in part
        assert promise not in part


HOSTILE = [
    pytest.param("Evil\r\nBcc: spy@example.net\r\n\r\nClick", id="line breaks"),
    pytest.param('<script>alert(1)</script><a href="https://evil.example">', id="markup"),
    pytest.param("{{ config }}{% raw %}%(amount)s%s", id="templates"),
    pytest.param("Acme \u202egnp.elif\u202c\u2066x", id="bidirectional overrides"),
    pytest.param("a\x00b\x1b[31mc\x7f\u2028d\ufeff", id="control characters"),
    pytest.param("x" * 1_000_000, id="a megabyte"),
    pytest.param("\u202e" * 1_000_000, id="a megabyte of nothing"),
]


def receipt_with(typed: str) -> OutgoingMail:
    facts = order_paid(name=typed, purpose=typed)
    line = replace(facts.lines[0], project_title=typed, provider_name=typed, project_reference=typed)
    return render(mail_of(replace(facts, lines=(line, facts.lines[1]), reference=f"T-7KMQ{typed}")))


@pytest.mark.parametrize("typed", HOSTILE)
def test_nothing_that_a_person_typed_can_change_the_mail(typed: str) -> None:
    started = time.monotonic()
    mail = receipt_with(typed)

    assert time.monotonic() - started < 2
    assert len(mail.subject) <= 150
    assert len(mail.text) + len(mail.html) < 40_000
    for forbidden in "\r\x00\x1b\x7f\u2028\u202e\u202c\u2066\ufeff":
        assert forbidden not in mail.subject + mail.text + mail.html
    assert "Bcc: spy" not in [line[:8] for line in mail.text.splitlines()]
    plain, page = receipt_with("x" if clean_line(typed) else ""), Page(mail.html)
    assert page.elements == Page(plain.html).elements
    assert page.links == Page(plain.html).links
    assert mail.html.count("<") == plain.html.count("<")


def test_what_looks_like_a_template_is_printed_as_it_was_typed() -> None:
    mail = receipt_with("{{ config }} %(amount)s 100%")
    assert "Beneficiary: {{ config }} %(amount)s 100%\n" in mail.text
    assert "{{ config }} %(amount)s 100%" in words(mail.html)


def test_a_name_of_another_direction_cannot_turn_the_words_around_it() -> None:
    mail = render(mail_of(order_paid(name="شركة النور (مصر)")))
    assert "Beneficiary: \u2068شركة النور (مصر)\u2069\n" in mail.text
    assert "<bdi>شركة النور (مصر)</bdi>" in mail.html


@pytest.mark.parametrize("name", ["Łódź S.A.", "株式会社", "Газпром", "हिन्दी", "Ελλάς"])
def test_a_name_of_our_own_direction_gets_no_invisible_marks(name: str) -> None:
    assert isolated(name) == name
    assert f"Beneficiary: {name}\n" in render(mail_of(order_paid(name=name))).text


def test_the_same_mail_has_the_same_message_id_and_another_mail_another() -> None:
    first = render(mail_of(order_paid(), key="paid:1")).message_id
    assert render(mail_of(order_paid(), key="paid:1")).message_id == first
    assert render(mail_of(order_paid(), key="again:1")).message_id != first
    assert re.fullmatch(r"<[0-9a-f]{32}@[a-z0-9.-]+>", first)


def test_a_language_that_this_shop_does_not_have_is_an_error_not_a_guess() -> None:
    with pytest.raises(KeyError):
        render(mail_of(order_paid(), "de"))


@pytest.mark.sweep
def test_every_mail_is_valid_html(tmp_path: Path) -> None:
    for locale in LANGUAGES:
        for facts in all_facts():
            (tmp_path / f"{facts.kind}.{locale}.html").write_text(render(mail_of(facts, locale)).html, encoding="utf-8")
    checker = Path(__file__).parents[2] / "node_modules/vnu-jar/build/dist/vnu.jar"
    found = subprocess.run(
        ["java", "-jar", checker, *sorted(tmp_path.iterdir())], capture_output=True, text=True, check=False
    )
    assert found.stderr == ""
    assert found.returncode == 0
