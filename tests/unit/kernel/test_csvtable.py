from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.kernel import csvtable
from app.kernel.csvtable import Column, ImportRefused, ImportReport, RowError, read_table, repeated

COLUMNS = (
    Column("code", csvtable.text(5)),
    Column("units", csvtable.whole_number(1, 100)),
    Column("on", csvtable.day, required=False),
    Column("note", csvtable.text(20), required=False, default=""),
)


def refusal_of(text: str, columns: tuple[Column, ...] = COLUMNS) -> list[tuple[int, str | None, str]]:
    with pytest.raises(ImportRefused) as refused:
        read_table(text, columns)
    return [(error.row, error.column, error.code) for error in refused.value.errors]


def problem_of(read: object, cell: str) -> str:
    with pytest.raises(csvtable.CellRefused) as refused:
        read(cell)  # type: ignore[operator]  # one of several functions
    return refused.value.code


def test_a_file_becomes_typed_rows_numbered_as_a_spreadsheet_numbers_them() -> None:
    table = read_table("code,units,on,note\na,1,2013-01-31,hello\n\nb,2,,\n", COLUMNS)

    assert table.errors == ()
    assert [row.number for row in table.rows] == [2, 4]
    assert table.rows[0].values == {"code": "a", "units": 1, "on": date(2013, 1, 31), "note": "hello"}
    assert table.rows[1].values == {"code": "b", "units": 2, "on": None, "note": ""}


def test_every_problem_of_every_row_is_named_at_once() -> None:
    table = read_table("code,units,on\ntoolong,0,2013-02-30\n,x,\nok,7,2020-01-01\n", COLUMNS)

    assert [(error.row, error.column, error.code) for error in table.errors] == [
        (2, "code", "too_long"),
        (2, "units", "out_of_range"),
        (2, "on", "not_a_date"),
        (3, "code", "required"),
        (3, "units", "not_a_whole_number"),
    ]
    assert table.errors[0].facts == {"maximum": 5}
    assert table.errors[1].facts == {"minimum": 1, "maximum": 100}
    assert [row["code"] for row in table.rows] == ["ok"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_spreadsheets_of_every_country_are_read(delimiter: str, newline: str, mark: str) -> None:
    text = mark + newline.join(["code,units,on,note", 'a,1,2013-01-31,"one; two"', "b,2,,"]) + newline
    if delimiter != ",":
        text = text.replace("; ", " ").replace(",", delimiter)

    table = read_table(text, COLUMNS)

    assert table.errors == ()
    assert [(row["code"], row["units"]) for row in table.rows] == [("a", 1), ("b", 2)]


def test_a_quoted_header_with_semicolons_is_understood() -> None:
    assert read_table('"code";"units"\n"a;b";3\n', COLUMNS).rows[0].values["code"] == "a;b"


def test_columns_may_stand_in_any_order() -> None:
    assert read_table("units,code\n5,a\n", COLUMNS).rows[0].values["units"] == 5


def test_unknown_missing_and_double_columns_are_named() -> None:
    assert refusal_of("code,color,code\na,b,c\n") == [
        (1, "code", "column_twice"),
        (1, "color", "unknown_column"),
        (1, "units", "missing_column"),
    ]


def test_a_nameless_column_between_others_is_a_problem_and_empty_columns_at_the_end_are_not() -> None:
    assert refusal_of("code,,units\na,x,1\n") == [(1, None, "unknown_column")]
    assert read_table("code,units,,\na,1,,\n", COLUMNS).errors == ()


def test_an_empty_file_names_the_columns_it_lacks() -> None:
    assert refusal_of("") == [(1, "code", "missing_column"), (1, "units", "missing_column")]


def test_a_header_alone_is_a_problem_of_the_file() -> None:
    assert [error.code for error in read_table("code,units\n,\n", COLUMNS).errors] == ["no_rows"]


def test_text_after_the_last_column_is_a_problem_of_its_row() -> None:
    table = read_table("code,units\na,1,surplus\nb,2,\n", COLUMNS)

    assert [(error.row, error.code, error.facts) for error in table.errors] == [
        (2, "surplus_cells", {"cells": 3, "columns": 2})
    ]
    assert [row["code"] for row in table.rows] == ["b"]


def test_a_missing_quotation_mark_refuses_the_file() -> None:
    assert refusal_of('code,units\n"a,1\n') == [(0, None, "malformed")]
    assert refusal_of('code,units\n"a"b,1\n') == [(0, None, "malformed")]


def test_a_file_that_is_too_large_is_refused_unread() -> None:
    assert refusal_of("code,units\n" + "a,1\n" * (csvtable.MAXIMUM_BYTES // 4)) == [(0, None, "file_too_large")]
    with pytest.raises(ImportRefused) as refused:
        csvtable.decode(b"x" * (csvtable.MAXIMUM_BYTES + 1))
    assert refused.value.errors[0].code == "file_too_large"


def test_more_rows_than_allowed_are_refused() -> None:
    assert refusal_of("code,units\n" + "a,1\n" * (csvtable.MAXIMUM_ROWS + 1)) == [(0, None, "too_many_rows")]


def test_a_megabyte_in_one_cell_is_a_problem_and_not_a_crash() -> None:
    assert refusal_of(f"code,units\n{'x' * 1_000_000},1\n") == [(0, None, "malformed")]


def test_control_characters_and_direction_overrides_do_not_survive() -> None:
    table = read_table("code,units,note\na,1,\u202eevil\x00\x07  name\u200b\n", COLUMNS)

    assert table.rows[0]["note"] == "evil name"


def test_bytes_are_read_as_utf8_with_or_without_a_mark_and_as_utf16_with_one() -> None:
    assert csvtable.decode("Maracanã".encode()) == "Maracanã"
    assert csvtable.decode("Maracanã".encode("utf-8-sig")) == "Maracanã"
    assert csvtable.decode("Maracanã".encode("utf-16")) == "Maracanã"
    with pytest.raises(ImportRefused) as refused:
        csvtable.decode("Maracanã".encode("latin-1"))
    assert refused.value.errors == (RowError(0, None, "not_text"),)


def test_a_row_that_repeats_an_earlier_one_points_to_it() -> None:
    table = read_table("code,units\na,1\nb,1\na,1\na,2\n", COLUMNS)

    assert [(e.row, e.code, e.facts) for e in repeated(table.rows, "code")] == [
        (4, "repeated", {"first": 2}),
        (5, "repeated", {"first": 2}),
    ]
    assert [(e.row, e.column) for e in repeated(table.rows, "code", "units")] == [(4, "units")]


def test_a_refusal_lists_its_problems_in_the_order_of_the_file() -> None:
    refused = ImportRefused([RowError(3, "b", "x"), RowError(2, None, "y"), RowError(3, "a", "z")])

    assert [(error.row, error.column) for error in refused.errors] == [(2, None), (3, "a"), (3, "b")]
    assert refused.facts == {"count": 3}


@pytest.mark.parametrize(
    ("report", "is_change"),
    [(ImportReport(1, 0, 0), True), (ImportReport(0, 1, 0), True), (ImportReport(0, 0, 9), False)],
)
def test_a_report_says_whether_anything_changed(report: ImportReport, is_change: bool) -> None:
    assert report.is_change is is_change


@pytest.mark.parametrize("cell", ["1.5", "-1", "1e3", "1,000", "١٢", "²", "0x1", ""])
def test_only_plain_whole_numbers_are_numbers(cell: str) -> None:
    assert problem_of(csvtable.whole_number(), cell) == "not_a_whole_number"


def test_a_number_beyond_the_database_is_out_of_range() -> None:
    for digits in (19, 20, 40, 5_000):
        assert problem_of(csvtable.whole_number(), "9" * digits) == "out_of_range"


@pytest.mark.parametrize("cell", ["31.01.2013", "2013-1-31", "20130131", "2013-13-01", "2013-W01-1"])
def test_only_one_form_of_date_is_read(cell: str) -> None:
    assert problem_of(csvtable.day, cell) == "not_a_date"


def test_an_instant_is_brought_to_utc() -> None:
    assert csvtable.instant("2014-09-17T12:40:06+02:00") == datetime(2014, 9, 17, 10, 40, 6, tzinfo=UTC)
    assert csvtable.instant("2014-09-17T12:40:06Z") == datetime(2014, 9, 17, 12, 40, 6, tzinfo=UTC)


@pytest.mark.parametrize("cell", ["2014-09-17T12:40:06", "yesterday", "2014-09-17", "0001-01-01T00:00:00+23:00"])
def test_an_instant_without_a_zone_is_none(cell: str) -> None:
    assert problem_of(csvtable.instant, cell) == "not_an_instant"


def test_choices_are_read_exactly() -> None:
    assert csvtable.choice("PA", "PoA")("PoA") == "PoA"
    assert problem_of(csvtable.choice("PA", "PoA"), "poa") == "not_a_choice"
    assert csvtable.yes_or_no("yes") is True
    assert csvtable.yes_or_no("no") is False
    assert problem_of(csvtable.yes_or_no, "true") == "not_a_choice"


def test_countries_are_the_249_of_iso_3166() -> None:
    assert len(csvtable.countries()) == 249
    assert csvtable.country("KE") == "KE"
    for cell in ("ke", "EU", "XX", "KEN", "001"):
        assert problem_of(csvtable.country, cell) == "not_a_country"


def test_a_list_of_countries_keeps_its_order_and_has_no_country_twice() -> None:
    assert csvtable.country_list("GH;KE") == ("GH", "KE")
    assert csvtable.country_list("GH; AE") == ("GH", "AE")
    assert problem_of(csvtable.country_list, "GH;GH") == "country_twice"
    assert problem_of(csvtable.country_list, "GH;") == "not_a_country"


def test_currencies_are_iso_4217_codes() -> None:
    assert csvtable.currency("USD") == "USD"
    assert problem_of(csvtable.currency, "usd") == "not_a_currency"


@pytest.mark.parametrize(("cell", "cents"), [("0.38", 38), ("8,50", 850), ("8.5", 850), ("12", 1200), ("0.380", 38)])
def test_an_amount_becomes_exact_minor_units(cell: str, cents: int) -> None:
    assert csvtable.minor_units(csvtable.amount(cell), "USD") == cents


@pytest.mark.parametrize("cell", ["-1", "1,234.50", "$1", "1.", ".5", "1e2", "NaN"])
def test_what_is_not_plainly_an_amount_is_refused(cell: str) -> None:
    assert problem_of(csvtable.amount, cell) == "not_an_amount"


def test_a_thousands_separator_is_not_taken_for_a_decimal_sign() -> None:
    assert problem_of(lambda cell: csvtable.minor_units(csvtable.amount(cell), "USD"), "1,234") == "too_precise"
    assert csvtable.minor_units(Decimal(1234), "JPY") == 1234
    assert problem_of(lambda cell: csvtable.minor_units(csvtable.amount(cell), "JPY"), "1.5") == "too_precise"


def test_codes_have_a_form_that_the_refusal_shows() -> None:
    read = csvtable.matching(r"[A-Z]{2}-[0-9]+", "IN-1514")

    assert read("IN-1") == "IN-1"
    with pytest.raises(csvtable.CellRefused) as refused:
        read("IN-1x")
    assert (refused.value.code, refused.value.facts) == ("wrong_form", {"example": "IN-1514"})


def test_a_link_can_only_lead_to_a_web_page() -> None:
    read = csvtable.web_address(60)

    assert read("https://cdm.unfccc.int/x") == "https://cdm.unfccc.int/x"
    for cell in ("javascript:alert(1)", "//evil.example", "https://", "data:text/html,x", "https://[bad", "http://a b"):
        assert problem_of(read, cell) == "not_an_address"
    assert problem_of(read, "https://example.org/" + "x" * 60) == "too_long"


@given(st.text(max_size=400))
def test_no_text_whatever_makes_the_reader_fail(text: str) -> None:
    try:
        table = read_table("code,units,on,note\n" + text, COLUMNS)
    except ImportRefused:
        return
    for row in table.rows:
        assert 1 <= row["units"] <= 100
        assert 1 <= len(row["code"]) <= 5
