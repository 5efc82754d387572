"""What placeholders and parts of the legal texts stand for, beyond those of every text of ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flask import render_template
from flask_babel import gettext
from markupsafe import Markup

from app import current
from app.accounts.service.sessions import KNOWN_FOR
from app.checkout.cookies import LIFE as BASKET_SECONDS
from app.config import Settings
from app.content.document import Document
from app.content.values import PARTS, VALUES
from app.web.filters import number
from app.web.i18n import COOKIE_SECONDS

SECONDS_OF_A_DAY = 24 * 60 * 60


def filled(document: Document) -> Markup:
    """A legal text with everything filled in, for the reader of this request."""
    settings = current.settings()
    values = {name: _VALUES[name](settings) for name in document.placeholders}
    return document.fill({**values, **{name: _PARTS[name](settings) for name in document.parts}})


def address_lines(settings: Settings) -> list[str]:
    """The operator's postal address, line by line; empty while it is not set."""
    return [line for line in map(str.strip, settings.operator_address.split(";")) if line]


def _payment_provider(settings: Settings) -> str:
    return settings.payment_company or gettext("our own test payment page")


def _part(template: str) -> Callable[[Settings], Markup]:
    def render(settings: Settings) -> Markup:
        page = render_template(template, settings=settings, address=address_lines(settings))
        return Markup(page)  # noqa: S704 - our own template, which has escaped what it was given

    return render


_VALUES: Mapping[str, Callable[[Settings], str]] = {
    **VALUES,
    "answer_days": lambda settings: number(settings.answer_days),
    "basket_days": lambda _settings: number(BASKET_SECONDS // SECONDS_OF_A_DAY),
    "known_days": lambda _settings: number(KNOWN_FOR.days),
    "language_days": lambda _settings: number(COOKIE_SECONDS // SECONDS_OF_A_DAY),
    "payment_provider": _payment_provider,
}

_PARTS: Mapping[str, Callable[[Settings], Markup]] = {
    **PARTS,
    "demonstration": _part("content/_demonstration.html"),
    "operator_facts": _part("content/_operator.html"),
    "registry_facts": _part("content/_registry.html"),
}

KNOWN = frozenset({*_VALUES, *_PARTS})
