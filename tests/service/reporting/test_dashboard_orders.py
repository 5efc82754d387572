"""A participant's order lines: its own, with every cent, and nothing of the buyer."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from sqlalchemy import text

from app.db import db
from tests import builders
from tests.pages import Visitor
from tests.service.conftest import Shop
from tests.service.reporting.participants import (
    NEVER,
    OURS,
    PUBLISHED,
    THEIRS,
    every_fate,
    rows_of,
    signed_in,
    two_participants,
)

PAGES = ("", "/orders", "/orders.csv", "/orders.json", "/earnings", "/earnings/2026-11.csv")


def orders(client: Visitor, query: str = "") -> list[dict[str, str]]:
    return rows_of(client, f"/en{OURS}/orders.csv{query}")


def data(client: Visitor, query: str = "") -> dict[str, Any]:
    answer = client.client.get(f"/en{OURS}/orders.json{query}")
    assert (answer.status_code, answer.content_type) == (200, "application/json; charset=utf-8")
    found: dict[str, Any] = json.loads(answer.data)
    return found


def test_a_line_says_what_was_sold_and_where_every_cent_goes(shop: Shop) -> None:
    offers = two_participants(shop)
    with shop.inside() as world:
        reference = builders.the_order(builders.a_finished_order(world, {offers.ours: 7, offers.theirs: 5})).reference
    owner = signed_in(shop)

    page = owner.get(f"/en{OURS}/orders")
    (row,) = orders(owner)

    assert reference in page.words
    assert "1 order line , 7 units" in page.words.replace("line,", "line ,")
    assert "7 CERs" in page.words
    assert "USD 2.50 each" in page.words.replace("\xa0", " ")
    assert row["order"] == reference
    assert (row["units"], row["unit_price"], row["amount"], row["state"]) == ("7", "2.50", "17.50", "cancelled")
    parts = [round(float(row[part]) * 100) for part in ("seller_share", "payment_cost", "tax", "platform_fee")]
    assert sum(parts) == 1750
    assert row["cancelled_at"] == "2026-11-22T10:00:00Z"
    assert row["demonstration"].startswith("This is a demonstration")


def test_another_participants_lines_of_the_same_order_never_appear(shop: Shop) -> None:
    every_fate(shop, offers := two_participants(shop))
    assert offers.theirs

    ours, theirs = orders(signed_in(shop)), rows_of(signed_in(shop, "owner@stoves.example"), f"/en{THEIRS}/orders.csv")

    assert {row["project"] for row in ours} == {"IN-1", "IN-2"}
    assert [(row["project"], row["units"]) for row in theirs] == [("IN-3", "5")]
    for page in PAGES:
        assert "IN-3" not in signed_in(shop).client.get(f"/en{OURS}{page}").get_data(as_text=True)
        signed_in(shop, "owner@stoves.example").get(f"/en{OURS}{page}", 404)


def test_no_page_or_file_of_a_participant_shows_a_buyer(shop: Shop) -> None:
    every_fate(shop, two_participants(shop))
    with shop.inside():
        tokens = db.session.execute(text("SELECT token FROM purchase_order")).scalars().all()
        codes = db.session.execute(text("SELECT verification_code FROM certificate")).scalars().all()
        holds = db.session.execute(text("SELECT count(*) FROM wording_review WHERE state = 'pending'")).scalar()
    assert (len(tokens), len(codes), holds) == (6, 5, 1)

    for who, language in (("owner", "en"), ("seller", "fr"), ("viewer", "es")):
        visitor = signed_in(shop, f"{who}@salkhit.example")
        for page in PAGES:
            answer = visitor.client.get(f"/{language}{OURS}{page}")
            shown = answer.get_data(as_text=True)
            assert answer.status_code == 200
            assert [secret for secret in (*NEVER, *tokens, *codes) if secret in shown] == []
            assert answer.headers["Cache-Control"] == "no-store"


def test_only_a_name_that_stands_in_the_public_register_is_shown(shop: Shop) -> None:
    every_fate(shop, two_participants(shop))
    owner = signed_in(shop)

    names = {(row["state"], row["units"]): row["beneficiary_name"] for row in orders(owner)}
    lines = {(line["state"], line["units"]): line for line in data(owner)["lines"]}

    # Published, hidden, held back, refused, and published but not certified yet.
    assert names == {
        ("cancelled", "3"): PUBLISHED,
        ("cancelled", "7"): "",
        ("cancelled", "1"): "",
        ("refunded", "11"): "",
        ("cancelled", "2"): "",
        ("paid", "13"): "",
        ("held", "17"): "",
    }
    assert [key for key, line in lines.items() if "beneficiary_name" in line] == [("cancelled", 3)]
    assert PUBLISHED in owner.get(f"/en{OURS}/orders").words


def test_a_released_wording_is_shown_like_any_other(shop: Shop) -> None:
    every_fate(shop, two_participants(shop))
    with shop.inside():
        db.session.execute(text("UPDATE wording_review SET state = 'released'"))
        db.session.commit()

    assert "Klara Held" in {row["beneficiary_name"] for row in orders(signed_in(shop))}


def test_no_spreadsheet_runs_what_a_buyer_typed(shop: Shop) -> None:
    offers = two_participants(shop)
    shop.finished_order({offers.ours: 1}, beneficiary="=cmd|'/c calc'!A1", purpose="", publish_name=True)

    (row,) = orders(signed_in(shop))

    assert row["beneficiary_name"] == "'=cmd|'/c calc'!A1"


def test_the_list_is_narrowed_by_project_state_and_days(shop: Shop) -> None:
    offers = two_participants(shop)
    every_fate(shop, offers)
    with shop.inside() as world:
        builders.pass_time(world, days=1)
    shop.work()  # the unpaid order expires, the paid one is cancelled
    shop.finished_order({offers.second: 1})
    owner = signed_in(shop)

    def units(query: str) -> list[str]:
        return [row["units"] for row in orders(owner, query)]

    assert units("") == ["1", "17", "13", "2", "11", "1", "3", "7"]
    assert sorted(units("?project=IN-2")) == ["1", "2", "3"]
    assert units("?state=refunded") == ["11"]
    assert units("?state=expired") == ["17"]
    assert units("?from=2026-11-23") == ["1"]
    assert "1" not in units("?to=2026-11-22&project=IN-2")
    assert units("?state=cancelled&project=IN-2&from=2026-11-22&to=2026-11-22") == ["2", "3"]
    for nothing in ("?state=nonsense", "?to=2999-12-31", "?after=9-9-9&before=zz"):
        assert len(units(nothing)) == 8
    page = owner.get(f"/en{OURS}/orders?state=refunded&project=IN-1")
    assert f"/en{OURS}/orders.csv?project=IN-1&state=refunded" in page.links
    assert "No order matches" in owner.get(f"/en{OURS}/orders?project=IN-3").words


@pytest.mark.parametrize("field", ["from", "to"])
@pytest.mark.parametrize("typed", ["2026-99-99", "0000-00-00", "22.11.2026", "<b>x</b>"])
def test_a_day_that_is_none_lists_no_orders_and_is_explained_at_its_field(shop: Shop, field: str, typed: str) -> None:
    shop.finished_order({two_participants(shop).ours: 7})
    owner = signed_in(shop)

    page = owner.get(f"/en{OURS}/orders?{field}={typed}", 422)

    assert page.error_at(field) == "Write the day as in 2026-12-31."
    assert page.by_id[field]["value"] == typed
    for said in ("7 units", "No order yet", "No order matches"):
        assert said not in page.words
    assert "Show all orders" in page.words
    for kind in ("csv", "json"):
        owner.get(f"/en{OURS}/orders.{kind}?{field}={typed}", 400)


def test_what_nobody_can_mean_is_no_error(shop: Shop) -> None:
    two_participants(shop)
    owner = signed_in(shop)
    last = "99999999999999999-999999999999999999"

    for query in (f"?after={last}", f"?before={last}", "?project=" + "x" * 9_000, "?state=%EF%BF%BD"):
        assert owner.client.get(f"/en{OURS}/orders{query}").status_code == 200
    for month in ("2026-13", "nonsense", "1999-01", "2026-1"):
        owner.get(f"/en{OURS}/earnings/{month}.csv", 404)


def test_pages_follow_each_other_without_gap_or_repetition(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.reporting.seller_views.PAGE", 2)
    monkeypatch.setattr("app.reporting.queries.ROWS_OF_A_FILE_AT_ONCE", 2)
    offers = two_participants(shop)
    with shop.inside() as world:
        references = [
            builders.the_order(builders.a_placed_order(world.settings, {offers.ours: n})).reference for n in range(1, 6)
        ]
    owner = signed_in(shop)
    newest_first = references[::-1]

    def shown(address: str) -> tuple[list[str], list[str]]:
        page = owner.get(address)
        places = [link for link in page.links if re.search("(before|after)=", link) and "switch=" not in link]
        return [reference for reference in newest_first if reference in page.words], places

    first, (older,) = shown(f"/en{OURS}/orders")
    second, (newer, oldest) = shown(older)
    third, (back,) = shown(oldest)

    assert first + second + third == newest_first
    assert shown(back)[0] == second
    assert shown(newer)[0] == first
    assert [row["order"] for row in orders(owner)] == newest_first


def test_a_participant_without_orders_is_told_what_will_stand_there(shop: Shop) -> None:
    two_participants(shop)

    assert "As soon as somebody orders your units" in signed_in(shop).get(f"/en{OURS}/orders").words


def test_the_json_names_what_was_asked_for(shop: Shop) -> None:
    every_fate(shop, two_participants(shop))

    found = data(signed_in(shop), "?state=cancelled")

    assert found["schema"] == "tonne-sales-1"
    assert found["selection"] == {"state": "cancelled"}
    assert found["demonstration"].startswith("This is a demonstration")
    assert {line["state"] for line in found["lines"]} == {"cancelled"}
    for line in found["lines"]:
        parts = ("seller_share", "payment_cost", "tax", "platform_fee")
        assert sum(line[part] for part in parts) == line["amount"] == line["units"] * line["unit_price"]
