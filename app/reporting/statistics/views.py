"""The public page of statistics, and the rows behind each of its figures as files."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from operator import attrgetter

from babel.numbers import format_percent
from flask import Blueprint, Flask, Response, abort, render_template, request, stream_with_context, url_for
from flask_babel import gettext

from app.catalog import labels
from app.certificates.facts import encode
from app.current import now, settings
from app.reporting.drawings import month_name
from app.reporting.forms import Month
from app.reporting.statistics import files, here, published
from app.reporting.statistics.annual_report import SYMBOL
from app.reporting.statistics.drawings import draw_here, draw_published
from app.reporting.statistics.forms import (
    REPORT_PERIOD,
    UNKNOWN,
    HereSelection,
    Period,
    read_cursor,
    read_days,
    read_here,
    read_limit,
    read_period,
    read_selection,
    read_serial,
)
from app.reporting.statistics.overview import PublishedFigures, here_figures, published_figures
from app.reporting.statistics.report import make_report
from app.reporting.statistics.report_files import as_csv, as_json
from app.reporting.statistics.words import (
    CHANNELS,
    SECTIONS,
    line_words,
    notes,
    size_words,
    source_kind,
    time_words,
    vintage_words,
)
from app.web import filters
from app.web.demonstration import statement
from app.web.i18n import current_locale
from app.web.limits import limit_files
from app.web.shared_pages import may_be_shared

blueprint = Blueprint("statistics", __name__, url_prefix="/<lang>/statistics")
_TYPES = {"csv": "text/csv; charset=utf-8", "json": "application/json; charset=utf-8"}


def init_app(app: Flask) -> None:
    """Register the pages."""
    app.register_blueprint(blueprint)


@blueprint.get("")
def overview() -> str:
    """What was sold and cancelled here, and what the published books say of a period."""
    period = read_period(request.args, REPORT_PERIOD)
    figures = published_figures(period, now())
    ours = here_figures(now())
    typed = request.args.get("serial", "")
    serial = read_serial(typed)
    found = published.find_serial(*serial) if serial else None
    may_be_shared()
    return render_template(
        "statistics/overview.html",
        period=period,
        days=read_days(request.args, REPORT_PERIOD),
        report_period=REPORT_PERIOD,
        figures=figures,
        drawings=draw_published(figures),
        ours=ours,
        our_drawings=draw_here(ours),
        everything=HereSelection(),
        typed=typed[:40],
        serial=serial,
        found=found,
        symbol=SYMBOL,
        section_words=SECTIONS,
        channels=CHANNELS,
        line_words=line_words,
        size_words=size_words,
        time_words=time_words,
        source_kind=source_kind,
        month_name=month_name,
        month_in=_month_in,
        notes=notes(),
        periods=_periods(figures.whole),
        country_name=filters.country,
        type_name=_known_or(labels.project_type),
        region_name=_known_or(labels.region),
        vintage_name=vintage_words,
        unit_type_name=labels.unit_in_full,
        transactions_of=attrgetter("transactions"),
        unknown_share=_unknown_share(figures),
    )


@blueprint.get("/rows.<any(csv, json):form>")
@limit_files
def rows(form: str) -> Response:
    """Rows of the published books."""
    selection, limit = read_selection(_readable()), _limit(form)
    found = published.every_row(selection, read_cursor(request.args.get("after", "")), limit)
    return _file(
        files.RowFile(
            "tonne-published-rows-1",
            files.PUBLISHED_COLUMNS,
            files.published_rows(found),
            selection.arguments(),
            limit,
        ),
        "rows",
        form,
    )


@blueprint.get("/here.<any(csv, json):form>")
@limit_files
def cancelled_here(form: str) -> Response:
    """What was cancelled here, one row for each registry transaction."""
    selection, limit = read_here(_readable()), _limit(form)
    found = here.every_row(selection, read_cursor(request.args.get("after", "")), limit)
    return _file(
        files.RowFile("tonne-here-1", files.HERE_COLUMNS, files.here_rows(found), selection.arguments(), limit),
        "cancelled_here",
        form,
    )


@blueprint.get("/money.<any(csv, json):form>")
@limit_files
def money(form: str) -> Response:
    """What buyers paid and who got it, by month, project and currency."""
    selection, limit = read_here(_readable()), read_limit("")
    found = here.money_rows(selection)
    return _file(
        files.RowFile("tonne-money-1", files.MONEY_COLUMNS, files.money_rows(found), selection.arguments(), limit),
        "money",
        form,
    )


@blueprint.get("/report.<any(csv, json):form>")
@limit_files
def report(form: str) -> Response:
    """The registry's report of a period."""
    made = make_report(read_period(_readable(REPORT_PERIOD), REPORT_PERIOD))
    return _answer(iter([as_csv(made) if form == "csv" else as_json(made)]), "report", form)


def _readable(otherwise: Period = HereSelection.period) -> Mapping[str, str]:
    """The arguments of a file: it never holds other days than those that were asked for."""
    if any(day.is_wrong for day in read_days(request.args, otherwise).values()):
        abort(400)
    return request.args


def _limit(form: str) -> int:
    """How many rows a file has at most: CSV, which cannot say where the next one begins, has all unless asked."""
    return read_limit(request.args.get("limit", ""), sys.maxsize if form == "csv" else None)


def _periods(whole: Period | None) -> list[tuple[str, Period]]:
    """Periods to choose with one press: that of the annual report, all that was published, and each calendar year."""
    found = [(gettext("Period of %(symbol)s", symbol=SYMBOL), REPORT_PERIOD)]
    if whole is not None:
        found.append((gettext("All that is published"), whole))
        found += [
            (str(year), Period(date(year, 1, 1), date(year, 12, 31)))
            for year in range(whole.last.year, whole.first.year - 1, -1)
        ]
    return found


def _known_or(name: Callable[[str], str]) -> Callable[[str], str]:
    def words(code: str) -> str:
        return gettext("Not known") if code == UNKNOWN else name(code)

    return words


def _unknown_share(figures: PublishedFigures) -> str | None:
    """The share of cancelled units whose project type is not known, in words; None where nothing was cancelled."""
    total = sum(group.count.units for group in figures.types)
    unknown = sum(group.count.units for group in figures.types if group.code == UNKNOWN)
    if not total:
        return None
    return format_percent(round(unknown / total, 3), decimal_quantization=False, locale=current_locale())


def _month_in(day: date) -> Month:
    return Month(day.year, day.month)


def _file(made: files.RowFile, name: str, form: str) -> Response:
    said = statement() if settings().is_demonstration and name != "rows" else ""
    if form == "csv":
        return _answer(made.csv_lines(said), name, form)

    def more(place: str) -> str:
        arguments = {**made.selection, "after": place, "limit": str(made.limit)}
        return url_for(f"statistics.{name}", form=form, _external=False, **arguments)

    return _answer(made.json_parts(said or None, encode(now()), more), name, form)


def _answer(parts: Iterator[str], name: str, form: str) -> Response:
    response = Response(stream_with_context(parts), content_type=_TYPES[form])
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.{form}"'
    return response
