"""Steps of a browser towards a state of a page."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from playwright.sync_api import Error, Page

from tests.browser.browser import Watch

if TYPE_CHECKING:
    from tests.browser.staged import Stage

Reach = Callable[[Page, "Stage", str, Watch], None]


def open_path(page: Page, address: str, path: str, language: str, status: int, watch: Watch) -> None:
    """Open a page whose answer has `status`; the test payment names no language in its addresses."""
    watch.expected.add(status)
    where = path if path.startswith("/testpay/") else f"/{language}{path}"
    try:
        answer = page.goto(address + where)
    except Error as stopped:
        # The page before may renew itself at this very moment, and then goes its own way first.
        if "ERR_ABORTED" not in stopped.message:
            raise
        answer = page.goto(address + where)
    assert answer is not None
    assert answer.status == status, (path, answer.status)


def send(page: Page, ending: str, typed: dict[str, str], watch: Watch, status: int, button: str = "") -> None:
    """Fill in the first form whose address ends so and send it to an answer with `status`."""
    watch.expected.add(status)
    form = page.locator(f"main form[action$='{ending}']").first
    for name, value in typed.items():
        form.locator(f"[name='{name}']").first.fill(value)
    with page.expect_navigation() as waited:
        form.locator(button or "button").last.click()
    assert waited.value is not None
    assert waited.value.status == status, waited.value.status
