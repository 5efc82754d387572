"""What the certificate templates need beyond the facts: patterns, the QR code, the address to verify."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import quote

from flask import Flask
from flask_babel import lazy_gettext as _
from markupsafe import Markup

from app.certificates import engraving
from app.certificates.adapters.qr import qr_svg
from app.certificates.ports import CertificateFacts

# What a holder may say that a direct cancellation is for, by the codes of `app/direct/purposes.py`.
PURPOSE_CATEGORIES = {
    "own_emissions": _("Own emissions"),
    "customer_emissions": _("Emissions of customers or members"),
    "event": _("An event"),
    "product": _("A product or service"),
    "compliance_scheme": _("A national or other mandatory scheme"),
    "other_standard": _("Transfer to another standard"),
    "climate_finance": _("Support for climate action"),
    "other": _("Another purpose"),
}


def purpose_category(code: str) -> str:
    """A category of purpose in the reader's language."""
    return str(PURPOSE_CATEGORIES[code])


def verify_address(facts: CertificateFacts) -> str:
    """The public address of a certificate without its code, as a person types it."""
    return facts.verify_url.partition("?")[0]


def certificate_qr(facts: CertificateFacts, title: str) -> Markup:
    """A QR code that opens the whole certificate: the address with the verification code."""
    address = f"{verify_address(facts)}?code={quote(facts.verification_code)}"
    return Markup(qr_svg(address, title))  # noqa: S704 - segno escapes the title


@lru_cache(maxsize=64)  # of 20 kB each: the pages before an order show the same few over and over
def certificate_rosette(seed: str, title: str) -> Markup:
    """The pattern of a certificate, drawn from its number."""
    return Markup(engraving.rosette(seed, title))  # noqa: S704 - the title is escaped there


def init_app(app: Flask) -> None:
    """Make the above known to every template."""
    app.jinja_env.filters["purpose_category"] = purpose_category
    app.jinja_env.globals.update(
        certificate_qr=certificate_qr, certificate_rosette=certificate_rosette, verify_address=verify_address
    )
