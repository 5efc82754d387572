"""Every page as a checker of HTML reads it, and every link on it followed."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import parse_qs, urldefrag, urljoin, urlsplit

import pytest
import requests

from app.kernel.languages import CODES as LANGUAGES
from tests.browser.conftest import on_stage
from tests.browser.server import Shop
from tests.browser.staged import Stage
from tests.browser.states import STATES
from tests.browser.window import IS_SWEEP, Source, Window, languages_of

pytestmark = pytest.mark.browser

CHECKER = Path(__file__).parents[1] / "node_modules" / "vnu-jar" / "build" / "dist" / "vnu.jar"
SECONDS = 60


# The shop is walked through once, by one process, for all that is asked of its pages.
once = pytest.mark.xdist_group("crawl")

Crawl = tuple[list[Source], dict[str, int]]


@pytest.fixture(scope="module")
def crawl(shop: Shop) -> Crawl:
    """All pages that links lead to from the first page of each language, and what every link answered.

    Each number of the statistics leads to its rows, for any period: one link of each kind is followed there.
    """
    start = [f"{shop.address}/", *(f"{shop.address}/{language}/" for language in LANGUAGES)]
    waiting, answers, pages = deque(start), dict.fromkeys(start, 0), []
    kinds: set[str] = set()
    with requests.Session() as session, ThreadPoolExecutor(2) as pool:
        session.trust_env = False
        while waiting:
            batch = [waiting.popleft() for _ in range(len(waiting))]
            for address, answer in zip(
                batch, pool.map(lambda url: session.get(url, timeout=SECONDS), batch), strict=True
            ):
                answers[address] = answer.status_code
                if not answer.headers["Content-Type"].startswith("text/html"):
                    continue
                page = Source(address, answer.text)
                if not answer.history:
                    pages.append(page)
                for link in _links(page, shop.address):
                    if link not in answers and (kind := _kind(link)) not in kinds:
                        kinds.add(kind)
                        answers[link] = 0
                        waiting.append(link)
    return pages, answers


def _kind(address: str) -> str:
    """An address of its own, or that of all links to statistics that ask for the same things."""
    parts = urlsplit(address)
    if "/statistics" not in parts.path or not parts.query:
        return address
    return f"{parts.path}?{sorted(parse_qs(parts.query, keep_blank_values=True))}"


def _links(page: Source, home: str) -> set[str]:
    found = set()
    for element in page.tree.iter("a", "link", "script", "img", "form"):
        target = element.get("href") or element.get("src")
        if element.tag == "form" and element.get("method", "get") == "get":
            target = element.get("action")
        if target is None:
            continue
        address = urldefrag(urljoin(page.address, target)).url
        if address.startswith(home) and "switch=" not in urlsplit(address).query:
            found.add(address)
    return found


@once
def test_every_link_within_the_shop_leads_somewhere(crawl: Crawl) -> None:
    pages, answers = crawl
    assert len([page for page in pages if "/projects/" in page.address]) == 48 * len(LANGUAGES)
    assert {address: status for address, status in answers.items() if status != 200} == {}


@once
def test_every_page_of_the_shop_has_a_title_and_a_language_of_its_own(
    crawl: Crawl,
) -> None:
    pages, _answers = crawl
    titles: dict[tuple[str, str], str] = {}
    for page in pages:
        assert page.language == urlsplit(page.address).path.split("/")[1]
        title = page.tree.findtext("head/title")
        other = titles.setdefault((page.language, str(title)), page.address)
        assert other == page.address, f"{other} and {page.address} are both called {title!r}"
        assert page.tree.xpath("string(head/meta[@name='description']/@content)") or "noindex" in page.text


@once
def test_no_page_of_the_shop_breaks_a_rule_of_html(crawl: Crawl, tmp_path: Path) -> None:
    pages, _answers = crawl
    _check(pages, tmp_path)


@on_stage
@pytest.mark.parametrize("languages", [(code,) for code in LANGUAGES] if IS_SWEEP else [LANGUAGES])
def test_no_state_of_any_page_breaks_a_rule_of_html(window: Window, tmp_path: Path, languages: tuple[str, ...]) -> None:
    # test_accessibility.py reaches them; what this process did not see there is reached here.
    wanted = [(name, language) for name in STATES for language in languages_of(name) if language in languages]
    for name, language in wanted:
        if (name, language) not in window.sources:
            window.reach(name, language)
        assert window.sources[name, language].language == language, name
    _check([window.sources[key] for key in wanted], tmp_path)


@on_stage
def test_the_part_of_an_order_that_is_renewed_is_the_part_of_the_page(stage: Stage) -> None:
    with requests.Session() as session:
        session.trust_env = False
        for name, path in stage.paths.items():
            if not re.fullmatch("/orders/[^/]+", path):
                continue
            whole = session.get(f"{stage.address}/fr{path}", timeout=SECONDS).text
            part = session.get(f"{stage.address}/fr{path}/progress", timeout=SECONDS).text
            assert _without_tokens(part) in _without_tokens(whole), name


def _without_tokens(text: str) -> str:
    return re.sub('name="csrf_token" value="[^"]*"', "", " ".join(text.split()))


def _check(pages: list[Source], directory: Path) -> None:
    """Ask the checker about all pages at once, and look for what it lets pass."""
    for page in pages:
        _check_source(page)
    files = {}
    for number, page in enumerate(pages):
        file = directory / f"{number}.html"
        file.write_text(page.text, encoding="utf-8")
        files[file.name] = page.address
    checked = subprocess.run(
        [
            "java",
            "-Xss2m",
            # So short a run is over before the second compiler pays.
            "-XX:TieredStopAtLevel=1",
            "-XX:+UseSerialGC",
            "-jar",
            str(CHECKER),
            "--errors-only",
            "--format",
            "json",
            *sorted(map(str, directory.glob("*.html"))),
        ],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"]},
    )
    said = json.loads(checked.stderr)["messages"]
    problems = {
        f"{files[Path(message['url']).name]}: {message['message']} in {message.get('extract', '')!r}"
        for message in said
    }
    assert not problems, "\n".join(sorted(problems)[:20])


def _check_source(page: Source) -> None:
    assert page.text.lstrip().startswith("<!doctype html>"), page.address
    tree = page.tree
    assert tree.xpath("//@style") == [], page.address
    assert tree.xpath("//style") == [], page.address
    assert tree.xpath("//script[not(@src)]") == [], page.address
    handlers = [name for element in tree.iter() for name in element.attrib if name.startswith("on")]
    assert handlers == [], page.address
    names = tree.xpath("//@id")
    assert len(names) == len(set(names)), page.address
    assert tree.findtext("head/title"), page.address
    for address in tree.xpath("//link/@href | //script/@src | //img/@src"):
        assert urlsplit(address).hostname in {None, "127.0.0.1"}, f"{page.address}: {address}"
