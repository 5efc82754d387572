"""MAIL_URL and MAIL_FROM say how mail leaves; mistakes are found at start, passwords never shown."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest

from app.config import BadSettings, Settings
from app.notifications.adapters import make_mailer
from app.notifications.adapters.console import ConsoleMailer
from app.notifications.adapters.smtp import SmtpMailer, SmtpServer, Tls
from app.notifications.addresses import split_sender
from app.notifications.ports import OutgoingMail


def settings(mail_url: str, mail_from: str = "Tonne <no-reply@tonne.example>") -> Settings:
    made = Settings.from_environment({"SECRET_KEY": "s" * 32, "TESTPAY_SECRET": "t" * 32})
    return replace(made, mail_url=mail_url, mail_from=mail_from)


def server_of(mail_url: str) -> SmtpServer:
    mailer = make_mailer(settings(mail_url))
    assert isinstance(mailer, SmtpMailer)
    return mailer.server


@pytest.mark.parametrize(
    ("mail_url", "expected"),
    [
        ("smtp://mail.example", SmtpServer("mail.example", 587, "", "", Tls.STARTTLS)),
        ("smtp://mail.example:2525", SmtpServer("mail.example", 2525, "", "", Tls.STARTTLS)),
        ("smtp://mail.example?tls=implicit", SmtpServer("mail.example", 465, "", "", Tls.IMPLICIT)),
        ("smtp://relay.internal?tls=none", SmtpServer("relay.internal", 25, "", "", Tls.NONE)),
        ("smtp://localhost:1025", SmtpServer("localhost", 1025, "", "", Tls.NONE)),
        ("smtp://[::1]/", SmtpServer("::1", 25, "", "", Tls.NONE)),
        ("smtp://a:b@127.0.0.1?tls=starttls", SmtpServer("127.0.0.1", 587, "a", "b", Tls.STARTTLS)),
        ("smtp://me%40x:p%40ss%2F@mail.example", SmtpServer("mail.example", 587, "me@x", "p@ss/", Tls.STARTTLS)),
    ],
)
def test_mail_leaves_for_the_server_that_the_address_names(mail_url: str, expected: SmtpServer) -> None:
    assert server_of(mail_url) == expected


@pytest.mark.parametrize(
    ("mail_url", "about"),
    [
        ("smtp://", "host"),
        ("smtp://u:geheim@mail.example:99999", "port"),
        ("smtp://u:geheim@mail.example/inbox", "path"),
        ("smtp://u:geheim@mail.example#x", "path"),
        ("smtp://u:geheim@mail.example?tls=maybe", "tls"),
        ("smtp://u:geheim@mail.example?tls=none&tls=starttls", "tls"),
        ("smtp://u:geheim@mail.example?timeout=3", "tls"),
        ("smtp://u:geheim@mail.example?tls=none", "unprotected"),
    ],
)
def test_a_mistake_in_the_address_is_named_without_showing_the_password(mail_url: str, about: str) -> None:
    with pytest.raises(BadSettings, match=about) as problem:
        make_mailer(settings(mail_url))
    assert "geheim" not in str(problem.value)


@pytest.mark.parametrize("mail_from", ["", "Tonne", "Tonne <>", "Tonne <a@b", "a@b, c@d", "Tonne <ü@example.org>"])
def test_a_sender_without_one_address_is_refused_at_start(mail_from: str) -> None:
    with pytest.raises(BadSettings, match="MAIL_FROM"):
        make_mailer(settings("console:", mail_from))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no-reply@tonne.example", ("", "no-reply@tonne.example")),
        ("Tonne <no-reply@tonne.example>", ("Tonne", "no-reply@tonne.example")),
        ("Tonne, Inc. <a@b.example>", ("Tonne, Inc.", "a@b.example")),
        ('"Tonne, Inc." <a@b.example>', ("Tonne, Inc.", "a@b.example")),
    ],
)
def test_a_sender_is_read_as_operators_write_it(text: str, expected: tuple[str, str]) -> None:
    assert split_sender(text) == expected


def test_in_development_the_whole_mail_is_printed_with_its_links() -> None:
    screen = io.StringIO()
    ConsoleMailer(screen).send(
        OutgoingMail(
            message_id="<1@tonne.example>",
            sender="Tonne <no-reply@tonne.example>",
            recipient="buyer@example.org",
            subject="Receipt\x1b[31m",
            text="Thank you.\nhttps://tonne.example/en/orders/abc\n",
            html="<p>",
            locale="en",
        )
    )
    printed = screen.getvalue()
    assert "To: buyer@example.org\nSubject: Receipt[31m\n" in printed
    assert "Thank you.\nhttps://tonne.example/en/orders/abc\n" in printed
    assert "\x1b" not in printed


def test_without_a_mail_server_mail_goes_to_the_console() -> None:
    assert isinstance(make_mailer(settings("console:")), ConsoleMailer)
