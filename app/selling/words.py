"""What a refusal says to a seller or an operator, and at which field it stands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Protocol, cast

from babel.lists import format_list
from flask_babel import gettext as _
from flask_babel import ngettext, pgettext
from wtforms import Form

from app.catalog.labels import unit_name
from app.current import settings
from app.kernel.csvtable import RowError
from app.kernel.errors import Refusal
from app.kernel.languages import LANGUAGES
from app.kernel.money import Money
from app.offers.connection import NOT_CONNECTED
from app.offers.states import CLOSED, OfferState
from app.providers.messages import OWN_ORGANISATION
from app.web import filters
from app.web.i18n import current_locale
from app.web.import_errors import problem

Facts = Mapping[str, object]


def state_name(state: str) -> str:
    """The state of an offer in a word."""
    return {
        OfferState.DRAFT: pgettext("offer", "Draft"),
        OfferState.SUBMITTED: pgettext("offer", "Waiting for the operator"),
        OfferState.APPROVED: pgettext("offer", "Approved, not open yet"),
        OfferState.LIVE: pgettext("offer", "On sale"),
        OfferState.PAUSED: pgettext("offer", "Paused"),
        OfferState.SOLD_OUT: pgettext("offer", "Sold out"),
        OfferState.WITHDRAWN: pgettext("offer", "Withdrawn"),
        OfferState.EXPIRED: pgettext("offer", "Expired"),
        OfferState.FROZEN: pgettext("offer", "Frozen"),
    }[OfferState(state)]


def next_step(state: str) -> str:
    """What a seller can do about an offer, or who has to do something."""
    return {
        OfferState.DRAFT: _("Nobody sees it and no unit is set aside. Submit it when it is right."),
        OfferState.SUBMITTED: _("Its units are set aside. An operator looks at it; you get a mail."),
        OfferState.APPROVED: _("It goes on sale by itself when its opening comes."),
        OfferState.LIVE: _("Buyers can buy it. You need to do nothing."),
        OfferState.PAUSED: _("Nobody can buy it. Resume it to sell again."),
        OfferState.SOLD_OUT: _("Raise its quantity if your account holds more, or leave it."),
        OfferState.WITHDRAWN: _("It is over. Copy it to offer such units again."),
        OfferState.EXPIRED: _("Its time is over. Copy it to offer such units again."),
        OfferState.FROZEN: _("Only an operator can put it back on sale. Write to us if you do not know why."),
    }[OfferState(state)]


class Hindered(Protocol):
    """An offer that nobody can buy, whatever its seller does."""

    @property
    def hindrance(self) -> str: ...
    @property
    def state(self) -> OfferState: ...
    @property
    def price(self) -> Money: ...


def hindrance(offer: Hindered) -> str:
    """Why nobody can buy an offer although its seller wants to sell it, and what to do."""
    if offer.state in CLOSED:
        return _(
            "It is over, and its price is in %(currency)s, which is used here no more. Offer such units anew.",
            currency=offer.price.currency,
        )
    if offer.hindrance == NOT_CONNECTED:
        return _(
            "This site is not connected to the registry of these units, so nobody can buy them. They are for sale "
            "again as soon as it is."
        )
    return _other_currency({"currency": offer.price.currency})


def obstacle(code: str) -> str:
    """Why units of a holding cannot be offered; empty for nothing."""
    return {
        "": "",
        "suspended": _("You are suspended and cannot offer units."),
        "unclaimed": _("Show first that you may offer units of this project: add it to your application."),
        "claimed": _("An operator is looking at your evidence for this project."),
        "refused": _("Your evidence for this project was not accepted. Your application says why."),
    }[code]


def place(form: Form, refusal: Refusal) -> None:
    """Put a refusal beside the field that it is about, or above the form. Raises KeyError for an unknown code."""
    name, message = field_and_words(refusal)
    field = form._fields.get(name)
    if field is None:
        form.form_errors.append(message)
    else:
        field.errors = [*field.errors, message]


def field_and_words(refusal: Refusal) -> tuple[str, str]:
    """The field of the offer's form that a refusal is about, empty for none, and the words."""
    if refusal.code == "terms_unfit":
        return _field(refusal.facts), describe(refusal)
    if refusal.code == "more_than_held":
        return "units", describe(refusal)
    return "", describe(refusal)


def describe(refusal: Refusal) -> str:
    """A sentence that says what is wrong and what to do. Raises KeyError for an unknown code."""
    if refusal.code == "terms_unfit":
        return _TERMS[str(refusal.facts["field"]), str(refusal.facts["reason"])](refusal.facts)
    return _WORDS[refusal.code](refusal.facts)


def no_file() -> str:
    """What to do about a form that was sent without a file."""
    return _("Choose a CSV file first.")


def of_row(error: RowError) -> tuple[int, str, str]:
    """A problem of a file: its row (0 for the whole file), its column (empty for none), and the words."""
    refusal = error.facts.get("refusal")
    message = describe(refusal) if isinstance(refusal, Refusal) else problem(error)
    return error.row, error.column or "", message


def column_meaning(name: str) -> str:
    """What stands in a column of the file of offers."""
    return {
        "code": _("Your name for the offer, such as IN-1514-1. A new code is a new offer."),
        "project": _("The project’s reference, such as IN-1514."),
        "originating_party": _("The two letters in front of the serial numbers."),
        "serial_first": _("The first serial number of the issuance."),
        "account": _("Your registry account in which the units lie."),
        "units": _("How many units are on offer, those included that are held or sold."),
        "unit_price": _("The price of one unit, such as 2.50."),
        "currency": _("The three letters of the currency."),
        "minimum_units": _("The smallest purchase; 1 if empty."),
        "tiers": _("Lower prices from a number of units on, such as %(example)s.", example="100:0.45;1000:0.40"),
        "opens_at": _("Not on sale before, such as 2027-01-04T09:00:00Z."),
        "expires_at": _("Not on sale from then on."),
        **{
            f"text_{code}": _("Your words in %(language)s; \\n is a new line.", language=filters.language_name(code))
            for code in LANGUAGES
        },
    }[name]


def _field(facts: Facts) -> str:
    if facts["field"] == "texts":
        return f"text_{facts['language']}"
    return "tier1_units" if facts["field"] == "tiers" else str(facts["field"])


def minor_money(value: object) -> str:
    """Minor units of the house's currency as money."""
    return filters.money(Money(cast(int, value), settings().currency))


def _number(value: object) -> str:
    return filters.number(cast(int, value))


def _bounds(facts: Facts) -> str:
    return _(
        "A price must be between %(lowest)s and %(highest)s here.",
        lowest=minor_money(facts["lowest"]),
        highest=minor_money(facts["highest"]),
    )


def _more_than_held(facts: Facts) -> str:
    free = cast(int, facts["free"])
    if free == 0:
        return _("No unit of this issuance is free in this account: all that the registry shows are promised already.")
    return ngettext(
        "Only %(free)s unit of this issuance is free in this account. Offer 1.",
        "Only %(free)s units of this issuance are free in this account. Offer %(free)s or fewer.",
        free,
        free=_number(free),
    )


def _moved(facts: Facts) -> str:
    return _("This cannot be done now: the offer is in the state “%(state)s”.", state=state_name(str(facts["state"])))


def _other_currency(facts: Facts) -> str:
    return _(
        "Its price is in %(theirs)s, and this site sells in %(ours)s. Nobody can buy it any more: withdraw it, and "
        "offer its units anew.",
        theirs=facts["currency"],
        ours=settings().currency,
    )


def _claims(facts: Facts) -> str:
    quotes = [_("“%(text)s”", text=quote) for quote in cast("tuple[str, ...]", facts["quotes"])]
    return _(
        "A unit allows no such claim: %(quotes)s. Say what the project does instead.",
        quotes=format_list(quotes, locale=current_locale()),
    )


_TERMS: dict[tuple[str, str], Callable[[Facts], str]] = {
    ("unit_price", "bounds"): _bounds,
    ("units", "not_positive"): lambda _facts: _("Enter how many units you offer: 1 or more."),
    ("units", "below_taken"): lambda facts: ngettext(
        "%(taken)s unit of this offer is held or sold. It cannot have fewer.",
        "%(taken)s units of this offer are held or sold. It cannot have fewer.",
        cast(int, facts["taken"]),
        taken=_number(facts["taken"]),
    ),
    ("minimum_units", "not_positive"): lambda _facts: _("The smallest purchase must be 1 unit or more."),
    ("minimum_units", "above_units"): lambda _facts: _(
        "The smallest purchase is larger than the offer. Lower it, or offer more units."
    ),
    ("tiers", "too_many"): lambda facts: _("There can be %(most)s tiers at most.", most=_number(facts["most"])),
    ("tiers", "not_rising"): lambda facts: _(
        "Each tier must begin at more units than the one before it and than the smallest purchase. "
        "The one from %(units)s does not.",
        units=_number(facts["units"]),
    ),
    ("tiers", "not_falling"): lambda facts: _(
        "Each tier must cost less than the one before it. The one from %(units)s does not.",
        units=_number(facts["units"]),
    ),
    ("tiers", "bounds"): _bounds,
    ("opens_at", "opened"): lambda _facts: _("The offer has opened. Its opening cannot be changed any more."),
    ("expires_at", "past"): lambda _facts: _("The expiry is over already. Choose a later one, or none."),
    ("expires_at", "before_opening"): lambda _facts: _("The expiry must come after the opening."),
    ("due_at", "past"): lambda _facts: _("Choose a time that is still to come."),
    ("due_at", "after_expiry"): lambda _facts: _("The offer has expired by then. Choose an earlier time."),
    ("texts", "language"): lambda _facts: _("There is no such language here."),
    ("texts", "too_long"): lambda facts: _(
        "Use at most %(longest)s characters here.", longest=_number(facts["longest"])
    ),
    ("texts", "claims"): _claims,
}

_WORDS: dict[str, Callable[[Facts], str]] = {
    "more_than_held": _more_than_held,
    "offer_moved": _moved,
    "other_currency": _other_currency,
    "units_doubted": lambda facts: _(
        "Offer %(code)s of the same units is frozen, because the registry’s books differ from ours. Find out why, and "
        "thaw or withdraw it first.",
        code=facts["offer_code"],
    ),
    "plan_over": lambda _facts: _("That price is no longer planned: it holds already, or was taken back."),
    "no_such_offer": lambda _facts: _("There is no such offer any more."),
    "may_not_offer": lambda _facts: _(
        "You may not offer units of this project: you are suspended, or your authority for it was not accepted."
    ),
    "sale_closed": lambda facts: _(
        "%(units)s are no longer offered here since %(time)s, because their registry closes.",
        units=unit_name(str(facts["unit_type"]), 2),
        time=filters.datetime_long(cast(datetime, facts["closed_at"])),
    ),
    "own_organisation": lambda _facts: str(OWN_ORGANISATION),
    "other_owner": lambda facts: _("The registry account %(account)s is not yours.", account=facts["account"]),
    "unknown_issuance": lambda _facts: _("There is no such issuance."),
    "code_unfit": lambda facts: (
        _("Another offer has this code.") if facts["reason"] == "taken" else _("Write the code as in IN-1514-1.")
    ),
    "offer_changed_meanwhile": lambda _facts: _(
        "Somebody changed this offer while you were here, so nothing of yours was saved. "
        "The fields show what you typed; open the offer again to see how it stands now."
    ),
    "reason_missing": lambda _facts: _("Give a reason: the seller reads it."),
}


def register(filters_of_pages: dict[str, Any]) -> None:
    """Give the pages their words for states, next steps and obstacles."""
    filters_of_pages.update(
        offer_state=state_name,
        offer_next_step=next_step,
        offer_hindrance=hindrance,
        offer_obstacle=obstacle,
        offer_column=column_meaning,
        minor_money=minor_money,
    )
