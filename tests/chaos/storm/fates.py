"""What becomes of a purchase, drawn from the storm's seed and the purchase's number: the same for the same two."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from functools import cache

LOCALES = ("en", "fr", "es")
NAMES = ("Zoë Ångström", "Amélie Nguyễn", "氣候行動有限公司", "Muebles Ñandú S.A.", "Société Générale du Thé", "")
STEADY_OFFERS, NATIONAL_OFFERS = 24, 3
# A thin offer has more units for sale than its registry has; it is frozen with the first refusal. The next one opens.
PURCHASES_PER_THIN_OFFER = 200


@dataclass(frozen=True)
class Fate:
    """One purchase. `lines` are units by the name of an offer; `pays` is one of PAYMENTS.

    `disputes`: whether the buyer asks their bank for the money back, and when: "at once", "later" or "" for never;
    `bank` is one of BANKS, and may begin with an inquiry, which takes nothing.
    """

    number: int
    locale: str
    lines: dict[str, int]
    beneficiary: str
    country: str
    intent: str
    publish_name: bool
    pays: str
    comes_back: bool
    disputes: str
    bank: str
    is_inquiry: bool

    @property
    def email(self) -> str:
        """Whose purchase it is: one address for each."""
        return f"buyer-{self.number:06d}@example.org"


# How the buyer pays, and how many of a hundred do so.
PAYMENTS = {
    "card": 66,
    "declined_first": 8,
    "card_after_hours": 4,  # the page stays open for 31 minutes: most find it closed
    "bank": 9,
    "bank_fails": 3,
    "bank_after_weeks": 2,  # later than the units are held
    "never": 8,
}
BY_CARD = frozenset({"card", "declined_first", "card_after_hours"})
# Of a hundred who paid by card; and what the bank says to a hundred of them: with an inquiry that is won, that is all.
DISPUTES = {"": 84, "at once": 8, "later": 8}
BANKS = {"won": 40, "lost": 40, "never decides": 20}


@cache
def fate(seed: str, number: int) -> Fate:
    """Draw what becomes of a purchase."""
    chance = random.Random(f"{seed}-{number}")  # noqa: S311 - a seed, not a secret
    offers = [f"steady-{index}" for index in range(STEADY_OFFERS)]
    chosen = chance.sample(offers, chance.choices((1, 2, 3), (60, 25, 15))[0])
    if chance.random() < 0.05:
        chosen[-1] = f"thin-{number // PURCHASES_PER_THIN_OFFER}"
    elif chance.random() < 0.05:
        chosen[-1] = chance.choice([*(f"national-{index}" for index in range(NATIONAL_OFFERS)), "national-thin"])
    name = chance.choice(NAMES)
    made = Fate(
        number=number,
        locale=chance.choice(LOCALES),
        lines={offer: _units(offer, chance) for offer in chosen},
        beneficiary=f"{name} {number}" if name else "",
        country=chance.choice(("", "FR", "ES", "KE", "TW")),
        intent=chance.choice(("contribution", "compensation")),
        publish_name=chance.random() < 0.3,
        pays=chance.choices(list(PAYMENTS), list(PAYMENTS.values()))[0],
        comes_back=chance.random() < 0.5,
        disputes="",
        bank="",
        is_inquiry=False,
    )
    # Drawn last: the same seed draws what it drew before anybody disputed.
    return replace(
        made,
        disputes=chance.choices(list(DISPUTES), list(DISPUTES.values()))[0] if made.pays in BY_CARD else "",
        bank=chance.choices(list(BANKS), list(BANKS.values()))[0],
        is_inquiry=chance.random() < 0.25,
    )


def _units(offer: str, chance: random.Random) -> int:
    is_large = offer.startswith("steady") and chance.random() < 0.01
    return chance.randint(100, 2_000) if is_large else chance.randint(1, 20)
