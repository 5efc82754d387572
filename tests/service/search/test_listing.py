"""Filters, counts, orders and pages of the list, beside what reading every offer by hand gives."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, select, update

from app.catalog.models import Project
from app.catalog.quality import ccp_decision
from app.db import db, transaction
from app.kernel.money import Money
from app.offers import search_index
from app.offers.arrangement import FACETS, Arrangement
from app.offers.listing import PAGE_ROWS, Listing, catalogue, listing
from app.offers.models import Offer
from app.offers.selection import SORTS, Filters
from app.offers.shelf import Shelf, current_stock
from app.offers.states import OfferState
from tests import builders
from tests.service.search.catalogues import Sale, a_catalogue, a_project

DICE = random.Random(39)  # noqa: S311 - the same catalogue each time
STATES = (*(OfferState.LIVE,) * 6, OfferState.SOLD_OUT, OfferState.PAUSED, OfferState.WITHDRAWN)


def _some_sales() -> list[list[Sale]]:
    return [
        [
            Sale(
                year=DICE.randint(2008, 2019),
                price=DICE.choice((38, 100, 250, 850)),
                left=DICE.choice((0, 1, 500)),
                state=DICE.choice(STATES),
                unit_type=DICE.choice(("CER", "CER", "tCER")),
                years=DICE.randint(1, 3),
            )
            for _ in range(DICE.randint(0, 4))
        ]
        for _ in range(30)
    ]


SALES = _some_sales()
VISIBLE = (OfferState.LIVE, OfferState.SOLD_OUT, OfferState.PAUSED)


@pytest.fixture
def thirty(context: Flask) -> Flask:
    a_catalogue(SALES)
    return context


def by_hand(filters: Filters, without: str = "") -> set[str]:
    """The references that match, found the slow way."""
    found = set()
    for number, sales in enumerate(SALES, start=1):
        project = a_project(number)
        facts = {
            "party": {project.reference[:2]},
            "region": {project.region},
            "ldc": {"yes"} if project.is_least_developed else set(),
            "type": {project.project_type},
            "scope": set(project.sectoral_scopes.split(";")),
            "methodology": set(project.methodologies.split("; ")),
            "ccp": {ccp_decision(project.methodologies)},
        }
        chosen = {name: values for name, values in filters.chosen.items() if name != without}
        if all(facts[name] & values for name, values in chosen.items() if name in facts) and any(
            _sale_matches(sale, filters, chosen, without) for sale in sales
        ):
            found.add(project.reference)
    return found


def _sale_matches(sale: Sale, filters: Filters, chosen: dict[str, frozenset[str]], without: str) -> bool:
    period = "1" if sale.year <= 2012 else "2"
    has_price = filters.lowest is not None or filters.highest is not None
    years = range(sale.year, sale.year + sale.years)
    for_sale = sale.state is OfferState.LIVE and sale.left > 0
    return (
        sale.state in VISIBLE
        and sale.unit_type in chosen.get("unit", {sale.unit_type})
        and period in chosen.get("period", {period})
        and (
            without == "year" or any((filters.first_year or 0) <= year <= (filters.last_year or 9999) for year in years)
        )
        and (
            without == "price"
            or not has_price
            or (for_sale and (filters.lowest or 0) <= sale.price <= (filters.highest or 10**9))
        )
    )


def _some_filters(dice: random.Random) -> Filters:
    values = {
        "party": ("KE", "CL", "IN", "FR"),
        "region": ("Africa", "Asia and the Pacific"),
        "ldc": ("yes",),
        "type": ("Wind", "Hydro", "N2O"),
        "scope": ("1", "13", "3"),
        "methodology": ("ACM0002", "AMS-I.D.", "AMS-III.H."),
        "ccp": ("rejected", "unknown", "approved"),
        "unit": ("CER", "tCER"),
        "period": ("1", "2"),
    }
    chosen = {
        name: frozenset(dice.sample(given, dice.randint(1, min(2, len(given)))))
        for name, given in values.items()
        if dice.random() < 0.2
    }
    return Filters(
        chosen=chosen,
        first_year=dice.choice((None, None, 2010, 2014)),
        last_year=dice.choice((None, None, 2014, 2016)),
        lowest=dice.choice((None, None, 100)),
        highest=dice.choice((None, None, 250)),
        sort=dice.choice(tuple(SORTS)),
    )


def references(listed: Listing) -> list[str]:
    return [row.reference for row in listed.rows]


def test_filters_combine_as_reading_every_offer_by_hand_says_and_so_do_their_counts(thirty: Flask) -> None:
    dice = random.Random(1)  # noqa: S311 - the same questions each time
    empty = 0
    for _ in range(25):
        filters = _some_filters(dice)
        listed = listing(filters)
        assert set(references(listed)) == by_hand(filters), filters
        assert listed.found == len(listed.rows)
        for facet in FACETS:
            for value, count in listed.counts[facet].items():
                one = Filters(**{**vars(filters), "chosen": {**filters.chosen, facet: frozenset({value})}})
                assert count == len(by_hand(one)), (filters, facet, value)
        if not listed.rows:
            empty += 1
            assert listed.without == {name: len(by_hand(filters, name)) for name in filters.names}
        else:
            assert listed.without == {}
    assert 1 < empty < 24


def test_only_matching_offers_count_for_the_figures_of_a_row(context: Flask) -> None:
    a_catalogue([[Sale(2012, 100, 5), Sale(2016, 700, 30, years=2), Sale(2016, 50, 9, OfferState.PAUSED)]])

    (whole,) = listing(Filters()).rows
    assert (whole.from_price, whole.units_left, whole.offers) == (Money(100, "USD"), 35, 2)
    (late,) = listing(Filters(first_year=2015)).rows
    assert (late.from_price, late.units_left, late.offers) == (Money(700, "USD"), 30, 1)
    assert (late.first_year, late.last_year) == (2016, 2017)
    assert listing(Filters(first_year=2015, highest=500)).rows == ()


def test_each_order_is_what_the_page_says_and_ties_go_by_title(context: Flask) -> None:
    a_catalogue(
        [
            [Sale(2015, 300, 10)],
            [Sale(2012, 100, 70)],
            [Sale(2018, 100, 10), Sale(2009, 900, 1)],
            [Sale(2019, 1, 0, OfferState.SOLD_OUT)],
        ]
    )
    orders = {
        sort: [reference.split("-")[1] for reference in references(listing(Filters(sort=sort)))] for sort in SORTS
    }

    assert orders == {
        "title": ["1", "2", "3", "4"],
        "price": ["2", "3", "1", "4"],
        "-price": ["1", "2", "3", "4"],
        "vintage": ["3", "1", "2", "4"],
        "units": ["2", "3", "1", "4"],
        "newest": ["3", "2", "1", "4"],
    }
    # A filter on offers changes which offers the order goes by.
    assert references(listing(Filters(sort="-price", last_year=2009))) == ["KE-3"]


def test_pages_hold_each_project_once_in_one_order(context: Flask) -> None:
    a_catalogue([[Sale(2015, 100, 1)] for _ in range(2 * PAGE_ROWS + 5)])
    pages = [listing(Filters(page=number, sort="price")) for number in (1, 2, 3)]

    assert [len(page.rows) for page in pages] == [PAGE_ROWS, PAGE_ROWS, 5]
    assert all((page.found, page.pages) == (2 * PAGE_ROWS + 5, 3) for page in pages)
    titles = [row.title for page in pages for row in page.rows]
    assert all(one < other for one, other in pairwise(titles))
    assert listing(Filters(page=9)).page == 3


def test_a_search_and_filters_meet(thirty: Flask) -> None:
    in_kenya = set(references(listing(Filters(text="Kenia"))))

    assert in_kenya == {row.reference for row in catalogue().rows if row.host_parties == ("KE",)}
    both = listing(Filters(text="viento Kenia", chosen={"period": frozenset({"2"})}))
    assert set(references(both)) == in_kenya & by_hand(
        Filters(chosen={"type": frozenset({"Wind"}), "period": frozenset({"2"})})
    )


def test_a_search_is_remembered_until_words_change_and_only_so_many_are(
    context: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.offers.listing.MOST_SEARCHES", 2)
    a_catalogue([[Sale(2015, 100, 1)], [Sale(2015, 100, 1)]])
    found = current_stock().arrangement.facts.found
    for text in ("Kenia", "India", "Chile", "Kenia"):
        listing(Filters(text=text))
    assert set(found) == {"Chile", "Kenia"}
    assert listing(Filters(text="gobi")).found == 0

    with transaction() as session:
        session.execute(update(Project).where(Project.reference == "CL-1").values(title="Gobi"))
    search_index.rebuild()
    assert [row.title for row in listing(Filters(text="gobi")).rows] == ["Gobi"]


@contextmanager
def statements() -> Iterator[list[str]]:
    seen: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not statement.startswith("BEGIN"):  # which SQLite is told and PostgreSQL not
            seen.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


def test_a_page_with_search_filters_and_a_basket_asks_the_database_at_most_four_times(thirty: Flask) -> None:
    visitor = thirty.test_client()
    offer_id = db.session.scalar(select(Offer.id).where(Offer.state == OfferState.LIVE, Offer.units_offered > 200))
    form = visitor.get("/en/projects/" + db.session.scalars(select(Project.reference)).first())  # type: ignore[operator]  # there is one
    assert form.status_code == 200
    thirty.config["WTF_CSRF_ENABLED"] = False
    assert visitor.post("/en/basket/add", data={"offer_id": offer_id, "units": 2}).status_code == 303
    thirty.extensions["tonne.shelf"] = Shelf(0)
    for expected in (4, 2):  # the facts of projects are read once, and a text is searched once
        with statements() as seen:
            answer = visitor.get("/en/?q=Kenya&type=Wind&year_from=2009&sort=price")
        assert answer.status_code == 200
        assert 'class="count"' in answer.text
        assert len(seen) == expected, seen


def test_what_changed_in_the_database_is_what_a_new_reading_shows(thirty: Flask) -> None:
    dice = random.Random(7)  # noqa: S311 - the same changes each time
    shelf = Shelf(0)
    ids = list(db.session.scalars(select(Offer.id)))
    for _ in range(25):
        with transaction() as session:
            for offer_id in dice.sample(ids, 3):
                session.execute(
                    update(Offer)
                    .where(Offer.id == offer_id)
                    .values(
                        unit_price=dice.choice((38, 99, 850)),
                        units_settled=dice.choice((0, 6)),
                        state=dice.choice(STATES),
                    )
                )
        changed, anew = shelf.look().arrangement, Shelf(0).look().arrangement
        assert _image(changed) == _image(anew)


def _image(arrangement: Arrangement) -> dict[str, Any]:
    return {
        "slots": [vars(slot) for slot in arrangement.slots],
        "offers": arrangement.offers,
        "figures": arrangement.figures,
        "units": arrangement.units_on_offer,
        "prices": arrangement.prices,
        "listed": arrangement.listed,
    }


def test_the_list_is_read_again_only_when_it_is_old(thirty: Flask) -> None:
    time = [100.0]
    shelf = Shelf(0.9, lambda: time[0])
    first = shelf.look()
    with transaction() as session:
        session.execute(update(Offer).values(unit_price=999))

    time[0] += 0.89
    assert shelf.look() is first
    time[0] += 0.01
    second = shelf.look()
    assert second.read_at == time[0]
    assert second.arrangement.prices == (Money(999, "USD"), Money(999, "USD"))
    assert first.arrangement.prices != second.arrangement.prices


def test_who_waited_while_another_one_read_takes_what_that_one_got(thirty: Flask) -> None:
    times = iter((100.0, 100.95, 100.5))
    shelf = Shelf(0.9, lambda: next(times))
    first = shelf.look()

    assert shelf.look() is first


def test_an_importers_correction_and_a_new_project_are_on_the_list(thirty: Flask) -> None:
    listed = catalogue().rows
    with transaction() as session:
        session.execute(update(Project).where(Project.reference == listed[0].reference).values(title="A new title"))
    search_index.rebuild()

    assert catalogue().rows[0].title == "A new title"
    builders.an_offer(number=77)
    assert "IN-77" in {row.reference for row in catalogue().rows}


def test_a_shop_that_sold_its_last_offer_and_got_a_new_one_is_read_rightly(context: Flask) -> None:
    assert listing(Filters()).projects == 0
    builders.an_offer()
    assert listing(Filters()).projects == 1
    with transaction() as session:
        session.execute(update(Offer).values(state=OfferState.WITHDRAWN))
    assert listing(Filters(chosen={"unit": frozenset({"CER"}), "party": frozenset({"IN"})})).projects == 0
    with transaction() as session:
        session.execute(update(Offer).values(state=OfferState.LIVE))
    assert listing(Filters()).projects == 1
