"""What was sold and cancelled here, on the public page and in its files (row F86)."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from app.db import transaction
from app.registry.models import Cancellation
from app.reporting.statistics import here
from app.reporting.statistics.forms import HereSelection
from tests.service.conftest import Shop
from tests.service.direct.asking import placed


def lines(client: FlaskClient, address: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(client.get(address).get_data(as_text=True).removeprefix("\ufeff"))))


def test_before_the_first_cancellation_the_page_says_what_will_stand_there(shop: Shop) -> None:
    page = shop.app.test_client().get("/en/statistics")

    assert page.status_code == 200
    assert "Nothing has been cancelled here yet" in page.get_data(as_text=True)
    assert "No published list of the registry has been loaded" in page.get_data(as_text=True)


def test_every_figure_of_the_page_is_the_sum_of_its_rows(shop: Shop) -> None:
    wind, water = shop.offer(number=1), shop.offer(number=2)
    shop.finished_order({wind: 3, water: 4})
    shop.finished_order({wind: 5})
    client = shop.app.test_client()
    page = client.get("/en/statistics").get_data(as_text=True)
    rows = lines(client, "/en/statistics/here.csv")
    money = lines(client, "/en/statistics/money.csv")

    with shop.inside():
        everything = HereSelection()
        total, speed, sums = here.total(everything), here.speed(everything), here.money(everything)
    assert (total.units, total.orders, total.direct) == (12, 2, 0)
    assert sum(int(row["units"]) for row in rows) == sum(int(row["units"]) for row in money) == 12
    assert len({row["certificate"] for row in rows}) == 3
    assert {row["channel"] for row in rows} == {"sale"}
    assert speed is not None
    assert sorted(int(row["seconds"]) for row in rows)[1] == speed.median
    for part, amount in sums["USD"].items():
        assert sum(int(row[f"{part}_minor"]) for row in money) == amount.minor
    assert sums["USD"]["amount"].minor == sum(sums["USD"][part].minor for part in here.MONEY[1:])
    for link in ("here.csv?host=", "here.json?type=", "here.csv?vintage=", "money.json", "here.csv?channel=sale"):
        assert f"/en/statistics/{link}" in page, link


def test_what_a_holder_cancelled_without_a_sale_counts_as_tonnes_and_not_as_an_order(shop: Shop) -> None:
    offer = shop.offer(units=100, held=1_000)
    shop.finished_order({offer: 3})
    with shop.inside() as world:
        placed(world, offer, units=20)
    shop.work()
    client = shop.app.test_client()
    (row,) = lines(client, "/en/statistics/here.csv?channel=direct")

    assert (row["units"], row["channel"], row["paid_at"], row["seconds"]) == ("20", "direct", "", "")
    assert row["certificate"].startswith("TN")
    assert [one["units"] for one in lines(client, "/en/statistics/here.csv?channel=sale")] == ["3"]
    assert [one["units"] for one in lines(client, "/en/statistics/money.csv")] == ["3"]
    page = client.get("/en/statistics").get_data(as_text=True)
    assert "<dd>23</dd>" in page
    assert "3 of them sold here" in page


def test_units_that_a_registry_says_to_have_cancelled_before_they_were_paid_took_no_time_on_the_page_and_in_its_rows(
    shop: Shop,
) -> None:
    shop.finished_order({shop.offer(): 3})
    with shop.inside(), transaction() as session:
        session.scalars(select(Cancellation)).one().completed_at -= timedelta(seconds=5)
    client = shop.app.test_client()

    with shop.inside():
        speed = here.speed(HereSelection())
    assert speed is not None
    assert speed.median == 0
    assert [row["seconds"] for row in lines(client, "/en/statistics/here.csv")] == ["0"]
    assert [row["seconds"] for row in client.get("/en/statistics/here.json").get_json()["rows"]] == [0]


def test_rows_can_be_narrowed_and_read_in_parts_and_say_that_this_is_a_demonstration(shop: Shop) -> None:
    offers = [shop.offer(number=number) for number in (1, 2, 3)]
    shop.finished_order(dict.fromkeys(offers, 2))
    client = shop.app.test_client()
    first = client.get("/en/statistics/here.json?limit=2").get_json()
    rest = client.get(first["next"]).get_json()

    assert (first["count"], rest["count"], rest["next"]) == (2, 1, None)
    assert len({row["project"] for row in first["rows"] + rest["rows"]}) == 3
    assert first["demonstration"].startswith("This is a demonstration")
    one = first["rows"][0]
    narrowed = client.get(
        "/en/statistics/here.json",
        query_string={
            "host": one["host_party"], "type": one["project_type"], "vintage": one["vintage"],
            "unit_type": one["unit_type"], "channel": "sale", "from": "2000-01-01", "to": "2999-12-31",
        },
    ).get_json()  # fmt: skip
    assert one in narrowed["rows"]
    assert client.get("/en/statistics/here.json?channel=direct").get_json()["count"] == 0


def test_a_table_has_all_rows_behind_a_figure_however_many_they_are(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.reporting.statistics.forms.MOST_ROWS", 2)
    shop.finished_order({shop.offer(number=number): 2 for number in (1, 2, 3)})
    client = shop.app.test_client()

    assert sum(int(row["units"]) for row in lines(client, "/en/statistics/here.csv")) == 6
    assert len(lines(client, "/en/statistics/here.csv?limit=1")) == 1
    data = client.get("/en/statistics/here.json").get_json()
    assert (data["limit"], data["count"]) == (2, 2)
    assert client.get(data["next"]).get_json()["count"] == 1


def test_no_row_tells_who_bought_and_the_page_says_what_a_single_order_in_a_month_shows(shop: Shop) -> None:
    shop.finished_order({shop.offer(): 3})
    client = shop.app.test_client()
    rows = client.get("/en/statistics/here.csv").get_data(as_text=True)
    money = client.get("/en/statistics/money.csv").get_data(as_text=True)

    assert "buyer@" not in rows + money
    assert "minor" not in rows
    assert "TN" not in money.replace("This", "")
    assert "A month with a single order of a project shows what that order cost" in client.get("/en/statistics").text


def test_what_was_cancelled_here_counts_on_its_day_and_is_no_row_of_the_published_books(
    shop: Shop,
) -> None:
    shop.finished_order({shop.offer(units=100): 3})
    client = shop.app.test_client()
    day = f"{shop.clock.now():%Y-%m-%d}"
    before, after = (f"{shop.clock.now() + timedelta(days=days):%Y-%m-%d}" for days in (-1, 1))

    units = {
        period: [row["units"] for row in lines(client, f"/en/statistics/here.csv?from={period[0]}&to={period[1]}")]
        for period in ((day, day), (before, before), (after, after))
    }

    assert units == {(day, day): ["3"], (before, before): [], (after, after): []}
    assert lines(client, f"/en/statistics/rows.csv?from={before}&to={after}") == []


def test_a_new_cancellation_shows_at_once(shop: Shop) -> None:
    offer = shop.offer()
    client = shop.app.test_client()
    shop.finished_order({offer: 3})
    assert "<dd>3</dd>" in client.get("/en/statistics").get_data(as_text=True)

    shop.finished_order({offer: 4})

    assert "<dd>7</dd>" in client.get("/en/statistics").get_data(as_text=True)
