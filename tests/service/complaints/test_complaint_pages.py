"""Complaining as a person does it: the form, the private page, the public numbers."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta

import pytest

from app.complaints import service
from app.complaints.states import ComplaintState
from tests.conftest import AppMaker
from tests.pages import Page, Visitor
from tests.service.complaints.complaining import TYPED, a_complaint, numbers, the_complaint
from tests.service.conftest import Shop

FORM = {**TYPED, "about": " t-7kmq-2xhd "}


def complain(guest: Visitor, **changes: str) -> str:
    """Fill the form in and send it; gives the address of the complaint's page."""
    page = guest.get("/en/complaint")
    return str(guest.send(page, "/complaint", fields=FORM | changes).headers["Location"])


def test_a_complaint_leads_to_a_page_of_its_own_with_number_and_deadline(shop: Shop) -> None:
    guest = shop.visitor()

    address = complain(guest)
    page = guest.get(address)

    assert page.texts["main"].startswith("Complaint C1/2026Received on 22 November 2026")
    assert "We answer by 6 December 2026 at the latest, in a mail to amelie@example.org and here." in page.words
    for said in ("I paid twice.", "On Sunday.", "T-7KMQ-2XHD", "Waiting for our answer"):
        assert said in page.words
    shop.work()
    assert [mail.recipient for mail in shop.mailer.sent] == ["amelie@example.org"]


def test_the_page_of_a_complaint_is_private(shop: Shop) -> None:
    guest = shop.visitor()
    answer = guest.client.get(complain(guest))

    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Robots-Tag"] == "noindex"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    guest.get("/en/complaint/nobody", 404)


def test_the_link_of_a_complaint_is_in_no_log_line(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    guest = shop.visitor()
    address = complain(guest)
    guest.get(address)

    written = capsys.readouterr().err
    assert address.rpartition("/")[2] not in written
    assert "/en/complaint/…" in [json.loads(line).get("path") for line in written.splitlines()]


def test_pressing_the_button_twice_makes_one_complaint(shop: Shop) -> None:
    guest = shop.visitor()
    page = guest.get("/en/complaint")

    first = guest.send(page, "/complaint", fields=FORM).headers["Location"]
    second = guest.send(page, "/complaint", fields=FORM).headers["Location"]

    assert first == second
    with shop.inside():
        assert numbers() == ["C1/2026"]


def test_a_forged_token_of_the_form_is_replaced(shop: Shop) -> None:
    complain(shop.visitor(), once="x")
    complain(shop.visitor(), once="x")

    with shop.inside():
        assert numbers() == ["C1/2026", "C2/2026"]


def test_every_mistake_is_explained_beside_its_field_and_nothing_typed_is_lost(shop: Shop) -> None:
    guest = shop.visitor()
    typed = {"email": "nobody", "about": "order 7", "problem": "p" * 4_001, "wish": " "}

    answer = guest.send(guest.get("/en/complaint"), "/complaint", 422, fields=typed)

    page = guest.read(answer, 422)
    assert "<title>Error: complain" in page.html
    assert page.error_at("email").startswith("Enter an e-mail address in the form")
    assert "T-7KMQ-2XHD, TN12/2026 or C3/2026" in page.error_at("about")
    assert page.error_at("problem") == "Use at most 4,000 characters for what happened."
    assert page.error_at("wish") == "Tell us what would put it right."
    fields = page.form("/complaint").fields
    assert (fields["email"], fields["about"], fields["problem"]) == ("nobody", "order 7", "p" * 4_001)
    with shop.inside():
        assert numbers() == []


def test_an_empty_form_asks_for_what_is_missing_and_the_number_is_optional(shop: Shop) -> None:
    guest = shop.visitor()
    page = guest.read(guest.send(guest.get("/en/complaint"), "/complaint", 422), 422)

    assert page.error_at("email").startswith("Enter your e-mail address")
    assert page.error_at("problem") == "Tell us what went wrong."
    assert page.error_at("about") == ""
    guest.send(page, "/complaint", fields=FORM | {"about": ""})


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("tn12-2026", "TN12/2026"), ("TN 12 / 2026", "TN12/2026"), ("c3/2026", "C3/2026"), ("T7KMQ2XHD", "T-7KMQ-2XHD")],
)
def test_numbers_may_be_typed_as_people_type_them(shop: Shop, typed: str, kept: str) -> None:
    guest = shop.visitor()

    address = complain(guest, about=typed)

    assert kept in guest.get(address).words


def test_the_form_can_be_opened_about_something(shop: Shop) -> None:
    guest = shop.visitor()

    assert guest.get("/en/complaint?about=T-7KMQ-2XHD").form("/complaint").fields["about"] == "T-7KMQ-2XHD"
    assert guest.get("/en/complaint?about=%3Cb%3E").form("/complaint").fields["about"] == ""
    token = shop.finished_order({shop.offer(): 1})
    assert [link for link in guest.get(f"/en/orders/{token}").links if "/en/complaint?about=T-" in link]


def test_what_a_person_wrote_stays_text(shop: Shop) -> None:
    guest = shop.visitor()
    address = complain(guest, problem="<script>alert(1)</script>\n{{ config }}", wish="\u202eevil")

    page = guest.get(address)

    assert "<script>alert(1)</script>{{ config }}" in page.words
    assert "\u202e" not in page.html


def test_only_so_many_complaints_come_from_one_address_and_mistakes_do_not_count(make_app: AppMaker) -> None:
    guest = Visitor(make_app(LIMIT_COMPLAINT="2/hour").test_client())
    page = guest.get("/en/complaint")

    for _ in range(4):
        guest.send(page, "/complaint", 422, email="nobody")
    for number in range(2):
        guest.send(page, "/complaint", fields=FORM | {"wish": f"{number}"})
    answer = guest.send(page, "/complaint", 429, fields=FORM | {"wish": "more"})
    assert int(answer.headers["Retry-After"]) > 0
    guest.get("/en/complaint")


def opened(shop: Shop, **changes: str) -> tuple[str, str]:
    with shop.inside() as world:
        token = a_complaint(world.settings, **changes)
        return token, the_complaint(token).number


@pytest.mark.parametrize(
    ("outcome", "says", "word"),
    [
        (ComplaintState.UPHELD, "You were right: we uphold your complaint.", "Upheld"),
        (ComplaintState.ANSWERED, "We have looked into your complaint.", "Answered"),
        (ComplaintState.REJECTED, "We have looked into your complaint and do not uphold it.", "Not upheld"),
    ],
)
def test_the_page_shows_the_answer_and_where_to_go_if_it_does_not_settle_it(
    shop: Shop, outcome: ComplaintState, says: str, word: str
) -> None:
    token, number = opened(shop)
    with shop.inside() as world:
        service.answer(number, outcome, "First line.\n\nSecond <b>line</b>.", world.settings, world.clock.now())

    page = shop.visitor().get(f"/en/complaint/{token}")

    assert says in page.words
    assert word in page.words
    assert "First line. Second <b>line</b>. Answered on 22 November 2026" in page.words
    assert f"/en/complaint?about={number}" in page.links
    assert not [form for form in page.forms if form.action.endswith("/withdraw")]


def test_a_late_answer_is_admitted(shop: Shop) -> None:
    token, _number = opened(shop)

    shop.clock.advance(timedelta(days=14))
    assert "Our answer is late" not in shop.visitor().get(f"/en/complaint/{token}").words
    shop.clock.advance(timedelta(days=1))

    page = shop.visitor().get(f"/en/complaint/{token}")
    assert "Our answer is late" in page.words
    assert "We promised it by 6 December 2026 and have not kept our word." in page.words


def test_a_complaint_can_be_taken_back_on_its_page(shop: Shop) -> None:
    token, number = opened(shop)
    guest = shop.visitor()
    shown = guest.get(f"/en/complaint/{token}")
    assert not [form for form in shown.forms if form.action.endswith("/withdraw")], "one press must not be enough"
    assert f"/en/complaint/{token}/withdraw" in shown.links
    before = guest.get(f"/en/complaint/{token}/withdraw")
    assert "This is final" in before.words
    with shop.inside():
        assert the_complaint(token).state is ComplaintState.RECEIVED

    guest.send(before, "/withdraw")

    assert "You took your complaint back" in guest.get(f"/en/complaint/{token}").words
    guest.send(before, "/withdraw")
    with shop.inside():
        assert the_complaint(token).state is ComplaintState.WITHDRAWN
    closed = guest.client.get(f"/en/complaint/{token}/withdraw")
    assert (closed.status_code, closed.headers["Location"]) == (303, f"/en/complaint/{token}")
    guest.get("/en/complaint/nobody/withdraw", 404)
    form = guest.get("/en/complaint").form("/complaint").fields
    assert (
        guest.client.post("/en/complaint/nobody/withdraw", data={"csrf_token": form["csrf_token"]}).status_code == 404
    )
    assert number == "C1/2026"


def row(page: Page) -> str:
    return page.words.split("Not upheld", 1)[1].split("Received is")[0].strip()


def test_the_numbers_of_each_year_are_public_as_a_table_and_as_csv(shop: Shop) -> None:
    guest = shop.visitor()
    assert row(guest.get("/en/complaints")) == "2026 0 0 0 0 0 0 0"
    _token, number = opened(shop)
    opened(shop)
    with shop.inside() as world:
        service.answer(number, ComplaintState.UPHELD, "Yes.", world.settings, world.clock.now())

    assert row(guest.get("/en/complaints")) == "2026 2 1 0 0 1 1 0"
    answer = guest.client.get("/en/complaints.csv")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert 'filename="complaints.csv"' in answer.headers["Content-Disposition"]
    (line,) = csv.DictReader(io.StringIO(answer.get_data(as_text=True)))
    assert line.pop("demonstration").startswith("This is a demonstration")
    assert list(line.items()) == [
        ("year", "2026"), ("received", "2"), ("answered_in_time", "1"), ("answered_late", "0"),
        ("withdrawn", "0"), ("open", "1"), ("upheld", "1"), ("rejected", "0"),
    ]  # fmt: skip


def test_a_real_shop_s_numbers_do_not_say_demonstration(make_app: AppMaker) -> None:
    guest = Visitor(
        make_app(
            PAYMENT_GATEWAY="stripe",
            STRIPE_SECRET_KEY="rk_live_1",
            STRIPE_WEBHOOK_SECRETS="whsec_1",
            REGISTRY_OF_RECORD_NAME="Tonne Registry",
        ).test_client()
    )

    lines = guest.client.get("/en/complaints.csv").get_data(as_text=True).splitlines()
    assert lines[1] == "2026,0,0,0,0,0,0,0,"


@pytest.mark.parametrize("language", ["fr", "es"])
def test_every_page_of_complaints_speaks_the_reader_s_language(shop: Shop, language: str) -> None:
    token, _number = opened(shop, locale=language)

    for path in ("complaint", "complaints", f"complaint/{token}", "contact"):
        page = shop.visitor().get(f"/{language}/{path}")
        for english in ("Complain ", "complaint ", "answer", "Received"):
            assert english not in page.words, path
