"""How a text of ours becomes HTML, and that a slip of its writer is found before a reader sees it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from markupsafe import Markup

from app.content.document import Source, parse, read, read_sources
from app.content.markdown import BadText, Heading, render

HEAD = '+++\ntitle = "T"\ndescription = "D"\nupdated = 2026-11-22\n+++\n'


def test_a_text_becomes_html_with_a_heading_that_can_be_linked_to() -> None:
    done = render("## Why {#why}\n\nBecause *so*.\n\n### More of it {#more-of-it}\n\n**Yes.**\n", "en")

    assert done.html == (
        '<h2 id="why">Why</h2>\n<p>Because <em>so</em>.</p>\n'
        '<h3 id="more-of-it">More of it</h3>\n<p><strong>Yes.</strong></p>\n'
    )
    assert done.headings == (Heading(2, "why", "Why"), Heading(3, "more-of-it", "More of it"))


def test_html_in_a_text_stays_words() -> None:
    assert render('<b onclick="x">Hi</b> & ho', "en").html == (
        "<p>&lt;b onclick=&quot;x&quot;&gt;Hi&lt;/b&gt; &amp; ho</p>\n"
    )


def test_links_within_the_site_stay_in_the_readers_language_and_others_leave_without_a_trace() -> None:
    done = render("[a](/about/claims) [b](/) [c](#why) [d](https://example.org/x) [e](mailto:a@b.example)", "fr")

    assert done.html == (
        '<p><a href="/fr/about/claims">a</a> <a href="/fr/">b</a> <a href="#why">c</a> '
        '<a href="https://example.org/x" rel="noopener noreferrer">d</a> <a href="mailto:a@b.example">e</a></p>\n'
    )
    assert done.links == ("/about/claims", "/", "#why", "https://example.org/x", "mailto:a@b.example")


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "data:text/html,x", "//evil.example", "file:///etc", "about", "https:/x", ""]
)
def test_a_link_to_anything_else_is_refused(address: str) -> None:
    with pytest.raises(BadText, match="a link to"):
        render(f"[x]({address})", "en")


def test_a_link_cannot_be_made_of_a_value() -> None:
    with pytest.raises(BadText, match="a link to"):
        render("[x](</{{ operator }}>)", "en")


def test_a_table_becomes_cards_with_a_heading_for_each_row_and_no_style() -> None:
    done = render("| Part | How **much** |\n|---|---:|\n| Tax | 0 |\n| Fee | 1 |\n", "en")

    assert '<table class="cards">' in done.html
    assert '<th scope="col">Part</th>\n<th class="number" scope="col">How <strong>much</strong></th>' in done.html
    assert '<th data-label="Part" scope="row">Tax</th>\n<td class="number" data-label="How much">0</td>' in done.html
    assert "style=" not in done.html


def test_a_class_of_ours_is_given_to_the_block_that_follows() -> None:
    assert render("{.life}\n\n1. one\n2. two\n", "en").html == (
        '<ol class="life">\n<li>one</li>\n<li>two</li>\n</ol>\n'
    )
    assert render("{.claims}\n\n| a | b |\n|---|---|\n| c | d |\n", "en").html.startswith(
        '<table class="claims cards">'
    )


def test_values_are_escaped_and_parts_take_the_place_of_their_paragraph() -> None:
    document = parse(HEAD + "By {{ operator }}.\n\n{% proof %}\n", "en")

    assert (document.placeholders, document.parts) == (frozenset({"operator"}), frozenset({"proof"}))
    assert document.fill({"operator": "A & B <C>", "proof": Markup("<ol></ol>")}) == (
        "<p>By A &amp; B &lt;C&gt;.</p>\n<ol></ol>\n"
    )
    # A value that looks like a placeholder is words.
    assert "{{ proof }}" in document.fill({"operator": "{{ proof }}", "proof": ""})


def test_a_missing_value_is_a_fault() -> None:
    with pytest.raises(KeyError, match="operator"):
        parse(HEAD + "{{ operator }} here", "en").fill({})


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("## Why", "has no id"),
        ("##", "has no id"),
        ("# Why {#why}", "of level 1"),
        ("## A {#a}\n\n#### B {#b}", "of level 4 after level 2"),
        ("### A {#a}", "of level 3 after level 1"),
        ("## A {#a}\n\n## B {#a}", "two headings are called a"),
        ("## For {{ operator }} {#a}", "has a placeholder"),
        ("{.green}\n\ntext", "no class green"),
        ("text\n\n{.life}", "nothing follows"),
        ("{{operator}}", "means nothing"),
        ("Price {{ Price }} today", "means nothing"),
        ("see {% proof %} here {", "means nothing"),
        ("## A {#A}", "has no id"),
    ],
)
def test_a_slip_of_the_writer_is_named(text: str, problem: str) -> None:
    with pytest.raises(BadText, match=problem):
        render(text, "en")


def test_the_head_says_what_a_text_is_and_what_it_rests_on() -> None:
    law = Source("Law", "State", "https://example.org/law", date(2022, 4, 13), "fr")
    document = parse(
        HEAD.replace("+++\n", '+++\nsources = ["law"]\nversion = "2"\n', 1) + "Text.", "fr", {"law": law, "other": law}
    )

    assert (document.title, document.description, document.updated) == ("T", "D", date(2026, 11, 22))
    assert document.sources == (law,)
    assert document.facts == {"version": "2"}
    assert document.language == "fr"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("Text without a head", "the head between"),
        ("+++\ntitle = \n+++\n", "the head: "),
        ('+++\ntitle = "T"\n+++\n', "description"),
        (HEAD.replace("2026-11-22", '"today"'), "updated is not a day"),
        (HEAD.replace("2026-11-22", "2026-11-22T10:00:00Z"), "updated is not a day"),
        (HEAD.replace("+++\n", '+++\nsources = ["nobody"]\n', 1), "nobody"),
    ],
)
def test_a_wrong_head_is_named(text: str, problem: str) -> None:
    with pytest.raises(BadText, match=problem):
        parse(text, "en")


def test_a_fault_says_which_file_it_is_in(tmp_path: Path) -> None:
    bad, torn, sources = tmp_path / "bad.md", tmp_path / "torn.md", tmp_path / "sources.toml"
    bad.write_text("no head")
    torn.write_bytes(HEAD.encode() + b"\xff")
    sources.write_text('[a]\ntitle = "A"\n')

    for path in (bad, torn):
        with pytest.raises(BadText, match=path.name):
            read(path, "en")
    with pytest.raises(BadText, match=r"sources\.toml.*publisher"):
        read_sources(sources)
    sources.write_text("[a")
    with pytest.raises(BadText, match=r"sources\.toml"):
        read_sources(sources)


def test_sources_are_read_with_what_is_known_of_them(tmp_path: Path) -> None:
    path = tmp_path / "sources.toml"
    path.write_text('[a]\ntitle = "A"\npublisher = "P"\nurl = "https://a.example"\n')

    assert read_sources(path) == {"a": Source("A", "P", "https://a.example", "", "en")}
