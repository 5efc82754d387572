"""Maps from local data, and how the data are made from Natural Earth's."""

from __future__ import annotations

import json
from math import radians, sin
from pathlib import Path
from typing import Any

import pytest

from app.catalog import make_map
from app.catalog.world import FILE, locator, whole_map
from tests.unit.demo.test_demo_data import rows

PATH_BYTES = 60_000


def test_the_whole_drawing_is_small_enough_to_stand_in_a_page() -> None:
    world = json.loads(FILE.read_text(encoding="utf-8"))

    assert sum(len(country.get("path", "")) for country in world["countries"].values()) < PATH_BYTES
    assert FILE.stat().st_size < PATH_BYTES


def test_every_host_party_of_the_demonstration_has_a_point_inside_the_map() -> None:
    hosts = sorted({code for row in rows("projects") for code in row["host_parties"].split(";")})
    drawing = whole_map(hosts)

    assert [place.country for place in drawing.places] == hosts
    assert all(0 < place.x < 100 and 0 < place.y < 100 for place in drawing.places)
    assert all(place.outline for place in drawing.places)


def test_the_highlighted_country_is_not_drawn_twice() -> None:
    drawing = whole_map(["MN"])

    assert drawing.view == f"0 0 {drawing.width} {drawing.height}"
    assert drawing.places[0].outline not in drawing.land
    assert drawing.places[0].outline in whole_map([]).land


def test_a_place_that_is_too_small_for_an_outline_has_a_point() -> None:
    drawing = whole_map(["SG", "??"])

    assert [(place.country, place.outline) for place in drawing.places] == [("SG", "")]


@pytest.mark.parametrize("countries", [["SV"], ["BR"], ["GH", "KE"], ["FJ"], ["US"], ["SG"]])
def test_a_small_map_has_its_countries_inside_and_only_the_land_around(countries: list[str]) -> None:
    drawing = locator(countries)

    assert drawing is not None
    assert all(0 < place.x < 100 and 0 < place.y < 100 for place in drawing.places)
    assert len(drawing.land) < len(whole_map(countries).land)


def test_a_country_that_nobody_knows_has_no_map() -> None:
    assert locator(["??"]) is None


def square(left: int, bottom: int, size: int) -> list[list[int]]:
    return [[left, bottom], [size, 0], [0, size], [-size, 0], [0, -size]]


def topology(**arcs: list[list[int]]) -> dict[str, Any]:
    geometries = []
    for number, identifier in enumerate(arcs):
        arc: Any = [[number]]
        kind = "Polygon"
        if identifier == "_356":
            arc, kind = [[[~number]]], "MultiPolygon"
        geometries.append({"type": kind, "arcs": arc, "id": identifier.strip("_") or None})
    geometries.append({"type": None, "id": "999"})
    geometries = [{key: value for key, value in g.items() if value is not None or key == "type"} for g in geometries]
    return {
        "transform": {"scale": [1, 1], "translate": [0, 0]},
        "arcs": list(arcs.values()),
        "objects": {"countries": {"geometries": geometries}},
    }


def test_who_makes_the_drawing_again_gets_outlines_points_and_no_holes(tmp_path: Path) -> None:
    island = [[179, -18], [-358, 0], [0, 1], [358, 0], [0, -1]]  # on the 180th meridian
    coarse = topology(_356=square(70, 10, 20), _242=island, _=square(20, 40, 5), _010=square(0, -80, 5))
    fine = topology(_356=square(70, 10, 20), _702=square(103, 1, 1))
    (tmp_path / "countries-110m.json").write_text(json.dumps(coarse), encoding="utf-8")
    (tmp_path / "countries-50m.json").write_text(json.dumps(fine), encoding="utf-8")
    make_map.write(tmp_path, tmp_path / "world.json")
    world = json.loads((tmp_path / "world.json").read_text(encoding="utf-8"))
    countries = world["countries"]

    assert sorted(countries) == ["FJ", "IN", "SG", "ZZ"]
    assert countries["IN"]["path"].startswith("M")
    assert "path" not in countries["SG"]
    left, _top, right, _bottom = countries["FJ"]["bounds"]
    assert right - left < 20
    assert world["width"] == 2_000


def test_the_projection_keeps_areas() -> None:
    def area(latitude: float) -> float:
        ring = [(0.0, latitude), (10.0, latitude), (10.0, latitude + 1), (0.0, latitude + 1)]
        points = [make_map.equal_earth(*point) for point in ring]
        pairs = zip(points, [*points[1:], points[0]], strict=True)
        return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in pairs) / 2)

    # On a sphere the strip between two parallels is the difference of their sines.
    def on_sphere(latitude: float) -> float:
        return radians(10) * (sin(radians(latitude + 1)) - sin(radians(latitude)))

    assert area(60) / area(0) == pytest.approx(on_sphere(60) / on_sphere(0), rel=0.002)
