"""What a seller asks for units, and what the house allows of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from app.audit.rules import PRICE_HIGHEST, PRICE_LOWEST, rule
from app.claims.checker import find_claims
from app.kernel.languages import LANGUAGES
from app.kernel.text import clean_lines
from app.offers.models import Offer
from app.selling.errors import TermsUnfit

MOST_TIERS = 5
LONGEST_TEXT = 1_000  # characters, in each language
MOST_UNITS = 10**12


@dataclass(frozen=True)
class Terms:
    """At what price, in what quantities and when units are for sale, and the seller's own words by language.

    Prices in minor units. `tiers` are `(from_units, unit_price)`, rising units and falling prices.
    """

    unit_price: int
    minimum_units: int = 1
    tiers: tuple[tuple[int, int], ...] = ()
    opens_at: datetime | None = None
    expires_at: datetime | None = None
    texts: Mapping[str, str] = field(default_factory=dict)

    @property
    def kept_tiers(self) -> list[list[int]]:
        """The tiers as they are kept."""
        return [list(tier) for tier in self.tiers]

    @property
    def kept_texts(self) -> dict[str, str]:
        """The texts as they are kept: harmless lines, and no empty ones."""
        return {language: clean for language, text in self.texts.items() if (clean := clean_lines(text))}


def terms_of(offer: Offer) -> Terms:
    """The terms that an offer has now."""
    return Terms(
        unit_price=offer.unit_price,
        minimum_units=offer.minimum_units,
        tiers=tuple((from_units, price) for from_units, price in offer.tiers),
        opens_at=offer.opens_at,
        expires_at=offer.expires_at,
        texts=dict(offer.texts),
    )


def fingerprint(units: int, terms: Terms) -> str:
    """What a form carries to prove which units and terms its reader saw: the same only for the same."""
    seen = (
        units, terms.unit_price, terms.minimum_units, terms.kept_tiers,
        terms.opens_at, terms.expires_at, sorted(terms.kept_texts.items()),
    )  # fmt: skip
    return hashlib.sha256(repr(seen).encode()).hexdigest()[:32]


def problems(units: int, terms: Terms, now: datetime) -> list[TermsUnfit]:
    """Everything that the house does not allow of `units` (tonnes) at some terms, in the order of a form."""
    return [
        *_quantity_problems(units, terms),
        *price_problems(terms.unit_price, terms.tiers, terms.minimum_units),
        *_date_problems(terms, now),
        *_text_problems(terms.kept_texts),
    ]


def price_problems(unit_price: int, tiers: Sequence[Sequence[int]], minimum_units: int) -> list[TermsUnfit]:
    """What the house does not allow of a price and its tiers."""
    lowest, highest = rule(PRICE_LOWEST), rule(PRICE_HIGHEST)
    found = []
    if not lowest <= unit_price <= highest:
        found.append(TermsUnfit(field="unit_price", reason="bounds", lowest=lowest, highest=highest))
    if len(tiers) > MOST_TIERS:
        found.append(TermsUnfit(field="tiers", reason="too_many", most=MOST_TIERS))
    before_units, before_price = minimum_units, unit_price
    for from_units, price in tiers:
        if not before_units < from_units <= MOST_UNITS:
            found.append(TermsUnfit(field="tiers", reason="not_rising", units=from_units))
        elif price >= before_price:
            found.append(TermsUnfit(field="tiers", reason="not_falling", units=from_units))
        elif price < lowest:
            found.append(TermsUnfit(field="tiers", reason="bounds", lowest=lowest, highest=highest))
        else:
            before_units, before_price = from_units, price
            continue
        break
    return found


def _quantity_problems(units: int, terms: Terms) -> list[TermsUnfit]:
    if not 0 < units <= MOST_UNITS:
        return [TermsUnfit(field="units", reason="not_positive")]
    if terms.minimum_units < 1:
        return [TermsUnfit(field="minimum_units", reason="not_positive")]
    if terms.minimum_units > units:
        return [TermsUnfit(field="minimum_units", reason="above_units")]
    return []


def _date_problems(terms: Terms, now: datetime) -> list[TermsUnfit]:
    if terms.expires_at is None:
        return []
    if terms.expires_at <= now:
        return [TermsUnfit(field="expires_at", reason="past")]
    if terms.opens_at is not None and terms.expires_at <= terms.opens_at:
        return [TermsUnfit(field="expires_at", reason="before_opening")]
    return []


def _text_problems(texts: Mapping[str, str]) -> list[TermsUnfit]:
    found = []
    for language, text in texts.items():
        claims = find_claims(text)
        if language not in LANGUAGES:
            found.append(TermsUnfit(field="texts", reason="language", language=language))
        elif len(text) > LONGEST_TEXT:
            found.append(TermsUnfit(field="texts", reason="too_long", language=language, longest=LONGEST_TEXT))
        elif claims:
            quotes = tuple(claim.quote for claim in claims)
            found.append(TermsUnfit(field="texts", reason="claims", language=language, quotes=quotes))
    return found
