"""The ways a mail can leave, chosen by MAIL_URL."""

from __future__ import annotations

import ipaddress
import sys
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from app.config import BadSettings, Settings
from app.notifications.adapters.console import ConsoleMailer
from app.notifications.adapters.smtp import SmtpMailer, SmtpServer, Tls
from app.notifications.addresses import split_sender
from app.notifications.ports import Mailer

STANDARD_PORTS = {Tls.STARTTLS: 587, Tls.IMPLICIT: 465, Tls.NONE: 25}


def make_mailer(settings: Settings) -> Mailer:
    """The mailer that MAIL_URL and MAIL_FROM ask for.

    Raises BadSettings, which never repeats MAIL_URL: it may hold a password.
    """
    try:
        split_sender(settings.mail_from)
    except ValueError as problem:
        raise BadSettings(["MAIL_FROM must hold one address, such as Tonne <no-reply@example.org>"]) from problem
    if settings.mail_url.startswith("console:"):
        return ConsoleMailer(sys.stderr)
    problems: list[str] = []
    server = _server(settings.mail_url, problems)
    if problems:
        raise BadSettings(problems)
    return SmtpMailer(server, settings.mail_from)


def _server(url: str, problems: list[str]) -> SmtpServer:
    parts = urlsplit(url)
    host = parts.hostname or ""
    if not host:
        problems.append("MAIL_URL must name a host: smtp://[user:password@]host[:port][?tls=...]")
    if parts.path not in {"", "/"} or parts.fragment:
        problems.append("MAIL_URL must not have a path; a password must be percent-encoded")
    tls = _tls(parts, host, problems)
    user = unquote(parts.username or "")
    if user and tls is Tls.NONE and not _is_this_machine(host):
        problems.append("MAIL_URL would send the password unprotected; use tls=starttls or tls=implicit")
    return SmtpServer(
        host=host,
        port=_port(parts, tls, problems),
        user=user,
        password=unquote(parts.password or ""),
        tls=tls,
    )


def _tls(parts: SplitResult, host: str, problems: list[str]) -> Tls:
    asked = parse_qs(parts.query, keep_blank_values=True)
    values = asked.pop("tls", [])
    if asked or len(values) > 1 or not set(values) <= set(Tls):
        problems.append(f"MAIL_URL knows only the option tls, one of {', '.join(Tls)}")
    elif values:
        return Tls(values[0])
    return Tls.NONE if _is_this_machine(host) else Tls.STARTTLS


def _port(parts: SplitResult, tls: Tls, problems: list[str]) -> int:
    try:
        return parts.port or STANDARD_PORTS[tls]
    except ValueError:
        problems.append("MAIL_URL must have a port between 1 and 65535")
        return 0


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
