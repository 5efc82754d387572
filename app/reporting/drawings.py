"""A participant's numbers as charts: what the bars are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from babel.dates import format_date
from babel.numbers import format_compact_decimal

from app.kernel.languages import LANGUAGES
from app.kernel.money import Money
from app.reporting.earnings import Earnings, ProjectSums, SoldMonth
from app.reporting.forms import Month
from app.web.charts import BarChart, bar_chart
from app.web.i18n import current_locale

MOST_PROJECTS = 4  # whose references fit below the bars at 320 pixels

# The looks of `templates/_macros/charts.html`: the accent, and hatched.
DONE, ON_THE_WAY = "here", "platform"


@dataclass(frozen=True)
class Drawings:
    """The charts of a participant; None where there is nothing to draw. `projects` are those that are drawn."""

    sold: BarChart | None
    earned: BarChart | None
    by_project: BarChart | None
    projects: tuple[ProjectSums, ...]


def draw(sold: Sequence[SoldMonth], earnings: Earnings) -> Drawings:
    """Units sold and money earned over the same months, and cancelled units of the projects with most of them."""
    earned = {month: sums.earned for month, sums in earnings.months}
    projects = sorted(
        (project for project in earnings.projects if project.sums.cancelled), key=lambda p: -p.sums.cancelled
    )[:MOST_PROJECTS]
    return Drawings(
        sold=bar_chart([(label(one.month), {DONE: one.cancelled, ON_THE_WAY: one.on_the_way}) for one in sold]),
        earned=bar_chart([(label(one.month), {DONE: earned.get(one.month, 0)}) for one in sold]),
        by_project=bar_chart([(project.reference, {DONE: project.sums.cancelled}) for project in projects]),
        projects=tuple(projects),
    )


def label(month: Month) -> str:
    """A month as it stands below a bar, short enough for 320 pixels in every language: `11/26`."""
    return f"{month.month:02}/{month.year % 100:02}"


def month_name(month: Month) -> str:
    """A month in words: `November 2026`, in the language in force."""
    locale = current_locale()
    return format_date(month.first_day, LANGUAGES[locale.language].month, locale=locale)


def money_on_scale(currency: str) -> object:
    """What writes minor units of a currency on a scale, short and without its name: `1.2K`."""

    def words(minor: int) -> str:
        return format_compact_decimal(Money(minor, currency).decimal, fraction_digits=2, locale=current_locale())

    return words
