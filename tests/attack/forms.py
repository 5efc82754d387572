"""Forms as a page has them: every field with its kind, filled in so that the form would be taken."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

SENDABLE = {
    "email": "ana@example.org",
    "number": "1",
    "date": "2026-12-24",
    "month": "2026-12",
    "datetime-local": "2026-12-24T10:00",
    "tel": "123456",
    "url": "https://example.org/",
    "password": "plum tractor seven oceans",
    "text": "Some words",
    "search": "wind",
    "textarea": "Some more words of ours, long enough to be a reason.",
    "checkbox": "y",
}
NOT_SENT = frozenset({"button", "reset", "image"})


@dataclass
class Form:
    """One form of a page: values by field, and the kind of each field as the HTML says it."""

    action: str
    method: str
    page: str
    values: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)


class _Forms(HTMLParser):
    def __init__(self, html: str, page: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: list[str] = []
        self._page = page
        self._form: Form | None = None
        self._select = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        name = given.get("name", "")
        if tag == "a":
            self.links.append(given.get("href", ""))
        elif tag == "form":
            self._form = Form(given.get("action") or self._page, given.get("method", "get").upper(), self._page)
            self.forms.append(self._form)
        elif self._form is not None and tag == "option":
            if given.get("value") and not self._form.values.get(self._select):
                self._form.values[self._select] = given["value"]
        elif self._form is not None and name and tag in {"input", "select", "textarea", "button"}:
            self._take(tag, name, given)

    def _take(self, tag: str, name: str, given: dict[str, str]) -> None:
        assert self._form is not None
        kind = given.get("type", "text") if tag == "input" else tag
        if kind in NOT_SENT:
            return
        self._form.kinds.setdefault(name, kind)
        self._select = name if tag == "select" else ""
        value = given.get("value") or ("" if tag == "select" else given.get("min") or SENDABLE.get(kind, ""))
        if kind != "radio" or "checked" in given or name not in self._form.values:
            self._form.values[name] = value

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None


def forms_and_links(html: str, page: str) -> tuple[list[Form], list[str]]:
    """Every form of a page at the address `page`, and where its links lead."""
    read = _Forms(html, page)
    return read.forms, read.links
