"""What the doctor sees beyond this machine: mail server, payment gateway, registry, and our own address."""

from __future__ import annotations

import http.client
import ssl
import time
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlsplit

from sqlalchemy import func, select

from app.db import db, end_reading
from app.notifications.models import Mail
from app.notifications.ports import MailNotTaken
from app.notifications.states import MailState
from app.offers.models import Offer
from app.offers.states import OfferState
from app.operations import queries
from app.operations.check_tables import in_words
from app.operations.findings import Finding, ok, problem, warning
from app.operations.patient import Limits, Patient
from app.providers.ports import ScannerSilent, current_scanner
from app.registry.ports import RegistryAdapter

SECONDS_TO_ANSWER = 10
BAD_REQUEST = 400


def mail(patient: Patient) -> Iterator[Finding]:
    """The server greets us and lets us in. Nothing is sent."""
    end_reading()
    if patient.settings.mail_url.startswith("console:"):
        yield warning("mail", "Mail is printed where the worker runs and sent to nobody: set MAIL_URL for real people.")
        return
    try:
        patient.world.mailer.rehearse()
    except MailNotTaken as refusal:
        said = refusal.facts.get("message", "")
        yield problem("mail", f"The mail server does not let us in ({said}): check MAIL_URL.")
    else:
        yield ok("mail", "The mail server greets us and lets us in.")
    since = patient.world.clock.now() - patient.limits.mails
    # The last try noted when the next one would have been. Guests mistype addresses: what is old is no illness.
    was_just_now = Mail.next_action_at > since
    given_up = db.session.scalar(select(func.count()).where(Mail.state == MailState.FAILED, was_just_now))
    if given_up:
        words = f"Mails given up: {given_up} in {in_words(patient.limits.mails)}"
        yield warning("mail", f"{words}. At the desk the page of an order sends its mails again.")


def scanner(patient: Patient) -> Iterator[Finding]:
    """Files of strangers are looked at before an operator opens them."""
    end_reading()
    try:
        current_scanner().rehearse()
    except ScannerSilent as silence:
        yield problem("scanner", f"clamd does not answer ({silence}), and no document is taken: check CLAMD_ADDRESS.")
        return
    if current_scanner().is_there:
        yield ok("scanner", "clamd looks at every document that applicants hand in.")
    elif patient.settings.is_demonstration:
        yield ok("scanner", "No document is scanned for viruses; in a demonstration nobody has to open one.")
    else:
        yield warning("scanner", "No document is scanned for viruses before it is opened: set CLAMD_ADDRESS.")


def webhook(patient: Patient) -> Iterator[Finding]:
    """Notices arrive; a lost one costs minutes, all of them lost means a wrong address or secret."""
    now, notice, payment = patient.world.clock.now(), queries.last_notice(), queries.last_payment()
    path = f"{patient.settings.public_base_url}/webhooks/{patient.settings.payment_gateway}"
    if notice is None and payment is None:
        yield ok("webhook", "Nobody has paid yet, and no notice has come.")
    elif notice is None:
        yield problem("webhook", f"Payments came, but never a notice: let the gateway send them to {path}.")
    elif payment is not None and payment - notice > patient.limits.notice:
        yield warning("webhook", f"The last notice came {in_words(payment - notice)} before the last payment.")
    else:
        yield ok("webhook", f"The last notice came {in_words(now - notice)} ago.")


def address(patient: Patient) -> Iterator[Finding]:
    """With --online: people and gateways reach this copy under PUBLIC_BASE_URL. Nobody else’s host is ever asked."""
    if not patient.online:
        return
    base = patient.settings.public_base_url
    end_reading()
    try:
        live = _ask(base, "GET", "/health/live")
        unsigned = _ask(base, "POST", f"/webhooks/{patient.settings.payment_gateway}")
    except (OSError, http.client.HTTPException) as error:
        yield problem("address", f"{base} does not answer ({type(error).__name__}): are web server and proxy up?")
        return
    if live != http.client.OK:
        yield problem("address", f"{base}/health/live answers {live}, not 200: something else stands there.")
    elif unsigned != BAD_REQUEST:
        yield problem(
            "address", f"The webhook answers {unsigned} to an unsigned notice, not 400: the proxy changes it."
        )
    else:
        yield ok("address", f"{base} is this copy, and its webhook refuses what is not signed.")


def registry(patient: Patient) -> Iterator[Finding]:
    """Each one says what lies in an account that we sell from, soon enough."""
    registries = patient.world.registries
    accounts = db.session.scalars(select(Offer.account).group_by(Offer.account).order_by(func.max(Offer.id))).all()
    newest = {registries.of_account(each).name: each for each in accounts if registries.is_connected(each)}
    for_sale = db.session.scalars(select(Offer.account).where(Offer.state == OfferState.LIVE).distinct()).all()
    lost = ", ".join(sorted(account for account in for_sale if not registries.is_connected(account)))
    end_reading()
    if lost:
        yield problem("registry", f"Units are for sale that no connected registry can cancel, in accounts {lost}.")
    for adapter in registries:
        yield from _one_registry(adapter, newest.get(adapter.name), patient.limits)


def _one_registry(adapter: RegistryAdapter, account: str | None, limits: Limits) -> Iterator[Finding]:
    promise = f"it promises a cancellation within {in_words(adapter.promised_within)}"
    if account is None:
        yield ok("registry", f"{adapter.display_name}: no account to ask about yet; {promise}.")
        return
    started = time.monotonic()
    lying = sum(holding.available for holding in adapter.holdings(account))
    took = timedelta(seconds=time.monotonic() - started)
    if took > limits.answer:
        yield warning("registry", f"{adapter.display_name} took {took.total_seconds():.1f} s to answer; {promise}.")
    elif not lying:
        yield warning("registry", f"{adapter.display_name}: the account of the newest offer is empty; {promise}.")
    else:
        yield ok("registry", f"{adapter.display_name} answers; {promise}.")


def _ask(base: str, method: str, path: str) -> int:
    """The status of one request to our own address."""
    parts = urlsplit(base)
    host, port = parts.hostname or "", parts.port
    connection = (
        http.client.HTTPSConnection(host, port, timeout=SECONDS_TO_ANSWER, context=ssl.create_default_context())
        if parts.scheme == "https"
        else http.client.HTTPConnection(host, port, timeout=SECONDS_TO_ANSWER)
    )
    try:
        connection.request(method, path, body=b"" if method == "POST" else None)
        return connection.getresponse().status
    finally:
        connection.close()
