"""Places, distances and the figures of flights."""

from __future__ import annotations

import csv
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.calculator.airports import DATA as PLACES
from app.calculator.airports import AmbiguousPlace, UnknownPlace, airports, distance_km, find_place
from app.calculator.amounts import BadAmount, read_amount
from app.calculator.factors import load_tables
from app.calculator.flights import CABINS, SHORT_HAUL_KM, Flight, flight_line
from app.calculator.make_airports import main, make
from app.calculator.views import DATA

TABLE = load_tables([DATA]).newest


def flown(km: int, cabin: str = "economy", *, is_return: bool = False, passengers: int = 1) -> Flight:
    return Flight(None, None, km, cabin, is_return, passengers)


@pytest.mark.parametrize(
    ("typed", "name", "code"),
    [
        ("cdg", "Paris", "CDG"),
        ("París", "Paris", "ORY"),
        ("Londres", "London", "LHR"),
        ("Nueva York", "New York", "JFK"),
        ("genève", "Geneva", "GVA"),
        ("Ginebra", "Geneva", "GVA"),
        ("Pékin", "Beijing", "PEK"),
        ("MOSCOU", "Moscow", "SVO"),
        ("Le Caire", "Cairo", "CAI"),
        ("Montréal", "Montreal", "YUL"),
        ("Frankfurt", "Frankfurt am Main", "FRA"),
        ("Heathrow", "London", "LHR"),
        ("  são   paulo ", "Sao Paulo", "GRU"),
        ("Athènes", "Athens", "ATH"),
    ],
)
def test_a_place_is_found_by_code_or_name_in_three_languages_without_accents(typed: str, name: str, code: str) -> None:
    place = find_place(typed)

    assert place.name == name
    assert code in place.codes


def test_a_city_with_several_airports_is_taken_from_their_middle() -> None:
    london = find_place("London")

    assert london.codes == ("LCY", "LGW", "LHR", "LTN", "STN")
    assert all(
        abs(distance_km(find_place(code), find_place("JFK")) - distance_km(london, find_place("JFK"))) < 60
        for code in london.codes
    )


def test_a_name_of_several_cities_is_not_decided_for_the_passenger() -> None:
    with pytest.raises(AmbiguousPlace) as several:
        find_place("Barcelona")
    assert [airport.code for airport in several.value.airports] == ["BCN", "BLA"]


@pytest.mark.parametrize("typed", ["Atlantis", "", "!?", "XX", "x" * 500])
def test_a_place_that_is_nowhere_is_unknown(typed: str) -> None:
    with pytest.raises(UnknownPlace):
        find_place(typed)


@pytest.mark.parametrize(
    ("ends", "km"), [(("LHR", "JFK"), 5540), (("CDG", "CDG"), 0), (("AKL", "SCL"), 9660), (("SYD", "JNB"), 11040)]
)
def test_the_distance_is_along_the_great_circle(ends: tuple[str, str], km: int) -> None:
    one, other = (find_place(code) for code in ends)

    assert abs(distance_km(one, other) - km) <= km / 200
    assert distance_km(one, other) == distance_km(other, one)


def test_every_name_of_a_city_in_the_list_is_known() -> None:
    with (PLACES / "city-names.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            with suppress(AmbiguousPlace):  # there is a Barcelona in Venezuela too
                assert find_place(row["name"]).codes, row


def test_the_list_has_no_code_twice_and_is_small() -> None:
    codes = [airport.code for airport in airports()]

    assert len(codes) == len(set(codes)) > 5_000
    assert (PLACES / "airports.csv").stat().st_size < 300_000


@pytest.mark.parametrize(
    ("km", "cabin", "key"),
    [
        (SHORT_HAUL_KM, "economy", "flight.short.economy"),
        (SHORT_HAUL_KM, "premium", "flight.short.business"),
        (500, "business", "flight.short.business"),
        (500, "first", "flight.short.business"),
        (SHORT_HAUL_KM + 1, "economy", "flight.long.economy"),
        (9_000, "premium", "flight.long.premium"),
        (9_000, "business", "flight.long.business"),
        (9_000, "first", "flight.long.first"),
    ],
)
def test_distance_and_class_decide_the_figure(km: int, cabin: str, key: str) -> None:
    assert flight_line(flown(km, cabin), TABLE).factor.key == key


def test_a_flight_inside_the_united_kingdom_has_the_figure_for_it() -> None:
    flight = Flight.between(find_place("LHR"), find_place("EDI"), cabin="business", is_return=True, passengers=2)
    line = flight_line(flight, TABLE)

    assert line.factor.key == "flight.uk.average"
    assert line.amount == Decimal(flight.km * 4)


def test_there_and_back_for_three_is_six_times_one_way_for_one() -> None:
    one, six = flight_line(flown(1000), TABLE), flight_line(flown(1000, is_return=True, passengers=3), TABLE)

    assert (one.amount, six.amount) == (Decimal(1000), Decimal(6000))
    assert (one.kg, six.kg) == (Decimal("125.8"), Decimal("754.6"))


@given(st.integers(1, 20_037), st.sampled_from(CABINS))
def test_a_more_spacious_class_is_never_less(km: int, cabin: str) -> None:
    line, first = flight_line(flown(km, cabin), TABLE), flight_line(flown(km, "first"), TABLE)

    assert line.kg <= first.kg
    assert line.low_kg <= line.kg <= line.high_kg


@pytest.mark.parametrize(
    ("typed", "amount"),
    [("3500", "3500"), ("12,5", "12.5"), ("12.50", "12.5"), ("3 500", "3500"), ("3\u202f500", "3500"), ("0", "0")],
)
def test_amounts_are_read_as_people_write_them(typed: str, amount: str) -> None:
    assert read_amount(typed) == Decimal(amount)


@pytest.mark.parametrize(
    "typed", ["", "abc", "-1", "+1", "1e3", "3,500", "3.500", "1.2.3", "1234567890", "١٢", "12.", ".5", "5 6", "1 2.5"]
)
def test_what_could_mean_two_things_or_nothing_is_not_guessed(typed: str) -> None:
    with pytest.raises(BadAmount):
        read_amount(typed)


def test_the_list_is_made_again_from_the_package_by_its_rules(tmp_path: Path) -> None:
    header = "icao,iata,name,city,subd,country,elevation,lat,lon,tz,lid\n"
    rows = (
        "EGLL,LHR,London Heathrow Airport,London,England,GB,83,51.4706,-0.46194,Europe/London,\n"
        "KAHN,AHN,Athens Ben Epps Airport,Athens,Georgia,US,1,33.95,-83.33,America/New_York,\n"
        "LGAV,ATH,Athens International Airport,Athens,Attica,GR,1,37.9364,23.9445,Europe/Athens,\n"
        "KXXX,XXX,Nowhere Air Base,Nowhere,,US,1,1,1,America/New_York,\n"
        "KYYY,,No Code Airport,Somewhere,,US,1,1,1,America/New_York,\n"
        "EBBR,BRU,Brussels Airport,Brussels,,BE,1,50.54,4.29,Europe/Brussels,\n"
        "CYUL,YUL,Montreal Trudeau Airport,Dorval,,CA,1,45.47,-73.74,America/Toronto,\n"
    )
    (tmp_path / "airports.csv").write_text(header + rows)
    (tmp_path / "iata_macs.csv").write_text(
        '"Country","City Code","City Name","Airport Code","Airport Name"\n"GB","LON","London","LHR","Heathrow"\n'
    )
    main(tmp_path, tmp_path / "made.csv")

    assert (tmp_path / "made.csv").read_text().splitlines()[1:] == [
        "AHN,Athens,Athens Ben Epps,US,33.95,-83.33,",
        "ATH,Athens,,GR,37.94,23.94,Athens",
        "BRU,Brussels,,BE,50.90,4.48,Brussels",
        "LHR,London,London Heathrow,GB,51.47,-0.46,London",
        "YUL,Montreal,Montreal Trudeau,CA,45.47,-73.74,",
    ]
    assert make([], {}).count("\n") == 1
