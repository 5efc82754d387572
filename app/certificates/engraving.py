"""Line patterns of old share certificates and banknotes, drawn from numbers instead of by hand.

Every pattern is a function of its arguments alone, so the same certificate looks the same on every
machine and in every year. A rosette is drawn from the certificate's number: no two are alike.
Lengths are millimetres unless a name says otherwise.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator
from html import escape

INK = "#2f4f7c"
RUSSET = "#a4512f"
STRANDS = 6
PAGE_WIDTH, PAGE_HEIGHT = 210.0, 297.0

_Curve = Callable[[float], tuple[float, float]]


def rosette(seed: str, title: str) -> str:
    """A round guilloche as inline SVG, 200 user units wide, drawn from `seed` and named `title`.

    Each ring is one closed curve, turned by whole petals: its lobes are no multiple of the petals,
    so every turn lands between the last ones and the lace closes evenly.
    """
    digest = hashlib.sha256(seed.encode()).digest()
    identity = "rosette-" + digest.hex()[:12]
    petals = (7, 8, 9, 11)[digest[0] % 4]
    shapes, rings = [], []
    outer = 98.0
    for index, (width, turns) in enumerate(((34.0, 3), (25.0, 3), (18.0, 2), (13.0, 2))):
        wave, scallop, tilt = digest[index * 3 + 1 : index * 3 + 4]
        lobes = petals * turns + 1 + wave % (petals - 1)
        while math.gcd(lobes, petals) > 1:
            lobes += 1
        ring = _lace(outer - width / 2, width / 2, lobes, petals, 0.10 + scallop / 255 * 0.30, tilt / 255 * math.pi)
        shapes.append(f'<path id="{identity}-{index}" d="{_smooth(ring, 0, 2 * math.pi, lobes * 4)}Z"/>')
        turned = "".join(
            f'<use href="#{identity}-{index}" transform="rotate({_short(360 * turn / petals)})"/>'
            for turn in range(petals)
        )
        rings.append(f'<g stroke="{(INK, RUSSET)[index % 2]}">{turned}</g>')
        outer -= width * (0.72 + scallop / 255 * 0.14)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="certificate__rosette" viewBox="-100 -100 200 200" '
        f'aria-hidden="true"><title>{escape(title)}</title><defs>{"".join(shapes)}</defs>'
        f'<g fill="none" stroke-width="0.35">{"".join(rings)}</g></svg>'
    )


def frame() -> str:
    """The border of an A4 page as an SVG file: an engraved band with a rosette in each corner."""
    outer, band, corner = 8.0, 8.0, 13.0
    across = _side(PAGE_WIDTH - 2 * (outer + corner), 14, band)
    along = _side(PAGE_HEIGHT - 2 * (outer + corner), 22, band)
    middle = outer + band / 2
    sides = (
        f'<use href="#across" transform="translate({outer + corner} {middle})"/>'
        f'<use href="#across" transform="translate({outer + corner} {PAGE_HEIGHT - middle})"/>'
        f'<use href="#along" transform="translate({middle} {outer + corner}) rotate(90)"/>'
        f'<use href="#along" transform="translate({PAGE_WIDTH - middle} {outer + corner}) rotate(90)"/>'
    )
    reach = outer + corner / 2
    corners = "".join(
        f'<use href="#corner" transform="translate({x} {y})"/>'
        for x in (reach, PAGE_WIDTH - reach)
        for y in (reach, PAGE_HEIGHT - reach)
    )
    lines = "".join(
        f'<rect x="{inset}" y="{inset}" width="{PAGE_WIDTH - 2 * inset}" height="{PAGE_HEIGHT - 2 * inset}" '
        f'stroke-width="{width}"/>'
        for inset, width in (
            (outer - 1.1, 0.45),
            (outer - 0.1, 0.12),
            (outer + band + 0.1, 0.12),
            (outer + band + 0.9, 0.3),
        )
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="210mm" height="297mm" '
        f'viewBox="0 0 {PAGE_WIDTH:g} {PAGE_HEIGHT:g}"><defs>'
        f'<g id="across">{across}</g><g id="along">{along}</g><g id="corner">{_corner(corner)}</g></defs>'
        f'<g fill="none" stroke="{INK}" stroke-width="0.13">{lines}{sides}{corners}</g></svg>\n'
    )


def strip() -> str:
    """A seamless tile of the border as an SVG file, for the top and bottom edge of the screen form."""
    length, band = 60.0, 8.0
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="240" height="32" viewBox="0 0 {length:g} {band:g}">'
        f'<g fill="none" stroke="{INK}" stroke-width="0.16" transform="translate(0 {band / 2:g})">'
        f"{_side(length, 6, band)}</g></svg>\n"
    )


def _side(length: float, periods: int, band: float) -> str:
    """Strands that cross along `length`, swelling and thinning, whole periods only so that ends meet."""
    amplitude = band / 2 - 0.35
    paths = []
    for strand in range(STRANDS):
        phase = strand * 2 * math.pi / STRANDS

        def wave(x: float, phase: float = phase) -> tuple[float, float]:
            turn = 2 * math.pi * x / length
            swell = 0.72 + 0.28 * math.cos(turn * periods / 2)
            return x, amplitude * swell * math.sin(turn * periods + phase)

        paths.append(f'<path stroke="{(INK, RUSSET)[strand % 2]}" d="{_smooth(wave, 0, length, periods * 4)}"/>')
    return "".join(paths)


def _corner(size: float) -> str:
    """A small square-set rosette that covers the place where two sides meet."""
    half = size / 2
    ring = _lace(half * 0.70, half * 0.24, 12, 1, 0.0, 0.0)
    core = _lace(half * 0.33, half * 0.20, 8, 1, 0.0, 0.0)
    turned = "".join(
        f'<path d="{_smooth(curve, 0, 2 * math.pi, count * 4)}Z" transform="rotate({_short(360 / count * turn / 4)})"/>'
        for curve, count in ((ring, 12), (core, 8))
        for turn in range(4)
    )
    square = f'<rect x="{-half}" y="{-half}" width="{size}" height="{size}" fill="#ffffff" stroke-width="0.3"/>'
    return f'{square}<circle r="{half - 0.5}" stroke-width="0.12"/>{turned}'


def _lace(radius: float, depth: float, lobes: int, petals: int, scallop: float, tilt: float) -> _Curve:
    """A closed curve that swings `lobes` times across a ring whose width breathes once a petal."""

    def curve(angle: float) -> tuple[float, float]:
        breath = 1 - scallop * (1 + math.cos(petals * angle + tilt))
        reach = radius + depth * breath * math.cos(lobes * angle)
        return reach * math.cos(angle), reach * math.sin(angle)

    return curve


def _smooth(curve: _Curve, start: float, end: float, pieces: int) -> str:
    """`curve` as a path of cubic pieces whose tangents are the curve's own."""
    step = (end - start) / pieces
    x, y = curve(start)
    return f"M{_short(x)} {_short(y)}C" + " ".join(_pieces(curve, start, step, pieces))


def _pieces(curve: _Curve, start: float, step: float, pieces: int) -> Iterator[str]:
    epsilon = step / 1000
    for piece in range(pieces):
        here, there = start + piece * step, start + (piece + 1) * step
        (x0, y0), (x3, y3) = curve(here), curve(there)
        (ahead_x, ahead_y), (behind_x, behind_y) = curve(here + epsilon), curve(there - epsilon)
        third = step / 3 / epsilon
        x1, y1 = x0 + (ahead_x - x0) * third, y0 + (ahead_y - y0) * third
        x2, y2 = x3 - (x3 - behind_x) * third, y3 - (y3 - behind_y) * third
        yield " ".join(_short(number) for number in (x1, y1, x2, y2, x3, y3))


def _short(number: float) -> str:
    return f"{number:.2f}".rstrip("0").rstrip(".") if number else "0"
