"""A form that came too often is shown again as it was filled in, with the time to try again."""

from __future__ import annotations

import pytest

from app.kernel.clock import FixedClock
from tests.conftest import AppMaker
from tests.service.conftest import Shop, with_fakes

TYPED = {
    "email": "buyer@example.org",
    "beneficiary": "Nguyễn Thị Minh",
    "purpose": "Our flights",
    "intent": "compensation",
}


@pytest.fixture
def strict(make_app: AppMaker, clock: FixedClock) -> Shop:
    return with_fakes(make_app(LIMIT_CHECKOUT="1/minute", LIMIT_RESEND="1/hour"), clock)


def test_details_typed_over_the_limit_stay_in_the_form(strict: Shop) -> None:
    visitor = strict.visitor()
    strict.fill_basket(visitor, {strict.offer(): 2})
    form = visitor.get("/en/checkout")
    visitor.send(form, "/checkout", 422, fields=TYPED | {"email": "nobody"})

    answer = visitor.send(form, "/checkout", 429, fields=TYPED)

    page = visitor.read(answer, 429)
    assert page.form("/checkout").fields | TYPED == page.form("/checkout").fields
    assert "What you typed is still here. Try again in 1 minute." in page.words
    assert 1 <= int(answer.headers["Retry-After"]) <= 60


def test_the_review_over_the_limit_is_the_review_with_its_tick(strict: Shop) -> None:
    visitor = strict.visitor()
    review = strict.at_review(visitor, {strict.offer(): 2}, **TYPED)

    page = visitor.read(visitor.send(review, "/review", 429, consent="y"), 429)

    assert page.form("/review").fields["consent"] == "y"
    assert "Nguyễn Thị Minh" in page.words
    assert "What you typed is still here." in page.words
    assert strict.gateway.payments == {}


def test_the_review_of_a_basket_that_is_gone_says_so(strict: Shop) -> None:
    visitor = strict.visitor()
    review = strict.at_review(visitor, {strict.offer(): 2})
    stranger = strict.visitor()

    page = stranger.read(stranger.send(review, "/review", 429, consent="y"), 429)

    assert "Your basket is empty" in page.words


def test_mails_sent_again_too_often_are_the_orders_limit_and_nobodys_address(strict: Shop) -> None:
    token, visitor = strict.finished_order({strict.offer(): 2}), strict.visitor()
    page = visitor.get(f"/en/orders/{token}")
    visitor.send(page, "/resend")

    again = visitor.send(page, "/resend", 429)

    shown = visitor.read(again, 429)
    assert "This order’s mails were sent again a short while ago. Try again in 60 minutes." in shown.words
    assert "your address" not in shown.words
    assert int(again.headers["Retry-After"]) == 3_600


def test_a_program_over_the_limit_gets_a_problem_document(strict: Shop) -> None:
    token, visitor = strict.finished_order({strict.offer(): 2}), strict.visitor()
    form = visitor.get(f"/en/orders/{token}").form("/resend")
    for _time in range(2):
        answer = visitor.client.post(form.action, data=form.fields, headers={"Accept": "application/json"})

    assert (answer.status_code, answer.mimetype) == (429, "application/problem+json")
