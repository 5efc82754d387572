"""Makes the drawing of the world's countries from Natural Earth's, in the Equal Earth projection.

    npm pack world-atlas@2.0.2 && tar xzf world-atlas-2.0.2.tgz
    python -m app.catalog.make_map package

writes `app/catalog/data/world.json`: for each country, by its ISO 3166-1 alpha-2 code, the outline
as an SVG path in whole units of a drawing 2,000 wide, its bounds, and where a point for it stands.
Outlines come from the 1:110m file; countries that are too small for it have a point only, from 1:50m.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from math import asin, cos, radians, sin, sqrt
from pathlib import Path
from typing import Any, TypeAlias

from babel.core import get_global

TARGET = Path(__file__).parent / "data" / "world.json"

WIDTH = 2_000
NO_CODE = "ZZ"  # CLDR's code for an unknown region
WITHOUT_PROJECTS = frozenset({"AQ"})
HALF_TURN = 180.0  # degrees
SOUTHERNMOST = -58.0  # degrees: Antarctica hosts no project
SMALLEST_ISLAND = 8  # square units of the drawing; smaller rings than that are dots of dust
SHORTEST_RING = 4  # a triangle and its return

Point: TypeAlias = tuple[float, float]
Ring: TypeAlias = list[Point]

# Šavrič, Patterson and Jenny 2018, "The Equal Earth map projection".
_A1, _A2, _A3, _A4 = 1.340264, -0.081106, 0.000893, 0.003796
_M = sqrt(3) / 2


def equal_earth(longitude: float, latitude: float) -> Point:
    """Degrees to the plane, x to the east and y to the north, areas kept."""
    theta = asin(_M * sin(radians(latitude)))
    t2, t6 = theta**2, theta**6
    x = radians(longitude) * cos(theta) / (_M * (_A1 + 3 * _A2 * t2 + t6 * (7 * _A3 + 9 * _A4 * t2)))
    y = theta * (_A1 + _A2 * t2 + t6 * (_A3 + _A4 * t2))
    return x, y


EAST = equal_earth(180, 0)[0]
NORTH = equal_earth(0, 84)[1]
SOUTH = equal_earth(0, SOUTHERNMOST)[1]
SCALE = WIDTH / (2 * EAST)
HEIGHT = round((NORTH - SOUTH) * SCALE)


def place(longitude: float, latitude: float) -> Point:
    """Degrees to the drawing: 0 is the left and upper edge."""
    x, y = equal_earth(longitude, latitude)
    return (x + EAST) * SCALE, (NORTH - y) * SCALE


def make(folder: Path) -> dict[str, Any]:
    """The drawing from the files of the package `world-atlas` in `folder`."""
    coarse = _countries(folder / "countries-110m.json")
    fine = _countries(folder / "countries-50m.json")
    countries: dict[str, Any] = {}
    for code in sorted(fine | coarse):
        rings = coarse.get(code, [])
        path, bounds = _path(rings)
        x, y = _middle(rings or fine[code])
        countries[code] = {"x": x, "y": y} | ({"path": path, "bounds": bounds} if path else {})
    return {"width": WIDTH, "height": HEIGHT, "countries": countries}


def _countries(file: Path) -> dict[str, list[Ring]]:
    """The outer rings of each country of a TopoJSON file, in units of the drawing.

    Land without a code of its own is one more entry, so that it is no hole in the map.
    """
    topology = json.loads(file.read_text(encoding="utf-8"))
    arcs = [_decode(arc, topology["transform"]) for arc in topology["arcs"]]
    aliases = get_global("territory_aliases")
    found: dict[str, list[Ring]] = {}
    for geometry in topology["objects"]["countries"]["geometries"]:
        code = aliases.get(geometry.get("id", ""), [NO_CODE])[0]
        polygons = {"Polygon": [geometry.get("arcs")], "MultiPolygon": geometry.get("arcs")}.get(geometry["type"], [])
        if code not in WITHOUT_PROJECTS:
            found.setdefault(code, []).extend(_ring(polygon[0], arcs) for polygon in polygons)
    return {code: rings for code, rings in found.items() if rings}


def _decode(arc: Iterable[Sequence[int]], transform: Mapping[str, Sequence[float]]) -> Ring:
    (width, height), (left, bottom) = transform["scale"], transform["translate"]
    x = y = 0
    points = []
    for step in arc:
        x, y = x + step[0], y + step[1]
        points.append((x * width + left, y * height + bottom))
    return points


def _ring(indexes: Iterable[int], arcs: Sequence[Ring]) -> Ring:
    points: Ring = []
    for index in indexes:
        arc = arcs[index] if index >= 0 else arcs[~index][::-1]
        points += arc[1:] if points else arc
    longitudes = [longitude for longitude, _latitude in points]
    if max(longitudes) - min(longitudes) > HALF_TURN:
        # An island on the 180th meridian: its western part goes on to the east.
        points = [(longitude % (2 * HALF_TURN), latitude) for longitude, latitude in points]
    return [place(longitude, latitude) for longitude, latitude in points]


def _path(rings: Iterable[Ring]) -> tuple[str, list[int]]:
    """The rings as one path of relative steps, and its bounds: left, top, right, bottom."""
    text = ""
    corners: list[tuple[int, int]] = []
    for ring in rings:
        rounded = [(round(x), round(y)) for x, y in ring]
        steps = [point for point, before in zip(rounded, [None, *rounded], strict=False) if point != before]
        if len(steps) < SHORTEST_RING or abs(_area(ring)) < SMALLEST_ISLAND:
            continue
        corners += steps
        text += f"M{steps[0][0]} {steps[0][1]}l"
        moves = [(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(steps[:-1])]
        text += " ".join(f"{dx} {dy}" for dx, dy in _joined(moves)) + "z"
    if not corners:
        return "", []
    xs, ys = zip(*corners, strict=True)
    return text.replace(" -", "-"), [min(xs), min(ys), max(xs), max(ys)]


def _joined(moves: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Steps in the same direction become one."""
    joined: list[tuple[int, int]] = []
    for dx, dy in moves:
        if joined and joined[-1][0] * dy == joined[-1][1] * dx and joined[-1][0] * dx + joined[-1][1] * dy > 0:
            joined[-1] = joined[-1][0] + dx, joined[-1][1] + dy
        else:
            joined.append((dx, dy))
    return joined


def _area(ring: Ring) -> float:
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(ring, [*ring[1:], ring[0]], strict=True)) / 2


def _middle(rings: Iterable[Ring]) -> Point:
    """The centre of gravity of the largest ring: where the point of the country stands."""
    ring = max(rings, key=lambda r: abs(_area(r)))
    area = _area(ring) or 1.0
    pairs = list(zip(ring, [*ring[1:], ring[0]], strict=True))
    x = sum((a[0] + b[0]) * (a[0] * b[1] - b[0] * a[1]) for a, b in pairs) / (6 * area)
    y = sum((a[1] + b[1]) * (a[0] * b[1] - b[0] * a[1]) for a, b in pairs) / (6 * area)
    return round(x, 1), round(y, 1)


def write(folder: Path, target: Path = TARGET) -> None:
    """Make the drawing from the files in `folder` and write it to `target`, the same bytes each time."""
    drawing = make(folder)
    lines = [f'"{code}":{json.dumps(facts, separators=(",", ":"))}' for code, facts in drawing["countries"].items()]
    head = f'{{"width":{drawing["width"]},"height":{drawing["height"]},"countries":{{\n'
    target.write_text(head + ",\n".join(lines) + "\n}}\n", encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
