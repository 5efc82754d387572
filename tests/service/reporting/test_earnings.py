"""What a participant has earned: equal to the books, to the cent, by month, by project and in the statement."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from sqlalchemy import text

from app.audit import service as audit
from app.checkout.service import review
from app.db import db, transaction
from app.fulfilment.process import run_due
from app.kernel.money import Money
from app.payments import payouts
from app.registry.ports import RefusalCode, Refused
from app.registry.states import CancellationState
from app.reporting.earnings import Sums, next_payout, read_earnings, sold_by_month, statement
from app.reporting.forms import Month, last_months
from app.reporting.lines import line_sums
from tests import builders
from tests.people import actor_of, an_operator
from tests.service.checkout.orders import an_expired_order
from tests.service.conftest import Shop
from tests.service.reporting.participants import (
    OURS,
    a_direct_cancellation,
    a_payout,
    every_fate,
    provider_id_of,
    rows_of,
    signed_in,
    two_participants,
)

# Written without the application's own conditions: what an accountant would ask the tables.
EARNED = """
    SELECT coalesce(sum(l.seller_share), 0) FROM order_line l JOIN provider p ON p.id = l.provider_id
    JOIN cancellation c ON c.order_line_id = l.id WHERE p.code = 'seller' AND c.state = 'confirmed'"""
REFUNDED = """
    SELECT coalesce(sum(r.amount), 0) FROM refund r JOIN order_line l ON l.id = r.order_line_id
    JOIN provider p ON p.id = l.provider_id WHERE p.code = 'seller'"""


def books(query: str) -> int:
    return int(db.session.execute(text(query)).scalar() or 0)


def cents(rows: list[dict[str, str]], column: str) -> int:
    return int(sum(Decimal(row[column]) for row in rows) * 100)


def test_earnings_equal_the_books_in_the_sum_by_month_and_by_project(shop: Shop) -> None:
    offers = two_participants(shop)
    every_fate(shop, offers)
    with shop.inside() as world:
        builders.pass_time(world, days=30)
        builders.a_finished_order(world, {offers.second: 9})
        a_payout(500, on=date(2026, 12, 5))
        found = read_earnings(provider_id_of(), "USD")
        balance = payouts.balance(provider_id_of(), "USD")

        assert found.whole.earned == books(EARNED) == balance.earned > 0
        assert found.whole.refunded == books(REFUNDED) == 11 * 250
        assert found.due.minor == balance.due == balance.earned - 500
        for groups in ([sums for _month, sums in found.months], [project.sums for project in found.projects]):
            for part in ("earned", "refunded", "pending", "cancelled"):
                assert sum(getattr(sums, part) for sums in groups) == getattr(found.whole, part), part
        assert [str(month) for month, _sums in found.months] == ["2026-12", "2026-11"]
        assert sum(sums.paid_out for _month, sums in found.months) == found.whole.paid_out == 500


def test_a_line_is_earned_when_its_units_are_cancelled_and_never_when_they_are_refused(shop: Shop) -> None:
    offers = two_participants(shop)
    every_fate(shop, offers)
    with shop.inside():
        before = read_earnings(provider_id_of(), "USD").whole
    shop.work()
    with shop.inside():
        after = read_earnings(provider_id_of(), "USD").whole

    # 13 units were paid for; now they are cancelled.
    assert before.pending > 0
    assert (after.pending, after.earned) == (0, before.earned + before.pending)
    assert after.cancelled == before.cancelled + 13 == 7 + 3 + 1 + 2 + 13
    assert after.refunded == before.refunded


def test_of_a_refused_line_what_went_back_is_refunded_and_not_the_price_of_the_units_its_buyer_took_instead(
    shop: Shop,
) -> None:
    with shop.inside() as world:
        other_offer = builders.an_offer(number=2, price=250)
        shop.registry.submits = [Refused(RefusalCode.RULES, "no")]
        order_id = builders.a_finished_order(world, {builders.an_offer(price=300): 10})
        undecided = read_earnings(provider_id_of(), "USD").whole.refunded
        builders.take_units_instead(world, order_id, other_offer)
        found = read_earnings(provider_id_of(), "USD")
        rows = [row for row in statement(provider_id_of(), "USD", Month.of(builders.NOW)) if row.kind == "refund"]

        assert undecided == 0, "the buyer may still take other units"
        assert [row.refunded for row in rows] == [500]
        assert found.whole.refunded == found.projects[0].sums.refunded == books(REFUNDED) == 10 * (300 - 250)


def test_a_line_that_was_sold_out_when_its_money_came_late_is_refunded_and_not_on_its_way(shop: Shop) -> None:
    with shop.inside() as world:
        here, gone = builders.an_offer(units=4, price=100), builders.an_offer(number=2, units=4, price=250)
        order_id = an_expired_order(world, {here: 4, gone: 3})
        late_page = shop.gateway.newest()
        builders.a_finished_order(world, {gone: 2})
        shop.gateway.pay(late_page)
        builders.look_again(world, order_id)

        on_its_way = read_earnings(provider_id_of(), "USD").whole
        this_month = Month.of(builders.NOW)
        assert (on_its_way.refunded, on_its_way.pending) == (750, builders.the_order(order_id).lines[0].seller_share)
        assert [sold.on_the_way for sold in sold_by_month(line_sums(provider_id_of()), [this_month])] == [4]
        run_due(world)
        assert read_earnings(provider_id_of(), "USD").whole.refunded == books(REFUNDED) == 750


def test_money_that_was_not_the_price_of_an_order_and_went_back_was_never_paid_for_its_lines(shop: Shop) -> None:
    with shop.inside() as world:
        order_id = builders.a_payable_order(world, {builders.an_offer(): 2, builders.an_offer(number=2): 3})
        shop.gateway.payments[shop.gateway.pay()].amount = Money(1, "USD")
        builders.look_again(world, order_id)
        proposal_id = review.propose_refund(order_id, actor_of(an_operator()), reason="not the price", now=builders.NOW)
        audit.agree(proposal_id, actor_of(an_operator("ole@tonne.example")), now=builders.NOW)
        run_due(world)

        assert [refund.amount for refund in builders.refunds_of(order_id)] == [1]
        assert read_earnings(provider_id_of(), "USD").whole == Sums()
        assert not list(statement(provider_id_of(), "USD", Month.of(builders.NOW)))


def test_a_months_statement_adds_up_to_its_row_of_the_page(shop: Shop) -> None:
    every_fate(shop, two_participants(shop))
    with shop.inside():
        a_payout(123)
        found = read_earnings(provider_id_of(), "USD")
    owner = signed_in(shop)

    rows = rows_of(owner, f"/en{OURS}/earnings/2026-11.csv")

    assert (cents(rows, "earned"), cents(rows, "refunded")) == (found.whole.earned, found.whole.refunded)
    assert cents(rows, "paid_out") == 123
    assert [row["kind"] for row in rows].count("sale") == 4
    for row in rows:
        if row["kind"] == "sale":
            parts = ("seller_share", "payment_cost", "tax", "platform_fee")
            assert cents([row], "amount") == sum(cents([row], part) for part in parts)
            assert row["earned"] == row["seller_share"]
    page = owner.get(f"/en{OURS}/earnings")
    assert f"USD {Decimal(found.whole.earned).scaleb(-2)}" in page.words.replace("\xa0", " ")
    assert rows_of(owner, f"/en{OURS}/earnings/2026-10.csv") == []


@pytest.mark.parametrize(
    ("at", "month"),
    [
        (datetime(2026, 11, 30, 23, 59, 59, 999_999, UTC), Month(2026, 11)),
        (datetime(2026, 12, 1, tzinfo=UTC), Month(2026, 12)),
    ],
)
def test_the_last_and_the_first_instant_of_a_month_count_in_it_wherever_the_database_is(
    shop: Shop, at: datetime, month: Month
) -> None:
    with shop.inside() as world:
        offers = [builders.an_offer(number=number, price=250) for number in (1, 2)]
        builders.pass_time(world, seconds=(at - world.clock.now()).total_seconds())
        builders.a_finished_order(world, {offers[0]: 4})
        shop.registry.submits = [Refused(RefusalCode.CLOSED, "no")]
        builders.a_finished_order(world, {offers[1]: 3})
        provider_id = provider_id_of()
        if db.engine.dialect.name == "postgresql":
            db.session.execute(text("SET LOCAL TIME ZONE 'Pacific/Auckland'"))
        found = read_earnings(provider_id, "USD")
        sold = sold_by_month(line_sums(provider_id), [month.before, month, month.after])
        rows = list(statement(provider_id, "USD", month))

    assert [when for when, _sums in found.months] == [month]
    assert [one.cancelled for one in sold] == [0, 4, 0]
    assert sum(row.earned for row in rows) == found.whole.earned > 0
    assert sum(row.refunded for row in rows) == found.whole.refunded == 750


def test_what_was_earned_in_a_currency_that_the_house_gave_up_is_still_there(shop: Shop) -> None:
    every_fate(shop, two_participants(shop))
    with shop.inside():
        due = read_earnings(provider_id_of(), "USD").due
        with transaction() as session:
            session.execute(text("UPDATE purchase_order SET currency = 'JPY'"))
            session.execute(text("UPDATE offer SET currency = 'JPY'"))
    owner = signed_in(shop)
    told = f"JPY {due.minor:,}"

    assert told in owner.get(f"/en{OURS}").words.replace("\xa0", " ")
    ours = owner.get(f"/en{OURS}/earnings")
    assert told not in ours.words.replace("\xa0", " ")
    assert f"/en{OURS}/earnings?currency=JPY" in ours.links
    theirs = owner.get(f"/en{OURS}/earnings?currency=JPY")
    assert told in theirs.words.replace("\xa0", " ")
    (address,) = [link for link in theirs.links if link.endswith(".csv?currency=JPY")]
    assert {row["currency"] for row in rows_of(owner, address)} == {"JPY"}
    nowhere = owner.get(f"/en{OURS}/earnings?currency=XXX")
    assert "USD 0.00" in nowhere.words.replace("\xa0", " "), "what nobody ever sold in asks for nothing"


def test_whoever_only_reads_numbers_sees_no_payee(shop: Shop) -> None:
    every_fate(shop, two_participants(shop))
    with shop.inside():
        a_payout(123, reference="SEPA-0815")

    for who, sees in (("owner", True), ("seller", True), ("viewer", False)):
        visitor = signed_in(shop, f"{who}@salkhit.example")
        page = visitor.get(f"/en{OURS}/earnings")
        statement = visitor.client.get(f"/en{OURS}/earnings/2026-11.csv").get_data(as_text=True)

        assert ("Salkhit Holding" in page.words, "Golomt Bank" in page.words) == (sees, sees)
        assert ("SEPA-0815" in page.words, "SEPA-0815" in statement) == (sees, sees)
        assert "USD 1.23" in page.words.replace("\xa0", " ")
        assert "1.23" in statement


def test_units_cancelled_without_a_sale_are_listed_apart_and_earn_nothing(shop: Shop) -> None:
    offers = two_participants(shop)
    shop.finished_order({offers.ours: 7, offers.theirs: 1})
    with shop.inside():
        before = read_earnings(provider_id_of(), "USD").whole.earned
        a_direct_cancellation(offers.ours, 40)
        a_direct_cancellation(offers.ours, 50, state=CancellationState.WAITING)
        a_direct_cancellation(offers.theirs, 60)
        found = read_earnings(provider_id_of(), "USD")

    assert (found.whole.direct, found.whole.cancelled, found.whole.earned) == (40, 7, before)
    assert "Units cancelled without a sale40" in signed_in(shop).get(f"/en{OURS}").words


@pytest.mark.parametrize(
    ("today", "day", "expected"),
    [
        (date(2026, 11, 22), 5, date(2026, 12, 5)),
        (date(2026, 12, 5), 5, date(2026, 12, 5)),
        (date(2026, 12, 6), 5, date(2027, 1, 5)),
        (date(2026, 2, 1), 28, date(2026, 2, 28)),
    ],
)
def test_the_next_payout_day_is_this_months_or_the_next_ones(today: date, day: int, expected: date) -> None:
    assert next_payout(today, day) == expected


def test_months_follow_each_other_over_the_end_of_a_year() -> None:
    months = last_months(Month.of(datetime(2026, 1, 31, 23, 59, tzinfo=UTC)), 3)

    assert [str(month) for month in months] == ["2025-11", "2025-12", "2026-01"]
    assert months[1].after == months[2]
    assert months[0].first_day == date(2025, 11, 1)
