"""What people type keeps its meaning and loses what could do harm."""

from __future__ import annotations

import unicodedata
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.kernel.text import clean_line, clean_lines, csv_cell, fold, fold_character, is_right_to_left

ANY_TEXT = st.text(alphabet=st.characters(), max_size=200)
OVERRIDES = [chr(c) for c in (*range(0x202A, 0x202F), *range(0x2066, 0x2070))]


@given(ANY_TEXT)
@example("e\u200b\u0301")  # a letter and its accent, kept apart by something invisible
@example(" \u202e\u0301x")
@example("\u1100\u2060\u1161")
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    assert clean_line(clean_line(text)) == clean_line(text)


@given(ANY_TEXT)
def test_a_cleaned_line_is_one_line_without_control_or_direction_changing_characters(text: str) -> None:
    cleaned = clean_line(text)

    assert not any(unicodedata.category(c) in {"Cc", "Cs", "Co", "Cn", "Zl", "Zp"} for c in cleaned)
    assert not set(cleaned) & set(OVERRIDES)
    assert cleaned.splitlines() in ([], [cleaned])
    assert "  " not in cleaned
    assert cleaned == cleaned.strip()
    assert unicodedata.is_normalized("NFC", cleaned)


@pytest.mark.parametrize(
    "name",
    [
        "Zoë Ångström-Ñuñez",
        "Łukasz Żółć",
        "محمد بن سلمان",
        "שָׁלוֹם",
        "李小龍",
        "やまだ 太郎",
        "김철수",
        "श्रीमती इंदिरा",
        "Дмитрий Шостакович",
        "می‌خواهم",  # Persian needs the zero-width non-joiner
        "क्‍ष",  # and Devanagari the joiner
        "O'Brien & Sons <GmbH>",
        "👩‍🌾",
    ],
)
def test_names_of_every_script_stay_as_they_are(name: str) -> None:
    name = unicodedata.normalize("NFC", name)

    assert clean_line(name) == name


def test_line_breaks_and_tabs_become_one_space() -> None:
    assert clean_line("Subject\r\nBcc: x\u2028y\u2029z\tw\u00a0v\x85u") == "Subject Bcc: x y z w v u"


def test_control_and_invisible_characters_vanish() -> None:
    assert clean_line("a\x00b\x1bc\u202ed\u2066e\u200bf\ufeffg\u00adh\ue000i\ufff9j") == "abcdefghij"


def test_a_letter_and_its_accent_become_one_letter() -> None:
    assert clean_line("Zoe\u0308") == "Zoë"
    assert clean_line("Zoe\u200b\u0308") == "Zoë"


def test_nothing_but_blanks_is_nothing() -> None:
    assert clean_line(" \n\t\u3000\u200b ") == ""


@pytest.mark.parametrize("name", ["محمد", "  «שלום»", "1. محمد Ltd", "\u200fABC"])
def test_arabic_and_hebrew_are_written_from_the_right(name: str) -> None:
    assert is_right_to_left(name)


@pytest.mark.parametrize("name", ["Ana", "ACME محمد", "李小龍", "12 + 3", ""])
def test_everything_else_is_written_from_the_left(name: str) -> None:
    assert not is_right_to_left(name)


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1+1"])
def test_a_spreadsheet_sees_text_where_a_formula_was_typed(cell: str) -> None:
    assert csv_cell(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["Ana", "", "a=b", "'quoted"])
def test_an_innocent_cell_stays_as_it_is(cell: str) -> None:
    assert csv_cell(cell) == cell


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Élan  Vert", "elan vert"),
        ("CO₂-arm", "co2 arm"),
        ("Straße", "strasse"),
        ("Łódź, Kraków", "lodz krakow"),
        ("Nguyễn", "nguyen"),
        ("Nguye\u0302\u0303n", "nguyen"),
        ("SØREN Ærø", "soren aero"),
        ("ＡＢＣ　１２３", "abc 123"),
        ("a\u200bb\u00adc", "abc"),
        ("line\nbreak\ttab", "line break tab"),
        ("IN-1514", "in 1514"),
        ("श्रीमती", "शरीमती"),
        ("王小明", "王小明"),
        ("100 %", "100"),
        ("…", ""),
    ],
)
def test_words_fold_to_what_a_person_types_to_find_them(text: str, folded: str) -> None:
    assert fold(text) == folded


@given(ANY_TEXT)
def test_folding_twice_changes_nothing_more(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(ANY_TEXT)
def test_case_and_accents_make_no_difference(text: str) -> None:
    assert fold(unicodedata.normalize("NFD", text)) == fold(unicodedata.normalize("NFC", text)) == fold(text)
    assert fold("".join(map(fold_character, text))) == fold(text)


@given(ANY_TEXT)
def test_cleaning_lines_twice_changes_nothing_more(text: str) -> None:
    assert clean_lines(clean_lines(text)) == clean_lines(text)


@given(ANY_TEXT)
def test_every_line_of_several_is_a_clean_line_and_no_two_are_empty(text: str) -> None:
    lines = clean_lines(text).split("\n")
    assert [clean_line(line) for line in lines] == lines
    assert all(first or second for first, second in pairwise(lines))


def test_line_breaks_of_every_system_are_kept_and_gaps_closed() -> None:
    assert clean_lines("\r\n\r\nDear\u202e  you,\r\n\r\n \t\r\nyes.\n") == "Dear you,\n\nyes."
