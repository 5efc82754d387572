"""Forms as a page has them: every field with its kind, filled in so that the form would be taken."""

from __future__ import annotations

from dataclasses import dataclass, field

from lxml.html import HtmlElement, document_fromstring

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


def _form(element: HtmlElement, page: str) -> Form:
    form = Form(element.get("action") or page, element.get("method", "get").upper(), page)
    select = ""
    for control in element.iter("option", "input", "select", "textarea", "button"):
        name = control.get("name", "")
        if control.tag == "option":
            form.values[select] = form.values.get(select) or control.get("value", "")
        elif name:
            kind = control.get("type", "text") if control.tag == "input" else str(control.tag)
            if kind in NOT_SENT:
                continue
            form.kinds.setdefault(name, kind)
            select = name if kind == "select" else ""
            given = control.get("value") or ("" if kind == "select" else control.get("min") or SENDABLE.get(kind, ""))
            if kind != "radio" or "checked" in control.attrib or name not in form.values:
                form.values[name] = given
    return form


def forms_and_links(html: str, page: str) -> tuple[list[Form], list[str]]:
    """Every form of a page at the address `page`, and where its links lead."""
    root = document_fromstring(html)
    return [_form(element, page) for element in root.iter("form")], [link.get("href", "") for link in root.iter("a")]
