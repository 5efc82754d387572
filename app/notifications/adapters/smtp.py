"""Mail by SMTP (RFC 5321), one connection for each mail."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from enum import StrEnum
from socket import socket
from typing import Any, cast

import idna

from app.kernel.text import clean_line
from app.notifications.addresses import split_sender
from app.notifications.ports import MailNotTaken, MailRefused, MailServerAway, OutgoingMail

# Seven-bit bodies pass every server, whether it announces 8BITMIME or not.
_POLICY = SMTP.clone(cte_type="7bit")
# The standard library needs seconds to fold a header of a megabyte.
LONGEST_SUBJECT = 200
# Seconds for each answer; and for those about the mail itself, which servers look through first. Who hangs up before
# the last one sends the mail again, and its reader has it twice (RFC 5321, 4.5.3.2.6).
TIMEOUT, PATIENCE = 20.0, 90.0
# Characters that mean something in an address header (RFC 5322, specials) other than dot and at.
_NOT_PLAIN = frozenset(' ()<>[]:;,\\"')
# Security or policy (RFC 3463): we may not relay, or did not sign in. It says nothing about the recipient.
NOT_FOR_US = b"5.7."


class Tls(StrEnum):
    """How the connection is protected."""

    STARTTLS = "starttls"
    IMPLICIT = "implicit"
    NONE = "none"


@dataclass(frozen=True)
class SmtpServer:
    """Where mail goes. An empty user means no sign-in."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    tls: Tls


class _Plain(smtplib.SMTP):
    """A connection that is patient from the mail's own words on."""

    patience = PATIENCE

    def data(self, msg: Any) -> tuple[int, bytes]:
        """Hand the mail over, and wait for what the server thinks of it."""
        # Nobody comes here without a connection: `sendmail` has just had an answer about the recipient.
        cast(socket, self.sock).settimeout(self.patience)
        return super().data(msg)


class _Encrypted(_Plain, smtplib.SMTP_SSL):
    """The same, encrypted from the first byte."""


class SmtpMailer:
    """Hands mails to one server. `timeout` and `patience` (seconds) bound every answer it may take."""

    def __init__(
        self, server: SmtpServer, sender: str, *, timeout: float = TIMEOUT, patience: float = PATIENCE
    ) -> None:
        self.server = server
        self._patience = patience
        name, address = split_sender(sender)
        self._sender = Address(name, addr_spec=address)
        self._timeout = timeout

    def send(self, mail: OutgoingMail) -> None:
        """Hand over one mail.

        Raises MailRefused when this recipient or this mail is refused for good (5xx), and
        MailNotTaken for everything that may pass: 4xx, and also a server that refuses *us* (sender, relaying),
        because an operator can set that right. MailServerAway where no mail would be taken:
        no connection, no encryption, no sign-in.
        """
        recipient = _recipient(mail.recipient)
        message = self._message(mail, recipient)
        try:
            with self._connection() as connection:
                if not recipient.addr_spec.isascii() and not connection.has_extn("smtputf8"):
                    raise MailRefused(message="the mail server does not take addresses beyond ASCII (SMTPUTF8)")
                connection.send_message(message, self._sender.addr_spec, [recipient.addr_spec])
        except smtplib.SMTPRecipientsRefused as refusal:
            ((code, answer),) = refusal.recipients.values()
            if answer.startswith(NOT_FOR_US):
                raise MailNotTaken(message=clean_line(f"{code} {answer.decode('utf-8', 'replace')}")) from refusal
            raise _outcome(code, answer) from refusal
        except smtplib.SMTPDataError as refusal:
            raise _outcome(refusal.smtp_code, refusal.smtp_error) from refusal
        except smtplib.SMTPSenderRefused as refusal:
            raise MailNotTaken(message=clean_line(str(refusal))) from refusal
        except OSError as problem:
            # It may be this mail, or its recipient's own server, that ours stumbles over: the next one may be taken.
            raise MailNotTaken(message=clean_line(str(problem))) from problem

    def rehearse(self) -> None:
        """Do everything but send: connect, greet, encrypt, sign in. Raises MailServerAway."""
        with self._connection():
            return

    def _message(self, mail: OutgoingMail, recipient: Address) -> EmailMessage:
        message = EmailMessage(policy=_POLICY)
        message["From"] = self._sender
        message["To"] = recipient
        message["Subject"] = clean_line(mail.subject[:LONGEST_SUBJECT])
        message["Date"] = format_datetime(datetime.now(UTC))
        message["Message-ID"] = mail.message_id
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(mail.text)
        message.add_alternative(mail.html, subtype="html")
        # After the parts: a second part moves every Content- header into the first one.
        message["Content-Language"] = mail.locale
        return message

    @contextmanager
    def _connection(self) -> Iterator[smtplib.SMTP]:
        """A connection that lets us in. Raises MailServerAway."""
        with ExitStack() as at_the_end:
            try:
                connection = self._open()
                at_the_end.callback(self._leave, connection)
                self._enter(connection)
            except OSError as problem:
                # smtplib.SMTPException and ssl.SSLError are OSErrors as well.
                raise MailServerAway(message=clean_line(str(problem))) from problem
            yield connection

    def _open(self) -> smtplib.SMTP:
        server = self.server
        # Our name in EHLO is the sender's domain: asking the machine could ask a name server.
        name = self._sender.domain
        connection: _Plain
        if server.tls is Tls.IMPLICIT:
            connection = _Encrypted(
                server.host, server.port, name, timeout=self._timeout, context=ssl.create_default_context()
            )
        else:
            connection = _Plain(server.host, server.port, name, timeout=self._timeout)
        connection.patience = self._patience
        return connection

    def _enter(self, connection: smtplib.SMTP) -> None:
        if self.server.tls is Tls.STARTTLS:
            connection.starttls(context=ssl.create_default_context())
        connection.ehlo_or_helo_if_needed()
        if self.server.user:
            connection.login(self.server.user, self.server.password)

    def _leave(self, connection: smtplib.SMTP) -> None:
        """The mail is taken or not by now; what the server says to a farewell changes nothing."""
        with suppress(OSError):
            if connection.sock is not None:
                connection.sock.settimeout(self._timeout)
            connection.quit()
        connection.close()


def _recipient(address: str) -> Address:
    """The address with its domain in ASCII. Raises MailRefused when it is not one plain address."""
    local_part, _, domain = address.rpartition("@")
    parts_missing = not local_part or not domain or "@" in local_part
    if parts_missing or clean_line(address) != address or _NOT_PLAIN & set(address):
        raise MailRefused(message="not an address")
    try:
        return Address(username=local_part, domain=domain if domain.isascii() else _ascii(domain))
    except idna.IDNAError as problem:
        raise MailRefused(message=f"not a domain: {problem}") from problem


def _ascii(domain: str) -> str:
    return idna.encode(domain, uts46=True).decode("ascii")


def _outcome(code: int, answer: bytes | str) -> MailNotTaken | MailRefused:
    words = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    kind = MailRefused if 500 <= code <= 599 else MailNotTaken
    return kind(message=clean_line(f"{code} {words}"))
