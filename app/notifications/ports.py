"""Who takes a mail away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, cast

from flask import current_app

from app.kernel.errors import Refusal


@dataclass(frozen=True)
class OutgoingMail:
    """A rendered mail. `message_id` is the same in every try, so that a repeat can be recognised."""

    message_id: str
    sender: str
    recipient: str
    subject: str
    text: str
    html: str
    locale: str


class MailNotTaken(Refusal):
    """The server did not take the mail; try again later."""

    code = "mail_not_taken"


class MailServerAway(MailNotTaken):
    """There is no server to talk to, or it lets nobody in: no other mail would be taken now either."""


class MailRefused(Refusal):
    """The server refused the mail for good."""

    code = "mail_refused"


class Mailer(Protocol):
    """Takes a mail away, or says why not."""

    def send(self, mail: OutgoingMail) -> None:
        """Hand over. Raises MailNotTaken, MailServerAway among them, or MailRefused."""
        ...

    def rehearse(self) -> None:
        """Do everything but send. Raises MailNotTaken."""
        ...


def current_mailer() -> Mailer:
    """The mailer this application was made with."""
    return cast(Mailer, current_app.extensions["tonne.mailer"])
