"""A reader of pages without a screen: what a page says, and its forms filled in as a browser sends them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

VOID = frozenset({"input", "meta", "link", "br", "img", "hr", "use", "path"})


@dataclass
class Form:
    """One form: where it goes, what it would send, and its buttons by their words."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: dict[str, tuple[str, str]] = field(default_factory=dict)


class Page(HTMLParser):
    """Words, elements by id, and forms of one page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.by_id: dict[str, dict[str, str]] = {}
        self.texts: dict[str, str] = {}
        self.links: list[str] = []
        self.forms: list[Form] = []
        self.words = ""
        self._open: list[tuple[str, str]] = []
        self._form: Form | None = None
        self._select = ""
        self._area = ""
        self._button: tuple[str, str] | None = None
        self._button_words = ""
        self.feed(html)
        self.words = " ".join(self.words.split())
        self.texts = {name: " ".join(text.split()) for name, text in self.texts.items()}

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        name = given.get("id", "")
        if name:
            assert name not in self.by_id, f"two elements are called {name}"
            self.by_id[name] = given | {"tag": tag}
            self.texts[name] = ""
        if tag not in VOID:
            self._open.append((tag, name))
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag == "form":
            self._form = Form(given.get("action", ""))
            self.forms.append(self._form)
        elif self._form is not None:
            self._field(tag, given)

    def _field(self, tag: str, given: dict[str, str]) -> None:
        assert self._form is not None
        name, kind = given.get("name", ""), given.get("type", "")
        if tag == "input" and name and kind not in {"submit", "button"}:
            if kind not in {"checkbox", "radio"}:
                self._form.fields[name] = given.get("value", "")
            elif "checked" in given:
                self._form.fields[name] = given.get("value", "on")
        elif tag == "select":
            self._select = name
            self._form.fields[name] = ""
        elif tag == "option" and "selected" in given:
            self._form.fields[self._select] = given.get("value", "")
        elif tag == "textarea":
            self._area = name
            self._form.fields[name] = ""
        elif tag == "button":
            self._button, self._button_words = (name, given.get("value", "")), ""

    def handle_endtag(self, tag: str) -> None:
        if any(tag == other for other, _name in self._open):
            while self._open.pop()[0] != tag:
                pass
        if tag == "form":
            self._form = None
        elif tag == "textarea":
            if self._form is not None:
                # The line break after the tag is not part of what was typed.
                self._form.fields[self._area] = re.sub("^\r?\n", "", self._form.fields[self._area])
            self._area = ""
        elif tag == "button" and self._button is not None and self._form is not None:
            self._form.buttons[" ".join(self._button_words.split())] = self._button
            self._button = None

    def handle_data(self, data: str) -> None:
        if self._area and self._form is not None:
            self._form.fields[self._area] += data
            return
        if any(tag in {"script", "style"} for tag, _name in self._open):
            return
        self.words += data
        self._button_words += data
        for _tag, name in self._open:
            if name:
                self.texts[name] += data

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
