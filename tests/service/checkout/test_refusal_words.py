"""Whatever cannot be done is told in the reader's language, with what to do and with the reader's own numbers."""

from __future__ import annotations

import pytest
from babel.numbers import format_decimal

from app.checkout import errors
from app.checkout.messages import describe
from app.kernel.errors import Refusal
from app.kernel.languages import LANGUAGES
from app.kernel.money import Money
from app.offers.errors import PriceChanged, UnitsUnavailable
from app.offers.states import Standing
from app.payments.ports import GatewayOutcomeUnknown, GatewayRefusal, GatewayUnavailable
from tests.service.conftest import Shop

MOST = Money(99_999_999, "USD")
_NOTHING_LEFT = (Standing.HELD, Standing.RESERVED, Standing.SOLD_OUT)
REFUSALS: list[Refusal] = [
    *[errors.BadUnits(reason=r, typed="") for r in ("missing", "fraction", "sign", "number", "zero", "large")],
    *[UnitsUnavailable(offer_id=1, units=5, units_left=left, standing=Standing.OPEN) for left in (1, 1_234)],
    *[UnitsUnavailable(offer_id=1, units=5, units_left=0, standing=one) for one in _NOTHING_LEFT],
    PriceChanged(offer_id=1, unit_price=251),
    *[errors.TotalBelowMinimum(offer_id=1, units=units, minimum=Money(50, "USD")) for units in (1, 2)],
    *[errors.TotalAboveMaximum(offer_id=1, units=units, maximum=MOST) for units in (0, 1, 117_647)],
    errors.TotalChanged(total=2, expected=1),
    errors.BasketEmpty(),
    errors.OrderNotPayable(state="paid"),
    GatewayUnavailable(),
    GatewayOutcomeUnknown(),
    GatewayRefusal(reason="amount"),
    errors.RegistryNotConnected(offer_id=1),
]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_refusal_has_words_of_its_own(shop: Shop, lang: str) -> None:
    with shop.app.test_request_context(f"/{lang}/"):
        shop.app.preprocess_request()
        told = [describe(refusal) for refusal in REFUSALS]

        assert len(set(told)) == len(told)
        assert all(words.endswith((".", "!")) and "%(" not in words for words in told)
        assert format_decimal(117_647, locale=lang) in describe(REFUSALS[16])
        assert format_decimal(1_234, locale=lang) in describe(REFUSALS[7])


def test_whoever_was_not_charged_is_told_so(shop: Shop) -> None:
    with shop.app.test_request_context("/en/"):
        for refusal in (GatewayUnavailable(), GatewayOutcomeUnknown(), GatewayRefusal(reason="x")):
            assert "You were not charged." in describe(refusal)


def test_a_refusal_without_words_is_a_fault_of_ours_and_not_an_empty_message(shop: Shop) -> None:
    with shop.app.test_request_context("/en/"), pytest.raises(KeyError):
        describe(Refusal())
