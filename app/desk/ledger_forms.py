"""The forms of the ledger's pages. What is typed is checked again where it is carried out."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext
from flask_wtf import FlaskForm
from wtforms import SelectField, StringField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # the stubs are older than 3.3
from wtforms.validators import DataRequired, InputRequired, ValidationError

from app.desk.forms import read_money, reason_field
from app.kernel.money import Money
from app.registry.ledger.queries import AccountRow
from app.registry.ledger.service import PAYER_LENGTH, REFERENCE_LENGTH
from app.web.fields import Longest, cleaned
from app.web.filters import money, number

_PLAIN = {"autocomplete": "off", "spellcheck": "false"}


class SharePaymentForm(FlaskForm):
    """A payment of the share of proceeds for administration."""

    amount = StringField(
        lazy_gettext("Amount"),
        filters=[cleaned],
        validators=[InputRequired(lazy_gettext("Enter the amount that came."))],
        render_kw=_PLAIN | {"inputmode": "decimal", "required": True},
    )
    payer = StringField(
        lazy_gettext("Who paid"),
        description=lazy_gettext("The organisation, as the bank names it."),
        filters=[cleaned],
        validators=[
            DataRequired(lazy_gettext("Enter who paid.")),
            Longest(PAYER_LENGTH, lazy_gettext("Use at most %(max)s characters here.")),
        ],
        render_kw={"dir": "auto", "autocomplete": "off", "required": True},
    )
    reference = StringField(
        lazy_gettext("Reference of the bank transfer"),
        description=lazy_gettext("It stands for this one payment: told again, it is booked once."),
        filters=[cleaned],
        validators=[
            DataRequired(lazy_gettext("Give the bank’s reference.")),
            Longest(REFERENCE_LENGTH, lazy_gettext("Use at most %(max)s characters here.")),
        ],
        render_kw=_PLAIN | {"required": True},
    )

    reason = reason_field()

    def __init__(self, *args: Any, due: Money, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._currency = due.currency
        self.money: Money | None = None
        self.amount.description = lazy_gettext("At most %(due)s are due.", due=money(due))

    def paid(self) -> Money:
        """What came. Raises LookupError before the form was found valid."""
        if self.money is None:
            raise LookupError("no amount was typed")
        return self.money

    def validate_amount(self, field: StringField) -> None:
        """Read the amount in major units. Raises ValidationError."""
        self.money = read_money(field, self._currency)


class ForwardForm(FlaskForm):
    """Units that are to go to a participant."""

    account = SelectField(
        lazy_gettext("Acquiring account"), validators=[InputRequired(lazy_gettext("Choose the account."))]
    )
    units = StringField(
        lazy_gettext("Units"),
        filters=[cleaned],
        validators=[InputRequired(lazy_gettext("Enter a whole number."))],
        render_kw=_PLAIN | {"inputmode": "numeric", "required": True},
    )

    reason = reason_field()

    def __init__(self, *args: Any, accounts: list[AccountRow], most: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.account.choices = [
            SelectChoice(account.identifier, f"{account.identifier}, {account.holder}") for account in accounts
        ]
        self.units.description = lazy_gettext(
            "Exactly so many, the lowest serial numbers first. At most %(most)s are released now.", most=number(most)
        )

    def validate_units(self, field: StringField) -> None:
        """A whole number. Raises ValidationError."""
        text = field.data or ""
        if not (text.isascii() and text.isdigit() and len(text) < 13):
            raise ValidationError(lazy_gettext("Enter a whole number."))
