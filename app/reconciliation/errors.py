"""Why something cannot be done about a comparison or a hold."""

from __future__ import annotations

from app.kernel.errors import Fault, Refusal


class NoSuchFinding(Refusal):
    """There is no such finding."""

    code = "no_such_finding"


class FindingClosed(Refusal):
    """Somebody said before what it is."""

    code = "finding_closed"


class NoHold(Refusal):
    """Nothing is held back: no backup was restored, or the hold was lifted."""

    code = "no_hold"


class NotCompared(Refusal):
    """The hold cannot be lifted before every registry's statement was compared."""

    code = "not_compared"


class DeclarationMissing(Refusal):
    """The journal is lost, so the last numbers have to be declared: which `field`, and the `least` that it can be."""

    code = "declaration_missing"


class JournalBroken(Fault):
    """The journal is not what was written: a line was changed, lost or added by something else. Says which line."""
