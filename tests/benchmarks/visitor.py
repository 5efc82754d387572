"""A visitor over HTTP who fills a basket and orders, for benchmarks that need the pages after that."""

from __future__ import annotations

import subprocess
import sys
from urllib.parse import urljoin, urlsplit

import requests
from lxml import html

from tests.benchmarks.pages import basket_cookie


def ordered(address: str, environment: dict[str, str]) -> tuple[str, str]:
    """The cookie of somebody with a basket, and the path of the finished order of somebody else."""
    with requests.Session() as visitor:
        name, _, value = basket_cookie(address).partition("=")
        visitor.cookies.set(name, value.split(";")[0])
        page = visitor.get(f"{address}/en/checkout", timeout=30)
        details = _hidden(page.text) | {"email": "buyer@example.org", "intent": "contribution"}
        page = visitor.post(f"{address}/en/checkout", data=details, timeout=30)
        agreed = _hidden(page.text) | {"consent": "y"}
        page = visitor.post(f"{address}/en/checkout/review", data=agreed, timeout=30, allow_redirects=False)
        hosted = urljoin(address, urlsplit(page.headers["Location"]).path)
        page = visitor.get(hosted, timeout=30)
        pay = _hidden(page.text) | {"action": "pay"}
        back = visitor.post(hosted, data=pay, timeout=30, allow_redirects=False)
        order = urlsplit(back.headers["Location"]).path.removesuffix("/return")
    subprocess.run([sys.executable, "-m", "flask", "work", "once"], env=environment, check=True, capture_output=True)
    return basket_cookie(address), order


def _hidden(page: str) -> dict[str, str]:
    """What the last form of a page sends along unseen."""
    form = html.fromstring(page).forms[-1]
    return {field.name: field.value for field in form.xpath(".//input[@type='hidden']")}
