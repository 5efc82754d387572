"""A guest with a browser, as light as can be: the machine is to be busy with the shop, not with its buyers.

One connection that is kept, cookies, `Origin` and `Sec-Fetch-Site` as browsers send them, every redirect followed,
every form sent with all its hidden fields. Styles, scripts and pictures are not fetched.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import unescape
from http.client import HTTPConnection
from types import TracebackType
from typing import Self
from urllib.parse import urlencode, urlsplit

SECONDS_TO_ANSWER = 60
SEE_OTHER = 303

_FORMS = re.compile(r'<form\b[^>]*\bmethod="post"[^>]*\baction="([^"]*)"[^>]*>(.*?)</form>', re.DOTALL)
_FIELDS = re.compile(r"<input\b[^>]*>")
_ATTRIBUTES = re.compile(r'\b(type|name|value)="([^"]*)"')


class Refused(AssertionError):
    """The shop said something else than the next step. The status is the first argument."""


class Buyer:
    """Somebody new at the shop at `address`, who buys as a guest. Use as a context, which ends the connection."""

    def __init__(self, address: str, locale: str = "en") -> None:
        parts = urlsplit(address)
        self._origin = address
        self._line = HTTPConnection(parts.hostname or "", parts.port, timeout=SECONDS_TO_ANSWER)
        self._cookies: dict[str, str] = {}
        self._locale = locale
        self._page = ""
        self.at = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._line.close()

    # --- what a buyer does ---------------------------------------------------------------------------

    def look_around(self) -> None:
        """Open the list of projects."""
        self.open(f"/{self._locale}/")

    def fill_basket(self, wanted: Mapping[str, tuple[int, int]]) -> None:
        """Put units into the basket, by project reference as (offer id, units), from each project's page."""
        for reference, (offer_id, units) in wanted.items():
            self.open(f"/{self._locale}/projects/{reference}")
            self.send("/basket/add", {"units": str(units)}, {"offer_id": str(offer_id)})

    def give_details(self, email: str, name: str) -> None:
        """Go to the checkout and say who the certificates are for; ends on the page with the last button."""
        self.send("/basket", {"action": "checkout"})
        self.send(
            "/checkout",
            {"email": email, "beneficiary": name, "purpose": "Heating of 2025", "intent": "contribution"},
        )

    def order(self) -> None:
        """Agree, and press the button that obliges to pay; ends on the payment page. Raises Refused."""
        self.send("/checkout/review", {"consent": "y"})
        if not self.at.startswith("/testpay/"):
            raise Refused(200, self.at)

    def pay(self) -> str:
        """Pay on the payment page and come back; gives the path of the order's page."""
        self.send("/testpay/", {"action": "pay"})
        return self.at

    # --- how ---------------------------------------------------------------------------------------------

    def open(self, path: str) -> str:
        """A page by its path, at the end of all redirects. Raises Refused unless it is there."""
        self._ask("GET", path)
        return self._page

    def send(self, action: str, typed: Mapping[str, str], hidden: Mapping[str, str] | None = None) -> None:
        """Fill in the form of this page that goes to `action` and holds `hidden`, and send it.

        Raises Refused for any other answer than a redirect to the next page.
        """
        for target, body in _FORMS.findall(self._page):
            fields = _hidden_fields(body)
            if action in target and all(fields.get(name) == value for name, value in (hidden or {}).items()):
                self._ask("POST", urlsplit(unescape(target)).path, urlencode({**fields, **typed}))
                return
        raise Refused(0, f"no form for {action} on {self.at}")

    def _ask(self, method: str, path: str, body: str = "") -> None:
        headers = {"Accept": "text/html", "Accept-Language": self._locale, "Sec-Fetch-Site": "same-origin"}
        if self._cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        if body:
            headers |= {"Origin": self._origin, "Content-Type": "application/x-www-form-urlencoded"}
        self._line.request(method, path, body.encode() or None, headers)
        answer = self._line.getresponse()
        page = answer.read()
        for line in answer.headers.get_all("Set-Cookie", []):
            name, _, value = line.partition(";")[0].partition("=")
            self._cookies[name] = value
        self.at = path
        if answer.status == SEE_OTHER:
            self._ask("GET", urlsplit(answer.headers["Location"]).path)
        elif answer.status != 200 or body:
            raise Refused(answer.status, path)
        else:
            self._page = page.decode()


def _hidden_fields(form: str) -> dict[str, str]:
    """What a form sends along: hidden fields, and the numbers that stand in the others."""
    fields = {}
    for tag in _FIELDS.findall(form):
        found = dict(_ATTRIBUTES.findall(tag))
        if "name" in found and found.get("type") in {"hidden", "text", None}:
            fields[found["name"]] = unescape(found.get("value", ""))
    return fields
