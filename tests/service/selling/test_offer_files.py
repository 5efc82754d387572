"""Offers as files: exported, imported again, checked row by row, and applied only when somebody says so."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from sqlalchemy import update
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse, encode_multipart

from app.db import db, transaction
from app.kernel.text import csv_cell
from app.offers.models import Offer
from app.offers.states import OfferState
from app.providers.models import Provider
from app.selling.offer_file import NAMES
from app.web.security import MAXIMUM_BYTES
from tests.builders import a_holding_account, a_placed_order, change_offer
from tests.pages import Page, Visitor
from tests.service.selling.conftest import HELD, House

ROW = {
    "code": "IN-1-9", "project": "IN-1", "originating_party": "IN", "serial_first": "1000000",
    "account": "CDM-100-1", "units": "500", "unit_price": "2.50", "currency": "USD", "minimum_units": "10",
    "tiers": "100:2.25;200:2.00", "opens_at": "2027-01-04T09:00:00Z", "expires_at": "2027-12-31T23:59:59Z",
    "text_en": "Wind.", "text_fr": "Du vent.", "text_es": "Viento.",
}  # fmt: skip


def a_file(*rows: dict[str, str], columns: tuple[str, ...] = NAMES) -> str:
    file = io.StringIO()
    writer = csv.DictWriter(file, columns, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(ROW | row for row in rows)
    return file.getvalue()


def upload(seller: Visitor, house: House, text: str | bytes, status: int = 200) -> Page:
    page = seller.get(f"{house.room}/import")
    raw = text if isinstance(text, bytes) else text.encode()
    fields = page.form("/import").fields | {"file": FileStorage(io.BytesIO(raw), "offers.csv")}
    return seller.read(post(seller, f"{house.room}/import", fields), status)


def post(seller: Visitor, address: str, fields: dict[str, Any]) -> TestResponse:
    boundary, body = encode_multipart(fields)
    return seller.client.post(address, data=body, content_type=f'multipart/form-data; boundary="{boundary}"')


def apply(seller: Visitor, preview: Page, status: int = 303) -> Page | None:
    form = preview.form("/import/apply")
    answer = post(seller, form.action, form.fields)
    assert answer.status_code == status, answer.get_data(as_text=True)[-1500:]
    return None if status == 303 else seller.read(answer, status)


def export(seller: Visitor, house: House) -> str:
    return seller.client.get(f"{house.room}/offers.csv").get_data(as_text=True)


def test_nothing_is_applied_before_the_preview_is_applied(house: House) -> None:
    seller = house.browser()
    preview = upload(seller, house, a_file({}, {"code": "offer-1".upper()}))
    assert "Submit a new offer" in preview.words
    assert "IN-1-9" in preview.words
    assert "IN-1-9" not in export(seller, house)

    apply(seller, preview)
    offer = house.offer("IN-1-9")
    assert offer.state is OfferState.SUBMITTED
    assert offer.tiers == [[100, 225], [200, 200]]
    assert offer.texts == {"en": "Wind.", "fr": "Du vent.", "es": "Viento."}
    assert offer.holding_confirmed_at is not None
    assert "2 new, 0 changed" in seller.get(house.room).words


def test_known_offers_change_at_once_and_the_preview_says_what(house: House) -> None:
    seller = house.browser()
    code = house.on_sale()
    row = {"code": code, "units": "700", "unit_price": "3.00", "minimum_units": "", "tiers": "", "opens_at": "",
           "expires_at": "", "text_en": "", "text_fr": "", "text_es": ""}  # fmt: skip
    preview = upload(seller, house, a_file(row))
    assert "500 becomes 700" in preview.words
    assert "USD 2.50 becomes USD 3.00" in preview.words

    apply(seller, preview)
    offer = house.offer(code)
    assert (offer.units_offered, offer.unit_price, offer.state) == (700, 300, OfferState.LIVE)
    assert "USD 3.00" in house.shop.visitor().get("/en/projects/IN-1").words


def test_what_was_exported_is_unchanged_when_imported_again(house: House) -> None:
    seller = house.browser()
    hostile = '=HYPERLINK("https://evil.example")\nsecond, line; with \\n and "quotes"'
    apply(seller, upload(seller, house, a_file({"text_en": "'=1+1", "text_fr": "'plain", "text_es": "+1"})))
    house.drawn_up(text_en=hostile, text_fr="-2", expires_at="2027-03-04T05:06:07", minimum_units="3")
    with house.shop.inside():
        change_offer(house.offer_id, code="IN-1-SEED")

    first = export(seller, house)
    preview = upload(seller, house, first)
    assert "There is nothing to apply." in preview.words
    assert preview.words.count("Nothing ") >= 3
    assert export(seller, house) == first


def test_no_exported_cell_is_run_as_a_formula(house: House) -> None:
    seller = house.browser()
    house.drawn_up(text_en="=1+1", text_fr="'=1+1", text_es="@SUM(A1)")

    for row in csv.reader(io.StringIO(export(seller, house))):
        for cell in row:
            assert csv_cell(cell) == cell, cell


def test_every_problem_of_every_row_is_named_and_nothing_is_changed(house: House) -> None:
    seller = house.browser()
    before = export(seller, house)
    bad = a_file(
        {"units": "none", "unit_price": "1.234"},
        {"code": "IN-1-2", "unit_price": "1.234"},
        {"code": "IN-1-3", "unit_price": "9.00", "minimum_units": "501"},
        {"code": "IN-1-4", "currency": "EUR"},
        {"code": "IN-1-5", "serial_first": "7"},
        {"code": "IN-1-6", "tiers": "100"},
        {"code": "IN-1-7", "expires_at": "2026-01-01T00:00:00Z", "opens_at": ""},
        {"code": "IN-1-8", "text_fr": "Vols neutres en carbone"},
        {"code": "IN-1-8"},
        {"code": "IN-1-9", "units": "1"},
        {"code": "IN-1-10", "tiers": "1:1;2:1;3:1;4:1;5:1;6:1"},
        {"code": "IN-1-11", "unit_price": "0"},
    )
    page = upload(seller, house, bad, 422)

    for words in (
        "Write a whole number with digits only.", "only 2 decimals", "between USD 0.38 and USD 8.50",
        "larger than the offer", "currency", "serial_first", "100:0.45;1000:0.40", "expiry is over already",
        "A unit allows no such claim", "Row 9 names the same thing", "5 tiers at most",
    ):  # fmt: skip
        assert words in page.words, words
    assert "Nothing was changed." in page.words
    assert export(seller, house) == before


def test_a_file_gives_no_offer_another_currency(house: House) -> None:
    seller = house.browser()
    text = export(seller, house)
    with house.shop.inside(), transaction() as session:
        session.execute(update(Offer).values(currency="EUR"))

    page = upload(seller, house, text.replace("2.50", "3.50"), 422)

    assert "currency" in page.words
    assert house.offer().unit_price == 250


def test_offers_in_a_currency_of_the_past_keep_no_others_out_of_a_file_and_stay_as_they_are(house: House) -> None:
    seller, code = house.browser(), house.on_sale()
    with house.shop.inside():
        change_offer(house.offer_id, code="IN-1-7", currency="JPY", unit_price=375)
    text = export(seller, house)

    preview = upload(seller, house, text.replace(",2.50,", ",2.60,"))
    assert "JPY 375" in preview.words
    assert "USD 3.75" not in preview.words
    apply(seller, preview)
    assert (house.offer(code).unit_price, house.offer("IN-1-7").unit_price) == (260, 375)

    refused = upload(seller, house, text.replace(",375,", ",380,"), 422)
    assert "USD" in refused.words
    assert house.offer("IN-1-7").unit_price == 375


def test_the_units_of_all_rows_of_a_pool_are_added_up(house: House) -> None:
    seller = house.browser()
    page = upload(seller, house, a_file({"units": "2001"}, {"code": "IN-1-2", "units": "2000"}), 422)
    assert "promise 5,001 units" in page.words.replace("5001", "5,001")

    preview = upload(seller, house, a_file({"units": "2000"}, {"code": "IN-1-2", "units": "2000"}))
    apply(seller, preview)
    assert house.offer("IN-1-2").state is OfferState.SUBMITTED


def test_other_participants_offers_accounts_and_projects_are_refused(house: House) -> None:
    seller = house.browser()
    house.shop.offer(number=2, units=10, held=100)
    with house.shop.inside():
        other = a_provider()
        change_offer(house.offer_id, code="IN-1-77", provider_id=other)
        a_holding_account("CDM-100-2", db.session.get_one(Provider, other))
        db.session.commit()

    page = upload(seller, house, a_file(
        {"code": "IN-1-77"},
        {"code": "IN-1-2", "account": "CDM-100-2"},
        {"code": "IN-1-3", "account": "CDM-404"},
        {"code": "IN-2-1", "project": "IN-2", "serial_first": "2000000", "units": "5"},
    ), 422)  # fmt: skip

    assert "Another participant’s offer has this code." in page.words
    assert page.words.count("CDM-100-2") == 1
    assert page.words.count("CDM-404") == 1
    assert "your authority for it was not accepted" in page.words
    assert house.offer("IN-1-77").unit_price == 250


def a_provider() -> int:
    provider = Provider(code="other", legal_name="Other", country="CH")
    db.session.add(provider)
    db.session.commit()
    return int(provider.id)


def test_what_an_offer_is_of_never_changes_and_a_closed_one_stays_closed(house: House) -> None:
    seller = house.browser()
    code = house.drawn_up()
    with house.shop.inside():
        a_holding_account("CDM-100-3", db.session.get_one(Provider, house.provider_id))
        db.session.commit()
    page = upload(seller, house, a_file({"code": code, "account": "CDM-100-3"}), 422)
    assert "cannot be changed" in page.words

    seller.send(seller.get(f"{house.room}/{code}/withdraw"), "/withdraw")
    page = upload(seller, house, a_file({"code": code}), 422)
    assert "Give the new one another code." in page.words


def test_units_that_are_held_cannot_be_taken_away_by_a_file(house: House) -> None:
    seller = house.browser()
    with house.shop.inside() as world:
        change_offer(house.offer_id, code="IN-1-1")
        a_placed_order(world.settings, {house.offer_id: 100})
    row = {"code": "IN-1-1", "units": "99", "opens_at": "2027-01-04T09:00:00Z"}

    page = upload(seller, house, a_file(row), 422)
    assert "100 units of this offer are held or sold" in page.words
    assert "Its opening cannot be changed" in page.words


def test_a_preview_that_was_overtaken_is_shown_again_instead_of_applied(house: House) -> None:
    seller = house.browser()
    with house.shop.inside():
        change_offer(house.offer_id, code="IN-1-1")
    row = {"code": "IN-1-1", "units": "1000", "unit_price": "3.00", "opens_at": ""}
    preview = upload(seller, house, a_file(row))
    seller.send(seller.get(f"{house.room}/IN-1-1/edit"), "/edit", fields={"unit_price": "2.75"})

    again = apply(seller, preview, 409)
    assert again is not None
    assert "nothing was applied" in again.words
    assert "USD 2.75 becomes USD 3.00" in again.words
    assert house.offer("IN-1-1").unit_price == 275
    apply(seller, again)
    assert house.offer("IN-1-1").unit_price == 300


def test_units_that_were_promised_meanwhile_stop_a_file(house: House) -> None:
    seller = house.browser()
    preview = upload(seller, house, a_file({"units": "4000"}))
    house.drawn_up(units="1")

    page = apply(seller, preview, 422)
    assert page is not None
    assert "Nothing was changed." in page.words
    assert "IN-1-9" not in export(seller, house)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "The column is missing."),
        (b"\xff\xfe\xff", "not text in UTF-8"),
        (b"a" * 5_000_001, "larger than"),
        (b'code,project\r\n"x', "quotation mark"),
        ((",".join(NAMES) + "\r\n").encode(), "no rows"),
        ((",".join(NAMES) + ",color\r\n").encode(), "Nothing is known of this column"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_apart(house: House, raw: bytes, words: str) -> None:
    assert words in upload(house.browser(), house, raw, 422).words


def test_no_file_is_asked_for(house: House) -> None:
    seller = house.browser()
    page = seller.get(f"{house.room}/import")
    wrong = seller.read(seller.send(page, "/import", 422), 422)
    assert wrong.error_at("file") == "Choose a CSV file first."


def test_the_template_is_a_file_that_can_be_read(house: House) -> None:
    seller = house.browser()
    answer = seller.client.get(f"{house.room}/template.csv")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="offers-template.csv"'
    page = upload(seller, house, answer.get_data(), 422)
    assert "serial_first" in page.words
    assert "account" in page.words
    assert "wrong_form" not in page.words
    assert "Write " not in page.words.partition("What the file looks like")[0]


def test_a_file_larger_than_an_ordinary_form_goes_through(house: House) -> None:
    seller = house.browser()
    text = a_file({}) + (" " * 1_000 + "\r\n") * 1_100
    assert len(text.encode()) > MAXIMUM_BYTES
    apply(seller, upload(seller, house, text))
    assert house.offer("IN-1-9").state is OfferState.SUBMITTED


def test_viewers_export_and_cannot_import(house: House) -> None:
    viewer = house.browser("viewer")
    assert viewer.client.get(f"{house.room}/offers.csv").status_code == 200
    for ending in ("/import", "/import/apply"):
        assert viewer.client.post(house.room + ending).status_code in {400, 403}


def test_a_closed_offer_that_sold_most_of_what_is_held_may_stay_in_the_file(house: House) -> None:
    seller = house.browser()
    code = house.drawn_up()
    offer = house.offer(code)
    with house.shop.inside():
        change_offer(house.offer_id, code="IN-1-77")
        change_offer(offer.id, state=OfferState.WITHDRAWN, units_settled=1, units_offered=2 * HELD)

    preview = upload(seller, house, export(seller, house))

    assert code in preview.words
