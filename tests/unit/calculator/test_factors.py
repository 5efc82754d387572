"""The tables of factors, and sums that a reader can do again by hand."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.calculator.factors import COLUMNS, RANGES, BadTable, Line, Result, Tables, load_tables, read_table
from app.calculator.household import CARS, FUELS, Household, household_lines
from app.calculator.presentation import CABINS, LABELS
from app.calculator.presentation import RANGES as RANGE_WORDS
from app.calculator.views import DATA

HEADER = ",".join(COLUMNS) + "\n"
ROW = "gas.kwh,0.2,0.1,0.3,kWh,ipcc,Factors,Somebody,2025,https://example.org,A note\n"

TABLE = load_tables([DATA]).newest
AMOUNTS = st.decimals(0, 999_999_999, places=2)
KEYS = st.sampled_from(sorted(TABLE.factors))


def lines(amounts: list[tuple[str, Decimal]]) -> tuple[Line, ...]:
    return tuple(Line("household", amount, TABLE[key], {}) for key, amount in amounts)


@pytest.mark.parametrize("version", sorted(load_tables([DATA]).versions))
def test_every_published_factor_names_its_source_year_and_how_it_was_checked(version: str) -> None:
    for factor in load_tables([DATA]).versions[version].factors.values():
        assert factor.low <= factor.value <= factor.high
        assert factor.url.startswith("https://")
        assert 2000 < factor.year <= 2026
        assert "Checked against" in factor.note, factor.key
        assert not {"stored", "Verified", "found"} & set(factor.note.split()), factor.key
        if "Energy Security" in factor.publisher:
            assert f"{factor.year} edition" in factor.note, factor.key
        assert (factor.range == "none") == (factor.low == factor.high), factor.key


def test_every_factor_that_a_page_can_ask_for_is_in_every_table_and_has_words() -> None:
    for table in load_tables([DATA]).versions.values():
        for key in (*FUELS.values(), *CARS):
            assert table[key].value > 0
            assert key in LABELS
        assert {"FR", "ES", "GB", "US", "KE", "ZZ"} <= set(table.grids)
    assert RANGES | {"own"} == set(RANGE_WORDS)
    assert {key.rpartition(".")[2] for key in TABLE.factors if key.startswith("flight.")} <= set(CABINS)


def test_an_amount_times_its_factor_is_the_line_and_the_lines_are_the_total() -> None:
    found = household_lines(
        Household(
            electricity=Decimal(3500), grid="FR", fuels={"gas": Decimal(12000)}, cars=(("petrol.km", Decimal(9000)),)
        ),
        TABLE,
    )
    result = Result(TABLE.version, tuple(found), people=2)

    assert [line.kg for line in found] == [Decimal("154.6"), Decimal("2195.5"), Decimal("1464.5")]
    assert (result.kg, result.low_kg, result.high_kg) == (Decimal("3814.6"), Decimal("3567.4"), Decimal("4850.7"))
    assert (result.units, result.share_kg) == (4, Decimal("1907.3"))


def test_a_factor_from_the_bill_takes_the_place_of_the_country() -> None:
    own = Household(electricity=Decimal(1000), grid="PL", own_grid=Decimal("50.5"))
    [line] = household_lines(own, TABLE)

    assert (line.kg, line.low_kg, line.high_kg) == (Decimal("50.5"), Decimal("50.5"), Decimal("50.5"))
    assert line.factor.source == ""


@given(st.lists(st.tuples(KEYS, AMOUNTS), max_size=8))
def test_for_any_amounts_the_range_holds_the_value_and_the_printed_lines_add_up(
    amounts: list[tuple[str, Decimal]],
) -> None:
    result = Result(TABLE.version, lines(amounts))

    assert all(line.low_kg <= line.kg <= line.high_kg for line in result.lines)
    assert result.low_kg <= result.kg <= result.high_kg
    assert result.kg == sum((line.kg for line in result.lines), Decimal(0))
    assert all(line.kg.as_tuple().exponent == -1 for line in result.lines)


@given(st.lists(st.tuples(KEYS, AMOUNTS), max_size=8))
def test_for_any_amounts_the_units_are_the_tonnes_rounded_up(amounts: list[tuple[str, Decimal]]) -> None:
    result = Result(TABLE.version, lines(amounts))

    assert (result.units - 1) * 1000 < result.kg <= result.units * 1000


@given(KEYS, AMOUNTS, AMOUNTS)
def test_more_of_something_never_gives_fewer_tonnes(key: str, one: Decimal, other: Decimal) -> None:
    less, more = sorted((one, other))
    small, large = (Result(TABLE.version, lines([(key, amount)])) for amount in (less, more))

    assert small.kg <= large.kg
    assert small.units <= large.units
    assert small.low_kg <= large.low_kg
    assert small.high_kg <= large.high_kg


def test_exactly_a_tonne_is_one_unit_and_a_hair_more_is_two() -> None:
    factor = replace(TABLE["gas.kwh"], value=Decimal(1))

    assert [
        Result("x", (Line("household", Decimal(kg), factor, {}),)).units for kg in ("0", "0.1", "1000", "1000.1")
    ] == [0, 1, 1, 2]


def test_a_newer_table_is_another_file_and_the_older_one_stays(tmp_path: Path) -> None:
    (tmp_path / "factors-2027-1.csv").write_text(HEADER + ROW)
    (tmp_path / "factors-2027-10.csv").write_text(HEADER + ROW.replace("0.2,", "0.25,"))
    tables = load_tables([DATA, tmp_path])

    assert tables.newest.version == "2027-10"
    assert tables.newest["gas.kwh"].value == Decimal("0.25")
    assert tables.versions["2026-1"]["gas.kwh"].value == Decimal("0.18296")
    assert tables.versions["2026-1"].text == (DATA / "factors-2026-1.csv").read_text()


def test_the_operators_file_stands_for_ours_of_the_same_version(tmp_path: Path) -> None:
    (tmp_path / "factors-2026-1.csv").write_text(HEADER + ROW)

    assert isinstance(load_tables([DATA, tmp_path]), Tables)
    assert load_tables([DATA, tmp_path]).newest["gas.kwh"].value == Decimal("0.2")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("key,value\n", "the columns are"),
        (HEADER + ROW + ROW, "line 3: gas.kwh was there before"),
        (HEADER + ROW.replace("0.2,", "a lot,"), "line 2: value, low, high and year are numbers"),
        (HEADER + ROW.replace("2025", "lately"), "line 2: value, low, high and year are numbers"),
        (HEADER + ROW.replace("0.1,", "0.25,"), "does not hold"),
        (HEADER + ROW.replace("0.2,0.1,0.3", "NaN,0,1"), "numbers|does not hold"),
        (HEADER + ROW.replace("0.2,0.1,0.3", "Infinity,0,Infinity"), "does not hold"),
        (HEADER + ROW.replace("ipcc", "roughly"), "range is one of"),
        (HEADER + ROW.replace("A note", ""), "every cell is filled"),
        (HEADER + "gas.kwh,0.2\n", "numbers"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_by_line(text: str, problem: str) -> None:
    with pytest.raises(BadTable, match=problem):
        read_table(text, "2026-9")


def test_a_file_with_another_name_and_no_file_at_all_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadTable, match="no table"):
        load_tables([tmp_path])
    (tmp_path / "factors-new.csv").write_text(HEADER + ROW)
    with pytest.raises(BadTable, match=r"factors-new\.csv"):
        load_tables([tmp_path])
