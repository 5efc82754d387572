"""A claim in what the buyer typed: what could be printed instead, and the buyer's own choice between the two."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from flask_babel import gettext as _
from flask_wtf import FlaskForm
from wtforms import RadioField, ValidationError
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # the stubs are older than 3.3

from app.claims.checker import find_claims, rules_touched, without_claims

REPLACE, KEEP = "replace", "keep"
LONGEST_QUOTE = 80


class WordingField(RadioField):
    """Whether the alternative is printed or the text as typed. Nothing is chosen beforehand.

    The values carry a mark of the text and its alternative: a choice counts for what the buyer saw only.
    """

    alternative = ""
    problem = ""
    answers: tuple[str, ...] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # The summary of errors leads to the first button of a group that it knows by this name.
        self.type = "RadioField"

    def ask(self, text: str, alternative: str, replace_label: str) -> None:
        """Offer the choice for one text that makes a claim."""
        self.alternative = alternative
        mark = hashlib.sha256(f"{text}\0{alternative}".encode()).hexdigest()[:12]
        quote = find_claims(text)[0].quote
        self.problem = _(
            "“%(quote)s” is a claim that a certificate does not prove. Choose what is printed.",
            quote=quote if len(quote) <= LONGEST_QUOTE else f"{quote[:LONGEST_QUOTE]}…",
        )
        self.answers = (f"{REPLACE}-{mark}", f"{KEEP}-{mark}")
        self.choices = [
            SelectChoice(self.answers[0], replace_label),
            SelectChoice(
                self.answers[1],
                _(
                    "Keep my text. It is printed on my certificate and stays off public pages until a person has "
                    "looked at it."
                ),
            ),
        ]

    def pre_validate(self, form: FlaskForm) -> None:
        """Ask again unless the buyer has chosen about this very text."""
        if self.data not in self.answers:
            raise ValidationError(self.problem)

    @property
    def replaces(self) -> bool:
        """Whether the buyer took the alternative."""
        return self.data == self.answers[0]


def ask_about_name(field: WordingField, name: str) -> bool:
    """Offer what is left of a name that makes a claim; False if it makes none."""
    if not find_claims(name):
        return False
    rest = without_claims(name)
    field.ask(name, rest, _("Print only this: “%(name)s”", name=rest) if rest else _("Leave the beneficiary empty"))
    return True


def ask_about_purpose(field: WordingField, purpose: str, intent: str, name: str) -> bool:
    """Offer a sentence that states what was done; False if the purpose makes no claim.

    `name`: the beneficiary as typed, or empty.
    """
    if not find_claims(purpose):
        return False
    sentence = lawful_sentence(intent, without_claims(name) if find_claims(name) else name)
    field.ask(purpose, sentence, _("Print this instead: “%(sentence)s”", sentence=sentence))
    return True


def lawful_sentence(intent: str, name: str) -> str:
    """What anybody may say of a cancellation, also of a gift: the fact, for whom, and what it was for.

    It says no number: an order of several projects has a certificate for each, and each prints its own.
    Compensation is not spelled out: the certificate states it, and of the buyer's own emissions only.
    """
    if intent == "compensation":
        if name:
            return _("Cancellation of units in the registry on behalf of %(name)s.", name=name)
        return _("Cancellation of units in the registry.")
    if name:
        return _(
            "Cancellation of units in the registry on behalf of %(name)s, as a contribution to climate action.",
            name=name,
        )
    return _("Cancellation of units in the registry, as a contribution to climate action.")


def is_held_back(details: Mapping[str, Any]) -> bool:
    """Whether what was typed would wait for a person before it is public."""
    return bool(rules_touched(details["beneficiary"], details["purpose"]))
