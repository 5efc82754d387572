"""How many tonnes, and how many units for one's money. What was typed lives in the address; nothing is kept."""

from __future__ import annotations

import json
from pathlib import Path

from babel.numbers import get_currency_precision
from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    current_app,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask_babel import gettext
from werkzeug.wrappers import Response as BaseResponse

from app.calculator import presentation
from app.calculator.entry import VERSION, Entry, tidy
from app.calculator.factors import Table, Tables, load_tables
from app.calculator.forms import BudgetForm
from app.calculator.queries import MOST_ROWS, Purchases, purchases
from app.current import settings
from app.kernel.money import Money
from app.web import filters
from app.web.demonstration import current_settings_are_demonstration, statement

blueprint = Blueprint("calculator", __name__, url_prefix="/<lang>")

DATA = Path(__file__).parent / "data"
_EXTENSION = "tonne.factors"


def init_app(app: Flask) -> None:
    """Read every table of factors, those of the operator in `INSTANCE_PATH/factors` too, and register the pages.

    Raises BadTable for a file that cannot be used.
    """
    app.extensions[_EXTENSION] = load_tables([DATA, Path(app.instance_path) / "factors"])
    app.register_blueprint(blueprint)


@blueprint.get("/how-many-tonnes")
def start() -> BaseResponse:
    """The calculator, and above it the result of what stands in the address.

    Such an address is sent to its one form: nothing that says nothing, and the version of the factors named, so
    that it gives the same result next year.
    """
    kept = tidy(request.args)
    if request.args and VERSION not in kept:
        kept = {VERSION: _tables().newest.version, **kept}
    if list(kept.items()) != list(request.args.items(multi=True)):
        return redirect(url_for("calculator.start", **kept))
    table = _table()
    entry = Entry(request.args, table)
    result = entry.calculate() if request.args else None
    page = render_template(
        "calculator/start.html",
        entry=entry,
        result=result,
        lines=[presentation.line_words(line) for line in result.lines] if result else [],
        words=presentation,
        table=table,
        newest=_tables().newest,
        kept=kept,
        renewed={name: value for name, value in kept.items() if name != VERSION},
    )
    return make_response(page, 422 if entry.errors else 200)


@blueprint.get("/how-many-tonnes.json")
def data() -> Response:
    """The same numbers for the same arguments, as JSON; a problem document (RFC 9457) names what is wrong."""
    entry = Entry(request.args, _table())
    result = entry.calculate()
    if result is None:
        errors = [{"parameter": name, "detail": message} for name, message in entry.errors]
        body = {"type": "about:blank", "title": "Unprocessable Content", "status": 422, "errors": errors}
        return _json(body, 422, "application/problem+json")
    is_demonstration = current_settings_are_demonstration(current_app)
    body = presentation.as_data(result) | {"demonstration": statement() if is_demonstration else None}
    return _json(body, 200, "application/json; charset=utf-8")


@blueprint.get("/how-many-tonnes/factors-<version>.csv")
def factors(version: str) -> Response:
    """A whole table of factors, as it was published."""
    table = _tables().versions.get(version)
    if table is None:
        abort(404)
    response = make_response(table.text)
    response.headers["Content-Type"] = "text/csv; charset=utf-8"
    response.headers["Content-Disposition"] = f'attachment; filename="factors-{version}.csv"'
    return response


@blueprint.get("/how-many-tonnes/budget")
def budget() -> Response:
    """What an amount of money buys of each project, and what is left of it. Nothing is added silently."""
    form = BudgetForm(request.args)
    found: Purchases | None = None
    money: Money | None = None
    if "amount" in request.args and form.validate():
        money = _budget(form)
        if money is not None:
            found = purchases(money, settings().payment_minimum)
    page = render_template(
        "calculator/budget.html", form=form, budget=money, found=found, currency=settings().currency, most=MOST_ROWS
    )
    return make_response(page, 422 if form.errors else 200)


def _budget(form: BudgetForm) -> Money | None:
    """The amount in the currency of the shop, or None with the error at its field."""
    currency, problem = settings().currency, ""
    if form.amount.amount is None:
        problem = gettext("Enter an amount of money.")
    else:
        minor = form.amount.amount.scaleb(get_currency_precision(currency))
        smallest, largest = (Money(m, currency) for m in (settings().payment_minimum, settings().payment_maximum))
        if minor != minor.to_integral_value():
            problem = gettext("%(currency)s has no such small coins. Enter fewer decimals.", currency=currency)
        elif minor < smallest.minor:
            problem = gettext("The smallest payment is %(minimum)s. Enter more.", minimum=filters.money(smallest))
        elif minor > largest.minor:
            problem = gettext("The largest payment is %(maximum)s. Enter less.", maximum=filters.money(largest))
        else:
            return Money(int(minor), currency)
    form.amount.errors = [problem]
    return None


def _tables() -> Tables:
    tables: Tables = current_app.extensions[_EXTENSION]
    return tables


def _table() -> Table:
    """The table that the address names, or the newest; an unknown one is not found."""
    version = request.args.get(VERSION, "")
    table = _tables().versions.get(version) if version else _tables().newest
    if table is None:
        abort(404)
    return table


def _json(body: dict[str, object], status: int, mimetype: str) -> Response:
    response = make_response(json.dumps(body, ensure_ascii=False, indent=2), status)
    response.headers["Content-Type"] = mimetype
    return response
