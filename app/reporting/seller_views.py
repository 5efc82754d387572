"""A participant's numbers: overview, orders, earnings, and the same as files. Everything is the organisation's own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    make_response,
    redirect,
    render_template,
    request,
    stream_with_context,
    url_for,
)
from werkzeug.wrappers import Response as BaseResponse

from app.accounts.access import get_seat, members
from app.accounts.roles import Role
from app.audit.rules import PAYOUT_DAY, rule
from app.current import now, settings
from app.providers.models import Provider
from app.providers.queries import find_provider_of
from app.reporting import files, interest
from app.reporting.drawings import draw, money_on_scale, month_name
from app.reporting.earnings import find_payee, next_payout, read_earnings, sold_by_month, statement
from app.reporting.forms import (
    Month,
    SaleState,
    Selection,
    last_months,
    read_cursor,
    read_days,
    read_month,
    read_selection,
)
from app.reporting.lines import line_sums
from app.reporting.overview import attention, newest_application, offer_standings, tiles
from app.reporting.queries import NOTHING, PAGE, every_sale, offered_currencies, sales_page, sold_projects
from app.web import demonstration
from app.web.limits import limit_files

blueprint = Blueprint("dashboard", __name__, url_prefix="/<lang>/sell/<organisation>")

MONTHS = 12


def init_app(app: Flask) -> None:
    """Register the pages, and count from now on what they show of interest."""
    app.register_blueprint(blueprint)
    interest.init_app(app)


@blueprint.get("")
@members(Role.VIEWER)
def start(organisation: str) -> str:  # noqa: ARG001 - the guard has read it
    """The overview; before the approval, where the application stands."""
    seat = get_seat()
    provider = find_provider_of(seat.organisation_id)
    if provider is None:
        return render_template("sell/dashboard_before.html", application=newest_application(seat.organisation_id))
    months = last_months(Month.of(now()), MONTHS)
    lines = line_sums(provider.id)
    sold = sold_by_month(lines, months)
    earnings = read_earnings(provider.id, settings().currency, lines)
    offers = offer_standings(provider.id, lines)
    return render_template(
        "sell/dashboard.html",
        provider=provider,
        offers=offers,
        tiles=tiles(offers),
        sold=sold,
        earnings=earnings,
        earned_in={month: sums.earned for month, sums in earnings.months},
        drawings=draw(sold, earnings),
        attention=attention(provider, offers),
        next_payout=_next_payout(),
        month_name=month_name,
        money_on_scale=money_on_scale(earnings.currency),
    )


@blueprint.get("/orders")
@members(Role.VIEWER)
def orders(organisation: str) -> BaseResponse:
    """The participant's own lines of orders, newest first, as far as they are narrowed; none by what is no day."""
    provider = find_provider_of(get_seat().organisation_id)
    if provider is None:
        return redirect(url_for("dashboard.start", organisation=organisation), 303)
    selection, days = read_selection(request.args), read_days(request.args)
    is_read = not any(day.error for day in days.values())
    page = NOTHING
    if is_read:
        page = sales_page(
            provider.id,
            selection,
            after=read_cursor(request.args.get("after", "")),
            before=read_cursor(request.args.get("before", "")),
            size=PAGE,
        )
    html = render_template(
        "sell/dashboard_orders.html",
        page=page,
        selection=selection,
        days=days,
        is_read=is_read,
        arguments=selection.arguments(),
        projects=sold_projects(provider.id),
        states=list(SaleState),
    )
    return make_response(html, 200 if is_read else 422)


@blueprint.get("/orders.csv")
@members(Role.VIEWER)
@limit_files
def orders_csv(organisation: str) -> Response:  # noqa: ARG001 - the guard has read it
    """The same selection as CSV. No file of what is no selection."""
    rows = every_sale(_provider().id, _selection_of_a_file())
    return _file(files.sale_lines(rows, demonstration.statement()), "text/csv", "orders.csv")


@blueprint.get("/orders.json")
@members(Role.VIEWER)
@limit_files
def orders_json(organisation: str) -> Response:  # noqa: ARG001 - the guard has read it
    """The same selection as JSON."""
    selection = _selection_of_a_file()
    parts = files.sale_parts(
        every_sale(_provider().id, selection),
        remark=demonstration.statement() if settings().is_demonstration else None,
        selection=selection.arguments(),
        made_at=now(),
    )
    return _file(parts, "application/json", "orders.json")


@blueprint.get("/earnings")
@members(Role.VIEWER)
def earnings(organisation: str) -> BaseResponse | str:
    """What was earned, refunded, sent and is due, by month and by project: in one currency."""
    seat = get_seat()
    provider = find_provider_of(seat.organisation_id)
    if provider is None:
        return redirect(url_for("dashboard.start", organisation=organisation), 303)
    # Where money goes is not for those who only read numbers.
    sees_payee = seat.role.covers(Role.SELLER)
    return render_template(
        "sell/dashboard_earnings.html",
        earnings=read_earnings(provider.id, _currency(provider)),
        currencies=sorted({settings().currency, *offered_currencies(provider.id)}),
        next_payout=_next_payout(),
        month_name=month_name,
        sees_payee=sees_payee,
        payee=find_payee(provider.id) if sees_payee else None,
    )


@blueprint.get("/earnings/<month>.csv")
@members(Role.VIEWER)
@limit_files
def month_statement(organisation: str, month: str) -> Response:  # noqa: ARG001 - the guard has read it
    """The statement of one month, such as `2026-11`, as CSV."""
    found = read_month(month)
    if found is None:
        abort(404)
    provider = _provider()
    currency = _currency(provider)
    rows = statement(provider.id, currency, found, with_references=get_seat().role.covers(Role.SELLER))
    remark = demonstration.statement() if settings().is_demonstration else ""
    return _file(files.statement_lines(rows, currency, remark), "text/csv", f"statement-{found}.csv")


def _selection_of_a_file() -> Selection:
    if any(day.error for day in read_days(request.args).values()):
        abort(400)
    return read_selection(request.args)


def _provider() -> Provider:
    """The participant of the address; an organisation that is none has no files."""
    provider = find_provider_of(get_seat().organisation_id)
    if provider is None:
        abort(404)
    return provider


def _currency(provider: Provider) -> str:
    """The currency that an address asks for, if the participant ever offered in it; otherwise the house's."""
    ours = settings().currency
    asked = request.args.get("currency", ours)
    return asked if asked == ours or asked in offered_currencies(provider.id) else ours


def _next_payout() -> date:
    return next_payout(now().date(), rule(PAYOUT_DAY))


def _file(parts: Iterator[str], content_type: str, filename: str) -> Response:
    response = Response(stream_with_context(parts), content_type=f"{content_type}; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{filename}"'
    return response
