"""Mails leave over a real SMTP conversation, and every answer of the server is understood."""

from __future__ import annotations

import socket
import ssl
import subprocess
from dataclasses import replace
from email.utils import parsedate_to_datetime
from pathlib import Path
from time import monotonic

import pytest

from app.notifications.adapters.smtp import PATIENCE, TIMEOUT, SmtpMailer, SmtpServer, Tls
from app.notifications.ports import MailNotTaken, MailRefused, MailServerAway, OutgoingMail
from app.notifications.service import LEASE
from tests.smtp_sink import Sink, smtp_sink

SENDER = "Tonne, registre <no-reply@tonne.example>"
MAIL = OutgoingMail(
    message_id="<0123456789abcdef@tonne.example>",
    sender=SENDER,
    recipient="buyer@example.org",
    subject="Reçu de la commande T-7KMQ-2XHD : 10,40 USD",
    text="Merci. Votre paiement est arrivé.\nhttps://tonne.example/fr/orders/abc\n",
    html='<!doctype html><html lang="fr"><p>Merci. <a href="https://tonne.example/fr/orders/abc">Commande</a></p></html>',
    locale="fr",
)


def mailer(
    sink: Sink, *, tls: Tls = Tls.NONE, host: str = "127.0.0.1", timeout: float = 5, patience: float = 5
) -> SmtpMailer:
    server = SmtpServer(host, sink.port, sink.user, sink.password, tls)
    return SmtpMailer(server, SENDER, timeout=timeout, patience=patience)


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A certificate for `localhost` that this process trusts, as an operator's own CA would be trusted."""
    key, chain = tmp_path / "key.pem", tmp_path / "chain.pem"
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-keyout", key, "-out", chain, "-days", "2", "-subj", "/CN=localhost",
            "-addext", "subjectAltName=DNS:localhost",
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    monkeypatch.setenv("SSL_CERT_FILE", str(chain))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(chain, key)
    return context


def test_the_mail_arrives_with_both_parts_and_the_headers_a_mail_program_needs() -> None:
    with smtp_sink(Sink()) as sink:
        mailer(sink).send(MAIL)

    (message,) = sink.messages
    assert message["Subject"] == MAIL.subject
    assert message["From"].addresses[0].display_name == "Tonne, registre"
    assert message["To"] == "buyer@example.org"
    assert message["Message-ID"] == MAIL.message_id
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Content-Language"] == "fr"
    assert parsedate_to_datetime(message["Date"]).tzinfo is not None
    assert message.get_content_type() == "multipart/alternative"
    text, html = message.iter_parts()
    assert (text.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    assert text.get_content().replace("\r\n", "\n") == MAIL.text
    assert "Merci." in html.get_content()


def test_the_mail_passes_servers_that_know_only_seven_bits_and_short_lines() -> None:
    with smtp_sink(Sink(), takes_utf8=False) as sink:
        mailer(sink).send(replace(MAIL, text="شكرا " * 400))

    (envelope,) = sink.envelopes
    assert envelope.original_content.isascii()
    assert max(map(len, envelope.original_content.split(b"\r\n"))) <= 998


@pytest.mark.parametrize("hostile", ["\r\nBcc: spy@example.net", "\nBcc: spy@example.net", "\u2028Bcc: x\x00\x1b[31m"])
def test_a_line_break_in_a_subject_makes_no_new_header(hostile: str) -> None:
    with smtp_sink(Sink()) as sink:
        mailer(sink).send(replace(MAIL, subject=f"Receipt{hostile}"))

    (message,) = sink.messages
    assert message["Bcc"] is None
    assert message["Subject"].startswith("Receipt Bcc: ")
    assert message["Subject"].isprintable()
    assert sink.envelopes[0].rcpt_tos == ["buyer@example.org"]


def test_a_subject_of_a_megabyte_and_of_another_direction_stays_one_header() -> None:
    with smtp_sink(Sink()) as sink:
        mailer(sink).send(replace(MAIL, subject="\u202eشركة\u202c " + "x" * 1_000_000))

    (message,) = sink.messages
    assert message["Subject"].startswith("شركة xxx")
    assert message["Auto-Submitted"] == "auto-generated"


@pytest.mark.parametrize(
    "address",
    [
        "",
        "nobody",
        "@example.org",
        "a@",
        "a@b@example.org",
        "a b@example.org",
        "a,spy@example.net",
        "Name <a@example.org>",
        "a@example.org\r\nBcc: spy@example.net",
        "a@bücher\u2024.example..",
    ],
)
def test_what_is_not_one_address_is_refused_without_asking_any_server(address: str) -> None:
    nobody_listens = Sink(port=1)
    with pytest.raises(MailRefused):
        mailer(nobody_listens).send(replace(MAIL, recipient=address))


def test_an_international_domain_travels_in_ascii_and_needs_nothing_special() -> None:
    with smtp_sink(Sink(), takes_utf8=False) as sink:
        mailer(sink).send(replace(MAIL, recipient="k@bücher.example"))

    assert sink.envelopes[0].rcpt_tos == ["k@xn--bcher-kva.example"]
    assert "SMTPUTF8" not in sink.envelopes[0].mail_options


def test_an_international_address_is_sent_as_such_where_the_server_can() -> None:
    with smtp_sink(Sink()) as sink:
        mailer(sink).send(replace(MAIL, recipient="用户@bücher.example"))

    assert sink.envelopes[0].rcpt_tos == ["用户@xn--bcher-kva.example"]
    assert "SMTPUTF8" in sink.envelopes[0].mail_options


def test_an_international_address_is_refused_where_the_server_cannot() -> None:
    with smtp_sink(Sink(), takes_utf8=False) as sink, pytest.raises(MailRefused):
        mailer(sink).send(replace(MAIL, recipient="用户@example.org"))
    assert sink.envelopes == []


@pytest.mark.parametrize(
    ("command", "answer"),
    [("RCPT", "450 mailbox busy"), ("RCPT", "421 going down"), ("DATA", "451 disk full"), ("MAIL", "452 too many")],
)
def test_a_temporary_answer_means_try_again(command: str, answer: str) -> None:
    with smtp_sink(Sink(answers={command: answer})) as sink, pytest.raises(MailNotTaken) as refusal:
        mailer(sink).send(MAIL)
    assert answer.split()[1] in str(refusal.value.facts["message"])
    assert not isinstance(refusal.value, MailServerAway), "the next mail may be taken"


@pytest.mark.parametrize(("command", "answer"), [("RCPT", "550 no such user"), ("DATA", "554 not wanted")])
def test_a_permanent_answer_about_this_mail_means_never_again(command: str, answer: str) -> None:
    with smtp_sink(Sink(answers={command: answer})) as sink, pytest.raises(MailRefused) as refusal:
        mailer(sink).send(MAIL)
    assert refusal.value.facts["message"] == answer


def test_a_server_that_refuses_us_is_asked_again_because_an_operator_can_set_that_right() -> None:
    with smtp_sink(Sink(answers={"MAIL": "550 sender not allowed"})) as sink, pytest.raises(MailNotTaken):
        mailer(sink).send(MAIL)


@pytest.mark.parametrize("answer", ["554 5.7.1 Relay access denied", "530 5.7.0 authentication required"])
def test_a_server_that_relays_nothing_for_us_is_asked_again_as_well(answer: str) -> None:
    with smtp_sink(Sink(answers={"RCPT": answer})) as sink, pytest.raises(MailNotTaken) as refusal:
        mailer(sink).send(MAIL)
    assert answer in str(refusal.value.facts["message"])


def test_a_rude_farewell_does_not_undo_a_mail_that_was_taken() -> None:
    with smtp_sink(Sink(answers={"QUIT": "500 what?"})) as sink:
        mailer(sink).send(MAIL)
    assert len(sink.messages) == 1


def test_nobody_listening_means_try_again() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))  # bound but not listening: the connection is refused
        with pytest.raises(MailServerAway):
            mailer(Sink(port=reserved.getsockname()[1])).send(MAIL)


def test_a_silent_server_does_not_hold_the_worker() -> None:
    with smtp_sink(Sink(seconds_before_data=3)) as sink, pytest.raises(MailNotTaken):
        mailer(sink, timeout=0.3, patience=0.3).send(MAIL)


@pytest.mark.parametrize("command", ["RCPT", "DATA"])
def test_a_server_that_let_us_in_and_stumbles_over_one_mail_may_take_the_next(command: str) -> None:
    with smtp_sink(Sink(silent=command)) as sink:
        with pytest.raises(MailNotTaken) as refusal:
            mailer(sink, timeout=0.3, patience=0.3).send(MAIL)
        assert not isinstance(refusal.value, MailServerAway), "one address would keep everybody's mails waiting"
        sink.silent = ""
        mailer(sink).send(MAIL)


def test_a_server_that_does_not_greet_is_away() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute, pytest.raises(MailServerAway):
        mailer(Sink(port=mute.getsockname()[1]), timeout=0.3).send(MAIL)


def test_nobody_waits_long_for_a_farewell() -> None:
    with smtp_sink(Sink(silent="QUIT")) as sink:
        began = monotonic()
        mailer(sink, timeout=0.3, patience=2.5).send(MAIL)
    assert len(sink.messages) == 1
    assert monotonic() - began < 2


@pytest.mark.parametrize("tls", [Tls.NONE, Tls.IMPLICIT])
def test_a_server_that_looks_long_at_a_mail_gets_it_once(certificate: ssl.SSLContext, tls: Tls) -> None:
    context = certificate if tls is Tls.IMPLICIT else None
    with smtp_sink(Sink(seconds_before_data=0.9), implicit_tls=context) as sink:
        mailer(sink, tls=tls, host="localhost", timeout=0.3).send(MAIL)
    assert len(sink.messages) == 1


def test_a_mail_takes_no_longer_than_a_worker_has_it_for_itself() -> None:
    # A connection (greeting, EHLO, STARTTLS twice, EHLO, sign-in in three parts), MAIL, RCPT and QUIT; DATA.
    assert LEASE.total_seconds() >= 12 * TIMEOUT + 2 * PATIENCE


def test_a_password_is_accepted_and_a_wrong_one_means_try_again() -> None:
    with smtp_sink(Sink(user="shop", password="p@ss:/word")) as sink:
        mailer(sink).send(MAIL)
        assert len(sink.messages) == 1
        with pytest.raises(MailNotTaken):
            mailer(replace(sink, password="wrong")).send(MAIL)
    assert len(sink.messages) == 1


def test_starttls_encrypts_and_checks_the_name(certificate: ssl.SSLContext) -> None:
    with smtp_sink(Sink(user="shop", password="secret"), starttls=certificate) as sink:
        mailer(sink, tls=Tls.STARTTLS, host="localhost").send(MAIL)
        assert sink.was_encrypted == [True]
        with pytest.raises(MailNotTaken):  # the certificate is not one for this name
            mailer(sink, tls=Tls.STARTTLS, host="127.0.0.1").send(MAIL)
    assert len(sink.messages) == 1


def test_a_server_without_starttls_gets_no_mail_in_the_clear() -> None:
    with smtp_sink(Sink()) as sink, pytest.raises(MailNotTaken):
        mailer(sink, tls=Tls.STARTTLS, host="localhost").send(MAIL)
    assert sink.messages == []


def test_implicit_tls_encrypts_from_the_first_byte(certificate: ssl.SSLContext) -> None:
    with smtp_sink(Sink(), implicit_tls=certificate) as sink:
        mailer(sink, tls=Tls.IMPLICIT, host="localhost").send(MAIL)
    assert sink.was_encrypted == [True]


def test_an_untrusted_certificate_gets_no_mail(certificate: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with smtp_sink(Sink(), implicit_tls=certificate) as sink, pytest.raises(MailNotTaken):
        mailer(sink, tls=Tls.IMPLICIT, host="localhost").send(MAIL)
    assert sink.messages == []


def test_the_password_is_not_in_what_a_log_would_print() -> None:
    assert "secret" not in repr(SmtpServer("mail.example", 587, "shop", "secret", Tls.STARTTLS))
