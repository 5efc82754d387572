"""The words for sanctions lists and what is wrong with their files, in the reader's language."""

from __future__ import annotations

from flask_babel import gettext
from flask_babel import lazy_gettext as _

from app.kernel.errors import Refusal
from app.screening.edition import Source
from app.screening.errors import ListProblem

SOURCE_NAMES = {
    Source.OFAC: _("United States Treasury (OFAC), Specially Designated Nationals"),
    Source.EU: _("European Union, consolidated financial sanctions list"),
    Source.UN: _("United Nations Security Council, consolidated list"),
}

_PROBLEMS = {
    "not_xml": _("The file is not sound XML, or it has parts that are not read for safety."),
    "other_format": _("The file is not in a form of this source."),
    "no_entries": _("The file lists nobody."),
    "incomplete": _("The file announces another number of entries than it has. Fetch it again."),
    "reference_missing": _("The entry has no reference of its own."),
    "reference_repeated": _("The reference of this entry stands in the file before."),
    "name_missing": _("The entry has no name."),
    "wrong_columns": _("The row has another number of columns than this form has."),
    "unreadable": _("The row cannot be read: a quotation mark is missing or stands in the wrong place."),
    "entry_missing": _("The list has no entry for this alias."),
}

_REFUSALS = {
    "reason_missing": _("Give a reason, so that others can understand the decision."),
    "match_decided": _("Somebody decided this before. The first decision stands."),
}


def source_name(source: str) -> str:
    """The publisher and the list."""
    return str(SOURCE_NAMES[Source(source)])


def problem_line(problem: ListProblem) -> str:
    """A problem of a file with its place, in one line. Places are written as in the file, in English."""
    return gettext("%(place)s: %(problem)s", place=problem.place, problem=str(_PROBLEMS[problem.code]))


def refusal_line(refusal: Refusal) -> str:
    """Why a decision was not taken."""
    return str(_REFUSALS[refusal.code])
