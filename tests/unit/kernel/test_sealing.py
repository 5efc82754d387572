"""Seals: each for one purpose, unchangeable, and opened after the secret of the house was replaced."""

from __future__ import annotations

import pytest
from cryptography.fernet import Fernet

from app.kernel import sealing
from app.kernel.sealing import Keyring, SealBroken, SealFor, is_present, seal, seal_text, unseal, unseal_text

FORMER, PRESENT = "former secret of the house, long enough", "present secret of the house, long enough"
OLD, NEW = Keyring(FORMER), Keyring(PRESENT, (FORMER,))
NUMBER = "CH9300762011623852957"


def fernet_of(secret: str) -> Fernet:
    return sealing._fernet(secret)  # noqa: SLF001 - how seals were made before


@pytest.mark.parametrize("purpose", list(SealFor))
def test_what_was_sealed_is_opened_again_and_cannot_be_read_meanwhile(purpose: SealFor) -> None:
    sealed = seal_text(NUMBER, OLD, purpose)

    assert unseal_text(sealed, OLD, purpose) == NUMBER
    assert NUMBER not in sealed
    assert sealed.isascii()
    assert seal_text(NUMBER, OLD, purpose) != sealed


def test_a_seal_is_thirty_four_bytes_longer_than_its_content() -> None:
    assert len(seal(b"x" * 100, OLD, SealFor.EVIDENCE)) == 134


def test_nothing_is_not_sealed() -> None:
    assert seal_text("", OLD, SealFor.EVIDENCE) == ""
    assert unseal_text("", OLD, SealFor.EVIDENCE) == ""
    assert is_present("", OLD)


def test_what_was_sealed_for_one_purpose_is_not_taken_for_another() -> None:
    sealed = seal_text(NUMBER, OLD, SealFor.ACCOUNT_NUMBER)

    for purpose in set(SealFor) - {SealFor.ACCOUNT_NUMBER}:
        with pytest.raises(SealBroken):
            unseal_text(sealed, OLD, purpose)


def test_a_seal_that_was_changed_anywhere_is_broken() -> None:
    sealed = seal(b"content", OLD, SealFor.EVIDENCE)

    for place in range(len(sealed)):
        changed = sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :]
        with pytest.raises(SealBroken):
            unseal(changed, OLD, SealFor.EVIDENCE)
    for length in range(len(sealed)):
        with pytest.raises(SealBroken):
            unseal(sealed[:length], OLD, SealFor.EVIDENCE)


@pytest.mark.parametrize("typed", ["x", "T2.", "T2.a", "T2.é", "gAAAAnothing", "é"])
def test_what_never_was_a_seal_is_broken(typed: str) -> None:
    with pytest.raises(SealBroken):
        unseal_text(typed, OLD, SealFor.PROPOSED_FACTOR)


def test_after_the_secret_was_replaced_old_seals_open_and_new_ones_are_made_with_the_new_one() -> None:
    before = seal_text(NUMBER, OLD, SealFor.ACCOUNT_NUMBER)
    after = seal_text(NUMBER, NEW, SealFor.ACCOUNT_NUMBER)

    assert unseal_text(before, NEW, SealFor.ACCOUNT_NUMBER) == NUMBER
    assert (is_present(before, NEW), is_present(after, NEW)) == (False, True)
    assert unseal_text(after, Keyring(PRESENT), SealFor.ACCOUNT_NUMBER) == NUMBER
    with pytest.raises(SealBroken):
        unseal_text(before, Keyring(PRESENT), SealFor.ACCOUNT_NUMBER)


def test_seals_of_before_there_were_purposes_are_opened_and_known_as_old() -> None:
    before = fernet_of(FORMER).encrypt(NUMBER.encode())

    assert unseal(before, NEW, SealFor.EVIDENCE).decode() == NUMBER
    assert unseal_text(before.decode(), NEW, SealFor.ACCOUNT_NUMBER) == NUMBER
    assert not is_present(before, OLD)
    with pytest.raises(SealBroken):
        unseal(before, Keyring(PRESENT), SealFor.EVIDENCE)


def test_no_secret_is_in_the_words_of_a_keyring() -> None:
    assert repr(NEW) == "Keyring()"
