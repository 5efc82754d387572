"""Forms as browsers send them, and with what no browser would."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

from hypothesis import strategies as st

from tests.attack.asking import FORM, Asked, pairs, texts
from tests.attack.forms import Form
from tests.attack.nasty import FILES, MEGABYTE

BOUNDARY = "an-edge-of-ours"


def of_field(role: str, form: Form, name: str, turn: int) -> st.SearchStrategy[Asked]:
    """A form filled in as it should be, but for one field; the first is the nasty text at `turn`."""
    return _value_for(form.kinds[name], turn).map(lambda value: sent(role, form, [(name, value)]))


def of_nonsense(role: str, form: Form, turn: int) -> st.SearchStrategy[Asked]:
    """A form with nonsense in every field, some of them sent twice; the first begins with the nasty text at `turn`."""
    kinds = enumerate(form.kinds.items(), start=turn)
    one = st.fixed_dictionaries({name: _value_for(kind, number) for number, (name, kind) in kinds})
    return st.tuples(one, one, st.sets(st.sampled_from(sorted(form.kinds)), max_size=2)).map(
        lambda drawn: sent(role, form, [*drawn[0].items(), *((name, drawn[1][name]) for name in drawn[2])])
    )


def with_a_megabyte(role: str, form: Form, name: str) -> Asked:
    """Almost as much in one field as is taken at all."""
    return sent(role, form, [(name, MEGABYTE)])


def sent(role: str, form: Form, changes: list[tuple[str, Any]]) -> Asked:
    """A form as a browser sends it, filled in, with these fields changed; a name that comes twice is sent twice."""
    changed = {name for name, _value in changes}
    given = [(name, value) for name, value in form.values.items() if name not in changed] + changes
    parts = urlsplit(form.action)
    path = unquote_to_bytes(parts.path)
    if "file" in form.kinds.values():
        kind = f"multipart/form-data; boundary={BOUNDARY}"
        return Asked("POST", path, parts.query.encode(), _multipart(given, form), kind, role)
    filled = pairs([(name, value.encode()) for name, value in given])
    if form.method == "GET":
        return Asked("GET", path, filled, role=role)
    return Asked("POST", path, parts.query.encode(), filled, FORM, role)


def _value_for(kind: str, turn: int) -> st.SearchStrategy[Any]:
    start = turn % len(FILES)
    return st.sampled_from(FILES[start:] + FILES[:start]) if kind == "file" else texts(turn)


def _multipart(given: list[tuple[str, Any]], form: Form) -> bytes:
    parts = []
    for name, value in given:
        head, content = f'Content-Disposition: form-data; name="{name}"', value
        if form.kinds[name] == "file":
            file_name, kind, content = value or ("", "application/octet-stream", b"")
            head = f'{head}; filename="{file_name}"\r\nContent-Type: {kind}'
        body = content if isinstance(content, bytes) else content.encode()
        parts.append(f"--{BOUNDARY}\r\n{head}\r\n\r\n".encode() + body + b"\r\n")
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()
