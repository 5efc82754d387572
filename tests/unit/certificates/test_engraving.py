"""The patterns: always the same for the same number, never the same for two."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

from app.certificates import engraving

STATIC = Path(__file__).resolve().parents[3] / "static" / "img"


def test_each_number_has_a_rosette_of_its_own_that_never_changes() -> None:
    drawn = {engraving.rosette(f"TN{n}/2026", "Pattern") for n in range(1, 101)}
    assert len(drawn) == 100
    assert engraving.rosette("TN1/2026", "Pattern") in drawn


def test_rosettes_on_one_page_do_not_share_names() -> None:
    first, second = (set(re.findall(r'id="([^"]+)"', engraving.rosette(seed, "x"))) for seed in ("a", "b"))
    assert first
    assert not first & second


def test_a_rosette_stays_inside_its_square() -> None:
    for n in range(40):
        svg = engraving.rosette(f"TN{n}/2026", "x")
        for path in re.findall(r' d="M([^"]+)Z"', svg):
            numbers = [float(number) for number in re.findall(r"-?\d+\.?\d*", path)]
            assert max(abs(number) for number in numbers) <= 100


def test_the_title_of_a_rosette_is_text() -> None:
    svg = engraving.rosette("a", "<script>&")
    assert "&lt;script&gt;&amp;" in svg
    assert ElementTree.fromstring(svg) is not None  # noqa: S314 - our own


def test_the_packaged_drawings_are_what_this_code_draws() -> None:
    assert (STATIC / "certificate-frame.svg").read_text() == engraving.frame()
    assert (STATIC / "certificate-strip.svg").read_text() == engraving.strip()


def test_the_strip_meets_itself_at_its_ends() -> None:
    for path in re.findall(r' d="M([^"]+)"', engraving.strip()):
        numbers = [float(number) for number in re.findall(r"-?\d+\.?\d*", path)]
        assert numbers[0] == 0
        assert numbers[-2] == 60
        assert abs(numbers[1] - numbers[-1]) < 0.02
