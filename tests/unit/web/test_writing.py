"""What our own code of templates says is what Jinja's says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask, render_template
from flask_babel import get_domain, lazy_gettext
from jinja2 import DictLoader
from jinja2.compiler import CodeGenerator
from markupsafe import Markup, escape

from app.web.i18n import in_locale
from app.web.writing import shown

SENTENCES = """{% macro go() %}{{ _("Wind power") }}{% endmacro -%}
{{ _("Wind power") }} {{ _("Wind power")|upper }} {{ _("Wind power") ~ "<b>" }} {{ _('100 %% <i>"sure"</i>') }}
{%- set name = _("Projects") %} {{ name }} {% if _("Error: basket") %}{{ go() }}{% endif %}
{%- for each in [_("Units"), "<u>"] %} {{ each }}{% endfor %}
{{ _("Hello %(name)s", name="<b>") }} {{ _(given) }} {{ given }} {{ number }} {{ safe }} {{ nothing }} {{ lazy }}
{{ ngettext("%(num)s CER of %(name)s", "%(num)s CERs of %(name)s, %(part)d %%", 3, name="<b>", part=7) }}
{{ _("%(a)s %(b)s %(c)s %(d)s", a=given, b=safe, c=number, d=lazy) }}"""


@pytest.fixture(params=[True, False], ids=["html", "text"])
def name(request: pytest.FixtureRequest, site: Flask) -> Iterator[str]:
    """A template of a page, and of a text that nothing escapes."""
    name = "page.html" if request.param else "page.txt"
    site.jinja_env.loader = DictLoader({name: SENTENCES})
    with site.app_context():
        yield name


@pytest.mark.parametrize("language", ["en", "fr", "es"])
def test_a_template_says_what_it_says_when_jinja_writes_its_code(
    name: str, language: str, site: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"given": "<Units> & more", "number": 12, "safe": Markup("<br>"), "lazy": lazy_gettext("Wind power")}
    with in_locale(language):
        ours = render_template(name, **given)
        site.jinja_env.cache.clear()  # type: ignore[union-attr]  # Flask has one
        words = get_domain().get_translations()
        install = site.jinja_env.install_gettext_callables  # type: ignore[attr-defined]  # of the extension
        install(words.ugettext, words.ungettext, newstyle=True)
        site.jinja_env.globals["_"] = site.jinja_env.globals["gettext"]
        monkeypatch.setattr(type(site.jinja_env), "code_generator_class", CodeGenerator)
        assert render_template(name, **given) == ours


def test_a_macro_speaks_the_language_of_whoever_asks_it(site: Flask) -> None:
    site.jinja_env.loader = DictLoader(
        {
            "macros.html": '{% macro say() %}{{ _("Wind power") }}{% endmacro %}',
            "page.html": '{% from "macros.html" import say %}{{ say() }}',
        }
    )
    said = []
    with site.app_context():
        for language in ("en", "fr", "es", "en"):
            with in_locale(language):
                said.append(render_template("page.html"))
    assert said == ["Wind power", "Énergie éolienne", "Wind power", "Wind power"]


class Thing:
    """Something that says itself how it looks in a page."""

    def __html__(self) -> str:
        return "<hr>"


@pytest.mark.parametrize(
    "value", ["a < b & \"c\" 'd'", "plain", "", 7, None, ["<"], Markup("<b>"), Thing(), type("Word", (str,), {})("<i>")]
)
def test_what_is_shown_is_escaped_once(value: Any) -> None:
    assert str(shown(value)) == str(escape(value))
