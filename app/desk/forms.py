"""The forms of the desk. What is decided with them is checked again where it is carried out."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from flask_babel import gettext, lazy_gettext
from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from wtforms import HiddenField, RadioField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # the stubs are older than 3.3
from wtforms.validators import DataRequired, InputRequired, Length, Optional, ValidationError

from app.audit.rules import RULES, Rule
from app.audit.service import LONGEST_REASON
from app.complaints.service import LONGEST_REPLY
from app.complaints.states import OUTCOMES
from app.desk.words import FIELDS, IMPORTS
from app.desk.words import RULES as RULE_WORDS
from app.kernel.csvtable import CellRefused, amount, minor_units, whole_number
from app.kernel.money import Money
from app.kernel.text import clean_lines
from app.web.fields import CountryField, DayField, InstantField, Longest, cleaned, email_field
from app.web.filters import money, number
from app.web.typed import as_typed, ungrouped

_PLAIN = {"autocomplete": "off", "spellcheck": "false"}


def _lines(value: str | None) -> str:
    return clean_lines(value or "")


def _long_text(label: str, description: str, missing: str, longest: int, rows: int) -> TextAreaField:
    return TextAreaField(
        label,
        description=description,
        filters=[_lines],
        validators=[
            DataRequired(missing),
            Longest(longest, lazy_gettext("Use at most %(max)s characters here.")),
        ],
        render_kw={"rows": rows, "dir": "auto", "autocomplete": "off", "required": True},
    )


def reason_field() -> TextAreaField:
    """Why an act is done: kept with the person's name."""
    return _long_text(
        lazy_gettext("Reason"),
        lazy_gettext("It is kept with your name in the trail of acts. Leave out what is private."),
        lazy_gettext("Give a reason. Others must be able to understand this later."),
        LONGEST_REASON,
        3,
    )


def _reference() -> StringField:
    return StringField(
        lazy_gettext("Reference of the bank transfer"),
        filters=[cleaned],
        validators=[
            InputRequired(lazy_gettext("Give the bank’s reference.")),
            Length(min=1, max=80, message=lazy_gettext("Use 1 to 80 characters for the reference.")),
        ],
        render_kw=_PLAIN | {"required": True},
    )


class ReasonForm(FlaskForm):
    """An act that needs nothing but its reason."""

    reason = reason_field()


class NoteForm(FlaskForm):
    """A note for other operators."""

    text = _long_text(
        lazy_gettext("Note"),
        lazy_gettext("Only operators see it."),
        lazy_gettext("Write the note."),
        4_000,
        3,
    )


class AddressForm(FlaskForm):
    """Where an order's mails go from now on."""

    email = email_field(
        lazy_gettext("All further mails of this order go there."), lazy_gettext("Enter the right e-mail address.")
    )
    reason = reason_field()


class BeneficiaryForm(FlaskForm):
    """What the certificate will say."""

    name = StringField(
        FIELDS["name"],
        filters=[cleaned],
        validators=[Longest(200, lazy_gettext("Use at most %(max)s characters for the beneficiary."))],
        render_kw={"dir": "auto", "autocomplete": "off"},
    )
    purpose = TextAreaField(
        FIELDS["purpose"],
        filters=[cleaned],
        validators=[Longest(500, lazy_gettext("Use at most %(max)s characters for the purpose."))],
        render_kw={"rows": 3, "dir": "auto", "autocomplete": "off"},
    )
    intent = RadioField(
        FIELDS["intent"],
        choices=[
            SelectChoice("contribution", lazy_gettext("Contribution")),
            SelectChoice("compensation", lazy_gettext("Compensation")),
        ],
        validators=[InputRequired(lazy_gettext("Choose what the cancellation is for."))],
    )
    country = CountryField(FIELDS["country"], nothing=lazy_gettext("Not stated"), default="")
    reason = reason_field()

    def words(self) -> dict[str, str]:
        """What was typed, by the names of the columns."""
        return {name: self[name].data or "" for name in ("name", "purpose", "intent", "country")}


class ByHandForm(FlaskForm):
    """A refund that somebody paid at the bank."""

    reference = _reference()
    reason = reason_field()


class DecisionForm(FlaskForm):
    """The second person's word."""

    decision = RadioField(
        lazy_gettext("Your decision"),
        choices=[
            SelectChoice("agree", lazy_gettext("I agree. Carry it out now.")),
            SelectChoice("decline", lazy_gettext("I decline. Nothing is done.")),
        ],
        validators=[InputRequired(lazy_gettext("Choose whether you agree."))],
    )
    reason = TextAreaField(
        lazy_gettext("Reason"),
        description=lazy_gettext("You must give one to decline."),
        filters=[_lines],
        validators=[Longest(LONGEST_REASON, lazy_gettext("Use at most %(max)s characters here."))],
        render_kw={"rows": 3, "dir": "auto", "autocomplete": "off"},
    )

    def validate_reason(self, field: TextAreaField) -> None:
        """Whoever declines says why. Raises ValidationError."""
        if self.decision.data == "decline" and not field.data:
            raise ValidationError(lazy_gettext("Give a reason. Others must be able to understand this later."))


class SettleForm(FlaskForm):
    """What became of a cancellation, as the registry told somebody by another way."""

    outcome = RadioField(
        lazy_gettext("What the registry did"),
        choices=[
            SelectChoice("confirmed", lazy_gettext("It cancelled the units.")),
            SelectChoice("refused", lazy_gettext("It certainly did not cancel them and never will.")),
        ],
        validators=[InputRequired(lazy_gettext("Choose what the registry did."))],
    )
    registry_transaction = StringField(
        lazy_gettext("Transaction number of the registry"),
        description=lazy_gettext("Where it cancelled the units."),
        filters=[cleaned],
        render_kw=_PLAIN,
    )
    completed_at = InstantField(
        lazy_gettext("Time in the registry (UTC)"),
        description=lazy_gettext("Where it cancelled the units."),
        format=["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M"],
        validators=[Optional()],
        render_kw={"step": "1"},
    )
    serials = TextAreaField(
        lazy_gettext("Serial numbers, as the registry prints them"),
        description=lazy_gettext("One range on each line: the first and the last number in full."),
        filters=[_lines],
        render_kw=_PLAIN | {"rows": 3},
    )
    evidence = _long_text(
        lazy_gettext("Evidence"),
        lazy_gettext("How you know: who at the registry said so, when, and in which document."),
        lazy_gettext("Say how you know."),
        LONGEST_REASON,
        4,
    )

    def validate_registry_transaction(self, field: StringField) -> None:
        """A cancellation has its number, its time and its serial numbers. Raises ValidationError."""
        if self.outcome.data == "confirmed" and not field.data:
            raise ValidationError(lazy_gettext("Enter the transaction number of the registry."))

    def validate_serials(self, field: TextAreaField) -> None:
        """The same for the serial numbers."""
        if self.outcome.data == "confirmed" and not field.data:
            raise ValidationError(lazy_gettext("Enter the serial numbers that were cancelled."))

    def validate(self, *args: Any, **kwargs: Any) -> bool:
        """The same for the time: an optional field asks nothing of itself."""
        is_valid = super().validate(*args, **kwargs)
        if self.outcome.data == "confirmed" and self.completed_at.data is None and not self.completed_at.errors:
            self.completed_at.errors = [lazy_gettext("Enter the time in the registry.")]
            return False
        return bool(is_valid)

    def completed(self) -> datetime:
        """The time in the registry, aware. Raises LookupError before the form was found valid."""
        if self.completed_at.data is None:
            raise LookupError("no time was typed")
        return self.completed_at.data.replace(tzinfo=UTC)


class WordingForm(FlaskForm):
    """Whether a wording may be public."""

    decision = RadioField(
        lazy_gettext("Your decision"),
        choices=[
            SelectChoice("released", lazy_gettext("Release it: it may stand on public pages.")),
            SelectChoice("withheld", lazy_gettext("Withhold it: it stays on the buyer’s own certificate only.")),
        ],
        validators=[InputRequired(lazy_gettext("Choose whether it may be public."))],
    )
    reason = _long_text(
        lazy_gettext("Reason"),
        lazy_gettext("It is kept with your name in the trail of acts. Leave out what is private."),
        lazy_gettext("Give a reason. Others must be able to understand this later."),
        500,
        3,
    )


_OUTCOMES = {
    "upheld": lazy_gettext("Upheld: the person is right."),
    "answered": lazy_gettext("Answered: it needed an explanation."),
    "rejected": lazy_gettext("Not upheld."),
}


class AnswerForm(FlaskForm):
    """How a complaint ends, and what its person reads."""

    outcome = RadioField(
        lazy_gettext("Outcome"),
        choices=[SelectChoice(outcome.value, _OUTCOMES[outcome.value]) for outcome in OUTCOMES],
        validators=[InputRequired(lazy_gettext("Choose how the complaint ends."))],
    )
    reply = _long_text(
        lazy_gettext("Answer"),
        lazy_gettext(
            "It is mailed word for word and cannot be changed afterwards. Write in the language of the complaint."
        ),
        lazy_gettext("Write the answer."),
        LONGEST_REPLY,
        10,
    )


class ImportForm(FlaskForm):
    """A CSV file to load."""

    what = SelectField(
        lazy_gettext("What the file holds"), choices=[SelectChoice(code, name) for code, name in IMPORTS.items()]
    )
    file = FileField(
        lazy_gettext("CSV file"),
        description=lazy_gettext("At most 5 megabytes. Nothing is changed before you have seen what it would do."),
        validators=[FileRequired(lazy_gettext("Choose a file."))],
    )


class ApplyForm(FlaskForm):
    """The same file again, after its rows were counted."""

    what = HiddenField()
    name = HiddenField(filters=[cleaned])
    content = HiddenField()  # base64: what a browser does to line breaks would be another file


def read_money(field: StringField, currency: str) -> Money:
    """What was typed in major units of `currency`, grouped as the page groups numbers. Raises ValidationError."""
    try:
        return Money(minor_units(amount(ungrouped(field.data or "")), currency), currency)
    except CellRefused as refused:
        example = as_typed(Decimal("12.50"))
        raise ValidationError(gettext("Enter an amount of money, such as %(example)s.", example=example)) from refused


class PayoutForm(FlaskForm):
    """A transfer that was made at the bank."""

    amount = StringField(
        lazy_gettext("Amount"),
        filters=[cleaned],
        validators=[InputRequired(lazy_gettext("Enter the amount that was sent."))],
        render_kw=_PLAIN | {"inputmode": "decimal", "required": True},
    )
    reference = _reference()
    paid_on = DayField(
        lazy_gettext("Day of the transfer"),
        validators=[InputRequired(lazy_gettext("Enter the day of the transfer."))],
        render_kw={"required": True},
    )
    reason = reason_field()

    def __init__(self, *args: Any, currency: str, due: Money, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._currency = currency
        self.money: Money | None = None
        self.amount.description = lazy_gettext("At most %(due)s are due.", due=money(due))

    def transfer(self) -> tuple[Money, date]:
        """What was sent and when. Raises LookupError before the form was found valid."""
        if self.money is None or self.paid_on.data is None:
            raise LookupError("no transfer was typed")
        return self.money, self.paid_on.data

    def validate_amount(self, field: StringField) -> None:
        """Read the amount in major units. Raises ValidationError."""
        self.money = read_money(field, self._currency)


class RulesForm(FlaskForm):
    """House rules and the reason to change them; `rules_form` gives it a field for each rule."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # What was read of each field: prices in minor units of the house's currency.
        self.rules: dict[str, int] = {}


def rules_form(values: dict[str, int], currency: str) -> RulesForm:
    """A form with one field for each house rule, filled with what holds now."""

    class HouseRulesForm(RulesForm):
        """With the rules of this house."""

    for key, rule in RULES.items():
        setattr(HouseRulesForm, key, _rule_field(rule, currency))
    HouseRulesForm.reason = reason_field()
    filled = {
        key: as_typed(Money(value, currency).decimal) if RULES[key].unit == "minor" else str(value)
        for key, value in values.items()
    }
    return HouseRulesForm(data=filled)


def _rule_field(rule: Rule, currency: str) -> StringField:
    is_price = rule.unit == "minor"

    def read(form: RulesForm, field: StringField) -> None:
        value = read_money(field, currency).minor if is_price else _whole(field)
        if not rule.least <= value <= rule.most:
            raise ValidationError(hint)
        form.rules[rule.key] = value

    if is_price:
        least, most = money(Money(rule.least, currency)), money(Money(rule.most, currency))
        hint = lazy_gettext("An amount from %(least)s to %(most)s.", least=least, most=most)
    else:
        hint = lazy_gettext(
            "A whole number from %(least)s to %(most)s.", least=number(rule.least), most=number(rule.most)
        )
    return StringField(
        RULE_WORDS[rule.key],
        description=hint,
        filters=[cleaned],
        validators=[InputRequired(lazy_gettext("Enter a whole number.")), read],
        render_kw=_PLAIN | {"inputmode": "decimal" if is_price else "numeric"},
    )


def _whole(field: StringField) -> int:
    try:
        return whole_number()(ungrouped(field.data or ""))
    except CellRefused as refused:
        raise ValidationError(gettext("Enter a whole number.")) from refused
