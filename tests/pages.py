"""A reader of pages without a screen: what a page says, and its forms filled in as a browser sends them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from flask.testing import FlaskClient
from lxml.etree import XPath
from lxml.html import HtmlElement, document_fromstring
from werkzeug.test import TestResponse

# What was typed into a field is not said by the page.
_READ = XPath(".//text()[not(ancestor::script or ancestor::style or ancestor::textarea)]")


@dataclass
class Form:
    """One form: where it goes, what it would send, and its buttons by their words."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: dict[str, tuple[str, str]] = field(default_factory=dict)


class Page:
    """Words, elements by id, and forms of one page."""

    def __init__(self, html: str) -> None:
        self.html = html
        self._root = document_fromstring(html)
        self.by_id: dict[str, dict[str, str]] = {}
        for element in self._root.xpath("//*[@id]"):
            name = element.get("id")
            assert name not in self.by_id, f"two elements are called {name}"
            self.by_id[name] = {**element.attrib, "tag": element.tag}

    @cached_property
    def words(self) -> str:
        """All that can be read."""
        return _words(self._root)

    @cached_property
    def texts(self) -> dict[str, str]:
        """What can be read in an element, by its id."""
        return {element.get("id"): _words(element) for element in self._root.xpath("//*[@id]")}

    @cached_property
    def links(self) -> list[str]:
        """Where links lead."""
        return [element.get("href") for element in self._root.xpath("//a[@href]")]

    @cached_property
    def forms(self) -> list[Form]:
        """The forms as they are before anybody typed anything."""
        return [_form(element) for element in self._root.xpath("//form")]

    def form(self, ending: str) -> Form:
        """The one form whose address ends so, or the first of several."""
        return next(form for form in self.forms if form.action.endswith(ending))

    def error_at(self, name: str) -> str:
        """What is said to be wrong with a field, found as a screen reader finds it; empty for nothing."""
        described = self.by_id[name].get("aria-describedby", "").split()
        found = [self.texts[other] for other in described if other.endswith("-error")]
        if not found:
            assert "aria-invalid" not in self.by_id[name]
            return ""
        assert self.by_id[name].get("aria-invalid") == "true"
        assert f"#{name}" in self.links, "the summary at the top does not lead to the field"
        return found[0].removeprefix("Error: ")


def _words(element: HtmlElement) -> str:
    return " ".join("".join(_READ(element)).split())


def _form(element: HtmlElement) -> Form:
    form = Form(element.get("action", ""))
    for control in element.iter("input", "select", "textarea", "button"):
        name, kind, value = control.get("name", ""), control.get("type", ""), control.get("value", "")
        match control.tag:
            case "button":
                form.buttons[_words(control)] = name, value
            case "select":
                form.fields[name] = "".join(option.get("value", "") for option in control.xpath(".//option[@selected]"))
            case "textarea":
                # The line break after the tag is not part of what was typed.
                form.fields[name] = re.sub("^\r?\n", "", control.text or "")
            case _ if not name or kind in {"submit", "button"}:
                pass
            case _ if kind in {"checkbox", "radio"}:
                if "checked" in control.attrib:
                    form.fields[name] = control.get("value", "on")
            case _:
                form.fields[name] = value
    return form


@dataclass
class Visitor:
    """Somebody with a browser that has cookies and no scripts."""

    client: FlaskClient

    def get(self, address: str, status: int = 200) -> Page:
        """Open an address that answers with `status`."""
        return self.read(self.client.get(address), status)

    def send(
        self,
        page: Page,
        ending: str,
        status: int = 303,
        button: str | None = None,
        fields: Mapping[str, str] | None = None,
        **typed: str | None,
    ) -> TestResponse:
        """Fill in the form whose address ends so, press a button by its words, and check the answer's status.

        Only what is named in `fields` or `typed` differs from what stands in the page; None unticks a box.
        """
        form = page.form(ending)
        sent: dict[str, str] = dict(form.fields) | dict(fields or {})
        for name, value in typed.items():
            sent.pop(name, None)
            if value is not None:
                sent[name] = value
        if button is not None:
            name, value = form.buttons[button]
            sent |= {name: value} if name else {}
        response = self.client.post(form.action, data=sent)
        assert response.status_code == status, (response.status_code, response.get_data(as_text=True)[-2000:])
        return response

    def read(self, response: TestResponse, status: int = 200) -> Page:
        """The page of an answer."""
        assert response.status_code == status, (response.status_code, response.headers.get("Location"))
        return Page(response.get_data(as_text=True))
