"""The points on the map: how large, and moved apart where one would hide another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from math import hypot

from app.catalog.world import Map

# Radius in units of the drawing, by the share of units left of the country with the most.
SIZES = ((0.5, 5, 50), (0.25, 4, 42), (0.1, 3, 35), (0.03, 2, 30), (0.0, 1, 27))
GAP = 4  # units of the drawing between two points
MOST_ROUNDS = 200


@dataclass
class Point:
    """The point of a country in hundredths of the map's width and height, and where the country is."""

    country: str
    size: int
    radius: int
    true_x: float
    true_y: float
    x: float
    y: float

    @property
    def is_moved(self) -> bool:
        """Whether it stands elsewhere than its country."""
        return (self.x, self.y) != (self.true_x, self.true_y)


def spread(drawing: Map, units_left: Mapping[str, int]) -> tuple[Point, ...]:
    """The points of a map from west to east, none over another; larger where more units (tonnes) are left."""
    most = max(units_left.values(), default=1)
    points = []
    for place in sorted(drawing.places, key=lambda place: (place.x, place.country)):
        size, radius = next(
            (size, radius) for share, size, radius in SIZES if units_left[place.country] >= share * most
        )
        points.append(Point(place.country, size, radius, place.x, place.y, place.x, place.y))
    for _ in range(MOST_ROUNDS):
        moved = [_push(one, other, drawing) for one, other in combinations(points, 2)]
        if not any(moved):
            break
    for point in points:
        point.x, point.y = round(point.x, 2), round(point.y, 2)
    return tuple(sorted(points, key=lambda point: (point.x, point.country)))


def _push(one: Point, other: Point, drawing: Map) -> bool:
    """Move two points apart, each by half of what is missing; whether anything was."""
    across = (other.x - one.x) * drawing.width / 100
    down = (other.y - one.y) * drawing.height / 100
    distance = hypot(across, down)
    missing = one.radius + other.radius + GAP - distance
    if missing <= 0.5:  # nobody can see half a unit
        return False
    # Two countries at one place part sideways.
    right, below = (across / distance, down / distance) if distance else (1.0, 0.0)
    for point, way in ((one, -missing / 2), (other, missing / 2)):
        point.x = _within(point.x * drawing.width / 100 + right * way, point.radius, drawing.width)
        point.y = _within(point.y * drawing.height / 100 + below * way, point.radius, drawing.height)
    return True


def _within(value: float, radius: int, size: int) -> float:
    """A coordinate in hundredths at which the whole point is in the drawing."""
    return min(max(value, radius), size - radius) * 100 / size
