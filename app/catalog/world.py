"""Where projects are: outlines and points of countries for maps drawn on the server, from local data."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).parent / "data" / "world.json"

# Units of the drawing, whose whole width of 2,000 is once round the world.
CLOSEST_WIDTH = 480
SHAPE = 0.66  # height of a small map by its width
MARGIN = 40

Box = tuple[int, int, int, int]  # left, top, right, bottom


@dataclass(frozen=True)
class Place:
    """A country on a map: its point in hundredths of the map's width and height, and its outline if it has one."""

    country: str
    x: float
    y: float
    outline: str


@dataclass(frozen=True)
class Map:
    """A drawing: `view` for `viewBox`, all other land as one path, and the places to be shown."""

    view: str
    width: int
    height: int
    land: str
    places: tuple[Place, ...]


def whole_map(countries: Sequence[str]) -> Map:
    """The world with the outlines of `countries` apart from the other land. Unknown codes are left out."""
    world = _world()
    return _draw(countries, (0, 0, world["width"], world["height"]))


def locator(countries: Sequence[str]) -> Map | None:
    """The part of the world around `countries`; None if none of them is known."""
    shapes = _world()["countries"]
    bounds = [_bounds(shapes[code]) for code in countries if code in shapes]
    if not bounds:
        return None
    lefts, tops, rights, bottoms = zip(*bounds, strict=True)
    return _draw(countries, _window((min(lefts), min(tops), max(rights), max(bottoms))))


def _window(inner: Box) -> Box:
    """A box of the right shape around `inner`, pushed back into the world where it stands out."""
    world = _world()
    width = max(CLOSEST_WIDTH, inner[2] - inner[0] + 2 * MARGIN, round((inner[3] - inner[1] + 2 * MARGIN) / SHAPE))
    height = min(round(width * SHAPE), world["height"])
    left = min(max(0, (inner[0] + inner[2] - width) // 2), max(0, world["width"] - width))
    top = min(max(0, (inner[1] + inner[3] - height) // 2), world["height"] - height)
    return left, top, left + width, top + height


def _draw(countries: Sequence[str], box: Box) -> Map:
    left, top, right, bottom = box
    width, height = right - left, bottom - top
    shapes = _world()["countries"]
    places = tuple(
        Place(
            code,
            round((shapes[code]["x"] - left) * 100 / width, 2),
            round((shapes[code]["y"] - top) * 100 / height, 2),
            shapes[code].get("path", ""),
        )
        for code in countries
        if code in shapes
    )
    land = _land(frozenset(countries), box)
    return Map(f"{left} {top} {width} {height}", width, height, land, places)


@cache
def _land(without: frozenset[str], box: Box) -> str:
    return "".join(
        shape["path"]
        for code, shape in _world()["countries"].items()
        if "path" in shape and code not in without and _meet(shape["bounds"], box)
    )


def _bounds(shape: dict[str, Any]) -> Box:
    x, y = round(shape["x"]), round(shape["y"])
    left, top, right, bottom = shape.get("bounds", (x, y, x, y))
    return left, top, right, bottom


def _meet(bounds: Sequence[int], box: Box) -> bool:
    return bounds[0] <= box[2] and bounds[2] >= box[0] and bounds[1] <= box[3] and bounds[3] >= box[1]


@cache
def _world() -> dict[str, Any]:
    world: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return world
