"""What all templates know is in one dictionary, and a page's own words come before it."""

from __future__ import annotations

from flask import Flask, render_template
from jinja2 import DictLoader


def test_a_template_knows_what_all_know_and_what_is_its_own(site: Flask) -> None:
    site.jinja_env.loader = DictLoader({"words.html": "{{ first }} {{ second }} {{ LANGUAGES|length }}"})
    site.jinja_env.globals.update(first="everybody’s", second="everybody’s")
    template = site.jinja_env.get_template("words.html", globals={"second": "its own"})

    assert template.render() == "everybody’s its own 3"
    assert type(template.globals) is dict
    assert site.jinja_env.globals["second"] == "everybody’s"


def test_a_macro_of_another_template_knows_it_too(site: Flask) -> None:
    site.jinja_env.loader = DictLoader(
        {
            "macros.html": "{% macro say() %}{{ greeting }} {{ lang or 'nobody' }}{% endmacro %}",
            "page.html": '{% from "macros.html" import say %}{{ say() }} {{ lang }}',
            "inside.html": '{% from "macros.html" import say with context %}{{ say() }}',
        }
    )
    site.jinja_env.globals["greeting"] = "hello"
    with site.test_request_context("/fr/"):
        assert render_template("page.html") == "hello nobody fr"
        assert render_template("inside.html") == "hello fr"
