"""Templates link to pages by addresses that are built once, and differ wherever Flask's would."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask, render_template_string, url_for
from werkzeug.routing import BuildError

from app.web.links import MOST_ADDRESSES

LINK = "{{ url_for(endpoint, **values)|safe }}"


def link(endpoint: str, **values: Any) -> str:
    return render_template_string(LINK, endpoint=endpoint, values=values)


@pytest.mark.parametrize("path", ["/en/", "/fr/", "/es/", "/fr/projects/KR-1"])
@pytest.mark.parametrize(
    ("endpoint", "values"),
    [
        ("catalog.projects", {}),
        ("catalog.project", {"reference": "KR-1"}),
        ("catalog.project", {"reference": "KR-2"}),
        ("catalog.project", {"reference": "Ā b/c", "units": 12, "more": None}),
        ("catalog.project", {"reference": "KR-1", "p": ["KR-2", "KR-3"]}),
        ("catalog.project", {"reference": "KR-1", "lang": "es"}),
        ("catalog.project", {"reference": "KR-1", "_anchor": "offers"}),
        ("catalog.projects", {"_external": True}),
        ("catalog.projects", {"open": True}),
        ("catalog.projects", {"open": 1}),
        ("web.health", {}),
        ("static", {"filename": "css/tonne.css"}),
        ("static", {"filename": "css/tonne.css", "v": "1"}),
        ("static", {"filename": "css/nothing.css"}),
    ],
)
def test_an_address_is_the_one_of_flask_however_often_it_is_asked_for(
    site: Flask, path: str, endpoint: str, values: dict[str, Any]
) -> None:
    for base in ("http://localhost", "http://127.0.0.1/below", "http://localhost"):
        with site.test_request_context(path, base_url=base):
            assert [link(endpoint, **values), link(endpoint, **values)] == [url_for(endpoint, **values)] * 2


def test_a_blueprint_names_its_own_pages_in_short(site: Flask) -> None:
    with site.test_request_context("/fr/basket"):
        assert link(".order", token="abc") == "/fr/orders/abc"


def test_an_address_that_no_page_has_is_a_fault_each_time(site: Flask) -> None:
    with site.test_request_context("/fr/"):
        for _time in range(2):
            with pytest.raises(BuildError):
                link("catalog.project")
            with pytest.raises(BuildError):
                link("catalog.nothing")


def test_no_more_addresses_are_kept_than_there_is_room_for(site: Flask) -> None:
    with site.test_request_context("/en/"):
        build = site.jinja_env.globals["url_for"]
        for number in range(MOST_ADDRESSES + 10):
            build("catalog.project", reference=str(number))  # type: ignore[operator]  # it is our function

        assert link("catalog.project", reference="0") == "/en/projects/0"
