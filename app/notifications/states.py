"""Where a mail stands."""

from __future__ import annotations

from enum import StrEnum

from app.kernel.states import Transitions


class MailState(StrEnum):
    """A mail is due until a server took it; `failed` waits for an operator."""

    DUE = "due"
    SENT = "sent"
    FAILED = "failed"


MAIL = Transitions(
    "mail",
    {
        MailState.DUE: {MailState.SENT, MailState.FAILED},
        MailState.FAILED: {MailState.SENT, MailState.DUE},
        MailState.SENT: set(),
    },
)
