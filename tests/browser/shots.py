"""Pictures of every state of every page: `make shots`, or `python -m tests.browser.shots [DIRECTORY]`.

`--only WORD` takes the states with that word in their name, `--language fr` one language, and
`--readme` writes docs/screenshot.png instead.
"""

from __future__ import annotations

import argparse
import base64
import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser

from app.kernel.languages import CODES as LANGUAGES
from tests.browser.browser import Watch, chromium, watched_page
from tests.browser.server import ROOT, Shop, shared_shop
from tests.browser.staged import Stage, staged
from tests.browser.states import STATES

SHOTS = Path(__file__).parent / "shots"
README_SHOT = ROOT / "docs" / "screenshot.png"
SCHEMES = ("light", "dark")
WIDTHS = (1280, 320)
HEIGHT = {1280: 900, 320: 640}
# How much of each page the picture in the README shows, in px from the top.
README_LIST, README_ORDER = 1240, 690


def main() -> None:
    """Take the pictures that the command line asks for."""
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("directory", nargs="?", type=Path, default=SHOTS)
    reader.add_argument("--only", default="")
    reader.add_argument("--language", choices=LANGUAGES)
    reader.add_argument("--readme", action="store_true")
    asked = reader.parse_args()
    logging.disable()
    with _on_stage() as (shop, stage), chromium() as browser:
        if asked.readme:
            take_readme_shot(browser, shop, stage, README_SHOT)
            return
        for language in [asked.language] if asked.language else LANGUAGES:
            for name in STATES:
                if asked.only in name:
                    take(browser, stage, name, language, asked.directory / language)


@contextmanager
def _on_stage() -> Iterator[tuple[Shop, Stage]]:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        with shared_shop(root) as shop, staged(shop.copy_world(root)) as stage:
            yield shop, stage


def take(browser: Browser, stage: Stage, name: str, language: str, directory: Path) -> None:
    """Picture one state in one language, at both widths, light and dark."""
    directory.mkdir(parents=True, exist_ok=True)
    page = watched_page(browser, Watch(), locale=language, reduced_motion="reduce")
    STATES[name](page, stage, language, Watch())
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": HEIGHT[width]})
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            path = directory / f"{name.replace(' ', '-')}-{width}-{scheme}.png"
            page.screenshot(path=path, full_page=True)
    page.context.close()
    print(f"{directory}/{name.replace(' ', '-')}-*.png")


def take_readme_shot(browser: Browser, shop: Shop, stage: Stage, target: Path) -> None:
    """The top of the list as `make run` shows it, and of an order whose units are cancelled."""
    page = watched_page(browser, Watch(), viewport={"width": 1280, "height": 900})
    page.goto(f"{shop.address}/en/")
    tops = [page.screenshot(full_page=True, clip={"x": 0, "y": 0, "width": 1280, "height": README_LIST})]
    STATES["order fulfilled"](page, stage, "en", Watch())
    tops.append(page.screenshot(full_page=True, clip={"x": 0, "y": 0, "width": 1280, "height": README_ORDER}))
    page.goto("about:blank")
    page.set_content(
        "<style>body { margin: 0; background: #8a8d99 } img { display: block; width: 1280px; margin-bottom: 12px }"
        "img:last-child { margin: 0 }</style>"
        + "".join(f'<img src="data:image/png;base64,{base64.b64encode(top).decode()}">' for top in tops)
    )
    target.parent.mkdir(exist_ok=True)
    page.screenshot(path=target, full_page=True)
    page.context.close()
    print(f"{target} ({target.stat().st_size // 1000} kB)")


if __name__ == "__main__":
    main()
