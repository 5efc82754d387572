"""Papers for people who type what is no name: nothing is fetched for them, and nothing in them is active."""

from __future__ import annotations

import io
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pikepdf
import pytest

from app.certificates.adapters.weasyprint import WeasyPrintRenderer
from app.certificates.ports import SummaryFacts
from app.registry.adapters.forms import WeasyPrintForms
from tests.unit.certificates.samples import REAL, TRANSACTION
from tests.unit.registry.test_forwarding_form import LINE, REQUEST

pytestmark = pytest.mark.xdist_group("certificates")  # fonts are loaded, and the same facts drawn, once

# What makes a viewer do something, ISO 32000-2, 12.6.
ACTIVE = frozenset(
    {"/JavaScript", "/JS", "/Launch", "/SubmitForm", "/ImportData", "/GoToR", "/Rendition", "/RichMedia", "/AA"}
)


def names_in(thing: Any) -> set[str]:
    """Every key and every name of an object of a PDF file, and of what is written inside it."""
    if isinstance(thing, pikepdf.Name):
        return {str(thing)}
    if isinstance(thing, pikepdf.Array):
        return set().union(*(names_in(item) for item in thing if not _is_elsewhere(item)))
    if isinstance(thing, pikepdf.Dictionary | pikepdf.Stream):
        inside = (names_in(value) for _key, value in thing.items() if not _is_elsewhere(value))
        return set(thing.keys()).union(*inside)
    return set()


def _is_elsewhere(thing: Any) -> bool:
    return isinstance(thing, pikepdf.Object) and thing.is_indirect


def a_certificate(renderer: WeasyPrintRenderer, typed: str) -> bytes:
    transaction = replace(TRANSACTION, holder=typed)
    facts = replace(REAL, beneficiary_name=typed, purpose=typed, project_title=typed, transactions=(transaction,))
    return renderer.certificate(facts, "en")


def a_summary(renderer: WeasyPrintRenderer, typed: str) -> bytes:
    one = replace(REAL, beneficiary_name=typed, purpose=typed, project_title=typed)
    return renderer.summary(SummaryFacts("T-7KMQ-2XHD", (one, one), 0, "Tonne", False, REAL.placed_at), "en")


def a_form_for_a_registry(_renderer: WeasyPrintRenderer, typed: str) -> bytes:
    line = replace(LINE, beneficiary_name=typed, purpose=typed, project_title=typed)
    return WeasyPrintForms().forwarding_request(replace(REQUEST, account=typed, holder=typed, lines=(line,)))


@pytest.mark.parametrize("paper", [a_certificate, a_summary, a_form_for_a_registry], ids=lambda paper: paper.__name__)
def test_what_was_typed_is_words_and_nothing_else(
    renderer: WeasyPrintRenderer, tmp_path: Path, paper: Callable[[WeasyPrintRenderer, str], bytes]
) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("a secret of this machine")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)
        here = f"http://127.0.0.1:{listener.getsockname()[1]}"
        typed = (
            f'<img src="{secret.as_uri()}"><img src="{here}/a.png"><link rel="attachment" href="{secret.as_uri()}">'
            f'<style>@import "{here}/a.css"; p {{ background: url({here}/b.png) }}</style><a href="javascript:1">a</a>'
            f'<object data="{here}/c"></object><script>1</script>{{{{ config }}}} url({here}/d)'
        )
        pdf = paper(renderer, typed)
        with pytest.raises(TimeoutError):
            listener.accept()

    with pikepdf.open(io.BytesIO(pdf)) as file:
        streams = b"".join(thing.read_bytes() for thing in file.objects if isinstance(thing, pikepdf.Stream))
        places = [str(thing.URI) for thing in file.objects if isinstance(thing, pikepdf.Dictionary) and "/URI" in thing]
        names = set().union(*(names_in(thing) for thing in file.objects))
    assert secret.read_bytes() not in streams
    assert names & ACTIVE == set()
    assert [place for place in places if not place.startswith("https://")] == []


def test_an_active_file_would_be_found() -> None:
    with pikepdf.new() as file:
        file.add_blank_page()
        file.Root.OpenAction = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS="app.alert(1)")
        names = set().union(*(names_in(thing) for thing in file.objects))

    assert names & ACTIVE == {"/JavaScript", "/JS"}
