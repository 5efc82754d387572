"""What all templates know is in one dictionary, and a page's own words come before it."""

from __future__ import annotations

from flask import Flask, render_template
from jinja2 import DictLoader, Environment, pass_context, pass_environment, pass_eval_context
from jinja2.nodes import EvalContext
from jinja2.runtime import Context


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


def test_what_is_called_gets_what_it_asks_for(site: Flask) -> None:
    @pass_context
    def everything(context: Context, text: str) -> str:
        return f"{text} {context['given']}"

    @pass_eval_context
    def escaping(evaluation: EvalContext, text: str) -> str:
        return f"{text} {evaluation.autoescape}"

    @pass_environment
    def around(environment: Environment, text: str) -> str:
        return f"{text} {environment.autoescape is not None}"

    def plain(text: str, **more: str) -> str:
        return f"{text} {more}"

    class Thing:
        def __call__(self, text: str) -> str:
            return f"{text}!"

    called = {
        "everything": everything, "escaping": escaping, "around": around, "plain": plain, "thing": Thing(), "type": str,
        "given": 1,
    }  # fmt: skip
    asked = "".join(f"{{{{ {name}('{name}') }}}}\n" for name in list(called)[:6])
    page = f"{{% set inside = 1 %}}{{% for at in (2,) %}}{asked}{{{{ plain('x', y='z') }}}}{{% endfor %}}"
    site.jinja_env.loader = DictLoader({"page.html": f"{{% block all %}}{page}{{% endblock %}}", "page.txt": page})

    with site.app_context():
        said = render_template("page.html", **called).splitlines()
        plainly = render_template("page.txt", **called).splitlines()

    assert said == [
        "everything 1", "escaping True", "around True", "plain {}", "thing!", "type", "x {&#39;y&#39;: &#39;z&#39;}",
    ]  # fmt: skip
    assert plainly == [*said[:1], "escaping False", *said[2:6], "x {'y': 'z'}"]
