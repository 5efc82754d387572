"""Styles, scripts and fonts are kept by browsers for as long as their content stays the same."""

from __future__ import annotations

import gzip
from pathlib import Path

from flask import Flask, url_for

from tests.unit.web.conftest import SiteMaker


def address(site: Flask, filename: str) -> str:
    with site.test_request_context("/en/"):
        return url_for("static", filename=filename)


def life(site: Flask, path: str) -> str:
    with site.test_client().get(path) as answer:
        assert answer.status_code == 200
        return str(answer.headers["Cache-Control"])


def with_static(site: Flask, directory: Path) -> Path:
    site.static_folder = str(directory)
    path = directory / "a.css"
    path.write_text("a { color: red }")
    return path


def test_an_address_names_the_content_and_may_be_kept_for_a_year(make_site: SiteMaker, tmp_path: Path) -> None:
    site = make_site()
    path = with_static(site, tmp_path)
    before = address(site, "a.css")
    kept = life(site, before)
    path.write_text("a { color: blue }")
    after = address(site, "a.css")

    assert kept == "public, max-age=31536000, immutable"
    assert before != after
    assert life(site, before) == "public, max-age=3600"


def test_an_address_without_content_is_asked_for_again_after_an_hour(make_site: SiteMaker, tmp_path: Path) -> None:
    site = make_site()
    with_static(site, tmp_path)

    assert life(site, "/static/a.css") == "public, max-age=3600"
    assert address(site, "none.css") == "/static/none.css"
    assert site.test_client().get("/static/none.css").status_code == 404


def test_text_goes_out_compressed_to_whoever_takes_it(make_site: SiteMaker, tmp_path: Path) -> None:
    site = make_site()
    path = with_static(site, tmp_path)
    (tmp_path / "a.woff2").write_bytes(b"font")
    visitor = site.test_client()
    accepting = {"Accept-Encoding": "gzip, br"}

    with visitor.get("/static/a.css", headers=accepting) as small, visitor.get("/static/a.css") as plain:
        assert gzip.decompress(small.data) == plain.data == path.read_bytes()
        assert small.headers["Content-Encoding"] == "gzip"
        assert "ETag" not in small.headers
        assert "Content-Encoding" not in plain.headers
        assert small.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"
    with visitor.get("/static/a.woff2", headers=accepting) as font:
        assert "Content-Encoding" not in font.headers
