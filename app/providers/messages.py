"""The words for parts and refusals, in the reader's language."""

from __future__ import annotations

from flask_babel import gettext
from flask_babel import lazy_gettext as _

from app.kernel.errors import Refusal
from app.providers.parts import Part

PART_NAMES = {
    Part.COMPANY: _("Organisation"),
    Part.CONTACT: _("Contact person"),
    Part.OWNERS: _("Beneficial owners"),
    Part.PAYEE: _("Where the money goes"),
    Part.DOCUMENTS: _("Identity documents"),
    Part.PROJECTS: _("Projects and evidence of authority"),
    Part.CERTIFICATION: _("Self-certification"),
}

_FILE_PROBLEMS = {
    "empty": _("The file is empty."),
    "too_large": _("The file is larger than 5 MB."),
    "wrong_type": _("The file is no PDF, PNG or JPEG, whatever its name says."),
    "infected": _("The scanner knows something harmful in this file. Nothing was kept: make the file anew elsewhere."),
    "not_scanned": _("The file could not be checked for viruses, so it was not kept. Try again in a few minutes."),
}

OWN_ORGANISATION = _("You work for this organisation. Another operator has to decide.")

_SENTENCES = {
    "not_editable": _("The application cannot be changed now: it waits for its decision, or was decided."),
    "too_many": _("There are as many as there may be. Remove one first."),
    "unknown_project": _("There is no project with this reference."),
    "already_named": _("This person stands in the list already. To change something, remove the entry first."),
    "already_claimed": _("You claim this project already."),
    "incomplete": _("The application is not complete. What is missing stands below."),
    "moved_on": _("Somebody decided this before. Nothing was changed."),
    "not_clear": _(
        "This cannot be approved while a name is like one on a sanctions list. Decide about the likeness first."
    ),
    "code_taken": _(
        "Another participant has this code, or it has other characters than small letters, digits and dashes."
    ),
    "own_request": _("You asked for this change yourself. Another person has to agree."),
    "own_organisation": OWN_ORGANISATION,
    "already_proposed": _("This waits for a second operator already."),
    "reason_missing": _("Give a reason, so that others can understand the decision."),
}


def sentence(refusal: Refusal) -> str:
    """Why something was not done."""
    if refusal.code == "file_unfit":
        return str(_FILE_PROBLEMS[str(refusal.facts["problem"])])
    if refusal.code == "wording_unfit":
        return gettext(
            "“%(quote)s” claims something that nobody may say of units. Say what the project did instead.",
            quote=str(refusal.facts["quote"]),
        )
    if refusal.code == "shares_too_large":
        return gettext(
            "All shares together make at most 100 per cent, of which %(left)s are left.",
            left=str(refusal.facts["left"]),
        )
    return str(_SENTENCES[refusal.code])


def part_name(part: str) -> str:
    """The name of a part of the application."""
    return str(PART_NAMES[Part(part)])
