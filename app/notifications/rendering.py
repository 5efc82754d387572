"""From facts to a mail in its reader's language."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, cast

from flask import current_app
from flask_babel import gettext
from jinja2 import Environment, StrictUndefined

from app.current import settings
from app.kernel.text import clean_line
from app.notifications import links
from app.notifications.addresses import split_sender
from app.notifications.messages import FACTS
from app.notifications.messages.kinds import MailKind
from app.notifications.models import Mail
from app.notifications.ports import OutgoingMail
from app.web import demonstration, i18n

LONGEST_LINE = 500
LONGEST_SUBJECT = 150
_ENVIRONMENT = "tonne.mail_templates"


def render(mail: Mail) -> OutgoingMail:
    """Choose the words of `mail` in its language. Needs an application context, reads no database.

    The same mail always has the same Message-ID, so that a repeat can be recognised.
    """
    kind = MailKind(mail.kind)
    facts = tidied(FACTS[kind].from_json(links.opened(mail.facts)))
    templates = _templates()
    with i18n.in_locale(mail.locale):
        # Whatever the order was, a copy of ours that is a demonstration now must not look real.
        is_demonstration = facts.is_demonstration or settings().is_demonstration
        context: dict[str, Any] = {
            "facts": facts,
            "locale": mail.locale,
            "operator_name": clean_line(settings().operator_name),
            "contact_url": i18n.public_url("content.contact"),
            "statement": demonstration.statement() if is_demonstration else "",
        }
        subject = templates.get_template(f"email/{kind}/subject.txt").render(context)
        if is_demonstration:
            subject = gettext("Demonstration: %(subject)s", subject=subject)
        context["subject"] = _cut(clean_line(subject), LONGEST_SUBJECT)
        text = templates.get_template(f"email/{kind}/body.txt").render(context)
        html = templates.get_template(f"email/{kind}/body.html").render(context)
    return OutgoingMail(
        message_id=_message_id(mail),
        sender=settings().mail_from,
        recipient=mail.recipient,
        subject=context["subject"],
        text=re.sub(r"\n{3,}", "\n\n", text).strip() + "\n",
        html=html,
        locale=mail.locale,
    )


def isolated(text: str) -> str:
    """`text` for a plain-text mail: right-to-left names cannot turn the words around them (UAX #9).

    Text that has no right-to-left character needs no marks, and some readers would print them.
    """
    if any(unicodedata.bidirectional(character) in {"R", "AL", "AN"} for character in text):
        return f"\u2068{text}\u2069"
    return text


def tidied(value: Any) -> Any:
    """The same facts with every text cleaned and cut: one line each, except texts of ours with lines."""
    if type(value) is str:
        return _tidy_line(value)
    if isinstance(value, tuple):
        return tuple(map(tidied, value))
    kind: Any = type(value)
    parts = _parts(kind)
    return kind(**{name: tidy(getattr(value, name)) for name, tidy in parts}) if parts else value


@cache
def _parts(kind: type[Any]) -> tuple[tuple[str, Callable[[Any], Any]], ...]:
    """The fields of a data class, each with what tidies it; none for any other type, such as a code of ours."""
    return tuple(
        (part.name, _tidy_lines if part.metadata.get("has_lines") else tidied)
        for part in (fields(kind) if is_dataclass(kind) else ())
    )


def _tidy_lines(text: str) -> str:
    return "\n".join(map(clean_line, text.splitlines()))


def _tidy_line(text: str) -> str:
    # Cut first: a text of a megabyte is not worth cleaning to its end.
    return _cut(clean_line(text[: 4 * LONGEST_LINE]), LONGEST_LINE)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1].rstrip()}…"


def _message_id(mail: Mail) -> str:
    _, address = split_sender(settings().mail_from)
    digest = hashlib.sha256(f"{mail.key} {mail.created_at.isoformat()}".encode()).hexdigest()
    return f"<{digest[:32]}@{address.rpartition('@')[2]}>"


def _templates() -> Environment:
    environment = current_app.extensions.get(_ENVIRONMENT)
    if environment is None:
        # The pages' own environment, with line handling for plain text and no tolerance for gaps.
        environment = current_app.jinja_env.overlay(trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined)
        environment.filters = {**current_app.jinja_env.filters, "isolated": isolated}
        current_app.extensions[_ENVIRONMENT] = environment
    return cast(Environment, environment)
