"""Why something cannot be done with an application, a participant, an authority or a payee."""

from __future__ import annotations

from app.kernel.errors import Refusal


class NoSuchThing(Refusal):
    """The organisation has no such application, owner, document, claim or payee."""

    code = "no_such_thing"


class NotEditable(Refusal):
    """The application waits for its decision, or was decided; its `state`."""

    code = "not_editable"


class Incomplete(Refusal):
    """The application lacks `parts`."""

    code = "incomplete"


class TooMany(Refusal):
    """There are `most` of them already."""

    code = "too_many"


class FileUnfit(Refusal):
    """The file cannot be kept: `problem` is `empty`, `too_large`, `wrong_type`, `infected` or `not_scanned`."""

    code = "file_unfit"


class UnknownProject(Refusal):
    """No project has this reference."""

    code = "unknown_project"


class AlreadyClaimed(Refusal):
    """The organisation claims this project already."""

    code = "already_claimed"


class AlreadyNamed(Refusal):
    """A person of this name, country and year of birth stands in the application already."""

    code = "already_named"


class SharesTooLarge(Refusal):
    """Together the owners would have more than the whole; `left` per cent are left."""

    code = "shares_too_large"


class NotClear(Refusal):
    """A name behind the application is like a listed one: `standing` is `pending` or `confirmed`."""

    code = "not_clear"


class CodeTaken(Refusal):
    """Another participant has this code, or it is none that could be given."""

    code = "code_taken"


class MovedOn(Refusal):
    """Somebody else decided first; nothing was changed."""

    code = "moved_on"


class OwnRequest(Refusal):
    """Who asked for a change of the payee cannot agree to it."""

    code = "own_request"


class OwnOrganisation(Refusal):
    """An operator who works for the organisation decides nothing about it."""

    code = "own_organisation"


class WordingUnfit(Refusal):
    """A public text makes a claim that nobody may make of units: the `quote`, in the text of `language`."""

    code = "wording_unfit"
