"""Why something cannot be done with a complaint."""

from __future__ import annotations

from app.kernel.errors import Refusal


class NoSuchComplaint(Refusal):
    """Nobody complained under this number."""

    code = "no_such_complaint"


class ComplaintClosed(Refusal):
    """The complaint was answered or taken back before; `state` says which."""

    code = "complaint_closed"


class ReplyUnfit(Refusal):
    """The reply is empty or too long; `longest` is the most characters that fit."""

    code = "reply_unfit"
