"""Which passwords are taken: none that were in a breach, none made of words that everybody tries here first."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from app.accounts import details_views
from app.accounts.adapters.passwords import LEAST_SCORE, SHORTEST, Weakness, find_weakness, words_of_the_house
from app.config import Settings
from tests.conftest import SECRET
from tests.service.accounts.entering import PASSWORD, joined, tries
from tests.service.conftest import Shop

KNOWN = ["ana.lima@example.org", "Ana Lima"]
BREACHED = [word for word in FREQUENCY_LISTS["passwords"] if len(word) >= SHORTEST]


HOUSE = words_of_the_house(
    Settings.from_environment(
        {
            "SECRET_KEY": SECRET,
            "TESTPAY_SECRET": SECRET,
            "OPERATOR_NAME": "Verdemar Cooperative",
            "PUBLIC_BASE_URL": "https://clearair.example",
        }
    )
)


@pytest.mark.parametrize(
    "password",
    [
        "tonne-tonne-1",
        "Tonne2026!!",
        "verdemar2026",
        "Verdemar!Cooperative",
        "clearair-1234",
        "carbonoffset1",
        "CancellationCER",
    ],
)
def test_a_password_of_words_of_the_house_is_refused_in_words(password: str) -> None:
    assert find_weakness(password, KNOWN, HOUSE) is Weakness.HOUSE


def test_words_of_the_house_do_no_harm_beside_others() -> None:
    assert find_weakness("plum tractor seven tonne", KNOWN, HOUSE) is None


@pytest.mark.parametrize("password", ["analima2026", "ana.lima@example", "Lima-Ana-99"])
def test_a_password_of_the_own_name_or_address_is_called_so(password: str) -> None:
    assert find_weakness(password, KNOWN, HOUSE) is Weakness.PERSONAL


def test_every_breached_password_of_the_packaged_list_is_refused() -> None:
    assert len(FREQUENCY_LISTS["passwords"]) == 30_000
    assert len(BREACHED) > 900
    # And in the two usual ways of making one look new.
    for word in BREACHED[:: len(BREACHED) // 50]:
        for variant in (word, word.capitalize(), f"{word}1"):
            assert find_weakness(variant, KNOWN, HOUSE) is not None, variant


def test_what_a_hundred_million_guesses_find_is_refused() -> None:
    assert LEAST_SCORE == 3
    assert find_weakness("correcthorse", []) is Weakness.COMMON
    assert find_weakness("1234567890987", []) is not None


@pytest.mark.parametrize(
    "password", ["plumtractorsevenoceans", "PLUM TRACTOR SEVEN OCEANS", "730295184467", "пять зелёных велосипедов"]
)
def test_characters_of_one_kind_are_enough_where_they_are_hard_to_guess(password: str) -> None:
    assert find_weakness(password, KNOWN, HOUSE) is None


def test_the_page_says_what_is_wrong_with_it(shop: Shop) -> None:
    visitor = joined(shop)
    form = visitor.get("/en/account/security/password")
    page = visitor.read(
        visitor.send(form, "/password", 422, present="plum tractor seven oceans", password="tonne-tonne-1"), 422
    )

    assert "made of our name or words of our trade" in page.error_at("password")


def test_who_sets_a_first_password_in_two_windows_at_once_is_asked_in_the_second_for_that_of_the_first(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor = joined(shop)
    form = visitor.get("/en/account/security/password")
    look = details_views.factors_of
    # What the second window saw when its form came: the first one had not set it yet.
    monkeypatch.setattr(details_views, "factors_of", lambda person_id: replace(look(person_id), has_password=False))

    page = visitor.read(visitor.send(form, "/password", 422, present="", password="plum tractor seven oceans"), 422)

    assert page.error_at("present")
    tries(shop.visitor(), "ana@example.org", PASSWORD, 303)


def test_a_password_of_200_characters_counts_letter_by_letter_as_it_was_typed(shop: Shop) -> None:
    typed = "  Plum tractor seven ocèans, " * 7
    chosen = typed[:199] + "."
    visitor = joined(shop)
    visitor.send(visitor.get("/en/account/security/password"), "/password", present=PASSWORD, password=chosen)

    for almost in (chosen.strip(), chosen.lower(), chosen[:-1], chosen[:-1] + "!"):
        tries(shop.visitor(), "ana@example.org", almost)
    tries(shop.visitor(), "ana@example.org", chosen, 303)


def test_what_is_typed_as_a_password_is_hidden_and_a_manager_may_fill_it_in(shop: Shop) -> None:
    visitor, fields = joined(shop), []
    for page in (visitor.get("/en/account/security/password"), shop.visitor().get("/en/account/sign-in")):
        fields += re.findall(r'<input[^>]* name="(?:present|password)"[^>]*>', page.html)

    assert len(fields) == 3
    for field in fields:
        assert 'type="password"' in field
        assert re.search(r'autocomplete="(current|new)-password"', field)
