"""A real SMTP server on loopback that keeps what it is sent, and answers as a test tells it to."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


@dataclass
class Sink:
    """What arrived, and what the server answers to each command instead of taking the mail."""

    user: str = ""
    password: str = ""
    answers: dict[str, str] = field(default_factory=dict)
    seconds_before_data: float = 0
    silent: str = ""  # the command that is answered after a few seconds
    envelopes: list[Envelope] = field(default_factory=list)
    was_encrypted: list[bool] = field(default_factory=list)
    port: int = 0

    @property
    def messages(self) -> list[EmailMessage]:
        """The mails as a mail program reads them."""
        return [message_from_bytes(envelope.original_content or b"", policy=default) for envelope in self.envelopes]

    def authenticate(self, _server: SMTP, _session: Session, _envelope: Envelope, _how: str, data: Any) -> AuthResult:
        """Let the one user in."""
        wanted = LoginPassword(self.user.encode(), self.password.encode())
        return AuthResult(success=data == wanted, handled=False)

    async def handle_MAIL(self, _s: SMTP, _n: Session, envelope: Envelope, address: str, options: list[str]) -> str:  # noqa: N802 - the library's name
        """Note the sender."""
        if "MAIL" in self.answers:
            return self.answers["MAIL"]
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, _s: SMTP, _n: Session, envelope: Envelope, address: str, _options: list[str]) -> str:  # noqa: N802 - the library's name
        """Note the recipient."""
        await self._think("RCPT")
        if "RCPT" in self.answers:
            return self.answers["RCPT"]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _n: Session, envelope: Envelope) -> str:  # noqa: N802 - the library's name
        """Keep the mail."""
        await self._think("DATA")
        await asyncio.sleep(self.seconds_before_data)
        if "DATA" in self.answers:
            return self.answers["DATA"]
        self.envelopes.append(envelope)
        assert server.transport is not None
        self.was_encrypted.append(server.transport.get_extra_info("cipher") is not None)
        return "250 OK"

    async def handle_QUIT(self, _s: SMTP, _n: Session, _e: Envelope) -> str:  # noqa: N802 - the library's name
        """Say goodbye."""
        await self._think("QUIT")
        return self.answers.get("QUIT", "221 Bye")

    async def _think(self, command: str) -> None:
        if command == self.silent:
            await asyncio.sleep(3)


class _AnyPort(Controller):
    async def _create_server(self) -> asyncio.AbstractServer:
        server = await self.loop.create_server(self._factory_invoker, host=self.hostname, port=0, ssl=self.ssl_context)
        self.port = server.sockets[0].getsockname()[1]
        return server


@contextmanager
def smtp_sink(
    sink: Sink,
    *,
    starttls: ssl.SSLContext | None = None,
    implicit_tls: ssl.SSLContext | None = None,
    takes_utf8: bool = True,
) -> Iterator[Sink]:
    """Run a server for `sink` on a free port of 127.0.0.1 (`sink.port`) while the block lasts."""
    controller = _AnyPort(
        sink,
        hostname="127.0.0.1",
        ssl_context=implicit_tls,
        tls_context=starttls,
        require_starttls=starttls is not None,
        enable_SMTPUTF8=takes_utf8,
        authenticator=sink.authenticate if sink.user else None,
        auth_required=bool(sink.user and starttls),
        auth_require_tls=starttls is not None,
        server_hostname="sink.test",  # the machine's own name would be looked up
    )
    controller.start()
    sink.port = controller.port
    try:
        yield sink
    finally:
        controller.stop()
