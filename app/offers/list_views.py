"""The list of projects with search and filters, and the page that says how it is sorted."""

from __future__ import annotations

from functools import lru_cache

from flask import Flask, current_app, make_response, redirect, render_template, request, url_for
from flask_babel import gettext
from markupsafe import Markup
from werkzeug.wrappers import Response

from app.current import settings
from app.kernel.money import Money
from app.offers import facets
from app.offers.filters import MOST_UNITS, Question, read
from app.offers.listing import PAGE_ROWS, listing
from app.offers.selection import SORTS, ProjectRow
from app.web.filters import money, number
from app.web.i18n import current_language
from app.web.shared_pages import may_be_shared, shared_but_for_the_corner

_NEIGHBOURS = 2  # page numbers on each side of the present one


def init_app(app: Flask) -> None:
    """Register the pages: not on the blueprint of the catalogue, which knows pages that the list does without."""
    app.add_url_rule("/<lang>/", "catalog.projects", projects)
    app.add_url_rule("/<lang>/how-we-sort", "catalog.sorting", how_we_sort)


@shared_but_for_the_corner
def projects() -> Response:
    """The list of projects with what is for sale at this moment, as the address asks for it.

    Another writing of the same question is sent to its one address; what cannot be used answers 422.
    """
    question = read(request.args, settings().currency)
    if not question.errors and question.pairs != list(request.args.items(multi=True)):
        return redirect(_address(question.on_page(question.filters.page)))
    listed = listing(question.filters)
    if listed.page != question.filters.page:
        return redirect(_address(question.on_page(listed.page)))
    currency = settings().currency
    page = render_template(
        "catalog/projects.html",
        question=question,
        filters=question.filters,
        listed=listed,
        groups=facets.groups(question, listed),
        chips=facets.chips(question, currency),
        looser=facets.looser(question, listed, currency),
        sort_labels=facets.SORT_LABELS,
        errors=_messages(question, currency),
        address=_address,
        row_html=_row_html,
        pages=_page_numbers(listed.page, listed.pages),
        currency=currency,
    )
    may_be_shared(listed.read_at)
    return make_response(page, 422 if question.errors else 200)


def how_we_sort() -> str:
    """The rule of every order that a list or a choice of ours is in."""
    return render_template("catalog/sorting.html", sort_labels=facets.SORT_LABELS, sorts=tuple(SORTS), rows=PAGE_ROWS)


def _address(query: str) -> str:
    home = url_for("catalog.projects")
    return f"{home}?{query}" if query else home


def _row_html(row: ProjectRow, units: int | None) -> Markup:
    return _row_in(current_language(), row, units)


@lru_cache(maxsize=4096)
def _row_in(_language: str, row: ProjectRow, units: int | None) -> Markup:
    """A row's HTML, which depends on nothing else than these three: half of the page's work is done once."""
    return Markup(current_app.jinja_env.get_template("catalog/_row.html").render(row=row, units=units))  # noqa: S704 - drawn by Jinja, which escapes


def _messages(question: Question, currency: str) -> dict[str, str]:
    """A sentence for each field that cannot be used."""
    example = money(Money(150, currency))
    words = {
        "not_year": gettext("Choose a year, or any year."),
        "before_first": gettext("The last year must not be before the first."),
        "below_lowest": gettext("The highest price must not be below the lowest."),
        "not_units": gettext("Write a whole number of units from 1 to %(most)s.", most=number(MOST_UNITS)),
    }
    wrong_price = gettext("Write the price as a number, such as 1.50 for %(example)s.", example=example)
    return {field: words.get(code, wrong_price) for field, code in question.errors.items()}


def _page_numbers(page: int, pages: int) -> list[int | None]:
    """The numbers to link to: the first, those around `page`, the last; None where some are left out."""
    near = {1, pages, *range(max(1, page - _NEIGHBOURS), min(pages, page + _NEIGHBOURS) + 1)}
    numbers: list[int | None] = []
    for each in sorted(near):
        last = numbers[-1] if numbers else 0
        if last is not None and each - last > 1:
            numbers.append(None)
        numbers.append(each)
    return numbers
